#include "net/body.h"

#include <math.h>
#include <string.h>

bool body_key(struct buf *out, const struct net_params *p, const char *name)
{
    if (p->extra && json_get(p->extra, name))
        return false;
    buf_str(out, ",\"");
    buf_str(out, name);
    buf_str(out, "\":");
    return true;
}

/* The shortest decimal takes some microseconds to find, and a run has two or three of them. */
static void put_double(struct buf *out, double x)
{
    enum { KNOWN = 4 };
    static _Thread_local struct {
        double x;
        char text[40]; /* "": none yet */
    } known[KNOWN];
    static _Thread_local unsigned next;
    for (unsigned k = 0; k < KNOWN; k++)
        if (*known[k].text && !memcmp(&known[k].x, &x, sizeof x)) {
            buf_str(out, known[k].text);
            return;
        }
    struct json *node = json_new_number(x);
    struct buf text = BUF_MAX(39);
    if (!json_write(node, JSON_CANONICAL, &text)) {
        unsigned k = next++ % KNOWN;
        known[k].x = x;
        memcpy(known[k].text, buf_text(&text), text.len + 1);
    }
    buf_slice(out, buf_view(&text));
    buf_free(&text);
    json_free(node);
}

void body_number(struct buf *out, const struct net_params *p, const char *name, double x)
{
    if (!isnan(x) && body_key(out, p, name))
        put_double(out, x);
}

void body_integer(struct buf *out, const struct net_params *p, const char *name, int64_t x)
{
    if (body_key(out, p, name))
        buf_printf(out, "%lld", (long long)x);
}

void body_extra(const struct net_params *p, struct buf *out)
{
    for (const struct json *e = json_first(p->extra); e; e = json_next(e)) {
        buf_char(out, ',');
        json_quote(slice_of(json_key(e)), 0, out);
        buf_char(out, ':');
        json_write(e, JSON_CANONICAL, out);
    }
}

int body_end(struct buf *out, struct error *error)
{
    if (buf_char(out, '}'))
        return error_set(error, ERROR_LIMIT, "the request is over %zu bytes", out->max);
    return 0;
}
