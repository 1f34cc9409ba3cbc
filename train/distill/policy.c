#include "train/distill/policy.h"

#include "core/hash.h"
#include "core/mem.h"
#include "core/signals.h"
#include "core/vec.h"
#include "model/generate.h"

#include <string.h>

enum { SLOTS = 16, PURPOSE_PICK = 1, PURPOSE_DRAW = 2 };

struct policy {
    struct policy_setup setup;
    struct examples rows;
    uint32_t *from; /* which example each row answers */
    size_t cap_from;
};

/* A sequence being written. */
struct writing {
    uint32_t example;
    int slot; /* -1: none */
    struct sampling sampling;
    int32_t *ids; /* of the reply so far */
    int32_t n;
};

struct policy *policy_new(const struct policy_setup *s)
{
    struct policy *p = mem_zero(1, sizeof *p);
    p->setup = *s;
    return p;
}

void policy_free(struct policy *p)
{
    if (p == NULL)
        return;
    examples_free(&p->rows);
    mem_free(p->from);
    mem_free(p);
}

static uint64_t chance(const struct policy *p, uint32_t example, uint64_t step, uint64_t purpose)
{
    const struct hash128 h = p->setup.examples->items[example].hash;
    const uint64_t key[5] = {p->setup.seed, step, h.hi, h.lo, purpose};
    return hash64(key, sizeof key, 0);
}

bool policy_picks(const struct policy *p, uint32_t example, uint64_t step)
{
    return (double)(chance(p, example, step, PURPOSE_PICK) >> 11) * 0x1p-53 <
           p->setup.options->share;
}

const struct examples *policy_rows(const struct policy *p)
{
    return &p->rows;
}

uint32_t policy_find(const struct policy *p, uint32_t example)
{
    for (size_t i = 0; i < p->rows.n; i++)
        if (p->from[i] == example)
            return (uint32_t)i;
    return UINT32_MAX;
}

/* The tokens in front of an example's last reply. */
static uint32_t prompt_length(const struct examples *e, uint32_t example)
{
    const struct example *x = &e->items[example];
    uint32_t n = x->length;
    while (n > 1 && e->mask[x->first + n - 1])
        n--;
    return n;
}

static int32_t room_of(const struct policy *p, uint32_t prompt)
{
    const int32_t left = (int32_t)p->setup.max_length - (int32_t)prompt;
    return left < p->setup.options->max_tokens ? left : p->setup.options->max_tokens;
}

static bool stops(const struct policy *p, int32_t id)
{
    for (int32_t i = 0; i < p->setup.n_stops; i++)
        if (p->setup.stops[i] == id)
            return true;
    return false;
}

/* A finished reply becomes a row: the example's prompt, and what was written supervised. */
static void take(struct policy *p, const struct writing *w)
{
    const struct examples *e = p->setup.examples;
    struct examples *to = &p->rows;
    const uint32_t prompt = prompt_length(e, w->example);
    const size_t n = prompt + (size_t)w->n;
    struct example x = e->items[w->example];
    to->ids = vec_reserve(to->ids, &to->cap_ids, to->n_tokens + n, sizeof *to->ids);
    to->mask = vec_reserve(to->mask, &to->cap_mask, to->n_tokens + n, sizeof *to->mask);
    memcpy(to->ids + to->n_tokens, e->ids + x.first, prompt * sizeof *to->ids);
    memcpy(to->ids + to->n_tokens + prompt, w->ids, (size_t)w->n * sizeof *to->ids);
    memset(to->mask + to->n_tokens, 0, prompt);
    memset(to->mask + to->n_tokens + prompt, 1, (size_t)w->n);
    x.first = to->n_tokens;
    x.length = (uint32_t)n;
    x.supervised = (uint32_t)w->n;
    to->n_tokens += n;
    to->items = vec_reserve(to->items, &to->cap, to->n + 1, sizeof *to->items);
    p->from = vec_reserve(p->from, &p->cap_from, to->n + 1, sizeof *p->from);
    p->from[to->n] = w->example;
    to->items[to->n++] = x;
}

static int start(struct policy *p, struct generator *g, struct writing *w, uint32_t example,
                 uint64_t step, struct error *error)
{
    const struct examples *e = p->setup.examples;
    const struct distill_policy *o = p->setup.options;
    w->example = example;
    w->n = 0;
    w->sampling = (struct sampling){.temperature = o->temperature,
                                    .top_p = o->top_p,
                                    .repetition_penalty = 1,
                                    .seed = chance(p, example, step, PURPOSE_DRAW)};
    w->slot = generator_open(g, e->ids + e->items[example].first,
                             (int32_t)prompt_length(e, example), error);
    return w->slot < 0 ? -1 : 0;
}

/* The next token of a sequence; true when it ends. */
static bool advance(struct policy *p, struct generator *g, struct writing *w)
{
    const struct sampling_state state = {.tokens = w->ids, .n = w->n, .drawn = (uint64_t)w->n};
    const uint32_t prompt = prompt_length(p->setup.examples, w->example);
    const int32_t id =
        sampling_pick(&w->sampling, generator_logits(g, w->slot), p->setup.vocab, &state);
    w->ids[w->n++] = id;
    return generator_accept(g, w->slot, id) != 0 || stops(p, id) || w->n >= room_of(p, prompt);
}

/* Write the replies of todo[0 .. n), several at once. */
static int write_all(struct policy *p, struct generator *g, const uint32_t *todo, size_t n,
                     uint64_t step, struct error *error)
{
    struct writing w[SLOTS];
    size_t next = 0, open = 0;
    int32_t *room = mem_alloc(SLOTS * (size_t)p->setup.options->max_tokens * sizeof *room);
    int status = 0;
    for (size_t i = 0; i < SLOTS; i++)
        w[i] = (struct writing){.slot = -1, .ids = room + i * (size_t)p->setup.options->max_tokens};
    while (status == 0 && (next < n || open > 0)) {
        for (size_t i = 0; i < SLOTS && next < n && status == 0; i++)
            if (w[i].slot < 0) {
                status = start(p, g, &w[i], todo[next++], step, error);
                open += status == 0;
            }
        if (status == 0 && signals_draining())
            status = error_set(error, ERROR_INTERRUPTED, "stopped");
        if (status == 0)
            status = generator_forward(g, error);
        for (size_t i = 0; i < SLOTS && status == 0; i++)
            if (w[i].slot >= 0 && advance(p, g, &w[i])) {
                generator_close(g, w[i].slot);
                w[i].slot = -1;
                open--;
                take(p, &w[i]);
            }
    }
    mem_free(room);
    return status;
}

/* Rows without room for a single token stay as they are. */
static uint32_t *pick(const struct policy *p, const uint32_t *which, size_t n, uint64_t step,
                      size_t *picked, int32_t *longest)
{
    uint32_t *todo = mem_alloc((n + 1) * sizeof *todo);
    *picked = 0;
    *longest = 0;
    for (size_t i = 0; i < n; i++) {
        const uint32_t prompt = prompt_length(p->setup.examples, which[i]);
        if (!policy_picks(p, which[i], step) || room_of(p, prompt) < 1)
            continue;
        todo[(*picked)++] = which[i];
        if ((int32_t)prompt + room_of(p, prompt) > *longest)
            *longest = (int32_t)prompt + room_of(p, prompt);
    }
    return todo;
}

int policy_draw(struct policy *p, struct model *m, const uint32_t *which, size_t n, uint64_t step,
                struct error *error)
{
    size_t picked;
    int32_t longest;
    uint32_t *todo = pick(p, which, n, step, &picked, &longest);
    struct generator_options options = {picked < SLOTS ? (int32_t)picked : SLOTS, longest};
    struct generator *g;
    int status = 0;
    p->rows.n = p->rows.n_tokens = 0;
    if (picked > 0) {
        g = generator_new(m, &options, error);
        status = g != NULL ? write_all(p, g, todo, picked, step, error) : -1;
        generator_free(g);
    }
    mem_free(todo);
    return status == 0 ? 0 : error_wrap(error, "on-policy replies");
}
