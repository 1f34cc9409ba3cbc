/* Structured pruning: importance, choice, and the smaller model. */
#include "model/prune.h"

#include "core/mem.h"
#include "model/transformer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- importance --------------------------------------------------------------------------- */

struct prune_scores prune_scores_new(const struct model *m)
{
    const size_t layers = (size_t)m->config.layers;
    return (struct prune_scores){.heads =
                                     mem_zero(layers * (size_t)m->config.heads, sizeof(double)),
                                 .ffn = mem_zero(layers * (size_t)m->config.ff, sizeof(double))};
}

void prune_scores_free(struct prune_scores *s)
{
    mem_free(s->heads);
    mem_free(s->ffn);
    *s = (struct prune_scores){NULL, NULL};
}

/* One matrix's worth: |w|, or w times its gradient. */
static float *worth(struct model *m, const struct weight *w, bool gradients)
{
    const size_t n = (size_t)tensor_count(w->value);
    float *x = mem_alloc(n * sizeof *x), *g;
    m->ops->download(m->b, w->value, x, DTYPE_F32);
    if (!gradients) {
        for (size_t i = 0; i < n; i++)
            x[i] = fabsf(x[i]);
        return x;
    }
    g = mem_alloc(n * sizeof *g);
    m->ops->download(m->b, w->gradient, g, DTYPE_F32);
    for (size_t i = 0; i < n; i++)
        x[i] *= g[i];
    mem_free(g);
    return x;
}

/* out[i] += the sum over `n` rows (or columns) from first + i * n of x [rows, cols]. */
struct slab {
    const float *x;
    int64_t rows, cols, first, n, count;
    bool columns;
};

static void add_slabs(const struct slab *s, double *out)
{
    for (int64_t i = 0; i < s->count; i++) {
        const int64_t from = s->first + i * s->n;
        double sum = 0;
        for (int64_t a = from; a < from + s->n; a++)
            for (int64_t b = 0; b < (s->columns ? s->rows : s->cols); b++)
                sum += (double)(s->columns ? s->x[b * s->cols + a] : s->x[a * s->cols + b]);
        out[i] += sum;
    }
}

/* Keys and values belong to all heads of their group. */
static void add_groups(const struct model_config *c, const float *qkv, double *heads)
{
    const int64_t q = (int64_t)c->heads * c->head_dim, kv = (int64_t)c->kv_heads * c->head_dim;
    const int32_t each = c->heads / c->kv_heads;
    double *groups = mem_zero((size_t)c->kv_heads, sizeof *groups);
    struct slab s = {qkv, q + 2 * kv, c->hidden, q, c->head_dim, c->kv_heads, false};
    add_slabs(&s, groups);
    s.first = q + kv;
    add_slabs(&s, groups);
    for (int32_t h = 0; h < c->heads; h++)
        heads[h] += groups[h / each] / each;
    mem_free(groups);
}

static void score_layer(struct model *m, int32_t layer, bool gradients, struct prune_scores *s)
{
    const struct model_config *c = &m->config;
    const struct layer *y = &m->p.layers[layer];
    const int64_t q = (int64_t)c->heads * c->head_dim, ff = c->ff, h = c->hidden;
    double *heads = mem_zero((size_t)c->heads, sizeof *heads);
    double *ffn = mem_zero((size_t)ff, sizeof *ffn);
    float *qkv = worth(m, &y->qkv.w, gradients), *out = worth(m, &y->out.w, gradients);
    float *up = worth(m, &y->up.w, gradients), *down = worth(m, &y->down.w, gradients);
    add_slabs(&(struct slab){qkv, y->qkv.w.value.rows, h, 0, c->head_dim, c->heads, false}, heads);
    add_slabs(&(struct slab){out, h, q, 0, c->head_dim, c->heads, true}, heads);
    add_groups(c, qkv, heads);
    for (int64_t first = 0; first < y->up.w.value.rows; first += ff)
        add_slabs(&(struct slab){up, y->up.w.value.rows, h, first, 1, ff, false}, ffn);
    add_slabs(&(struct slab){down, h, ff, 0, 1, ff, true}, ffn);
    for (int32_t i = 0; i < c->heads; i++)
        s->heads[layer * c->heads + i] += fabs(heads[i]);
    for (int64_t i = 0; i < ff; i++)
        s->ffn[layer * ff + i] += fabs(ffn[i]);
    mem_free(heads);
    mem_free(ffn);
    mem_free(qkv);
    mem_free(out);
    mem_free(up);
    mem_free(down);
}

void prune_scores_weights(struct model *m, struct prune_scores *s)
{
    for (int32_t i = 0; i < m->config.layers; i++)
        score_layer(m, i, false, s);
}

void prune_scores_gradients(struct model *m, struct prune_scores *s)
{
    for (int32_t i = 0; i < m->config.layers; i++)
        score_layer(m, i, true, s);
}

/* --- choice ------------------------------------------------------------------------------- */

struct ranked {
    double score;
    int32_t index;
};

static int by_score(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

static int by_index(const void *a, const void *b)
{
    const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* The `keep` best of n, in ascending order, each moved by `base`. */
static void choose(const double *scores, int32_t n, int32_t keep, int32_t base, int32_t *out)
{
    struct ranked *r = mem_alloc((size_t)n * sizeof *r);
    for (int32_t i = 0; i < n; i++)
        r[i] = (struct ranked){scores[i], i};
    qsort(r, (size_t)n, sizeof *r, by_score);
    for (int32_t i = 0; i < keep; i++)
        out[i] = base + r[i].index;
    qsort(out, (size_t)keep, sizeof *out, by_index);
    mem_free(r);
}

/* How many of n stay when a share goes: at least one. */
static int32_t staying(int32_t n, double share)
{
    const int32_t out = (int32_t)lround(share * n);
    return out >= n ? 1 : n - out;
}

/* Heads that stay: whole groups go where that comes nearest to what is asked, else so many heads
 * of each group. */
static void plan_heads(const struct model_config *c, double share, int32_t *groups, int32_t *each)
{
    const int32_t per = c->heads / c->kv_heads;
    *groups = staying(c->kv_heads, share);
    *each = per;
    if (per > 1 && fabs((double)*groups / c->kv_heads - (1 - share)) >
                       fabs((double)staying(per, share) / per - (1 - share))) {
        *groups = c->kv_heads;
        *each = staying(per, share);
    }
}

/* The groups and the heads of one layer that stay. */
static void choose_heads(const struct model_config *c, const double *scores, int32_t groups,
                         int32_t each, int32_t *kept_groups, int32_t *kept_heads)
{
    const int32_t per = c->heads / c->kv_heads;
    double *sums = mem_zero((size_t)c->kv_heads, sizeof *sums);
    for (int32_t h = 0; h < c->heads; h++)
        sums[h / per] += scores[h];
    choose(sums, c->kv_heads, groups, 0, kept_groups);
    for (int32_t g = 0; g < groups; g++)
        choose(scores + kept_groups[g] * per, per, each, kept_groups[g] * per,
               kept_heads + g * each);
    mem_free(sums);
}

/* --- the smaller model -------------------------------------------------------------------- */

/* Rows and columns of a linear layer that stay; NULL: all. */
struct stay {
    const int32_t *rows, *cols;
    int64_t n_rows, n_cols;
};

static void move_matrix(struct model *to, struct tensor small, struct model *from,
                        struct tensor large, const struct stay *s)
{
    float *x = mem_alloc((size_t)tensor_count(large) * sizeof *x);
    float *y = mem_alloc((size_t)tensor_count(small) * sizeof *y);
    from->ops->download(from->b, large, x, DTYPE_F32);
    for (int64_t i = 0; i < small.rows; i++)
        for (int64_t k = 0; k < small.cols; k++)
            y[i * small.cols + k] = x[(s->rows != NULL ? s->rows[i] : i) * large.cols +
                                      (s->cols != NULL ? s->cols[k] : k)];
    to->ops->upload(to->b, small, y, DTYPE_F32);
    mem_free(x);
    mem_free(y);
}

static void move_linear(struct model *to, const struct linear *small, struct model *from,
                        const struct linear *large, const struct stay *s)
{
    const struct stay bias = {NULL, s->rows, 1, s->n_rows};
    move_matrix(to, small->w.value, from, large->w.value, s);
    if (tensor_present(small->bias.value))
        move_matrix(to, small->bias.value, from, large->bias.value, &bias);
}

/* Rows of the q, k and v of the heads and groups that stay. */
static int64_t rows_of_heads(const struct model_config *c, const int32_t *heads, int32_t n,
                             const int32_t *groups, int32_t n_groups, int32_t *out)
{
    const int32_t d = c->head_dim, q = c->heads * d, kv = c->kv_heads * d;
    int64_t at = 0;
    for (int32_t i = 0; i < n; i++)
        for (int32_t k = 0; k < d; k++)
            out[at++] = heads[i] * d + k;
    for (int part = 0; part < 2; part++)
        for (int32_t i = 0; i < n_groups; i++)
            for (int32_t k = 0; k < d; k++)
                out[at++] = q + part * kv + groups[i] * d + k;
    return at;
}

static void move_attention(struct model *to, struct model *from, int32_t layer,
                           const struct prune_scores *s)
{
    const struct model_config *c = &from->config, *n = &to->config;
    const struct layer *small = &to->p.layers[layer], *large = &from->p.layers[layer];
    int32_t *groups = mem_alloc((size_t)c->kv_heads * sizeof *groups);
    int32_t *heads = mem_alloc((size_t)c->heads * sizeof *heads);
    int32_t *rows = mem_alloc((size_t)large->qkv.w.value.rows * sizeof *rows);
    int64_t count;
    choose_heads(c, s->heads + layer * c->heads, n->kv_heads, n->heads / n->kv_heads, groups,
                 heads);
    count = rows_of_heads(c, heads, n->heads, groups, n->kv_heads, rows);
    move_linear(to, &small->qkv, from, &large->qkv, &(struct stay){rows, NULL, count, 0});
    move_linear(to, &small->out, from, &large->out,
                &(struct stay){NULL, rows, 0, (int64_t)n->heads * n->head_dim});
    mem_free(groups);
    mem_free(heads);
    mem_free(rows);
}

static void move_mlp(struct model *to, struct model *from, int32_t layer,
                     const struct prune_scores *s)
{
    const int32_t ff = from->config.ff, keep = to->config.ff;
    const struct layer *small = &to->p.layers[layer], *large = &from->p.layers[layer];
    const int64_t rows = small->up.w.value.rows;
    int32_t *kept = mem_alloc((size_t)rows * sizeof *kept);
    choose(s->ffn + (int64_t)layer * ff, ff, keep, 0, kept);
    for (int64_t i = keep; i < rows; i++)
        kept[i] = kept[i - keep] + ff;
    move_linear(to, &small->up, from, &large->up, &(struct stay){kept, NULL, rows, 0});
    move_linear(to, &small->down, from, &large->down, &(struct stay){NULL, kept, 0, keep});
    mem_free(kept);
}

/* Everything whose shape is the same. */
static void move_rest(struct model *to, struct model *from)
{
    const struct stay all = {NULL, NULL, 0, 0};
    for (size_t i = 0; i < to->layout.n_units; i++) {
        const struct layout_unit *u = &to->layout.units[i], *v = &from->layout.units[i];
        const bool vector = u->dims == 1 && u->cols == v->cols;
        if (u->layer < 0 || vector)
            move_matrix(to, u->slot->value, from, v->slot->value, &all);
    }
}

/* What config.json calls the numbers that change; NULL: it has no word for it. */
static int name_shape(struct model_config *c, const struct prune *p, struct error *error)
{
    const bool gpt2 = strcmp(c->arch->model_type, "gpt2") == 0;
    if (p->heads > 0 && c->position == POSITION_LEARNED)
        return error_set(error, ERROR_INPUT,
                         "%s: its config.json has no head_dim, so a model with fewer heads could "
                         "not be loaded; prune ffn only",
                         c->arch->model_type);
    if (!gpt2 && c->position == POSITION_ROPE) {
        json_put_integer(c->source, "num_attention_heads", c->heads);
        json_put_integer(c->source, "num_key_value_heads", c->kv_heads);
        json_put_integer(c->source, "head_dim", c->head_dim);
    }
    json_put_integer(c->source, gpt2 ? "n_inner" : "intermediate_size", c->ff);
    return 0;
}

struct model *prune_structure(struct model *m, const struct prune *p, const struct prune_scores *s,
                              struct prune_result *r, struct error *error)
{
    const struct model_options o = {.backend = m->options.backend, .pool = m->options.pool};
    struct model_config c = config_copy(&m->config);
    struct model *small = NULL;
    int32_t each = c.heads / c.kv_heads;
    if (p->heads > 0) {
        plan_heads(&m->config, p->heads, &c.kv_heads, &each);
        c.heads = c.kv_heads * each;
    }
    c.ff = staying(c.ff, p->ffn);
    *r = (struct prune_result){.heads = c.heads, .kv_heads = c.kv_heads, .ffn = c.ff};
    if (name_shape(&c, p, error) == 0)
        small = model_random(&c, &o, error);
    for (int32_t i = 0; small != NULL && i < c.layers; i++) {
        move_attention(small, m, i, s);
        move_mlp(small, m, i, s);
    }
    if (small != NULL)
        move_rest(small, m);
    config_clear(&c);
    return small;
}
