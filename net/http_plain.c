/*
 * HTTP/1.1 on plain sockets.
 *
 * A line is a connection and the exchange on it:
 *
 *     connect ──► CONNECTING ──► SENDING ──► HEARING ──► IDLE ──► (next exchange) SENDING …
 *                     │             │           │          └────► closed: the server hung up
 *                     └── refused ──┴── broken ─┴──► closed, the exchange ended with its cause
 *
 * A request is never sent a second time by this file: where a kept connection turns out dead, the
 * attempt ends as NET_RESET, and whoever counts attempts decides.
 *
 * What the kernel reports of a descriptor may be of a line that was closed a moment ago, in the same
 * round, and its number given to another: the poller's tag holds the number of the line's birth.
 */
#include "net/http_engine.h"

#include "core/clock.h"
#include "core/mem.h"
#include "core/vec.h"
#include "net/http1.h"
#include "net/place.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { BIRTHS = ENGINE_PLAIN - 1, ROOM = 64 << 10, READS = 16, MAX_PLACES = 64 };

enum line_state {
    CONNECTING,
    REFUSED, /* by every address: the exchange ends with the next round */
    SENDING,
    HEARING,
    IDLE,
};

struct line {
    struct http_transfer t;
    struct http_plain *plain;
    int place;
    int fd;
    uint32_t birth;
    enum line_state state;
    int tried;  /* addresses */
    int errnum; /* of the last one */
    char length[48];
    size_t sent; /* of head, length and body together */
    bool too_large;
    struct http1 reply;
    struct line *next, *before; /* idle ones of a place, the last used first; or refused ones */
};

struct http_plain {
    struct http_loop *loop;
    bool proxied; /* by the environment */
    struct place *places[MAX_PLACES];
    struct line *idle[MAX_PLACES];
    int n_places;
    struct line *refused;
    struct line **lines; /* by descriptor */
    size_t cap_lines;
    int n_lines;
    uint32_t births;
    char room[ROOM]; /* what is read goes through here */
};

/* ---- lists of lines -------------------------------------------------------------------------- */

static struct line **list_of(struct line *c)
{
    return c->state == IDLE ? &c->plain->idle[c->place] : &c->plain->refused;
}

static void list_add(struct line *c, enum line_state state)
{
    c->state = state;
    c->before = NULL;
    c->next = *list_of(c);
    if (c->next)
        c->next->before = c;
    *list_of(c) = c;
}

static void list_drop(struct line *c)
{
    if (c->before)
        c->before->next = c->next;
    else
        *list_of(c) = c->next;
    if (c->next)
        c->next->before = c->before;
}

/* ---- lines ----------------------------------------------------------------------------------- */

static const struct place *place_of(const struct line *c)
{
    return c->plain->places[c->place];
}

static void watch(struct line *c, unsigned events)
{
    struct http_loop *l = c->plain->loop;
    if (poller_set(l->poller, c->fd, (uint32_t)ENGINE_PLAIN | c->birth, events, l->error))
        l->failed = true;
}

static void hang_up(struct line *c)
{
    if (c->fd < 0)
        return;
    c->plain->lines[c->fd] = NULL;
    poller_closed(c->plain->loop->poller, c->fd);
    close(c->fd);
    c->fd = -1;
}

static void line_free(struct line *c)
{
    if (c->state == IDLE || c->state == REFUSED)
        list_drop(c);
    hang_up(c);
    http1_free(&c->reply);
    c->plain->n_lines--;
    mem_free(c);
}

static bool on_body(void *user, const char *data, size_t len)
{
    struct line *c = user;
    struct buf *reply = &c->t.x->reply;
    size_t room = reply->max - reply->len;
    if (!reply->len && c->reply.length > 0 && c->reply.length <= ROOM &&
        (size_t)c->reply.length <= room)
        (void)buf_reserve(reply, (size_t)c->reply.length);
    (void)buf_add(reply, data, len < room ? len : room);
    c->too_large = len > room;
    return !c->too_large;
}

/* As many connections as may be in flight: one that idles at another place makes room. */
static void make_room(struct http_plain *p)
{
    for (int k = 0; k < p->n_places && p->n_lines >= p->loop->o.max_in_flight; k++)
        while (p->idle[k] && p->n_lines >= p->loop->o.max_in_flight)
            line_free(p->idle[k]);
}

static struct line *line_new(struct http_plain *p, int place)
{
    make_room(p);
    struct line *c = mem_zero(1, sizeof *c);
    c->plain = p;
    c->place = place;
    c->fd = -1;
    c->t.plain = true;
    c->reply.body = on_body;
    c->reply.user = c;
    p->n_lines++;
    return c;
}

/* ---- the end of an exchange ------------------------------------------------------------------ */

static void over(struct line *c, enum net_cause cause, const char *why)
{
    struct http_exchange *x = c->t.x;
    struct http_loop *l = c->plain->loop;
    x->status = c->reply.status;
    net_line(slice_of(why), x->message, sizeof x->message);
    l->ended(l, &c->t, cause);
}

static void broken(struct line *c, const char *what, int errnum)
{
    char why[160];
    snprintf(why, sizeof why, "%s: %s", what, strerror(errnum));
    over(c, c->t.x->sent ? NET_RESET : NET_CONNECT, why);
}

void http_plain_detach(struct http_plain *p, struct http_transfer *t)
{
    struct line *c = (struct line *)t;
    (void)p;
    if (c->state == HEARING && c->reply.state == HTTP1_DONE && c->reply.keep)
        list_add(c, IDLE);
    else
        line_free(c);
}

int http_plain_status(const struct http_transfer *t)
{
    return ((const struct line *)t)->reply.status;
}

/* ---- hearing --------------------------------------------------------------------------------- */

static void hung_up(struct line *c, int errnum)
{
    if (http1_end(&c->reply))
        over(c, NET_OK, "");
    else if (errnum)
        broken(c, "the connection broke", errnum);
    else if (c->reply.state == HTTP1_STATUS || c->reply.state == HTTP1_HEADER)
        over(c, NET_RESET, "the server hung up without an answer");
    else
        over(c, NET_TORN, "the server hung up before the end of its answer");
}

/* What came in; true: the exchange is over. */
static bool heard(struct line *c, size_t n)
{
    struct http_exchange *x = c->t.x;
    c->t.heard_ns = c->plain->loop->now_ns;
    if (!x->first_byte_ns)
        x->first_byte_ns = c->t.heard_ns;
    size_t used = http1_feed(&c->reply, c->plain->room, n);
    if (used < n)
        c->reply.keep = false; /* more than was asked for */
    if (c->too_large)
        over(c, NET_TOO_LARGE, "the reply is over the maximum (gen.max_reply_mb)");
    else if (c->reply.state == HTTP1_BAD)
        over(c, NET_MALFORMED, c->reply.why);
    else if (c->reply.state == HTTP1_DONE)
        over(c, NET_OK, "");
    else
        return false;
    return true;
}

static void hear(struct line *c)
{
    for (int k = 0; k < READS; k++) {
        ssize_t n = recv(c->fd, c->plain->room, ROOM, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return;
        if (n <= 0) {
            hung_up(c, n < 0 ? errno : 0);
            return;
        }
        if (heard(c, (size_t)n) || n < ROOM)
            return;
    }
}

/* ---- sending --------------------------------------------------------------------------------- */

/* What is still to go out of head, length and body. */
static int pieces(const struct line *c, struct iovec out[3])
{
    struct slice all[3] = {buf_view(&place_of(c)->head), slice_of(c->length), c->t.x->body};
    size_t skip = c->sent;
    int n = 0;
    for (int k = 0; k < 3; k++) {
        size_t cut = skip < all[k].len ? skip : all[k].len;
        skip -= cut;
        if (all[k].len > cut)
            out[n++] = (struct iovec){(void *)(uintptr_t)(all[k].data + cut), all[k].len - cut};
    }
    return n;
}

/* As much as goes.  Ends no exchange: what is wrong with the connection shows when it is read. */
static void send_on(struct line *c)
{
    struct iovec out[3];
    struct msghdr m = {.msg_iov = out};
    int n;
    while ((n = pieces(c, out)) > 0) {
        m.msg_iovlen = (size_t)n;
        ssize_t went = sendmsg(c->fd, &m, MSG_NOSIGNAL);
        if (went < 0 && errno == EINTR)
            continue;
        if (went < 0) {
            watch(c, errno == EAGAIN || errno == EWOULDBLOCK ? POLLER_IN | POLLER_OUT : POLLER_IN);
            return;
        }
        c->sent += (size_t)went;
        c->t.x->sent = true;
        c->t.heard_ns = clock_ns();
    }
    c->state = HEARING;
    watch(c, POLLER_IN);
}

static void begin(struct line *c)
{
    c->t.x->connected_ns = clock_ns();
    c->state = SENDING;
    send_on(c);
}

/* ---- connecting ------------------------------------------------------------------------------ */

static void adopt(struct line *c, int fd)
{
    struct http_plain *p = c->plain;
    size_t had = p->cap_lines;
    p->lines = vec_reserve(p->lines, &p->cap_lines, (size_t)fd + 1, sizeof(struct line *));
    memset(p->lines + had, 0, (p->cap_lines - had) * sizeof(struct line *));
    p->lines[fd] = c;
    c->fd = fd;
    c->birth = p->births++ & BIRTHS;
}

/* To the next address that takes us, beginning with the one that did the last time. */
static void connect_on(struct line *c)
{
    struct place *place = c->plain->places[c->place];
    for (; c->tried < place->n_addresses; c->tried++) {
        int k = (place->good + c->tried) % place->n_addresses;
        int fd = place_connect(place, k, &c->errnum);
        if (fd < 0)
            continue;
        adopt(c, fd);
        c->state = CONNECTING;
        if (c->errnum)
            watch(c, POLLER_OUT);
        else
            begin(c);
        return;
    }
    list_add(c, REFUSED);
}

static void connected(struct line *c)
{
    struct place *place = c->plain->places[c->place];
    socklen_t size = sizeof c->errnum;
    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &c->errnum, &size))
        c->errnum = errno;
    if (!c->errnum) {
        place->good = (place->good + c->tried) % place->n_addresses;
        c->tried = 0;
        begin(c);
        return;
    }
    hang_up(c);
    c->tried++;
    connect_on(c);
}

void http_plain_ready(struct http_plain *p, const struct poller_event *e)
{
    struct line *c = (size_t)e->fd < p->cap_lines ? p->lines[e->fd] : NULL;
    if (!c || ((uint32_t)ENGINE_PLAIN | c->birth) != e->tag)
        return;
    if (c->state == IDLE) {
        line_free(c); /* the server hung up, or speaks unasked */
    } else if (c->state == CONNECTING) {
        connected(c);
    } else {
        if (c->state == SENDING && e->ready & POLLER_OUT)
            send_on(c);
        if (e->ready & (POLLER_IN | POLLER_GONE))
            hear(c);
    }
}

void http_plain_refused(struct http_plain *p)
{
    char what[120];
    while (p->refused) {
        struct line *c = p->refused;
        snprintf(what, sizeof what, "no connection to %.80s", place_of(c)->host);
        broken(c, what, c->errnum);
    }
}

bool http_plain_pending(const struct http_plain *p)
{
    return p->refused != NULL;
}

/* ---- submitting ------------------------------------------------------------------------------ */

static bool set_in_environment(const char *name)
{
    const char *value = getenv(name);
    return value && *value;
}

static bool can(const struct http_plain *p, const struct http_exchange *x)
{
    bool direct = x->route && x->route->proxy ? !*x->route->proxy : !p->proxied;
    return direct && x->body.data && !x->form && !x->body_file && !x->sink &&
           (!x->method || !strcmp(x->method, "POST"));
}

/* -1: it goes to no place of ours. */
static int find_place(struct http_plain *p, const struct http_exchange *x)
{
    for (int k = 0; k < p->n_places; k++)
        if (place_is_of(p->places[k], x))
            return k;
    struct place *made = p->n_places < MAX_PLACES ? place_new(x) : NULL;
    if (!made)
        return -1;
    p->places[p->n_places] = made;
    return p->n_places++;
}

/* A kept connection that is still there: the server may have hung up since the last round, and a
 * request sent there would be an attempt for nothing.  NULL: none. */
static struct line *idle_line(struct http_plain *p, int place)
{
    struct line *c;
    char byte;
    while ((c = p->idle[place]) != NULL) {
        if (recv(c->fd, &byte, 1, MSG_PEEK) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            list_drop(c);
            return c;
        }
        line_free(c);
    }
    return NULL;
}

struct http_transfer *http_plain_submit(struct http_plain *p, struct http_exchange *x)
{
    int place = can(p, x) ? find_place(p, x) : -1;
    if (place < 0)
        return NULL;
    struct line *c = idle_line(p, place);
    if (!c)
        c = line_new(p, place);
    c->t.x = x;
    c->t.heard_ns = x->started_ns;
    c->sent = 0;
    c->tried = 0;
    c->too_large = false;
    c->reply.head = &x->head;
    http1_begin(&c->reply);
    snprintf(c->length, sizeof c->length, "Content-Length: %zu\r\n\r\n", x->body.len);
    if (c->fd >= 0)
        begin(c);
    else
        connect_on(c);
    return &c->t;
}

struct http_plain *http_plain_new(struct http_loop *l)
{
    struct http_plain *p = mem_zero(1, sizeof *p);
    p->loop = l;
    p->proxied = set_in_environment("http_proxy") || set_in_environment("all_proxy") ||
                 set_in_environment("ALL_PROXY");
    return p;
}

void http_plain_free(struct http_plain *p)
{
    if (!p)
        return;
    for (int k = 0; k < p->n_places; k++) {
        while (p->idle[k])
            line_free(p->idle[k]);
        place_free(p->places[k]);
    }
    mem_free(p->lines);
    mem_free(p);
}
