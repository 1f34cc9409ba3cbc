#include "filter/similar.h"

#include "core/mem.h"
#include "filter/wordhash.h"

#include <string.h>

static struct similar_set take_set(struct shingler *s)
{
    struct similar_set set = {NULL, 0};
    shingle_end(s);
    shingle_sort(s);
    set.n = s->n;
    set.items = mem_alloc(s->n * sizeof *set.items + 1);
    if (s->n > 0)
        memcpy(set.items, s->items, s->n * sizeof *set.items);
    return set;
}

static void add_sequence(struct similar_text *t, const struct tokens *in)
{
    for (size_t i = 0; i < in->n; i++) {
        const bool number = (in->items[i].kind & TOKEN_NUMBER) != 0;
        t->skeleton = wordhash_chunk(t->skeleton, number ? 1 : in->items[i].hash);
        if (number)
            t->numbers = wordhash_chunk(t->numbers, in->items[i].hash);
    }
}

void similar_prepare(struct similar_text *t, struct shingler *scratch, enum similar_fields fields,
                     const struct slice *prompt, size_t n_prompt, struct slice output)
{
    *t = (struct similar_text){.skeleton = 1, .numbers = 1};
    shingle_start(scratch);
    for (size_t i = 0; i < n_prompt; i++) {
        shingle_add(scratch, prompt[i]);
        tokens_add(&t->prompt_tokens, prompt[i]);
    }
    shingle_add(scratch, output);
    t->all = take_set(scratch);
    shingle_start(scratch);
    shingle_add(scratch, output);
    t->output = take_set(scratch);
    if (fields == SIMILAR_PROMPT) {
        shingle_start(scratch);
        for (size_t i = 0; i < n_prompt; i++)
            shingle_add(scratch, prompt[i]);
        t->prompt = take_set(scratch);
    }
    tokens_add(&t->output_tokens, output);
    add_sequence(t, &t->prompt_tokens);
    add_sequence(t, &t->output_tokens);
    hashsort_pairs(t->prompt_tokens.items, t->prompt_tokens.n);
    hashsort_pairs(t->output_tokens.items, t->output_tokens.n);
}

void similar_free(struct similar_text *t)
{
    mem_free(t->all.items);
    mem_free(t->output.items);
    mem_free(t->prompt.items);
    tokens_release(&t->prompt_tokens);
    tokens_release(&t->output_tokens);
}

/* Share of the words of two sorted lists that both have: 2 common / all. */
static double dice(const struct tokens *a, const struct tokens *b)
{
    size_t i = 0, k = 0, both = 0;
    if (a->n + b->n == 0)
        return 1;
    while (i < a->n && k < b->n) {
        const uint64_t x = a->items[i].hash, y = b->items[k].hash;
        both += x == y;
        i += x <= y;
        k += y <= x;
    }
    return 2.0 * (double)both / (double)(a->n + b->n);
}

/* What one side has more of, summed over both fields of both rows. */
struct leftover {
    unsigned kinds;  /* or of the kinds of all leftover tokens */
    size_t n, value; /* leftover tokens; those that are a value: number, negation … */
};

static void leave(struct leftover *l, const struct hashsort_pair *t)
{
    const uint32_t value = TOKEN_NUMBER | TOKEN_NUMBER_WORD | TOKEN_NEGATION | TOKEN_OPERATOR;
    l->n++;
    l->kinds |= t->kind;
    if (t->kind & (value | TOKEN_NAME))
        l->value++;
}

/* A merge of the four sorted lists; equal tokens cancel, whichever field they are in. */
struct merge {
    const struct tokens *part[2];
    size_t at[2];
};

static const struct hashsort_pair *peek(const struct merge *m, int *which)
{
    const struct hashsort_pair *best = NULL;
    for (int i = 0; i < 2; i++)
        if (m->at[i] < m->part[i]->n) {
            const struct hashsort_pair *t = &m->part[i]->items[m->at[i]];
            if (best == NULL || t->hash < best->hash) {
                best = t;
                *which = i;
            }
        }
    return best;
}

static void differences(const struct similar_text *a, const struct similar_text *b,
                        struct leftover out[2])
{
    struct merge m[2] = {{{&a->prompt_tokens, &a->output_tokens}, {0, 0}},
                         {{&b->prompt_tokens, &b->output_tokens}, {0, 0}}};
    for (;;) {
        int wa = 0, wb = 0;
        const struct hashsort_pair *x = peek(&m[0], &wa), *y = peek(&m[1], &wb);
        if (x == NULL && y == NULL)
            return;
        if (y == NULL || (x != NULL && x->hash < y->hash)) {
            leave(&out[0], x);
            m[0].at[wa]++;
        } else if (x == NULL || y->hash < x->hash) {
            leave(&out[1], y);
            m[1].at[wb]++;
        } else {
            m[0].at[wa]++;
            m[1].at[wb]++;
        }
    }
}

static size_t count_of(const struct tokens *t, size_t i)
{
    size_t n = 1;
    while (i + n < t->n && t->items[i + n].hash == t->items[i].hash)
        n++;
    return n;
}

static size_t count_hash(const struct tokens *t, uint64_t hash)
{
    size_t low = 0, high = t->n;
    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        if (t->items[mid].hash < hash)
            low = mid + 1;
        else
            high = mid;
    }
    return low < t->n && t->items[low].hash == hash ? count_of(t, low) : 0;
}

/* Has `a` a content word in prompt and output, more often in each than `b`? */
static bool own_subject(const struct similar_text *a, const struct similar_text *b)
{
    const struct tokens *p = &a->prompt_tokens;
    for (size_t i = 0, n; i < p->n; i += n) {
        const uint64_t h = p->items[i].hash;
        n = count_of(p, i);
        if (!(p->items[i].kind & TOKEN_CONTENT) || n <= count_hash(&b->prompt_tokens, h))
            continue;
        const size_t out = count_hash(&a->output_tokens, h);
        if (out > count_hash(&b->output_tokens, h))
            return true;
    }
    return false;
}

const char *similar_variant(const struct similar_text *a, const struct similar_text *b)
{
    struct leftover l[2] = {{0}, {0}};
    if (a->skeleton == b->skeleton)
        return a->numbers != b->numbers ? "number" : NULL;
    differences(a, b, l);
    if (l[0].kinds & l[1].kinds & TOKEN_NUMBER)
        return "number";
    if (l[0].n + l[1].n > 0 && l[0].value == l[0].n && l[1].value == l[1].n) {
        const unsigned any = l[0].kinds | l[1].kinds, both = l[0].kinds & l[1].kinds;
        if (any & TOKEN_NEGATION)
            return "negation";
        if (any & TOKEN_OPERATOR)
            return "operator";
        if (both & (TOKEN_NUMBER | TOKEN_NUMBER_WORD))
            return "number";
        if (both & TOKEN_NAME)
            return "name";
    }
    return own_subject(a, b) && own_subject(b, a) ? "subject" : NULL;
}

static double jaccard(const struct similar_set *a, const struct similar_set *b, double least)
{
    return shingle_jaccard_from(a->items, a->n, b->items, b->n, least);
}

/* What the threshold is for. */
static double whole(const struct similar_text *a, const struct similar_text *b,
                    enum similar_fields fields, double least)
{
    switch (fields) {
    case SIMILAR_ALL: return jaccard(&a->all, &b->all, least);
    case SIMILAR_OUTPUT: return jaccard(&a->output, &b->output, least);
    case SIMILAR_PROMPT: return jaccard(&a->prompt, &b->prompt, least);
    }
    return 0;
}

void similar_judge(const struct similar_text *a, const struct similar_text *b,
                   enum similar_fields fields, double threshold, struct similar_result *out)
{
    const double low = threshold - 1e-9;
    *out = (struct similar_result){.kind = SIMILAR_LOW};
    out->all = whole(a, b, fields, low);
    if (out->all < low)
        return;
    out->output = fields == SIMILAR_OUTPUT ? out->all : jaccard(&a->output, &b->output, 0);
    out->prompt = fields == SIMILAR_PROMPT ? out->all : dice(&a->prompt_tokens, &b->prompt_tokens);
    if (fields == SIMILAR_ALL && out->output < low - SIMILAR_OUTPUT_SLACK)
        out->kind = SIMILAR_OTHER_OUTPUT;
    else if (fields == SIMILAR_ALL && out->prompt < SIMILAR_PROMPT_FLOOR)
        out->kind = SIMILAR_OTHER_PROMPT;
    else if ((out->why = similar_variant(a, b)) != NULL)
        out->kind = SIMILAR_VARIANT;
    else
        out->kind = SIMILAR_DUPLICATE;
}
