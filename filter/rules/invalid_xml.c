/*
 * XML (SVG, RSS …) was asked for, the reply is meant as XML (it, or a fenced block of it, opens with
 * a tag), and it is not well-formed.
 */
#include "filter/fence.h"
#include "filter/rules.h"
#include "filter/text.h"
#include "filter/xml.h"

#include <string.h>

TEXT_LIST(wants_xml, "xml", "svg", "rss feed", "kml", "soap message");

/* Requests about XML whose answer need not be XML. */
TEXT_LIST(other_wish, "xml to", "from xml", "parse", "parser", "fix", "explain", "what is xml",
          "invalid", "html", "fragment", "snippet", "convert the xml", "解析", "什么是xml");

static bool opens_xml(struct slice s)
{
    s = text_skip_space(s);
    return s.len > 2 && s.data[0] == '<' &&
           (s.data[1] == '?' || s.data[1] == '!' ||
            ((s.data[1] | 0x20) >= 'a' && (s.data[1] | 0x20) <= 'z'));
}

static bool check(const struct row *row, struct slice text, struct finding *out)
{
    const char *why;
    size_t at;
    text = slice_trim(text);
    if (xml_well_formed(text, &why, &at))
        return false;
    const size_t from = (size_t)(text.data - row->output.data);
    finding_span(out, "output", from + (at < text.len ? at : text.len), from + text.len);
    finding_why(out, "XML was asked for, and this is none: %s at byte %zu", why, from + at);
    return true;
}

static bool judge(const void *state, const struct row *row, struct finding *out)
{
    struct fence f;
    size_t at = 0;
    (void)state;
    if (row->reply.len == 0 || memchr(row->reply.data, '<', row->reply.len) == NULL ||
        !text_has_any(row->request, &wants_xml) || text_has_any(row->request, &other_wish))
        return false;
    if (opens_xml(row->reply))
        return check(row, row->reply, out);
    while (fence_next(row->output, &at, &f))
        if (opens_xml(f.content) &&
            (f.info.len == 0 || text_starts(f.info, "xml") || text_starts(f.info, "svg")) &&
            check(row, f.content, out))
            return true;
    return false;
}

const struct filter_rule rule_invalid_xml = {
    .name = "invalid_xml",
    .version = 1,
    .usual = true,
    .action = VERDICT_REMOVE,
    .summary = "the reply is not the XML that was asked for",
    .judge = judge,
};
