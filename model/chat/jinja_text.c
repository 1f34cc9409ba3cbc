/*
 * Values as text: Python's str() and repr(), and json.dumps.  A text made of several values is
 * marked as one when any of them is.
 */
#include "model/chat/jinja.h"

#include "core/unicode.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_NESTING = 200 };

struct writer {
    struct jinja *j;
    struct jinja_out out;
    struct jinja_mark mark;
    bool marked;
    int depth;
    const struct jinja_json_form *form; /* NULL: repr */
};

static void add(struct writer *w, const char *text)
{
    jinja_out_text(&w->out, slice_of(text));
}

static bool enter(struct writer *w)
{
    if (++w->depth > TEXT_NESTING)
        jinja_error(w->j, "a value is nested too deeply");
    return !w->j->failed;
}

/* --- numbers ---------------------------------------------------------------------------- */

/* The shortest digits that read back as the same number, as Python writes them. */
static void float_text(double x, char out[64])
{
    char digits[40], *e;
    int precision = 1, exponent;
    if (isnan(x) || isinf(x)) {
        (void)snprintf(out, 64, "%s", isnan(x) ? "nan" : x > 0 ? "inf" : "-inf");
        return;
    }
    for (; precision < 17; precision++) {
        double back;
        (void)snprintf(digits, sizeof digits, "%.*e", precision - 1, x);
        back = strtod(digits, NULL);
        if (!(back < x) && !(back > x))
            break;
    }
    (void)snprintf(digits, sizeof digits, "%.*e", precision - 1, x);
    e = strchr(digits, 'e');
    exponent = e != NULL ? (int)strtol(e + 1, NULL, 10) : 0;
    if (exponent < -4 || exponent >= 16) {
        *e = '\0';
        (void)snprintf(out, 64, "%se%c%02d", digits, exponent < 0 ? '-' : '+', abs(exponent));
        return;
    }
    /* as many decimals as there are digits left, but one at least */
    (void)snprintf(out, 64, "%.*f", precision - 1 > exponent ? precision - 1 - exponent : 1, x);
}

static void scalar(struct writer *w, struct jinja_value v)
{
    char text[64];
    bool json = w->form != NULL;
    if (v.kind == JV_NONE) {
        add(w, json ? "null" : "None");
    } else if (v.kind == JV_BOOL) {
        add(w, json ? (v.as.truth ? "true" : "false") : v.as.truth ? "True" : "False");
    } else if (v.kind == JV_INTEGER) {
        (void)snprintf(text, sizeof text, "%" PRId64, v.as.integer);
        add(w, text);
    } else if (v.kind == JV_FLOAT) {
        float_text(v.as.real, text);
        if (json && (isnan(v.as.real) || isinf(v.as.real)))
            (void)snprintf(text, sizeof text, "%s",
                           isnan(v.as.real) ? "NaN"
                           : v.as.real > 0  ? "Infinity"
                                            : "-Infinity");
        add(w, text);
    } else if (json) {
        jinja_error(w->j, "Object of type %s is not JSON serializable", jinja_type(v));
    } else if (v.kind == JV_UNDEFINED) {
        add(w, "Undefined");
    } else {
        add(w, "<");
        add(w, jinja_type(v));
        add(w, ">");
    }
}

/* --- strings ---------------------------------------------------------------------------- */

static void remember(struct writer *w, const struct jinja_string *s)
{
    if (s->n_marks == 0 || w->marked)
        return;
    w->mark = s->marks[0];
    w->marked = true;
}

static void json_string_text(struct writer *w, const struct jinja_string *s)
{
    struct buf quoted = BUF_MAX(JINJA_MEMORY);
    remember(w, s);
    json_quote((struct slice){s->data, s->len}, w->form->ascii ? JSON_ASCII : 0, &quoted);
    jinja_out_text(&w->out, buf_view(&quoted));
    buf_free(&quoted);
}

static void repr_char(struct writer *w, uint32_t c, struct slice as_is, char quote)
{
    char text[16];
    if (c == (unsigned char)quote || c == '\\')
        (void)snprintf(text, sizeof text, "\\%c", (char)c);
    else if (c == '\n' || c == '\r' || c == '\t')
        (void)snprintf(text, sizeof text, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
    else if (c < 0x20 || c == 0x7F || (c >= 0x80 && c < 0xA1) || c == 0xAD)
        (void)snprintf(text, sizeof text, "\\x%02x", c);
    else if (c >= 0x80 && (unicode_is_control(c) || unicode_is_space(c)))
        (void)snprintf(text, sizeof text, c < 0x10000 ? "\\u%04x" : "\\U%08x", c);
    else {
        jinja_out_text(&w->out, as_is);
        return;
    }
    add(w, text);
}

static void repr_string(struct writer *w, const struct jinja_string *s)
{
    char quote =
        memchr(s->data, '\'', s->len) != NULL && memchr(s->data, '"', s->len) == NULL ? '"' : '\'';
    const char text[2] = {quote, '\0'};
    remember(w, s);
    add(w, text);
    for (size_t i = 0; i < s->len;) {
        uint32_t c;
        size_t n = utf8_decode(s->data + i, s->len - i, &c);
        n = n != 0 ? n : 1;
        repr_char(w, c, (struct slice){s->data + i, n}, quote);
        i += n;
    }
    add(w, text);
}

/* --- containers ------------------------------------------------------------------------- */

static void write_value(struct writer *w, struct jinja_value v);

/* Between items and at the ends: a new line in an indented form. */
static void line(struct writer *w, int depth)
{
    if (w->form == NULL || w->form->indent < 0)
        return;
    add(w, "\n");
    for (int64_t i = 0; i < w->form->indent * depth; i++)
        add(w, " ");
}

static void comma(struct writer *w)
{
    if (w->form == NULL)
        add(w, ", ");
    else
        jinja_out_text(&w->out, w->form->item);
}

static void write_list(struct writer *w, struct jinja_value v)
{
    const struct jinja_list *l = v.as.list;
    bool round = v.kind == JV_TUPLE && w->form == NULL;
    add(w, round ? "(" : "[");
    if (!enter(w))
        return;
    for (size_t i = 0; i < l->n && !w->j->failed; i++) {
        if (i != 0)
            comma(w);
        line(w, w->depth);
        write_value(w, l->items[i]);
    }
    w->depth--;
    if (l->n != 0)
        line(w, w->depth);
    add(w, round ? (l->n == 1 ? ",)" : ")") : "]");
}

static void write_key(struct writer *w, struct jinja_value key)
{
    if (w->form == NULL) {
        write_value(w, key);
        add(w, ": ");
        return;
    }
    if (key.kind == JV_STRING) {
        write_value(w, key);
    } else {
        add(w, "\"");
        scalar(w, key);
        add(w, "\"");
    }
    jinja_out_text(&w->out, w->form->colon);
}

static int by_key(const void *a, const void *b)
{
    const struct jinja_pair *x = a, *y = b;
    return slice_compare(jinja_slice(x->key), jinja_slice(y->key));
}

static void write_dict(struct writer *w, struct jinja_value v)
{
    const struct jinja_dict *d = v.as.dict;
    struct jinja_pair *pairs = d->pairs;
    add(w, "{");
    if (!enter(w))
        return;
    if (w->form != NULL && w->form->sorted && d->n != 0) {
        pairs = jinja_alloc(w->j, d->n * sizeof *pairs);
        memcpy(pairs, d->pairs, d->n * sizeof *pairs);
        qsort(pairs, d->n, sizeof *pairs, by_key);
    }
    for (size_t i = 0; i < d->n && !w->j->failed; i++) {
        if (i != 0)
            comma(w);
        line(w, w->depth);
        write_key(w, pairs[i].key);
        write_value(w, pairs[i].value);
    }
    w->depth--;
    if (d->n != 0)
        line(w, w->depth);
    add(w, "}");
}

static void write_value(struct writer *w, struct jinja_value v)
{
    if (w->out.text.full)
        jinja_error(w->j, "the text is too long");
    if (v.kind == JV_STRING && w->form != NULL)
        json_string_text(w, v.as.string);
    else if (v.kind == JV_STRING)
        repr_string(w, v.as.string);
    else if (v.kind == JV_LIST || v.kind == JV_TUPLE)
        write_list(w, v);
    else if (v.kind == JV_DICT)
        write_dict(w, v);
    else
        scalar(w, v);
}

static struct jinja_value written(struct writer *w, struct jinja_value v)
{
    struct jinja_value text;
    write_value(w, v);
    text = jinja_taken(w->j, &w->out);
    jinja_out_free(&w->out);
    if (w->marked && text.kind == JV_STRING) {
        struct jinja_string *s = jinja_alloc(w->j, sizeof *s);
        struct jinja_mark *m = jinja_alloc(w->j, sizeof *m);
        *m = w->mark;
        m->begin = 0;
        m->end = (uint32_t)text.as.string->len;
        *s = (struct jinja_string){text.as.string->data, text.as.string->len, m, 1};
        text.as.string = s;
    }
    return text;
}

struct jinja_value jinja_dumps(struct jinja *j, struct jinja_value v,
                               const struct jinja_json_form *form)
{
    struct writer w = {.j = j, .form = form};
    return written(&w, v);
}

struct jinja_value jinja_repr(struct jinja *j, struct jinja_value v)
{
    struct writer w = {.j = j};
    return written(&w, v);
}

struct jinja_value jinja_str(struct jinja *j, struct jinja_value v)
{
    if (v.kind == JV_STRING)
        return v;
    if (v.kind == JV_UNDEFINED)
        return jinja_text(j, "");
    return jinja_repr(j, v);
}
