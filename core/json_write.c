/* The writer of core/json.h. */
#include "core/json.h"

#include "core/decimal.h"
#include "core/json_scan.h"
#include "core/mem.h"
#include "core/unicode.h"

#include <stdlib.h>
#include <string.h>

/* ---- strings ---- */

static void write_escape(unsigned char c, struct buf *out)
{
    static const char hex[] = "0123456789abcdef";
    char text[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
    switch (c) {
    case '"': text[1] = '"'; break;
    case '\\': text[1] = '\\'; break;
    case '\b': text[1] = 'b'; break;
    case '\f': text[1] = 'f'; break;
    case '\n': text[1] = 'n'; break;
    case '\r': text[1] = 'r'; break;
    case '\t': text[1] = 't'; break;
    default: buf_add(out, text, 6); return;
    }
    buf_add(out, text, 2);
}

/* A code point past ASCII; invalid bytes are written as U+FFFD.  Returns the bytes consumed. */
static size_t write_wide(const char *data, size_t len, unsigned flags, struct buf *out)
{
    uint32_t code;
    size_t n = utf8_decode(data, len, &code);
    if (n == 0) {
        n = utf8_bad_length(data, len);
        code = 0xFFFD;
        if ((flags & JSON_ASCII) == 0)
            buf_utf8(out, code);
    } else if ((flags & JSON_ASCII) == 0) {
        buf_add(out, data, n);
    }
    if ((flags & JSON_ASCII) != 0) {
        if (code >= 0x10000)
            buf_printf(out, "\\u%04x\\u%04x", 0xD7C0 + (code >> 10), 0xDC00 + (code & 0x3FF));
        else
            buf_printf(out, "\\u%04x", code);
    }
    return n;
}

int json_quote(struct slice s, unsigned flags, struct buf *out)
{
    size_t i = 0;
    buf_char(out, '"');
    while (i < s.len) {
        size_t n = json_scan_plain(s.data + i, s.len - i);
        buf_add(out, s.data + i, n);
        i += n;
        if (i == s.len)
            break;
        if ((unsigned char)s.data[i] < 0x80)
            write_escape((unsigned char)s.data[i++], out);
        else
            i += write_wide(s.data + i, s.len - i, flags, out);
    }
    return buf_char(out, '"');
}

/* ---- trees ---- */

struct writer {
    unsigned flags;
    struct buf *out;
    int depth;
};

static void write_node(struct writer *w, const struct json *node);

static void write_number(struct writer *w, const struct json *node)
{
    struct buf literal = BUF;
    struct decimal d;
    if ((w->flags & JSON_CANONICAL) == 0 || json_is_double(node)) {
        if ((w->flags & JSON_CANONICAL) != 0 && json_number(node, 1) == 0)
            buf_char(w->out, '0'); /* -0 equals 0 */
        else
            json_number_text(node, w->out);
        return;
    }
    json_number_text(node, &literal);
    d = decimal_parse(buf_view(&literal));
    decimal_write(&d, w->out);
    decimal_free(&d);
    buf_free(&literal);
}

static void new_line(struct writer *w)
{
    if ((w->flags & JSON_PRETTY) == 0)
        return;
    buf_char(w->out, '\n');
    for (int i = 0; i < w->depth; i++)
        buf_str(w->out, "  ");
}

static void write_child(struct writer *w, const struct json *child, bool first)
{
    if (!first)
        buf_char(w->out, ',');
    new_line(w);
    if (json_key(child) != NULL) {
        json_quote(slice_of(json_key(child)), w->flags, w->out);
        buf_str(w->out, (w->flags & JSON_PRETTY) != 0 ? ": " : ":");
    }
    write_node(w, child);
}

struct member {
    const struct json *node;
    size_t order;
};

static int compare_members(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    int order = strcmp(json_key(x->node), json_key(y->node));
    return order != 0 ? order : (x->order > y->order) - (x->order < y->order);
}

/* Members by key; of equal keys the last, which is the one json_get answers. */
static void write_sorted(struct writer *w, const struct json *object)
{
    size_t n = json_count(object), i = 0;
    struct member *members = mem_alloc(n * sizeof *members);
    bool first = true;
    for (const struct json *c = json_first(object); c != NULL; c = json_next(c), i++)
        members[i] = (struct member){c, i};
    qsort(members, n, sizeof *members, compare_members);
    for (i = 0; i < n; i++) {
        if (i + 1 < n && strcmp(json_key(members[i].node), json_key(members[i + 1].node)) == 0)
            continue;
        write_child(w, members[i].node, first);
        first = false;
    }
    mem_free(members);
}

static void write_container(struct writer *w, const struct json *node, const char *brackets)
{
    bool sorted = (w->flags & JSON_CANONICAL) != 0 && brackets[0] == '{';
    buf_char(w->out, brackets[0]);
    if (json_first(node) != NULL) {
        w->depth++;
        if (sorted)
            write_sorted(w, node);
        else
            for (const struct json *c = json_first(node); c != NULL; c = json_next(c))
                write_child(w, c, c == json_first(node));
        w->depth--;
        new_line(w);
    }
    buf_char(w->out, brackets[1]);
}

static void write_node(struct writer *w, const struct json *node)
{
    switch (json_type(node)) {
    case JSON_ABSENT:
    case JSON_NULL: buf_str(w->out, "null"); break;
    case JSON_FALSE: buf_str(w->out, "false"); break;
    case JSON_TRUE: buf_str(w->out, "true"); break;
    case JSON_NUMBER: write_number(w, node); break;
    case JSON_STRING: json_quote(json_string(node), w->flags, w->out); break;
    case JSON_ARRAY: write_container(w, node, "[]"); break;
    case JSON_OBJECT: write_container(w, node, "{}"); break;
    }
}

int json_write(const struct json *node, unsigned flags, struct buf *out)
{
    struct writer w = {flags, out, 0};
    if ((flags & JSON_CANONICAL) != 0)
        w.flags &= ~(unsigned)JSON_PRETTY;
    write_node(&w, node);
    if ((w.flags & JSON_PRETTY) != 0)
        buf_char(out, '\n');
    return out->full ? -1 : 0;
}
