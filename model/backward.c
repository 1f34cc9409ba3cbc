/* Backward: layers from the last to the first one that learns, then the embedding. */
#include "model/transformer.h"

bool backward_reaches(const struct model *m, int32_t layer)
{
    if (layer > 0)
        return m->p.layers[layer - 1].learns;
    return tensor_present(m->p.embed.gradient) || tensor_present(m->p.positions.gradient) ||
           tensor_present(m->p.embed_norm.gradient);
}

/* One of a layer's two norms with all that both passes need; dx is the stream's. */
static struct norm norm_of(const struct run *r, const struct layer *layer, const struct kept *k,
                           bool second)
{
    const struct weight *scale = second ? &layer->norm2 : &layer->norm1;
    const struct weight *bias = second ? &layer->norm2_bias : &layer->norm1_bias;
    return (struct norm){.kind = r->m->config.norm,
                         .x = second ? k->mid : k->input,
                         .y = tensor_top(r->m->ws.h, r->tokens),
                         .stats = second ? k->stats2 : k->stats1,
                         .weight = scale->value,
                         .bias = bias->value,
                         .dy = tensor_top(r->m->ws.dh, r->tokens),
                         .dx = tensor_top(r->m->ws.dx, r->tokens),
                         .dweight = scale->gradient,
                         .dbias = bias->gradient,
                         .epsilon = r->m->config.norm_epsilon};
}

static void mlp_back(const struct run *r, const struct layer *layer, const struct kept *k,
                     struct tensor dx)
{
    const struct model *m = r->m;
    struct norm norm = norm_of(r, layer, k, true);
    const struct tensor act = tensor_top(m->ws.act, r->tokens);
    const struct tensor dact = tensor_top(m->ws.dact, r->tokens);
    norm.dx = dx;
    linear_backward_input(r, &layer->down, dact, dx);
    if (m->config.mlp == MLP_SWIGLU)
        m->ops->swiglu_back(m->b, k->up, act, dact);
    else
        m->ops->gelu_back(m->b, m->config.gelu, k->up, act, dact);
    linear_backward_weight(r, &layer->down, dx, act, k->low[3]);
    linear_backward_input(r, &layer->up, norm.dy, k->up);
    m->ops->norm(m->b, &norm);
    linear_backward_weight(r, &layer->up, k->up, norm.y, k->low[2]);
    m->ops->norm_back(m->b, &norm);
}

/* Through the norm of the heads: dx (a view of dqkv) gets the gradient of the raw heads x. */
static void heads_back(const struct run *r, struct tensor dx, struct tensor dy, struct tensor x,
                       struct tensor stats, const struct weight *scale)
{
    const struct model *m = r->m;
    const int64_t dim = m->config.head_dim, n = tensor_count(dy) / dim;
    const struct tensor all = tensor_reshape(m->ws.raw, 1, tensor_count(m->ws.raw));
    const struct tensor raw = tensor_reshape(tensor_cols(all, 0, n * dim), dy.rows, dy.cols);
    const struct tensor draw = tensor_reshape(tensor_cols(all, n * dim, n * dim), dy.rows, dy.cols);
    const struct norm p = {.kind = NORM_RMS,
                           .x = tensor_reshape(raw, n, dim),
                           .stats = stats,
                           .weight = scale->value,
                           .dy = tensor_reshape(dy, n, dim),
                           .dx = tensor_reshape(draw, n, dim),
                           .dweight = scale->gradient};
    m->ops->copy(m->b, raw, x);
    m->ops->zero(m->b, draw);
    m->ops->norm_back(m->b, &p);
    m->ops->copy(m->b, dx, draw);
}

void backward_attention(const struct run *r, const struct layer *layer, const struct kept *k,
                        struct tensor datt)
{
    const struct model *m = r->m;
    const struct model_config *c = &m->config;
    const int64_t q = (int64_t)c->heads * c->head_dim, kv = (int64_t)c->kv_heads * c->head_dim;
    const int64_t n = r->tokens;
    const struct tensor dqkv = tensor_top(m->ws.dqkv, n);
    const struct tensor raw[2] = {tensor_cols(dqkv, 0, q), tensor_cols(dqkv, q, kv)};
    struct attention a = r->attention;
    forward_qkv(r, layer, k, &a, true);
    a.out = k->att;
    a.lse = k->lse;
    a.dout = datt;
    a.dq = raw[0];
    a.dk = raw[1];
    a.dv = tensor_cols(dqkv, q + kv, kv);
    if (c->qk_norm) {
        const struct tensor all = tensor_reshape(m->ws.drotated, 1, tensor_count(m->ws.drotated));
        a.dq = tensor_reshape(tensor_cols(all, 0, n * q), n, q);
        a.dk = tensor_reshape(tensor_cols(all, n * q, n * kv), n, kv);
    }
    m->ops->attention_back(m->b, &a);
    forward_watch(r, layer, &a, true);
    if (c->position == POSITION_ROPE) {
        m->ops->rope(m->b, a.dq, m->rope, m->ws.positions, c->head_dim, -1);
        m->ops->rope(m->b, a.dk, m->rope, m->ws.positions, c->head_dim, -1);
    }
    if (c->qk_norm) {
        heads_back(r, raw[0], a.dq, tensor_cols(k->qkv, 0, q),
                   tensor_rows(m->ws.head_stats, 0, n * c->heads), &layer->q_norm);
        heads_back(r, raw[1], a.dk, tensor_cols(k->qkv, q, kv),
                   tensor_rows(m->ws.head_stats, n * c->heads, n * c->kv_heads), &layer->k_norm);
    }
}

/* The gradient of attention's output, from that of the layer's; ws.dx becomes that of the stream
 * before the MLP.  The last layer of a narrow pass has the gradient of its rows in ws.last. */
static void rest_back(const struct run *r, const struct layer *layer, const struct kept *whole,
                      struct tensor datt)
{
    const struct model *m = r->m;
    struct kept k = *whole;
    const struct run behind = forward_behind(r, layer, &k);
    const bool narrow = behind.tokens < r->tokens;
    const struct tensor all = tensor_reshape(m->ws.dqkv, 1, tensor_count(m->ws.dqkv));
    const struct tensor dx = tensor_top(m->ws.dx, r->tokens);
    struct tensor d = dx, through = datt; /* of the rows that go on */
    if (narrow) {
        d = tensor_top(m->ws.last, behind.tokens);
        through = tensor_reshape(tensor_cols(all, 0, behind.tokens * datt.cols), behind.tokens,
                                 datt.cols);
    }
    mlp_back(&behind, layer, &k, d);
    linear_backward_input(&behind, &layer->out, through, d);
    linear_backward_weight(&behind, &layer->out, d, k.att, k.low[1]);
    if (!narrow)
        return;
    m->ops->zero(m->b, datt);
    m->ops->scatter(m->b, datt, through, m->ws.rows, false);
    m->ops->zero(m->b, dx);
    m->ops->scatter(m->b, dx, d, m->ws.rows, false);
}

void backward_layer(const struct run *r, int32_t index, const struct kept *k)
{
    const struct model *m = r->m;
    const struct layer *layer = &m->p.layers[index];
    const struct norm norm = norm_of(r, layer, k, false);
    const struct tensor datt = tensor_top(m->ws.datt, r->tokens);
    const struct tensor dqkv = tensor_top(m->ws.dqkv, r->tokens);
    bool further;
    if (m->config.encoder) {
        encoder_layer_back(r, layer, k);
        return;
    }
    further = backward_reaches(m, index) || tensor_present(layer->norm1.gradient);
    rest_back(r, layer, k, datt);
    backward_attention(r, layer, k, datt);
    linear_backward_input(r, &layer->qkv, further ? norm.dy : TENSOR_ABSENT, dqkv);
    m->ops->norm(m->b, &norm);
    linear_backward_weight(r, &layer->qkv, dqkv, norm.y, k->low[0]);
    if (further)
        m->ops->norm_back(m->b, &norm);
}

void backward_embed(const struct run *r)
{
    const struct model *m = r->m;
    const struct tensor dx = tensor_top(m->ws.dx, r->tokens);
    if (m->config.encoder) {
        encoder_embed_back(r);
        return;
    }
    if (tensor_present(m->p.embed.gradient))
        m->ops->scatter(m->b, m->p.embed.gradient, dx, m->ws.ids, true);
    if (tensor_present(m->p.positions.gradient))
        m->ops->scatter(m->b, m->p.positions.gradient, dx, m->ws.positions, true);
}
