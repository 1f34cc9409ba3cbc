#include "net/exchange.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

static int64_t limit_of(int64_t own, int64_t general)
{
    return own ? (own < 0 ? 0 : own) : general;
}

enum net_cause exchange_overdue(const struct http_options *o, const struct http_exchange *x,
                                int64_t heard_ns, int64_t now_ns)
{
    int64_t since = (now_ns - heard_ns) / 1000000, all = (now_ns - x->started_ns) / 1000000;
    int64_t total = limit_of(x->total_ms, o->total_ms);
    int64_t first_byte = limit_of(x->first_byte_ms, o->first_byte_ms);
    if (total && all >= total)
        return NET_TOTAL_TIMEOUT;
    if (!x->sent)
        return o->connect_ms && since >= o->connect_ms ? NET_CONNECT_TIMEOUT : NET_OK;
    if (!x->first_byte_ns)
        return first_byte && since >= first_byte ? NET_FIRST_BYTE_TIMEOUT : NET_OK;
    return o->idle_ms && since >= o->idle_ms ? NET_IDLE_TIMEOUT : NET_OK;
}

int exchange_open_file(struct http_exchange *x, int *fd, int64_t *size, struct error *error)
{
    struct stat st;
    const char *path = x->body_file;
    for (const struct http_form *f = x->form; f && f->name && !path; f++)
        path = f->file;
    *fd = -1;
    *size = 0;
    if (!path)
        return 0;
    *fd = open(path, O_RDONLY | O_CLOEXEC);
    if (*fd < 0 || fstat(*fd, &st)) {
        error_system(error, errno, "%s", path);
        if (*fd >= 0)
            close(*fd);
        *fd = -1;
        return -1;
    }
    *size = st.st_size;
    return 0;
}

size_t exchange_read_file(int fd, char *out, size_t room)
{
    ssize_t n;
    do
        n = read(fd, out, room);
    while (n < 0 && errno == EINTR);
    return n < 0 ? (size_t)-1 : (size_t)n;
}

int exchange_rewind_file(int fd, int64_t offset)
{
    return lseek(fd, (off_t)offset, SEEK_SET) < 0 ? -1 : 0;
}

bool http_redirect(const struct http_exchange *x, char *out, size_t size)
{
    struct slice head = buf_view(&x->head), where = {NULL, 0};
    char line[120];
    if (x->cause != NET_OK || x->status < 300 || x->status > 399)
        return false;
    for (const char *p = head.data, *end = p + head.len; head.len && p < end;) {
        const char *eol = memchr(p, '\n', (size_t)(end - p)), *stop = eol ? eol : end;
        if ((size_t)(stop - p) > 9 && !strncasecmp(p, "location:", 9))
            where = slice_trim(slice_from(p + 9, (size_t)(stop - p) - 9));
        p = eol ? eol + 1 : end;
    }
    net_line(where.data ? where : SLICE("another place"), line, sizeof line);
    snprintf(out, size,
             "status %d: the server sends us to %s, and no key goes there by itself; if that is "
             "right, put it into teacher.base_url",
             x->status, line);
    return true;
}

void http_exchange_clear(struct http_exchange *x)
{
    buf_free(&x->head);
    buf_free(&x->reply);
    x->cause = NET_OK;
    x->status = 0;
    x->sent = false;
    x->started_ns = x->connected_ns = x->first_byte_ns = x->ended_ns = 0;
    x->message[0] = '\0';
}
