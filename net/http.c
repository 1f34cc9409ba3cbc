#include "net/http.h"

#include "core/clock.h"
#include "core/mem.h"
#include "core/vec.h"
#include "net/exchange.h"
#include "net/poller.h"

#include <curl/curl.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/*
 * A transfer is an easy handle and what hangs on it; it is made once and reused.  Slots say in
 * which shard the next one goes: a stack, so that the connection used last is used again.
 */
enum { SHARD = 64, SWEEP_MS = 50, WATCH_TAG = 1 << 30, MAX_WATCHED = 8 };

struct shard {
    struct http *http;
    CURLM *multi;
    uint32_t number;
    int64_t timer_ns; /* when it wants to be called; INT64_MAX: by no clock */
};

struct http_transfer {
    CURL *easy;
    struct http *http;
    struct shard *shard;
    struct http_exchange *x; /* NULL: idle */
    size_t place;            /* in http.active */
    const struct net_headers *headers;
    const struct http_route *route;
    char words[CURL_ERROR_SIZE]; /* what it says went wrong */
    struct curl_slist *list;
    curl_mime *mime;
    int64_t heard_ns;
    bool too_large;
    int file; /* what goes out, where it is a file; -1 none */
    int64_t file_size;
    int begun; /* times libcurl was about to send it */
};

struct http {
    struct http_options o;
    struct poller *poller;
    CURLSH *share;
    struct shard *shards;
    uint32_t n_shards;
    uint32_t *slots; /* stack of shard numbers with room */
    size_t n_slots, cap_slots;
    struct http_transfer **active, **idle;
    size_t n_active, cap_active, n_idle, cap_idle;
    int n_watched;
    int64_t now_ns, sweep_ns;
    struct error *error; /* of the poll in progress */
    bool failed;
};

/* ---- what libcurl calls ---------------------------------------------------------------------- */

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *of_socket)
{
    struct shard *s = user;
    struct http *h = s->http;
    unsigned events = what == CURL_POLL_OUT     ? POLLER_OUT
                      : what == CURL_POLL_INOUT ? POLLER_IN | POLLER_OUT
                      : what == CURL_POLL_NONE  ? 0u
                                                : POLLER_IN;
    (void)easy;
    (void)of_socket;
    /* An idle connection stays watched for input: its next request wants the same.  If the server
     * closes it meanwhile, on_ready forgets it. */
    poller_want(h->poller, fd, what != CURL_POLL_REMOVE);
    if (poller_set(h->poller, fd, s->number, events, h->error))
        h->failed = true;
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
    struct http *h = user;
    poller_closed(h->poller, fd);
    return close(fd);
}

/* libcurl sends a request again by itself when a reused connection turns out dead.  That would be
 * an attempt nobody wrote down: the second time is refused, and ends as NET_RESET. */
static int on_begin(void *user, char *to, char *from, int to_port, int from_port)
{
    struct http_transfer *t = user;
    (void)to, (void)from, (void)to_port, (void)from_port;
    if (t->begun++)
        return CURL_PREREQFUNC_ABORT;
    t->x->sent = true;
    t->x->connected_ns = t->heard_ns = clock_ns();
    return CURL_PREREQFUNC_OK;
}

static size_t on_header(char *data, size_t size, size_t n, void *user)
{
    struct http_transfer *t = user;
    struct http_exchange *x = t->x;
    size_t len = size * n;
    t->heard_ns = t->http->now_ns;
    if (!x->first_byte_ns)
        x->first_byte_ns = t->heard_ns;
    if (len > 5 && !memcmp(data, "HTTP/", 5)) /* a new head: 100 Continue is followed by another */
        buf_clear(&x->head);
    else if (len > 2)
        (void)buf_add(&x->head, data, len); /* past its maximum the rest is left out */
    return len;
}

static size_t on_body(char *data, size_t size, size_t n, void *user)
{
    struct http_transfer *t = user;
    struct http_exchange *x = t->x;
    size_t len = size * n;
    t->heard_ns = t->http->now_ns;
    if (x->sink) {
        long status = 0;
        curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
        if (status >= 200 && status <= 299)
            return x->sink(x, data, len) ? len : 0;
    }
    size_t room = x->reply.max - x->reply.len;
    if (len <= room)
        return buf_add(&x->reply, data, len) ? 0 : len;
    (void)buf_add(&x->reply, data, room);
    t->too_large = true;
    return 0;
}

/* More of the file that goes out: sending it is a sign of life. */
static size_t on_read(char *out, size_t size, size_t n, void *user)
{
    struct http_transfer *t = user;
    size_t got = exchange_read_file(t->file, out, size * n);
    t->heard_ns = clock_ns();
    return got == (size_t)-1 ? CURL_READFUNC_ABORT : got;
}

static int on_seek(void *user, curl_off_t offset, int origin)
{
    struct http_transfer *t = user;
    return origin == SEEK_SET && !exchange_rewind_file(t->file, offset) ? CURL_SEEKFUNC_OK
                                                                        : CURL_SEEKFUNC_FAIL;
}

/* ---- transfers ------------------------------------------------------------------------------- */

static void set_once(struct http *h, struct http_transfer *t)
{
    CURL *e = t->easy;
    curl_easy_setopt(e, CURLOPT_PRIVATE, t);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(e, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(e, CURLOPT_READDATA, t);
    curl_easy_setopt(e, CURLOPT_SEEKFUNCTION, on_seek);
    curl_easy_setopt(e, CURLOPT_SEEKDATA, t);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, on_begin);
    curl_easy_setopt(e, CURLOPT_PREREQDATA, t);
    curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    curl_easy_setopt(e, CURLOPT_CLOSESOCKETDATA, h);
    curl_easy_setopt(e, CURLOPT_SHARE, h->share);
    curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(e, CURLOPT_BUFFERSIZE,
                     h->o.max_in_flight > 256   ? 2048L
                     : h->o.max_in_flight > 128 ? 4096L
                                                : 16384L);
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, 86400000L); /* ours is in sweep() */
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(e, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    curl_easy_setopt(e, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE); /* no key to a proxy */
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->words);
}

static void set_route(struct http_transfer *t, const struct http_route *r)
{
    if (t->route == r)
        return;
    curl_easy_reset(t->easy); /* the only way back to the usual CA */
    set_once(t->http, t);
    t->headers = NULL;
    t->route = r;
    if (!r)
        return;
    if (r->ca_file) {
        curl_easy_setopt(t->easy, CURLOPT_CAINFO, r->ca_file);
        curl_easy_setopt(t->easy, CURLOPT_PROXY_CAINFO, r->ca_file);
    }
    curl_easy_setopt(t->easy, CURLOPT_PROXY, r->proxy);
    curl_easy_setopt(t->easy, CURLOPT_PROXYUSERPWD, r->proxy_user);
}

static struct http_transfer *transfer_get(struct http *h)
{
    if (h->n_idle)
        return h->idle[--h->n_idle];
    struct http_transfer *t = mem_zero(1, sizeof *t);
    t->http = h;
    t->file = -1;
    t->easy = curl_easy_init();
    if (!t->easy) {
        mem_free(t);
        return NULL;
    }
    set_once(h, t);
    return t;
}

static void close_file(struct http_transfer *t)
{
    if (t->file >= 0)
        close(t->file);
    t->file = -1;
}

static void transfer_free(struct http_transfer *t)
{
    close_file(t);
    curl_easy_cleanup(t->easy);
    curl_mime_free(t->mime);
    curl_slist_free_all(t->list);
    mem_free(t);
}

static int set_headers(struct http_transfer *t, const struct net_headers *headers)
{
    struct curl_slist *list = NULL;
    if (t->headers == headers && t->headers && t->list)
        return 0;
    for (int i = -1; i < (headers ? headers->n : 0); i++) {
        struct curl_slist *longer = curl_slist_append(list, i < 0 ? "Expect:" : headers->line[i]);
        if (!longer) {
            curl_slist_free_all(list);
            return -1;
        }
        list = longer;
    }
    curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, list);
    curl_slist_free_all(t->list);
    t->list = list;
    t->headers = headers;
    return 0;
}

static int set_form(struct http_transfer *t, const struct http_form *form)
{
    t->mime = curl_mime_init(t->easy);
    for (; t->mime && form->name; form++) {
        curl_mimepart *part = curl_mime_addpart(t->mime);
        if (!part || curl_mime_name(part, form->name) ||
            (form->file ? curl_mime_data_cb(part, t->file_size, on_read, on_seek, NULL, t)
                        : curl_mime_data(part, form->data.data, form->data.len)) ||
            (form->filename && curl_mime_filename(part, form->filename)))
            return -1;
    }
    return t->mime ? (curl_easy_setopt(t->easy, CURLOPT_MIMEPOST, t->mime), 0) : -1;
}

static int set_request(struct http *h, struct http_transfer *t, struct http_exchange *x)
{
    CURL *e = t->easy;
    bool tls = !strncasecmp(x->url, "https:", 6);
    set_route(t, x->route);
    t->words[0] = '\0';
    curl_easy_setopt(e, CURLOPT_URL, x->url);
    curl_easy_setopt(e, CURLOPT_PIPEWAIT, tls ? 1L : 0L);
    curl_easy_setopt(e, CURLOPT_ACCEPT_ENCODING, tls ? "" : NULL);
    if (set_headers(t, x->headers))
        return -1;
    if (x->form) {
        if (set_form(t, x->form))
            return -1;
    } else if (x->body_file) {
        curl_easy_setopt(e, CURLOPT_POST, 1L);
        curl_easy_setopt(e, CURLOPT_POSTFIELDS, NULL);
        curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->file_size);
    } else if (x->body.data) {
        curl_easy_setopt(e, CURLOPT_POST, 1L);
        curl_easy_setopt(e, CURLOPT_POSTFIELDS, x->body.data);
        curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)x->body.len);
    } else {
        curl_easy_setopt(e, CURLOPT_HTTPGET, 1L);
    }
    curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, x->method);
    x->reply.max = h->o.max_body;
    x->head.max = h->o.max_headers;
    return 0;
}

int http_submit(struct http *h, struct http_exchange *x, struct error *error)
{
    if (!h->n_slots)
        return error_set(error, ERROR_LIMIT, "more than %d requests in flight", h->o.max_in_flight);
    struct http_transfer *t = transfer_get(h);
    if (!t)
        return error_set(error, ERROR_MEMORY, "no memory for one more request");
    http_exchange_clear(x);
    t->x = x;
    t->shard = &h->shards[h->slots[h->n_slots - 1]];
    t->begun = 0;
    t->too_large = false;
    x->transfer = t;
    x->started_ns = t->heard_ns = clock_ns();
    int rc = exchange_open_file(x, &t->file, &t->file_size, error);
    if (!rc && (set_request(h, t, x) || curl_multi_add_handle(t->shard->multi, t->easy)))
        rc = error_set(error, ERROR_FAILED, "%s: the request could not be set up", x->url);
    if (rc) {
        x->transfer = NULL;
        transfer_free(t);
        return -1;
    }
    h->n_slots--;
    h->active = vec_reserve(h->active, &h->cap_active, h->n_active + 1, sizeof(void *));
    t->place = h->n_active;
    h->active[h->n_active++] = t;
    return 0;
}

/* Take the transfer out of its shard; it is idle afterwards. */
static void detach(struct http *h, struct http_transfer *t)
{
    struct http_transfer *last = h->active[h->n_active - 1];
    curl_multi_remove_handle(t->shard->multi, t->easy);
    close_file(t);
    if (t->mime) {
        curl_easy_setopt(t->easy, CURLOPT_MIMEPOST, NULL);
        curl_mime_free(t->mime);
        t->mime = NULL;
    }
    h->active[t->place] = last;
    last->place = t->place;
    h->n_active--;
    h->slots[h->n_slots++] = t->shard->number;
    t->x->transfer = NULL;
    t->x->ended_ns = clock_ns();
    t->x = NULL;
    h->idle = vec_reserve(h->idle, &h->cap_idle, h->n_idle + 1, sizeof(void *));
    h->idle[h->n_idle++] = t;
}

static void finish(struct http *h, struct http_transfer *t, enum net_cause cause)
{
    struct http_exchange *x = t->x;
    x->cause = cause;
    detach(h, t);
    x->done(x);
}

void http_cancel(struct http *h, struct http_exchange *x, enum net_cause cause)
{
    if (!x->transfer)
        return;
    x->cause = cause;
    detach(h, x->transfer);
}

/* What libcurl calls it, in our words. */
static enum net_cause cause_of(const struct http_transfer *t, CURLcode code)
{
    long proxy = 0;
    curl_easy_getinfo(t->easy, CURLINFO_HTTP_CONNECTCODE, &proxy);
    if (t->too_large)
        return NET_TOO_LARGE;
    if (t->x->status == 407 || (code != CURLE_OK && proxy >= 400 && proxy < 500))
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
        return t->x->sent ? NET_MALFORMED : NET_MODEL;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING: return NET_MALFORMED;
    default: return t->x->sent ? NET_RESET : NET_CONNECT;
    }
}

static void collect(struct http *h, struct shard *s)
{
    CURLMsg *m;
    int left;
    while ((m = curl_multi_info_read(s->multi, &left)) != NULL) {
        struct http_transfer *t = NULL;
        CURLcode code = m->data.result;
        long status = 0;
        if (m->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
        curl_easy_getinfo(m->easy_handle, CURLINFO_RESPONSE_CODE, &status);
        t->x->status = (int)status;
        if (code != CURLE_OK || status == 407) {
            const char *words = t->too_large  ? "the reply is over the maximum (gen.max_reply_mb)"
                                : t->words[0] ? t->words
                                : code != CURLE_OK ? curl_easy_strerror(code)
                                                   : "it wants a user and a password";
            net_line(slice_of(words), t->x->message, sizeof t->x->message);
        }
        finish(h, t, cause_of(t, code));
    }
}

/* ---- deadlines ------------------------------------------------------------------------------- */

static void sweep(struct http *h)
{
    if (h->now_ns < h->sweep_ns)
        return;
    h->sweep_ns = h->now_ns + SWEEP_MS * 1000000LL;
    for (size_t i = 0; i < h->n_active;) {
        struct http_transfer *t = h->active[i];
        enum net_cause cause = exchange_overdue(&h->o, t->x, t->heard_ns, h->now_ns);
        if (cause == NET_OK) {
            i++;
            continue;
        }
        long status = 0;
        curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
        t->x->status = (int)status;
        t->x->message[0] = '\0';
        strncat(t->x->message, "given up by the client's deadline", sizeof t->x->message - 1);
        finish(h, t, cause); /* another one stands at place i now */
    }
}

/* ---- the loop -------------------------------------------------------------------------------- */

static void run_timers(struct http *h)
{
    int running;
    for (uint32_t i = 0; i < h->n_shards; i++) {
        struct shard *s = &h->shards[i];
        if (s->timer_ns > h->now_ns)
            continue;
        s->timer_ns = INT64_MAX;
        curl_multi_socket_action(s->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        collect(h, s);
    }
}

static int wait_ms(const struct http *h, int wait)
{
    int64_t until = INT64_MAX;
    for (uint32_t i = 0; i < h->n_shards; i++) {
        if (h->shards[i].timer_ns < until)
            until = h->shards[i].timer_ns;
    }
    if (h->n_active && h->sweep_ns < until)
        until = h->sweep_ns;
    if (until == INT64_MAX)
        return wait;
    int64_t ms = until <= h->now_ns ? 0 : (until - h->now_ns + 999999) / 1000000;
    return wait >= 0 && ms > wait ? wait : (int)ms;
}

static void on_ready(struct http *h, const struct poller_event *e)
{
    struct shard *s = &h->shards[e->tag];
    int running, mask = (e->ready & POLLER_IN ? CURL_CSELECT_IN : 0) |
                        (e->ready & POLLER_OUT ? CURL_CSELECT_OUT : 0) |
                        (e->ready & POLLER_GONE ? CURL_CSELECT_ERR : 0);
    if (!poller_wanted(h->poller, e->fd)) {
        (void)poller_set(h->poller, e->fd, e->tag, 0, NULL);
        return;
    }
    curl_multi_socket_action(s->multi, e->fd, mask, &running);
    collect(h, s);
}

int http_poll(struct http *h, int wait, unsigned *watched, struct error *error)
{
    struct poller_event events[256];
    *watched = 0;
    h->error = error;
    h->now_ns = clock_ns();
    run_timers(h);
    int n = poller_wait(h->poller, events, 256, wait_ms(h, wait), error);
    h->now_ns = clock_ns();
    for (int i = 0; i < n; i++) {
        if (events[i].tag & WATCH_TAG)
            *watched |= 1u << (events[i].tag & (MAX_WATCHED - 1));
        else
            on_ready(h, &events[i]);
    }
    sweep(h);
    h->error = NULL;
    return n < 0 || h->failed ? -1 : 0;
}

int http_watch(struct http *h, int fd, struct error *error)
{
    if (h->n_watched == MAX_WATCHED)
        return error_set(error, ERROR_LIMIT, "too many watched descriptors");
    if (poller_set(h->poller, fd, (uint32_t)(WATCH_TAG | h->n_watched), POLLER_IN, error))
        return -1;
    return h->n_watched++;
}

/* ---- making and ending ----------------------------------------------------------------------- */

static int shard_open(struct http *h, uint32_t i, struct error *error)
{
    struct shard *s = &h->shards[i];
    *s = (struct shard){.http = h, .number = i, .timer_ns = INT64_MAX};
    s->multi = curl_multi_init();
    if (!s->multi)
        return error_set(error, ERROR_MEMORY, "curl_multi_init failed");
    h->n_shards = i + 1;
    curl_multi_setopt(s->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(s->multi, CURLMOPT_SOCKETDATA, s);
    curl_multi_setopt(s->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(s->multi, CURLMOPT_TIMERDATA, s);
    curl_multi_setopt(s->multi, CURLMOPT_MAXCONNECTS, (long)SHARD + 1);
    return 0;
}

struct http *http_open(const struct http_options *o, struct error *error)
{
    struct http *h = mem_zero(1, sizeof *h);
    uint32_t shards = ((uint32_t)o->max_in_flight + SHARD - 1) / SHARD;
    h->o = *o;
    if (poller_room(o->max_in_flight, error))
        goto fail;
    if (curl_global_init(CURL_GLOBAL_ALL)) {
        error_set(error, ERROR_FAILED, "libcurl did not start");
        goto fail;
    }
    h->poller = poller_new(error);
    h->share = curl_share_init();
    h->shards = mem_zero(shards, sizeof *h->shards);
    h->cap_slots = (size_t)o->max_in_flight;
    h->slots = mem_alloc(h->cap_slots * sizeof *h->slots);
    if (!h->poller || !h->share)
        goto fail;
    curl_share_setopt(h->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
    curl_share_setopt(h->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    for (uint32_t i = 0; i < shards; i++)
        if (shard_open(h, i, error))
            goto fail;
    for (int i = o->max_in_flight; i-- > 0;)
        h->slots[h->n_slots++] = (uint32_t)i / SHARD;
    return h;
fail:
    http_close(h);
    return NULL;
}

void http_close(struct http *h)
{
    if (!h)
        return;
    while (h->n_active)
        http_cancel(h, h->active[0]->x, NET_RESET);
    for (size_t i = 0; i < h->n_idle; i++)
        transfer_free(h->idle[i]);
    for (uint32_t i = 0; i < h->n_shards; i++)
        curl_multi_cleanup(h->shards[i].multi);
    curl_share_cleanup(h->share);
    poller_free(h->poller);
    mem_free(h->active);
    mem_free(h->idle);
    mem_free(h->slots);
    mem_free(h->shards);
    mem_free(h);
}

const char *http_version(void)
{
    return curl_version();
}
