#include "net/endpoint.h"

#include "core/file.h"
#include "core/mem.h"
#include "net/batches.h"

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
    e->query = mem_strdup(query);
    if (b.full) {
        buf_free(&b);
        return error_set(error, ERROR_USAGE, "teacher.base_url is too long");
    }
    e->url = buf_take(&b);
    buf_add(&b, base, p.end);
    e->base = buf_take(&b);
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
    for (int i = 0; !rc && i < e->headers.n; i++) {
        char *line = e->headers.line[i];
        if (strncasecmp(line, "Content-Type:", 13) != 0)
            e->plain.line[e->plain.n++] = mem_strdup(line);
    }
    return rc;
}

/* ---- route ----------------------------------------------------------------------------------- */

static bool has_user(const char *url)
{
    const char *host = strstr(url, "://") ? strstr(url, "://") + 3 : url;
    return memchr(host, '@', strcspn(host, "/?#")) != NULL;
}

/* A recipe is stored in the dataset: it holds no password. */
static int check_addresses(const struct json *t, struct error *error)
{
    if (has_user(json_text(json_get(t, "base_url"), "")))
        return error_set(error, ERROR_USAGE,
                         "teacher.base_url: a user and password do not belong into the recipe, "
                         "which the dataset keeps; put \"Basic …\" into the variable of "
                         "teacher.api_key_env and set teacher.api_key_header to Authorization");
    if (has_user(json_text(json_get(t, "proxy"), "")))
        return error_set(error, ERROR_USAGE,
                         "teacher.proxy: a user and password do not belong into the recipe, which "
                         "the dataset keeps; put user:password into an environment variable and "
                         "name it in teacher.proxy_auth_env");
    return 0;
}

static int set_route(struct endpoint *e, const struct json *t, const char *folder,
                     struct error *error)
{
    const char *ca = json_text(json_get(t, "ca_file"), NULL);
    const char *proxy = json_text(json_get(t, "proxy"), NULL);
    const char *env = json_text(json_get(t, "proxy_auth_env"), NULL);
    const char *user = env ? getenv(env) : NULL;
    if (check_addresses(t, error))
        return -1;
    if (env && (!user || !strchr(user, ':')))
        return error_set(error, ERROR_USAGE,
                         "teacher.proxy_auth_env: the environment has no user:password in %s", env);
    e->ca_file = ca ? file_join(folder, ca) : NULL;
    e->proxy = proxy ? mem_strdup(proxy) : NULL;
    e->proxy_user = user ? mem_strdup(user) : NULL;
    e->route = (struct http_route){e->ca_file, e->proxy, e->proxy_user};
    if (e->ca_file && !file_exists(e->ca_file))
        return error_set(error, ERROR_USAGE, "teacher.ca_file: %s is not there", e->ca_file);
    return 0;
}

/* ---- batches --------------------------------------------------------------------------------- */

static int set_batch(struct endpoint *e, const struct json *t, struct error *error)
{
    const struct json *b = json_get(t, "batch");
    const struct net_batches *has = e->provider->batches;
    double mb = number_or(b, "max_mb", 0);
    char *url = text_or_null(b, "endpoint");
    struct buf path = BUF_MAX(256);
    e->batch = (struct endpoint_batch){
        .on = !strcmp(json_text(json_get(t, "mode"), "online"), "batch"),
        .leftovers_online = !strcmp(json_text(json_get(b, "leftovers"), "batch"), "online"),
        .wait = json_type(json_get(b, "wait")) != JSON_FALSE,
        .discount = number_or(b, "discount", 0.5),
        .max_lines = (int64_t)number_or(b, "max_requests", 0),
        .max_bytes = (int64_t)(mb * 1e6),
        .poll_ms = (int64_t)(number_or(b, "poll_s", 60) * 1000),
        .window = mem_strdup(json_text(json_get(b, "window"), "24h")),
    };
    buf_str(&path, "/v1");
    buf_str(&path, e->provider->path);
    e->batch.url = url ? url : mem_strdup(buf_text(&path));
    buf_free(&path);
    if (e->batch.on && !has)
        return error_set(error, ERROR_USAGE, "teacher.mode: provider %s has no batches; use online",
                         e->provider->name);
    if (has && e->batch.max_lines <= 0)
        e->batch.max_lines = has->max_lines;
    if (has && e->batch.max_bytes <= 0)
        e->batch.max_bytes = has->max_bytes;
    return 0;
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
        set_route(e, teacher, folder, error) || set_headers(e, teacher, folder, error) ||
        set_batch(e, teacher, error)) {
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
    e->part_tokens = (int64_t)number_or(teacher, "part_tokens", -1);
    e->input_price = number_or(price, "input", (double)NAN);
    e->output_price = number_or(price, "output", (double)NAN);
    e->cached_price = number_or(price, "cached", e->input_price);
    return 0;
}

void endpoint_close(struct endpoint *e)
{
    net_headers_free(&e->headers);
    net_headers_free(&e->plain);
    mem_free(e->base);
    mem_free(e->query);
    mem_free(e->ca_file);
    mem_free(e->proxy);
    for (volatile char *p = e->proxy_user; p && *p; p++)
        *p = 0;
    mem_free(e->proxy_user);
    mem_free(e->batch.url);
    mem_free(e->batch.window);
    mem_free(e->url);
    mem_free(e->name);
    mem_free(e->label);
    mem_free(e->model);
    mem_free(e->licence);
    memset(e, 0, sizeof *e);
}

void endpoint_address(const struct endpoint *e, const char *path, struct buf *out)
{
    buf_str(out, e->base);
    buf_str(out, path);
    if (!*e->query)
        return;
    if (strchr(path, '?')) {
        buf_char(out, '&');
        buf_str(out, e->query + 1);
    } else {
        buf_str(out, e->query);
    }
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
    double nusd = 1000 * ((double)(u->input - cached + u->surcharge) * e->input_price +
                          (double)cached * e->cached_price + (double)u->output * e->output_price);
    return (int64_t)ceil(nusd);
}
