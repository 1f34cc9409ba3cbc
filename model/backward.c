/* Backward: layers from the last to the first one that learns, then the embedding. */
#include "model/transformer.h"

bool backward_reaches(const struct model *m, int32_t layer)
{
    if (layer > 0)
        return m->p.layers[layer - 1].learns;
    return tensor_present(m->p.embed.gradient) || tensor_present(m->p.positions.gradient);
}

/* dx accumulates the gradient through the norm; the norm's own gradients too. */
static void norm_back(const struct run *r, struct tensor dx, struct tensor dy, struct tensor x,
                      struct tensor stats, const struct weight *scale, const struct weight *bias)
{
    const struct model *m = r->m;
    const struct tensor both[2] = {scale->gradient, bias->gradient};
    m->ops->norm_back(m->b, m->config.norm, dx, both, dy, x, stats, scale->value);
}

static void norm_again(const struct run *r, struct tensor y, struct tensor stats, struct tensor x,
                       const struct weight *scale, const struct weight *bias)
{
    const struct model *m = r->m;
    const struct tensor both[2] = {scale->value, bias->value};
    m->ops->norm(m->b, m->config.norm, y, stats, x, both, m->config.norm_epsilon);
}

static void mlp_back(const struct run *r, const struct layer *layer, const struct kept *k,
                     struct tensor dx)
{
    const struct model *m = r->m;
    const struct tensor h = first_rows(m->ws.h, r->tokens), dh = first_rows(m->ws.dh, r->tokens);
    const struct tensor act = first_rows(m->ws.act, r->tokens);
    const struct tensor dact = first_rows(m->ws.dact, r->tokens);
    linear_backward_input(r, &layer->down, dact, dx);
    if (m->config.mlp == MLP_SWIGLU)
        m->ops->swiglu_back(m->b, k->up, act, dact);
    else
        m->ops->gelu_back(m->b, m->config.gelu, k->up, act, dact);
    linear_backward_weight(r, &layer->down, dx, act, k->low[3]);
    linear_backward_input(r, &layer->up, dh, k->up);
    norm_again(r, h, k->stats2, k->mid, &layer->norm2, &layer->norm2_bias);
    linear_backward_weight(r, &layer->up, k->up, h, k->low[2]);
    norm_back(r, dx, dh, k->mid, k->stats2, &layer->norm2, &layer->norm2_bias);
}

/* Through the norm of the heads: dx (a view of dqkv) gets the gradient of the raw heads x. */
static void heads_back(const struct run *r, struct tensor dx, struct tensor dy, struct tensor x,
                       struct tensor stats, const struct weight *scale)
{
    const struct model *m = r->m;
    const struct tensor both[2] = {scale->gradient, TENSOR_ABSENT};
    const int64_t dim = m->config.head_dim, n = tensor_count(dy) / dim;
    const struct tensor all = tensor_reshape(m->ws.raw, 1, tensor_count(m->ws.raw));
    const struct tensor raw = tensor_reshape(tensor_cols(all, 0, n * dim), dy.rows, dy.cols);
    const struct tensor draw = tensor_reshape(tensor_cols(all, n * dim, n * dim), dy.rows, dy.cols);
    m->ops->copy(m->b, raw, x);
    m->ops->zero(m->b, draw);
    m->ops->norm_back(m->b, NORM_RMS, tensor_reshape(draw, n, dim), both,
                      tensor_reshape(dy, n, dim), tensor_reshape(raw, n, dim), stats, scale->value);
    m->ops->copy(m->b, dx, draw);
}

/* ws.dqkv from the gradient of attention's output. */
static void attention_back(const struct run *r, const struct layer *layer, const struct kept *k,
                           struct tensor datt)
{
    const struct model *m = r->m;
    const struct model_config *c = &m->config;
    const int64_t q = (int64_t)c->heads * c->head_dim, kv = (int64_t)c->kv_heads * c->head_dim;
    const int64_t n = r->tokens;
    const struct tensor dqkv = first_rows(m->ws.dqkv, n);
    struct tensor qkv[3],
        d[3] = {tensor_cols(dqkv, 0, q), tensor_cols(dqkv, q, kv), tensor_cols(dqkv, q + kv, kv)};
    const struct tensor raw[2] = {d[0], d[1]};
    forward_qkv(r, layer, k, qkv, true);
    if (c->qk_norm) {
        const struct tensor all = tensor_reshape(m->ws.drotated, 1, tensor_count(m->ws.drotated));
        d[0] = tensor_reshape(tensor_cols(all, 0, n * q), n, q);
        d[1] = tensor_reshape(tensor_cols(all, n * q, n * kv), n, kv);
    }
    m->ops->attention_back(m->b, &r->attention, d, datt, k->att, k->lse, qkv);
    if (c->position == POSITION_ROPE) {
        m->ops->rope(m->b, d[0], m->rope, m->ws.positions, c->head_dim, -1);
        m->ops->rope(m->b, d[1], m->rope, m->ws.positions, c->head_dim, -1);
    }
    if (c->qk_norm) {
        heads_back(r, raw[0], d[0], tensor_cols(k->qkv, 0, q),
                   tensor_rows(m->ws.head_stats, 0, n * c->heads), &layer->q_norm);
        heads_back(r, raw[1], d[1], tensor_cols(k->qkv, q, kv),
                   tensor_rows(m->ws.head_stats, n * c->heads, n * c->kv_heads), &layer->k_norm);
    }
}

void backward_layer(const struct run *r, int32_t index, const struct kept *k)
{
    const struct model *m = r->m;
    const struct layer *layer = &m->p.layers[index];
    const struct tensor dx = first_rows(m->ws.dx, r->tokens);
    const struct tensor h = first_rows(m->ws.h, r->tokens), dh = first_rows(m->ws.dh, r->tokens);
    const struct tensor datt = first_rows(m->ws.datt, r->tokens);
    const struct tensor dqkv = first_rows(m->ws.dqkv, r->tokens);
    const bool further = backward_reaches(m, index) || tensor_present(layer->norm1.gradient);
    mlp_back(r, layer, k, dx);
    linear_backward_input(r, &layer->out, datt, dx);
    linear_backward_weight(r, &layer->out, dx, k->att, k->low[1]);
    attention_back(r, layer, k, datt);
    linear_backward_input(r, &layer->qkv, further ? dh : TENSOR_ABSENT, dqkv);
    norm_again(r, h, k->stats1, k->input, &layer->norm1, &layer->norm1_bias);
    linear_backward_weight(r, &layer->qkv, dqkv, h, k->low[0]);
    if (further)
        norm_back(r, dx, dh, k->input, k->stats1, &layer->norm1, &layer->norm1_bias);
}

void backward_embed(const struct run *r)
{
    const struct model *m = r->m;
    const struct tensor dx = first_rows(m->ws.dx, r->tokens);
    if (tensor_present(m->p.embed.gradient))
        m->ops->scatter(m->b, m->p.embed.gradient, dx, m->ws.ids, true);
    if (tensor_present(m->p.positions.gradient))
        m->ops->scatter(m->b, m->p.positions.gradient, dx, m->ws.positions, true);
}
