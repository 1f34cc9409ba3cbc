#include "filter/xml.h"

#include <string.h>

struct reader {
    struct slice s;
    size_t at;
    struct slice open[XML_DEPTH]; /* names of the open tags */
    size_t depth;
    bool rooted; /* the root has been met */
    const char *why;
};

static bool fail(struct reader *r, const char *why)
{
    r->why = why;
    return false;
}

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_blanks(struct reader *r)
{
    while (r->at < r->s.len && blank(r->s.data[r->at]))
        r->at++;
}

static bool ahead(const struct reader *r, const char *literal)
{
    return slice_starts(slice_sub(r->s, r->at, r->s.len - r->at), literal);
}

/* Behind the literal; false where it is missing. */
static bool skip_past(struct reader *r, const char *literal)
{
    const struct slice rest = slice_sub(r->s, r->at, r->s.len - r->at);
    const size_t n = slice_find(rest, slice_of(literal));
    if (n == rest.len)
        return false;
    r->at += n + strlen(literal);
    return true;
}

static bool name_byte(char c, bool first)
{
    const unsigned char u = (unsigned char)c;
    if (u >= 0x80 || c == '_' || c == ':' || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'))
        return true;
    return !first && (c == '-' || c == '.' || (c >= '0' && c <= '9'));
}

static struct slice take_name(struct reader *r)
{
    const size_t from = r->at;
    while (r->at < r->s.len && name_byte(r->s.data[r->at], r->at == from))
        r->at++;
    return slice_sub(r->s, from, r->at - from);
}

/* "&amp;", "&#38;", "&#x26;" */
static bool take_reference(struct reader *r)
{
    static const char *const known[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&apos;", NULL};
    for (const char *const *k = known; *k != NULL; k++)
        if (ahead(r, *k)) {
            r->at += strlen(*k);
            return true;
        }
    if (!ahead(r, "&#"))
        return fail(r, "an & that begins no entity");
    size_t i = r->at + 2, digits = 0;
    const bool hex = i < r->s.len && r->s.data[i] == 'x';
    for (i += hex; i < r->s.len && r->s.data[i] != '\0' &&
                   strchr(hex ? "0123456789abcdefABCDEF" : "0123456789", r->s.data[i]) != NULL;
         i++)
        digits++;
    if (digits == 0 || i >= r->s.len || r->s.data[i] != ';')
        return fail(r, "a broken character reference");
    r->at = i + 1;
    return true;
}

static bool take_value(struct reader *r)
{
    const char quote = r->at < r->s.len ? r->s.data[r->at] : '\0';
    if (quote != '"' && quote != '\'')
        return fail(r, "an attribute without quotation marks");
    for (r->at++; r->at < r->s.len && r->s.data[r->at] != quote;) {
        if (r->s.data[r->at] == '<')
            return fail(r, "a < in an attribute");
        if (r->s.data[r->at] != '&')
            r->at++;
        else if (!take_reference(r))
            return false;
    }
    if (r->at == r->s.len)
        return fail(r, "an attribute that does not end");
    r->at++;
    return true;
}

static bool take_attributes(struct reader *r)
{
    struct slice names[XML_ATTRIBUTES];
    size_t n = 0;
    for (;;) {
        const size_t before = r->at;
        skip_blanks(r);
        if (r->at == r->s.len)
            return fail(r, "a tag that does not end");
        if (strchr("/>?", r->s.data[r->at]) != NULL)
            return true;
        const struct slice name = take_name(r);
        if (name.len == 0 || r->at - name.len == before)
            return fail(r, "a broken tag");
        for (size_t i = 0; i < n; i++)
            if (slice_equal(names[i], name))
                return fail(r, "an attribute that is given twice");
        if (n < XML_ATTRIBUTES)
            names[n++] = name;
        skip_blanks(r);
        if (r->at == r->s.len || r->s.data[r->at] != '=')
            return fail(r, "an attribute without a value");
        r->at++;
        skip_blanks(r);
        if (!take_value(r))
            return false;
    }
}

static bool take_open(struct reader *r)
{
    r->at++;
    const struct slice name = take_name(r);
    if (name.len == 0)
        return fail(r, "a < that begins no tag");
    if (r->depth == 0 && r->rooted)
        return fail(r, "a second root element");
    r->rooted = true;
    if (!take_attributes(r))
        return false;
    if (ahead(r, "/>")) {
        r->at += 2;
        return true;
    }
    if (!ahead(r, ">"))
        return fail(r, "a broken tag");
    r->at++;
    if (r->depth == XML_DEPTH)
        return fail(r, "tags nested too deep");
    r->open[r->depth++] = name;
    return true;
}

static bool take_close(struct reader *r)
{
    r->at += 2;
    const struct slice name = take_name(r);
    skip_blanks(r);
    if (r->depth == 0 || !slice_equal(r->open[r->depth - 1], name))
        return fail(r, "a closing tag that does not match");
    if (!ahead(r, ">"))
        return fail(r, "a broken tag");
    r->at++;
    r->depth--;
    return true;
}

/* <!DOCTYPE …> with an inner [ … ] */
static bool take_doctype(struct reader *r)
{
    int brackets = 0;
    for (; r->at < r->s.len; r->at++) {
        const char c = r->s.data[r->at];
        brackets += c == '[';
        brackets -= c == ']';
        if (c == '>' && brackets <= 0) {
            r->at++;
            return true;
        }
    }
    return fail(r, "a DOCTYPE that does not end");
}

static bool take_mark(struct reader *r)
{
    if (ahead(r, "<!--"))
        return skip_past(r, "-->") || fail(r, "a comment that does not end");
    if (ahead(r, "<![CDATA["))
        return (r->depth > 0 && skip_past(r, "]]>")) || fail(r, "CDATA out of place");
    if (ahead(r, "<?"))
        return skip_past(r, "?>") || fail(r, "a processing instruction that does not end");
    if (ahead(r, "<!DOCTYPE"))
        return take_doctype(r);
    return ahead(r, "</") ? take_close(r) : take_open(r);
}

static bool take_text(struct reader *r)
{
    if (r->s.data[r->at] == '&' && r->depth > 0)
        return take_reference(r);
    if (r->depth == 0 && !blank(r->s.data[r->at]))
        return fail(r, "text outside the root element");
    r->at++;
    return true;
}

bool xml_well_formed(struct slice text, const char **why, size_t *at)
{
    struct reader r = {.s = text, .why = ""};
    bool good = true;
    while (good && r.at < text.len)
        good = text.data[r.at] == '<' ? take_mark(&r) : take_text(&r);
    if (good && r.depth > 0)
        good = fail(&r, "a tag that is not closed");
    if (good && !r.rooted)
        good = fail(&r, "no element");
    *why = r.why;
    *at = r.at;
    return good;
}
