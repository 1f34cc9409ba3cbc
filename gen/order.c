#include "gen/order.h"

#include "core/mem.h"
#include "core/vec.h"
#include "gen/run.h"

#include <string.h>

static void push(struct order *o, struct item *i)
{
    o->held = vec_reserve(o->held, &o->cap, o->n + 1, sizeof(struct item *));
    size_t at = o->n++;
    for (; at && o->held[(at - 1) / 2]->order > i->order; at = (at - 1) / 2)
        o->held[at] = o->held[(at - 1) / 2];
    o->held[at] = i;
}

static struct item *pop(struct order *o)
{
    struct item *top = o->held[0], *last = o->held[--o->n];
    size_t at = 0, child;
    for (; (child = 2 * at + 1) < o->n; at = child) {
        if (child + 1 < o->n && o->held[child + 1]->order < o->held[child]->order)
            child++;
        if (o->held[child]->order >= last->order)
            break;
        o->held[at] = o->held[child];
    }
    o->held[at] = last;
    return top;
}

void order_free(struct order *o)
{
    for (size_t k = 0; k < o->n; k++) {
        net_reply_free(&o->held[k]->heard);
        item_free(o->held[k]);
    }
    mem_free(o->held);
}

void order_over(struct gen *g, struct item *i, enum net_cause cause, struct net_reply *reply)
{
    if (i->order < 0) { /* of a dead run: settled, and told when the plan comes to it again */
        if (reply) {
            net_reply_free(reply);
            memset(reply, 0, sizeof *reply);
        }
        item_free(i);
        return;
    }
    i->over = cause;
    memset(&i->heard, 0, sizeof i->heard);
    if (reply) {
        i->heard = *reply;
        memset(reply, 0, sizeof *reply);
    }
    push(&g->order, i);
}

/* The stored reply of an item that an earlier run settled. */
static int parse_stored(void *context, const struct ledger_heard *h, struct error *error)
{
    struct item *i = context;
    struct net_failure f;
    (void)error;
    if (i->lane->teacher->provider->reply(h->body, &i->heard, &f)) {
        net_reply_free(&i->heard);
        i->over = f.cause;
    }
    return 0;
}

static int read_back(struct gen *g, struct item *i, struct error *error)
{
    if (!i->known || i->heard.n_choices || !i->request.reply_id)
        return 0;
    return ledger_answer(g->corpus, i->request.id, parse_stored, i, error) < 0 ? -1 : 0;
}

/* Plan until the strategy wants to hear more. */
static int plan_on(struct gen *g, struct error *error)
{
    if (g->plan == PLAN_OVER || g->stopping)
        return 0;
    struct store *s = g->chunk = store_new(g, STORE_PLAN);
    int rc = GEN_MORE;
    while (rc == GEN_MORE)
        rc = g->settings.strategy->plan(g, g->strategy, error);
    g->chunk = NULL;
    g->plan = rc == GEN_END ? PLAN_OVER : PLAN_WAITING;
    store_post(s);
    return rc < 0 ? -1 : 0;
}

int order_advance(struct gen *g, struct error *error)
{
    if (g->plan == PLAN_GOING && plan_on(g, error))
        return -1;
    while (g->order.n && g->order.held[0]->order == g->order.next && !g->stopping) {
        struct item *i = pop(&g->order);
        g->order.next++;
        if (read_back(g, i, error)) {
            item_free(i);
            return -1;
        }
        outcome_told(i);
        if (plan_on(g, error))
            return -1;
    }
    return 0;
}
