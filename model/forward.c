/* Forward: embedding and layers. */
#include "model/transformer.h"

#include <math.h>

/* What layer i keeps, as views of this pass's tokens. */
struct kept forward_kept(const struct run *r, int32_t i)
{
    struct kept k = r->m->ws.layers[i];
    const int64_t n = r->tokens;
    k.input = tensor_top(k.input, n);
    k.stats1 = tensor_top(k.stats1, n);
    k.qkv = tensor_top(k.qkv, n);
    k.lse = tensor_top(k.lse, n);
    k.att = tensor_top(k.att, n);
    k.mid = tensor_top(k.mid, n);
    k.stats2 = tensor_top(k.stats2, n);
    k.up = tensor_top(k.up, n);
    k.sum = tensor_top(k.sum, n);
    for (int a = 0; a < 4; a++)
        k.low[a] = tensor_top(k.low[a], n);
    return k;
}

struct tensor forward_output(const struct run *r, int32_t layer)
{
    struct model *m = r->m;
    if (layer + 1 < m->config.layers)
        return tensor_top(m->ws.layers[layer + 1].input, r->tokens);
    return tensor_top(m->ws.last, r->narrow > 0 ? r->narrow : r->tokens);
}

struct run forward_behind(const struct run *r, const struct layer *layer, struct kept *k)
{
    struct model *m = r->m;
    struct run behind = *r;
    const struct tensor att = k->att;
    if (r->narrow == 0 || layer != &m->p.layers[m->config.layers - 1])
        return behind;
    behind.tokens = r->narrow;
    k->mid = tensor_top(k->mid, r->narrow);
    k->stats2 = tensor_top(k->stats2, r->narrow);
    k->up = tensor_top(k->up, r->narrow);
    for (int a = 1; a < 4; a++)
        k->low[a] = tensor_top(k->low[a], r->narrow);
    k->att = tensor_top(m->ws.narrow, r->narrow);
    m->ops->gather(m->b, k->att, att, m->ws.rows);
    return behind;
}

/* NEFTune (Jain et al. 2023): uniform noise of magnitude alpha / sqrt(length * hidden). */
static void add_noise(const struct run *r, struct tensor x)
{
    const struct batch *batch = &r->pass->batch;
    for (int32_t s = 0; s < batch->segments; s++) {
        const int32_t from = batch->starts[s], n = batch->starts[s + 1] - from;
        const double magnitude = r->pass->neftune / sqrt((double)n * (double)x.cols);
        const uint64_t seed_stream[2] = {r->pass->seed,
                                         (uint64_t)1 << 63 | r->pass->stream << 24 | (uint64_t)s};
        if (n > 0)
            r->m->ops->noise(r->m->b, tensor_rows(x, from, n), magnitude, seed_stream);
    }
}

void forward_embed(const struct run *r, struct tensor x)
{
    const struct model *m = r->m;
    if (m->config.encoder) {
        encoder_embed(r, x);
        return;
    }
    m->ops->gather(m->b, x, m->p.embed.value, m->ws.ids);
    if (tensor_present(m->p.positions.value)) {
        const struct tensor h = tensor_top(m->ws.h, x.rows);
        m->ops->gather(m->b, h, m->p.positions.value, m->ws.positions);
        m->ops->add(m->b, x, h);
    }
    if (r->pass->training && r->pass->neftune > 0)
        add_noise(r, x);
}

static void norm(const struct run *r, struct norm p)
{
    p.kind = r->m->config.norm;
    p.epsilon = r->m->config.norm_epsilon;
    r->m->ops->norm(r->m->b, &p);
}

/* Heads of x (a view of qkv), normalised each on its own, into contiguous y. */
static void norm_heads(const struct run *r, struct tensor y, struct tensor x, struct tensor stats,
                       const struct weight *scale)
{
    const struct model *m = r->m;
    const int64_t dim = m->config.head_dim;
    const struct tensor heads = tensor_reshape(y, tensor_count(y) / dim, dim);
    const struct norm p = {.kind = NORM_RMS,
                           .x = heads,
                           .y = heads,
                           .stats = stats,
                           .weight = scale->value,
                           .epsilon = m->config.norm_epsilon};
    m->ops->copy(m->b, y, x);
    m->ops->norm(m->b, &p);
}

void forward_qkv(const struct run *r, const struct layer *layer, const struct kept *k,
                 struct attention *a, bool again)
{
    const struct model *m = r->m;
    const struct model_config *c = &m->config;
    const int64_t q = (int64_t)c->heads * c->head_dim, kv = (int64_t)c->kv_heads * c->head_dim;
    const int64_t n = k->qkv.rows;
    a->q = tensor_cols(k->qkv, 0, q);
    a->k = tensor_cols(k->qkv, q, kv);
    a->v = tensor_cols(k->qkv, q + kv, kv);
    if (c->qk_norm) {
        const struct tensor all = tensor_reshape(m->ws.rotated, 1, tensor_count(m->ws.rotated));
        const struct tensor rq = tensor_reshape(tensor_cols(all, 0, n * q), n, q);
        const struct tensor rk = tensor_reshape(tensor_cols(all, n * q, n * kv), n, kv);
        norm_heads(r, rq, a->q, tensor_rows(m->ws.head_stats, 0, n * c->heads), &layer->q_norm);
        norm_heads(r, rk, a->k, tensor_rows(m->ws.head_stats, n * c->heads, n * c->kv_heads),
                   &layer->k_norm);
        a->q = rq;
        a->k = rk;
    } else if (again) {
        return; /* rotated in place the first time */
    }
    if (c->position == POSITION_ROPE) {
        m->ops->rope(m->b, a->q, m->rope, m->ws.positions, c->head_dim, 1);
        m->ops->rope(m->b, a->k, m->rope, m->ws.positions, c->head_dim, 1);
    }
}

/* Among the tokens of the pass, or after joining the cache, among all of their sequences. */
static void attend(const struct run *r, int32_t layer, struct attention *a, const struct kept *k)
{
    const struct model *m = r->m;
    const struct cache *c = r->cache;
    a->out = k->att;
    a->lse = k->lse;
    if (c == NULL) {
        m->ops->attention(m->b, a);
        return;
    }
    m->ops->attention_cached(m->b, &(struct attention_cached){.q = a->q,
                                                              .out = k->att,
                                                              .k = a->k,
                                                              .v = a->v,
                                                              .keys = c->keys[layer],
                                                              .values = c->values[layer],
                                                              .slot_rows = c->slot_rows,
                                                              .head_rows = c->head_rows,
                                                              .slots = c->slots,
                                                              .positions = c->positions,
                                                              .heads = a->heads,
                                                              .kv_heads = a->kv_heads,
                                                              .dim = a->dim,
                                                              .scale = a->scale,
                                                              .window = a->window});
}

void forward_watch(const struct run *r, const struct layer *layer, const struct attention *a,
                   bool backward)
{
    const struct model_watch *w = r->pass->watch;
    const struct model_attention show = {r->m->b, a, (int32_t)(layer - r->m->p.layers), backward};
    if (w == NULL || w->attention == NULL || r->failed == NULL || *r->failed != 0)
        return;
    if (w->attention(w->context, &show, r->error) != 0)
        *r->failed = -1;
}

/* From attention's output to the layer's. */
static void forward_rest(const struct run *all, const struct layer *layer, const struct kept *whole,
                         struct tensor out)
{
    struct kept some = *whole;
    const struct kept *k = &some;
    const struct run behind = forward_behind(all, layer, &some), *r = &behind;
    const struct model *m = r->m;
    const struct tensor h = tensor_top(m->ws.h, r->tokens), act = tensor_top(m->ws.act, r->tokens);
    if (r->tokens < all->tokens)
        m->ops->gather(m->b, k->mid, k->input, m->ws.rows);
    else
        m->ops->copy(m->b, k->mid, k->input);
    linear_forward(r, &layer->out, k->mid, k->att, k->low[1], true);
    norm(r, (struct norm){.x = k->mid,
                          .y = h,
                          .stats = k->stats2,
                          .weight = layer->norm2.value,
                          .bias = layer->norm2_bias.value});
    linear_forward(r, &layer->up, k->up, h, k->low[2], false);
    if (m->config.mlp == MLP_SWIGLU)
        m->ops->swiglu(m->b, act, k->up);
    else
        m->ops->gelu(m->b, m->config.gelu, act, k->up);
    if (!tensor_present(out)) { /* recomputing: the layer's output is not needed again */
        linear_inner(r, &layer->down, act, k->low[3]);
        return;
    }
    m->ops->copy(m->b, out, k->mid);
    linear_forward(r, &layer->down, out, act, k->low[3], true);
}

void forward_layer(const struct run *r, const struct layer *layer, const struct kept *k,
                   struct tensor out)
{
    const struct model *m = r->m;
    const struct tensor h = tensor_top(m->ws.h, r->tokens);
    struct attention a = r->attention;
    if (m->config.encoder) {
        encoder_layer(r, layer, k, out);
        return;
    }
    norm(r, (struct norm){.x = k->input,
                          .y = h,
                          .stats = k->stats1,
                          .weight = layer->norm1.value,
                          .bias = layer->norm1_bias.value});
    linear_forward(r, &layer->qkv, k->qkv, h, k->low[0], false);
    forward_qkv(r, layer, k, &a, false);
    attend(r, (int32_t)(layer - m->p.layers), &a, k);
    if (tensor_present(out))
        forward_watch(r, layer, &a, false);
    forward_rest(r, layer, k, out);
}
