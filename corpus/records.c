#include "corpus/records.h"

#include "core/mem.h"
#include "core/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

enum { FIRST_WINDOW = 256 << 10, PATIENCE_MS = 100 };

/*
 *   data      start            scanned        end        cap
 *    │ consumed │ the record so far │ not looked at │ free │
 */
struct records {
    char *path;
    int fd;
    char *data;
    size_t start, scanned, end, cap, max;
    atomic_bool cancelled;
    bool at_end; /* the file gives no more */
    enum { BEGIN, LINES, FIRST_ELEMENT, ELEMENT, SEPARATOR, TAIL, END } state;
    uint64_t consumed; /* bytes before data */
    uint64_t line;     /* of data[start] */
    uint64_t began;    /* line of the last record */
    size_t given;      /* its length with what ends it: dropped by the next call */
};

struct records *records_open(const char *path, size_t max, struct error *error)
{
    struct records *r = mem_zero(1, sizeof *r);
    r->fd = STDIN_FILENO;
    if (strcmp(path, "-") != 0)
        r->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (r->fd < 0) {
        error_system(error, errno, "%s", path);
        mem_free(r);
        return NULL;
    }
    r->path = mem_strdup(strcmp(path, "-") == 0 ? "standard input" : path);
    r->max = max;
    r->line = r->began = 1;
    r->cap = max + 2 < FIRST_WINDOW ? max + 2 : FIRST_WINDOW;
    r->data = mem_alloc(r->cap);
    return r;
}

void records_close(struct records *r)
{
    if (r == NULL)
        return;
    if (r->fd != STDIN_FILENO)
        close(r->fd);
    mem_free(r->data);
    mem_free(r->path);
    mem_free(r);
}

uint64_t records_line(const struct records *r)
{
    return r->began;
}

uint64_t records_offset(const struct records *r)
{
    return r->consumed + r->start + r->given;
}

/* A pipe may stay silent for long: look up from time to time. */
static int wait_for_input(struct records *r, struct error *error)
{
    struct pollfd p = {.fd = r->fd, .events = POLLIN};
    while (poll(&p, 1, PATIENCE_MS) == 0 || (p.revents == 0 && errno == EINTR))
        if (signals_draining() || atomic_load(&r->cancelled))
            return error_set(error, ERROR_INTERRUPTED, "%s: interrupted", r->path);
    return 0;
}

bool records_waiting(const struct records *r)
{
    struct pollfd p = {.fd = r->fd, .events = POLLIN};
    return r->start + r->given == r->end && !r->at_end && poll(&p, 1, 0) == 0;
}

void records_cancel(struct records *r)
{
    atomic_store(&r->cancelled, true);
}

/* Read more behind `end`: 1, 0 when the file or the room (a record over the maximum) is at its end,
 * -1.  Moves the window, so callers hold offsets from start only. */
static int fill(struct records *r, struct error *error)
{
    ssize_t n;
    if (r->at_end)
        return 0;
    if (r->end == r->cap && r->start != 0) {
        memmove(r->data, r->data + r->start, r->end - r->start);
        r->consumed += r->start;
        r->end -= r->start;
        r->scanned -= r->start;
        r->start = 0;
    }
    if (r->end == r->cap) {
        if (r->cap >= r->max + 2)
            return 0;
        r->cap = r->cap < r->max / 2 ? 2 * r->cap : r->max + 2;
        r->data = mem_grow(r->data, r->cap, 1);
    }
    if (wait_for_input(r, error) != 0)
        return -1;
    do
        n = read(r->fd, r->data + r->end, r->cap - r->end);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return error_system(error, errno, "%s", r->path);
    if (n == 0)
        r->at_end = true;
    r->end += (size_t)n;
    return n != 0;
}

static uint64_t count_lines(const char *data, size_t len)
{
    uint64_t n = 0;
    for (const char *end = data + len; (data = memchr(data, '\n', (size_t)(end - data))) != NULL;
         data++)
        n++;
    return n;
}

/* Done with `len` bytes at start. */
static void drop(struct records *r, size_t len)
{
    r->line += count_lines(r->data + r->start, len);
    r->start += len;
    r->scanned = r->start;
}

/* ---- lines ---- */

/* Find the end of the line: 1 found (scanned stands on it), 0 not in the window, -1. */
static int find_line_end(struct records *r, struct error *error)
{
    for (;;) {
        const char *nl = memchr(r->data + r->scanned, '\n', r->end - r->scanned);
        int rc;
        r->scanned = nl != NULL ? (size_t)(nl - r->data) : r->end;
        if (nl != NULL)
            return 1;
        rc = fill(r, error);
        if (rc <= 0)
            return rc;
    }
}

static int too_long(struct records *r, struct error *error)
{
    return error_set(error, ERROR_LIMIT, "a record of more than %zu MB", r->max >> 20);
}

static int skip_line(struct records *r, struct error *error)
{
    int rc = 0;
    while (rc == 0 && !r->at_end) {
        drop(r, r->end - r->start);
        rc = find_line_end(r, error);
    }
    if (rc < 0)
        return -1;
    drop(r, r->scanned + (rc == 1) - r->start);
    return too_long(r, error);
}

static bool is_blank(struct slice s)
{
    return slice_trim(s).len == 0;
}

static int next_line(struct records *r, struct slice *text, struct error *error)
{
    for (;;) {
        int rc = find_line_end(r, error);
        if (rc < 0)
            return -1;
        r->began = r->line;
        if (r->scanned - r->start > r->max)
            return skip_line(r, error);
        if (r->scanned == r->start && rc == 0)
            return 0;
        *text = slice_from(r->data + r->start, r->scanned - r->start);
        r->given = text->len + (rc == 1);
        if (text->len != 0 && text->data[text->len - 1] == '\r')
            text->len--;
        if (!is_blank(*text))
            return 1;
        drop(r, r->given);
        r->given = 0;
    }
}

/* ---- elements of an array ---- */

/* The next byte that is not a space, left in place: the byte, -1 at the end, -2 on failure. */
static int peek(struct records *r, struct error *error)
{
    for (;;) {
        size_t i = r->start;
        while (i < r->end && strchr(" \t\r\n", r->data[i]) != NULL && r->data[i] != '\0')
            i++;
        drop(r, i - r->start);
        if (r->start < r->end)
            return (unsigned char)r->data[r->start];
        switch (fill(r, error)) {
        case 0: return -1;
        case -1: return -2;
        default: break;
        }
    }
}

struct bounds {
    int depth;
    bool in_string, escaped;
};

/* Look at what has come in: true when the value ends at `scanned`. */
static bool value_ends(struct records *r, struct bounds *b)
{
    for (; r->scanned < r->end; r->scanned++) {
        char c = r->data[r->scanned];
        if (b->in_string) {
            if (b->escaped)
                b->escaped = false;
            else if (c == '\\')
                b->escaped = true;
            else if (c == '"')
                b->in_string = false;
            else
                continue;
            if (!b->in_string && b->depth == 0) {
                r->scanned++;
                return true;
            }
        } else if (c == '"') {
            b->in_string = true;
        } else if (c == '{' || c == '[') {
            b->depth++;
        } else if (b->depth != 0) {
            if ((c == '}' || c == ']') && --b->depth == 0) {
                r->scanned++;
                return true;
            }
        } else if (strchr(",]} \t\r\n", c) != NULL && r->scanned != r->start) {
            return true; /* behind a bare word or number */
        }
    }
    return false;
}

static int next_value(struct records *r, struct slice *text, struct error *error)
{
    struct bounds b = {0, false, false};
    bool over = false;
    r->began = r->line;
    while (!value_ends(r, &b)) {
        int rc = fill(r, error);
        if (rc < 0)
            return -1;
        if (rc == 0 && r->at_end) {
            r->state = END;
            drop(r, r->end - r->start);
            return error_set(error, ERROR_INPUT, "the file ends inside this record");
        }
        if (rc == 0) { /* too long: go on without keeping it */
            over = true;
            drop(r, r->end - r->start);
        }
    }
    r->state = SEPARATOR;
    if (over || r->scanned - r->start > r->max) {
        drop(r, r->scanned - r->start);
        return too_long(r, error);
    }
    *text = slice_from(r->data + r->start, r->scanned - r->start);
    r->given = text->len;
    return 1;
}

static int fault(struct records *r, const char *what, struct error *error)
{
    r->began = r->line;
    return error_set(error, ERROR_INPUT, "%s", what);
}

static int next_element(struct records *r, struct slice *text, struct error *error)
{
    int c = peek(r, error);
    if (c == -2)
        return -1;
    if (c == -1 && r->state != TAIL) {
        r->state = END;
        return fault(r, "the array does not end: the file is cut short", error);
    }
    if (r->state == TAIL) {
        r->state = END;
        return c == -1 ? 0 : fault(r, "text behind the end of the array is left out", error);
    }
    if (c == ']') {
        bool comma = r->state == ELEMENT;
        r->state = TAIL;
        drop(r, 1);
        return comma ? fault(r, "a comma before the ] that ends the array", error)
                     : next_element(r, text, error);
    }
    if (r->state == SEPARATOR) {
        r->state = ELEMENT;
        if (c != ',')
            return fault(r, "expected a comma between two records", error);
        drop(r, 1);
        return next_element(r, text, error);
    }
    return next_value(r, text, error);
}

/* ---- both ---- */

/* Behind a byte order mark, what does the file hold? */
static int begin(struct records *r, struct error *error)
{
    int rc = 1;
    while (rc == 1 && r->end - r->start < 3)
        rc = fill(r, error);
    if (rc < 0)
        return -1;
    if (r->end >= 2 && (memcmp(r->data, "\xFF\xFE", 2) == 0 || memcmp(r->data, "\xFE\xFF", 2) == 0))
        return error_set(error, ERROR_FAILED,
                         "%s: UTF-16, not UTF-8; convert it first: iconv -f UTF-16 -t UTF-8",
                         r->path);
    if (r->end >= 3 && memcmp(r->data, "\xEF\xBB\xBF", 3) == 0)
        drop(r, 3);
    rc = peek(r, error);
    if (rc == -2)
        return -1;
    r->state = rc == '[' ? FIRST_ELEMENT : LINES;
    if (rc == '[')
        drop(r, 1);
    return 0;
}

int records_next(struct records *r, struct slice *text, struct error *error)
{
    drop(r, r->given);
    r->given = 0;
    if (r->state == BEGIN && begin(r, error) != 0)
        return -1;
    if (r->state == END)
        return 0;
    return r->state == LINES ? next_line(r, text, error) : next_element(r, text, error);
}
