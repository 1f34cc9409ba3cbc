/* What every provider's replies share. */
#include "net/net.h"

#include "core/mem.h"
#include "core/unicode.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

void net_reply_free(struct net_reply *r)
{
    arena_free(&r->arena);
    memset(r, 0, sizeof *r);
}

enum net_cause net_choice_cause(const struct net_choice *c)
{
    if (slice_is(c->finish_reason, "content_filter"))
        return NET_CONTENT_FILTER;
    if (c->refusal.len)
        return NET_REFUSAL;
    if (!slice_trim(c->text).len && !c->tool_calls.len)
        return NET_EMPTY;
    return c->invalid ? NET_SCHEMA : NET_OK;
}

int net_malformed(struct net_failure *f, const char *why)
{
    f->cause = NET_MALFORMED;
    snprintf(f->message, sizeof f->message, "%.*s", (int)sizeof f->message - 1, why);
    f->parameter[0] = '\0';
    return -1;
}

void net_line(struct slice s, char *out, size_t size)
{
    struct buf b = BUF;
    utf8_repair(slice_sub(slice_trim(s), 0, size - 1), &b);
    size_t n = b.len < size - 1 ? b.len : size - 1;
    while (n < b.len && n && ((unsigned char)b.data[n] & 0xC0) == 0x80)
        n--; /* do not cut inside a character */
    for (size_t i = 0; i < n; i++)
        out[i] = (unsigned char)b.data[i] < 0x20 || b.data[i] == 0x7f ? ' ' : b.data[i];
    out[n] = '\0';
    buf_free(&b);
}

bool net_says(struct slice text, const char *words)
{
    size_t n = strlen(words);
    for (size_t i = 0; i + n <= text.len; i++)
        if (!strncasecmp(text.data + i, words, n))
            return true;
    return false;
}

static bool printable(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            return false;
    return true;
}

int net_headers_add(struct net_headers *h, const char *name, const char *value, struct error *error)
{
    struct buf line = BUF_MAX(65536);
    if (h->n == NET_MAX_HEADERS)
        return error_set(error, ERROR_USAGE, "more than %d headers", NET_MAX_HEADERS);
    if (!printable(name) || !printable(value) || strchr(name, ':') || !*name)
        return error_set(error, ERROR_USAGE,
                         "header %s: its name or value holds a control character", name);
    if (buf_printf(&line, "%s: %s", name, value)) {
        buf_free(&line);
        return error_set(error, ERROR_USAGE, "header %s is too long", name);
    }
    h->line[h->n++] = buf_take(&line);
    return 0;
}

void net_headers_free(struct net_headers *h)
{
    for (int i = 0; i < h->n; i++) {
        volatile char *p = h->line[i];
        while (*p)
            *p++ = 0;
        mem_free(h->line[i]);
    }
    h->n = 0;
}
