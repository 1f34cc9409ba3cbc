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

/* Draw from the first `kept` of candidates in falling order; weights by exp(logit - best). */
static int32_t draw(const struct candidate *best, int32_t kept, double u)
{
    double sum = 0, at = 0;
    for (int32_t i = 0; i < kept; i++)
        sum += exp((double)best[-i].logit - (double)best->logit);
    for (int32_t i = 0; i < kept; i++) {
        at += exp((double)best[-i].logit - (double)best->logit);
        if (u * sum < at)
            return best[-i].id;
    }
    return best[1 - kept].id;
}

/* How many of the n logits (already divided by the temperature) stay, taken off the heap as far as
 * needed: top-k, then the smallest set whose probability reaches top_p, then those of at least
 * min_p times the best's probability. */
static int32_t truncate_heap(const struct sampling *s, struct candidate *heap, int32_t n)
{
    const double top = (double)heap[0].logit;
    const int32_t limit = s->top_k > 0 && s->top_k < n ? s->top_k : n;
    double sum = 0, reached = 0;
    int32_t kept = 0;
    for (int32_t i = 0; i < n && limit == n; i++)
        sum += exp((double)heap[i].logit - top);
    while (kept < limit) {
        pop(heap, n - kept);
        kept++;
        if (limit < n)
            sum += exp((double)heap[n - kept].logit - top);
        if (limit == n) { /* the sum is known: stop as soon as the rest cannot matter */
            const double p = exp((double)heap[n - kept].logit - top);
            reached += p;
            if (s->top_p < 1 && reached >= s->top_p * sum)
                break;
            if (s->top_p >= 1 && p < s->min_p)
                break;
            if (s->top_p >= 1 && p < 1e-12)
                break;
        }
    }
    return kept;
}

/* top-p within top-k's choice, and min-p, on candidates in falling order. */
static int32_t cut(const struct sampling *s, const struct candidate *best, int32_t kept)
{
    double sum = 0, reached = 0;
    int32_t n = kept;
    for (int32_t i = 0; i < kept; i++)
        sum += exp((double)best[-i].logit - (double)best->logit);
    for (int32_t i = 0; i < kept && s->top_p < 1 && s->top_k > 0; i++) {
        reached += exp((double)best[-i].logit - (double)best->logit);
        if (reached >= s->top_p * sum) {
            n = i + 1;
            break;
        }
    }
    while (n > 1 && exp((double)best[1 - n].logit - (double)best->logit) < s->min_p)
        n--;
    return n;
}

static int32_t sample(const struct sampling *s, const float *logits, int32_t n, uint64_t drawn)
{
    struct candidate *heap = mem_alloc((size_t)n * sizeof *heap);
    const double u = (double)(rng_at(s->seed, STREAM, drawn) >> 11) * 0x1p-53;
    int32_t kept, id;
    for (int32_t i = 0; i < n; i++)
        heap[i] = (struct candidate){(float)((double)logits[i] / s->temperature), i};
    for (int32_t i = n / 2 - 1; i >= 0; i--)
        sift(heap, n, i);
    kept = truncate_heap(s, heap, n);
    kept = cut(s, heap + n - 1, kept);
    id = draw(heap + n - 1, kept, u);
    mem_free(heap);
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
