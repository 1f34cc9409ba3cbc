#include "train/pack.h"

#include "core/mem.h"
#include "core/rng.h"
#include "core/vec.h"

#include <stdlib.h>
#include <string.h>

enum { OPEN_MAX = 64 };

static const uint64_t stream_order = 0x7061636bULL << 32; /* "pack": streams by epoch */
static const uint64_t stream_steps = 0x73746570ULL << 32; /* "step" */

/* A step being filled: a chain of examples through next[]. */
struct bin {
    uint32_t head, tail, rows, tokens;
};

static const uint32_t nobody = UINT32_MAX;

struct filler {
    const uint32_t *lengths;
    struct pack_limits limits;
    uint32_t *next;   /* example -> the next one in its bin */
    struct bin *open; /* OPEN_MAX, in order of opening */
    size_t n_open;
    struct bin *closed; /* in order of closing */
    size_t n_closed, cap_closed;
};

static int fits(const struct filler *f, const struct bin *b, uint32_t length)
{
    if (f->limits.step_rows != 0 && b->rows >= f->limits.step_rows)
        return 0;
    return (uint64_t)b->tokens + length <= f->limits.step_tokens;
}

static void bin_close(struct filler *f, size_t i)
{
    f->closed = vec_reserve(f->closed, &f->cap_closed, f->n_closed + 1, sizeof *f->closed);
    f->closed[f->n_closed++] = f->open[i];
    memmove(f->open + i, f->open + i + 1, (f->n_open - i - 1) * sizeof *f->open);
    f->n_open--;
}

/* The fullest open bin, among those with room for `length` when it is not 0; n_open if none. */
static size_t bin_fullest(const struct filler *f, uint32_t length)
{
    size_t best = f->n_open;
    for (size_t i = 0; i < f->n_open; i++) {
        if (length != 0 && !fits(f, &f->open[i], length))
            continue;
        if (best == f->n_open || f->open[i].tokens > f->open[best].tokens)
            best = i;
    }
    return best;
}

static void bin_add(struct filler *f, uint32_t example)
{
    uint32_t length = f->lengths[example];
    size_t i = bin_fullest(f, length);
    struct bin *b;
    if (i == f->n_open) {
        if (f->n_open == OPEN_MAX)
            bin_close(f, bin_fullest(f, 0));
        i = f->n_open++;
        f->open[i] = (struct bin){nobody, nobody, 0, 0};
    }
    b = &f->open[i];
    f->next[example] = nobody;
    if (b->tail == nobody)
        b->head = example;
    else
        f->next[b->tail] = example;
    b->tail = example;
    b->rows++;
    b->tokens += length;
}

struct ranked {
    uint32_t example, length, place;
};

static int longest_first(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->length != y->length)
        return x->length > y->length ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

/* Cut one step's examples into micro-batches: best fit over all of the step, longest first. */
static void cut_step(struct pack *p, struct pack_step *step, const uint32_t *lengths,
                     uint32_t micro_tokens)
{
    size_t n = step->examples, bins = 0, at = step->first_example;
    struct ranked *r = mem_alloc(n * sizeof *r);
    uint32_t *bin_of = mem_alloc(n * sizeof *bin_of);
    uint64_t *filled = mem_alloc(n * sizeof *filled);
    for (size_t i = 0; i < n; i++) {
        uint32_t e = p->order[at + i];
        r[i] = (struct ranked){e, lengths[e], (uint32_t)i};
    }
    qsort(r, n, sizeof *r, longest_first);
    for (size_t i = 0; i < n; i++) {
        size_t best = bins;
        for (size_t b = 0; b < bins; b++)
            if (filled[b] + r[i].length <= micro_tokens &&
                (best == bins || filled[b] > filled[best]))
                best = b;
        if (best == bins)
            filled[bins++] = 0;
        filled[best] += r[i].length;
        bin_of[i] = (uint32_t)best;
    }
    step->first = p->n_micros;
    step->count = bins;
    p->micros = vec_reserve(p->micros, &p->cap_micros, p->n_micros + bins, sizeof *p->micros);
    for (size_t b = 0; b < bins; b++) {
        struct pack_micro *m = &p->micros[p->n_micros++];
        *m = (struct pack_micro){at, 0, (uint32_t)filled[b]};
        for (size_t i = 0; i < n; i++) {
            if (bin_of[i] != b)
                continue;
            p->order[at++] = r[i].example;
            m->count++;
        }
    }
    mem_free(r);
    mem_free(bin_of);
    mem_free(filled);
}

/* Lay the closed bins out as steps, in a shuffled order: best fit closes full ones first. */
static void lay_out(struct pack *p, const struct filler *f, struct rng *rng)
{
    uint32_t *turn = mem_alloc((f->n_closed + 1) * sizeof *turn);
    size_t at = 0;
    rng_permutation(rng, turn, f->n_closed);
    p->steps = vec_reserve(p->steps, &p->cap_steps, f->n_closed, sizeof *p->steps);
    for (size_t i = 0; i < f->n_closed; i++) {
        const struct bin *b = &f->closed[turn[i]];
        struct pack_step *s = &p->steps[p->n_steps++];
        *s = (struct pack_step){0, 0, at, b->rows, b->tokens};
        for (uint32_t e = b->head; e != nobody; e = f->next[e])
            p->order[at++] = e;
        cut_step(p, s, f->lengths, f->limits.micro_tokens);
    }
    mem_free(turn);
}

void pack_epoch(struct pack *p, const uint32_t *lengths, size_t n, const struct pack_limits *limits,
                uint64_t seed, uint64_t epoch)
{
    struct filler f = {.lengths = lengths, .limits = *limits};
    struct rng rng = rng_new(seed, stream_order + epoch);
    f.next = mem_alloc((n + 1) * sizeof *f.next);
    f.open = mem_alloc(OPEN_MAX * sizeof *f.open);
    p->order = mem_grow(p->order, n + 1, sizeof *p->order);
    p->n = n;
    p->n_micros = p->n_steps = 0;
    rng_permutation(&rng, p->order, n);
    for (size_t i = 0; i < n; i++)
        bin_add(&f, p->order[i]);
    while (f.n_open != 0)
        bin_close(&f, 0);
    rng = rng_new(seed, stream_steps + epoch);
    lay_out(p, &f, &rng);
    mem_free(f.next);
    mem_free(f.open);
    mem_free(f.closed);
}

void pack_free(struct pack *p)
{
    mem_free(p->order);
    mem_free(p->micros);
    mem_free(p->steps);
    *p = PACK;
}
