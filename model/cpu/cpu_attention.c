/*
 * cpu: attention over segments, forward.  Keys and values are packed first, once for all queries
 * that read them; then a task is a block of queries of one head: scores against the keys it may
 * see, softmax on them, and a second product with the values.
 */
#include "model/cpu/attention_block.h"

#include "core/clock.h"
#include "model/gemm.h"

#include <math.h>

struct job {
    struct cpu *c;
    const struct attention *a;
    const struct micro *micro;
    const int32_t *starts;
    float *packed;     /* of each segment and key head: keys, then values */
    int64_t per_token; /* floats of both */
};

/* Keys are rounded up to whole strips, so that each segment may take a strip more. */
static float *packed_at(const struct job *j, int32_t segment, int64_t kv)
{
    const int64_t strip = j->micro->cols, heads = j->a->kv_heads;
    const int64_t before = j->starts[segment] + segment * strip;
    const int64_t own = j->starts[segment + 1] - j->starts[segment] + strip;
    return j->packed + (before * heads + own * kv) * j->per_token;
}

/* Where the values of a segment stand behind its keys. */
static int64_t keys_room(const struct job *j, int64_t tokens)
{
    return strips_whole(tokens, j->micro->cols) * strips_deep(j->micro, j->a->dim);
}

static void pack_task(void *context, size_t task, int worker)
{
    const int64_t start = clock_ns();
    const struct job *j = context;
    const int64_t heads = j->a->kv_heads, dim = j->a->dim;
    const int64_t kv = (int64_t)task % heads;
    const int32_t segment = (int32_t)((int64_t)task / heads), first = j->starts[segment];
    const int64_t tokens = j->starts[segment + 1] - first;
    float *room = packed_at(j, segment, kv);
    (void)worker;
    if (tokens == 0)
        return;
    strips_pack(j->micro,
                &(struct micro_source){.data = block_head(j->a->k, first, kv, dim),
                                       .stride = j->a->k.stride,
                                       .lanes = tokens,
                                       .depth = dim,
                                       .along = true},
                room);
    strips_pack(j->micro,
                &(struct micro_source){.data = block_head(j->a->v, first, kv, dim),
                                       .stride = j->a->v.stride,
                                       .lanes = dim,
                                       .depth = tokens},
                room + keys_room(j, tokens));
    gemm_spend(start);
}

/* Scores become probabilities without their divisors, which are left in `sums`. */
static void soften(const struct job *j, const struct block *b, float *s, float *sums)
{
    const struct kernels *k = j->c->k;
    const float scale = (float)j->a->scale;
    for (int64_t i = 0; i < b->rows; i++) {
        const struct range r = block_visible(b, i);
        float *row = s + i * b->width + r.first;
        const float top = scale * k->max(row, (size_t)(r.end - r.first));
        sums[i] = k->exp_sum(row, scale, top, (size_t)(r.end - r.first));
        block_hide(b, i, s);
        if (tensor_present(j->a->lse))
            cpu_row(j->a->lse, b->row + i)[b->head] = top + logf(sums[i]);
    }
}

/* room: scores; packed queries, later a packed strip of scores. */
static void forward_block(const struct job *j, const struct block *b, const float *packed,
                          float *room)
{
    const struct strips keys = {j->micro, packed, strips_deep(j->micro, b->dim)};
    const struct strips values = {j->micro, packed + keys_room(j, b->tokens),
                                  strips_deep(j->micro, b->tokens)};
    float *s = room, *queries = s + block_room(j->a, j->micro), sums[QUERIES];
    int64_t start = clock_ns();
    block_pack(b, j->a->q, queries);
    block_scores(b, queries, &keys, s);
    gemm_spend(start);
    soften(j, b, s, sums);
    start = clock_ns();
    block_weigh(b, s, &values, j->a->out, queries);
    gemm_spend(start);
    for (int64_t i = 0; i < b->rows; i++)
        j->c->k->scale(block_head(j->a->out, b->row + i, b->head, b->dim), 1 / sums[i],
                       (size_t)b->dim);
}

/* Which segment a running number of blocks falls into. */
static int32_t segment_of(const struct job *j, int64_t *index)
{
    int32_t s = 0;
    for (;; s++) {
        const int64_t n = block_count(j->starts[s + 1] - j->starts[s]);
        if (*index < n)
            return s;
        *index -= n;
    }
}

/* Queries are used up before a strip of scores is packed in their place. */
static int64_t scratch_room(const struct job *j)
{
    const struct micro *m = j->micro;
    const int64_t queries = strips_whole(QUERIES, m->rows) * strips_deep(m, j->a->dim);
    const int64_t strip = m->rows * strips_deep(m, j->a->longest);
    return block_room(j->a, m) + (queries > strip ? queries : strip);
}

static void forward_task(void *context, size_t task, int worker)
{
    const struct job *j = context;
    const struct attention *a = j->a;
    int64_t index = (int64_t)task / a->heads;
    const int64_t head = (int64_t)task % a->heads;
    const int32_t segment = segment_of(j, &index);
    const struct block b = block_of(a, j->micro, j->starts + segment, head, index);
    if (j->micro->begin != NULL)
        j->micro->begin();
    forward_block(j, &b, packed_at(j, segment, b.kv),
                  cpu_scratch(j->c, worker, (size_t)scratch_room(j)));
    if (j->micro->end != NULL)
        j->micro->end();
}

void cpu_attention(struct backend *b, const struct attention *a)
{
    struct job j = {cpu_of(b), a, cpu_of(b)->micro[a->half], cpu_ints(a->starts), NULL, 0};
    const int64_t strips = (int64_t)a->segments * j.micro->cols;
    int64_t blocks = 0;
    for (int32_t s = 0; s < a->segments; s++)
        blocks += block_count(j.starts[s + 1] - j.starts[s]);
    j.per_token = strips_deep(j.micro, a->dim) + strips_whole(a->dim, j.micro->cols);
    j.packed =
        cpu_shared(j.c, (size_t)((j.starts[a->segments] + strips) * a->kv_heads * j.per_token));
    pool_run(b->pool, (size_t)a->segments * (size_t)a->kv_heads, pack_task, &j);
    pool_run(b->pool, (size_t)(blocks * a->heads), forward_task, &j);
}
