/*
 * Imported files: the bounds of records (lines or an array), each format's reader, and every
 * writer on what was read.  What a writer writes must be JSON, and read again it must be the same
 * sample.
 */
#include "core/arena.h"
#include "core/json.h"
#include "corpus/format.h"
#include "corpus/records.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int ok)
{
    if (!ok)
        abort();
}

static int read_as(const struct format *f, const struct json *json, struct arena *arena,
                   struct sample *s)
{
    struct record r = {.json = json, .arena = arena};
    *s = (struct sample){.id = 1};
    if (f == NULL)
        f = format_of(&r);
    if (f == NULL || f->read == NULL || record_id(&r, s, NULL) != 0 || f->read(&r, s, NULL) != 0)
        return -1;
    return record_meta(&r, s, NULL);
}

/* Lossless formats give the same sample again. */
static void round_trip(const struct sample *s, const struct format *f)
{
    struct buf out = BUF, again = BUF;
    struct arena arena = ARENA;
    struct error e = {0};
    struct sample t;
    struct json *json;
    if (f->write(NULL, s, &out, &e) != 1) {
        must(e.text[0] != '\0');
        buf_free(&out);
        return;
    }
    json = json_parse(buf_view(&out), 0, &e);
    must(json != NULL);
    if (f == &format_jsonl) {
        must(read_as(f, json, &arena, &t) == 0);
        must(f->write(NULL, &t, &again, &e) == 1);
        must(slice_equal(buf_view(&out), buf_view(&again)));
    }
    json_free(json);
    arena_free(&arena);
    buf_free(&out);
    buf_free(&again);
}

static void one_record(struct slice text)
{
    struct arena arena = ARENA;
    struct sample s;
    struct json *json = json_parse(text, JSON_REPAIR, NULL);
    for (const struct format *const *f = formats; json != NULL && *f != NULL; f++) {
        if ((*f)->read == NULL || json_type(json) != JSON_OBJECT ||
            read_as(*f, json, &arena, &s) != 0)
            continue;
        for (const struct format *const *w = formats; *w != NULL; w++)
            if (*w != &format_decisions)
                round_trip(&s, *w);
    }
    json_free(json);
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    static char path[32];
    struct records *r;
    struct slice text;
    struct error e = {0};
    uint64_t before = 0;
    int rc;
    if (fd < 0) {
        FILE *f = tmpfile();
        must(f != NULL);
        fd = fileno(f);
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    if (ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
        return 0;
    r = records_open(path, 4096, &e);
    must(r != NULL);
    while ((rc = records_next(r, &text, &e)) != 0) {
        must(records_line(r) != 0);
        if (rc == 1) {
            must(text.len <= 4096);
            one_record(text);
        } else if (e.code != ERROR_INPUT && e.code != ERROR_LIMIT) {
            break;
        }
        must(records_offset(r) <= size);
        must(records_offset(r) >= before);
        before = records_offset(r);
    }
    records_close(r);
    return 0;
}
