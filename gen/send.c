/* Reserve, pace, send. */
#include "gen/batch.h"
#include "gen/run.h"

enum {
    BEHIND = 256, /* jobs that may wait for the writer or to be looked into, beside the replies
                      whose places are taken and a quarter of the window, before sending waits */
    BURST = 64,   /* requests sent before the replies that came meanwhile are heard: what a fast
                       teacher answers at once needs no more connections */
};

static struct items *next_list(struct lane *l)
{
    if (l->teacher->batch.on)
        return l->alone.n ? &l->alone : NULL;
    return l->again.n ? &l->again : l->ready.n ? &l->ready : NULL;
}

/* ---- budget ---------------------------------------------------------------------------------- */

/* The next request does not fit.  It may when what is in the air costs less than its worst case. */
void send_exhausted(struct gen *g, const struct item *i)
{
    const struct lane *l = i->lane;
    struct budget_amount worst = item_worst(i);
    const char *cap = budget_refuses(&g->budget, worst);
    if (g->flying || g->jobs || l->cleared.n || l->reserving || batch_away(g))
        return;
    if (!item_bounded(i))
        gen_stop(g, ERROR_USAGE,
                 "%.*s: a part of the prompt is neither text nor picture, and may count as any "
                 "number of tokens: no budget can be kept so; set teacher.part_tokens to the most "
                 "that one counts as, or remove gen.budget_usd and gen.budget_tokens",
                 (int)i->prompt.source.len, i->prompt.source.data);
    else if (cap)
        gen_stop(g, ERROR_PARTIAL,
                 "gen.%s is reached: spent $%.6f, %lld tokens, %lld requests, and the next request "
                 "might cost $%.6f; raise it and run the same command again",
                 cap, (double)g->budget.spent.nusd / 1e9, (long long)g->budget.spent.tokens,
                 (long long)g->budget.spent.requests, (double)worst.nusd / 1e9);
}

/* Reserve for as many as could go out soon; they are sent when the reservation is committed. */
static void reserve(struct gen *g, struct lane *l)
{
    size_t most = (size_t)l->teacher->limits.in_flight;
    struct store *s = NULL;
    struct items *from;
    while (l->cleared.n + l->reserving < most && (from = next_list(l)) != NULL) {
        struct item *i = from->first;
        i->batch = 0;
        struct budget_amount worst = item_worst(i);
        if (!item_bounded(i) || !budget_reserve(&g->budget, worst)) {
            if (!s)
                send_exhausted(g, i);
            break;
        }
        i = items_pop(from);
        i->worst = worst;
        l->reserving++;
        s = s ? s : store_new(g, STORE_RESERVE);
        items_add(&s->items, i);
    }
    if (s)
        store_post(s);
}

void send_cleared(struct gen *g, struct store *s)
{
    struct item *i;
    while ((i = items_pop(&s->items)) != NULL) {
        i->lane->reserving--;
        if (s->job.failed) {
            budget_settle(&g->budget, i->worst, (struct budget_amount){0, 0, 0});
            item_free(i);
        } else {
            items_add(&i->lane->cleared, i);
        }
    }
}

/* ---- sending --------------------------------------------------------------------------------- */

static int send_one(struct gen *g, struct lane *l, struct items *from, int64_t now,
                    struct error *error)
{
    struct item *i = items_pop(from);
    if (item_refresh(i, error)) {
        item_free(i);
        return -1;
    }
    i->x.url = l->teacher->url;
    i->x.headers = &l->teacher->headers;
    i->x.route = &l->teacher->route;
    i->x.body = buf_view(&i->body);
    i->x.done = answer_flown;
    i->reply_id = 0;
    i->batch = 0;
    i->ticket = pace_sent(&l->pace, i->input_tokens, i->output_tokens, now);
    if (http_submit(g->http, &i->x, error)) {
        item_free(i);
        return -1;
    }
    if (!g->first_ns)
        g->first_ns = now;
    g->flying++;
    return 0;
}

static int send_lane(struct gen *g, struct lane *l, int64_t now, struct error *error)
{
    bool limited = budget_limited(&g->budget);
    int64_t due = lane_due(l, now);
    if (due < g->wake_ns)
        g->wake_ns = due;
    if (limited)
        reserve(g, l);
    for (int sent = 0;; sent++) {
        struct items *from = limited ? (l->cleared.n ? &l->cleared : NULL) : next_list(l);
        if (!from || g->stopping)
            return 0;
        /* what a kill could make us pay twice is never more than in_flight */
        if (l->pace.in_flight + l->unstored >= l->teacher->limits.in_flight)
            return 0;
        int64_t wait =
            pace_wait(&l->pace, from->first->input_tokens, from->first->output_tokens, now);
        if (wait > 0 && now + wait < g->wake_ns)
            g->wake_ns = now + wait;
        if (wait)
            return 0;
        if (sent == BURST) {
            g->wake_ns = now;
            g->hurry = true;
            return 0;
        }
        if (send_one(g, l, from, now, error))
            return -1;
    }
}

/* Every job holds a reply or what became of it: without a bound memory would depend on the disk. */
static bool behind(const struct gen *g)
{
    size_t window = (size_t)gen_window(g);
    return run_behind(g) > BEHIND + window / 4 || checks_parked(g) > BEHIND + window;
}

int send_all(struct gen *g, struct error *error)
{
    int64_t now = clock_ns();
    g->wake_ns = INT64_MAX;
    g->hurry = false;
    if (g->stopping || behind(g))
        return 0;
    for (int k = 0; k < g->n_lanes; k++)
        if (send_lane(g, &g->lanes[k], now, error))
            return -1;
    return 0;
}
