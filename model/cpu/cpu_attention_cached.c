/*
 * cpu: attention over cached keys and values.  A task is one head of a run of queries at
 * consecutive positions of one slot: it reads one stretch of keys and one of values.  Its loops give
 * a query the same bits whether it runs alone (a generated token) or with others (a prompt).
 */
#include "model/cpu/cpu.h"

#include <string.h>

/* Queries of a task; keys are scored so many at a time. */
enum { QUERIES = 64, KEYS = 16 };

struct span {
    int64_t row, rows;
};

struct job {
    struct cpu *c;
    const struct attention_cached *a;
    const int32_t *slots, *positions;
    struct span *spans;
};

/* Row of the cache of position 0 of the slot of a query and a key/value head. */
static int64_t base_of(const struct job *j, int64_t row, int64_t kv)
{
    return j->slots[row] * j->a->slot_rows + kv * j->a->head_rows;
}

/* The keys and values of tokens [first, first + n) join the cache. */
static void join_rows(struct cpu *c, const void *context, int64_t first, int64_t n)
{
    const struct job *j = context;
    const struct attention_cached *a = j->a;
    const size_t bytes = (size_t)a->dim * sizeof(float);
    (void)c;
    for (int64_t row = first; row < first + n; row++) {
        for (int64_t kv = 0; kv < a->kv_heads; kv++) {
            const int64_t to = base_of(j, row, kv) + j->positions[row];
            memcpy(cpu_row(a->keys, to), cpu_row(a->k, row) + kv * a->dim, bytes);
            memcpy(cpu_row(a->values, to), cpu_row(a->v, row) + kv * a->dim, bytes);
        }
    }
}

static struct span span_from(const struct job *j, int64_t row)
{
    struct span s = {row, 1};
    while (s.rows < QUERIES && row + s.rows < j->a->q.rows &&
           j->slots[row + s.rows] == j->slots[row] &&
           j->positions[row + s.rows] == j->positions[row] + s.rows)
        s.rows++;
    return s;
}

/* Softmax of query i of the span over keys [first, end) of its row of scores; the rest is 0. */
static float soften(const struct job *j, float *row, int64_t first, int64_t end, int64_t n)
{
    const struct kernels *k = j->c->k;
    const float scale = (float)j->a->scale;
    const float top = scale * k->max(row + first, (size_t)(end - first));
    const float sum = k->exp_sum(row + first, scale, top, (size_t)(end - first));
    for (int64_t i = 0; i < first; i++)
        row[i] = 0;
    for (int64_t i = end; i < n; i++)
        row[i] = 0;
    return sum;
}

static void attend(const struct job *j, struct span span, int64_t head, float *s)
{
    const struct attention_cached *a = j->a;
    const int64_t kv = head / (a->heads / a->kv_heads), at = j->positions[span.row];
    const int64_t low =
        a->window > 0 && at + 1 > a->window ? (at + 1 - a->window) / KEYS * KEYS : 0;
    const int64_t key = base_of(j, span.row, kv) + low;
    const size_t n = (size_t)(at + span.rows - low), dim = (size_t)a->dim;
    const size_t whole = (n + KEYS - 1) / KEYS * KEYS;
    float *out = cpu_row(a->out, span.row) + head * a->dim, sums[QUERIES];
    struct kernel_few f = {.x = cpu_row(a->q, span.row) + head * a->dim,
                           .w = cpu_row(a->keys, key),
                           .y = s,
                           .rows = (size_t)span.rows,
                           .k = dim,
                           .ldx = (size_t)a->q.stride,
                           .ldw = (size_t)a->keys.stride,
                           .ldy = whole,
                           .alpha = 1};
    j->c->k->few_rows(&f, 0, whole);
    for (int64_t i = 0; i < span.rows; i++) {
        const int64_t end = at + i + 1 - low;
        const int64_t first = a->window > 0 && end > a->window ? end - a->window : 0;
        sums[i] = soften(j, s + (size_t)i * whole, first, end, (int64_t)n);
    }
    f = (struct kernel_few){.x = s,
                            .w = cpu_row(a->values, key),
                            .y = out,
                            .rows = (size_t)span.rows,
                            .k = n,
                            .ldx = whole,
                            .ldw = (size_t)a->values.stride,
                            .ldy = (size_t)a->out.stride};
    j->c->k->weigh_rows(&f, dim);
    for (int64_t i = 0; i < span.rows; i++)
        j->c->k->scale(out + i * a->out.stride, 1 / sums[i], dim);
}

static void attend_task(void *context, size_t task, int worker)
{
    const struct job *j = context;
    attend(j, j->spans[task / (size_t)j->a->heads], (int64_t)task % j->a->heads,
           cpu_scratch(j->c, worker, (size_t)QUERIES * (size_t)j->a->head_rows));
}

void cpu_attention_cached(struct backend *b, const struct attention_cached *a)
{
    struct cpu *c = cpu_of(b);
    struct job j = {c, a, cpu_ints(a->slots), cpu_ints(a->positions), NULL};
    size_t spans = 0;
    j.spans =
        (struct span *)(void *)cpu_shared(c, (size_t)a->q.rows * sizeof *j.spans / sizeof(float));
    for (int64_t row = 0; row < a->q.rows; row += j.spans[spans++].rows)
        j.spans[spans] = span_from(&j, row);
    cpu_rows(c, a->k.rows, 2 * a->k.cols, join_rows, &j);
    pool_run(b->pool, spans * (size_t)a->heads, attend_task, &j);
}
