#include "core/rouge.h"

#include "core/mem.h"
#include "core/vec.h"

#include <stdlib.h>
#include <string.h>

/* ---- the index ------------------------------------------------------------------------------- */

struct held {
    size_t first; /* of `ids` */
    uint32_t n;
};

struct posting {
    uint32_t *places; /* of texts in `kept`, ascending */
    size_t n, cap;
};

struct rouge_index {
    uint64_t *keys; /* open addressing; 0: free */
    uint32_t *slots;
    size_t size, used;
    struct posting *postings; /* by word: the kept texts that hold it, each once */
    size_t cap_postings;
    uint32_t *ids; /* the texts' words, one after the other */
    size_t n_ids, cap_ids;
    struct held *texts;
    size_t n, cap;
    uint32_t *kept; /* numbers of texts, in the order of keeping */
    size_t n_kept, cap_kept;
    struct rouge_asker *own; /* of rouge_index_closest */
};

struct rouge_asker {
    const struct rouge_index *x;
    uint32_t *local; /* by word: 1 + its place in the pattern, 0: not in it */
    size_t cap_local;
    uint32_t *seen; /* by kept text: the last question that met it */
    size_t cap_seen;
    uint32_t question;
};

struct rouge_index *rouge_index_new(void)
{
    struct rouge_index *x = mem_zero(1, sizeof *x);
    x->size = 1024;
    x->keys = mem_zero(x->size, sizeof *x->keys);
    x->slots = mem_zero(x->size, sizeof *x->slots);
    x->own = rouge_asker_new(x);
    return x;
}

void rouge_index_free(struct rouge_index *x)
{
    if (!x)
        return;
    for (size_t k = 0; k < x->used; k++)
        mem_free(x->postings[k].places);
    rouge_asker_free(x->own);
    mem_free(x->postings);
    mem_free(x->keys);
    mem_free(x->slots);
    mem_free(x->ids);
    mem_free(x->texts);
    mem_free(x->kept);
    mem_free(x);
}

size_t rouge_index_count(const struct rouge_index *x)
{
    return x->n;
}

static size_t slot_of(const struct rouge_index *x, uint64_t key)
{
    size_t at = (size_t)key & (x->size - 1);
    while (x->keys[at] && x->keys[at] != key)
        at = (at + 1) & (x->size - 1);
    return at;
}

static void grow(struct rouge_index *x)
{
    uint64_t *keys = x->keys;
    uint32_t *slots = x->slots;
    size_t old = x->size;
    x->size *= 2;
    x->keys = mem_zero(x->size, sizeof *x->keys);
    x->slots = mem_zero(x->size, sizeof *x->slots);
    for (size_t k = 0; k < old; k++)
        if (keys[k]) {
            size_t at = slot_of(x, keys[k]);
            x->keys[at] = keys[k];
            x->slots[at] = slots[k];
        }
    mem_free(keys);
    mem_free(slots);
}

/* The word's number, a new one where it was not seen. */
static uint32_t word_id(struct rouge_index *x, uint64_t hash)
{
    uint64_t key = hash ? hash : 1;
    size_t at = slot_of(x, key);
    if (x->keys[at])
        return x->slots[at];
    if (x->used * 2 >= x->size) {
        grow(x);
        at = slot_of(x, key);
    }
    uint32_t id = (uint32_t)x->used++;
    x->keys[at] = key;
    x->slots[at] = id;
    x->postings = vec_reserve(x->postings, &x->cap_postings, x->used, sizeof *x->postings);
    x->postings[id] = (struct posting){NULL, 0, 0};
    return id;
}

size_t rouge_index_hold(struct rouge_index *x, const uint64_t *words, size_t n)
{
    x->texts = vec_reserve(x->texts, &x->cap, x->n + 1, sizeof *x->texts);
    x->ids = vec_reserve(x->ids, &x->cap_ids, x->n_ids + n, sizeof *x->ids);
    x->texts[x->n] = (struct held){x->n_ids, (uint32_t)n};
    for (size_t k = 0; k < n; k++)
        x->ids[x->n_ids++] = word_id(x, words[k]);
    return x->n++;
}

size_t rouge_index_keep(struct rouge_index *x, size_t number)
{
    const struct held *t = &x->texts[number];
    uint32_t place = (uint32_t)x->n_kept;
    x->kept = vec_reserve(x->kept, &x->cap_kept, x->n_kept + 1, sizeof *x->kept);
    x->kept[x->n_kept++] = (uint32_t)number;
    for (size_t k = 0; k < t->n; k++) {
        struct posting *p = &x->postings[x->ids[t->first + k]];
        if (p->n && p->places[p->n - 1] == place)
            continue;
        p->places = vec_reserve(p->places, &p->cap, p->n + 1, sizeof *p->places);
        p->places[p->n++] = place;
    }
    return place;
}

size_t rouge_index_add(struct rouge_index *x, struct slice text)
{
    size_t n, number;
    uint64_t *words = rouge_words(text, &n);
    number = rouge_index_hold(x, words, n);
    (void)rouge_index_keep(x, number);
    mem_free(words);
    return number;
}

/* ---- longest common subsequence -------------------------------------------------------------- */

/* The words of one text by the bits of their places: mask w of a word is at (place - 1) * blocks.
 * Only the words of the other text that occur in it cost anything. */
struct pattern {
    uint64_t *masks;
    size_t blocks;
    const uint32_t *local; /* by word: its place, 0 none; NULL: the word is the place */
};

static uint32_t place_of(const struct pattern *p, uint32_t word)
{
    return p->local ? p->local[word] : word;
}

/* LCS of a pattern of at most 64 words with a text. */
static size_t lcs_64(const struct pattern *p, const uint32_t *text, size_t n)
{
    uint64_t v = ~(uint64_t)0;
    for (size_t k = 0; k < n; k++) {
        uint32_t place = place_of(p, text[k]);
        uint64_t u = place ? v & p->masks[place - 1] : 0;
        v = (v + u) | (v - u);
    }
    return (size_t)__builtin_popcountll(~v);
}

/* The same for any pattern: blocks of 64 with a carry between them. */
static size_t lcs_long(const struct pattern *p, const uint32_t *text, size_t n, uint64_t *v)
{
    size_t lcs = 0;
    memset(v, 0xff, p->blocks * sizeof *v);
    for (size_t j = 0; j < n; j++) {
        uint32_t place = place_of(p, text[j]);
        uint64_t carry = 0;
        if (!place)
            continue;
        const uint64_t *match = p->masks + (size_t)(place - 1) * p->blocks;
        for (size_t k = 0; k < p->blocks; k++) {
            uint64_t u = v[k] & match[k], sum = v[k] + u, with = sum + carry;
            carry = (sum < u) | (with < sum);
            v[k] = with | (v[k] - u);
        }
    }
    for (size_t k = 0; k < p->blocks; k++)
        lcs += (size_t)__builtin_popcountll(~v[k]);
    return lcs;
}

static size_t lcs_with(const struct pattern *p, const uint32_t *text, size_t n)
{
    /* masks has one row more than there are words, for the state */
    return p->blocks == 1 ? lcs_64(p, text, n) : lcs_long(p, text, n, p->masks - p->blocks);
}

static double f1(size_t lcs, size_t m, size_t n)
{
    return lcs ? 2.0 * (double)lcs / (double)(m + n) : 0;
}

/* Room for the masks of `words` different words; the row before them is the state. */
static void pattern_open(struct pattern *p, size_t words, size_t m)
{
    p->blocks = (m + 63) / 64;
    p->masks = (uint64_t *)mem_zero((words + 1) * p->blocks, sizeof *p->masks) + p->blocks;
}

static void pattern_close(struct pattern *p)
{
    mem_free(p->masks - p->blocks);
}

static void pattern_set(struct pattern *p, uint32_t place, size_t at)
{
    p->masks[(size_t)(place - 1) * p->blocks + at / 64] |= (uint64_t)1 << at % 64;
}

double rouge_l(struct slice a, struct slice b)
{
    size_t m, n;
    uint64_t *x = rouge_words(a, &m), *y = rouge_words(b, &n);
    double f = 0;
    if (m && n) {
        struct rouge_index *pair = rouge_index_new();
        struct pattern p = {.local = NULL};
        (void)rouge_index_hold(pair, x, m); /* its words are numbered first */
        const uint32_t words = (uint32_t)pair->used;
        pattern_open(&p, words, m);
        for (size_t k = 0; k < m; k++)
            pattern_set(&p, pair->ids[k] + 1, k);
        (void)rouge_index_hold(pair, y, n);
        for (size_t k = m; k < m + n; k++)
            pair->ids[k] = pair->ids[k] < words ? pair->ids[k] + 1 : 0;
        f = f1(lcs_with(&p, pair->ids + m, n), m, n);
        pattern_close(&p);
        rouge_index_free(pair);
    }
    mem_free(x);
    mem_free(y);
    return f;
}

/* ---- asking ---------------------------------------------------------------------------------- */

struct rouge_asker *rouge_asker_new(const struct rouge_index *x)
{
    struct rouge_asker *a = mem_zero(1, sizeof *a);
    a->x = x;
    return a;
}

void rouge_asker_free(struct rouge_asker *a)
{
    if (!a)
        return;
    mem_free(a->local);
    mem_free(a->seen);
    mem_free(a);
}

struct occurrence {
    size_t texts; /* how many hold the word */
    uint32_t id;
};

static int rarest_first(const void *a, const void *b)
{
    const struct occurrence *x = a, *y = b;
    if (x->texts != y->texts)
        return x->texts < y->texts ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

struct question {
    struct rouge_asker *a;
    struct pattern pattern;
    const uint32_t *ids;
    size_t m, since;
    double threshold, best;
    size_t closest;
};

static void compare(struct question *q, uint32_t place)
{
    const struct rouge_index *x = q->a->x;
    const size_t number = x->kept[place];
    const struct held *t = &x->texts[number];
    size_t m = q->m, shorter = m < t->n ? m : t->n;
    if (q->a->seen[place] == q->a->question)
        return;
    q->a->seen[place] = q->a->question;
    double most = f1(shorter, m, t->n);
    if (most <= q->threshold || most < q->best)
        return;
    double f = f1(lcs_with(&q->pattern, x->ids + t->first, t->n), m, t->n);
    if (f > q->threshold && (f > q->best || (f == q->best && number < q->closest))) {
        q->best = f;
        q->closest = number;
    }
}

static void *widen(uint32_t *items, size_t *cap, size_t need)
{
    if (need <= *cap)
        return items;
    size_t old = *cap;
    items = vec_reserve(items, cap, need, sizeof *items);
    memset(items + old, 0, (*cap - old) * sizeof *items);
    return items;
}

static void make_pattern(struct question *q)
{
    struct rouge_asker *a = q->a;
    uint32_t words = 0;
    for (size_t k = 0; k < q->m; k++)
        if (!a->local[q->ids[k]])
            a->local[q->ids[k]] = ++words;
    pattern_open(&q->pattern, words, q->m);
    q->pattern.local = a->local;
    for (size_t k = 0; k < q->m; k++)
        pattern_set(&q->pattern, a->local[q->ids[k]], k);
}

static void ask(struct question *q)
{
    const struct rouge_index *x = q->a->x;
    size_t m = q->m;
    struct occurrence *o = mem_alloc(m * sizeof *o);
    double least = q->threshold * (double)m / (2 - q->threshold);
    size_t shared = (size_t)(least * (1 - 1e-12)) + 1; /* rounding must never skip a text */
    size_t prefix = shared > m ? 0 : m - shared + 1;
    for (size_t k = 0; k < m; k++)
        o[k] = (struct occurrence){x->postings[q->ids[k]].n, q->ids[k]};
    qsort(o, m, sizeof *o, rarest_first);
    make_pattern(q);
    for (size_t k = 0; k < prefix; k++) {
        const struct posting *p = &x->postings[o[k].id];
        for (size_t t = p->n; t-- > 0 && p->places[t] >= q->since;)
            compare(q, p->places[t]);
    }
    for (size_t k = 0; k < m; k++)
        q->a->local[q->ids[k]] = 0;
    pattern_close(&q->pattern);
    mem_free(o);
}

size_t rouge_asker_closest(struct rouge_asker *a, size_t number, size_t since, double threshold,
                           double *f)
{
    const struct rouge_index *x = a->x;
    const struct held *t = &x->texts[number];
    struct question q = {.a = a,
                         .ids = x->ids + t->first,
                         .m = t->n,
                         .since = since,
                         .threshold = threshold,
                         .closest = SIZE_MAX};
    a->local = widen(a->local, &a->cap_local, x->used);
    a->seen = widen(a->seen, &a->cap_seen, x->n_kept);
    a->question++;
    if (t->n && x->n_kept > since)
        ask(&q);
    *f = q.best;
    return q.closest;
}

size_t rouge_index_closest(struct rouge_index *x, struct slice text, double threshold, double *f)
{
    size_t n;
    uint64_t *words = rouge_words(text, &n);
    size_t number = rouge_index_hold(x, words, n);
    size_t closest = rouge_asker_closest(x->own, number, 0, threshold, f);
    x->n--; /* asked about, not held */
    x->n_ids -= n;
    mem_free(words);
    return closest;
}
