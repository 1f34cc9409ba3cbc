#include "gen/batch.h"

#include "core/mem.h"
#include "core/vec.h"
#include "gen/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const names[] = {
    [BATCH_GATHERING] = "made",    [BATCH_MADE] = "made",       [BATCH_UPLOADED] = "uploaded",
    [BATCH_CREATING] = "creating", [BATCH_RUNNING] = "running", [BATCH_ENDED] = "ended",
    [BATCH_READING] = "ended",     [BATCH_OVER] = "done",       [BATCH_DROPPED] = "dropped",
};

/* ---- storing --------------------------------------------------------------------------------- */

static struct slice kept(struct store *s, const char *text)
{
    return *text ? arena_copy(&s->arena, slice_of(text)) : (struct slice){NULL, 0};
}

void batch_store(struct batch *b)
{
    struct store *s = store_new(b->g, STORE_BATCH);
    bool over = b->state == BATCH_OVER || b->state == BATCH_DROPPED;
    s->batch = b;
    s->batch_new = !b->known;
    b->known = true;
    s->batch_drop = b->state == BATCH_DROPPED;
    s->batch_row = (struct batches_row){
        .id = b->id,
        .teacher_id = b->lane->teacher_id,
        .run_id = b->run_id,
        .tag = kept(s, b->tag),
        .state = slice_of(names[b->state]),
        .status = kept(s, b->status),
        .remote = kept(s, b->remote),
        .input = kept(s, b->input),
        .output = kept(s, b->file[0]),
        .errors = kept(s, b->file[1]),
        .message = kept(s, b->message),
        .lines = (int64_t)b->total,
        .made_ms = b->made_ms,
        .ended_ms = over ? clock_wall_ms() : b->ended_ms,
    };
    b->storing = true;
    store_post(s);
}

void batch_stored(struct gen *g, struct store *s)
{
    (void)g;
    s->batch->storing = false;
}

/* ---- knowing --------------------------------------------------------------------------------- */

struct batch_line *batch_find(struct batch *b, struct hash128 key)
{
    size_t from = 0, to = b->state == BATCH_GATHERING ? 0 : b->n;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        int c = hash128_compare(b->lines[mid].key, key);
        if (!c)
            return &b->lines[mid];
        if (c < 0)
            from = mid + 1;
        else
            to = mid;
    }
    return NULL;
}

bool batch_holds(struct gen *g, struct hash128 key, const struct item *i)
{
    for (struct batch *b = g->batches; b; b = b->next) {
        struct batch_line *l = batch_find(b, key);
        if (!l || l->settled)
            continue;
        if (i) {
            l->order = i->order;
            l->redo_of = i->redo_of;
        }
        return true;
    }
    return false;
}

bool batch_away(const struct gen *g)
{
    for (const struct batch *b = g->batches; b; b = b->next)
        if (b->state < BATCH_OVER)
            return true;
    return false;
}

bool batch_busy(const struct gen *g)
{
    for (const struct batch *b = g->batches; b; b = b->next) {
        if (!g->stopping && b->state < BATCH_OVER)
            return true;
        if (b->calling || b->storing)
            return true;
        if (b->state == BATCH_READING && !g->deaf)
            return true; /* what it says is here: it comes home */
    }
    return false;
}

/* ---- what an earlier run left ---------------------------------------------------------------- */

static int drop_unsent(void *context, const struct batches_row *row, struct error *error)
{
    struct gen *g = context;
    struct buf path = BUF;
    if (!slice_is(row->state, "made"))
        return 0;
    buf_printf(&path, "%s-batch-%lld.jsonl", corpus_path(g->corpus), (long long)row->id);
    (void)unlink(buf_text(&path));
    buf_free(&path);
    return batches_drop(g->corpus, row->id, "the run ended before it was handed over", error);
}

int batch_recover(struct gen *g, struct error *error)
{
    if (batches_open(g->corpus, drop_unsent, g, error) < 0)
        return -1;
    g->next_batch = batches_next(g->corpus, error);
    return g->next_batch < 0 ? -1 : 0;
}

static int add_line(void *context, const struct batches_line *l, struct error *error)
{
    struct batch *b = context;
    (void)error;
    b->lines = vec_reserve(b->lines, &b->cap, b->n + 1, sizeof *b->lines);
    b->lines[b->n++] = (struct batch_line){
        .key = l->key,
        .request = l->request,
        .order = -1,
        .nusd = l->nusd,
        .tokens = l->tokens,
        .place = (int32_t)l->place,
        .tries = (uint16_t)(l->tries < 1000 ? l->tries : 1000),
    };
    b->open++;
    b->g->batched++;
    return 0;
}

static void take(char *out, size_t size, struct slice s)
{
    size_t n = s.len < size - 1 ? s.len : size - 1;
    memcpy(out, s.data ? s.data : "", n);
    out[n] = '\0';
}

static int by_key(const void *a, const void *b)
{
    const struct batch_line *x = a, *y = b;
    return hash128_compare(x->key, y->key);
}

static struct lane *lane_of(struct gen *g, int64_t teacher)
{
    for (int k = 0; k < g->n_lanes; k++)
        if (g->lanes[k].teacher_id == teacher && g->lanes[k].teacher->provider->batches)
            return &g->lanes[k];
    return NULL;
}

static int load(void *context, const struct batches_row *row, struct error *error)
{
    struct gen *g = context;
    struct lane *lane = lane_of(g, row->teacher_id);
    struct buf path = BUF;
    if (!lane)
        return 0; /* of a teacher that this recipe does not have: it waits for one that does */
    struct batch *b = mem_zero(1, sizeof *b);
    *b = (struct batch){.g = g,
                        .lane = lane,
                        .id = row->id,
                        .run_id = row->run_id,
                        .made_ms = row->made_ms,
                        .ended_ms = row->ended_ms,
                        .resumed = true,
                        .known = true,
                        .total = (size_t)row->lines,
                        .fd = -1,
                        .pending = BUF,
                        .url = BUF_MAX(16384),
                        .body = BUF_MAX(65536),
                        .next = g->batches};
    g->batches = b;
    take(b->tag, sizeof b->tag, row->tag);
    take(b->status, sizeof b->status, row->status);
    take(b->remote, sizeof b->remote, row->remote);
    take(b->input, sizeof b->input, row->input);
    take(b->file[0], sizeof b->file[0], row->output);
    take(b->file[1], sizeof b->file[1], row->errors);
    take(b->message, sizeof b->message, row->message);
    b->state = slice_is(row->state, "uploaded")   ? BATCH_UPLOADED
               : slice_is(row->state, "creating") ? BATCH_CREATING
               : slice_is(row->state, "running")  ? BATCH_RUNNING
                                                  : BATCH_ENDED;
    if (b->state == BATCH_ENDED) /* asked once more: it says how it ended */
        b->state = BATCH_RUNNING;
    b->ambiguous = b->state == BATCH_CREATING;
    buf_printf(&path, "%s-batch-%lld.jsonl", corpus_path(g->corpus), (long long)b->id);
    b->path = buf_take(&path);
    if (batches_lines(g->corpus, b->id, add_line, b, error) < 0)
        return -1;
    qsort(b->lines, b->n, sizeof *b->lines, by_key);
    return 0;
}

int batch_open(struct gen *g, struct error *error)
{
    if (batches_open(g->corpus, load, g, error) < 0)
        return -1;
    if (budget_limited(&g->budget))
        g->budget.reserved.requests += g->batched;
    return 0;
}

static void batch_free(struct batch *b)
{
    if (b->fd >= 0)
        close(b->fd);
    file_lines_close(b->reading);
    http_exchange_clear(&b->x);
    buf_free(&b->pending);
    buf_free(&b->url);
    buf_free(&b->body);
    mem_free(b->foreign);
    mem_free(b->lines);
    mem_free(b->path);
    mem_free(b);
}

void batch_close(struct gen *g)
{
    while (g->batches) {
        struct batch *b = g->batches;
        g->batches = b->next;
        if (b->state == BATCH_GATHERING)
            (void)unlink(b->path);
        batch_free(b);
    }
}

/* ---- stepping -------------------------------------------------------------------------------- */

/* Nothing more will come into a batch by itself. */
static bool quiet(const struct gen *g)
{
    if (g->plan == PLAN_GOING || g->stored_after < g->stored_until || g->planning || g->jobs ||
        g->flying || checks_parked(g))
        return false;
    for (int k = 0; k < g->n_lanes; k++) {
        const struct lane *l = &g->lanes[k];
        size_t idle = l->teacher->batch.on && !batch_wanted(g) ? l->ready.n + l->again.n : 0;
        if (lane_waiting(l) > idle)
            return false;
    }
    for (const struct batch *b = g->batches; b; b = b->next)
        if (b->state == BATCH_READING || b->storing)
            return false;
    return true;
}

/* With "wait": false the run ends when all is handed over. */
static void leave(struct gen *g)
{
    int64_t n = 0, requests = 0;
    for (const struct batch *b = g->batches; b; b = b->next) {
        if (b->state >= BATCH_OVER)
            continue;
        if (b->lane->teacher->batch.wait || b->state != BATCH_RUNNING || !*b->status ||
            b->calling || b->poll_ms == 0)
            return;
        n++;
        requests += (int64_t)b->open;
    }
    if (n)
        gen_stop(g, ERROR_PARTIAL,
                 "%lld batches with %lld requests are with the teacher; run the same command again "
                 "later to fetch their answers",
                 (long long)n, (long long)requests);
}

static int step(struct batch *b, struct error *error)
{
    struct gen *g = b->g;
    if (b->storing || b->calling || b->state == BATCH_GATHERING)
        return 0;
    if (b->state == BATCH_READING)
        return g->deaf ? 0 : batch_read(b, error);
    if (g->stopping || b->state >= BATCH_OVER || clock_ns() < b->due_ns)
        return 0;
    return batch_call(b, error);
}

static void forget_over(struct gen *g)
{
    for (struct batch **p = &g->batches; *p;) {
        struct batch *b = *p;
        if (b->state < BATCH_OVER || b->storing || b->calling) {
            p = &b->next;
            continue;
        }
        *p = b->next;
        batch_free(b);
    }
}

int batch_step(struct gen *g, struct error *error)
{
    for (int k = 0; k < g->n_lanes && !g->stopping && !g->options->cancel; k++)
        if (g->lanes[k].teacher->batch.on && batch_gather(g, &g->lanes[k], error))
            return -1;
    if (!g->batches)
        return 0;
    if (g->deaf)
        batch_cancel_calls(g);
    bool end = !g->stopping && quiet(g);
    for (struct batch *b = g->batches; b; b = b->next) {
        if (end && b->state == BATCH_GATHERING && batch_finish(b, error))
            return -1;
        if (step(b, error))
            return -1;
    }
    forget_over(g);
    if (end)
        leave(g);
    return 0;
}
