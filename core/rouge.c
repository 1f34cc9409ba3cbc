#include "core/rouge.h"

#include "core/hash.h"
#include "core/mem.h"
#include "core/unicode.h"
#include "core/vec.h"

#include <stdlib.h>
#include <string.h>

/* ---- words ----------------------------------------------------------------------------------- */

struct words {
    uint64_t *hash;
    size_t n, cap;
};

static bool stands_alone(uint32_t c)
{
    enum unicode_script s = unicode_script(c);
    return s == SCRIPT_HAN || s == SCRIPT_HIRAGANA || s == SCRIPT_KATAKANA;
}

static void add_word(struct words *w, const char *text, size_t len)
{
    if (!len || w->n == ROUGE_WORDS_MAX)
        return;
    w->hash = vec_reserve(w->hash, &w->cap, w->n + 1, sizeof *w->hash);
    w->hash[w->n++] = hash64(text, len, 0);
}

static void split(struct slice text, struct words *w)
{
    struct buf lower = BUF;
    size_t begin = 0;
    *w = (struct words){NULL, 0, 0};
    unicode_lower(text, &lower);
    for (size_t i = 0; i < lower.len;) {
        uint32_t c = ' ';
        size_t n = utf8_decode(lower.data + i, lower.len - i, &c);
        bool part = n && (unicode_is_letter(c) || unicode_is_number(c) || unicode_is_mark(c));
        n = n ? n : 1;
        if (part && !stands_alone(c)) {
            i += n;
            continue;
        }
        add_word(w, lower.data + begin, i - begin);
        if (part)
            add_word(w, lower.data + i, n);
        i += n;
        begin = i;
    }
    add_word(w, lower.data + begin, lower.len - begin);
    buf_free(&lower);
}

size_t rouge_word_count(struct slice text)
{
    struct words w;
    split(text, &w);
    mem_free(w.hash);
    return w.n;
}

/* ---- vocabulary ------------------------------------------------------------------------------ */

struct kept {
    uint32_t first, n; /* of `ids` */
};

struct posting {
    uint32_t *texts;
    size_t n, cap;
};

struct rouge_index {
    uint64_t *keys; /* open addressing; 0: free */
    uint32_t *slots;
    size_t size, used;
    struct posting *postings; /* by word: the texts that hold it, each once */
    uint64_t *masks;          /* by word: the blocks of the pattern that is asked about */
    size_t cap_postings, cap_masks;
    uint32_t *ids; /* the kept texts' words, one after the other */
    size_t n_ids, cap_ids;
    struct kept *texts;
    size_t n, cap;
    uint32_t *seen; /* by text: the last question that met it */
    size_t cap_seen;
    uint32_t question;
};

struct rouge_index *rouge_index_new(void)
{
    struct rouge_index *x = mem_zero(1, sizeof *x);
    x->size = 1024;
    x->keys = mem_zero(x->size, sizeof *x->keys);
    x->slots = mem_zero(x->size, sizeof *x->slots);
    return x;
}

void rouge_index_free(struct rouge_index *x)
{
    if (!x)
        return;
    for (size_t k = 0; k < x->used; k++)
        mem_free(x->postings[k].texts);
    mem_free(x->postings);
    mem_free(x->masks);
    mem_free(x->keys);
    mem_free(x->slots);
    mem_free(x->ids);
    mem_free(x->texts);
    mem_free(x->seen);
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

/* The word's number, a new one where it was not seen; UINT32_MAX where it is not to be added. */
static uint32_t word_id(struct rouge_index *x, uint64_t hash, bool add)
{
    uint64_t key = hash ? hash : 1;
    size_t at = slot_of(x, key);
    if (x->keys[at])
        return x->slots[at];
    if (!add)
        return UINT32_MAX;
    if (x->used * 2 >= x->size) {
        grow(x);
        at = slot_of(x, key);
    }
    uint32_t id = (uint32_t)x->used++;
    x->keys[at] = key;
    x->slots[at] = id;
    x->postings = vec_reserve(x->postings, &x->cap_postings, x->used, sizeof *x->postings);
    x->masks = vec_reserve(x->masks, &x->cap_masks, x->used, sizeof *x->masks);
    x->postings[id] = (struct posting){NULL, 0, 0};
    x->masks[id] = 0;
    return id;
}

size_t rouge_index_add(struct rouge_index *x, struct slice text)
{
    struct words w;
    uint32_t number = (uint32_t)x->n;
    split(text, &w);
    x->texts = vec_reserve(x->texts, &x->cap, x->n + 1, sizeof *x->texts);
    x->seen = vec_reserve(x->seen, &x->cap_seen, x->n + 1, sizeof *x->seen);
    x->ids = vec_reserve(x->ids, &x->cap_ids, x->n_ids + w.n, sizeof *x->ids);
    x->texts[x->n] = (struct kept){(uint32_t)x->n_ids, (uint32_t)w.n};
    x->seen[x->n++] = 0;
    for (size_t k = 0; k < w.n; k++) {
        uint32_t id = word_id(x, w.hash[k], true);
        struct posting *p = &x->postings[id];
        x->ids[x->n_ids++] = id;
        if (p->n && p->texts[p->n - 1] == number)
            continue;
        p->texts = vec_reserve(p->texts, &p->cap, p->n + 1, sizeof *p->texts);
        p->texts[p->n++] = number;
    }
    mem_free(w.hash);
    return number;
}

/* ---- longest common subsequence -------------------------------------------------------------- */

/* LCS of a pattern of at most 64 words, whose positions stand in `masks`, with a text. */
static unsigned lcs_64(const uint64_t *masks, const uint32_t *text, size_t n)
{
    uint64_t v = ~(uint64_t)0;
    for (size_t k = 0; k < n; k++) {
        uint64_t u = v & masks[text[k]];
        v = (v + u) | (v - u);
    }
    return (unsigned)__builtin_popcountll(~v);
}

/* The same for any pattern: blocks of 64 with a carry between them.  O(m/64 * n). */
static size_t lcs_long(const uint64_t *a, size_t m, const uint64_t *b, size_t n)
{
    size_t blocks = (m + 63) / 64, lcs = 0;
    uint64_t *v = mem_alloc(blocks * sizeof *v), *match = mem_alloc(blocks * sizeof *match);
    memset(v, 0xff, blocks * sizeof *v);
    for (size_t j = 0; j < n; j++) {
        uint64_t carry = 0;
        memset(match, 0, blocks * sizeof *match);
        for (size_t i = 0; i < m; i++)
            match[i / 64] |= (uint64_t)(a[i] == b[j]) << (i % 64);
        for (size_t k = 0; k < blocks; k++) {
            uint64_t u = v[k] & match[k], sum = v[k] + u, with = sum + carry;
            carry = (sum < u) | (with < sum);
            v[k] = with | (v[k] - u);
        }
    }
    for (size_t k = 0; k < blocks; k++)
        lcs += (size_t)__builtin_popcountll(~v[k]);
    mem_free(v);
    mem_free(match);
    return lcs;
}

static double f1(size_t lcs, size_t m, size_t n)
{
    return lcs ? 2.0 * (double)lcs / (double)(m + n) : 0;
}

double rouge_l(struct slice a, struct slice b)
{
    struct words x, y;
    split(a, &x);
    split(b, &y);
    double f = x.n && y.n ? f1(lcs_long(x.hash, x.n, y.hash, y.n), x.n, y.n) : 0;
    mem_free(x.hash);
    mem_free(y.hash);
    return f;
}

/* ---- asking ---------------------------------------------------------------------------------- */

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
    struct rouge_index *x;
    struct words words;
    uint32_t *ids; /* UINT32_MAX: in no kept text */
    double threshold, best;
    size_t closest;
};

static size_t lcs_with(const struct question *q, const struct kept *t)
{
    const uint32_t *text = q->x->ids + t->first;
    if (q->words.n <= 64)
        return lcs_64(q->x->masks, text, t->n);
    uint64_t *a = mem_alloc(q->words.n * sizeof *a), *b = mem_alloc((t->n + 1) * sizeof *b);
    for (size_t k = 0; k < q->words.n; k++)
        a[k] = q->ids[k];
    for (size_t k = 0; k < t->n; k++)
        b[k] = text[k];
    size_t lcs = lcs_long(a, q->words.n, b, t->n);
    mem_free(a);
    mem_free(b);
    return lcs;
}

static void compare(struct question *q, uint32_t number)
{
    struct rouge_index *x = q->x;
    const struct kept *t = &x->texts[number];
    size_t m = q->words.n, shorter = m < t->n ? m : t->n;
    if (x->seen[number] == x->question)
        return;
    x->seen[number] = x->question;
    if (f1(shorter, m, t->n) <= q->threshold || f1(shorter, m, t->n) < q->best)
        return;
    double f = f1(lcs_with(q, t), m, t->n);
    if (f > q->threshold && (f > q->best || (f == q->best && number < q->closest))) {
        q->best = f;
        q->closest = number;
    }
}

static void set_masks(struct question *q, bool on)
{
    for (size_t k = 0; q->words.n <= 64 && k < q->words.n; k++)
        if (q->ids[k] != UINT32_MAX) {
            uint64_t bit = (uint64_t)1 << k;
            q->x->masks[q->ids[k]] = on ? q->x->masks[q->ids[k]] | bit : 0;
        }
}

static void ask(struct question *q)
{
    struct rouge_index *x = q->x;
    size_t m = q->words.n;
    struct occurrence *o = mem_alloc(m * sizeof *o);
    double least = q->threshold * (double)m / (2 - q->threshold);
    size_t shared = (size_t)(least * (1 - 1e-12)) + 1; /* rounding must never skip a text */
    size_t prefix = shared > m ? 0 : m - shared + 1;
    for (size_t k = 0; k < m; k++) {
        q->ids[k] = word_id(x, q->words.hash[k], false);
        o[k] =
            (struct occurrence){q->ids[k] == UINT32_MAX ? 0 : x->postings[q->ids[k]].n, q->ids[k]};
    }
    qsort(o, m, sizeof *o, rarest_first);
    set_masks(q, true);
    for (size_t k = 0; k < prefix; k++)
        for (size_t t = 0; t < o[k].texts; t++)
            compare(q, x->postings[o[k].id].texts[t]);
    set_masks(q, false);
    mem_free(o);
}

size_t rouge_index_closest(struct rouge_index *x, struct slice text, double threshold, double *f)
{
    struct question q = {.x = x, .threshold = threshold, .closest = SIZE_MAX};
    split(text, &q.words);
    x->question++;
    if (q.words.n) {
        q.ids = mem_alloc(q.words.n * sizeof *q.ids);
        ask(&q);
        mem_free(q.ids);
    }
    mem_free(q.words.hash);
    *f = q.best;
    return q.closest;
}
