/*
 * Encoders: layers with the norm behind each part (Devlin et al. 2018), and their embedding.
 *
 *     a = LayerNorm(x + attention(x))        k->mid holds the sum, ws.h the norm
 *     y = LayerNorm(a + mlp(a))              k->sum holds the sum
 */
#include "model/transformer.h"

/* The first or the second norm of a layer, from the kept sum into y. */
static struct norm norm_of(const struct run *r, const struct layer *layer, const struct kept *k,
                           bool second, struct tensor y)
{
    const struct weight *scale = second ? &layer->norm2 : &layer->norm1;
    const struct weight *bias = second ? &layer->norm2_bias : &layer->norm1_bias;
    return (struct norm){.kind = NORM_LAYER,
                         .x = second ? k->sum : k->mid,
                         .y = y,
                         .stats = second ? k->stats2 : k->stats1,
                         .weight = scale->value,
                         .bias = bias->value,
                         .dweight = scale->gradient,
                         .dbias = bias->gradient,
                         .epsilon = r->m->config.norm_epsilon};
}

void encoder_layer(const struct run *r, const struct layer *layer, const struct kept *k,
                   struct tensor out)
{
    const struct model *m = r->m;
    const struct tensor h = tensor_top(m->ws.h, r->tokens), act = tensor_top(m->ws.act, r->tokens);
    struct attention a = r->attention;
    struct norm p = norm_of(r, layer, k, false, h);
    linear_forward(r, &layer->qkv, k->qkv, k->input, k->low[0], false);
    forward_qkv(r, layer, k, &a, false);
    a.out = k->att;
    a.lse = k->lse;
    m->ops->attention(m->b, &a);
    if (tensor_present(out))
        forward_watch(r, layer, &a, false);
    m->ops->copy(m->b, k->mid, k->input);
    linear_forward(r, &layer->out, k->mid, k->att, k->low[1], true);
    m->ops->norm(m->b, &p);
    linear_forward(r, &layer->up, k->up, h, k->low[2], false);
    m->ops->gelu(m->b, m->config.gelu, act, k->up);
    m->ops->copy(m->b, k->sum, h);
    linear_forward(r, &layer->down, k->sum, act, k->low[3], true);
    p = norm_of(r, layer, k, true, tensor_present(out) ? out : h);
    m->ops->norm(m->b, &p);
}

/* dy becomes the gradient of the norm's input, through the scratch. */
static void norm_back(const struct run *r, struct norm p, struct tensor dy, struct tensor dx)
{
    const struct model *m = r->m;
    p.dy = dy;
    p.dx = dx;
    m->ops->zero(m->b, dx);
    m->ops->norm_back(m->b, &p);
}

void encoder_layer_back(const struct run *r, const struct layer *layer, const struct kept *k)
{
    const struct model *m = r->m;
    const struct tensor dx = tensor_top(m->ws.dx, r->tokens), h = tensor_top(m->ws.h, r->tokens);
    const struct tensor dh = tensor_top(m->ws.dh, r->tokens);
    const struct tensor act = tensor_top(m->ws.act, r->tokens);
    const struct tensor dact = tensor_top(m->ws.dact, r->tokens);
    const struct tensor datt = tensor_top(m->ws.datt, r->tokens);
    const struct tensor dqkv = tensor_top(m->ws.dqkv, r->tokens);
    const struct norm first = norm_of(r, layer, k, false, h);
    norm_back(r, norm_of(r, layer, k, true, h), dx, dh);
    linear_backward_input(r, &layer->down, dact, dh);
    m->ops->gelu_back(m->b, m->config.gelu, k->up, act, dact);
    linear_backward_weight(r, &layer->down, dh, act, k->low[3]);
    linear_backward_input(r, &layer->up, dx, k->up);
    m->ops->norm(m->b, &first);
    linear_backward_weight(r, &layer->up, k->up, h, k->low[2]);
    m->ops->add(m->b, dx, dh);
    norm_back(r, first, dx, dh);
    linear_backward_input(r, &layer->out, datt, dh);
    linear_backward_weight(r, &layer->out, dh, k->att, k->low[1]);
    backward_attention(r, layer, k, datt);
    linear_backward_input(r, &layer->qkv, dx, dqkv);
    linear_backward_weight(r, &layer->qkv, dqkv, k->input, k->low[0]);
    m->ops->add(m->b, dx, dh);
}

/* --- the embedding: word + position + type, normed ----------------------------------------- */

static struct norm embed_norm(const struct run *r, struct tensor y)
{
    const struct model *m = r->m;
    return (struct norm){.kind = NORM_LAYER,
                         .x = tensor_top(m->ws.embedded, r->tokens),
                         .y = y,
                         .stats = tensor_top(m->ws.embed_stats, r->tokens),
                         .weight = m->p.embed_norm.value,
                         .bias = m->p.embed_bias.value,
                         .dweight = m->p.embed_norm.gradient,
                         .dbias = m->p.embed_bias.gradient,
                         .epsilon = m->config.norm_epsilon};
}

static void add_table(const struct run *r, struct tensor x, const struct weight *table,
                      struct tensor rows)
{
    const struct model *m = r->m;
    const struct tensor h = tensor_top(m->ws.h, x.rows);
    if (!tensor_present(table->value))
        return;
    m->ops->gather(m->b, h, table->value, rows);
    m->ops->add(m->b, x, h);
}

void encoder_embed(const struct run *r, struct tensor x)
{
    const struct model *m = r->m;
    const struct norm p = embed_norm(r, x);
    m->ops->gather(m->b, p.x, m->p.embed.value, m->ws.ids);
    add_table(r, p.x, &m->p.positions, m->ws.positions);
    add_table(r, p.x, &m->p.types, m->ws.types);
    m->ops->norm(m->b, &p);
}

void encoder_embed_back(const struct run *r)
{
    const struct model *m = r->m;
    const struct tensor dx = tensor_top(m->ws.dx, r->tokens), h = tensor_top(m->ws.h, r->tokens);
    const struct tensor dh = tensor_top(m->ws.dh, r->tokens);
    norm_back(r, embed_norm(r, h), dx, dh);
    if (tensor_present(m->p.embed.gradient))
        m->ops->scatter(m->b, m->p.embed.gradient, dh, m->ws.ids, true);
    if (tensor_present(m->p.positions.gradient))
        m->ops->scatter(m->b, m->p.positions.gradient, dh, m->ws.positions, true);
    if (tensor_present(m->p.types.gradient))
        m->ops->scatter(m->b, m->p.types.gradient, dh, m->ws.types, true);
}

/* --- the head ------------------------------------------------------------------------------- */

/* ws.hn gets what the classifier reads of the rows that ws.rows names: the hidden states, or, of
 * sequences, their pooled form. */
void encoder_gather(const struct run *r, int64_t rows)
{
    struct model *m = r->m;
    const bool pooled = tensor_present(m->p.pooler.w.value);
    const struct tensor hs = tensor_rows(m->ws.hs, 0, rows), hn = tensor_rows(m->ws.hn, 0, rows);
    m->ops->gather(m->b, pooled ? hs : hn, tensor_top(m->ws.last, r->tokens), m->ws.rows);
    if (!pooled)
        return;
    linear_forward(r, &m->p.pooler, hn, hs, TENSOR_ABSENT, false);
    m->ops->activate(m->b, m->config.pool, hn);
}

/* From the gradients of ws.hn, in ws.dhn, to that of the stream. */
void encoder_spread(const struct run *r)
{
    struct model *m = r->m;
    const int64_t n = r->supervised;
    const bool pooled = tensor_present(m->p.pooler.w.value);
    const struct tensor dx = tensor_top(m->ws.dx, r->tokens);
    const struct tensor hs = tensor_rows(m->ws.hs, 0, n), hn = tensor_rows(m->ws.hn, 0, n);
    const struct tensor dhn = tensor_rows(m->ws.dhn, 0, n);
    if (pooled) {
        m->ops->activate_back(m->b, m->config.pool, dhn, hn);
        linear_backward_input(r, &m->p.pooler, hn, dhn); /* hn is used up */
        linear_backward_weight(r, &m->p.pooler, dhn, hs, TENSOR_ABSENT);
    }
    m->ops->zero(m->b, dx);
    m->ops->scatter(m->b, dx, pooled ? hn : dhn, m->ws.rows, false);
}
