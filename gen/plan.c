/* Where requests come from: the strategy's plan, and what an earlier run left waiting. */
#include "core/mem.h"
#include "gen/batch.h"
#include "gen/run.h"

#include <string.h>

enum { CHUNK = 256, USUAL_CHUNK = 1024, MOST_CHUNK = 8192, LOAD = 512, AHEAD = 2048 };

/* ---- where the plan stands ------------------------------------------------------------------- */

/* {"identity", "position"}: of this plan, or of an earlier recipe's. */
static void write_position(struct gen *g, struct store *s)
{
    const struct gen_strategy *strategy = g->settings.strategy;
    struct buf position = BUF, text = BUF;
    if (strategy->position && strategy->position(g->strategy, &position))
        goto out;
    struct json *o = json_new_object();
    json_put_text(o, "identity", g->settings.identity);
    json_put_string(o, "position", buf_view(&position));
    json_write(o, 0, &text);
    json_free(o);
    s->position = arena_copy(&s->arena, buf_view(&text));
out:
    buf_free(&position);
    buf_free(&text);
}

/* Go where the last run of the same plan stood.  1 there, 0 from the start, -1 failure. */
static int seek(struct gen *g, const struct json *at, struct error *error)
{
    const struct gen_strategy *strategy = g->settings.strategy;
    struct slice position = json_string(json_get(at, "position"));
    struct error why = {0};
    if (!strategy->seek || !position.len)
        return 0;
    int rc = strategy->seek(g, g->strategy, position, &why);
    if (rc < 0 && why.code != ERROR_INPUT) {
        *error = why;
        return -1;
    }
    return rc == 0;
}

static int start_anew(struct gen *g, struct error *error)
{
    if (corpus_begin(g->corpus, error))
        return -1;
    if (ledger_withdraw(g->corpus, error) < 0) {
        corpus_rollback(g->corpus);
        return -1;
    }
    return corpus_commit(g->corpus, error);
}

int plan_open(struct gen *g, struct error *error)
{
    struct buf text = BUF_MAX(1 << 20);
    int same = 0, found = corpus_meta_get(g->corpus, "gen.plan", &text, error);
    struct json *at = found == 1 ? json_parse(buf_view(&text), 0, NULL) : NULL;
    buf_free(&text);
    if (found < 0 || g->redo_anew) {
        json_free(at);
        return found < 0 ? -1 : 0;
    }
    /* ordered plans begin anew: what waits is taken up again when the plan comes to it */
    if (!g->settings.strategy->ordered &&
        !strcmp(json_text(json_get(at, "identity"), ""), g->settings.identity))
        same = g->settings.strategy->seek ? seek(g, at, error) : 1;
    json_free(at);
    if (same < 0 || (!same && start_anew(g, error)))
        return -1;
    if (!g->settings.strategy->ordered)
        g->stored_until = g->next.request - 1;
    return 0;
}

/* ---- what an earlier run left ---------------------------------------------------------------- */

static struct lane *lane_of(struct gen *g, int64_t teacher_id)
{
    for (int k = 0; k < g->n_lanes; k++)
        if (g->lanes[k].teacher_id == teacher_id)
            return &g->lanes[k];
    return NULL;
}

struct item *plan_item_as_it_is(struct gen *g, const struct ledger_item *stored,
                                struct error *error)
{
    struct lane *lane = lane_of(g, stored->request.teacher_id);
    const struct gen_step *step = settings_step(&g->settings, stored->request.step);
    if (!lane || !step)
        return NULL;
    struct item *i = item_new(g, lane, step, stored->request.sample, &stored->prompt, error);
    if (!i)
        return NULL;
    i->today = i->request.key;
    i->request = stored->request;
    i->request.strategy = slice_of(g->settings.strategy->name);
    i->request.step = slice_of(step->name);
    i->request.cause = (struct slice){NULL, 0};
    i->resumed = true;
    i->order = -1; /* no turn: this plan did not ask it */
    return i;
}

/* A stored request as an item; NULL without an error where this recipe would ask otherwise. */
struct item *plan_item(struct gen *g, const struct ledger_item *stored, struct error *error)
{
    struct item *i = plan_item_as_it_is(g, stored, error);
    if (i && hash128_compare(i->today, stored->request.key)) {
        item_free(i);
        return NULL;
    }
    return i;
}

static void withdraw(struct gen *g, int64_t request)
{
    struct store *s = store_new(g, STORE_END);
    s->has_end = true;
    s->end = (struct ledger_end){.request_id = request,
                                 .from = LEDGER_WAITING,
                                 .to = LEDGER_FAILED,
                                 .cause = net_cause_name(NET_WITHDRAWN)};
    store_post(s);
}

static int load_one(void *context, const struct ledger_item *stored, struct error *error)
{
    struct gen *g = context;
    struct error why = {0};
    struct item *i;
    g->stored_after = stored->request.id;
    if (stored->request.id > g->stored_until)
        return 0; /* asked in this run, by an answer read back: it is in its lane already */
    i = plan_item(g, stored, &why);
    if (why.code) {
        *error = why;
        return -1;
    }
    if (batch_holds(g, stored->request.key, i)) {
        item_free(i); /* its answer is on the way */
        return 0;
    }
    if (i && i->lane->teacher->batch.on) {
        int had = batches_had(g->corpus, i->request.id, error);
        i->leftover = had > 0;
        if (had < 0) {
            item_free(i);
            return -1;
        }
    }
    if (i)
        items_add(&i->lane->ready, i);
    else
        withdraw(g, stored->request.id);
    return 0;
}

static int load_stored(struct gen *g, struct error *error)
{
    int n = ledger_waiting(g->corpus, g->stored_after, LOAD, load_one, g, error);
    if (n >= 0 && (n < LOAD || g->stored_after >= g->stored_until))
        g->stored_after = g->stored_until;
    return n < 0 ? -1 : 0;
}

/* ---- the strategy's plan --------------------------------------------------------------------- */

static size_t under_way(const struct gen *g)
{
    size_t n = g->planning + (size_t)g->flying + checks_parked(g);
    for (int k = 0; k < g->n_lanes; k++)
        n += lane_waiting(&g->lanes[k]);
    return n;
}

/* With gen.rows: no more asks than rows are still wanted. */
static bool enough(const struct gen *g)
{
    int64_t rows = g->settings.rows;
    return rows > 0 && g->rows + (int64_t)under_way(g) + (int64_t)g->jobs + g->batched >= rows;
}

/* Larger transactions pay in a large file (see put_asks in store.c), as far as memory allows; but the
 * first requests do not wait for thousands of asks. */
static size_t chunk_size(const struct gen *g)
{
    size_t n = (size_t)gen_window(g), at_first = CHUNK + 2 * (size_t)g->asked;
    n = n < USUAL_CHUNK ? USUAL_CHUNK : n > MOST_CHUNK ? MOST_CHUNK : n;
    return at_first < n ? at_first : n;
}

static int plan_chunk(struct gen *g, struct error *error)
{
    const struct gen_strategy *strategy = g->settings.strategy;
    size_t most = chunk_size(g);
    struct store *s = g->chunk = store_new(g, STORE_PLAN);
    int rc = GEN_MORE;
    while (rc == GEN_MORE && s->asks.n < most && !enough(g))
        rc = strategy->plan(g, g->strategy, error);
    if (rc == GEN_END)
        g->plan = PLAN_OVER;
    else if (rc == GEN_WAIT)
        g->plan = PLAN_WAITING;
    else if (enough(g))
        g->plan = PLAN_ENOUGH;
    g->chunk = NULL;
    if (rc >= 0)
        write_position(g, s);
    store_post(s);
    g->chunk_out = s;
    return rc < 0 ? -1 : 0;
}

/* The rows are there: what was planned beyond them waits in the file for a larger gen.rows. */
static void drop_ready(struct gen *g)
{
    struct item *i;
    for (int k = 0; k < g->n_lanes; k++)
        while ((i = items_pop(&g->lanes[k].ready)) != NULL)
            item_free(i);
}

/* One chunk is committed before the next is made: what waits for the first waits for no more. */
static bool wanting(const struct gen *g)
{
    size_t ready = under_way(g) - (size_t)g->flying, half = (size_t)gen_window(g) / 2;
    return !g->stopping && !g->chunk_out && ready < (half < AHEAD ? half : AHEAD) + CHUNK &&
           (g->stored_after < g->stored_until || g->plan == PLAN_GOING);
}

int plan_more(struct gen *g, struct error *error)
{
    if (g->redo_anew)
        return redo_more(g, error);
    if (g->settings.strategy->ordered)
        return order_advance(g, error);
    if (g->plan == PLAN_ENOUGH && !enough(g))
        g->plan = PLAN_GOING;
    if (g->settings.rows && g->rows >= g->settings.rows && !g->stopping) {
        g->plan = PLAN_OVER;
        g->stored_after = g->stored_until;
        drop_ready(g);
    }
    int rc = 0;
    if (wanting(g))
        rc = g->stored_after < g->stored_until ? load_stored(g, error) : plan_chunk(g, error);
    g->unplanned = wanting(g);
    return rc;
}

/* How an item ended that an earlier run settled. */
static enum net_cause stored_cause(const struct item *i)
{
    if (i->request.state == LEDGER_ANSWERED)
        return NET_OK;
    enum net_cause cause = net_cause_of(i->request.failed_by);
    return cause < NET_CAUSES ? cause : NET_REJECTED;
}

void plan_stored(struct gen *g, struct store *s)
{
    struct item *i;
    if (s == g->chunk_out)
        g->chunk_out = NULL;
    while ((i = items_pop(&s->asks)) != NULL) {
        g->planning--;
        if (s->job.failed) {
            item_free(i);
        } else if (batch_holds(g, i->request.key, i)) { /* its answer is on the way */
            g->totals.waiting += i->added;
            g->totals.failed -= i->was_withdrawn;
            item_free(i);
        } else if (i->added || (i->redo_of && i->request.state == LEDGER_WAITING)) {
            g->totals.waiting += i->added;
            g->totals.failed -= i->was_withdrawn;
            items_add(&i->lane->ready, i);
        } else if (g->settings.strategy->ordered && i->request.state != LEDGER_WAITING) {
            g->known++;
            i->known = true;
            order_over(g, i, stored_cause(i), NULL);
        } else if (g->settings.strategy->ordered) { /* asked twice: the other one gets the answer */
            g->repeated++;
            order_over(g, i, NET_WITHDRAWN, NULL);
        } else {
            g->known += i->request.state != LEDGER_WAITING;
            g->repeated += i->request.state == LEDGER_WAITING;
            item_free(i);
        }
    }
}

bool plan_over(const struct gen *g)
{
    if (g->order.n)
        return false;
    return g->plan != PLAN_GOING && g->stored_after >= g->stored_until && !g->planning;
}
