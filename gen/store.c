#include "gen/store.h"

#include "core/mem.h"
#include "core/vec.h"
#include "corpus/remake.h"
#include "corpus/softlabels.h"
#include "corpus/verdicts.h"
#include "gen/batch.h"
#include "gen/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_key(const void *a, const void *b)
{
    const struct item *const *x = a, *const *y = b;
    return hash128_compare((*x)->request.key, (*y)->request.key);
}

static int put_ask(struct corpus *c, struct item *i, struct error *error)
{
    i->request.prompt_id = i->prompt.id;
    int known = ledger_request_add(c, &i->request, error);
    i->added = known == 0 || known == 2;
    i->was_withdrawn = known == 2;
    if (known)
        return known < 0 ? -1 : 0;
    return ledger_prompt_add(c, &i->prompt, error) < 0 ? -1 : 0;
}

/* Keys are random, and each would touch a page of its own in their index: in the order of the keys
 * neighbours share a page, which matters once the index is large. */
static int put_asks(struct corpus *c, struct store *s, struct error *error)
{
    struct item **sorted = mem_alloc((s->asks.n + 1) * sizeof(struct item *));
    size_t n = 0;
    int rc = 0;
    for (struct item *i = s->asks.first; i; i = i->next)
        sorted[n++] = i;
    qsort(sorted, n, sizeof(struct item *), by_key);
    for (size_t k = 0; k < n && !rc; k++)
        rc = put_ask(c, sorted[k], error);
    mem_free(sorted);
    return rc;
}

static int put_reservations(struct corpus *c, struct store *s, struct error *error)
{
    for (struct item *i = s->items.first; i; i = i->next)
        if (ledger_reserve(c, i->request.id, i->worst.nusd, i->worst.tokens, error))
            return -1;
    return 0;
}

/* A row is never dropped because its name is taken: it gets the request's number behind it. */
static int put_row(struct corpus *c, struct sample *row, struct error *error)
{
    char name[300];
    int64_t id = row->id;
    int rc = samples_add(c, row, error);
    if (rc || !row->name.data)
        return rc;
    int n = snprintf(name, sizeof name, "%.200s.%lld.%lld", row->name.data,
                     (long long)row->request_id, (long long)row->choice);
    struct sample renamed = *row;
    renamed.id = id;
    renamed.name = slice_from(name, (size_t)n);
    return samples_add(c, &renamed, error);
}

static int put_rows_again(struct corpus *c, struct store *s, struct error *error)
{
    int64_t *choices = mem_alloc((s->n_rows + 1) * sizeof *choices);
    int rc = 0;
    for (size_t k = 0; k < s->n_rows && rc >= 0; k++) {
        choices[k] = s->rows[k].choice;
        rc = remake_row(c, &s->rows[k], error);
    }
    if (rc >= 0)
        rc = remake_outrule(c, s->item->request.id, choices, s->n_rows, error);
    mem_free(choices);
    return rc < 0 ? -1 : 0;
}

static int put_scores(struct corpus *c, struct store *s, struct error *error)
{
    for (size_t k = 0; k < s->n_scores; k++)
        if (scores_put(c, s->scores[k].sample_id, s->scores[k].name.data, 1, s->scores[k].value,
                       error))
            return -1;
    return 0;
}

static int put_end(struct corpus *c, struct store *s, struct error *error)
{
    if (s->supersedes && s->n_rows && remake_supersede(c, s->supersedes, error))
        return -1;
    if (s->supersedes && s->has_end && ledger_replaced(c, s->supersedes, error))
        return -1;
    if (s->remake && put_rows_again(c, s, error))
        return -1;
    if (put_scores(c, s, error))
        return -1;
    for (size_t k = 0; !s->remake && k < s->n_rows; k++)
        if (put_row(c, &s->rows[k], error) < 0)
            return -1;
    for (size_t k = 0; k < s->n_soft; k++) {
        const struct softlabels_row row = {.request = s->item->request.id,
                                           .choice = s->soft[k].choice,
                                           .tokens = s->soft[k].tokens,
                                           .data = buf_view(&s->soft[k].data)};
        if (softlabels_put(c, s->g->compressor, &row, error))
            return -1;
    }
    return s->has_end ? ledger_request_end(c, &s->end, error) : 0;
}

static int put_batch(struct corpus *c, struct store *s, struct error *error)
{
    struct batch *b = s->batch;
    if (s->batch_drop && batches_drop(c, b->id, NULL, error))
        return -1;
    if (batches_put(c, &s->batch_row, error))
        return -1;
    for (size_t k = 0; s->batch_new && k < b->n; k++) {
        const struct batch_line *l = &b->lines[k];
        if (batches_line_put(c, b->id, l->request, l->place, error) ||
            ((l->nusd || l->tokens) && ledger_reserve(c, l->request, l->nusd, l->tokens, error)))
            return -1;
    }
    return 0;
}

/* On the writer's thread. */
static int apply(struct corpus *c, struct writer_job *job, struct error *error)
{
    struct store *s = (struct store *)job;
    if (s->has_reply && ledger_reply_put(c, s->g->compressor, &s->reply, error))
        return -1;
    if (s->batch && put_batch(c, s, error))
        return -1;
    if (s->settled_batch && batches_line_settle(c, s->settled_batch, s->settled_request, error))
        return -1;
    if (s->has_attempt && ledger_attempt_put(c, &s->attempt, error))
        return -1;
    if (put_asks(c, s, error) || put_reservations(c, s, error) || put_end(c, s, error))
        return -1;
    if (s->position.data && corpus_meta_set(c, "gen.plan", s->position, error))
        return -1;
    return s->live.data ? corpus_meta_set(c, "gen.live", s->live, error) : 0;
}

static struct soft_token soft_of(const struct net_token *t)
{
    return (struct soft_token){t->bytes, t->id, t->logprob};
}

void store_soft(struct store *s, int64_t choice, const struct net_logprobs *l)
{
    struct softlabels soft = {.n = l->n, .n_top = l->n_top};
    struct soft_store *out;
    soft.positions = mem_zero(l->n + 1, sizeof *soft.positions);
    soft.top = mem_zero(l->n_top + 1, sizeof *soft.top);
    for (size_t i = 0; i < l->n; i++)
        soft.positions[i] = (struct soft_position){soft_of(&l->positions[i].sampled),
                                                   l->positions[i].first, l->positions[i].count};
    for (size_t i = 0; i < l->n_top; i++)
        soft.top[i] = soft_of(&l->top[i]);
    s->soft = vec_reserve(s->soft, &s->cap_soft, s->n_soft + 1, sizeof *s->soft);
    out = &s->soft[s->n_soft++];
    *out = (struct soft_store){.choice = choice, .tokens = l->n, .data = BUF};
    softlabels_pack(&soft, &out->data);
    mem_free(soft.positions);
    mem_free(soft.top);
}

/* Some thousands come and go a second: those that are done with are used again, with their memory. */
enum { SPARE = 128 };

struct store *store_new(struct gen *g, enum store_kind kind)
{
    struct store *s = g->spare;
    struct sample *rows = s ? s->rows : NULL;
    size_t cap_rows = s ? s->cap_rows : 0;
    struct arena arena = s ? s->arena : ARENA;
    if (s) {
        g->spare = (struct store *)s->job.next;
        g->n_spare--;
        memset(s, 0, sizeof *s);
    } else {
        s = mem_zero(1, sizeof *s);
    }
    s->rows = rows;
    s->cap_rows = cap_rows;
    s->arena = arena;
    s->job.apply = apply;
    s->g = g;
    s->kind = kind;
    items_init(&s->asks);
    items_init(&s->items);
    return s;
}

void store_post(struct store *s)
{
    s->g->jobs++;
    writer_post(s->g->writer, &s->job);
}

static void release(struct store *s)
{
    arena_free(&s->arena);
    mem_free(s->rows);
    mem_free(s);
}

void store_free(struct store *s)
{
    struct gen *g = s->g;
    net_reply_free(&s->heard);
    for (size_t k = 0; k < s->n_soft; k++)
        buf_free(&s->soft[k].data);
    mem_free(s->soft);
    mem_free(s->scores);
    if (g->n_spare == SPARE) {
        release(s);
        return;
    }
    arena_reset(&s->arena);
    s->job.next = (struct writer_job *)g->spare;
    g->spare = s;
    g->n_spare++;
}

void store_free_spare(struct gen *g)
{
    while (g->spare) {
        struct store *s = g->spare;
        g->spare = (struct store *)s->job.next;
        release(s);
    }
    g->n_spare = 0;
}
