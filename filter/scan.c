#include "filter/scan.h"

#include "core/arena.h"
#include "core/langid.h"
#include "core/mem.h"
#include "core/signals.h"
#include "core/vec.h"
#include "filter/identity.h"
#include "filter/signatures.h"

#include <math.h>
#include <string.h>

/* One finding of one row of the batch. */
struct fired {
    size_t row;
    const struct chosen_rule *rule;
    struct finding finding;
};

struct task {
    struct fired *fired;
    size_t n, cap;
};

struct worker {
    struct identity identity;
    struct row row;
};

/* Rows as read.  There are two: one is judged while the next one is read. */
struct rows {
    struct arena arena;
    struct sample *samples;
    size_t n, bytes;
    int64_t last;  /* of the index of the scan: no row behind it is taken */
    int64_t after; /* the last row read */
    int rc;
    struct error error;
};

struct batch {
    struct scan *scan;
    struct rows rows[2], *now, *next;
    size_t *place; /* of each row in the index */
    struct task *tasks;
    struct worker *workers;
    size_t known; /* entry of the index to look for the next known row at */
    size_t kept;  /* entries before it have their signatures in the dataset */
    size_t taken; /* entries before it have been taken: those of the batches before */
};

static size_t sample_bytes(const struct sample *s)
{
    return s->system.len + s->instruction.len + s->input.len + s->output.len + s->messages.len;
}

static struct slice copy(struct arena *a, struct slice s)
{
    return s.data != NULL ? arena_copy(a, s) : s;
}

static int collect(void *context, const struct sample *s, struct error *error)
{
    struct rows *b = context;
    struct sample *to = &b->samples[b->n];
    (void)error;
    if (s->id > b->last)
        return 1;
    b->after = s->id;
    *to = (struct sample){.id = s->id,
                          .request_id = s->request_id,
                          .system = copy(&b->arena, s->system),
                          .instruction = copy(&b->arena, s->instruction),
                          .input = copy(&b->arena, s->input),
                          .output = copy(&b->arena, s->output),
                          .messages = copy(&b->arena, s->messages),
                          .finish_reason = copy(&b->arena, s->finish_reason),
                          .meta = copy(&b->arena, s->meta)};
    b->n++;
    b->bytes += sample_bytes(s);
    return b->n == SCAN_ROWS || b->bytes >= SCAN_BYTES;
}

/* Fill b->next with what follows b->now. */
static void read_next(struct batch *b)
{
    struct rows *to = b->next;
    const struct scan *s = b->scan;
    arena_reset(&to->arena);
    to->n = to->bytes = 0;
    to->last = s->last;
    to->after = b->now->after;
    to->rc = s->kept_only
                 ? samples_each(s->corpus, SAMPLES_KEPT, to->after, collect, to, &to->error)
                 : samples_texts(s->corpus, to->after, collect, to, &to->error);
}

/* What has been taken goes into the dataset, where an interrupted run leaves it for the next. */
static int keep(struct batch *b, struct error *error)
{
    struct scan *s = b->scan;
    if (!s->keep || b->kept == b->taken)
        return 0;
    if (corpus_begin(s->corpus, error) != 0)
        return -1;
    if (signatures_store(s->corpus, s->chosen->kind, s->index, b->kept, b->taken, error) != 0) {
        corpus_rollback(s->corpus);
        return -1;
    }
    b->kept = b->taken;
    return corpus_commit(s->corpus, error);
}

/* Of the words only the first byte: most rules find nothing. */
static void clear(struct finding *f)
{
    finding_value(f, (double)NAN, (double)NAN);
    finding_span(f, NULL, 0, 0);
    f->flag = false;
    f->why[0] = '\0';
}

static void judge_row(const struct scan *s, const struct row *row, size_t at, struct task *t)
{
    for (size_t i = 0; i < s->chosen->n; i++) {
        const struct chosen_rule *r = &s->chosen->rules[i];
        t->fired = vec_reserve(t->fired, &t->cap, t->n + 1, sizeof *t->fired);
        struct fired *f = &t->fired[t->n];
        clear(&f->finding);
        if (!r->rule->judge(r->state, row, &f->finding))
            continue;
        f->row = at;
        f->rule = r;
        t->n++;
    }
}

static uint32_t language_of_reply(const struct row *row)
{
    const struct langid l = langid_of(row->reply);
    return l.code != NULL ? (uint32_t)(unsigned char)l.code[0] << 8 | (unsigned char)l.code[1] : 0;
}

/* The row's identity and signature, into its place of the index. */
static void take(struct batch *b, size_t i, struct worker *w)
{
    struct scan *s = b->scan;
    const size_t place = b->place[i];
    struct index_entry e;
    struct minhash_signature signature;
    if (place >= s->known) {
        const bool any = identity_of(&w->identity, s->chosen, &w->row, &e, &signature);
        e.flags = s->flags;
        index_set(s->index, place, &e, any ? &signature : NULL);
    }
    if (s->languages)
        s->index->entries[place].language = language_of_reply(&w->row);
}

static void batch_task(void *context, size_t task, int worker)
{
    struct batch *b = context;
    struct scan *s = b->scan;
    struct worker *w = &b->workers[worker];
    if (task-- == 0) { /* the first to start, since it may take longest; alone with the dataset */
        read_next(b);
        if (b->next->rc == 0)
            b->next->rc = keep(b, &b->next->error);
        return;
    }
    const size_t n = b->now->n, to = (task + 1) * SCAN_TASK < n ? (task + 1) * SCAN_TASK : n;
    for (size_t i = task * SCAN_TASK; i < to; i++) {
        row_set(&w->row, &b->now->samples[i]);
        row_shingle(&w->row, &w->identity.shingler);
        if (s->ledger != NULL && s->chosen->n > 0) {
            row_sentences(&w->row);
            judge_row(s, &w->row, i, &b->tasks[task]);
        }
        take(b, i, w);
    }
}

/* Rows whose signature is in the index already keep their place, entries being in order of id; the
 * others come behind. */
static int find_places(struct batch *b, struct error *error)
{
    struct index *x = b->scan->index;
    size_t next = x->n;
    for (size_t i = 0; i < b->now->n; i++) {
        const int64_t id = b->now->samples[i].id;
        while (b->known < b->scan->known && x->entries[b->known].id < id)
            b->known++;
        const bool known = b->known < b->scan->known && x->entries[b->known].id == id;
        b->place[i] = known ? b->known : next++;
    }
    return index_grow(x, next - x->n, b->scan->spill_dir, error);
}

static int put_finding(struct scan *s, int64_t id, const struct fired *f, struct error *error)
{
    const struct finding *d = &f->finding;
    const struct verdict v = {.sample_id = id,
                              .rule = f->rule->rule->name,
                              .version = f->rule->rule->version,
                              .action = d->flag ? VERDICT_FLAG : f->rule->action,
                              .value = d->value,
                              .threshold = d->threshold,
                              .field = d->field,
                              .span_from = (int64_t)d->from,
                              .span_to = (int64_t)d->to,
                              .similarity = (double)NAN,
                              .why = d->why[0] != '\0' ? slice_of(d->why)
                                                       : slice_of(f->rule->rule->summary)};
    return ledger_add(s->ledger, &v, error);
}

/* The findings, in order of rows, to the ledger. */
static int store(struct batch *b, size_t tasks, struct error *error)
{
    struct scan *s = b->scan;
    for (size_t i = 0; i < tasks; i++)
        for (size_t k = 0; k < b->tasks[i].n; k++) {
            const struct fired *f = &b->tasks[i].fired[k];
            if (put_finding(s, b->now->samples[f->row].id, f, error) != 0)
                return -1;
            if (!f->finding.flag && f->rule->action == VERDICT_REMOVE)
                s->index->entries[b->place[f->row]].flags |= INDEX_REMOVED;
        }
    return 0;
}

static int run_batch(struct batch *b, struct error *error)
{
    struct scan *s = b->scan;
    const size_t tasks = (b->now->n + SCAN_TASK - 1) / SCAN_TASK;
    for (size_t i = 0; i < tasks; i++)
        b->tasks[i].n = 0;
    if (find_places(b, error) != 0)
        return -1;
    pool_run(s->pool, tasks + 1, batch_task, b);
    b->taken = s->index->n;
    if (store(b, tasks, error) != 0)
        return -1;
    s->rows += b->now->n;
    struct progress_state state = {.stage = "filter",
                                   .unit = "rows",
                                   .done = s->rows,
                                   .total = s->total};
    progress_update(s->progress, &state);
    return 0;
}

static void open_batch(struct batch *b, int workers)
{
    for (int i = 0; i < 2; i++) {
        b->rows[i].arena = ARENA;
        b->rows[i].samples = mem_alloc(SCAN_ROWS * sizeof *b->rows[i].samples);
    }
    b->now = &b->rows[0];
    b->next = &b->rows[1];
    b->place = mem_alloc(SCAN_ROWS * sizeof *b->place);
    b->tasks = mem_zero(SCAN_ROWS / SCAN_TASK, sizeof *b->tasks);
    b->workers = mem_zero((size_t)workers, sizeof *b->workers);
    for (int i = 0; i < workers; i++) {
        identity_init(&b->workers[i].identity);
        b->workers[i].row = ROW;
    }
}

static void close_batch(struct batch *b, int workers)
{
    for (int i = 0; i < workers; i++) {
        identity_free(&b->workers[i].identity);
        row_free(&b->workers[i].row);
    }
    for (size_t i = 0; i < SCAN_ROWS / SCAN_TASK; i++)
        mem_free(b->tasks[i].fired);
    mem_free(b->workers);
    mem_free(b->tasks);
    mem_free(b->place);
    for (int i = 0; i < 2; i++) {
        mem_free(b->rows[i].samples);
        arena_free(&b->rows[i].arena);
    }
}

/* What was read becomes what is judged. */
static int turn(struct batch *b, struct error *error)
{
    struct rows *was = b->now;
    b->now = b->next;
    b->next = was;
    if (b->now->rc != 0 && error != NULL)
        *error = b->now->error;
    return b->now->rc;
}

int scan_run(struct scan *s, struct error *error)
{
    const int workers = s->pool != NULL ? pool_threads(s->pool) : 1;
    struct batch b = {.scan = s};
    int rc;
    if (index_expect(s->index, s->total, s->spill_dir, error) != 0)
        return -1;
    open_batch(&b, workers);
    b.kept = b.taken = s->index->n;
    b.now->after = s->after;
    read_next(&b);
    rc = turn(&b, error);
    while (rc == 0 && b.now->n > 0) {
        rc = run_batch(&b, error);
        if (rc == 0 && signals_draining())
            rc = error_set(error, ERROR_INTERRUPTED, "stopped; no verdict of this run was stored");
        if (rc == 0)
            rc = turn(&b, error);
    }
    if (rc == 0)
        rc = keep(&b, error);
    close_batch(&b, workers);
    return rc;
}
