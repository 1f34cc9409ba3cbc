#include "eval/held.h"

#include "core/hash.h"
#include "core/mem.h"
#include "core/vec.h"
#include "corpus/samples.h"
#include "corpus/split.h"
#include "corpus/turns.h"

#include <stdlib.h>
#include <string.h>

struct place {
    struct hash128 hash;
    int64_t sample;
};

struct reader {
    struct split_row *rows;
    struct place *places;
    size_t n, cap_rows, cap_places;
    struct held *held;
};

static int look(void *context, const struct sample *s, struct error *error)
{
    struct reader *r = context;
    (void)error;
    r->rows = vec_reserve(r->rows, &r->cap_rows, r->n + 1, sizeof *r->rows);
    r->places = vec_reserve(r->places, &r->cap_places, r->n + 1, sizeof *r->places);
    r->rows[r->n] = split_row(s);
    r->places[r->n++] = (struct place){samples_hash(s), s->id};
    return 0;
}

static int by_content(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    int order = hash128_compare(x->hash, y->hash);
    return order != 0 ? order : (x->sample > y->sample) - (x->sample < y->sample);
}

/* Leave the held-out places alone, in the order of their contents; returns how many. */
static size_t choose(struct reader *r, double share)
{
    bool *held = mem_alloc((r->n + 1) * sizeof *held);
    size_t n = 0;
    (void)split_assign(r->rows, r->n, share, held);
    for (size_t i = 0; i < r->n; i++)
        if (held[i])
            r->places[n++] = r->places[i];
    if (n > 1)
        qsort(r->places, n, sizeof *r->places, by_content);
    mem_free(held);
    return n;
}

static int take(void *context, const struct sample *s, struct error *error)
{
    struct held *h = context;
    h->turns[h->n] = turns_of(s, true, error);
    if (h->turns[h->n] == NULL)
        return -1;
    h->samples[h->n++] = s->id;
    return 0;
}

int held_read(struct held *h, struct corpus *c, double share, uint64_t limit, struct error *error)
{
    struct reader r;
    size_t n;
    int status;
    memset(h, 0, sizeof *h);
    memset(&r, 0, sizeof r);
    status = samples_each(c, SAMPLES_KEPT, 0, look, &r, error);
    n = status == 0 ? choose(&r, share) : 0;
    if (limit != 0 && n > limit)
        n = (size_t)limit;
    h->kept = r.n;
    h->turns = mem_alloc((n + 1) * sizeof *h->turns);
    h->samples = mem_alloc((n + 1) * sizeof *h->samples);
    for (size_t i = 0; status == 0 && i < n; i++)
        status = samples_get(c, r.places[i].sample, take, h, error) < 0 ? -1 : 0;
    mem_free(r.rows);
    mem_free(r.places);
    if (status != 0)
        held_free(h);
    return status;
}

void held_free(struct held *h)
{
    for (size_t i = 0; i < h->n; i++)
        json_free(h->turns[i]);
    mem_free(h->turns);
    mem_free(h->samples);
    memset(h, 0, sizeof *h);
}
