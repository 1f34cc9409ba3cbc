#include "report/html.h"

#include "core/unicode.h"

static void put(struct buf *out, char c)
{
    switch (c) {
    case '&': buf_str(out, "&amp;"); break;
    case '<': buf_str(out, "&lt;"); break;
    case '>': buf_str(out, "&gt;"); break;
    case '"': buf_str(out, "&quot;"); break;
    case '\'': buf_str(out, "&#39;"); break;
    case '\t':
    case '\n': buf_char(out, c); break;
    case '\r': buf_char(out, '\n'); break;
    default:
        if ((unsigned char)c < 0x20 || c == 0x7F)
            buf_utf8(out, 0xFFFD);
        else
            buf_char(out, c);
    }
}

void html_text(struct buf *out, struct slice text)
{
    struct buf valid = BUF;
    if (!utf8_valid(text)) {
        utf8_repair(text, &valid);
        text = buf_view(&valid);
    }
    for (size_t i = 0; i < text.len; i++)
        put(out, text.data[i]);
    buf_free(&valid);
}

void html_str(struct buf *out, const char *text)
{
    html_text(out, slice_of(text));
}

void html_json(struct buf *out, const struct json *tree)
{
    struct buf text = BUF;
    json_write(tree, 0, &text);
    /* Outside of strings JSON has none of these, and inside an escape says the same. */
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] == '<' || text.data[i] == '>' || text.data[i] == '&')
            buf_printf(out, "\\u%04x", (unsigned)(unsigned char)text.data[i]);
        else
            buf_char(out, text.data[i]);
    buf_free(&text);
}
