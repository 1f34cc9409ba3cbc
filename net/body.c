#include "net/body.h"

#include <math.h>

bool body_key(struct buf *out, const struct net_params *p, const char *name)
{
    if (p->extra && json_get(p->extra, name))
        return false;
    buf_printf(out, ",\"%s\":", name);
    return true;
}

void body_number(struct buf *out, const struct net_params *p, const char *name, double x)
{
    struct json *node;
    if (isnan(x) || !body_key(out, p, name))
        return;
    node = json_new_number(x);
    json_write(node, JSON_CANONICAL, out);
    json_free(node);
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
