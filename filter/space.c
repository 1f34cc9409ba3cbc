#include "filter/space.h"

#include "core/mem.h"

#include <string.h>

enum { CHUNK = 2048, LANES = 16 };

int space_open(struct space *s, const struct wide *w, const struct embeddings *e,
               struct error *error)
{
    uint32_t *keys;
    int rc = 0;
    *s = (struct space){.e = e, .pool = w->pool, .x = w->x};
    if (e != NULL)
        return 0;
    s->signatures = mem_try(w->x->n * MINHASH_PLACES + 1, "signatures", error);
    if (s->signatures == NULL)
        return -1;
    keys = mem_alloc(w->x->n * sizeof *keys + 1);
    for (int band = 0; band < MINHASH_BANDS && rc == 0; band++) {
        rc = index_band(w->x, band, keys, error);
        for (size_t i = 0; i < w->x->n && rc == 0; i++)
            memcpy(s->signatures + i * MINHASH_PLACES + (size_t)band * MINHASH_ROWS, &keys[i],
                   sizeof keys[i]);
    }
    mem_free(keys);
    return rc;
}

void space_close(struct space *s)
{
    mem_free(s->signatures);
    *s = (struct space){.e = NULL};
}

bool space_has(const struct space *s, uint32_t row)
{
    return s->e != NULL ? s->e->has[row] != 0 : !(s->x->entries[row].flags & INDEX_BARE);
}

static float dot(const float *a, const float *b, int n)
{
    float lanes[LANES] = {0}, sum = 0;
    int i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++)
            lanes[k] += a[i + k] * b[i + k];
    for (; i < n; i++)
        sum += a[i] * b[i];
    for (int k = 0; k < LANES; k++)
        sum += lanes[k];
    return sum;
}

/* Of `same` places that agree, chance makes one in 256 of the others. */
static float jaccard(const uint8_t *a, const uint8_t *b)
{
    int same = 0;
    for (int i = 0; i < MINHASH_PLACES; i++)
        same += a[i] == b[i];
    const float p = (float)same / MINHASH_PLACES, j = (p - 1.0F / 256) / (1 - 1.0F / 256);
    return j > 0 ? j : 0;
}

float space_similarity(const struct space *s, uint32_t a, uint32_t b)
{
    if (!space_has(s, a) || !space_has(s, b))
        return 0;
    if (s->e != NULL)
        return dot(embeddings_of(s->e, a), embeddings_of(s->e, b), s->e->width);
    return jaccard(s->signatures + (size_t)a * MINHASH_PLACES,
                   s->signatures + (size_t)b * MINHASH_PLACES);
}

struct to_all {
    const struct space *s;
    uint32_t row;
    const uint32_t *rows;
    size_t n;
    float *out;
};

static void chunk_task(void *context, size_t task, int worker)
{
    const struct to_all *t = context;
    const size_t to = (task + 1) * CHUNK < t->n ? (task + 1) * CHUNK : t->n;
    (void)worker;
    for (size_t i = task * CHUNK; i < to; i++)
        t->out[i] = space_similarity(t->s, t->row, t->rows[i]);
}

void space_to_all(const struct space *s, uint32_t row, const uint32_t *rows, size_t n, float *out)
{
    struct to_all t = {s, row, rows, n, out};
    pool_run(n > CHUNK ? s->pool : NULL, (n + CHUNK - 1) / CHUNK, chunk_task, &t);
}
