#include "train/tfevents.h"

#include "core/clock.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { TAG_MAX = 256 }; /* longest tag we write; keeps every length in two varint bytes */

struct tfevents {
    int fd;
    char *path;
};

static void put_u32(struct buf *out, uint32_t x)
{
    unsigned char b[4] = {(unsigned char)x, (unsigned char)(x >> 8), (unsigned char)(x >> 16),
                          (unsigned char)(x >> 24)};
    buf_add(out, b, sizeof b);
}

static void put_u64(struct buf *out, uint64_t x)
{
    put_u32(out, (uint32_t)x);
    put_u32(out, (uint32_t)(x >> 32));
}

static void put_varint(struct buf *out, uint64_t x)
{
    while (x >= 0x80) {
        buf_char(out, (char)(x | 0x80));
        x >>= 7;
    }
    buf_char(out, (char)x);
}

/* A length-delimited field: its key byte, its length, its bytes. */
static void put_field(struct buf *out, char key, const char *data, size_t len)
{
    buf_char(out, key);
    put_varint(out, len);
    buf_add(out, data, len);
}

static void put_double(struct buf *out, char key, double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    buf_char(out, key);
    put_u64(out, bits);
}

static void put_float(struct buf *out, char key, float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    buf_char(out, key);
    put_u32(out, bits);
}

static uint32_t masked(const struct buf *b, size_t from)
{
    uint32_t crc = crc32c(0, b->data + from, b->len - from);
    return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

/* Event.summary = Summary{ value = Value{ tag, simple_value } } */
static void put_summary(struct buf *event, const char *tag, float value)
{
    struct buf inner = BUF_MAX(TAG_MAX + 32), summary = BUF_MAX(TAG_MAX + 64);
    put_field(&inner, 0x0a, tag, strnlen(tag, TAG_MAX));
    put_float(&inner, 0x15, value);
    put_field(&summary, 0x0a, inner.data, inner.len);
    put_field(event, 0x2a, summary.data, summary.len);
    buf_free(&inner);
    buf_free(&summary);
}

int tfevents_record(struct buf *out, double wall_s, const char *tag, uint64_t step, float value)
{
    struct buf event = BUF_MAX(TAG_MAX + 128);
    size_t head = out->len;
    put_double(&event, 0x09, wall_s);
    if (tag == NULL) {
        put_field(&event, 0x1a, "brain.Event:2", 13);
    } else {
        if (step != 0) {
            buf_char(&event, 0x10);
            put_varint(&event, step);
        }
        put_summary(&event, tag, value);
    }
    put_u64(out, event.len);
    if (out->data != NULL)
        put_u32(out, masked(out, head));
    buf_add(out, event.data, event.len);
    put_u32(out, masked(&event, 0));
    buf_free(&event);
    return out->full ? -1 : 0;
}

static int append(struct tfevents *t, const char *tag, uint64_t step, float value,
                  struct error *error)
{
    struct buf record = BUF_MAX(TAG_MAX + 256);
    ssize_t wrote;
    int status = 0;
    tfevents_record(&record, (double)clock_wall_ms() / 1e3, tag, step, value);
    do
        wrote = write(t->fd, record.data, record.len);
    while (wrote < 0 && errno == EINTR);
    if (wrote != (ssize_t)record.len)
        status = error_system(error, wrote < 0 ? errno : ENOSPC, "%s", t->path);
    buf_free(&record);
    return status;
}

struct tfevents *tfevents_open(const char *folder, struct error *error)
{
    struct tfevents *t = mem_zero(1, sizeof *t);
    char host[64] = "host", name[160];
    if (gethostname(host, sizeof host) != 0 || host[0] == '\0')
        memcpy(host, "host", 5);
    host[sizeof host - 1] = '\0';
    t->fd = -1;
    if (file_make_dir(folder, error) != 0)
        goto fail;
    for (int n = 0; t->fd < 0 && n < 1000; n++) {
        struct buf b = BUF_MAX(sizeof name - 1);
        buf_printf(&b, "events.out.tfevents.%lld.%s.%ld.%d", (long long)(clock_wall_ms() / 1000),
                   host, (long)getpid(), n);
        mem_free(t->path);
        t->path = file_join(folder, buf_text(&b));
        buf_free(&b);
        t->fd = open(t->path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
        if (t->fd < 0 && errno != EEXIST)
            break;
    }
    if (t->fd < 0) {
        error_system(error, errno, "%s", t->path);
        goto fail;
    }
    if (append(t, NULL, 0, 0.0F, error) == 0)
        return t;
fail:
    (void)tfevents_close(t, NULL);
    return NULL;
}

int tfevents_scalar(struct tfevents *t, const char *tag, uint64_t step, float value,
                    struct error *error)
{
    return append(t, tag, step, value, error);
}

int tfevents_close(struct tfevents *t, struct error *error)
{
    int status = 0;
    if (t == NULL)
        return 0;
    if (t->fd >= 0 && close(t->fd) != 0)
        status = error_system(error, errno, "%s", t->path);
    mem_free(t->path);
    mem_free(t);
    return status;
}
