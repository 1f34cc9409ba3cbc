#include "train/distill/labels.h"

#include "core/mem.h"
#include "core/vec.h"

#include <string.h>

void labels_open(struct labels *l, const struct examples *e, float temperature)
{
    int32_t rows = 0;
    memset(l, 0, sizeof *l);
    l->temperature = temperature;
    l->n_examples = e->n;
    l->own[0] = mem_alloc((e->n + 1) * sizeof *l->own[0]);
    for (size_t i = 0; i < e->n; i++) {
        l->own[0][i] = rows;
        rows += (int32_t)e->items[i].supervised;
    }
    l->own[0][e->n] = rows;
    l->own[1] = mem_zero((size_t)rows + 1, sizeof *l->own[1]);
    l->rows = l->own[0];
    l->first = l->own[1];
}

void labels_add(struct labels *l, const int32_t *ids, const float *logprobs, size_t n)
{
    l->own[2] = vec_reserve(l->own[2], &l->cap[2], l->n_labels + n + 1, sizeof *l->own[2]);
    l->own_logprobs =
        vec_reserve(l->own_logprobs, &l->cap[3], l->n_labels + n + 1, sizeof *l->own_logprobs);
    if (n != 0) {
        memcpy(l->own[2] + l->n_labels, ids, n * sizeof *ids);
        memcpy(l->own_logprobs + l->n_labels, logprobs, n * sizeof *logprobs);
    }
    l->n_labels += n;
    l->own[1][++l->n_rows] = (int32_t)l->n_labels;
    l->ids = l->own[2];
    l->logprobs = l->own_logprobs;
}

void labels_clear(struct labels *l, size_t rows, float temperature)
{
    l->own[1] = vec_reserve(l->own[1], &l->cap[1], rows + 1, sizeof *l->own[1]);
    l->own[1][0] = 0;
    l->first = l->own[1];
    l->temperature = temperature;
    l->n_rows = l->n_labels = 0;
}

struct soft_top labels_row(const struct labels *l, size_t row)
{
    const int32_t first = l->first[row];
    return (struct soft_top){.ids = l->ids + first,
                             .logprobs = l->logprobs + first,
                             .n = l->first[row + 1] - first,
                             .temperature = l->temperature};
}

struct soft_top labels_top(const struct labels *l, uint32_t example, uint32_t row)
{
    return labels_row(l, (size_t)l->rows[example] + row);
}

void labels_close(struct labels *l)
{
    for (size_t i = 0; i < 3; i++)
        mem_free(l->own[i]);
    mem_free(l->own_logprobs);
    memset(l, 0, sizeof *l);
}
