#include "train/distill/align.h"

#include "core/buf.h"
#include "core/hash.h"
#include "core/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- the student's tokens by their bytes --------------------------------------------------- */

struct vocabulary {
    const struct tokenizer *tokenizer;
    struct buf bytes; /* of all tokens, one after the other */
    size_t *at;       /* [size + 1] where each begins */
    int32_t *slots;   /* open addressing; -1: empty */
    size_t mask;
};

static struct slice bytes_of(const struct vocabulary *v, int32_t id)
{
    return slice_from(v->bytes.data + v->at[id], v->at[id + 1] - v->at[id]);
}

static size_t slot_of(const struct vocabulary *v, struct slice bytes)
{
    size_t i = (size_t)hash64(bytes.data, bytes.len, 0) & v->mask;
    while (v->slots[i] >= 0 && !slice_equal(bytes_of(v, v->slots[i]), bytes))
        i = (i + 1) & v->mask;
    return i;
}

/* A control token adds no bytes to a text; it is known by its spelling. */
static void add_bytes(const struct tokenizer *t, int32_t id, struct buf *out)
{
    if (tokenizer_is_special(t, id))
        buf_slice(out, tokenizer_piece(t, id));
    else
        tokenizer_bytes(t, id, out);
}

struct vocabulary *vocabulary_new(const struct tokenizer *t)
{
    struct vocabulary *v = mem_zero(1, sizeof *v);
    const int32_t size = tokenizer_size(t);
    size_t slots = 16;
    while (slots < 2 * (size_t)size)
        slots *= 2;
    v->tokenizer = t;
    v->bytes = BUF;
    v->mask = slots - 1;
    v->at = mem_alloc(((size_t)size + 1) * sizeof *v->at);
    v->slots = mem_alloc(slots * sizeof *v->slots);
    for (size_t i = 0; i < slots; i++)
        v->slots[i] = -1;
    for (int32_t id = 0; id < size; id++) {
        v->at[id] = v->bytes.len;
        add_bytes(t, id, &v->bytes);
    }
    v->at[size] = v->bytes.len;
    for (int32_t id = 0; id < size; id++) {
        size_t slot = slot_of(v, bytes_of(v, id));
        if (v->at[id + 1] > v->at[id] && v->slots[slot] < 0)
            v->slots[slot] = id; /* of several with the same bytes the first */
    }
    return v;
}

void vocabulary_free(struct vocabulary *v)
{
    if (v == NULL)
        return;
    buf_free(&v->bytes);
    mem_free(v->at);
    mem_free(v->slots);
    mem_free(v);
}

int32_t vocabulary_find(const struct vocabulary *v, struct slice bytes)
{
    return bytes.len == 0 ? -1 : v->slots[slot_of(v, bytes)];
}

/* --- one position --------------------------------------------------------------------------- */

struct entry {
    int32_t id;
    float logprob;
};

static int likelier(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->logprob != y->logprob)
        return x->logprob > y->logprob ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

struct position {
    struct entry entries[SOFT_TOP_MAX];
    size_t n;
};

static void add_token(const struct vocabulary *v, const struct soft_token *t, struct position *p,
                      struct align_count *count)
{
    const int32_t id = vocabulary_find(v, t->bytes);
    count->alternatives++;
    if (!isfinite(t->logprob) || t->logprob <= -9990 || t->logprob > 1) {
        count->dropped++;
        return;
    }
    if (id < 0 || p->n == SOFT_TOP_MAX)
        return;
    for (size_t i = 0; i < p->n; i++)
        if (p->entries[i].id == id)
            return;
    count->known++;
    p->entries[p->n++] = (struct entry){id, t->logprob > 0 ? 0 : t->logprob};
}

/* Labels of the teacher's position; false where nothing of use is known. */
static bool read_position(const struct vocabulary *v, const struct softlabels *soft, size_t at,
                          struct position *p, struct align_count *count)
{
    const struct soft_position *s = &soft->positions[at];
    double known = 0;
    p->n = 0;
    for (uint32_t k = 0; k < s->count; k++)
        add_token(v, &soft->top[s->first + k], p, count);
    if (s->count == 0)
        return false; /* the sampled token alone is a hard label */
    add_token(v, &s->sampled, p, count);
    for (size_t i = 0; i < p->n; i++)
        known += exp((double)p->entries[i].logprob);
    if (known < 1e-6)
        return false;
    qsort(p->entries, p->n, sizeof *p->entries, likelier);
    return true;
}

/* --- one reply ------------------------------------------------------------------------------ */

/* The bytes of the teacher's text, and where each of its tokens begins. */
static size_t *lay_out(const struct softlabels *soft, struct buf *text)
{
    size_t *at = mem_alloc((soft->n + 1) * sizeof *at);
    for (size_t i = 0; i < soft->n; i++) {
        at[i] = text->len;
        buf_slice(text, soft->positions[i].sampled.bytes);
    }
    at[soft->n] = text->len;
    return at;
}

/* Where the student's text begins in the teacher's: a reply may have been trimmed, or be a part of
 * what was said.  (size_t)-1: nowhere. */
static size_t find(struct slice whole, struct slice part)
{
    if (part.len == 0)
        return (size_t)-1;
    for (size_t i = 0; i + part.len <= whole.len; i++)
        if (memcmp(whole.data + i, part.data, part.len) == 0)
            return i;
    return (size_t)-1;
}

static void add_hard(struct labels *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        labels_add(out, NULL, NULL, 0);
}

static void add_position(const struct position *p, struct labels *out)
{
    int32_t ids[SOFT_TOP_MAX];
    float logprobs[SOFT_TOP_MAX];
    for (size_t i = 0; i < p->n; i++) {
        ids[i] = p->entries[i].id;
        logprobs[i] = p->entries[i].logprob;
    }
    labels_add(out, ids, logprobs, p->n);
}

void align_position(const struct vocabulary *v, const struct softlabels *soft, size_t at,
                    struct labels *out)
{
    struct align_count unused = {0};
    struct position p;
    if (read_position(v, soft, at, &p, &unused))
        add_position(&p, out);
    else
        add_hard(out, 1);
}

/* A reply in work: the teacher's tokens, and where each begins in its text. */
struct reply {
    const struct vocabulary *v;
    const struct softlabels *soft;
    const size_t *at;
};

/* Walk both texts: the student's tokens begin at `from` in the teacher's.  Returns how many were
 * aligned. */
static size_t walk(const struct reply *r, size_t from, const int32_t *ids, size_t n,
                   struct labels *out, struct align_count *count)
{
    const size_t *at = r->at;
    struct position p;
    size_t k = 0, aligned = 0;
    for (size_t i = 0; i < n; i++) {
        const size_t length = bytes_of(r->v, ids[i]).len;
        while (k < r->soft->n && (at[k] < from || at[k + 1] == at[k]))
            k++;
        if (k < r->soft->n && length > 0 && at[k] == from && at[k + 1] == from + length &&
            read_position(r->v, r->soft, k, &p, count)) {
            add_position(&p, out);
            aligned++;
        } else {
            add_hard(out, 1);
        }
        from += length;
    }
    return aligned;
}

void align_reply(const struct vocabulary *v, const struct softlabels *soft, const int32_t *ids,
                 size_t n, struct labels *out, struct align_count *count)
{
    struct buf teacher = BUF, student = BUF;
    size_t *at = lay_out(soft, &teacher), content = n, from, aligned = 0;
    const struct reply r = {v, soft, at};
    count->tokens += n;
    count->rows++;
    /* The end of the turn is no part of the text, but the teacher may have spelled it. */
    if (n > 0 && tokenizer_is_special(v->tokenizer, ids[n - 1]))
        content = n - 1;
    for (size_t i = 0; i < content; i++)
        buf_slice(&student, bytes_of(v, ids[i]));
    from = find(buf_view(&teacher), buf_view(&student));
    if (from == (size_t)-1)
        add_hard(out, n);
    else
        aligned = walk(&r, from, ids, n, out, count);
    count->aligned += aligned;
    count->rows_aligned += aligned != 0;
    buf_free(&teacher);
    buf_free(&student);
    mem_free(at);
}
