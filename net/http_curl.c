/*
 * libcurl under the loop of net/http.c.  The only includer of curl.h.
 *
 * A flight is an easy handle and what hangs on it; it is made once and reused.  Flights live in
 * shards of some dozens of connections each, because libcurl looks for an idle connection by a walk
 * over all of them.  Slots say in which shard the next one goes: a stack, so that the connection
 * used last is used again.
 */
#include "net/http_engine.h"

#include "core/clock.h"
#include "core/mem.h"
#include "core/vec.h"
#include "net/exchange.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { SHARD = 64 };

struct shard {
    struct http_curl *curl;
    CURLM *multi;
    uint32_t number;
    int64_t timer_ns; /* when it wants to be called; INT64_MAX: by no clock */
};

struct flight {
    struct http_transfer t;
    CURL *easy;
    struct http_curl *curl;
    struct shard *shard;
    char *url; /* the last one, and as libcurl takes it apart */
    CURLU *address;
    const struct net_headers *headers;
    const struct http_route *route;
    char words[CURL_ERROR_SIZE]; /* what it says went wrong */
    struct curl_slist *list;
    curl_mime *mime;
    bool too_large;
    int file; /* what goes out, where it is a file; -1 none */
    int64_t file_size;
    int begun;  /* times libcurl was about to send it */
    bool plain; /* no TLS */
};

struct http_curl {
    struct http_loop *loop;
    CURLSH *share;
    struct shard *shards;
    uint32_t n_shards;
    uint32_t *slots; /* stack of shard numbers with room */
    size_t n_slots;
    struct flight **idle;
    size_t n_idle, cap_idle;
    bool environment_proxy; /* it names one */
};

/* ---- what libcurl calls ---------------------------------------------------------------------- */

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *of_socket)
{
    struct shard *s = user;
    struct http_loop *l = s->curl->loop;
    unsigned events = what == CURL_POLL_OUT     ? POLLER_OUT
                      : what == CURL_POLL_INOUT ? POLLER_IN | POLLER_OUT
                      : what == CURL_POLL_NONE  ? 0u
                                                : POLLER_IN;
    (void)easy;
    (void)of_socket;
    /* An idle connection stays watched for input: its next request wants the same.  If the server
     * closes it meanwhile, on_ready forgets it. */
    poller_want(l->poller, fd, what != CURL_POLL_REMOVE);
    if (poller_set(l->poller, fd, s->number, events, l->error))
        l->failed = true;
    return 0;
}

static int on_timer(CURLM *multi, long ms, void *user)
{
    struct shard *s = user;
    (void)multi;
    s->timer_ns = ms < 0 ? INT64_MAX : ms ? clock_ns() + (int64_t)ms * 1000000 : 0;
    return 0;
}

static int on_close(void *user, curl_socket_t fd)
{
    struct http_curl *c = user;
    poller_closed(c->loop->poller, fd);
    return close(fd);
}

/* libcurl sends a request again by itself when a reused connection turns out dead.  That would be
 * an attempt nobody wrote down: the second time is refused, and ends as NET_RESET. */
static int on_begin(void *user, char *to, char *from, int to_port, int from_port)
{
    struct flight *f = user;
    (void)to, (void)from, (void)to_port, (void)from_port;
    if (f->begun++)
        return CURL_PREREQFUNC_ABORT;
    f->t.x->sent = true;
    f->t.x->connected_ns = f->t.heard_ns = clock_ns();
    return CURL_PREREQFUNC_OK;
}

static size_t on_header(char *data, size_t size, size_t n, void *user)
{
    struct flight *f = user;
    struct http_exchange *x = f->t.x;
    size_t len = size * n;
    f->t.heard_ns = f->curl->loop->now_ns;
    if (!x->first_byte_ns)
        x->first_byte_ns = f->t.heard_ns;
    if (len > 5 && !memcmp(data, "HTTP/", 5)) /* a new head: 100 Continue is followed by another */
        buf_clear(&x->head);
    else if (len > 2)
        (void)buf_add(&x->head, data, len); /* past its maximum the rest is left out */
    return len;
}

static size_t on_body(char *data, size_t size, size_t n, void *user)
{
    struct flight *f = user;
    struct http_exchange *x = f->t.x;
    size_t len = size * n;
    f->t.heard_ns = f->curl->loop->now_ns;
    if (x->sink) {
        long status = 0;
        curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
        if (status >= 200 && status <= 299)
            return x->sink(x, data, len) ? len : 0;
    }
    size_t room = x->reply.max - x->reply.len;
    if (len <= room)
        return buf_add(&x->reply, data, len) ? 0 : len;
    (void)buf_add(&x->reply, data, room);
    f->too_large = true;
    return 0;
}

/* More of the file that goes out: sending it is a sign of life. */
static size_t on_read(char *out, size_t size, size_t n, void *user)
{
    struct flight *f = user;
    size_t got = exchange_read_file(f->file, out, size * n);
    f->t.heard_ns = clock_ns();
    return got == (size_t)-1 ? CURL_READFUNC_ABORT : got;
}

static int on_seek(void *user, curl_off_t offset, int origin)
{
    struct flight *f = user;
    return origin == SEEK_SET && !exchange_rewind_file(f->file, offset) ? CURL_SEEKFUNC_OK
                                                                        : CURL_SEEKFUNC_FAIL;
}

/* ---- flights --------------------------------------------------------------------------------- */

/* Each request in flight has one. */
static long buffer_size(int in_flight)
{
    return in_flight > 4096 ? 1024 : in_flight > 256 ? 2048 : in_flight > 128 ? 4096 : 16384;
}

/* Where the environment names no proxy libcurl need not look for one with every request. */
static void set_proxy(struct flight *f, const char *proxy)
{
    if (!proxy && !f->curl->environment_proxy)
        proxy = "";
    curl_easy_setopt(f->easy, CURLOPT_PROXY, proxy);
    curl_easy_setopt(f->easy, CURLOPT_NOPROXY, proxy && !*proxy ? "" : NULL);
}

static void set_once(struct http_curl *c, struct flight *f)
{
    CURL *e = f->easy;
    curl_easy_setopt(e, CURLOPT_PRIVATE, f);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(e, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(e, CURLOPT_READDATA, f);
    curl_easy_setopt(e, CURLOPT_SEEKFUNCTION, on_seek);
    curl_easy_setopt(e, CURLOPT_SEEKDATA, f);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, f);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, f);
    curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, on_begin);
    curl_easy_setopt(e, CURLOPT_PREREQDATA, f);
    curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    curl_easy_setopt(e, CURLOPT_CLOSESOCKETDATA, c);
    curl_easy_setopt(e, CURLOPT_SHARE, c->share);
    curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(e, CURLOPT_BUFFERSIZE, buffer_size(c->loop->o.max_in_flight));
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, 86400000L); /* ours is in sweep() */
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(e, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    curl_easy_setopt(e, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE); /* no key to a proxy */
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, f->words);
    curl_easy_setopt(e, CURLOPT_ACCEPT_ENCODING, ""); /* see set_headers */
    set_proxy(f, NULL);
}

static void set_route(struct flight *f, const struct http_route *r)
{
    if (f->route == r)
        return;
    curl_easy_reset(f->easy); /* the only way back to the usual CA */
    set_once(f->curl, f);
    mem_free(f->url);
    f->url = NULL;
    f->route = r;
    if (!r)
        return;
    if (r->ca_file) {
        curl_easy_setopt(f->easy, CURLOPT_CAINFO, r->ca_file);
        curl_easy_setopt(f->easy, CURLOPT_PROXY_CAINFO, r->ca_file);
    }
    set_proxy(f, r->proxy);
    curl_easy_setopt(f->easy, CURLOPT_PROXYUSERPWD, r->proxy_user);
}

static struct flight *flight_get(struct http_curl *c)
{
    if (c->n_idle)
        return c->idle[--c->n_idle];
    struct flight *f = mem_zero(1, sizeof *f);
    f->curl = c;
    f->file = -1;
    f->easy = curl_easy_init();
    if (!f->easy) {
        mem_free(f);
        return NULL;
    }
    set_once(c, f);
    return f;
}

static void close_file(struct flight *f)
{
    if (f->file >= 0)
        close(f->file);
    f->file = -1;
}

static void flight_free(struct flight *f)
{
    close_file(f);
    curl_easy_cleanup(f->easy);
    curl_mime_free(f->mime);
    curl_slist_free_all(f->list);
    curl_url_cleanup(f->address);
    mem_free(f->url);
    mem_free(f);
}

/* Taken apart once: of one address there are thousands of requests.  What is no address goes to
 * libcurl as it is, which says so. */
static void set_address(struct flight *f, const char *url)
{
    if (f->url && !strcmp(f->url, url))
        return;
    mem_free(f->url);
    f->url = mem_strdup(url);
    curl_url_cleanup(f->address);
    f->address = curl_url();
    if (f->address && curl_url_set(f->address, CURLUPART_URL, url, 0)) {
        curl_url_cleanup(f->address);
        f->address = NULL;
    }
    bool tls = !strncasecmp(url, "https:", 6);
    curl_easy_setopt(f->easy, CURLOPT_URL, url);
    curl_easy_setopt(f->easy, CURLOPT_CURLU, f->address);
    curl_easy_setopt(f->easy, CURLOPT_PIPEWAIT, tls ? 1L : 0L);
    f->headers = NULL;
    f->plain = !tls;
}

/* What comes compressed is unpacked, asked for or not, and its maximum is that of the unpacked bytes.
 * It is asked for over TLS, where the way is long; next door it takes more time than it saves. */
static int set_headers(struct flight *f, const struct net_headers *headers)
{
    static const char *const left_out[] = {"Expect:", "Accept-Encoding:"};
    struct curl_slist *list = NULL;
    if (f->headers == headers && f->headers && f->list)
        return 0;
    for (int i = f->plain ? -2 : -1; i < (headers ? headers->n : 0); i++) {
        struct curl_slist *longer =
            curl_slist_append(list, i < 0 ? left_out[-1 - i] : headers->line[i]);
        if (!longer) {
            curl_slist_free_all(list);
            return -1;
        }
        list = longer;
    }
    curl_easy_setopt(f->easy, CURLOPT_HTTPHEADER, list);
    curl_slist_free_all(f->list);
    f->list = list;
    f->headers = headers;
    return 0;
}

static int set_form(struct flight *f, const struct http_form *form)
{
    f->mime = curl_mime_init(f->easy);
    for (; f->mime && form->name; form++) {
        curl_mimepart *part = curl_mime_addpart(f->mime);
        if (!part || curl_mime_name(part, form->name) ||
            (form->file ? curl_mime_data_cb(part, f->file_size, on_read, on_seek, NULL, f)
                        : curl_mime_data(part, form->data.data, form->data.len)) ||
            (form->filename && curl_mime_filename(part, form->filename)))
            return -1;
    }
    return f->mime ? (curl_easy_setopt(f->easy, CURLOPT_MIMEPOST, f->mime), 0) : -1;
}

static int set_request(struct flight *f, struct http_exchange *x)
{
    CURL *e = f->easy;
    set_route(f, x->route);
    f->words[0] = '\0';
    set_address(f, x->url);
    if (set_headers(f, x->headers))
        return -1;
    if (x->form) {
        if (set_form(f, x->form))
            return -1;
    } else if (x->body_file) {
        curl_easy_setopt(e, CURLOPT_POST, 1L);
        curl_easy_setopt(e, CURLOPT_POSTFIELDS, NULL);
        curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)f->file_size);
    } else if (x->body.data) {
        curl_easy_setopt(e, CURLOPT_POST, 1L);
        curl_easy_setopt(e, CURLOPT_POSTFIELDS, x->body.data);
        curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)x->body.len);
    } else {
        curl_easy_setopt(e, CURLOPT_HTTPGET, 1L);
    }
    curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, x->method);
    return 0;
}

struct http_transfer *http_curl_submit(struct http_curl *c, struct http_exchange *x,
                                       struct error *error)
{
    struct flight *f = flight_get(c);
    if (!f) {
        error_set(error, ERROR_MEMORY, "no memory for one more request");
        return NULL;
    }
    f->t.x = x;
    f->t.heard_ns = x->started_ns;
    f->shard = &c->shards[c->slots[c->n_slots - 1]];
    f->begun = 0;
    f->too_large = false;
    int rc = exchange_open_file(x, &f->file, &f->file_size, error);
    if (!rc && (set_request(f, x) || curl_multi_add_handle(f->shard->multi, f->easy)))
        rc = error_set(error, ERROR_FAILED, "%s: the request could not be set up", x->url);
    if (rc) {
        flight_free(f);
        return NULL;
    }
    c->n_slots--;
    return &f->t;
}

/* Take it out of its shard; it is idle afterwards. */
void http_curl_detach(struct http_curl *c, struct http_transfer *t)
{
    struct flight *f = (struct flight *)t;
    curl_multi_remove_handle(f->shard->multi, f->easy);
    close_file(f);
    if (f->mime) {
        curl_easy_setopt(f->easy, CURLOPT_MIMEPOST, NULL);
        curl_mime_free(f->mime);
        f->mime = NULL;
    }
    c->slots[c->n_slots++] = f->shard->number;
    c->idle = vec_reserve(c->idle, &c->cap_idle, c->n_idle + 1, sizeof(struct flight *));
    c->idle[c->n_idle++] = f;
}

int http_curl_status(const struct http_transfer *t)
{
    long status = 0;
    curl_easy_getinfo(((const struct flight *)t)->easy, CURLINFO_RESPONSE_CODE, &status);
    return (int)status;
}

/* ---- what libcurl says ----------------------------------------------------------------------- */

/* What libcurl calls it, in our words. */
static enum net_cause cause_of(const struct flight *f, CURLcode code)
{
    long proxy = 0;
    curl_easy_getinfo(f->easy, CURLINFO_HTTP_CONNECTCODE, &proxy);
    if (f->too_large)
        return NET_TOO_LARGE;
    if (f->t.x->status == 407 || (code != CURLE_OK && proxy >= 400 && proxy < 500))
        return NET_PROXY;
    switch ((int)code) {
    case CURLE_OK: return NET_OK;
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT: return NET_CONNECT;
    case CURLE_SSL_CONNECT_ERROR: return NET_TLS;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR: return NET_CERTIFICATE;
    case CURLE_OPERATION_TIMEDOUT: return NET_CONNECT_TIMEOUT;
    case CURLE_PARTIAL_FILE: return NET_TORN;
    case CURLE_URL_MALFORMAT: return NET_MODEL;
    case CURLE_UNSUPPORTED_PROTOCOL: /* of the URL; or the answer is no HTTP */
        return f->t.x->sent ? NET_MALFORMED : NET_MODEL;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING: return NET_MALFORMED;
    default: return f->t.x->sent ? NET_RESET : NET_CONNECT;
    }
}

static void explain(struct flight *f, CURLcode code)
{
    struct http_exchange *x = f->t.x;
    const char *words = f->too_large       ? "the reply is over the maximum (gen.max_reply_mb)"
                        : f->words[0]      ? f->words
                        : code != CURLE_OK ? curl_easy_strerror(code)
                                           : "it wants a user and a password";
    net_line(slice_of(words), x->message, sizeof x->message);
}

static void collect(struct http_curl *c, struct shard *s)
{
    CURLMsg *m;
    int left;
    while ((m = curl_multi_info_read(s->multi, &left)) != NULL) {
        struct flight *f = NULL;
        CURLcode code = m->data.result;
        if (m->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &f);
        f->t.x->status = http_curl_status(&f->t);
        if (code != CURLE_OK || f->t.x->status == 407)
            explain(f, code);
        c->loop->ended(c->loop, &f->t, cause_of(f, code));
    }
}

void http_curl_timers(struct http_curl *c)
{
    int running;
    for (uint32_t i = 0; i < c->n_shards; i++) {
        struct shard *s = &c->shards[i];
        if (s->timer_ns > c->loop->now_ns)
            continue;
        s->timer_ns = INT64_MAX;
        curl_multi_socket_action(s->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        collect(c, s);
    }
}

int64_t http_curl_until(const struct http_curl *c)
{
    int64_t until = INT64_MAX;
    for (uint32_t i = 0; i < c->n_shards; i++)
        if (c->shards[i].timer_ns < until)
            until = c->shards[i].timer_ns;
    return until;
}

void http_curl_ready(struct http_curl *c, const struct poller_event *e)
{
    struct shard *s = &c->shards[e->tag];
    int running, mask = (e->ready & POLLER_IN ? CURL_CSELECT_IN : 0) |
                        (e->ready & POLLER_OUT ? CURL_CSELECT_OUT : 0) |
                        (e->ready & POLLER_GONE ? CURL_CSELECT_ERR : 0);
    if (!poller_wanted(c->loop->poller, e->fd)) {
        (void)poller_set(c->loop->poller, e->fd, e->tag, 0, NULL);
        return;
    }
    curl_multi_socket_action(s->multi, e->fd, mask, &running);
    collect(c, s);
}

/* ---- making and ending ----------------------------------------------------------------------- */

static int shard_open(struct http_curl *c, uint32_t i, struct error *error)
{
    struct shard *s = &c->shards[i];
    *s = (struct shard){.curl = c, .number = i, .timer_ns = INT64_MAX};
    s->multi = curl_multi_init();
    if (!s->multi)
        return error_set(error, ERROR_MEMORY, "curl_multi_init failed");
    c->n_shards = i + 1;
    curl_multi_setopt(s->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(s->multi, CURLMOPT_SOCKETDATA, s);
    curl_multi_setopt(s->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(s->multi, CURLMOPT_TIMERDATA, s);
    curl_multi_setopt(s->multi, CURLMOPT_MAXCONNECTS, (long)SHARD + 1);
    return 0;
}

static bool proxy_in_environment(void)
{
    static const char *const names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY",
                                        "all_proxy",  "ALL_PROXY",   NULL};
    for (const char *const *n = names; *n; n++)
        if (getenv(*n))
            return true;
    return false;
}

struct http_curl *http_curl_new(struct http_loop *l, struct error *error)
{
    uint32_t most = (uint32_t)l->o.max_in_flight, shards = (most + SHARD - 1) / SHARD;
    if (curl_global_init(CURL_GLOBAL_ALL)) {
        error_set(error, ERROR_FAILED, "libcurl did not start");
        return NULL;
    }
    struct http_curl *c = mem_zero(1, sizeof *c);
    c->loop = l;
    c->environment_proxy = proxy_in_environment();
    c->shards = mem_zero(shards, sizeof *c->shards);
    c->slots = mem_alloc(most * sizeof *c->slots);
    c->share = curl_share_init();
    if (!c->share) {
        error_set(error, ERROR_MEMORY, "curl_share_init failed");
        goto fail;
    }
    curl_share_setopt(c->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
    curl_share_setopt(c->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    for (uint32_t i = 0; i < shards; i++)
        if (shard_open(c, i, error))
            goto fail;
    for (uint32_t i = most; i-- > 0;)
        c->slots[c->n_slots++] = i / SHARD;
    return c;
fail:
    http_curl_free(c);
    return NULL;
}

void http_curl_free(struct http_curl *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->n_idle; i++)
        flight_free(c->idle[i]);
    for (uint32_t i = 0; i < c->n_shards; i++)
        curl_multi_cleanup(c->shards[i].multi);
    curl_share_cleanup(c->share);
    mem_free(c->idle);
    mem_free(c->slots);
    mem_free(c->shards);
    mem_free(c);
}

const char *http_curl_version(void)
{
    return curl_version();
}
