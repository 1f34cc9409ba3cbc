#include "model/sampling.h"

#include "core/mem.h"
#include "core/rng.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { STREAM = 0x53414D50 };

struct candidate {
    float logit;
    int32_t id;
    double weight; /* its share of the draw, against 1 for the likeliest */
};

/* Larger logit first, then the smaller id. */
static bool before(const struct candidate *a, const struct candidate *b)
{
    return a->logit > b->logit || (!(a->logit < b->logit) && a->id < b->id);
}

static void sift(struct candidate *heap, int32_t n, int32_t at)
{
    for (;;) {
        int32_t child = 2 * at + 1;
        struct candidate moved;
        if (child >= n)
            return;
        if (child + 1 < n && before(&heap[child + 1], &heap[child]))
            child++;
        if (before(&heap[at], &heap[child]))
            return;
        moved = heap[at];
        heap[at] = heap[child];
        heap[child] = moved;
        at = child;
    }
}

/* The best candidate moves behind the heap, which gets shorter: calling it k times leaves the k
 * best at the end, best last. */
static void pop(struct candidate *heap, int32_t n)
{
    const struct candidate best = heap[0];
    heap[0] = heap[n - 1];
    heap[n - 1] = best;
    sift(heap, n - 1, 0);
}

static int32_t best_of(const float *logits, int32_t n)
{
    int32_t best = 0;
    for (int32_t i = 1; i < n; i++)
        if (logits[i] > logits[best])
            best = i;
    return best;
}

/* CTRL (Keskar et al. 2019): positive logits of seen tokens are divided, negative multiplied. */
static void penalise(const struct sampling *s, float *logits, int32_t n,
                     const struct sampling_state *state)
{
    unsigned char *seen;
    if (!(s->repetition_penalty > 0) || (s->repetition_penalty >= 1 && s->repetition_penalty <= 1))
        return;
    seen = mem_zero((size_t)n, 1);
    for (int32_t i = 0; i < state->n; i++) {
        const int32_t id = state->tokens[i];
        const float penalty = (float)s->repetition_penalty;
        if (id < 0 || id >= n || seen[id])
            continue;
        seen[id] = 1;
        logits[id] = logits[id] < 0 ? logits[id] * penalty : logits[id] / penalty;
    }
    mem_free(seen);
}

static void heapify(struct candidate *all, int32_t n)
{
    for (int32_t i = n / 2 - 1; i >= 0; i--)
        sift(all, n, i);
}

/* The k best of n to the front, best last. */
static int32_t keep_best(struct candidate *all, int32_t n, int32_t k)
{
    heapify(all, n);
    for (int32_t i = 0; i < k; i++)
        pop(all, n - i);
    memmove(all, all + n - k, (size_t)k * sizeof *all);
    return k;
}

/* The best that together reach the share `top_p` of all weights to the front, best last. */
static int32_t keep_share(struct candidate *all, int32_t n, double top_p)
{
    double sum = 0, reached = 0;
    int32_t kept = 0;
    for (int32_t i = 0; i < n; i++)
        sum += all[i].weight;
    heapify(all, n);
    while (kept < n && (kept == 0 || reached < top_p * sum)) {
        pop(all, n - kept++);
        reached += all[n - kept].weight;
    }
    memmove(all, all + n - kept, (size_t)kept * sizeof *all);
    return kept;
}

/* What may be drawn, to the front of all n; how many. */
static int32_t choose(const struct sampling *s, struct candidate *all, int32_t n)
{
    float top = -INFINITY;
    if (s->top_k > 0 && s->top_k < n)
        n = keep_best(all, n, s->top_k);
    for (int32_t i = 0; i < n; i++)
        top = all[i].logit > top ? all[i].logit : top;
    for (int32_t i = 0; i < n; i++)
        all[i].weight = exp((double)all[i].logit - (double)top);
    return s->top_p < 1 ? keep_share(all, n, s->top_p) : n;
}

static int32_t sample(const struct sampling *s, const float *logits, int32_t n, uint64_t drawn)
{
    const double least = fmin(fmax(s->min_p, 0), 1);
    struct candidate *all = mem_alloc((size_t)n * sizeof *all);
    double u = (double)(rng_at(s->seed, STREAM, drawn) >> 11) * 0x1p-53, sum = 0;
    int32_t id;
    for (int32_t i = 0; i < n; i++)
        all[i] = (struct candidate){(float)((double)logits[i] / s->temperature), i, 0};
    n = choose(s, all, n);
    for (int32_t i = 0; i < n; i++)
        sum += all[i].weight >= least ? all[i].weight : 0;
    id = all[0].id;
    u *= sum;
    for (int32_t i = 0; i < n && u >= 0; i++) {
        if (all[i].weight < least || !(all[i].weight > 0))
            continue;
        id = all[i].id;
        u -= all[i].weight;
    }
    mem_free(all);
    return id;
}

int32_t sampling_pick(const struct sampling *s, const float *logits, int32_t n,
                      const struct sampling_state *state)
{
    float *changed = mem_alloc((size_t)n * sizeof *changed);
    int32_t id;
    memcpy(changed, logits, (size_t)n * sizeof *changed);
    penalise(s, changed, n, state);
    id = s->temperature > 0 ? sample(s, changed, n, state->drawn) : best_of(changed, n);
    mem_free(changed);
    return id;
}

float sampling_logprob(const float *logits, int32_t n, int32_t id)
{
    const double top = (double)logits[best_of(logits, n)];
    double sum = 0;
    for (int32_t i = 0; i < n; i++)
        sum += exp((double)logits[i] - top);
    return (float)((double)logits[id] - top - log(sum));
}
