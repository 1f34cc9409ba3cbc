#include "net/http1.h"

#include <string.h>
#include <strings.h>

enum { MAX_LINE = 64 << 10, MAX_HEAD = 300 << 10 };

void http1_begin(struct http1 *p)
{
    p->state = HTTP1_STATUS;
    p->status = 0;
    p->keep = p->chunked = p->line_used = false;
    p->length = -1;
    p->left = 0;
    p->head_bytes = 0;
    p->why = NULL;
    p->line.max = MAX_LINE;
    buf_clear(&p->line);
}

void http1_free(struct http1 *p)
{
    buf_free(&p->line);
}

static void refuse(struct http1 *p, const char *why)
{
    p->state = HTTP1_BAD;
    p->keep = false;
    p->why = why;
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* The next whole line without its end; false where it is not all there. */
static bool next_line(struct http1 *p, const char **at, const char *end, struct slice *line)
{
    const char *eol = memchr(*at, '\n', (size_t)(end - *at)), *stop = eol ? eol : end;
    if (p->line_used)
        buf_clear(&p->line);
    p->line_used = false;
    *line = slice_from(*at, (size_t)(stop - *at));
    if ((!eol || p->line.len) && buf_slice(&p->line, *line)) {
        refuse(p, "a line of its head is too long");
        return false;
    }
    *at = eol ? eol + 1 : end;
    if (!eol)
        return false;
    if (p->line.len) {
        *line = buf_view(&p->line);
        p->line_used = true;
    }
    if (line->len && line->data[line->len - 1] == '\r')
        line->len--;
    return true;
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

/* HTTP/1.x NNN reason */
static void status_line(struct http1 *p, struct slice s)
{
    if (s.len < 12 || memcmp(s.data, "HTTP/1.", 7) || !digit(s.data[7]) || s.data[8] != ' ' ||
        !digit(s.data[9]) || !digit(s.data[10]) || !digit(s.data[11]) ||
        (s.len > 12 && s.data[12] != ' ')) {
        refuse(p, "the answer is no HTTP/1.1");
        return;
    }
    p->status = (s.data[9] - '0') * 100 + (s.data[10] - '0') * 10 + (s.data[11] - '0');
    p->keep = s.data[7] != '0';
    p->chunked = false;
    p->length = -1;
    buf_clear(p->head);
    p->state = HTTP1_HEADER;
    if (p->status < 100 || p->status == 101)
        refuse(p, "the answer has a status that nobody asked for");
}

/* ---- headers --------------------------------------------------------------------------------- */

/* Does a comma-separated list name it, in any ASCII case? */
static bool lists(struct slice value, const char *word)
{
    size_t n = strlen(word);
    while (value.len) {
        size_t cut = slice_find(value, SLICE(","));
        struct slice item = slice_trim(slice_sub(value, 0, cut));
        if (item.len == n && !strncasecmp(item.data, word, n))
            return true;
        value = slice_sub(value, cut + 1, value.len);
    }
    return false;
}

static void content_length(struct http1 *p, struct slice value)
{
    int64_t n = 0;
    for (size_t i = 0; i < value.len; i++) {
        if (!digit(value.data[i]) || n > INT64_MAX / 10 - 1) {
            refuse(p, "its Content-Length is no number");
            return;
        }
        n = n * 10 + (value.data[i] - '0');
    }
    if (!value.len || (p->length >= 0 && p->length != n))
        refuse(p, "it says two lengths, or none");
    p->length = n;
}

static bool named(struct slice name, const char *what)
{
    return name.len == strlen(what) && !strncasecmp(name.data, what, name.len);
}

static void header_line(struct http1 *p, struct slice line)
{
    size_t colon = slice_find(line, SLICE(":"));
    struct slice name = slice_sub(line, 0, colon);
    struct slice value = slice_trim(slice_sub(line, colon + 1, line.len));
    if (!buf_slice(p->head, line)) /* past its maximum the rest is left out */
        (void)buf_str(p->head, "\r\n");
    if (colon == line.len)
        return;
    if (named(name, "content-length")) {
        content_length(p, value);
    } else if (named(name, "transfer-encoding")) {
        p->chunked = lists(value, "chunked");
        if (!named(value, "chunked") && !named(value, "identity"))
            refuse(p, "it is in a transfer encoding that was not asked for");
    } else if (named(name, "connection")) {
        p->keep = lists(value, "close") ? false : lists(value, "keep-alive") ? true : p->keep;
    }
}

static void head_over(struct http1 *p)
{
    if (p->status < 200) { /* 100 Continue and its kin: another head follows */
        p->state = HTTP1_STATUS;
        return;
    }
    if (p->status == 204 || p->status == 304) {
        p->state = HTTP1_DONE;
    } else if (p->chunked) {
        p->keep = p->keep && p->length < 0;
        p->state = HTTP1_SIZE;
    } else if (p->length >= 0) {
        p->left = (uint64_t)p->length;
        p->state = p->left ? HTTP1_LENGTH : HTTP1_DONE;
    } else {
        p->keep = false;
        p->state = HTTP1_ALL;
    }
}

/* ---- chunks ---------------------------------------------------------------------------------- */

static int hex(char c)
{
    return digit(c)               ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static void chunk_size(struct http1 *p, struct slice line)
{
    size_t i = 0;
    p->left = 0;
    for (; i < line.len && i < 15 && hex(line.data[i]) >= 0; i++)
        p->left = p->left * 16 + (uint64_t)hex(line.data[i]);
    struct slice rest = slice_trim(slice_sub(line, i, line.len));
    if (!i || (rest.len && rest.data[0] != ';'))
        refuse(p, "the size of a chunk is no number");
    else
        p->state = p->left ? HTTP1_CHUNK : HTTP1_TRAILER;
}

/* ---- all together ---------------------------------------------------------------------------- */

static void take_line(struct http1 *p, struct slice line)
{
    p->head_bytes += line.len + 2;
    switch ((int)p->state) {
    case HTTP1_STATUS: status_line(p, line); break;
    case HTTP1_HEADER:
        if (line.len)
            header_line(p, line);
        else
            head_over(p);
        break;
    case HTTP1_SIZE:
        p->head_bytes -= line.len + 2; /* as many as the body has */
        chunk_size(p, line);
        break;
    case HTTP1_CHUNKEND:
        p->head_bytes -= line.len + 2;
        if (line.len)
            refuse(p, "a chunk is longer than it says");
        else
            p->state = HTTP1_SIZE;
        break;
    default: /* a trailer */
        if (!line.len)
            p->state = HTTP1_DONE;
    }
    if (p->head_bytes > MAX_HEAD && p->state != HTTP1_BAD)
        refuse(p, "its head is too long");
}

/* A piece of the body; false: the caller wants no more. */
static bool take_body(struct http1 *p, const char **at, const char *end)
{
    size_t n = (size_t)(end - *at);
    const char *from = *at;
    if (p->state != HTTP1_ALL) {
        n = n > p->left ? (size_t)p->left : n;
        p->left -= n;
    }
    *at += n;
    if (!p->left && p->state != HTTP1_ALL)
        p->state = p->state == HTTP1_CHUNK ? HTTP1_CHUNKEND : HTTP1_DONE;
    return p->body(p->user, from, n);
}

size_t http1_feed(struct http1 *p, const char *data, size_t len)
{
    const char *at = data, *end = data + len;
    struct slice line;
    while (at < end && p->state != HTTP1_DONE && p->state != HTTP1_BAD) {
        if (p->state == HTTP1_LENGTH || p->state == HTTP1_ALL || p->state == HTTP1_CHUNK) {
            if (!take_body(p, &at, end))
                break;
        } else if (next_line(p, &at, end, &line)) {
            take_line(p, line);
        }
    }
    return (size_t)(at - data);
}

bool http1_end(struct http1 *p)
{
    if (p->state == HTTP1_ALL)
        p->state = HTTP1_DONE;
    p->keep = false;
    return p->state == HTTP1_DONE;
}
