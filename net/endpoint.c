#include "net/endpoint.h"

#include "core/file.h"
#include "core/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static double number_or(const struct json *object, const char *key, double fallback)
{
    return json_number(json_get(object, key), fallback);
}

static char *text_or_null(const struct json *object, const char *key)
{
    const char *t = json_text(json_get(object, key), NULL);
    return t && *t ? mem_strdup(t) : NULL;
}

/* ---- address --------------------------------------------------------------------------------- */

/* Where the path, the query and the user part of a URL stand. */
struct url_parts {
    size_t host; /* behind "scheme://" */
    size_t at;   /* behind "user:password@", or host */
    size_t end;  /* of the path: where a query or fragment begins */
};

static int split(const char *url, struct url_parts *p, struct error *error)
{
    size_t scheme = !strncasecmp(url, "http://", 7) ? 7 : !strncasecmp(url, "https://", 8) ? 8 : 0;
    if (!scheme || !url[scheme])
        return error_set(error, ERROR_USAGE,
                         "teacher.base_url: \"%.100s\" is not an http:// or https:// address", url);
    size_t authority = scheme + strcspn(url + scheme, "/?#");
    p->host = p->at = scheme;
    for (size_t i = scheme; i < authority; i++)
        if (url[i] == '@')
            p->at = i + 1;
    p->end = authority + strcspn(url + authority, "?#");
    while (p->end > authority && url[p->end - 1] == '/')
        p->end--;
    return 0;
}

static int set_address(struct endpoint *e, const char *base, struct error *error)
{
    struct url_parts p = {0, 0, 0};
    struct buf b = BUF_MAX(8192);
    if (split(base, &p, error))
        return -1;
    const char *query = base + p.end + strspn(base + p.end, "/");
    buf_add(&b, base, p.end);
    buf_str(&b, e->provider->path);
    buf_str(&b, query);
    if (b.full) {
        buf_free(&b);
        return error_set(error, ERROR_USAGE, "teacher.base_url is too long");
    }
    e->url = buf_take(&b);
    buf_add(&b, base, p.host);
    buf_add(&b, base + p.at, p.end - p.at);
    buf_str(&b, e->provider->path);
    e->name = buf_take(&b);
    return 0;
}

/* ---- key ------------------------------------------------------------------------------------- */

static void wipe(struct buf *b)
{
    volatile char *p = b->data;
    for (size_t i = 0; i < b->len; i++)
        p[i] = 0;
    buf_free(b);
}

/* 1 there is a key, 0 none is wanted. */
static int read_key(const struct json *t, const char *folder, struct buf *key, struct error *error)
{
    const char *file = json_text(json_get(t, "api_key_file"), NULL);
    const char *env = json_text(json_get(t, "api_key_env"), NULL);
    if (file) {
        char *path = file_join(folder, file);
        int rc = file_read(path, key, error);
        mem_free(path);
        if (rc)
            return error_wrap(error, "teacher.api_key_file");
    } else if (env) {
        const char *value = getenv(env);
        if (!value || !*value)
            return error_set(error, ERROR_USAGE,
                             "teacher.api_key_env: the environment has no %s; export it, or name a "
                             "file in teacher.api_key_file",
                             env);
        buf_str(key, value);
    } else {
        return 0;
    }
    while (key->len && strchr(" \t\r\n", key->data[key->len - 1]))
        key->data[--key->len] = '\0';
    if (!key->len)
        return error_set(error, ERROR_USAGE, "%s: the key is empty", file ? file : env);
    return 1;
}

static int set_headers(struct endpoint *e, const struct json *t, const char *folder,
                       struct error *error)
{
    struct buf key = BUF_MAX(4000);
    const char *own = json_text(json_get(t, "api_key_header"), NULL);
    int have = read_key(t, folder, &key, error);
    int rc = have < 0
                 ? -1
                 : e->provider->headers(have && !own ? buf_text(&key) : NULL, &e->headers, error);
    if (!rc && have && own)
        rc = net_headers_add(&e->headers, own, buf_text(&key), error);
    for (const struct json *h = json_first(json_get(t, "headers")); !rc && h; h = json_next(h))
        rc = net_headers_add(&e->headers, json_key(h), json_text(h, ""), error);
    wipe(&key);
    return rc;
}

/* ---- all of it ------------------------------------------------------------------------------- */

int endpoint_open(struct endpoint *e, const struct json *teacher, const char *folder,
                  struct error *error)
{
    const struct json *price = json_get(teacher, "price"), *limits = json_get(teacher, "limits");
    const char *provider = json_text(json_get(teacher, "provider"), "openai");
    const char *field = json_text(json_get(teacher, "max_tokens_field"), "auto");
    memset(e, 0, sizeof *e);
    e->provider = net_provider_find(provider);
    if (!e->provider)
        return error_set(error, ERROR_USAGE, "teacher.provider: there is no provider %s", provider);
    e->model = mem_strdup(json_text(json_get(teacher, "model"), "default"));
    if (set_address(e, json_text(json_get(teacher, "base_url"), "http://127.0.0.1:8080/v1"),
                    error) ||
        set_headers(e, teacher, folder, error)) {
        endpoint_close(e);
        return -1;
    }
    char *own = text_or_null(teacher, "name");
    e->label = mem_strdup(own ? own : e->model);
    if (own) {
        mem_free(e->name);
        e->name = own;
    }
    e->licence = text_or_null(teacher, "licence");
    e->extra = json_get(teacher, "body");
    e->weight = number_or(teacher, "weight", 1);
    e->dialect.max_tokens_old = !strcmp(field, "max_tokens");
    e->dialect_fixed = strcmp(field, "auto") != 0;
    e->limits = (struct pace_config){
        .in_flight = (int)number_or(teacher, "in_flight", 64),
        .requests_per_minute = number_or(limits, "requests_per_minute", 0),
        .tokens_per_minute = number_or(limits, "tokens_per_minute", 0),
        .input_tokens_per_minute = number_or(limits, "input_tokens_per_minute", 0),
        .output_tokens_per_minute = number_or(limits, "output_tokens_per_minute", 0),
    };
    e->input_price = number_or(price, "input", (double)NAN);
    e->output_price = number_or(price, "output", (double)NAN);
    e->cached_price = number_or(price, "cached", e->input_price);
    return 0;
}

void endpoint_close(struct endpoint *e)
{
    net_headers_free(&e->headers);
    mem_free(e->url);
    mem_free(e->name);
    mem_free(e->label);
    mem_free(e->model);
    mem_free(e->licence);
    memset(e, 0, sizeof *e);
}

bool endpoint_has_price(const struct endpoint *e)
{
    return !isnan(e->input_price) && !isnan(e->output_price);
}

int64_t endpoint_cost(const struct endpoint *e, const struct net_usage *u)
{
    if (!endpoint_has_price(e))
        return 0;
    int64_t cached = u->cached < u->input ? u->cached : u->input;
    /* USD a million tokens is 1000 nano-USD a token. */
    double nusd = 1000 * ((double)(u->input - cached) * e->input_price +
                          (double)cached * e->cached_price + (double)u->output * e->output_price);
    return (int64_t)ceil(nusd);
}
