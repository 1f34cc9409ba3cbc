/*
 * cpu: attention over segments, backward.  A task is one head of one segment, block after block,
 * so that sums over queries keep their order; scores are made again from the kept log sums.  Query
 * heads that share keys write their gradients apart, and are added in order.
 *
 * With p = softmax and d = dout v^T:  dv += p^T dout;  ds = p (d - dout.out) scale;  dq = ds k;
 * dk += ds^T q.
 */
#include "model/cpu/attention_block.h"

#include "core/clock.h"
#include "model/gemm.h"

#include <string.h>

struct job {
    struct cpu *c;
    const struct attention *a;
    const struct micro *micro;
    const int32_t *starts;
    struct tensor dk, dv; /* [T, heads * dim], where keys are shared apart from the operation's */
};

/* A worker's scratch.  Of the head: keys and values in strips of tokens, keys in strips of dim; of
 * the block: scores and their slopes, q and dout as left and as right operands, a strip of scores. */
struct room {
    float *keys, *values, *keys_wide;
    float *s, *d, *q, *dout, *q_wide, *dout_wide, *strip;
};

/* Lay out from `base` on (NULL: only count); returns the floats. */
static int64_t lay_out(const struct job *j, float *base, struct room *r)
{
    const struct micro *m = j->micro;
    const int64_t wide = strips_whole(j->a->dim, m->cols), longest = j->a->longest;
    const int64_t deep = strips_deep(m, j->a->dim), tokens = strips_whole(longest, m->cols);
    const int64_t rows = strips_whole(QUERIES, m->rows), scores = block_room(j->a, m);
    const int64_t most = longest > QUERIES ? longest : QUERIES;
    const struct {
        float **part;
        int64_t words;
    } parts[] = {{&r->keys, tokens * deep},
                 {&r->values, tokens * deep},
                 {&r->keys_wide, strips_deep(m, longest) * wide},
                 {&r->s, scores},
                 {&r->d, scores},
                 {&r->q, rows * deep},
                 {&r->dout, rows * deep},
                 {&r->q_wide, strips_deep(m, QUERIES) * wide},
                 {&r->dout_wide, strips_deep(m, QUERIES) * wide},
                 {&r->strip, m->rows * strips_deep(m, most)}};
    int64_t at = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        *parts[i].part = base != NULL ? base + at : NULL;
        at += strips_whole(parts[i].words, 16); /* whole vectors */
    }
    return at;
}

/* Scores of a block, and room for a strip of them. */
struct scores {
    const float *of;
    float *strip;
};

/* One head of a segment, packed. */
struct head {
    struct strips keys, values, keys_wide;
};

static struct strips pack_tokens(const struct block *b, struct tensor x, float *room)
{
    return strips_pack(b->micro,
                       &(struct micro_source){.data = block_head(x, b->start, b->kv, b->dim),
                                              .stride = x.stride,
                                              .lanes = b->tokens,
                                              .depth = b->dim,
                                              .along = true},
                       room);
}

/* Rows [row, row + rows) of a head of x, as a right operand [rows, dim]. */
static struct strips pack_wide(const struct block *b, const float *x, int64_t stride, int64_t rows,
                               float *room)
{
    return strips_pack(
        b->micro,
        &(struct micro_source){.data = x, .stride = stride, .lanes = b->dim, .depth = rows}, room);
}

/* Columns [key, key + n) of scores as rows of a product over their rows from `first` on: floats are
 * read where they stand, BF16 is packed. */
static const float *columns_of(const struct block *b, const float *s, struct range rows, int64_t n,
                               float *room)
{
    const struct micro_source from = {.data = s + rows.first * b->width,
                                      .stride = b->width,
                                      .lanes = n,
                                      .depth = rows.end - rows.first};
    if (!b->micro->half)
        return from.data;
    b->micro->pack_a(room, &from);
    return room;
}

/* y's keys = s^T x + beta y, for each of the block's keys; x [rows, dim]; y has a head for each
 * query head. */
static void to_keys(const struct block *b, const struct scores *s, const struct strips *x,
                    struct tensor y, float beta)
{
    const int64_t step = b->micro->rows;
    for (int64_t key = 0; key < b->keys; key += step) {
        const int64_t n = b->keys - key < step ? b->keys - key : step;
        const struct range asking = block_askers(b, key, n);
        const struct range r = {asking.first / b->micro->unit * b->micro->unit, asking.end};
        const struct strips_span span = {.end = b->dim, .skip = r.first};
        const struct micro_tile t = {.c = block_head(y, b->start + b->key + key, b->head, b->dim),
                                     .ldc = y.stride,
                                     .rows = n,
                                     .depth = r.end - r.first,
                                     .alpha = 1,
                                     .beta = beta,
                                     .step = b->micro->half ? step : b->width};
        if (r.first < r.end)
            strips_multiply(columns_of(b, s->of + key, r, n, s->strip), x, &span, &t);
    }
}

/* s becomes p. */
static void again(const struct job *j, const struct block *b, float *s)
{
    for (int64_t i = 0; i < b->rows; i++) {
        const struct range r = block_visible(b, i);
        (void)j->c->k->exp_sum(s + i * b->width + r.first, (float)j->a->scale,
                               cpu_row(j->a->lse, b->row + i)[b->head], (size_t)(r.end - r.first));
        block_hide(b, i, s);
    }
}

/* p becomes ds. */
static void slopes(const struct job *j, const struct block *b, float *s, const float *d)
{
    const struct kernels *k = j->c->k;
    for (int64_t i = 0; i < b->rows; i++) {
        const struct range r = block_visible(b, i);
        const float *out = block_head(j->a->out, b->row + i, b->head, b->dim);
        const float *dout = block_head(j->a->dout, b->row + i, b->head, b->dim);
        const int64_t at = i * b->width + r.first;
        k->softmax_back(s + at, d + at, k->dot(dout, out, (size_t)b->dim), (float)j->a->scale,
                        (size_t)(r.end - r.first));
    }
}

/* beta 0 where dk and dv begin. */
static void backward_block(const struct job *j, const struct block *b, const struct head *h,
                           const struct room *r, float beta)
{
    const struct attention *a = j->a;
    const struct scores s = {r->s, r->strip};
    struct strips q, dout;
    int64_t start = clock_ns();
    block_pack(b, a->q, r->q);
    block_pack(b, a->dout, r->dout);
    q = pack_wide(b, block_head(a->q, b->row, b->head, b->dim), a->q.stride, b->rows, r->q_wide);
    dout = pack_wide(b, block_head(a->dout, b->row, b->head, b->dim), a->dout.stride, b->rows,
                     r->dout_wide);
    block_scores(b, r->q, &h->keys, r->s);
    block_scores(b, r->dout, &h->values, r->d);
    gemm_spend(start);
    again(j, b, r->s);
    start = clock_ns();
    to_keys(b, &s, &dout, j->dv, beta);
    gemm_spend(start);
    slopes(j, b, r->s, r->d);
    start = clock_ns();
    block_weigh(b, r->s, &h->keys_wide, a->dq, r->strip);
    to_keys(b, &s, &q, j->dk, beta);
    gemm_spend(start);
}

static void backward_task(void *context, size_t task, int worker)
{
    const struct job *j = context;
    const struct attention *a = j->a;
    const int32_t *segment = j->starts + (int64_t)task / a->heads;
    const int64_t head = (int64_t)task % a->heads, dim = a->dim, start = clock_ns();
    const bool whole = a->window == 0; /* the last block sees all keys: it writes first */
    struct room r;
    struct block b = block_of(a, j->micro, segment, head, 0);
    struct head h;
    if (b.tokens == 0)
        return;
    lay_out(j, cpu_scratch(j->c, worker, (size_t)lay_out(j, NULL, &r)), &r);
    h.keys = pack_tokens(&b, a->k, r.keys);
    h.values = pack_tokens(&b, a->v, r.values);
    h.keys_wide =
        pack_wide(&b, block_head(a->k, b.start, b.kv, dim), a->k.stride, b.tokens, r.keys_wide);
    gemm_spend(start);
    if (j->micro->begin != NULL)
        j->micro->begin();
    for (int64_t row = segment[0]; row < segment[1] && !whole; row++) {
        memset(block_head(j->dk, row, head, dim), 0, (size_t)dim * sizeof(float));
        memset(block_head(j->dv, row, head, dim), 0, (size_t)dim * sizeof(float));
    }
    for (int64_t n = block_count(b.tokens), i = n - 1; i >= 0; i--) {
        b = block_of(a, j->micro, segment, head, i);
        backward_block(j, &b, &h, &r, whole && i == n - 1 ? 0 : 1);
    }
    if (j->micro->end != NULL)
        j->micro->end();
}

/* dk, dv of a shared key head: its query heads' parts, added in order. */
static void gather_heads(struct cpu *c, const void *context, int64_t first, int64_t n)
{
    const struct job *j = context;
    const int64_t dim = j->a->dim, group = j->a->heads / j->a->kv_heads;
    for (int64_t row = first; row < first + n; row++) {
        for (int64_t kv = 0; kv < j->a->kv_heads; kv++) {
            float *dk = block_head(j->a->dk, row, kv, dim),
                  *dv = block_head(j->a->dv, row, kv, dim);
            memcpy(dk, block_head(j->dk, row, kv * group, dim), (size_t)dim * sizeof *dk);
            memcpy(dv, block_head(j->dv, row, kv * group, dim), (size_t)dim * sizeof *dv);
            for (int64_t h = kv * group + 1; h < (kv + 1) * group; h++) {
                c->k->add(dk, block_head(j->dk, row, h, dim), (size_t)dim);
                c->k->add(dv, block_head(j->dv, row, h, dim), (size_t)dim);
            }
        }
    }
}

void cpu_attention_back(struct backend *b, const struct attention *a)
{
    struct job j = {cpu_of(b), a, cpu_of(b)->micro[a->half], cpu_ints(a->starts), a->dk, a->dv};
    const int64_t width = (int64_t)a->heads * a->dim, n = a->out.rows;
    const bool apart = a->heads != a->kv_heads;
    if (apart) {
        float *both = cpu_shared(j.c, 2 * (size_t)(n * width));
        j.dk = tensor_of(both, DTYPE_F32, n, width);
        j.dv = tensor_of(both + n * width, DTYPE_F32, n, width);
    }
    pool_run(b->pool, (size_t)a->segments * (size_t)a->heads, backward_task, &j);
    if (apart)
        cpu_rows(j.c, n, width, gather_heads, &j);
}
