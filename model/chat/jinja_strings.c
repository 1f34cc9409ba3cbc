#include "model/chat/jinja_strings.h"

#include "core/unicode.h"

#include <string.h>

bool jinja_space(uint32_t c)
{
    return unicode_is_space(c) || (c >= 0x1C && c <= 0x1F);
}

/* --- strip ------------------------------------------------------------------------------ */

static bool strippable(struct slice set, bool white, uint32_t c)
{
    if (white)
        return jinja_space(c);
    for (size_t i = 0; i < set.len;) {
        uint32_t member;
        size_t n = utf8_decode(set.data + i, set.len - i, &member);
        if (n != 0 && member == c)
            return true;
        i += n != 0 ? n : 1;
    }
    return false;
}

struct jinja_value jinja_strip(struct jinja *j, struct jinja_value s, struct jinja_value set,
                               bool left, bool right)
{
    struct slice text = jinja_slice(s), chars = jinja_slice(set);
    bool white = set.kind != JV_STRING;
    size_t begin = 0, end = text.len;
    uint32_t c;
    while (left && begin < end) {
        size_t n = utf8_decode(text.data + begin, end - begin, &c);
        if (n == 0 || !strippable(chars, white, c))
            break;
        begin += n;
    }
    while (right && end > begin) {
        size_t at = end - 1;
        while (at > begin && ((unsigned char)text.data[at] & 0xC0) == 0x80)
            at--;
        if (utf8_decode(text.data + at, end - at, &c) == 0 || !strippable(chars, white, c))
            break;
        end = at;
    }
    return jinja_sub(j, s, begin, end);
}

/* --- split ------------------------------------------------------------------------------ */

static struct jinja_value split_white(struct jinja *j, struct jinja_value s, int64_t limit)
{
    struct slice text = jinja_slice(s);
    struct jinja_value list = jinja_list_new(j);
    size_t i = 0;
    while (i < text.len && !j->failed) {
        size_t begin, n;
        uint32_t c;
        while (i < text.len && (n = utf8_decode(text.data + i, text.len - i, &c)) != 0 &&
               jinja_space(c))
            i += n;
        if (i == text.len)
            break;
        if (limit >= 0 && (int64_t)list.as.list->n == limit) {
            struct jinja_value rest = jinja_sub(j, s, i, text.len);
            jinja_push(j, list, jinja_strip(j, rest, JINJA_NONE, false, true));
            break;
        }
        begin = i;
        while (i < text.len) {
            n = utf8_decode(text.data + i, text.len - i, &c);
            if (n != 0 && jinja_space(c))
                break;
            i += n != 0 ? n : 1;
        }
        jinja_push(j, list, jinja_sub(j, s, begin, i));
    }
    return list;
}

static size_t find(struct slice text, size_t from, struct slice what)
{
    return from + slice_find((struct slice){text.data + from, text.len - from}, what);
}

/* The last place of `what` in text[0 … end); end where there is none. */
static size_t find_last(struct slice text, size_t end, struct slice what)
{
    for (size_t i = end >= what.len ? end - what.len + 1 : 0; i-- > 0;)
        if (memcmp(text.data + i, what.data, what.len) == 0)
            return i;
    return end;
}

static struct jinja_value split_right(struct jinja *j, struct jinja_value s, struct slice by,
                                      int64_t limit)
{
    struct slice text = jinja_slice(s);
    struct jinja_value list = jinja_list_new(j), turned = jinja_list_new(j);
    size_t end = text.len;
    while (limit < 0 || (int64_t)list.as.list->n < limit) {
        size_t at = find_last(text, end, by);
        if (at == end || j->failed)
            break;
        jinja_push(j, list, jinja_sub(j, s, at + by.len, end));
        end = at;
    }
    jinja_push(j, list, jinja_sub(j, s, 0, end));
    for (size_t i = list.as.list->n; i-- > 0;)
        jinja_push(j, turned, list.as.list->items[i]);
    return turned;
}

struct jinja_value jinja_split(struct jinja *j, struct jinja_value s, struct jinja_value by,
                               int64_t limit, bool from_right)
{
    struct slice text = jinja_slice(s), mark = jinja_slice(by);
    struct jinja_value list;
    size_t from = 0;
    if (by.kind != JV_STRING)
        return split_white(j, s, limit);
    if (mark.len == 0)
        return jinja_error(j, "empty separator");
    if (from_right)
        return split_right(j, s, mark, limit);
    list = jinja_list_new(j);
    while (!j->failed && (limit < 0 || (int64_t)list.as.list->n < limit)) {
        size_t at = find(text, from, mark);
        if (at == text.len)
            break;
        jinja_push(j, list, jinja_sub(j, s, from, at));
        from = at + mark.len;
    }
    jinja_push(j, list, jinja_sub(j, s, from, text.len));
    return list;
}

/* --- replace, join, indent -------------------------------------------------------------- */

struct jinja_value jinja_replace(struct jinja *j, struct jinja_value s, struct jinja_value old,
                                 struct jinja_value with, int64_t limit)
{
    struct slice text = jinja_slice(s), what = jinja_slice(old);
    struct jinja_out out = {.n = 0};
    struct jinja_value result;
    size_t from = 0;
    if (old.kind != JV_STRING || with.kind != JV_STRING)
        return jinja_error(j, "replace() needs strings");
    if (what.len == 0)
        return jinja_error(j, "replacing an empty string is not supported");
    for (int64_t n = 0; (limit < 0 || n < limit) && !out.text.full; n++) {
        size_t at = find(text, from, what);
        if (at == text.len)
            break;
        jinja_out_add(&out, jinja_sub(j, s, from, at).as.string);
        jinja_out_add(&out, with.as.string);
        from = at + what.len;
    }
    jinja_out_add(&out, jinja_sub(j, s, from, text.len).as.string);
    result = jinja_taken(j, &out);
    jinja_out_free(&out);
    return result;
}

struct jinja_value jinja_join(struct jinja *j, const struct jinja_list *items,
                              struct jinja_value between)
{
    struct jinja_out out = {.n = 0};
    struct jinja_value result;
    for (size_t i = 0; i < items->n && !j->failed; i++) {
        struct jinja_value text = jinja_str(j, items->items[i]);
        if (i != 0)
            jinja_out_add(&out, between.as.string);
        if (text.kind == JV_STRING)
            jinja_out_add(&out, text.as.string);
    }
    result = jinja_taken(j, &out);
    jinja_out_free(&out);
    return result;
}

struct jinja_value jinja_indent(struct jinja *j, struct jinja_value s, int64_t width, bool first,
                                bool blank)
{
    const struct jinja_list *lines = jinja_split(j, s, jinja_text(j, "\n"), -1, false).as.list;
    struct jinja_out out = {.n = 0};
    struct jinja_value result;
    if (width < 0 || width > 1000)
        return jinja_error(j, "indent() takes a width of 0..1000");
    for (size_t i = 0; i < lines->n && !out.text.full; i++) {
        if (i != 0)
            jinja_out_text(&out, SLICE("\n"));
        if (i == 0 ? first : blank || lines->items[i].as.string->len != 0)
            for (int64_t k = 0; k < width; k++)
                jinja_out_text(&out, SLICE(" "));
        jinja_out_add(&out, lines->items[i].as.string);
    }
    result = jinja_taken(j, &out);
    jinja_out_free(&out);
    return result;
}

/* --- case ------------------------------------------------------------------------------- */

static uint32_t recased(uint32_t c, enum jinja_case how, bool starts)
{
    if (how == CASE_UPPER || (how != CASE_LOWER && starts))
        return unicode_to_upper(c);
    return unicode_to_lower(c);
}

struct jinja_value jinja_recase(struct jinja *j, struct jinja_value s, enum jinja_case how)
{
    struct slice text = jinja_slice(s);
    struct jinja_out out = {.n = 0};
    struct jinja_value result;
    bool starts = true;
    for (size_t i = 0; i < text.len && !j->failed;) {
        struct buf one = BUF_MAX(8);
        struct jinja_string letter;
        uint32_t c;
        size_t n = utf8_decode(text.data + i, text.len - i, &c);
        n = n != 0 ? n : 1;
        buf_utf8(&one, recased(c, how, starts));
        letter = *jinja_sub(j, s, i, i + n).as.string;
        if (letter.n_marks != 0) {
            struct jinja_mark *m = jinja_alloc(j, sizeof *m);
            *m = letter.marks[0];
            m->end = (uint32_t)one.len;
            letter.marks = m;
            letter.n_marks = 1;
        }
        letter.data = one.data;
        letter.len = one.len;
        jinja_out_add(&out, &letter);
        buf_free(&one);
        starts = how == CASE_TITLE && !unicode_is_letter(c);
        i += n;
    }
    result = jinja_taken(j, &out);
    jinja_out_free(&out);
    return result;
}
