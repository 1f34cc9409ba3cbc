#include "net/sse.h"

static void take_line(struct sse *s)
{
    struct slice line = buf_view(&s->line);
    if (slice_starts(line, "data:")) {
        line = slice_sub(line, 5, line.len);
        if (line.len != 0 && line.data[0] == ' ')
            line = slice_sub(line, 1, line.len);
        if (s->any)
            buf_char(&s->data, '\n');
        buf_slice(&s->data, line);
        s->any = true;
    }
    buf_clear(&s->line);
}

/* A line has ended; true where it was the empty one behind an event. */
static bool end_line(struct sse *s)
{
    const bool blank = s->line.len == 0;
    take_line(s);
    if (s->data.full)
        s->full = true;
    return blank && s->any;
}

/* Bytes up to the end of the line or of what there is. */
static size_t run_of(struct slice bytes)
{
    size_t n = 0;
    while (n < bytes.len && bytes.data[n] != '\r' && bytes.data[n] != '\n')
        n++;
    return n;
}

void sse_add(struct sse *s, struct slice bytes, sse_fn *fn, void *context)
{
    bool more = true;
    while (bytes.len != 0 && more && !s->full) {
        const bool twin = s->after_cr && bytes.data[0] == '\n'; /* the LF of a CRLF */
        const size_t run = twin ? 0 : run_of(bytes);
        const bool ends = run < bytes.len;
        s->after_cr = !twin && ends && bytes.data[run] == '\r';
        buf_add(&s->line, bytes.data, run);
        s->full = s->line.full;
        bytes = slice_sub(bytes, run + ends, bytes.len);
        if (twin || !ends || s->full || !end_line(s))
            continue;
        more = fn(context, buf_view(&s->data));
        buf_clear(&s->data);
        s->any = false;
    }
}

void sse_free(struct sse *s)
{
    buf_free(&s->line);
    buf_free(&s->data);
}
