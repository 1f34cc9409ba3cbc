/*
 * Strings that know where their bytes came from.
 */
#include "model/chat/jinja.h"

#include "core/mem.h"
#include "core/vec.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void *jinja_alloc(struct jinja *j, size_t size)
{
    static const size_t spare = 64;
    j->memory += size + 16;
    if (j->memory > JINJA_MEMORY && !j->failed) {
        j->failed = true;
        error_set(j->error, ERROR_LIMIT, "line %d: the template makes more than %d MB", j->line,
                  JINJA_MEMORY >> 20);
    }
    /* a caller that goes on after the failure still gets what it asked for; it stops soon */
    return arena_alloc(&j->arena, size != 0 ? size : spare);
}

struct jinja_value jinja_error(struct jinja *j, const char *format, ...)
{
    char text[700];
    va_list ap;
    if (!j->failed) {
        va_start(ap, format);
        (void)vsnprintf(text, sizeof text, format, ap);
        va_end(ap);
        error_set(j->error, ERROR_INPUT, "line %d: %s", j->line, text);
    }
    j->failed = true;
    return JINJA_UNDEFINED;
}

static struct jinja_value wrap(struct jinja *j, const char *data, size_t len,
                               const struct jinja_mark *marks, size_t n_marks)
{
    struct jinja_string *s = jinja_alloc(j, sizeof *s);
    *s = (struct jinja_string){data, len, marks, n_marks};
    return (struct jinja_value){.kind = JV_STRING, .as.string = s};
}

struct jinja_value jinja_string(struct jinja *j, struct slice s)
{
    return wrap(j, s.data, s.len, NULL, 0);
}

struct jinja_value jinja_text(struct jinja *j, const char *text)
{
    return jinja_string(j, slice_of(text));
}

struct slice jinja_slice(struct jinja_value v)
{
    if (v.kind != JV_STRING)
        return (struct slice){"", 0};
    return (struct slice){v.as.string->data, v.as.string->len};
}

struct jinja_value jinja_concat(struct jinja *j, struct jinja_value a, struct jinja_value b)
{
    const struct jinja_string *x = a.as.string, *y = b.as.string;
    size_t n = x->n_marks + y->n_marks;
    struct jinja_mark *marks;
    char *data;
    if (x->len + y->len > JINJA_MEMORY)
        return jinja_error(j, "a string is too long");
    data = jinja_alloc(j, x->len + y->len + 1);
    marks = n != 0 ? jinja_alloc(j, n * sizeof *marks) : NULL;
    memcpy(data, x->data, x->len);
    memcpy(data + x->len, y->data, y->len);
    for (size_t i = 0; i < n; i++) {
        marks[i] = i < x->n_marks ? x->marks[i] : y->marks[i - x->n_marks];
        if (i >= x->n_marks) {
            marks[i].begin += (uint32_t)x->len;
            marks[i].end += (uint32_t)x->len;
        }
    }
    return wrap(j, data, x->len + y->len, marks, n);
}

/* Does the part [begin, end) keep the mark?  An empty mark, or one that an empty part touches, is
 * kept: a reply may be empty, and its place still matters. */
static bool keeps(const struct jinja_mark *m, size_t begin, size_t end)
{
    if (m->begin == m->end || begin == end)
        return m->begin <= end && m->end >= begin;
    return m->begin < end && m->end > begin;
}

struct jinja_value jinja_sub(struct jinja *j, struct jinja_value v, size_t begin, size_t end)
{
    const struct jinja_string *s = v.as.string;
    struct jinja_mark *marks = NULL;
    size_t n = 0;
    if (s->n_marks != 0)
        marks = jinja_alloc(j, s->n_marks * sizeof *marks);
    for (size_t i = 0; i < s->n_marks; i++) {
        struct jinja_mark m = s->marks[i];
        if (!keeps(&m, begin, end))
            continue;
        m.begin = m.begin > begin ? m.begin - (uint32_t)begin : 0;
        m.end = (m.end < end ? m.end : (uint32_t)end);
        m.end = m.end > begin ? m.end - (uint32_t)begin : 0;
        marks[n++] = m;
    }
    return wrap(j, s->data + begin, end - begin, marks, n);
}

/* --- output ----------------------------------------------------------------------------- */

void jinja_out_text(struct jinja_out *out, struct slice s)
{
    if (out->text.max == 0)
        out->text = BUF_MAX(JINJA_MEMORY);
    buf_slice(&out->text, s);
}

static void out_mark(struct jinja_out *out, struct jinja_mark m)
{
    struct jinja_mark *last = out->n != 0 ? &out->marks[out->n - 1] : NULL;
    if (last != NULL && last->end == m.begin && last->message == m.message &&
        last->field == m.field) {
        last->end = m.end;
        return;
    }
    out->marks = vec_reserve(out->marks, &out->cap, out->n + 1, sizeof *out->marks);
    out->marks[out->n++] = m;
}

void jinja_out_add(struct jinja_out *out, const struct jinja_string *s)
{
    uint32_t at = (uint32_t)out->text.len;
    jinja_out_text(out, (struct slice){s->data, s->len});
    if (out->text.full)
        return;
    for (size_t i = 0; i < s->n_marks; i++) {
        struct jinja_mark m = s->marks[i];
        m.begin += at;
        m.end += at;
        out_mark(out, m);
    }
}

struct jinja_value jinja_taken(struct jinja *j, struct jinja_out *out)
{
    char *data = jinja_alloc(j, out->text.len + 1);
    struct jinja_mark *marks = out->n != 0 ? jinja_alloc(j, out->n * sizeof *marks) : NULL;
    size_t len = out->text.len, n = out->n;
    if (out->text.full)
        return jinja_error(j, "the text is too long");
    if (len != 0)
        memcpy(data, out->text.data, len);
    if (n != 0)
        memcpy(marks, out->marks, n * sizeof *marks);
    out->n = 0;
    buf_clear(&out->text);
    return wrap(j, data, len, marks, n);
}

void jinja_out_free(struct jinja_out *out)
{
    buf_free(&out->text);
    mem_free(out->marks);
    *out = (struct jinja_out){0};
}
