#include "filter/similar.h"

#include "core/mem.h"
#include "core/vec.h"
#include "filter/hashsort.h"
#include "filter/wordhash.h"

#include <math.h>
#include <string.h>

void similar_open(struct similar_scratch *s)
{
    *s = (struct similar_scratch){.texts = ARENA};
    shingle_init(&s->whole, NULL);
    shingle_init(&s->output, NULL);
}

void similar_reset(struct similar_scratch *s)
{
    arena_reset(&s->texts);
}

void similar_close(struct similar_scratch *s)
{
    arena_free(&s->texts);
    shingle_free(&s->whole);
    shingle_free(&s->output);
    mem_free(s->shingles);
    tokens_release(&s->prompt_tokens);
    tokens_release(&s->output_tokens);
}

static void add_sequence(struct similar_text *t, const struct tokens *in)
{
    uint64_t skeleton = t->skeleton, numbers = t->numbers;
    for (size_t i = 0; i < in->n; i++) {
        const bool number = (in->items[i].kind & TOKEN_NUMBER) != 0;
        skeleton = wordhash_chunk(skeleton, number ? 1 : in->items[i].hash);
        if (number)
            numbers = wordhash_chunk(numbers, in->items[i].hash);
    }
    t->skeleton = skeleton;
    t->numbers = numbers;
}

/* Append the shingles of one shingler as members of the sets. */
static size_t put(uint64_t *to, size_t n, const struct shingler *s, uint64_t sets)
{
    for (size_t i = 0; i < s->n; i++)
        to[n++] = (s->items[i] & ~(uint64_t)SIMILAR_SETS) | sets;
    return n;
}

/* The shingles of both sets, as they come.  Those of the joined text are mostly the prompt's, two
 * that reach from there into the output, and the output's. */
static size_t both_sets(struct similar_scratch *s, enum similar_fields fields,
                        const struct similar_row *row)
{
    shingle_start(&s->output);
    shingle_add(&s->output, row->output);
    shingle_end(&s->output);
    shingle_start(&s->whole);
    for (size_t i = 0; i < row->n_prompt && fields != SIMILAR_OUTPUT; i++)
        shingle_add(&s->whole, row->prompt[i]);
    bool joined = fields == SIMILAR_OUTPUT;
    if (fields == SIMILAR_ALL && !(joined = shingle_join(&s->whole, &s->output)))
        shingle_add(&s->whole, row->output);
    if (!joined)
        shingle_end(&s->whole);
    s->shingles = vec_reserve(s->shingles, &s->cap, s->whole.n + s->output.n, sizeof *s->shingles);
    const size_t n = put(s->shingles, 0, &s->whole, SIMILAR_IN_WHOLE);
    return put(s->shingles, n, &s->output, joined ? SIMILAR_SETS : SIMILAR_IN_OUTPUT);
}

/* Sort, and make one of the same shingle in both sets. */
static void unite(struct similar_text *t, uint64_t *items, size_t n)
{
    size_t kept = 0, whole = 0, output = 0, low = 0;
    hashsort_keys(items, n);
    for (size_t i = 0; i < n; i++) {
        uint64_t one = items[i];
        while (i + 1 < n && (items[i + 1] | SIMILAR_SETS) == (one | SIMILAR_SETS))
            one |= items[++i];
        items[kept++] = one;
        whole += one & SIMILAR_IN_WHOLE;
        output += (one & SIMILAR_IN_OUTPUT) / SIMILAR_IN_OUTPUT;
        low += 1 - (one >> 63);
    }
    t->n = kept;
    t->n_low = low;
    t->n_whole = whole;
    t->n_output = output;
}

void similar_shingles(struct similar_text *t, struct similar_scratch *scratch,
                      enum similar_fields fields, const struct similar_row *row)
{
    const size_t n = both_sets(scratch, fields, row);
    *t = (struct similar_text){.skeleton = 1, .numbers = 1};
    unite(t, scratch->shingles, n);
    t->shingles = arena_alloc(&scratch->texts, t->n * sizeof *t->shingles + 1);
    if (t->n > 0)
        memcpy(t->shingles, scratch->shingles, t->n * sizeof *t->shingles);
}

enum { KINDS = 63 };
#define NO_WORD UINT64_MAX

static inline uint64_t same_word(uint64_t word)
{
    return word | KINDS;
}

static inline unsigned kinds_of(uint64_t word)
{
    return (unsigned)~word & KINDS;
}

static void sort_tokens(struct similar_words *to, uint64_t *at, const struct tokens *from)
{
    *to = (struct similar_words){at, from->n};
    for (size_t i = 0; i < from->n; i++)
        at[i] = (from->items[i].hash & ~(uint64_t)KINDS) | (~from->items[i].kind & KINDS);
    hashsort_keys(at, from->n);
    at[from->n] = NO_WORD;
}

void similar_tokens(struct similar_text *t, struct similar_scratch *scratch,
                    const struct similar_row *row)
{
    struct tokens *prompt = &scratch->prompt_tokens, *output = &scratch->output_tokens;
    prompt->n = output->n = 0;
    for (size_t i = 0; i < row->n_prompt; i++)
        tokens_add(prompt, row->prompt[i]);
    tokens_add(output, row->output);
    add_sequence(t, prompt);
    add_sequence(t, output);
    uint64_t *at = arena_alloc(&scratch->texts, (prompt->n + output->n + 2) * sizeof *at);
    sort_tokens(&t->prompt, at, prompt);
    sort_tokens(&t->output, at + prompt->n + 1, output);
}

/* Share of the words of two sorted lists that both have: 2 common / all. */
static double dice(const struct similar_words *a, const struct similar_words *b)
{
    size_t i = 0, k = 0, both = 0;
    if (a->n + b->n == 0)
        return 1;
    while (i < a->n && k < b->n) {
        const uint64_t x = same_word(a->items[i]), y = same_word(b->items[k]);
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

static void leave(struct leftover *l, uint64_t word)
{
    const unsigned kinds = kinds_of(word),
                   value = TOKEN_NUMBER | TOKEN_NUMBER_WORD | TOKEN_NEGATION | TOKEN_OPERATOR;
    l->n++;
    l->kinds |= kinds;
    if (kinds & (value | TOKEN_NAME))
        l->value++;
}

/* The words of both fields, which are merged. */
struct fields {
    const uint64_t *prompt, *output;
};

static inline bool from_output(const struct fields *f)
{
    return same_word(*f->output) < same_word(*f->prompt);
}

static inline uint64_t least(const struct fields *f)
{
    return from_output(f) ? *f->output : *f->prompt;
}

static inline void pass(struct fields *f)
{
    const bool output = from_output(f);
    f->output += output;
    f->prompt += !output;
}

/* Equal words cancel, whichever field they are in. */
static void differences(const struct similar_text *a, const struct similar_text *b,
                        struct leftover out[2])
{
    struct fields m = {a->prompt.items, a->output.items}, k = {b->prompt.items, b->output.items};
    for (;;) {
        const uint64_t x = least(&m), y = least(&k);
        if (same_word(x) == same_word(y)) {
            if (x == NO_WORD || y == NO_WORD)
                return;
            pass(&m);
            pass(&k);
        } else if (x < y) {
            leave(&out[0], x);
            pass(&m);
        } else {
            leave(&out[1], y);
            pass(&k);
        }
    }
}

static size_t count_of(const struct similar_words *w, size_t i)
{
    size_t n = 1;
    while (i + n < w->n && same_word(w->items[i + n]) == same_word(w->items[i]))
        n++;
    return n;
}

static size_t count_word(const struct similar_words *w, uint64_t word)
{
    size_t low = 0, high = w->n;
    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        if (same_word(w->items[mid]) < same_word(word))
            low = mid + 1;
        else
            high = mid;
    }
    return low < w->n && same_word(w->items[low]) == same_word(word) ? count_of(w, low) : 0;
}

/* Has `a` a content word in prompt and output, more often in each than `b`? */
static bool own_subject(const struct similar_text *a, const struct similar_text *b)
{
    const struct similar_words *p = &a->prompt;
    for (size_t i = 0, n; i < p->n; i += n) {
        const uint64_t word = p->items[i];
        n = count_of(p, i);
        if (!(kinds_of(word) & TOKEN_CONTENT) || n <= count_word(&b->prompt, word))
            continue;
        const size_t out = count_word(&a->output, word);
        if (out > count_word(&b->output, word))
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

/* How many shingles both texts have, of each set. */
struct common {
    size_t whole, output;
};

/* Two sorted lists on their way to be merged. */
struct merging {
    const uint64_t *a, *a_end, *b, *b_end;
};

static inline size_t left_in(const struct merging *m)
{
    const size_t a = (size_t)(m->a_end - m->a), b = (size_t)(m->b_end - m->b);
    return a < b ? a : b;
}

static inline void merge_one(struct merging *m, struct common *c)
{
    const uint64_t x = *m->a, y = *m->b, u = x | SIMILAR_SETS, v = y | SIMILAR_SETS;
    const uint64_t both = u == v ? x & y : 0;
    c->whole += both & SIMILAR_IN_WHOLE;
    c->output += (both & SIMILAR_IN_OUTPUT) / SIMILAR_IN_OUTPUT;
    m->a += u <= v;
    m->b += v <= u;
}

static void merge_rest(struct merging m, struct common *c)
{
    while (left_in(&m) > 0)
        merge_one(&m, c);
}

/* False: the whole cannot reach `least`, which is looked at now and then.  Each step of a merge waits
 * for the one before: so there are two, of the lower and of the upper half of the hashes. */
static bool count_common(const struct similar_text *a, const struct similar_text *b, double least,
                         struct common *out)
{
    /* J >= least asks for so many in both; the others of the whole stand alone */
    const double need = floor(least / (1 + least) * (double)(a->n_whole + b->n_whole));
    const size_t most_alone = a->n + b->n - 2 * (need > 0 ? (size_t)need : 0);
    const uint64_t *x = a->shingles, *y = b->shingles;
    struct merging low = {x, x + a->n_low, y, y + b->n_low};
    struct merging high = {low.a_end, x + a->n, low.b_end, y + b->n};
    struct common c = {0, 0};
    for (;;) {
        const size_t first = left_in(&low), second = left_in(&high);
        size_t n = first < second ? first : second;
        if (n == 0)
            break;
        for (n = n < 8 ? n : 8; n > 0; n--) {
            merge_one(&low, &c);
            merge_one(&high, &c);
        }
        const size_t passed =
            (size_t)(low.a - x + (high.a - low.a_end)) + (size_t)(low.b - y + (high.b - low.b_end));
        if (passed - 2 * c.whole > most_alone)
            return false;
    }
    merge_rest(low, &c);
    merge_rest(high, &c);
    *out = c;
    return true;
}

/* Jaccard of two sets of a and b with so many in common; two empty sets are alike. */
static double jaccard(size_t a, size_t b, size_t common)
{
    return a + b > 0 ? (double)common / (double)(a + b - common) : 1;
}

void similar_measure(const struct similar_text *a, const struct similar_text *b,
                     enum similar_fields fields, double threshold, struct similar_result *out)
{
    const double low = threshold - 1e-9;
    struct common both;
    *out = (struct similar_result){.kind = SIMILAR_LOW};
    if (!count_common(a, b, low, &both))
        return;
    out->all = jaccard(a->n_whole, b->n_whole, both.whole);
    out->output = jaccard(a->n_output, b->n_output, both.output);
    if (out->all < low)
        return;
    out->kind = fields == SIMILAR_ALL && out->output < low - SIMILAR_OUTPUT_SLACK
                    ? SIMILAR_OTHER_OUTPUT
                    : SIMILAR_DUPLICATE;
}

void similar_tell(const struct similar_text *a, const struct similar_text *b,
                  enum similar_fields fields, struct similar_result *out)
{
    out->prompt = fields == SIMILAR_PROMPT ? out->all : dice(&a->prompt, &b->prompt);
    if (fields == SIMILAR_ALL && out->prompt < SIMILAR_PROMPT_FLOOR)
        out->kind = SIMILAR_OTHER_PROMPT;
    else if ((out->why = similar_variant(a, b)) != NULL)
        out->kind = SIMILAR_VARIANT;
}
