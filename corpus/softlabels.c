#include "corpus/softlabels.h"

#include "core/hash.h"
#include "core/mem.h"
#include "core/vec.h"

#include <math.h>
#include <string.h>

enum { VERSION = 1, MAX_TOKENS = 1 << 24 };

/* ---- numbers --------------------------------------------------------------------------------- */

static void put_varint(struct buf *b, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        buf_char(b, (char)(v | 0x80));
    buf_char(b, (char)v);
}

static void put_float(struct buf *b, float f)
{
    uint32_t v;
    memcpy(&v, &f, sizeof v);
    for (int i = 0; i < 4; i++)
        buf_char(b, (char)(v >> 8 * i));
}

struct reader {
    const unsigned char *at, *end;
    bool bad;
};

static uint64_t get_varint(struct reader *r)
{
    uint64_t v = 0;
    for (int shift = 0; shift < 63 && r->at < r->end; shift += 7) {
        unsigned char c = *r->at++;
        v |= (uint64_t)(c & 0x7f) << shift;
        if (c < 0x80)
            return v;
    }
    r->bad = true;
    return 0;
}

static float get_float(struct reader *r)
{
    uint32_t v = 0;
    float f;
    if (r->end - r->at < 4) {
        r->bad = true;
        return 0;
    }
    for (int i = 0; i < 4; i++)
        v |= (uint32_t)*r->at++ << 8 * i;
    memcpy(&f, &v, sizeof f);
    return f;
}

/* ---- the dictionary -------------------------------------------------------------------------- */

struct dictionary {
    const struct soft_token **tokens;
    size_t n, cap;
    uint32_t *slots; /* number + 1, by hash; 0: empty */
    size_t n_slots;
};

static bool same(const struct soft_token *a, const struct soft_token *b)
{
    return a->id == b->id && slice_equal(a->bytes, b->bytes);
}

static uint32_t *slot_of(struct dictionary *d, const struct soft_token *t)
{
    size_t at = hash64(t->bytes.data, t->bytes.len, (uint64_t)(int64_t)t->id) & (d->n_slots - 1);
    while (d->slots[at] && !same(d->tokens[d->slots[at] - 1], t))
        at = (at + 1) & (d->n_slots - 1);
    return &d->slots[at];
}

static void add(struct dictionary *d, const struct soft_token *t)
{
    uint32_t *slot = slot_of(d, t);
    if (*slot)
        return;
    d->tokens = vec_reserve(d->tokens, &d->cap, d->n + 1, sizeof *d->tokens);
    d->tokens[d->n++] = t;
    *slot = (uint32_t)d->n;
}

static void collect(struct dictionary *d, const struct softlabels *l)
{
    d->n_slots = 16;
    while (d->n_slots < 2 * (l->n + l->n_top))
        d->n_slots *= 2;
    d->slots = mem_zero(d->n_slots, sizeof *d->slots);
    for (size_t i = 0; i < l->n; i++) {
        add(d, &l->positions[i].sampled);
        for (uint32_t k = 0; k < l->positions[i].count; k++)
            add(d, &l->top[l->positions[i].first + k]);
    }
}

static void put_token(struct buf *out, struct dictionary *d, const struct soft_token *t)
{
    put_varint(out, *slot_of(d, t) - 1);
    put_float(out, t->logprob);
}

int softlabels_pack(const struct softlabels *l, struct buf *out)
{
    struct dictionary d = {0};
    collect(&d, l);
    buf_char(out, 'S');
    buf_char(out, VERSION);
    put_varint(out, d.n);
    for (size_t i = 0; i < d.n; i++) {
        put_varint(out, d.tokens[i]->id < 0 ? 0 : (uint64_t)d.tokens[i]->id + 1);
        put_varint(out, d.tokens[i]->bytes.len);
        buf_slice(out, d.tokens[i]->bytes);
    }
    put_varint(out, l->n);
    for (size_t i = 0; i < l->n; i++) {
        const struct soft_position *p = &l->positions[i];
        put_token(out, &d, &p->sampled);
        put_varint(out, p->count);
        for (uint32_t k = 0; k < p->count; k++)
            put_token(out, &d, &l->top[p->first + k]);
    }
    mem_free(d.tokens);
    mem_free(d.slots);
    return out->full ? -1 : 0;
}

/* ---- reading --------------------------------------------------------------------------------- */

struct words {
    struct soft_token *tokens;
    size_t n;
};

static void read_words(struct reader *r, struct arena *arena, struct words *w)
{
    w->n = get_varint(r);
    if (w->n > (size_t)(r->end - r->at) || w->n > MAX_TOKENS) {
        r->bad = true;
        return;
    }
    w->tokens = arena_alloc(arena, (w->n + 1) * sizeof *w->tokens);
    for (size_t i = 0; i < w->n && !r->bad; i++) {
        uint64_t id = get_varint(r), len = get_varint(r);
        if (id > (uint64_t)INT32_MAX + 1 || len > (size_t)(r->end - r->at)) {
            r->bad = true;
            return;
        }
        w->tokens[i] = (struct soft_token){arena_copy(arena, slice_from(r->at, (size_t)len)),
                                           (int32_t)((int64_t)id - 1), 0};
        r->at += len;
    }
}

static struct soft_token read_token(struct reader *r, const struct words *w)
{
    uint64_t number = get_varint(r);
    float logprob = get_float(r);
    struct soft_token t = {{NULL, 0}, -1, 0};
    if (number >= w->n)
        r->bad = true;
    else
        t = w->tokens[number];
    t.logprob = logprob;
    return t;
}

/* How many alternatives there are in all: a first walk, so that they lie in one block. */
static size_t count_top(struct reader r, size_t positions)
{
    size_t n = 0;
    for (size_t i = 0; i < positions && !r.bad; i++) {
        (void)get_varint(&r);
        (void)get_float(&r);
        uint64_t k = get_varint(&r);
        if (k > (size_t)(r.end - r.at))
            return 0;
        for (uint64_t e = 0; e < k && !r.bad; e++, n++) {
            (void)get_varint(&r);
            (void)get_float(&r);
        }
    }
    return n;
}

int softlabels_unpack(struct slice data, struct arena *arena, struct softlabels *out,
                      struct error *error)
{
    struct reader r = {(const unsigned char *)data.data,
                       (const unsigned char *)data.data + data.len, false};
    struct words words = {NULL, 0};
    memset(out, 0, sizeof *out);
    if (data.len < 4 || data.data[0] != 'S' || data.data[1] != VERSION)
        return error_set(error, ERROR_INPUT, "these are no soft labels");
    r.at += 2;
    read_words(&r, arena, &words);
    size_t n = get_varint(&r);
    if (r.bad || n > (size_t)(r.end - r.at))
        return error_set(error, ERROR_INPUT, "the soft labels are damaged");
    size_t top = count_top(r, n);
    out->positions = arena_alloc(arena, (n + 1) * sizeof *out->positions);
    out->top = arena_alloc(arena, (top + 1) * sizeof *out->top);
    for (size_t i = 0; i < n && !r.bad; i++) {
        struct soft_position *p = &out->positions[out->n++];
        p->sampled = read_token(&r, &words);
        p->first = (uint32_t)out->n_top;
        p->count = 0;
        for (uint64_t k = get_varint(&r); k > 0 && !r.bad && out->n_top < top; k--, p->count++)
            out->top[out->n_top++] = read_token(&r, &words);
    }
    if (!r.bad && r.at == r.end)
        return 0;
    memset(out, 0, sizeof *out);
    return error_set(error, ERROR_INPUT, "the soft labels are damaged");
}

double softlabels_tail(const struct softlabels *l, size_t position)
{
    const struct soft_position *p = &l->positions[position];
    bool listed = false;
    double mass = 0;
    for (uint32_t k = 0; k < p->count; k++) {
        const struct soft_token *t = &l->top[p->first + k];
        listed |= same(t, &p->sampled);
        mass += isnan(t->logprob) ? 0 : exp((double)t->logprob);
    }
    if (!listed && !isnan(p->sampled.logprob))
        mass += exp((double)p->sampled.logprob);
    return mass >= 1 ? 0 : 1 - mass;
}

/* ---- the table ------------------------------------------------------------------------------- */

int softlabels_put(struct corpus *c, struct compressor *z, const struct softlabels_row *row,
                   struct error *error)
{
    struct buf packed = BUF;
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c),
                    "INSERT INTO softlabel (request_id, choice, tokens, data)"
                    " VALUES (?1, ?2, ?3, ?4)"
                    " ON CONFLICT (request_id, choice) DO UPDATE SET tokens = ?3, data = ?4",
                    error);
    int rc = q ? compress_bytes(z, row->data, &packed, error) : -1;
    if (!rc) {
        sql_bind_int(q, 1, row->request);
        sql_bind_int(q, 2, row->choice);
        sql_bind_int(q, 3, (int64_t)row->tokens);
        sql_bind_blob(q, 4, packed.data, packed.len);
        rc = sql_run(q, error);
    }
    buf_free(&packed);
    return rc;
}

int softlabels_get(struct corpus *c, int64_t request, int64_t choice, struct arena *arena,
                   struct softlabels *out, struct error *error)
{
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c),
                    "SELECT data FROM softlabel WHERE request_id = ?1 AND choice = ?2", error);
    struct compressor *z;
    struct buf data = BUF;
    int rc;
    if (!q)
        return -1;
    sql_bind_int(q, 1, request);
    sql_bind_int(q, 2, choice);
    rc = sql_step(q, error);
    if (rc != 1)
        return rc;
    z = compressor_new(1);
    rc = decompress_bytes(z, sql_text(q, 0), &data, error) ||
                 softlabels_unpack(buf_view(&data), arena, out, error)
             ? -1
             : 1;
    sql_reset(q);
    compressor_free(z);
    buf_free(&data);
    return rc;
}
