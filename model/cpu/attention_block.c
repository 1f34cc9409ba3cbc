#include "model/cpu/attention_block.h"

#include <string.h>

static int64_t max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t block_count(int64_t tokens)
{
    return (tokens + QUERIES - 1) / QUERIES;
}

int64_t block_room(const struct attention *a, const struct micro *m)
{
    return QUERIES * strips_whole(a->longest, m->cols);
}

struct block block_of(const struct attention *a, const struct micro *m, const int32_t *segment,
                      int64_t head, int64_t index)
{
    const int64_t tokens = segment[1] - segment[0], first = index * QUERIES;
    struct block b = {.micro = m,
                      .start = segment[0],
                      .tokens = tokens,
                      .row = segment[0] + first,
                      .rows = min64(tokens - first, QUERIES),
                      .head = head,
                      .kv = head / (a->heads / a->kv_heads),
                      .dim = a->dim,
                      .window = a->window,
                      .causal = a->causal};
    if (a->window > 0)
        b.key = max64(0, first + 1 - a->window) / m->cols * m->cols;
    b.keys = (a->causal ? first + b.rows : tokens) - b.key;
    b.width = strips_whole(b.keys, m->cols);
    b.at = first - b.key;
    return b;
}

struct range block_visible(const struct block *b, int64_t i)
{
    return (struct range){b->window > 0 ? max64(0, b->at + i + 1 - b->window) : 0,
                          b->causal ? b->at + i + 1 : b->keys};
}

struct range block_askers(const struct block *b, int64_t key, int64_t n)
{
    return (struct range){b->causal ? max64(0, key - b->at) : 0,
                          b->window > 0 ? min64(b->rows, key + n - 1 - b->at + b->window)
                                        : b->rows};
}

/* What queries [i, i + n) see between them. */
static struct range seen(const struct block *b, int64_t i, int64_t n)
{
    return (struct range){block_visible(b, i).first, block_visible(b, i + n - 1).end};
}

/* A strip of queries or keys reaches less than a strip beyond what each of them sees, and begins
 * with a whole unit. */
void block_hide(const struct block *b, int64_t i, float *s)
{
    const struct range v = block_visible(b, i);
    const int64_t margin = b->micro->rows + b->micro->unit;
    const int64_t from = max64(0, v.first - margin);
    const int64_t to = min64(b->width, v.end + margin);
    float *row = s + i * b->width;
    memset(row + from, 0, (size_t)(v.first - from) * sizeof *row);
    memset(row + v.end, 0, (size_t)(to - v.end) * sizeof *row);
}

float *block_head(struct tensor t, int64_t row, int64_t head, int64_t dim)
{
    return cpu_row(t, row) + head * dim;
}

void block_pack(const struct block *b, struct tensor x, float *room)
{
    b->micro->pack_a(room, &(struct micro_source){.data = block_head(x, b->row, b->head, b->dim),
                                                  .stride = x.stride,
                                                  .lanes = b->rows,
                                                  .depth = b->dim,
                                                  .along = true});
}

void block_scores(const struct block *b, const float *x, const struct strips *y, float *s)
{
    const int64_t step = b->micro->rows;
    const struct strips keys = strips_from(y, b->key);
    for (int64_t i = 0; i < b->rows; i += step) {
        const int64_t n = min64(step, b->rows - i);
        const struct range r = seen(b, i, n);
        const struct strips_span span = {.first = r.first / b->micro->cols * b->micro->cols,
                                         .end = r.end,
                                         .wide = true};
        const struct micro_tile t = {.c = s + i * b->width,
                                     .ldc = b->width,
                                     .rows = n,
                                     .depth = b->dim,
                                     .alpha = 1,
                                     .step = step};
        strips_multiply(x + i * keys.deep, &keys, &span, &t);
    }
}

void block_weigh(const struct block *b, const float *s, const struct strips *x, struct tensor y,
                 float *room)
{
    const int64_t step = b->micro->rows;
    for (int64_t i = 0; i < b->rows; i += step) {
        const int64_t n = min64(step, b->rows - i);
        const struct range r = seen(b, i, n);
        const int64_t first = r.first / b->micro->unit * b->micro->unit;
        const struct strips_span span = {.end = b->dim, .skip = b->key + first};
        const struct micro_tile t = {.c = block_head(y, b->row + i, b->head, b->dim),
                                     .ldc = y.stride,
                                     .rows = n,
                                     .depth = r.end - first,
                                     .alpha = 1,
                                     .step = step};
        b->micro->pack_a(room, &(struct micro_source){.data = s + i * b->width + first,
                                                      .stride = b->width,
                                                      .lanes = n,
                                                      .depth = t.depth,
                                                      .along = true});
        strips_multiply(room, x, &span, &t);
    }
}
