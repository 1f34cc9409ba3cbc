#include "cli/table.h"

#include "core/clock.h"
#include "core/unicode.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_COLUMNS = 24, WIDEST_CELL = 60 };

/* ---- cells --------------------------------------------------------------------------------- */

static void grouped(const char *digits, struct buf *out)
{
    size_t n = strspn(digits, "0123456789");
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0)
            buf_char(out, ',');
        buf_char(out, digits[i]);
    }
    buf_str(out, digits + n);
}

void table_number(const struct json *number, struct buf *out)
{
    char text[64];
    int64_t whole;
    double x = json_number(number, (double)NAN);
    if (json_integer(number, &whole) == 0)
        (void)snprintf(text, sizeof text, "%lld", (long long)whole);
    else if (fabs(x) >= 100)
        (void)snprintf(text, sizeof text, "%.*f", fabs(x) >= 1000 ? 0 : 1, x);
    else
        (void)snprintf(text, sizeof text, "%.4g", x);
    if (text[0] == '-')
        buf_char(out, '-');
    if (strchr(text, 'e') != NULL)
        buf_str(out, text + (text[0] == '-'));
    else
        grouped(text + (text[0] == '-'), out);
}

static void size_cell(double bytes, struct buf *out)
{
    static const char *const units[] = {"B", "KB", "MB", "GB", "TB"};
    size_t unit = 0;
    while (bytes >= 1000 && unit < 4) {
        bytes /= 1000;
        unit++;
    }
    buf_printf(out, "%.*f %s",
               unit == 0 || bytes >= 100 ? 0
               : bytes >= 10             ? 1
                                         : 2,
               bytes, units[unit]);
}

/* Names and numbers of records are not counted things: no separators in them. */
static bool is_label(const char *key)
{
    static const char *const labels[] = {"id", "run", "seed", "year", "line", "port", NULL};
    for (size_t i = 0; key != NULL && labels[i] != NULL; i++)
        if (strcmp(key, labels[i]) == 0)
            return true;
    return false;
}

/* Text of outside origin: no byte of it may steer the terminal. */
static void text_cell(struct slice s, bool lines, struct buf *out)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];
        if ((c < 0x20 && !(lines && (c == '\n' || c == '\t'))) || c == 0x7F)
            buf_printf(out, c == '\n' ? "\\n" : "\\x%02X", c);
        else
            buf_char(out, (char)c);
    }
}

void table_text(struct slice text, struct buf *out)
{
    text_cell(text, true, out);
}

/* A number under the name `key`. */
static void number_cell(const struct json *node, const char *key, struct buf *out)
{
    char time[32];
    const double year_2001_ms = 1e12;
    if (key == NULL)
        table_number(node, out);
    else if (slice_ends(slice_of(key), "bytes"))
        size_cell(json_number(node, 0), out);
    else if (is_label(key))
        (void)json_number_text(node, out);
    else if (slice_ends(slice_of(key), "_ms") && json_number(node, 0) > year_2001_ms) {
        clock_iso((int64_t)json_number(node, 0), time);
        buf_str(out, time);
    } else
        table_number(node, out);
}

static void cell(const struct json *node, struct buf *out)
{
    switch (json_type(node)) {
    case JSON_ABSENT:
    case JSON_NULL: buf_str(out, "-"); break;
    case JSON_FALSE: buf_str(out, "no"); break;
    case JSON_TRUE: buf_str(out, "yes"); break;
    case JSON_NUMBER: number_cell(node, json_key(node), out); break;
    case JSON_STRING: text_cell(json_string(node), false, out); break;
    case JSON_ARRAY:
    case JSON_OBJECT: json_write(node, 0, out); break;
    }
}

static int width_of(struct slice s)
{
    int width = 0;
    for (size_t i = 0; i < s.len;) {
        uint32_t c = 0;
        size_t n = utf8_decode(s.data + i, s.len - i, &c);
        width += n == 0 ? 1 : unicode_width(c);
        i += n == 0 ? 1 : n;
    }
    return width;
}

/* The text, cut with "…" to `most` columns, padded to `width`. */
static void put(struct buf *out, struct slice s, int most, int width, bool right)
{
    struct buf cut = BUF;
    if (width_of(s) > most) {
        int used = 0;
        for (size_t i = 0; i < s.len;) {
            uint32_t c = 0;
            size_t n = utf8_decode(s.data + i, s.len - i, &c);
            n = n == 0 ? 1 : n;
            used += unicode_width(c);
            if (used > most - 1)
                break;
            buf_add(&cut, s.data + i, n);
            i += n;
        }
        buf_str(&cut, "…");
        s = buf_view(&cut);
    }
    if (right)
        buf_printf(out, "%*s", width - width_of(s) > 0 ? width - width_of(s) : 0, "");
    buf_slice(out, s);
    if (!right)
        buf_printf(out, "%*s", width - width_of(s) > 0 ? width - width_of(s) : 0, "");
    buf_free(&cut);
}

static bool is_scalar(const struct json *node)
{
    return json_type(node) != JSON_ARRAY && json_type(node) != JSON_OBJECT;
}

static bool all_scalars(const struct json *container)
{
    for (const struct json *c = json_first(container); c != NULL; c = json_next(c))
        if (!is_scalar(c))
            return false;
    return true;
}

/* ---- tables -------------------------------------------------------------------------------- */

struct grid {
    const char *keys[MOST_COLUMNS];
    int width[MOST_COLUMNS];
    bool right[MOST_COLUMNS];
    int n;
};

static void learn_keys(struct grid *g, const struct json *row)
{
    for (const struct json *c = json_first(row); c != NULL; c = json_next(c)) {
        int i = 0;
        while (i < g->n && strcmp(g->keys[i], json_key(c)) != 0)
            i++;
        if (i == g->n && g->n < MOST_COLUMNS) {
            g->keys[g->n] = json_key(c);
            g->right[g->n] = true;
            g->width[g->n++] = width_of(slice_of(json_key(c)));
        }
    }
}

static void measure(struct grid *g, const struct json *row)
{
    for (int i = 0; i < g->n; i++) {
        struct buf b = BUF;
        const struct json *node = json_get(row, g->keys[i]);
        int w;
        cell(node, &b);
        w = width_of(buf_view(&b));
        w = w > WIDEST_CELL ? WIDEST_CELL : w;
        g->width[i] = w > g->width[i] ? w : g->width[i];
        if (json_type(node) == JSON_STRING)
            g->right[i] = false;
        buf_free(&b);
    }
}

static void trim_end(struct buf *out)
{
    while (out->len > 0 && out->data[out->len - 1] == ' ')
        out->data[--out->len] = '\0';
}

static void grid_line(const struct grid *g, const struct json *row, bool color, struct buf *out)
{
    for (int i = 0; i < g->n; i++) {
        struct buf b = BUF;
        if (row == NULL)
            buf_str(&b, g->keys[i]);
        else
            cell(json_get(row, g->keys[i]), &b);
        buf_str(out, "  ");
        if (row == NULL && color)
            buf_str(out, "\x1b[1m");
        put(out, buf_view(&b), g->width[i], g->width[i], g->right[i]);
        if (row == NULL && color)
            buf_str(out, "\x1b[0m");
        buf_free(&b);
    }
    trim_end(out);
    buf_char(out, '\n');
}

static void grid_table(const struct json *rows, int columns, bool color, struct buf *out)
{
    struct grid g = {.n = 0};
    int total = 0;
    for (const struct json *r = json_first(rows); r != NULL; r = json_next(r))
        learn_keys(&g, r);
    for (const struct json *r = json_first(rows); r != NULL; r = json_next(r))
        measure(&g, r);
    for (int i = 0; i < g.n; i++)
        total += g.width[i] + 2;
    /* The last column is usually words: it gives way on a narrow terminal. */
    if (columns > 0 && total > columns && g.n > 0 && g.width[g.n - 1] - (total - columns) >= 8)
        g.width[g.n - 1] -= total - columns;
    grid_line(&g, NULL, color, out);
    for (const struct json *r = json_first(rows); r != NULL; r = json_next(r))
        grid_line(&g, r, color, out);
}

/* ---- members ------------------------------------------------------------------------------- */

struct page {
    bool block; /* the last member took lines of its own: an empty line before the next */
    int columns;
    bool color;
    int name_width;
    struct buf *out;
};

static void heading(struct page *p, const char *name)
{
    p->block = true;
    if (p->out->len > 0)
        buf_char(p->out, '\n');
    buf_printf(p->out, p->color ? "\x1b[1m%s\x1b[0m\n" : "%s\n", name);
}

static void name_column(struct page *p, const char *name)
{
    if (p->block)
        buf_char(p->out, '\n');
    p->block = false;
    put(p->out, slice_of(name), 1000, p->name_width, false);
    buf_str(p->out, "  ");
}

/* Whether the members of an object can stand behind its name: scalars, none of them long. */
static bool is_short_object(const struct json *object)
{
    bool fits = all_scalars(object);
    for (const struct json *c = json_first(object); fits && c != NULL; c = json_next(c)) {
        struct buf b = BUF;
        cell(c, &b);
        fits = width_of(buf_view(&b)) <= WIDEST_CELL;
        buf_free(&b);
    }
    return fits;
}

/* "total 252  kept 240", in lines of the page's width that begin below each other. */
static void inline_members(const struct page *p, const struct json *object)
{
    int left = p->name_width + 2, limit = p->columns > 0 ? p->columns : 100, at = left;
    if (json_first(object) == NULL)
        buf_str(p->out, "none");
    for (const struct json *c = json_first(object); c != NULL; c = json_next(c)) {
        struct buf b = BUF;
        int width;
        buf_printf(&b, "%s ", json_key(c));
        cell(c, &b);
        width = width_of(buf_view(&b));
        if (at > left && at + 2 + width > limit) {
            buf_printf(p->out, "\n%*s", left, "");
            at = left;
        }
        buf_printf(p->out, "%s%s", at > left ? "  " : "", buf_text(&b));
        at += width + (at > left ? 2 : 0);
        buf_free(&b);
    }
    buf_char(p->out, '\n');
}

/* Whether the items fit behind the name. */
static bool is_short_list(const struct json *array)
{
    size_t len = 0;
    for (const struct json *c = json_first(array); c != NULL; c = json_next(c)) {
        if (!is_scalar(c))
            return false;
        len += 2 + json_string(c).len;
    }
    return len <= 70;
}

static void inline_items(const struct json *array, struct buf *out)
{
    for (const struct json *c = json_first(array); c != NULL; c = json_next(c)) {
        buf_str(out, c == json_first(array) ? "" : "  ");
        cell(c, out);
    }
    buf_char(out, '\n');
}

static void array_member(struct page *p, const struct json *node, const char *name)
{
    heading(p, name);
    if (json_type(json_at(node, 0)) == JSON_OBJECT) {
        grid_table(node, p->columns, p->color, p->out);
        return;
    }
    for (const struct json *c = json_first(node); c != NULL; c = json_next(c)) {
        buf_str(p->out, "  ");
        cell(c, p->out);
        buf_char(p->out, '\n');
    }
}

static void members(struct page *p, const struct json *object, const char *prefix);

static void member(struct page *p, const struct json *node, const char *name)
{
    struct slice text = json_string(node);
    if (json_type(node) == JSON_ARRAY && json_count(node) > 0 && !is_short_list(node)) {
        array_member(p, node, name);
    } else if (json_type(node) == JSON_OBJECT && !is_short_object(node)) {
        members(p, node, name);
    } else if (text.data != NULL && slice_find(text, SLICE("\n")) < text.len) {
        heading(p, name);
        text_cell(text, true, p->out);
        if (!slice_ends(text, "\n"))
            buf_char(p->out, '\n');
    } else {
        name_column(p, name);
        if (json_type(node) == JSON_OBJECT) {
            inline_members(p, node);
        } else if (json_type(node) == JSON_ARRAY && json_count(node) > 0) {
            inline_items(node, p->out);
        } else if (json_type(node) == JSON_ARRAY) {
            buf_str(p->out, "none\n");
        } else {
            cell(node, p->out);
            buf_char(p->out, '\n');
        }
    }
}

/* "prefix.key", or the key alone. */
static void full_name(const char *prefix, const struct json *member, struct buf *out)
{
    buf_printf(out, "%s%s%s", prefix, prefix[0] != '\0' ? "." : "", json_key(member));
}

static void members(struct page *p, const struct json *object, const char *prefix)
{
    for (const struct json *c = json_first(object); c != NULL; c = json_next(c)) {
        struct buf name = BUF;
        full_name(prefix, c, &name);
        member(p, c, buf_text(&name));
        buf_free(&name);
    }
}

/* The widest name that will stand in the left column. */
static int name_width(const struct json *object, const char *prefix)
{
    int width = 0;
    for (const struct json *c = json_first(object); c != NULL; c = json_next(c)) {
        struct buf name = BUF;
        int w;
        full_name(prefix, c, &name);
        if (json_type(c) == JSON_OBJECT && !is_short_object(c))
            w = name_width(c, buf_text(&name));
        else if (json_type(c) == JSON_ARRAY && !is_short_list(c))
            w = 0;
        else
            w = width_of(buf_view(&name));
        width = w > width ? w : width;
        buf_free(&name);
    }
    return width;
}

void table_report(const struct json *report, int columns, bool color, struct buf *out)
{
    struct page p = {false, columns, color, name_width(report, ""), out};
    if (json_type(report) == JSON_ARRAY)
        grid_table(report, columns, color, out);
    else
        members(&p, report, "");
}
