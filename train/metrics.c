#include "train/metrics.h"

#include "core/buf.h"
#include "core/file.h"
#include "core/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1 << 20 };

struct metrics {
    int fd;
    char *path;
};

/* The lines of the file whose step is at most `through`, rewritten as the whole file. */
static int keep_through(const char *path, uint64_t through, struct error *error)
{
    struct file_lines *lines = file_lines_open(path, LINE_MAX_BYTES, error);
    struct buf kept = BUF;
    struct slice line;
    int status = -1, more;
    if (lines == NULL)
        return -1;
    while ((more = file_lines_next(lines, &line, error)) > 0) {
        struct json *j = json_parse(line, 0, NULL);
        int64_t step = -1;
        if (json_integer(json_get(j, "step"), &step) == 0 && step >= 0 &&
            (uint64_t)step <= through) {
            buf_slice(&kept, line);
            buf_char(&kept, '\n');
        }
        json_free(j);
    }
    if (more == 0)
        status = file_replace(path, buf_view(&kept), error);
    file_lines_close(lines);
    buf_free(&kept);
    return status;
}

struct metrics *metrics_open(const char *path, uint64_t through, struct error *error)
{
    struct metrics *m;
    int fd;
    if (file_exists(path)) {
        int status = through != 0 ? keep_through(path, through, error)
                                  : file_replace(path, SLICE(""), error);
        if (status != 0)
            return NULL;
    }
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0) {
        error_system(error, errno, "%s", path);
        return NULL;
    }
    m = mem_zero(1, sizeof *m);
    m->fd = fd;
    m->path = mem_strdup(path);
    return m;
}

int metrics_add(struct metrics *m, const struct json *line, struct error *error)
{
    struct buf text = BUF_MAX(LINE_MAX_BYTES);
    size_t done = 0;
    int status = 0;
    json_write(line, 0, &text);
    buf_char(&text, '\n');
    while (status == 0 && done < text.len) {
        ssize_t n = write(m->fd, text.data + done, text.len - done);
        if (n > 0)
            done += (size_t)n;
        else if (n == 0 || errno != EINTR)
            status = error_system(error, n == 0 ? ENOSPC : errno, "%s", m->path);
    }
    buf_free(&text);
    return status;
}

void metrics_close(struct metrics *m)
{
    if (m == NULL)
        return;
    (void)close(m->fd);
    mem_free(m->path);
    mem_free(m);
}
