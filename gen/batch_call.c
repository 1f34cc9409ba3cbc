/* What is said to the teacher about a batch, and what its answers come to. */
#include "core/mem.h"
#include "core/vec.h"
#include "gen/batch.h"
#include "gen/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    LOOKS = 3,          /* for a batch that may have been created, before it is created again */
    GONE = 5,           /* times a batch is said not to exist before it is believed */
    SKEW_MS = 600000,   /* our clock and the teacher's */
    SLOW_MS = 600000,   /* a create may think so long */
    PATIENCE_MS = 5000, /* for a create, once the user wants to stop */
    FIRST_POLLS = 8,    /* the first look comes after that part of poll_s */
};

static const struct net_batches *how(const struct batch *b)
{
    return b->lane->teacher->provider->batches;
}

static void later(struct batch *b, int64_t ms)
{
    b->due_ns = clock_ns() + ms * 1000000;
}

/* The next look at a batch: soon at first, then ever more seldom. */
static void poll_later(struct batch *b)
{
    int64_t most = b->lane->teacher->batch.poll_ms;
    b->poll_ms = b->poll_ms ? b->poll_ms + b->poll_ms / 2 + 1 : most / FIRST_POLLS + 1;
    if (b->poll_ms > most)
        b->poll_ms = most;
    later(b, b->poll_ms);
}

/* ---- calling --------------------------------------------------------------------------------- */

/* b->url, and what else x needs, stand ready. */
static int call(struct batch *b, void (*done)(struct http_exchange *x), struct error *error)
{
    b->x.context = b;
    b->x.done = done;
    b->x.url = buf_text(&b->url);
    if (http_submit(b->g->http, &b->x, error))
        return -1;
    b->calling = true;
    b->g->batch_calls++;
    if (!b->g->first_ns)
        b->g->first_ns = clock_ns();
    return 0;
}

static void address(struct batch *b, const char *first, const char *second, const char *third)
{
    struct buf path = BUF_MAX(8192);
    buf_str(&path, first);
    buf_str(&path, second);
    buf_str(&path, third);
    buf_clear(&b->url);
    endpoint_address(b->lane->teacher, buf_text(&path), &b->url);
    buf_free(&path);
    http_exchange_clear(&b->x);
    memset(&b->x, 0, sizeof b->x);
    b->x.headers = &b->lane->teacher->plain;
    b->x.route = &b->lane->teacher->route;
}

/* It came home.  NET_OK, or the failure that it was. */
static enum net_cause heard(struct batch *b, struct net_failure *f)
{
    struct http_exchange *x = &b->x;
    b->calling = false;
    b->g->batch_calls--;
    *f = (struct net_failure){x->cause, "", ""};
    if (x->cause != NET_OK)
        snprintf(f->message, sizeof f->message, "%s", x->message);
    else if (x->status < 200 || x->status > 299)
        b->lane->teacher->provider->failure(x->status, buf_view(&x->reply), f);
    if (f->cause == NET_OK)
        b->failures = 0;
    return f->cause;
}

/* Once more later; or the end of the run. */
static void setback(struct batch *b, const struct net_failure *f, const char *doing)
{
    struct gen *g = b->g;
    const char *name = b->lane->teacher->name;
    struct net_limits limits;
    double after = -1;
    if (net_cause_class(f->cause) == NET_RUN_FATAL) {
        gen_stop(g, ERROR_FAILED, "%s: %s: %s (%s); %s", name, doing, net_cause_name(f->cause),
                 f->message,
                 f->cause == NET_MODEL ? "does this server have batches? else set teacher.mode to "
                                         "online"
                                       : net_cause_remedy(f->cause));
        return;
    }
    if (net_cause_class(f->cause) == NET_ROW_FATAL) {
        gen_stop(g, ERROR_FAILED, "%s: %s was refused: %s (%s)", name, doing, f->message,
                 net_cause_name(f->cause));
        return;
    }
    if (++b->failures > g->settings.retries) {
        gen_stop(g, ERROR_PARTIAL,
                 "%s: %s failed %d times, the last time with %s (%s); nothing is lost, run the "
                 "same command again later",
                 name, doing, b->failures, net_cause_name(f->cause), f->message);
        return;
    }
    if (b->x.status) {
        limits_read(buf_view(&b->x.head), clock_wall_ms(), &limits);
        after = limits.retry_after_s;
    }
    later(b, pace_backoff_ns(b->failures, PACE_MOST_S, after, 0.9) / 1000000);
}

/* ---- upload ---------------------------------------------------------------------------------- */

static void uploaded(struct http_exchange *x)
{
    struct batch *b = x->context;
    struct net_failure f;
    if (heard(b, &f) == NET_OK && how(b)->uploaded(buf_view(&x->reply), b->input, &f) == 0) {
        b->state = BATCH_UPLOADED;
        batch_store(b);
        return;
    }
    setback(b, &f, "the upload of a batch");
}

static int upload(struct batch *b, struct error *error)
{
    char *slash = strrchr(b->path, '/');
    address(b, how(b)->upload, "", "");
    b->form[0] = (struct http_form){.name = "purpose", .data = SLICE("batch")};
    b->form[1] = (struct http_form){.name = "file",
                                    .filename = slash ? slash + 1 : b->path,
                                    .file = b->path};
    b->form[2] = (struct http_form){.name = NULL};
    b->x.form = b->form;
    b->x.total_ms = -1;
    b->x.first_byte_ms = SLOW_MS;
    return call(b, uploaded, error);
}

/* ---- create ---------------------------------------------------------------------------------- */

static void running(struct batch *b, const char *remote)
{
    snprintf(b->remote, sizeof b->remote, "%s", remote);
    b->state = BATCH_RUNNING;
    b->ambiguous = false;
    b->looks = b->gone = 0;
    b->poll_ms = 0;
    poll_later(b);
    batch_store(b);
}

/* The teacher has it not and will not: its requests are free again. */
static void drop(struct batch *b, const char *why)
{
    snprintf(b->message, sizeof b->message, "%s", why);
    b->state = BATCH_DROPPED;
    batch_store(b);
    b->requeue = true;
    b->fetching = BATCHES_FILES;
    b->left = 0;
    b->state = BATCH_READING;
}

static void created(struct http_exchange *x)
{
    struct batch *b = x->context;
    struct net_batch said;
    struct net_failure f;
    if (heard(b, &f) == NET_OK && how(b)->read(buf_view(&x->reply), &said, &f) == 0) {
        running(b, said.id);
        return;
    }
    bool never = !x->sent || net_cause_class(f.cause) == NET_RATE_LIMITED;
    if (net_cause_class(f.cause) == NET_TRANSIENT && !never)
        b->ambiguous = true;
    if (net_cause_class(f.cause) == NET_ROW_FATAL || net_cause_class(f.cause) == NET_RUN_FATAL)
        drop(b, f.message);
    setback(b, &f, "a new batch");
}

static int create(struct batch *b, struct error *error)
{
    const struct endpoint *e = b->lane->teacher;
    if (!how(b)->upload && b->resumed) { /* its input may be gone */
        drop(b, "the teacher never got it");
        return 0;
    }
    address(b, how(b)->path, "", "");
    b->x.headers = &e->headers;
    if (how(b)->create) {
        const struct net_batch_order o = {slice_of(b->input), e->batch.url, e->batch.window,
                                          b->tag};
        buf_clear(&b->body);
        how(b)->create(&o, &b->body);
        b->x.body = buf_view(&b->body);
    } else {
        b->x.body_file = b->path;
    }
    b->x.total_ms = -1;
    b->x.first_byte_ms = SLOW_MS;
    return call(b, created, error);
}

/* ---- look: was it created? ------------------------------------------------------------------- */

static bool is_foreign(const struct batch *b, const char *id)
{
    for (size_t i = 0; i < b->n_foreign; i++)
        if (!strcmp(b->foreign[i], id))
            return true;
    for (const struct batch *o = b->g->batches; o; o = o->next)
        if (o != b && !strcmp(o->remote, id))
            return true;
    return batches_knows(b->g->corpus, id, NULL) != 0;
}

static void look_at(void *context, const struct net_batch *said)
{
    struct batch *b = context;
    if (b->found[0] || said->cause != NET_OK)
        return;
    bool ours = how(b)->tagged
                    ? !strcmp(said->tag, b->tag)
                    : said->lines == (int64_t)b->total && said->created_ms > b->made_ms - SKEW_MS &&
                          !is_foreign(b, said->id);
    if (ours)
        memcpy(b->found, said->id, sizeof b->found);
    if (said->created_ms && said->created_ms < b->made_ms - SKEW_MS)
        b->too_old = true; /* the newest come first */
}

/* One of the others may hold what is looked for, and not know it yet. */
static bool unsure(const struct batch *b)
{
    for (const struct batch *o = b->g->batches; o; o = o->next)
        if (o != b && o->lane == b->lane && o->remote[0] && !o->heard && o->state < BATCH_OVER &&
            (o->adopted || o->resumed))
            return true;
    return false;
}

static void looked(struct http_exchange *x)
{
    struct batch *b = x->context;
    struct net_failure f;
    b->found[0] = '\0';
    b->too_old = false;
    if (heard(b, &f) != NET_OK || how(b)->list(buf_view(&x->reply), look_at, b, b->page, &f) < 0) {
        setback(b, &f, "the list of batches");
        return;
    }
    if (b->found[0]) {
        b->page[0] = '\0';
        b->adopted = true;
        running(b, b->found);
    } else if (!b->page[0] || b->too_old) {
        b->page[0] = '\0';
        bool wait = !how(b)->tagged && unsure(b);
        b->looks += !wait;
        b->ambiguous = wait || b->looks < LOOKS;
        if (b->ambiguous)
            later(b, b->lane->teacher->batch.poll_ms / 4);
    }
}

static int look(struct batch *b, struct error *error)
{
    struct buf query = BUF_MAX(1024);
    buf_str(&query, "?limit=100");
    if (b->page[0])
        buf_printf(&query, "&%s=%s", how(b)->next, b->page);
    address(b, how(b)->path, buf_text(&query), "");
    buf_free(&query);
    return call(b, looked, error);
}

/* ---- poll ------------------------------------------------------------------------------------ */

/* It has to be believed: the batch is no more, and with it its answers. */
static void vanished(struct batch *b)
{
    snprintf(b->message, sizeof b->message, "the teacher does not know this batch any more");
    b->not_billed = false;
    b->fetching = BATCHES_FILES;
    b->left = 0;
    b->state = BATCH_READING;
}

static void ended(struct batch *b, const struct net_batch *said)
{
    b->not_billed = said->not_billed;
    b->refused = said->cause;
    memcpy(b->file, said->file, sizeof b->file);
    memcpy(b->message, said->message, sizeof b->message);
    b->ended_ms = clock_wall_ms();
    b->fetching = 0;
    b->gone = 0;
    b->due_ns = 0;
    if (said->cause == NET_RATE_LIMIT) { /* the account's queue is full: the same again later */
        b->remote[0] = '\0';
        b->state = how(b)->upload ? BATCH_UPLOADED : BATCH_MADE;
        b->poll_ms = b->lane->teacher->batch.poll_ms;
        later(b, b->poll_ms);
    } else {
        b->state = BATCH_ENDED;
    }
    batch_store(b);
}

static void polled(struct http_exchange *x)
{
    struct batch *b = x->context;
    struct net_batch said;
    struct net_failure f;
    char before[sizeof b->status];
    if (heard(b, &f) != NET_OK || how(b)->read(buf_view(&x->reply), &said, &f)) {
        if (x->status != 404)
            setback(b, &f, "the look at a batch");
        else if (++b->gone >= GONE)
            vanished(b);
        else
            poll_later(b);
        return;
    }
    memcpy(before, b->status, sizeof before);
    memcpy(b->status, said.status, sizeof b->status);
    if (said.state == NET_BATCH_ENDED) {
        ended(b, &said);
        if (said.cause == NET_BAD_REQUEST)
            batch_refused(b, buf_view(&x->reply));
        return;
    }
    poll_later(b);
    if (strcmp(before, b->status) != 0)
        batch_store(b);
}

/* Its answer describes the batch like a look at it. */
static int cancel(struct batch *b, struct error *error)
{
    address(b, how(b)->path, "/", b->remote);
    buf_str(&b->url, "/cancel");
    b->x.method = "POST";
    b->x.body = SLICE("");
    b->cancelled = true;
    return call(b, polled, error);
}

static int poll_it(struct batch *b, struct error *error)
{
    address(b, how(b)->path, "/", b->remote);
    return call(b, polled, error);
}

/* ---- fetch ----------------------------------------------------------------------------------- */

static bool sink(struct http_exchange *x, const char *data, size_t len)
{
    struct batch *b = x->context;
    while (len) {
        ssize_t n = write(b->fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

static void fetched(struct http_exchange *x)
{
    struct batch *b = x->context;
    struct net_failure f;
    close(b->fd);
    b->fd = -1;
    if (heard(b, &f) == NET_OK) {
        b->fetching++;
        return;
    }
    if (x->status == 404 && ++b->gone >= GONE)
        b->fetching++; /* what it held is left over */
    else if (x->status == 404)
        poll_later(b);
    else
        setback(b, &f, "the answers of a batch");
}

static int fetch(struct batch *b, struct error *error)
{
    while (b->fetching < BATCHES_FILES && !b->file[b->fetching][0])
        b->fetching++;
    if (b->fetching == BATCHES_FILES) {
        b->fetching = 0;
        b->state = BATCH_READING;
        return 0;
    }
    char *path = batch_answers_path(b, b->fetching);
    b->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int rc = b->fd < 0 ? error_system(error, errno, "%s", path) : 0;
    mem_free(path);
    if (rc)
        return -1;
    address(b, how(b)->file_head, b->file[b->fetching], how(b)->file_tail);
    b->x.sink = sink;
    b->x.total_ms = -1;
    b->x.first_byte_ms = SLOW_MS;
    return call(b, fetched, error);
}

/* ---- what is next ---------------------------------------------------------------------------- */

int batch_call(struct batch *b, struct error *error)
{
    if (b->g->batch_calls >= BATCH_CALLS)
        return 0;
    bool never = b->g->options->cancel && (b->state == BATCH_MADE || b->state == BATCH_UPLOADED ||
                                           (b->state == BATCH_CREATING && !b->ambiguous));
    if (never) {
        drop(b, "cancelled");
        return 0;
    }
    if (b->state == BATCH_MADE && how(b)->upload)
        return upload(b, error);
    if (b->state == BATCH_MADE || b->state == BATCH_UPLOADED) {
        b->state = BATCH_CREATING; /* committed before the teacher hears of it */
        batch_store(b);
        return 0;
    }
    if (b->state == BATCH_CREATING && !b->open) { /* its answers came under another's name */
        b->fetching = BATCHES_FILES;
        b->state = BATCH_READING;
        return 0;
    }
    if (b->state == BATCH_CREATING)
        return b->ambiguous ? look(b, error) : create(b, error);
    if (b->state == BATCH_RUNNING)
        return b->g->options->cancel && !b->cancelled ? cancel(b, error) : poll_it(b, error);
    return b->state == BATCH_ENDED ? fetch(b, error) : 0;
}

void batch_cancel_calls(struct gen *g)
{
    for (struct batch *b = g->batches; b; b = b->next) {
        bool create = b->state == BATCH_CREATING;
        if (!b->calling || (create && clock_ns() - b->x.started_ns < PATIENCE_MS * 1000000LL))
            continue; /* a create is waited for: who breaks it off has to look for it */
        http_cancel(g->http, &b->x, NET_RESET);
        b->calling = false;
        g->batch_calls--;
        if (b->fd >= 0)
            close(b->fd);
        b->fd = -1;
    }
}
