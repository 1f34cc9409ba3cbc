/* Lines of a file or pipe, through one buffer that grows to the longest line. */
#include "core/file.h"

#include "core/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { FIRST_BYTES = 256 * 1024 };

/* data[from, to) is read and not yet handed out. */
struct file_lines {
    char *name;
    int fd;
    char *data;
    size_t from, to, cap, max;
    uint64_t number, offset;
    bool end, skipping;
};

struct file_lines *file_lines_open(const char *path, size_t max, struct error *error)
{
    const bool standard = strcmp(path, "-") == 0;
    const int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    struct file_lines *f;
    if (fd < 0) {
        error_system(error, errno, "%s: cannot open", path);
        return NULL;
    }
    f = mem_zero(1, sizeof *f);
    f->name = mem_strdup(standard ? "standard input" : path);
    f->fd = fd;
    f->max = max;
    f->cap = FIRST_BYTES;
    f->data = mem_alloc(f->cap);
    return f;
}

void file_lines_close(struct file_lines *f)
{
    if (f == NULL)
        return;
    if (f->fd != STDIN_FILENO)
        close(f->fd);
    mem_free(f->name);
    mem_free(f->data);
    mem_free(f);
}

uint64_t file_lines_number(const struct file_lines *f)
{
    return f->number;
}

uint64_t file_lines_offset(const struct file_lines *f)
{
    return f->offset;
}

/* Read more behind `to`; 1 got some, 0 end, -1 failure. */
static int fill(struct file_lines *f, struct error *error)
{
    ssize_t n;
    if (f->from != 0 && f->to == f->cap) {
        memmove(f->data, f->data + f->from, f->to - f->from);
        f->to -= f->from;
        f->from = 0;
    }
    if (f->to == f->cap) {
        f->cap *= 2;
        f->data = mem_grow(f->data, f->cap, 1);
    }
    do {
        n = read(f->fd, f->data + f->to, f->cap - f->to);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return error_system(error, errno, "%s: cannot read", f->name);
    f->to += (size_t)n;
    return n > 0;
}

/* Hand out `len` bytes as the next line and step over them and their newline. */
static void take_line(struct file_lines *f, size_t len, size_t step, struct slice *line)
{
    *line = slice_from(f->data + f->from, len);
    if (step > len && len != 0 && line->data[len - 1] == '\r')
        line->len--;
    f->from += step;
    f->offset += step;
    f->number++;
}

/* Drop what has been read of a line that is too long; the rest is skipped as it comes. */
static int too_long(struct file_lines *f, struct error *error)
{
    f->number++;
    return error_set(error, ERROR_LIMIT, "%s:%llu: line longer than %zu bytes", f->name,
                     (unsigned long long)f->number, f->max);
}

/* After a line that was too long: move to behind its newline. 1 there, 0 end, -1 failure. */
static int skip_rest(struct file_lines *f, struct error *error)
{
    for (;;) {
        const size_t have = f->to - f->from;
        const char *start = f->data + f->from;
        const char *hit = have != 0 ? memchr(start, '\n', have) : NULL;
        const size_t step = hit != NULL ? (size_t)(hit - start) + 1 : have;
        int rc;
        f->offset += step;
        f->from += step;
        if (hit != NULL)
            return 1;
        f->from = f->to = 0;
        rc = fill(f, error);
        if (rc <= 0)
            return rc;
    }
}

int file_lines_next(struct file_lines *f, struct slice *line, struct error *error)
{
    size_t searched = 0;
    if (f->skipping) {
        const int rc = skip_rest(f, error);
        if (rc <= 0)
            return rc;
        f->skipping = false;
    }
    for (;;) {
        const size_t have = f->to - f->from;
        const char *start = f->data + f->from;
        const char *hit = have > searched ? memchr(start + searched, '\n', have - searched) : NULL;
        const size_t len = hit != NULL ? (size_t)(hit - start) : have;
        int rc;
        if (len > f->max) {
            f->skipping = true;
            return too_long(f, error);
        }
        if (hit != NULL || (f->end && have != 0)) {
            take_line(f, len, hit != NULL ? len + 1 : len, line);
            return 1;
        }
        if (f->end)
            return 0;
        searched = have;
        rc = fill(f, error);
        if (rc < 0)
            return -1;
        f->end = rc == 0;
    }
}
