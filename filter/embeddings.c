#include "filter/embeddings.h"

#include "core/file.h"
#include "core/mem.h"
#include "filter/stash.h"
#include "model/embedder.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct worker {
    struct embedder_scratch *scratch;
    struct error error;
    bool failed;
};

struct making {
    const struct wide *w;
    struct embeddings *e;
    const struct embedder *model;
    struct worker *workers;
    enum similar_fields fields;
    const struct wide_text *rows;
    struct stash stash;
};

/* ---- memory */

/* A file that is gone when the program is: the kernel writes out what it has no room for. */
static float *map_file(const struct wide *w, size_t bytes, struct error *error)
{
    char *dir = file_dir(corpus_path(w->corpus)), name[4096];
    void *p = MAP_FAILED;
    int fd = -1;
    if (snprintf(name, sizeof name, "%s/retort-filter-XXXXXX", dir) < (int)sizeof name)
        fd = mkstemp(name);
    if (fd >= 0) {
        unlink(name);
        if (posix_fallocate(fd, 0, (off_t)bytes) == 0)
            p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
    }
    if (p == MAP_FAILED)
        error_set(error, ERROR_FULL, "%s: no room for %zu MB of embeddings", dir, bytes >> 20);
    mem_free(dir);
    return p != MAP_FAILED ? p : NULL;
}

static int make_room(struct embeddings *e, const struct wide *w, struct error *error)
{
    const size_t bytes = (w->x->n * (size_t)e->width + 1) * sizeof *e->v;
    const size_t limit = (size_t)recipe_integer(w->recipe, "filter.memory_mb") << 20;
    e->n = w->x->n;
    e->has = mem_zero(e->n + 1, 1);
    if (bytes <= limit) {
        e->v = mem_try(bytes, "embeddings", error);
    } else {
        e->v = map_file(w, bytes, error);
        e->mapped = e->v != NULL ? bytes : 0;
    }
    return e->v != NULL ? 0 : -1;
}

void embeddings_close(struct embeddings *e)
{
    if (e->mapped > 0)
        (void)munmap(e->v, e->mapped);
    else
        mem_free(e->v);
    mem_free(e->has);
    *e = (struct embeddings){.v = NULL};
}

/* ---- making */

static float *place(const struct embeddings *e, uint32_t row)
{
    return e->v + (size_t)row * (size_t)e->width;
}

static bool any(const float *v, int n)
{
    for (int i = 0; i < n; i++)
        if (v[i] != 0)
            return true;
    return false;
}

/* Unit length, whatever the model gives. */
static void scale(float *v, int n, int parts)
{
    double norm = 0;
    for (int i = 0; i < n; i++)
        norm += (double)v[i] * (double)v[i];
    norm = sqrt(norm * parts);
    for (int i = 0; i < n && norm > 0; i++)
        v[i] = (float)((double)v[i] / norm);
}

static void embed_task(void *context, size_t task, int worker)
{
    struct making *m = context;
    struct worker *k = &m->workers[worker];
    const struct wide_text *t = &m->rows[task];
    const int part = m->e->width / m->e->parts;
    const struct slice texts[2] = {m->fields == SIMILAR_OUTPUT ? t->output : t->prompt, t->output};
    unsigned char has = 1;
    for (int i = 0; i < m->e->parts && !k->failed; i++) {
        float *v = place(m->e, t->row) + i * part;
        double known = 0;
        k->failed = embedder_text(m->model, k->scratch, texts[i], v, &known, &k->error) != 0;
        has &= known >= EMBEDDINGS_KNOWN && any(v, part);
        if (known < EMBEDDINGS_KNOWN) /* says little about the text: no vector, stored too */
            memset(v, 0, (size_t)part * sizeof *v);
        scale(v, part, m->e->parts);
    }
    m->e->has[t->row] = has;
}

static int embed_batch(void *context, const struct wide_text *rows, size_t n, struct error *error)
{
    struct making *m = context;
    const int workers = m->w->pool != NULL ? pool_threads(m->w->pool) : 1;
    m->rows = rows;
    pool_run(m->w->pool, n, embed_task, m);
    for (int i = 0; i < workers; i++)
        if (m->workers[i].failed) {
            if (error != NULL)
                *error = m->workers[i].error;
            return -1;
        }
    for (size_t i = 0; i < n; i++) {
        const struct index_entry *e = &m->w->x->entries[rows[i].row];
        if (!(e->flags & INDEX_FOREIGN) &&
            stash_add(&m->stash, e->id, place(m->e, rows[i].row),
                      (size_t)m->e->width * sizeof(float), error) != 0)
            return -1;
    }
    return 0;
}

static int take_stored(void *context, int64_t id, struct slice data, struct error *error)
{
    struct making *m = context;
    const uint32_t row = wide_row(m->w, id);
    const int part = m->e->width / m->e->parts;
    if (data.len != (size_t)m->e->width * sizeof(float))
        return error_set(error, ERROR_INPUT,
                         "stored embeddings are damaged; run the filter with --again");
    if (row == WIDE_NONE)
        return 0;
    memcpy(place(m->e, row), data.data, data.len);
    m->e->has[row] = 3; /* seen */
    for (int i = 0; i < m->e->parts; i++)
        if (!any(place(m->e, row) + i * part, part))
            m->e->has[row] = 2;
    return 0;
}

static int fill(struct making *m, struct error *error)
{
    const struct index *x = m->w->x;
    unsigned char *want = mem_zero(x->n + 1, 1);
    int rc = stash_each(m->w->corpus, m->stash.kind, take_stored, m, error);
    for (size_t i = 0; i < x->n; i++) {
        want[i] = index_lives(&x->entries[i]) && m->e->has[i] == 0;
        m->e->has[i] &= 1;
    }
    if (rc == 0)
        rc = wide_texts(m->w, want, embed_batch, m, error);
    if (rc == 0)
        rc = stash_flush(&m->stash, error);
    mem_free(want);
    return rc;
}

static int make(struct making *m, struct error *error)
{
    const int workers = m->w->pool != NULL ? pool_threads(m->w->pool) : 1;
    int rc = 0;
    m->workers = mem_zero((size_t)workers, sizeof *m->workers);
    for (int i = 0; i < workers; i++)
        m->workers[i].scratch = embedder_scratch_new(m->model);
    if (!m->w->dry_run)
        rc = stash_prune(m->w->corpus, m->stash.kind, error);
    if (rc == 0)
        rc = fill(m, error);
    for (int i = 0; i < workers; i++)
        embedder_scratch_free(m->workers[i].scratch);
    mem_free(m->workers);
    return rc;
}

int embeddings_open(struct embeddings *e, const struct wide *w, struct error *error)
{
    char *dir = recipe_path(w->recipe, "filter.embeddings"), kind[STASH_KIND], hex[33];
    struct making m = {.w = w, .e = e};
    struct embedder *model;
    int rc;
    *e = (struct embeddings){.v = NULL};
    if (dir == NULL)
        return error_set(
            error, ERROR_USAGE,
            "filter.embeddings: name the folder of a static embedding model (Model2Vec)");
    model = embedder_open(dir, error);
    mem_free(dir);
    if (model == NULL)
        return error_wrap(error, "filter.embeddings");
    m.model = model;
    m.fields = chosen_fields(recipe_text(w->recipe, "filter.semantic.fields"));
    e->parts = m.fields == SIMILAR_ALL ? 2 : 1;
    e->width = e->parts * embedder_width(model);
    e->version = (int)((embedder_identity(model).lo + (uint64_t)m.fields) & 0x3FFFFFFF) + 1;
    hash128_hex(embedder_identity(model), hex);
    (void)snprintf(kind, sizeof kind, "embedding 1 %d %s", (int)m.fields, hex);
    stash_open(&m.stash, w->dry_run ? NULL : w->corpus, kind);
    rc = make_room(e, w, error);
    if (rc == 0)
        rc = make(&m, error);
    stash_close(&m.stash);
    embedder_close(model);
    if (rc != 0)
        embeddings_close(e);
    return rc;
}

/* ---- asking */

const float *embeddings_of(const struct embeddings *e, uint32_t row)
{
    return place(e, row);
}

static double product(const float *a, const float *b, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

double embeddings_cosine(const struct embeddings *e, uint32_t a, uint32_t b)
{
    const int part = e->width / e->parts;
    double least = 2;
    for (int i = 0; i < e->parts; i++) {
        const double c = e->parts * product(place(e, a) + i * part, place(e, b) + i * part, part);
        least = c < least ? c : least;
    }
    return least > 1 ? 1 : least;
}

double embeddings_mean_cosine(const struct embeddings *e, uint32_t a, uint32_t b)
{
    const double c = product(place(e, a), place(e, b), e->width);
    return c > 1 ? 1 : c;
}
