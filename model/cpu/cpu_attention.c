/*
 * cpu: attention over segments and over caches.  A task is a block of queries of one head: scores
 * against the keys it may see are one small product in the worker's scratch, softmax on them, and
 * a second product with the values.  The backward pass makes the scores again from the kept log
 * sums; its task is one head of one segment, block after block, so that sums over queries keep
 * their order.  Query heads that share keys write their gradients apart, and are added in order.
 */
#include "model/cpu/cpu.h"

#include "model/gemm.h"

#include <math.h>
#include <string.h>

enum { QUERIES = 64 };

struct job {
    struct cpu *c;
    const struct attention *a;
    const int32_t *starts;
    struct tensor head_dk, head_dv; /* [T, heads * dim]: dk, dv, or apart where keys are shared */
};

/* Rows of queries [row, row + rows) of one head against rows [key, key + keys) of its key head;
 * query i sees keys up to at + i, or all of them, and no more than `window` of them. */
struct block {
    struct cpu *c;
    int64_t row, rows, key, keys, at, head, kv, dim;
    int64_t window;
    bool causal, half;
    float scale;
};

static int64_t max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static struct block block_of(const struct job *j, int32_t segment, int64_t head, int64_t index)
{
    const struct attention *a = j->a;
    const int64_t from = j->starts[segment], to = j->starts[segment + 1];
    struct block b = {.c = j->c,
                      .row = from + index * QUERIES,
                      .head = head,
                      .dim = a->dim,
                      .window = a->window,
                      .causal = a->causal,
                      .half = a->half,
                      .scale = (float)a->scale};
    b.rows = to - b.row < QUERIES ? to - b.row : QUERIES;
    b.kv = head / (a->heads / a->kv_heads);
    b.key = a->window > 0 ? max64(from, b.row + 1 - a->window) : from;
    b.keys = (a->causal ? b.row + b.rows : to) - b.key;
    b.at = b.row - b.key;
    return b;
}

/* Keys [first, end) of the block that its query i sees. */
static void visible(const struct block *b, int64_t i, int64_t *first, int64_t *end)
{
    *end = b->causal ? b->at + i + 1 : b->keys;
    *first = b->window > 0 ? max64(0, b->at + i + 1 - b->window) : 0;
}

/* A matrix of a product: first element, distance of rows, transposed or not. */
struct operand {
    float *data;
    int64_t stride;
    bool transposed;
};

/* Sizes of a product [m, k] [k, n]. */
struct sizes {
    int64_t m, n, k;
    bool half;
};

/* c = a b + beta c. */
static void multiply(struct operand c, struct operand a, struct operand b, struct sizes s,
                     float beta)
{
    const struct gemm g = {.m = s.m,
                           .n = s.n,
                           .k = s.k,
                           .a = a.data,
                           .b = b.data,
                           .c = c.data,
                           .lda = a.stride,
                           .ldb = b.stride,
                           .ldc = c.stride,
                           .ta = a.transposed,
                           .tb = b.transposed,
                           .alpha = 1,
                           .beta = beta,
                           .half = s.half};
    gemm_one(&g);
}

static float *at(struct tensor t, int64_t row, int64_t head, int64_t dim)
{
    return cpu_row(t, row) + head * dim;
}

/* The block's queries or keys in a tensor. */
static struct operand queries(const struct block *b, struct tensor t)
{
    return (struct operand){at(t, b->row, b->head, b->dim), t.stride, false};
}

static struct operand keys(const struct block *b, struct tensor t, int64_t head, bool transposed)
{
    return (struct operand){at(t, b->key, head, b->dim), t.stride, transposed};
}

/* s [rows, keys] = x y^T, of a head of queries and its head of keys. */
static void against_keys(const struct block *b, struct tensor x, struct tensor y, float *s)
{
    const struct sizes sizes = {b->rows, b->keys, b->dim, b->half};
    multiply((struct operand){s, b->keys, false}, queries(b, x), keys(b, y, b->kv, true), sizes, 0);
}

/* y [rows, dim] = s x, of a head of keys. */
static void from_keys(const struct block *b, float *s, struct tensor x, struct tensor y)
{
    const struct sizes sizes = {b->rows, b->dim, b->keys, b->half};
    multiply(queries(b, y), (struct operand){s, b->keys, false}, keys(b, x, b->kv, false), sizes,
             0);
}

/* y [keys, dim] = s^T x + beta y, of a head of queries; y has a head for each query head. */
static void to_keys(const struct block *b, float *s, struct tensor x, struct tensor y, float beta)
{
    const struct sizes sizes = {b->keys, b->dim, b->rows, b->half};
    multiply(keys(b, y, b->head, false), (struct operand){s, b->keys, true}, queries(b, x), sizes,
             beta);
}

static void clear_hidden(float *row, int64_t first, int64_t end, int64_t n)
{
    memset(row, 0, (size_t)first * sizeof *row);
    memset(row + end, 0, (size_t)(n - end) * sizeof *row);
}

/* What a block reads and writes; lse may be absent. */
struct forward {
    struct tensor q, k, v, out, lse;
};

static void forward_block(const struct block *b, const struct forward *f, float *s)
{
    const struct kernels *k = b->c->k;
    float sums[QUERIES];
    against_keys(b, f->q, f->k, s);
    for (int64_t i = 0; i < b->rows; i++) {
        float *row = s + i * b->keys, top;
        int64_t first, end;
        visible(b, i, &first, &end);
        top = b->scale * k->max(row + first, (size_t)(end - first));
        sums[i] = k->exp_sum(row + first, b->scale, top, (size_t)(end - first));
        clear_hidden(row, first, end, b->keys);
        if (tensor_present(f->lse))
            cpu_row(f->lse, b->row + i)[b->head] = top + logf(sums[i]);
    }
    from_keys(b, s, f->v, f->out);
    for (int64_t i = 0; i < b->rows; i++)
        k->scale(at(f->out, b->row + i, b->head, b->dim), 1 / sums[i], (size_t)b->dim);
}

static int64_t blocks_of(int64_t tokens)
{
    return (tokens + QUERIES - 1) / QUERIES;
}

/* Which segment a running number of blocks falls into. */
static int32_t segment_of(const struct job *j, int64_t *index)
{
    int32_t s = 0;
    for (;; s++) {
        const int64_t n = blocks_of(j->starts[s + 1] - j->starts[s]);
        if (*index < n)
            return s;
        *index -= n;
    }
}

static void forward_task(void *context, size_t task, int worker)
{
    const struct job *j = context;
    const struct attention *a = j->a;
    int64_t index = (int64_t)task / a->heads;
    const int64_t head = (int64_t)task % a->heads;
    const int32_t segment = segment_of(j, &index);
    const struct block b = block_of(j, segment, head, index);
    forward_block(&b, &(struct forward){a->q, a->k, a->v, a->out, a->lse},
                  cpu_scratch(j->c, worker, (size_t)QUERIES * (size_t)a->longest));
}

void cpu_attention(struct backend *b, const struct attention *a)
{
    struct job j = {.c = cpu_of(b), .a = a, .starts = cpu_ints(a->starts)};
    int64_t blocks = 0;
    for (int32_t s = 0; s < a->segments; s++)
        blocks += blocks_of(j.starts[s + 1] - j.starts[s]);
    pool_run(b->pool, (size_t)(blocks * a->heads), forward_task, &j);
}

/* With p = softmax and d = dout v^T:  dv += p^T dout;  ds = p (d - p.d) scale;  dq = ds k;
 * dk += ds^T q.  (p.d is dout.out; here both rows are in the cache.)  s and d: [rows, keys] each;
 * beta 0 where dk and dv begin. */
static void backward_block(const struct job *j, const struct block *b, float *s, float beta)
{
    float *d = s + QUERIES * j->a->longest;
    const struct attention *a = j->a;
    const struct kernels *k = j->c->k;
    against_keys(b, a->q, a->k, s);
    against_keys(b, a->dout, a->v, d);
    for (int64_t i = 0; i < b->rows; i++) {
        int64_t first, end;
        visible(b, i, &first, &end);
        (void)k->exp_sum(s + i * b->keys + first, b->scale, cpu_row(a->lse, b->row + i)[b->head],
                         (size_t)(end - first));
        clear_hidden(s + i * b->keys, first, end, b->keys);
    }
    to_keys(b, s, a->dout, j->head_dv, beta);
    for (int64_t i = 0; i < b->rows; i++) {
        float *p = s + i * b->keys, *slope = d + i * b->keys;
        k->softmax_back(p, slope, k->dot(p, slope, (size_t)b->keys), b->scale, (size_t)b->keys);
    }
    from_keys(b, s, a->k, a->dq);
    to_keys(b, s, a->q, j->head_dk, beta);
}

static void backward_task(void *context, size_t task, int worker)
{
    const struct job *j = context;
    const int32_t segment = (int32_t)((int64_t)task / j->a->heads);
    const int64_t head = (int64_t)task % j->a->heads, dim = j->a->dim;
    const int64_t from = j->starts[segment], to = j->starts[segment + 1];
    const bool whole = j->a->window == 0; /* the last block sees all keys: it writes first */
    float *s = cpu_scratch(j->c, worker, 2 * (size_t)QUERIES * (size_t)j->a->longest);
    for (int64_t row = from; row < to && !whole; row++) {
        memset(at(j->head_dk, row, head, dim), 0, (size_t)dim * sizeof(float));
        memset(at(j->head_dv, row, head, dim), 0, (size_t)dim * sizeof(float));
    }
    for (int64_t n = blocks_of(to - from), i = n - 1; i >= 0; i--) {
        const struct block b = block_of(j, segment, head, i);
        backward_block(j, &b, s, whole && i == n - 1 ? 0 : 1);
    }
}

/* dk, dv of a shared key head: its query heads' parts, added in order. */
static void gather_heads(struct cpu *c, const void *context, int64_t first, int64_t n)
{
    const struct job *j = context;
    const int64_t dim = j->a->dim, group = j->a->heads / j->a->kv_heads;
    for (int64_t row = first; row < first + n; row++) {
        for (int64_t kv = 0; kv < j->a->kv_heads; kv++) {
            float *dk = at(j->a->dk, row, kv, dim), *dv = at(j->a->dv, row, kv, dim);
            memcpy(dk, at(j->head_dk, row, kv * group, dim), (size_t)dim * sizeof *dk);
            memcpy(dv, at(j->head_dv, row, kv * group, dim), (size_t)dim * sizeof *dv);
            for (int64_t h = kv * group + 1; h < (kv + 1) * group; h++) {
                c->k->add(dk, at(j->head_dk, row, h, dim), (size_t)dim);
                c->k->add(dv, at(j->head_dv, row, h, dim), (size_t)dim);
            }
        }
    }
}

void cpu_attention_back(struct backend *b, const struct attention *a)
{
    struct job j = {cpu_of(b), a, cpu_ints(a->starts), a->dk, a->dv};
    const int64_t width = (int64_t)a->heads * a->dim, n = a->out.rows;
    const bool apart = a->heads != a->kv_heads;
    if (apart) {
        float *both = cpu_shared(j.c, 2 * (size_t)(n * width));
        j.head_dk = tensor_of(both, DTYPE_F32, n, width);
        j.head_dv = tensor_of(both + n * width, DTYPE_F32, n, width);
    }
    pool_run(b->pool, (size_t)a->segments * (size_t)a->heads, backward_task, &j);
    if (apart)
        cpu_rows(j.c, n, width, gather_heads, &j);
}
