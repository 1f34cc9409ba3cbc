/* Passes and steps. */
#include "model/transformer.h"

#include <math.h>
#include <string.h>

static int check_segments(const struct model *m, const struct batch *b, struct error *error)
{
    if (b->tokens < 1 || b->segments < 1 || b->starts[0] != 0 ||
        b->starts[b->segments] != b->tokens)
        return error_set(error, ERROR_FAILED, "a batch whose segments do not cover its tokens");
    for (int32_t s = 0; s < b->segments; s++) {
        const int32_t n = b->starts[s + 1] - b->starts[s];
        if (n < 0 || b->starts[s + 1] > b->tokens)
            return error_set(error, ERROR_FAILED, "a batch whose segments overlap");
        if (m->config.position == POSITION_LEARNED &&
            n > m->config.positions - m->config.first_position)
            return error_set(error, ERROR_INPUT,
                             "a sequence of %d tokens; this model has positions for %d (make "
                             "train.max_length smaller)",
                             (int)n, (int)(m->config.positions - m->config.first_position));
    }
    return 0;
}

static int check_batch(const struct model *m, const struct batch *b, struct error *error)
{
    if (check_segments(m, b, error) != 0)
        return -1;
    for (int32_t i = 0; i < b->tokens; i++)
        if (b->ids[i] < 0 || b->ids[i] >= m->config.vocab)
            return error_set(error, ERROR_INPUT,
                             "token id %d; the model's vocabulary has %d (is this tokenizer the "
                             "model's own?)",
                             (int)b->ids[i], (int)m->config.vocab);
    for (int32_t i = 0; i < b->supervised; i++) {
        if (b->rows[i] < 0 || b->rows[i] >= b->tokens || (i > 0 && b->rows[i] <= b->rows[i - 1]))
            return error_set(error, ERROR_FAILED, "supervised rows that do not ascend");
        if (b->targets[i] < 0 || b->targets[i] >= config_classes(&m->config))
            return error_set(error, ERROR_INPUT, "target id %d; the model's vocabulary has %d",
                             (int)b->targets[i], (int)config_classes(&m->config));
    }
    for (int32_t i = 0; b->types != NULL && i < b->tokens; i++)
        if (b->types[i] < 0 || b->types[i] >= (m->config.types > 0 ? m->config.types : 1))
            return error_set(error, ERROR_INPUT, "token type %d; the model has %d",
                             (int)b->types[i], (int)m->config.types);
    return 0;
}

static int32_t longest_of(const struct batch *b)
{
    int32_t longest = 0;
    for (int32_t s = 0; s < b->segments; s++)
        if (b->starts[s + 1] - b->starts[s] > longest)
            longest = b->starts[s + 1] - b->starts[s];
    return longest;
}

int model_reserve(struct model *m, const struct model_limits *limits, struct error *error)
{
    if (limits->backward && m->options.method == MODEL_FROZEN)
        return error_set(error, ERROR_USAGE, "a frozen model has no backward pass");
    return workspace_reserve(m, limits, error);
}

static struct run start(struct model *m, const struct model_pass *pass)
{
    const struct model_config *c = &m->config;
    struct run r = {.m = m,
                    .pass = pass,
                    .tokens = pass->batch.tokens,
                    .supervised = pass->batch.supervised};
    if (!c->encoder && pass->watch == NULL && r.supervised < r.tokens)
        r.narrow = r.supervised;
    workspace_upload(m, &pass->batch);
    r.attention = (struct attention){.starts = m->ws.starts,
                                     .segments = pass->batch.segments,
                                     .longest = longest_of(&pass->batch),
                                     .heads = c->heads,
                                     .kv_heads = c->kv_heads,
                                     .dim = c->head_dim,
                                     .scale = 1 / sqrt((double)c->head_dim),
                                     .window = c->window,
                                     .causal = !c->encoder,
                                     .half = m->options.half};
    return r;
}

static int watch(const struct run *r, int32_t layer, struct tensor hidden, struct tensor d,
                 struct error *error)
{
    const struct model_watch *w = r->pass->watch;
    return w == NULL ? 0 : w->hidden(w->context, r->m->b, layer, hidden, d, error);
}

static int forward(const struct run *r, struct error *error)
{
    struct model *m = r->m;
    const struct tensor x = tensor_top(m->ws.layers[0].input, r->tokens);
    forward_embed(r, x);
    if (watch(r, 0, x, TENSOR_ABSENT, error) != 0)
        return -1;
    for (int32_t i = 0; i < m->config.layers; i++) {
        const struct kept k = forward_kept(r, i);
        forward_layer(r, &m->p.layers[i], &k, forward_output(r, i));
        if (watch(r, i + 1, forward_output(r, i), TENSOR_ABSENT, error) != 0)
            return -1;
    }
    return 0;
}

/* The gap behind a unit, which counts in sums over the block, may hold what was kept there. */
static void clear_gap(struct model *m, const struct layout_unit *u)
{
    const int64_t n = u->rows * u->cols, gap = -n & (LAYOUT_ALIGN - 1);
    if (m->ws.shared && gap > 0)
        m->ops->zero(m->b, tensor_cols(m->blocks.gradients, u->offset + n, gap));
}

/* Gradients that are added to by several operations begin as zeros, those of a layer (or of what
 * is outside of layers, -1) when its backward pass begins; each matrix is written by one product,
 * which overwrites in the first pass of a step. */
static void begin_gradients(struct model *m, int32_t layer, bool supervised)
{
    for (size_t i = 0; i < m->layout.n_units && m->fresh; i++) {
        const struct layout_unit *u = &m->layout.units[i];
        const bool tied = m->config.tied && !m->config.encoder;
        const bool head = u->slot == (tied ? &m->p.embed : &m->p.head) || u->slot == &m->p.pooler.w;
        const bool table =
            u->slot == &m->p.positions || u->slot == &m->p.embed || u->slot == &m->p.types;
        if (!u->trainable || u->layer != layer)
            continue;
        if (u->dims == 1 || (head ? !supervised : table))
            m->ops->zero(m->b, u->slot->gradient);
        clear_gap(m, u);
    }
}

static int backward(const struct run *r, struct error *error)
{
    struct model *m = r->m;
    const struct tensor dx = tensor_top(m->ws.dx, r->tokens);
    for (int32_t i = m->config.layers - 1; i >= 0 && m->p.layers[i].learns; i--) {
        const struct kept k = forward_kept(r, i);
        if (watch(r, i + 1, forward_output(r, i), dx, error) != 0)
            return -1;
        if (m->ws.limits.recompute)
            forward_layer(r, &m->p.layers[i], &k, TENSOR_ABSENT);
        begin_gradients(m, i, true);
        backward_layer(r, i, &k);
    }
    if (!backward_reaches(m, 0))
        return 0;
    if (watch(r, 0, tensor_top(m->ws.layers[0].input, r->tokens), dx, error) != 0)
        return -1;
    backward_embed(r);
    return 0;
}

void model_step_begin(struct model *m)
{
    m->fresh = true;
}

int model_pass(struct model *m, const struct model_pass *pass, double *loss, struct error *error)
{
    struct run r;
    int failed = 0;
    *loss = 0;
    if (pass->backward && m->options.method == MODEL_FROZEN)
        return error_set(error, ERROR_USAGE, "a frozen model has no backward pass");
    if (m->config.encoder && m->config.head == HEAD_NONE)
        return error_set(error, ERROR_USAGE, "this encoder has no head yet: a task gives it one");
    if (pass->backward && m->ws.shared && !m->fresh)
        return error_set(error, ERROR_FAILED,
                         "a second backward pass in a step that was reserved for one");
    if (check_batch(m, &pass->batch, error) != 0 ||
        workspace_need(m, &pass->batch, pass->backward, error) != 0)
        return -1;
    if (pass->batch.supervised == 0 && pass->watch == NULL)
        return 0;
    r = start(m, pass);
    r.error = error;
    r.failed = &failed;
    if (pass->backward)
        begin_gradients(m, -1, pass->batch.supervised > 0);
    if (forward(&r, error) != 0 || head_pass(&r, loss, error) != 0)
        return -1;
    if (pass->backward) {
        if (backward(&r, error) != 0)
            return -1;
        m->fresh = false;
    }
    return failed != 0 ? -1 : m->ops->sync(m->b, error);
}

int model_rows_begin(struct model *m, const struct model_pass *pass, struct error *error)
{
    struct model_pass p = *pass;
    struct run r;
    int failed = 0;
    p.backward = p.training = false;
    p.batch.targets = p.batch.rows; /* unused, and within the vocabulary only by accident */
    p.batch.supervised = 0;
    if (check_batch(m, &p.batch, error) != 0)
        return -1;
    p.batch.supervised = pass->batch.supervised;
    if (workspace_need(m, &p.batch, false, error) != 0)
        return -1;
    r = start(m, &p);
    r.error = error;
    r.failed = &failed;
    if (forward(&r, error) != 0 || failed != 0)
        return -1;
    head_gather(&r, p.batch.supervised);
    return m->ops->sync(m->b, error);
}

int32_t model_rows_most(const struct model *m)
{
    return (int32_t)m->ws.logits.rows;
}

struct tensor model_rows_chunk(struct model *m, int32_t first, int32_t n)
{
    const struct tensor out = tensor_top(m->ws.logits, n);
    transformer_matmul(m, (struct matmul){.c = out,
                                          .a = tensor_rows(m->ws.hn, first, n),
                                          .b = head_weight(m).value,
                                          .tb = true,
                                          .alpha = 1});
    if (tensor_present(m->p.head_bias.value))
        m->ops->add_bias(m->b, out, m->p.head_bias.value);
    return out;
}

int model_logits(struct model *m, const struct batch *batch, const int32_t *rows, int32_t n_rows,
                 float *logits, struct error *error)
{
    struct model_pass pass = {.batch = *batch};
    pass.batch.rows = rows;
    pass.batch.supervised = n_rows;
    if (model_rows_begin(m, &pass, error) != 0)
        return -1;
    for (int32_t at = 0, step = model_rows_most(m); at < n_rows; at += step) {
        const int32_t n = n_rows - at < step ? n_rows - at : step;
        m->ops->download(m->b, model_rows_chunk(m, at, n),
                         logits + (int64_t)at * config_classes(&m->config), DTYPE_F32);
    }
    return m->ops->sync(m->b, error);
}

static void settle(struct model *m)
{
    if (m->fresh && tensor_present(m->blocks.gradients))
        m->ops->zero(m->b, m->blocks.gradients);
    /* Without a gradient, moments stay zero, and AdamW leaves a zero as it is. */
    if (tensor_present(m->mask))
        m->ops->multiply(m->b, m->blocks.gradients, m->mask);
    m->fresh = false;
}

double model_gradient_norm(struct model *m)
{
    if (!tensor_present(m->blocks.gradients))
        return 0;
    settle(m);
    return sqrt(m->ops->sum_squares(m->b, m->blocks.gradients));
}

void model_adamw(struct model *m, struct tensor first, struct tensor second,
                 const struct adamw *how)
{
    struct adamw all = *how;
    if (!tensor_present(m->blocks.values))
        return;
    settle(m);
    all.decayed = m->layout.decayed;
    m->ops->adamw(m->b, m->blocks.values, m->blocks.gradients, first, second, &all);
}
