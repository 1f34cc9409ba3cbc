/*
 * cpu: attention over cached keys and values.  A task is one head of a run of queries at
 * consecutive positions of one slot.  Its loops give a query the same bits whether it runs alone
 * (a generated token) or with others (a prompt).
 */
#include "model/cpu/cpu.h"

enum { QUERIES = 64 };

struct job {
    struct cpu *c;
    const struct attention_cached *a;
    const int32_t *slots, *positions;
};

struct span {
    int64_t row, rows;
};

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
    const int64_t low = a->window > 0 && at + 1 > a->window ? at + 1 - a->window : 0;
    const int64_t key = (int64_t)j->slots[span.row] * a->capacity + low;
    const size_t n = (size_t)(at + span.rows - low), dim = (size_t)a->dim;
    float *out = cpu_row(a->out, span.row) + head * a->dim, sums[QUERIES];
    struct kernel_few f = {.x = cpu_row(a->q, span.row) + head * a->dim,
                           .w = cpu_row(a->keys, key) + kv * a->dim,
                           .y = s,
                           .rows = (size_t)span.rows,
                           .k = dim,
                           .ldx = (size_t)a->q.stride,
                           .ldw = (size_t)a->keys.stride,
                           .ldy = n,
                           .alpha = 1};
    j->c->k->few_rows(&f, 0, n);
    for (int64_t i = 0; i < span.rows; i++) {
        const int64_t end = at + i + 1 - low;
        const int64_t first = a->window > 0 && end > a->window ? end - a->window : 0;
        sums[i] = soften(j, s + (size_t)i * n, first, end, (int64_t)n);
    }
    f = (struct kernel_few){.x = s,
                            .w = cpu_row(a->values, key) + kv * a->dim,
                            .y = out,
                            .rows = (size_t)span.rows,
                            .k = n,
                            .ldx = n,
                            .ldw = (size_t)a->values.stride,
                            .ldy = (size_t)a->out.stride};
    j->c->k->weigh_rows(&f, dim);
    for (int64_t i = 0; i < span.rows; i++)
        j->c->k->scale(out + i * a->out.stride, 1 / sums[i], dim);
}

static void attend_task(void *context, size_t task, int worker)
{
    const struct job *j = context;
    struct span span = span_from(j, 0);
    for (size_t i = task / (size_t)j->a->heads; i > 0; i--)
        span = span_from(j, span.row + span.rows);
    attend(j, span, (int64_t)task % j->a->heads,
           cpu_scratch(j->c, worker, (size_t)QUERIES * (size_t)j->a->capacity));
}

void cpu_attention_cached(struct backend *b, const struct attention_cached *a)
{
    struct job j = {cpu_of(b), a, cpu_ints(a->slots), cpu_ints(a->positions)};
    size_t spans = 0;
    for (int64_t row = 0; row < a->q.rows; spans++)
        row += span_from(&j, row).rows;
    pool_run(b->pool, spans * (size_t)a->heads, attend_task, &j);
}
