#include "train/distill/cache.h"

#include "core/file.h"
#include "core/mem.h"
#include "core/signals.h"
#include "model/safetensors.h"
#include "train/feed.h"

#include <string.h>

enum { VERSION = 1, IDENTITY_MAX = 4096 };

struct cache {
    struct safetensors *file;
    const struct examples *examples;
    const int32_t *rows, *first, *ids;
    const float *logprobs, *logits, *hidden;
    size_t n_rows, n_labels;
    size_t *tokens;        /* where each example's tokens begin: in the order of the set */
    int64_t common, width; /* width: of all cached layers together */
    double temperature;
};

static void put_hash(struct json *o, const char *key, struct hash128 h)
{
    char hex[33];
    hash128_hex(h, hex);
    json_put_text(o, key, hex);
}

static struct json *identity_of(const struct cache_want *w)
{
    struct json *o = json_new_object(), *how = json_new_object(), *layers = json_new_array();
    json_put_integer(o, "version", VERSION);
    put_hash(o, "teacher", w->teacher);
    put_hash(o, "rows", w->rows);
    json_put_integer(how, "top_k", w->top_k);
    json_put_number(how, "temperature", w->top_k != 0 ? w->temperature : 1);
    json_put_integer(how, "common", w->common);
    for (size_t i = 0; i < w->n_layers; i++)
        json_push(layers, json_new_integer(w->layers[i]));
    json_put(how, "hidden", layers);
    json_put(o, "how", how);
    return o;
}

/* --- reading -------------------------------------------------------------------------------- */

static int check_identity(const struct safetensors *s, const char *path, const struct cache_want *w,
                          struct error *error)
{
    static const struct {
        const char *key, *what;
    } parts[] = {{"version", "is of another version"},
                 {"teacher", "holds the values of another teacher"},
                 {"rows", "was made for other rows, or for the same under another template or "
                          "max_length"},
                 {"how", "was made with another top_k, temperature or match"}};
    const struct safetensors_entry *e = safetensors_find(s, "identity");
    struct json *mine = identity_of(w), *its = NULL;
    int status = 0;
    if (e != NULL && e->bytes <= IDENTITY_MAX)
        its = json_parse(slice_from(e->data, e->bytes), 0, NULL);
    if (its == NULL)
        status = error_set(error, ERROR_INPUT, "%s: this is no cache of a teacher's values", path);
    for (size_t i = 0; status == 0 && i < sizeof parts / sizeof *parts; i++)
        if (!json_equal(json_get(mine, parts[i].key), json_get(its, parts[i].key)))
            status = error_set(error, ERROR_USAGE,
                               "%s %s; remove it, or name another file in train.distill.cache",
                               path, parts[i].what);
    json_free(mine);
    json_free(its);
    return status;
}

/* A tensor of that name, type and number of elements; sets `bad` where it is not. */
static const void *find(const struct safetensors *s, const char *name, const char *type, size_t n,
                        bool *bad)
{
    const struct safetensors_entry *e = safetensors_find(s, name);
    if (e == NULL || strcmp(e->type, type) != 0 || e->bytes != n * 4 ||
        ((uintptr_t)e->data & 3) != 0) {
        *bad = true;
        return NULL;
    }
    return (const void *)e->data;
}

static bool ascends(const int32_t *x, size_t n, size_t last)
{
    for (size_t i = 0; i < n; i++)
        if (x[i] > x[i + 1] || x[i] < 0)
            return false;
    return x[0] == 0 && x[n] >= 0 && (size_t)x[n] == last;
}

/* Each example has the rows that it should, and they follow each other. */
static bool rows_good(const int32_t *rows, const struct examples *e)
{
    size_t at = 0;
    for (size_t i = 0; i <= e->n; i++) {
        if (rows[i] < 0 || (size_t)rows[i] != at)
            return false;
        at += i < e->n ? e->items[i].supervised : 0;
    }
    return true;
}

static bool labels_good(const struct cache *c)
{
    for (size_t i = 0; i < c->n_labels; i++)
        if (c->ids[i] < 0 || c->ids[i] >= c->common || !(c->logprobs[i] <= 1e-3F))
            return false;
    for (size_t i = 0; i < c->n_rows; i++)
        if (c->first[i + 1] - c->first[i] > SOFT_TOP_MAX)
            return false;
    return true;
}

static size_t rows_of(const struct examples *e)
{
    size_t n = 0;
    for (size_t i = 0; i < e->n; i++)
        n += e->items[i].supervised;
    return n;
}

static int bind(struct cache *c, const char *path, const struct cache_want *w, struct error *error)
{
    const struct safetensors_entry *e = safetensors_find(c->file, "ids");
    bool bad = false;
    c->n_rows = rows_of(w->examples);
    c->rows = find(c->file, "rows", "I32", w->examples->n + 1, &bad);
    if (w->top_k != 0) {
        c->n_labels = e != NULL ? e->bytes / 4 : 0;
        c->first = find(c->file, "first", "I32", c->n_rows + 1, &bad);
        c->ids = find(c->file, "ids", "I32", c->n_labels, &bad);
        c->logprobs = find(c->file, "logprobs", "F32", c->n_labels, &bad);
        bad = bad || !ascends(c->first, c->n_rows, c->n_labels) || !labels_good(c);
    } else {
        c->logits = find(c->file, "logits", "F32", c->n_rows * (size_t)c->common, &bad);
    }
    e = safetensors_find(c->file, "hidden");
    c->width = (int64_t)w->n_layers * w->width;
    if (w->n_layers != 0 && e != NULL) {
        c->hidden = find(c->file, "hidden", "F32", w->examples->n_tokens * (size_t)c->width, &bad);
    }
    if (bad || !rows_good(c->rows, w->examples) || (w->n_layers != 0) != (c->hidden != NULL))
        return error_set(error, ERROR_INPUT, "%s is damaged; remove it, and it is made again",
                         path);
    return 0;
}

int cache_take(struct cache **out, struct safetensors *file, const char *path,
               const struct cache_want *w, struct error *error)
{
    struct cache *c = mem_zero(1, sizeof *c);
    *out = NULL;
    c->file = file;
    c->examples = w->examples;
    c->common = w->common;
    c->temperature = w->temperature;
    c->tokens = mem_alloc((w->examples->n + 1) * sizeof *c->tokens);
    c->tokens[0] = 0;
    for (size_t i = 0; i < w->examples->n; i++)
        c->tokens[i + 1] = c->tokens[i] + w->examples->items[i].length;
    if (check_identity(c->file, path, w, error) != 0 || bind(c, path, w, error) != 0) {
        cache_close(c);
        return -1;
    }
    *out = c;
    return 1;
}

int cache_open(struct cache **out, const char *path, const struct cache_want *w,
               struct error *error)
{
    struct safetensors *file;
    *out = NULL;
    if (!file_exists(path))
        return 0;
    file = safetensors_open(path, error);
    return file != NULL ? cache_take(out, file, path, w, error) : -1;
}

void cache_close(struct cache *c)
{
    if (c == NULL)
        return;
    safetensors_close(c->file);
    mem_free(c->tokens);
    mem_free(c);
}

struct labels cache_labels(const struct cache *c)
{
    return (struct labels){.rows = c->rows,
                           .first = c->first,
                           .ids = c->ids,
                           .logprobs = c->logprobs,
                           .temperature = (float)c->temperature,
                           .n_examples = c->examples->n,
                           .n_rows = c->n_rows,
                           .n_labels = c->n_labels};
}

const float *cache_logits(const struct cache *c, uint32_t example, uint32_t row)
{
    return c->logits + (size_t)(c->rows[example] + (int32_t)row) * (size_t)c->common;
}

const float *cache_hidden(const struct cache *c, uint32_t example, uint32_t token)
{
    return c->hidden + (c->tokens[example] + token) * (size_t)c->width;
}

/* --- building ------------------------------------------------------------------------------- */

struct builder {
    const struct cache_want *w;
    struct teacher *t;
    struct safetensors_writer *file;
    struct labels labels;
    struct feed feed;
    float *host;   /* logits of a chunk, or hidden states of an example */
    int32_t width; /* of one layer */
};

/* Keep the wanted layers of an example side by side. */
static int watch_hidden(void *context, struct backend *b, int32_t layer, struct tensor hidden,
                        struct tensor d, struct error *error)
{
    struct builder *x = context;
    const size_t width = (size_t)x->width, all = width * x->w->n_layers;
    float *rows;
    (void)d;
    for (size_t i = 0; i < x->w->n_layers; i++) {
        if (x->w->layers[i] != layer)
            continue;
        rows = mem_alloc((size_t)hidden.rows * width * sizeof *rows);
        b->ops->download(b, hidden, rows, DTYPE_F32);
        if (b->ops->sync(b, error) != 0) {
            mem_free(rows);
            return -1;
        }
        for (size_t k = 0; k < (size_t)hidden.rows; k++)
            memcpy(x->host + k * all + i * width, rows + k * width, width * sizeof *rows);
        mem_free(rows);
    }
    return 0;
}

static int put_logits(struct builder *x, struct error *error)
{
    const int32_t rows = x->feed.batch.supervised;
    int32_t n;
    for (int32_t at = 0; at < rows; at += n) {
        const struct tensor chunk = teacher_rows(x->t, at, &n);
        struct backend *b = teacher_backend(x->t);
        b->ops->download(b, chunk, x->host, DTYPE_F32);
        if (b->ops->sync(b, error) != 0 ||
            safetensors_put(x->file, x->host, (size_t)n * (size_t)x->w->common, error) != 0)
            return -1;
    }
    return 0;
}

enum walk { WALK_TOP, WALK_LOGITS, WALK_HIDDEN };

/* One forward pass an example, each by itself. */
static int walk(struct builder *x, enum walk what, struct error *error)
{
    const struct examples *e = x->w->examples;
    const struct model_watch watch = {.hidden = watch_hidden, .context = x};
    for (uint32_t i = 0; i < e->n; i++) {
        int status;
        if (signals_draining())
            return error_set(error, ERROR_INTERRUPTED, "stopped");
        feed_fill(&x->feed, e, &i, 1);
        if (teacher_forward(x->t, &x->feed.batch, what == WALK_HIDDEN ? &watch : NULL, error) != 0)
            return -1;
        if (what == WALK_TOP)
            status = teacher_label(x->t, (size_t)x->w->top_k, x->w->temperature, &x->labels, error);
        else if (what == WALK_LOGITS)
            status = put_logits(x, error);
        else
            status = safetensors_put(x->file, x->host,
                                     (size_t)e->items[i].length * x->w->n_layers * (size_t)x->width,
                                     error);
        if (status != 0)
            return -1;
    }
    return 0;
}

static int put_tensors(struct builder *x, const char *identity, size_t length, struct error *error)
{
    const struct labels *l = &x->labels;
    const size_t rows = rows_of(x->w->examples);
    if (safetensors_put_bytes(x->file, l->rows, (x->w->examples->n + 1) * 4, error) != 0)
        return -1;
    if (x->w->top_k != 0) {
        if (safetensors_put_bytes(x->file, l->first, (rows + 1) * 4, error) != 0 ||
            safetensors_put_bytes(x->file, l->ids, l->n_labels * 4, error) != 0 ||
            safetensors_put_bytes(x->file, l->logprobs, l->n_labels * 4, error) != 0)
            return -1;
    } else if (walk(x, WALK_LOGITS, error) != 0) {
        return -1;
    }
    if (x->w->n_layers != 0 && walk(x, WALK_HIDDEN, error) != 0)
        return -1;
    return safetensors_put_bytes(x->file, identity, length, error);
}

static size_t declare(const struct builder *x, struct safetensors_spec *s, size_t identity)
{
    const int64_t rows = (int64_t)rows_of(x->w->examples), labels = (int64_t)x->labels.n_labels;
    const int64_t width = (int64_t)x->w->n_layers * x->width;
    size_t n = 0;
    s[n++] = (struct safetensors_spec){"rows", DTYPE_I32, 1, {(int64_t)x->w->examples->n + 1}};
    if (x->w->top_k != 0) {
        s[n++] = (struct safetensors_spec){"first", DTYPE_I32, 1, {rows + 1}};
        s[n++] = (struct safetensors_spec){"ids", DTYPE_I32, 1, {labels}};
        s[n++] = (struct safetensors_spec){"logprobs", DTYPE_F32, 1, {labels}};
    } else {
        s[n++] = (struct safetensors_spec){"logits", DTYPE_F32, 2, {rows, x->w->common}};
    }
    if (width != 0)
        s[n++] = (struct safetensors_spec){"hidden",
                                           DTYPE_F32,
                                           2,
                                           {(int64_t)x->w->examples->n_tokens, width}};
    s[n++] = (struct safetensors_spec){"identity", DTYPE_I8, 1, {(int64_t)identity}};
    return n;
}

static size_t longest(const struct examples *e)
{
    size_t most = 0;
    for (size_t i = 0; i < e->n; i++)
        most = e->items[i].length > most ? e->items[i].length : most;
    return most;
}

int64_t cache_bytes(const struct cache_want *w)
{
    const int64_t rows = (int64_t)rows_of(w->examples);
    const int64_t one = w->top_k != 0 ? 8 * (int64_t)w->top_k + 4 : 4 * w->common;
    return rows * one + 4 * (int64_t)w->examples->n_tokens * w->width * (int64_t)w->n_layers;
}

int cache_build(const char *path, const struct cache_want *w, struct teacher *t,
                struct error *error)
{
    struct builder x = {.w = w, .t = t, .feed = FEED, .width = teacher_config(t)->hidden};
    struct safetensors_spec specs[8];
    struct buf identity = BUF_MAX(IDENTITY_MAX);
    struct json *o = identity_of(w);
    size_t floats = longest(w->examples) * w->n_layers * (size_t)x.width;
    const size_t chunk = (size_t)teacher_most(t) * (size_t)w->common;
    int status = 0;
    json_write(o, 0, &identity);
    json_free(o);
    labels_open(&x.labels, w->examples, (float)w->temperature);
    floats = w->top_k == 0 && chunk > floats ? chunk : floats;
    x.host = mem_alloc((floats + 1) * sizeof *x.host);
    if (w->top_k != 0)
        status = walk(&x, WALK_TOP, error);
    if (status == 0) {
        x.file = safetensors_create(path, specs, declare(&x, specs, identity.len), error);
        status = x.file != NULL ? put_tensors(&x, identity.data, identity.len, error) : -1;
        if (status == 0)
            status = safetensors_commit(x.file, error);
        else if (x.file != NULL)
            safetensors_abort(x.file);
    }
    labels_close(&x.labels);
    feed_free(&x.feed);
    mem_free(x.host);
    buf_free(&identity);
    return status;
}
