/*
 * Byte pair encoding of one word: start from bytes or characters; again and again join the
 * neighbours whose merge has the smallest rank, the leftmost of equals.
 *
 * Short words: the ranks of all neighbours in an array, searched for the smallest.  Long ones
 * (text without blanks, or vocabularies that do not split into words): a linked list and a heap of
 * candidates, O(n log n).  Both give the same ids.
 */
#include "model/tokenizer/parts.h"

#include "core/mem.h"
#include "core/vec.h"

#include <string.h>

enum { SHORT_WORD = 40 };
#define NO_RANK UINT32_MAX
#define NOBODY  UINT32_MAX

void symbols_push(struct symbols *s, int32_t id, size_t len)
{
    if (s->n == s->cap) {
        size_t cap = s->cap;
        s->ids = vec_reserve(s->ids, &s->cap, s->n + 1, sizeof *s->ids);
        s->lens = vec_reserve(s->lens, &cap, s->n + 1, sizeof *s->lens);
    }
    s->ids[s->n] = id;
    s->lens[s->n++] = (uint32_t)len;
}

/* --- the first symbols ------------------------------------------------------------------ */

static void start_bytes(const struct bpe *b, struct slice text, struct symbols *out)
{
    for (size_t i = 0; i < text.len; i++) {
        int32_t id = b->byte_ids[(unsigned char)text.data[i]];
        if (id >= 0)
            symbols_push(out, id, 1);
        else if (b->unk >= 0)
            symbols_push(out, b->unk, 1);
    }
}

/* The bytes of a character as <0xNN> pieces; false when one is missing. */
static bool start_fallback(const struct bpe *b, const char *p, size_t n, struct symbols *out)
{
    for (size_t i = 0; i < n; i++)
        if (b->byte_ids[(unsigned char)p[i]] < 0)
            return false;
    for (size_t i = 0; i < n; i++)
        symbols_push(out, b->byte_ids[(unsigned char)p[i]], 1);
    return true;
}

static void start_characters(const struct bpe *b, const struct vocab *v, struct slice text,
                             struct symbols *out)
{
    size_t unknown = 0; /* bytes of unknown characters still to be written as one <unk> */
    for (size_t i = 0; i < text.len;) {
        unsigned char lead = (unsigned char)text.data[i];
        size_t n = char_len(lead);
        int32_t id =
            lead < 128 ? b->ascii_ids[lead] : vocab_find(v, (struct slice){text.data + i, n});
        if (id >= 0) {
            if (unknown != 0)
                symbols_push(out, b->unk, unknown);
            unknown = 0;
            symbols_push(out, id, n);
        } else if (!(b->byte_fallback && start_fallback(b, text.data + i, n, out)) && b->unk >= 0) {
            if (unknown != 0 && !b->fuse_unk) {
                symbols_push(out, b->unk, unknown);
                unknown = 0;
            }
            unknown += n;
        }
        i += n;
    }
    if (unknown != 0)
        symbols_push(out, b->unk, unknown);
}

/* --- joining ---------------------------------------------------------------------------- */

static inline uint32_t rank_of(const struct merges *m, int32_t left, int32_t right, int32_t *id)
{
    const struct merge *found = merges_find(m, left, right);
    *id = found != NULL ? found->id : -1;
    return found != NULL ? found->rank : NO_RANK;
}

static void join_short(const struct merges *m, struct symbols *w)
{
    uint32_t rank[SHORT_WORD];
    int32_t id[SHORT_WORD];
    size_t n = w->n;
    for (size_t i = 0; i + 1 < n; i++)
        rank[i] = rank_of(m, w->ids[i], w->ids[i + 1], &id[i]);
    while (n > 1) {
        size_t best = 0, rest;
        for (size_t i = 1; i + 1 < n; i++)
            if (rank[i] < rank[best])
                best = i;
        if (rank[best] == NO_RANK)
            break;
        w->ids[best] = id[best];
        w->lens[best] += w->lens[best + 1];
        rest = n - best - 2; /* symbols behind the pair */
        memmove(w->ids + best + 1, w->ids + best + 2, rest * sizeof *w->ids);
        memmove(w->lens + best + 1, w->lens + best + 2, rest * sizeof *w->lens);
        if (rest != 0) {
            memmove(rank + best + 1, rank + best + 2, (rest - 1) * sizeof *rank);
            memmove(id + best + 1, id + best + 2, (rest - 1) * sizeof *id);
            rank[best] = rank_of(m, w->ids[best], w->ids[best + 1], &id[best]);
        }
        n--;
        if (best != 0)
            rank[best - 1] = rank_of(m, w->ids[best - 1], w->ids[best], &id[best - 1]);
    }
    w->n = n;
}

static void heap_push(struct bpe_scratch *s, struct candidate c)
{
    size_t i = s->heap_n++;
    s->heap = vec_reserve(s->heap, &s->heap_cap, s->heap_n, sizeof *s->heap);
    while (i > 0 && s->heap[(i - 1) / 2].order > c.order) {
        s->heap[i] = s->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    s->heap[i] = c;
}

static struct candidate heap_pop(struct bpe_scratch *s)
{
    struct candidate top = s->heap[0], last = s->heap[--s->heap_n];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= s->heap_n)
            break;
        if (child + 1 < s->heap_n && s->heap[child + 1].order < s->heap[child].order)
            child++;
        if (s->heap[child].order >= last.order)
            break;
        s->heap[i] = s->heap[child];
        i = child;
    }
    s->heap[i] = last;
    return top;
}

static void offer(const struct merges *m, struct bpe_scratch *s, uint32_t left, uint32_t right)
{
    int32_t a = s->word.ids[left], b = s->word.ids[right], id;
    uint32_t rank = rank_of(m, a, b, &id);
    if (rank != NO_RANK)
        heap_push(s, (struct candidate){(uint64_t)rank << 32 | left, a, b});
}

static void link_symbols(struct bpe_scratch *s)
{
    size_t n = s->word.n, cap = s->links_cap;
    s->prev = vec_reserve(s->prev, &cap, n, sizeof *s->prev);
    s->next = vec_reserve(s->next, &s->links_cap, n, sizeof *s->next);
    for (size_t i = 0; i < n; i++) {
        s->prev[i] = i == 0 ? NOBODY : (uint32_t)i - 1;
        s->next[i] = i + 1 == n ? NOBODY : (uint32_t)i + 1;
    }
}

/* Symbols that were swallowed have length 0. */
static void close_gaps(struct symbols *w)
{
    size_t n = 0;
    for (size_t i = 0; i < w->n; i++)
        if (w->lens[i] != 0) {
            w->ids[n] = w->ids[i];
            w->lens[n++] = w->lens[i];
        }
    w->n = n;
}

static void join_long(const struct merges *m, struct bpe_scratch *s)
{
    struct symbols *w = &s->word;
    link_symbols(s);
    s->heap_n = 0;
    for (size_t i = 0; i + 1 < w->n; i++)
        offer(m, s, (uint32_t)i, (uint32_t)i + 1);
    while (s->heap_n != 0) {
        struct candidate c = heap_pop(s);
        uint32_t left = (uint32_t)c.order, right = s->next[left];
        int32_t id;
        if (w->lens[left] == 0 || right == NOBODY || w->ids[left] != c.left ||
            w->ids[right] != c.right)
            continue; /* one of the two has been joined with another meanwhile */
        (void)rank_of(m, c.left, c.right, &id);
        w->ids[left] = id;
        w->lens[left] += w->lens[right];
        w->lens[right] = 0;
        s->next[left] = s->next[right];
        if (s->next[left] != NOBODY) {
            s->prev[s->next[left]] = left;
            offer(m, s, left, s->next[left]);
        }
        if (s->prev[left] != NOBODY)
            offer(m, s, s->prev[left], left);
    }
    close_gaps(w);
}

void bpe_word(const struct bpe *b, const struct vocab *v, struct slice text, struct bpe_scratch *s)
{
    s->word.n = 0;
    if (b->ignore_merges) {
        struct slice spelled = text;
        int32_t id;
        if (b->byte_level) {
            if (s->spelled.max == 0)
                s->spelled = BUF;
            buf_clear(&s->spelled);
            alphabet_spell(text, &s->spelled);
            spelled = buf_view(&s->spelled);
        }
        id = vocab_find(v, spelled);
        if (id >= 0) {
            symbols_push(&s->word, id, text.len);
            return;
        }
    }
    if (b->byte_level)
        start_bytes(b, text, &s->word);
    else
        start_characters(b, v, text, &s->word);
    if (s->word.n <= SHORT_WORD)
        join_short(&b->merges, &s->word);
    else
        join_long(&b->merges, s);
}

void bpe_scratch_free(struct bpe_scratch *s)
{
    mem_free(s->word.ids);
    mem_free(s->word.lens);
    mem_free(s->prev);
    mem_free(s->next);
    mem_free(s->heap);
    buf_free(&s->spelled);
    *s = (struct bpe_scratch){0};
}
