#include "model/embedder.h"

#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "model/safetensors.h"
#include "model/tokenizer.h"

#include <math.h>
#include <string.h>

enum { MAX_WIDTH = 8192, CONFIG_MAX = 1 << 20, LONGEST = TOKENIZER_MAX_TEXT / 2 };

struct embedder {
    struct tokenizer *tokenizer;
    float *table;     /* [rows, width] */
    int32_t *mapping; /* token to row; NULL: the same */
    float *weights;   /* by token; NULL: 1 */
    int64_t tokens, rows;
    int width;
    bool normalise;
    struct hash128 identity;
};

void embedder_close(struct embedder *e)
{
    if (e == NULL)
        return;
    tokenizer_free(e->tokenizer);
    mem_free(e->table);
    mem_free(e->mapping);
    mem_free(e->weights);
    mem_free(e);
}

static int read_floats(const struct safetensors_entry *t, size_t n, float *out, struct error *error)
{
    if (strcmp(t->type, "I8") != 0)
        return safetensors_floats(t, 0, n, out, error);
    for (size_t i = 0; i < n; i++)
        out[i] = (float)(int8_t)t->data[i];
    return 0;
}

static int read_table(struct embedder *e, const struct safetensors *s, const char *dir,
                      struct error *error)
{
    const struct safetensors_entry *t = safetensors_find(s, "embeddings");
    if (t == NULL)
        t = safetensors_find(s, "embedding.weight");
    if (t == NULL || t->dims != 2 || t->shape[0] < 1 || t->shape[1] < 1 || t->shape[1] > MAX_WIDTH)
        return error_set(error, ERROR_INPUT,
                         "%s: no tensor \"embeddings\" of two dimensions; a static embedding model "
                         "(Model2Vec) has one",
                         dir);
    e->rows = t->shape[0];
    e->width = (int)t->shape[1];
    const size_t n = (size_t)e->rows * (size_t)e->width;
    e->table = mem_try(n * sizeof *e->table, "embeddings", error);
    e->identity = hash128_add(e->identity, t->data, t->bytes);
    return e->table != NULL ? read_floats(t, n, e->table, error) : -1;
}

/* Of a quantised vocabulary: which row each token has, and its weight. */
static int read_vocabulary(struct embedder *e, const struct safetensors *s, const char *dir,
                           struct error *error)
{
    const struct safetensors_entry *m = safetensors_find(s, "mapping");
    const struct safetensors_entry *w = safetensors_find(s, "weights");
    e->tokens = m != NULL ? m->shape[0] : e->rows;
    if ((m != NULL && (m->dims != 1 || strcmp(m->type, "I32") != 0)) ||
        (w != NULL && (w->dims != 1 || w->shape[0] != e->tokens)))
        return error_set(error, ERROR_INPUT,
                         "%s: mapping or weights of another shape than I32 [%lld]", dir,
                         (long long)e->tokens);
    if (m != NULL) {
        e->mapping = mem_alloc(m->bytes + 1);
        memcpy(e->mapping, m->data, m->bytes);
        e->identity = hash128_add(e->identity, m->data, m->bytes);
        for (int64_t i = 0; i < e->tokens; i++)
            if (e->mapping[i] < 0 || e->mapping[i] >= e->rows)
                return error_set(error, ERROR_INPUT, "%s: mapping of token %lld is out of range",
                                 dir, (long long)i);
    }
    if (w != NULL) {
        e->weights = mem_alloc((size_t)e->tokens * sizeof *e->weights);
        e->identity = hash128_add(e->identity, w->data, w->bytes);
        return safetensors_floats(w, 0, (size_t)e->tokens, e->weights, error);
    }
    return 0;
}

static int read_config(struct embedder *e, const char *dir, struct error *error)
{
    char *path = file_join(dir, "config.json");
    struct buf text = BUF_MAX(CONFIG_MAX);
    struct json *j =
        file_read(path, &text, error) == 0 ? json_parse(buf_view(&text), 0, error) : NULL;
    e->normalise = json_true(json_get(j, "normalize"));
    mem_free(path);
    buf_free(&text);
    json_free(j);
    return j != NULL ? 0 : -1;
}

struct embedder *embedder_open(const char *dir, struct error *error)
{
    struct embedder *e = mem_zero(1, sizeof *e);
    struct safetensors *s = NULL;
    int rc = -1;
    if (!file_is_dir(dir))
        error_set(error, ERROR_INPUT, "%s: no such folder", dir);
    else if (read_config(e, dir, error) == 0 &&
             (e->tokenizer = tokenizer_load(dir, error)) != NULL &&
             (s = safetensors_open_dir(dir, error)) != NULL && read_table(e, s, dir, error) == 0)
        rc = read_vocabulary(e, s, dir, error);
    if (s != NULL)
        safetensors_close(s);
    if (rc != 0) {
        embedder_close(e);
        return NULL;
    }
    const char *digest = tokenizer_digest(e->tokenizer);
    e->identity = hash128_add(e->identity, digest, strlen(digest));
    e->identity = hash128_add(e->identity, &e->normalise, sizeof e->normalise);
    return e;
}

int embedder_width(const struct embedder *e)
{
    return e->width;
}

struct hash128 embedder_identity(const struct embedder *e)
{
    return e->identity;
}

struct embedder_scratch {
    struct tokenizer_scratch *words;
    struct tokens ids;
};

struct embedder_scratch *embedder_scratch_new(const struct embedder *e)
{
    struct embedder_scratch *s = mem_zero(1, sizeof *s);
    s->words = tokenizer_scratch_new(e->tokenizer);
    s->ids = TOKENS;
    return s;
}

void embedder_scratch_free(struct embedder_scratch *s)
{
    if (s == NULL)
        return;
    tokenizer_scratch_free(s->words);
    tokens_free(&s->ids);
    mem_free(s);
}

/* The ids of a text; one longer than the tokenizer takes goes in pieces cut at blanks. */
static int encode(const struct embedder *e, struct embedder_scratch *scratch, struct slice text,
                  struct error *error)
{
    tokens_clear(&scratch->ids);
    while (text.len > 0) {
        size_t n = text.len < LONGEST ? text.len : LONGEST;
        while (n < text.len && n > LONGEST / 2 && text.data[n] != ' ' && text.data[n] != '\n')
            n--;
        if (tokenizer_encode(e->tokenizer, scratch->words, slice_sub(text, 0, n), 0, &scratch->ids,
                             error) != 0)
            return -1;
        text = slice_sub(text, n, text.len - n);
    }
    return 0;
}

int embedder_text(const struct embedder *e, struct embedder_scratch *scratch, struct slice text,
                  float *out, double *known, struct error *error)
{
    const struct tokens *ids = &scratch->ids;
    const int32_t unknown = tokenizer_unk(e->tokenizer);
    double sum[MAX_WIDTH], norm = 0;
    size_t n = 0;
    memset(sum, 0, (size_t)e->width * sizeof *sum);
    memset(out, 0, (size_t)e->width * sizeof *out);
    if (encode(e, scratch, text, error) != 0)
        return -1;
    for (size_t i = 0; i < ids->n; i++) {
        const int32_t id = ids->ids[i];
        if (id == unknown || id < 0 || id >= e->tokens)
            continue;
        const float *v =
            e->table + (size_t)(e->mapping != NULL ? e->mapping[id] : id) * (size_t)e->width;
        const double weight = e->weights != NULL ? (double)e->weights[id] : 1;
        for (int k = 0; k < e->width; k++)
            sum[k] += weight * (double)v[k];
        n++;
    }
    for (int k = 0; k < e->width && n > 0; k++) {
        sum[k] /= (double)n;
        norm += sum[k] * sum[k];
    }
    if (known != NULL)
        *known = ids->n > 0 ? (double)n / (double)ids->n : 0;
    norm = e->normalise ? sqrt(norm) + 1e-32 : 1;
    for (int k = 0; k < e->width && n > 0; k++)
        out[k] = (float)(sum[k] / norm);
    return 0;
}
