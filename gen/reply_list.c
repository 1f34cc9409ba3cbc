#include "gen/reply_list.h"

#include "core/mem.h"
#include "core/vec.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum part { PART_TEXT, PART_INPUT, PART_OUTPUT, PART_QUOTE, PART_NONE };

static const struct {
    const char *name;
    enum part part;
} labels[] = {
    {"instruction", PART_TEXT}, {"question", PART_TEXT},  {"task", PART_TEXT},
    {"prompt", PART_TEXT},      {"text", PART_TEXT},      {"input", PART_INPUT},
    {"output", PART_OUTPUT},    {"answer", PART_OUTPUT},  {"response", PART_OUTPUT},
    {"quote", PART_QUOTE},      {"evidence", PART_QUOTE},
};

static struct slice *part_of(struct reply_item *i, enum part part)
{
    return part == PART_INPUT    ? &i->input
           : part == PART_OUTPUT ? &i->output
           : part == PART_QUOTE  ? &i->quote
                                 : &i->text;
}

static struct reply_item *add(struct reply_list *l)
{
    static const struct reply_item none;
    if (l->n == REPLY_LIST_MAX)
        return NULL;
    l->items = vec_reserve(l->items, &l->cap, l->n + 1, sizeof *l->items);
    l->items[l->n] = none;
    return &l->items[l->n++];
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static struct json *between(struct slice text, char open, char close)
{
    const char *from = text.len ? memchr(text.data, open, text.len) : NULL;
    size_t end = text.len;
    while (end && text.data[end - 1] != close)
        end--;
    if (!from || text.data + end <= from)
        return NULL;
    return json_parse(slice_from(from, (size_t)(text.data + end - from)), JSON_REPAIR, NULL);
}

struct json *reply_json(struct slice text)
{
    size_t object = slice_find(text, SLICE("{")), array = slice_find(text, SLICE("["));
    struct json *j = array < object ? between(text, '[', ']') : between(text, '{', '}');
    if (!j)
        j = array < object ? between(text, '{', '}') : between(text, '[', ']');
    return j;
}

static void add_object(struct reply_list *l, const struct json *o)
{
    struct reply_item *i = add(l);
    for (size_t k = 0; i && k < sizeof labels / sizeof *labels; k++) {
        struct slice *part = part_of(i, labels[k].part);
        struct slice v = json_string(json_get(o, labels[k].name));
        if (!part->data && v.data)
            *part = slice_trim(v);
    }
}

/* The array itself, or the first array in an object. */
static const struct json *array_in(const struct json *j)
{
    if (json_type(j) == JSON_ARRAY)
        return j;
    for (const struct json *e = json_first(j); e; e = json_next(e))
        if (json_type(e) == JSON_ARRAY)
            return e;
    return NULL;
}

static void read_array(struct reply_list *l, const struct json *array)
{
    for (const struct json *e = json_first(array); e && l->n < REPLY_LIST_MAX; e = json_next(e)) {
        if (json_type(e) == JSON_OBJECT)
            add_object(l, e);
        else if (json_type(e) == JSON_STRING)
            add(l)->text = slice_trim(json_string(e));
    }
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* Bytes of "12. ", "12) ", "- ", "* " at the beginning; 0: no mark. */
static size_t mark_length(struct slice line)
{
    size_t i = 0;
    while (i < line.len && i < 6 && isdigit((unsigned char)line.data[i]))
        i++;
    if (i && i < line.len && strchr(".):", line.data[i]))
        i++;
    else if (i || !line.len || !strchr("-*", line.data[0]))
        return 0;
    else
        i = 1;
    if (i < line.len && line.data[i] != ' ' && line.data[i] != '\t')
        return 0;
    while (i < line.len && (line.data[i] == ' ' || line.data[i] == '\t'))
        i++;
    return i;
}

/* Bytes of "Instruction:", "**Output 2:**" …; 0: no label. */
static size_t label_length(struct slice line, enum part *part)
{
    size_t at = 0;
    while (at < line.len && line.data[at] == '*')
        at++;
    for (size_t k = 0; k < sizeof labels / sizeof *labels; k++) {
        size_t n = at + strlen(labels[k].name);
        if (n >= line.len || strncasecmp(line.data + at, labels[k].name, n - at))
            continue;
        while (n < line.len &&
               (line.data[n] == ' ' || line.data[n] == '*' || isdigit((unsigned char)line.data[n])))
            n++;
        if (n >= line.len || line.data[n] != ':')
            continue;
        for (n++; n < line.len && (line.data[n] == '*' || line.data[n] == ' ');)
            n++;
        *part = labels[k].part;
        return n;
    }
    return 0;
}

struct reader {
    struct reply_list *list;
    struct reply_item *item; /* NULL: before the first */
    enum part part;          /* that goes on */
    bool labelled;           /* this list has labels: a mark alone begins no item */
};

/* Lengthen the part that is being read to the end of the line. */
static void go_on(struct reader *r, struct slice line)
{
    struct slice *p = r->item && r->part != PART_NONE ? part_of(r->item, r->part) : NULL;
    if (p && p->data)
        p->len = (size_t)(line.data + line.len - p->data);
}

static void read_line(struct reader *r, struct slice whole)
{
    struct slice line = slice_trim(whole);
    enum part part = PART_TEXT;
    if (slice_starts(line, "###") && mark_length(line) == 0) {
        r->part = PART_NONE;
        return;
    }
    size_t mark = mark_length(line);
    struct slice rest = slice_sub(line, mark, line.len);
    size_t label = label_length(rest, &part);
    if (!label && (!mark || (r->labelled && r->part != PART_NONE))) {
        go_on(r, line);
        return;
    }
    if (!label && r->labelled)
        return;
    if (!r->item || part == PART_TEXT || part_of(r->item, part)->data)
        r->item = add(r->list);
    r->labelled |= label > 0;
    r->part = part;
    if (r->item)
        *part_of(r->item, part) = slice_sub(rest, label, rest.len);
}

static void read_lines(struct reply_list *l, struct slice text)
{
    struct reader r = {.list = l};
    while (text.len) {
        size_t eol = slice_find(text, SLICE("\n"));
        read_line(&r, slice_sub(text, 0, eol));
        text = slice_sub(text, eol + 1, text.len);
    }
}

/* ---- both ------------------------------------------------------------------------------------ */

static bool says_none(struct slice s)
{
    static const char *const none[] = {"<noinput>",  "noinput", "none", "n/a",
                                       "<no input>", "",        NULL};
    for (int k = 0; none[k]; k++)
        if (s.len == strlen(none[k]) && !strncasecmp(s.data, none[k], s.len))
            return true;
    return false;
}

static struct slice unquoted(struct slice s)
{
    while (s.len > 4 && slice_starts(s, "**") && slice_ends(s, "**"))
        s = slice_trim(slice_sub(s, 2, s.len - 4));
    if (s.len > 2 && s.data[0] == '"' && s.data[s.len - 1] == '"')
        s = slice_trim(slice_sub(s, 1, s.len - 2));
    return s;
}

static void tidy(struct reply_list *l)
{
    size_t n = 0;
    for (size_t k = 0; k < l->n; k++) {
        struct reply_item *i = &l->items[k];
        i->text = unquoted(slice_trim(i->text));
        i->input = slice_trim(i->input);
        i->output = slice_trim(i->output);
        i->quote = unquoted(slice_trim(i->quote));
        if (i->input.data && says_none(i->input))
            i->input = (struct slice){NULL, 0};
        if (i->text.len || i->output.len)
            l->items[n++] = *i;
    }
    l->n = n;
}

void reply_list_read(struct slice text, struct reply_list *out)
{
    *out = (struct reply_list){NULL, 0, 0, NULL};
    out->tree = reply_json(text);
    const struct json *array = array_in(out->tree);
    if (array)
        read_array(out, array);
    else if (json_type(out->tree) == JSON_OBJECT)
        add_object(out, out->tree);
    tidy(out);
    if (out->n)
        return;
    read_lines(out, text);
    tidy(out);
}

void reply_list_free(struct reply_list *l)
{
    mem_free(l->items);
    json_free(l->tree);
    *l = (struct reply_list){NULL, 0, 0, NULL};
}
