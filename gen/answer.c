/* From the end of an exchange to the outcome of its attempt. */
#include "core/mem.h"
#include "gen/run.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- an exchange ended ----------------------------------------------------------------------- */

/* The header line that names the request at the provider; absent where there is none. */
static struct slice request_id_line(struct slice head)
{
    static const char *const names[] = {"x-request-id:", "request-id:", "cf-ray:"};
    const char *p = head.data, *end = head.data + head.len;
    while (head.len && p < end) {
        const char *eol = memchr(p, '\n', (size_t)(end - p));
        const char *stop = eol ? eol : end;
        for (size_t k = 0; k < sizeof names / sizeof *names; k++)
            if ((size_t)(stop - p) > strlen(names[k]) &&
                !strncasecmp(p, names[k], strlen(names[k])))
                return slice_trim(slice_from(p, (size_t)(stop - p)));
        p = eol ? eol + 1 : end;
    }
    return (struct slice){NULL, 0};
}

static void post_reply(struct gen *g, struct item *i)
{
    struct store *s = store_new(g, STORE_REPLY);
    i->reply_id = g->next.reply++;
    i->lane->unstored++;
    s->job.prompt = true; /* its place is free when it is stored */
    s->item = i;
    s->has_reply = true;
    s->settled_batch = i->batch;
    s->settled_request = i->request.id;
    s->reply = (struct ledger_reply){
        .id = i->reply_id,
        .request_id = i->request.id,
        .run_id = g->options->run_id,
        .started_ms = i->started_ms,
        .latency_ms = i->latency_ms,
        .status = i->status,
        .headers = i->head,
        .body = i->reply,
    };
    store_post(s);
}

void answer_flown(struct http_exchange *x)
{
    struct item *i = x->context;
    struct gen *g = i->g;
    struct net_limits limits;
    struct net_failure f = {NET_OK, "", ""};
    const struct net_limits *said = NULL;
    int64_t now = clock_ns(), wall = clock_wall_ms();
    g->flying--;
    i->latency_ms = (x->ended_ns - x->started_ns) / 1000000;
    i->started_ms = wall - i->latency_ms;
    i->status = x->status;
    i->reply = buf_view(&x->reply);
    i->head = request_id_line(buf_view(&x->head));
    if (x->status) {
        limits_read(buf_view(&x->head), wall, &limits);
        said = &limits;
    }
    if (x->cause != NET_OK) {
        f.cause = x->cause;
        snprintf(f.message, sizeof f.message, "%s", x->message);
    } else if (x->status < 200 || x->status > 299) {
        i->lane->teacher->provider->failure(x->status, i->reply, &f);
        (void)http_redirect(x, f.message, sizeof f.message);
    }
    pace_done(&i->lane->pace, &i->ticket, f.cause, said, now);
    if (f.cause == NET_OK)
        post_reply(g, i);
    else
        outcome_failed(i, &f, said, NULL);
}

void answer_heard(struct item *i, const struct net_failure *f)
{
    if (f->cause == NET_OK)
        post_reply(i->g, i);
    else
        outcome_failed(i, f, NULL, NULL);
}

/* ---- its bytes are safe: look inside --------------------------------------------------------- */

static void name_refusal(const struct net_choice *c, struct net_failure *f)
{
    if (f->cause == NET_REFUSAL)
        snprintf(f->message, sizeof f->message, "%.*s",
                 (int)(c->refusal.len < sizeof f->message - 1 ? c->refusal.len
                                                              : sizeof f->message - 1),
                 c->refusal.data);
    else
        snprintf(f->message, sizeof f->message, "finish_reason %.*s",
                 (int)(c->finish_reason.len < 60 ? c->finish_reason.len : 60),
                 c->finish_reason.data ? c->finish_reason.data : "");
}

static void look_inside(struct item *i)
{
    struct net_failure f = {NET_OK, "", ""};
    struct net_reply reply;
    if (i->lane->teacher->provider->reply(i->reply, &reply, &f)) {
        outcome_failed(i, &f, NULL, &reply.usage);
        net_reply_free(&reply);
        return;
    }
    for (size_t k = 0; k < reply.n_choices; k++)
        if (net_choice_cause(&reply.choices[k]) == NET_OK) {
            outcome_answered(i, &reply);
            return;
        }
    f.cause = net_choice_cause(&reply.choices[0]);
    name_refusal(&reply.choices[0], &f);
    outcome_failed(i, &f, NULL, &reply.usage);
    net_reply_free(&reply);
}

void answer_stored(struct gen *g, struct store *s)
{
    struct item *i = s->item;
    (void)g;
    if (!i)
        return; /* kept unread, for another recipe */
    if (s->job.failed)
        item_free(i);
    else
        look_inside(i);
}

/* ---- replies that a dead run had stored ------------------------------------------------------ */

static int read_back(void *context, const struct ledger_heard *h, struct error *error)
{
    struct items *list = context;
    struct gen *g = list->first->g; /* the list begins with a mark */
    struct error why = {0};
    struct item *i = plan_item(g, &h->item, &why);
    if (why.code) {
        *error = why;
        return -1;
    }
    if (!i)
        return 0; /* of another recipe: its bytes stay, --reparse reaches them */
    i->x.reply = BUF;
    buf_slice(&i->x.reply, h->body);
    i->reply = buf_view(&i->x.reply);
    i->reply_id = h->reply_id;
    i->status = (int)h->status;
    i->latency_ms = h->latency_ms;
    i->started_ms = h->started_ms;
    items_add(list, i);
    return 0;
}

int answer_unread(struct gen *g, struct error *error)
{
    struct items list;
    struct item mark = {.g = g};
    items_init(&list);
    items_add(&list, &mark);
    int rc = ledger_unread(g->corpus, read_back, &list, error);
    g->replaying = true;
    items_pop(&list);
    struct item *i;
    while ((i = items_pop(&list)) != NULL) {
        if (rc < 0)
            item_free(i);
        else
            look_inside(i);
    }
    g->replaying = false;
    /* committed before waiting requests are read from the file */
    return rc < 0 ? -1 : writer_flush(g->writer, error);
}

void answer_over(struct gen *g, struct store *s)
{
    plan_stored(g, s);
    if (s->item)
        item_free(s->item);
}
