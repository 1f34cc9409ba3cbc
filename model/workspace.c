#include "model/transformer.h"

#include "core/mem.h"
#include "model/naming.h"
#include "model/rope.h"

#include <assert.h>
#include <string.h>

/* Of a chunk of logits: each packs all of the head anew, which few rows would not be worth. */
enum { LOGITS_BYTES = 128 << 20, MAX_LOGITS_ROWS = 1024 };

/* Memory being laid out, front to back; with no block yet only the count grows. */
struct region {
    struct tensor base; /* [1, n] */
    int64_t used, peak;
};

/* What is laid out, and for whom. */
struct plan {
    const struct model_config *c;
    const struct model_options *o;
    struct model_limits l;
    int64_t hidden, q, kv, ff, up;
    int64_t low[4], low_widest, in_widest; /* columns of the adapters' inner values and inputs */
    struct workspace *ws;
    struct region kept, scratch;
    struct region logits; /* where these lie over gradients of layers that nothing is kept over */
    bool apart;           /* they do */
};

static struct tensor take(struct region *r, int64_t rows, int64_t cols)
{
    const int64_t n = (rows * cols + LAYOUT_ALIGN - 1) / LAYOUT_ALIGN * LAYOUT_ALIGN;
    struct tensor t = TENSOR_ABSENT;
    if (tensor_present(r->base))
        t = tensor_reshape(tensor_cols(r->base, r->used, rows * cols), rows, cols);
    r->used += n;
    if (r->used > r->peak)
        r->peak = r->used;
    return t;
}

static int64_t parts_of(unsigned targets, unsigned of, bool fused)
{
    const unsigned hit = targets & of;
    int64_t n = 0;
    for (unsigned bit = 1; bit <= LORA_DOWN; bit <<= 1)
        n += (hit & bit) != 0;
    return fused && n > 1 ? 1 : n;
}

static void measure_adapters(struct plan *p)
{
    static const unsigned of[4] = {LORA_Q | LORA_K | LORA_V, LORA_O, LORA_GATE | LORA_UP,
                                   LORA_DOWN};
    for (int i = 0; i < 4 && p->o->method == MODEL_LORA; i++) {
        const struct tensor_naming *n = p->c->arch->naming;
        unsigned targets = p->o->lora.targets;
        if (n->gate == NULL)
            targets &= ~(unsigned)LORA_GATE;
        p->low[i] = p->o->lora.rank * parts_of(targets, of[i], i == 0 && n->qkv != NULL);
        if (p->low[i] > p->low_widest)
            p->low_widest = p->low[i];
    }
}

static struct plan plan_of(const struct model_config *c, const struct model_options *o,
                           const struct model_limits *limits)
{
    const int64_t fit = LOGITS_BYTES / (4 * (int64_t)config_classes(c)) / 16 * 16;
    struct plan p = {.c = c, .o = o, .l = *limits};
    if (p.l.tokens < 1)
        p.l.tokens = 1;
    if (p.l.supervised < 1)
        p.l.supervised = 1;
    if (p.l.logits_rows <= 0)
        p.l.logits_rows = fit < 32 ? 32 : fit > MAX_LOGITS_ROWS ? MAX_LOGITS_ROWS : (int32_t)fit;
    if (c->encoder || p.l.logits_rows > p.l.supervised) /* spans need all rows at once */
        p.l.logits_rows = p.l.supervised;
    p.hidden = c->hidden;
    p.q = (int64_t)c->heads * c->head_dim;
    p.kv = (int64_t)c->kv_heads * c->head_dim;
    p.ff = c->ff;
    p.up = c->mlp == MLP_SWIGLU ? 2 * p.ff : p.ff;
    p.in_widest = p.ff > p.q ? p.ff : p.q;
    if (p.hidden > p.in_widest)
        p.in_widest = p.hidden;
    measure_adapters(&p);
    return p;
}

static void take_kept(struct plan *p, struct kept *k)
{
    const int64_t n = p->l.tokens;
    k->stats1 = take(&p->kept, n, 2);
    k->qkv = take(&p->kept, n, p->q + 2 * p->kv);
    k->lse = take(&p->kept, n, p->c->heads);
    k->att = take(&p->kept, n, p->q);
    k->mid = take(&p->kept, n, p->hidden);
    k->stats2 = take(&p->kept, n, 2);
    k->up = take(&p->kept, n, p->up);
    if (p->c->encoder)
        k->sum = take(&p->kept, n, p->hidden);
    for (int i = 0; i < 4; i++)
        if (p->low[i] > 0)
            k->low[i] = take(&p->kept, n, p->low[i]);
}

/* Inputs are kept for every layer, or alternate between two where nothing follows; the rest is
 * kept for every layer, or shared. */
static void take_layers(struct plan *p)
{
    struct kept *layers = p->ws->layers;
    struct kept one = {.input = TENSOR_ABSENT}, unused;
    for (int32_t i = 0; i < p->c->layers; i++) {
        struct kept *k = layers != NULL ? &layers[i] : &unused;
        struct tensor input = TENSOR_ABSENT;
        if (p->l.backward || i < 2)
            input = take(&p->kept, p->l.tokens, p->hidden);
        else if (layers != NULL)
            input = layers[i - 2].input;
        if (i == 0 || (p->l.backward && !p->l.recompute))
            take_kept(p, &one);
        *k = one;
        k->input = input;
    }
}

static void take_layer_scratch(struct plan *p)
{
    struct region *r = &p->scratch;
    struct workspace *ws = p->ws;
    const int64_t n = p->l.tokens, heads = p->q + p->kv;
    ws->h = take(r, n, p->hidden);
    ws->act = take(r, n, p->ff);
    ws->narrow = take(r, n, p->q);
    if (p->c->qk_norm) {
        ws->rotated = take(r, n, heads);
        ws->head_stats = take(r, n * ((int64_t)p->c->heads + p->c->kv_heads), 2);
    }
    if (p->o->method == MODEL_LORA && p->o->lora.dropout > 0)
        ws->dropped = take(r, n, p->in_widest);
    if (!p->l.backward)
        return;
    ws->dh = take(r, n, p->hidden);
    ws->dact = take(r, n, p->ff);
    ws->datt = take(r, n, p->q);
    ws->dqkv = take(r, n, p->q + 2 * p->kv);
    if (p->low_widest > 0)
        ws->dlow = take(r, n, p->low_widest);
    if (p->c->qk_norm) {
        ws->drotated = take(r, n, heads);
        ws->raw = take(r, n, 2 * p->q);
    }
}

static void take_head_scratch(struct plan *p)
{
    struct region *r = &p->scratch;
    struct workspace *ws = p->ws;
    const int64_t n = p->l.supervised;
    ws->hs = take(r, n, p->hidden);
    ws->hn = take(r, n, p->hidden);
    ws->stats = take(r, n, 2);
    ws->losses = take(r, 1, n);
    ws->logits = take(p->apart ? &p->logits : r, p->l.logits_rows, config_classes(p->c));
    if (p->l.backward)
        ws->dhn = take(r, n, p->hidden);
}

static void lay_out(struct plan *p)
{
    struct workspace *ws = p->ws;
    int64_t from;
    p->kept.used = p->scratch.used = p->logits.used = 0;
    take_layers(p);
    ws->weights = take(&p->scratch, 1, p->l.supervised);
    ws->last = take(&p->scratch, p->l.tokens, p->hidden);
    if (p->c->encoder) {
        ws->embedded = take(&p->scratch, p->l.tokens, p->hidden);
        ws->embed_stats = take(&p->scratch, p->l.tokens, 2);
    }
    if (p->l.backward)
        ws->dx = take(&p->scratch, p->l.tokens, p->hidden);
    from = p->scratch.used;
    take_layer_scratch(p);
    p->scratch.used = from;
    take_head_scratch(p);
}

/* Elements in front of the gradients so that what is kept can lie over them, or -1 where it may
 * not.  With a kept and g gradients a layer, layer j's gradients begin at j g, and what is kept up
 * to layer j must end there: j a + a - prefix <= j g for every j. */
static int64_t prefix_of(const struct plan *p, const struct layout *l)
{
    const int64_t layers = p->c->layers, a = p->kept.peak / layers, g = l->layer_values;
    const int64_t wide = layers * a - (layers - 1) * g;
    if (!p->l.one_pass || !p->l.backward || p->l.recompute || l->frozen + l->plain > 0 ||
        l->values == 0)
        return -1;
    return wide > a ? wide : a;
}

/* Lay out without memory.  The logits are used up before the first layer's gradients are written:
 * they lie over those of the last layers where nothing else does. */
static void measure(struct plan *p, const struct layout *l)
{
    const int64_t rows = p->l.logits_rows;
    int64_t prefix, free;
    lay_out(p);
    prefix = prefix_of(p, l);
    free = prefix + p->c->layers * l->layer_values - p->kept.peak;
    p->apart = prefix >= 0 && rows * config_classes(p->c) + LAYOUT_ALIGN <= free;
    if (!p->apart)
        return;
    p->scratch.peak = 0;
    lay_out(p);
}

void workspace_measure(const struct model_config *c, const struct model_options *o,
                       const struct model_limits *limits, const struct layout *l,
                       struct model_memory *out)
{
    struct workspace ws = {.block = NULL};
    struct plan p = plan_of(c, o, limits);
    p.ws = &ws;
    measure(&p, l);
    out->kept = 4 * p.kept.peak;
    out->scratch = 4 * p.scratch.peak;
    out->shared = prefix_of(&p, l) >= 0 ? 4 * (p.kept.peak - prefix_of(&p, l)) : 0;
}

void workspace_clear(struct model *m)
{
    struct workspace *ws = &m->ws;
    if (ws->block != NULL)
        m->ops->release(m->b, ws->block);
    if (tensor_present(ws->ints))
        m->ops->release(m->b, ws->ints.data);
    mem_free(ws->host_ints);
    mem_free(ws->host_losses);
    mem_free(ws->layers);
    memset(ws, 0, sizeof *ws);
}

static int make_ints(struct model *m, const struct model_limits *l, struct error *error)
{
    const int64_t n = 6 * (int64_t)l->tokens + 1 + 2 * (int64_t)l->supervised;
    void *data = m->ops->alloc(m->b, (size_t)n * sizeof(int32_t), "a batch's tokens", error);
    if (data == NULL)
        return -1;
    m->ws.ints = tensor_of(data, DTYPE_I32, 1, n);
    m->ws.host_ints = mem_zero((size_t)n, sizeof(int32_t));
    m->ws.host_losses = mem_zero((size_t)l->supervised, sizeof(double));
    return 0;
}

/* The blocks of a plan: one for everything, or what is kept over the gradients. */
static int make_blocks(struct model *m, struct plan *p, struct error *error)
{
    const int64_t prefix = prefix_of(p, &m->layout);
    const int64_t kept = prefix < 0 ? p->kept.peak : 0;
    struct workspace *ws = &m->ws;
    if (model_place_gradients(m, prefix > 0 ? prefix : 0, error) != 0)
        return -1;
    ws->base = backend_block(m->b, kept + p->scratch.peak, "the workspace of a pass", error);
    ws->block = ws->base.data;
    if (ws->block == NULL)
        return -1;
    ws->shared = prefix >= 0;
    p->kept.base = ws->shared ? m->gradient_block : tensor_cols(ws->base, 0, kept);
    p->scratch.base = tensor_cols(ws->base, kept, p->scratch.peak);
    if (p->apart)
        p->logits.base =
            tensor_cols(m->gradient_block, p->kept.peak, m->gradient_block.cols - p->kept.peak);
    return 0;
}

int workspace_reserve(struct model *m, const struct model_limits *limits, struct error *error)
{
    struct plan p = plan_of(&m->config, &m->options, limits);
    struct workspace *ws = &m->ws;
    workspace_clear(m);
    p.ws = ws;
    measure(&p, &m->layout);
    if (make_blocks(m, &p, error) != 0 || make_ints(m, &p.l, error) != 0 ||
        workspace_positions(m, p.l.tokens, error) != 0) {
        workspace_clear(m);
        return error_wrap(error,
                          "passes of %d tokens (make train.max_length or batch_tokens "
                          "smaller)",
                          (int)p.l.tokens);
    }
    ws->layers = mem_zero((size_t)m->config.layers, sizeof *ws->layers);
    lay_out(&p);
    ws->limits = p.l;
    return 0;
}

int workspace_need(struct model *m, const struct batch *b, bool backward, struct error *error)
{
    struct model_limits l = m->ws.limits;
    if (m->ws.block != NULL && b->tokens <= l.tokens && b->supervised <= l.supervised &&
        (l.backward || !backward))
        return 0;
    l.tokens = b->tokens > l.tokens ? b->tokens : l.tokens;
    l.supervised = b->supervised > l.supervised ? b->supervised : l.supervised;
    l.backward = l.backward || backward;
    l.logits_rows = 0;
    return workspace_reserve(m, &l, error);
}

void workspace_put(struct model *m, const struct workspace_ints *arrays, int n)
{
    struct workspace *ws = &m->ws;
    int64_t at = 0;
    for (int i = 0; i < n; i++) {
        assert(at + arrays[i].n <= ws->ints.cols);
        if (arrays[i].n > 0)
            memcpy(ws->host_ints + at, arrays[i].host, (size_t)arrays[i].n * sizeof *ws->host_ints);
        *arrays[i].out = tensor_cols(ws->ints, at, arrays[i].n);
        at += arrays[i].n;
    }
    m->ops->upload(m->b, tensor_cols(ws->ints, 0, at), ws->host_ints, DTYPE_I32);
}

void workspace_upload(struct model *m, const struct batch *batch)
{
    struct workspace *ws = &m->ws;
    /* Positions are written where they belong at the end of the staging memory first. */
    int32_t *positions = ws->host_ints + ws->ints.cols - batch->tokens;
    int32_t *none = positions - batch->tokens;
    const int32_t *types = batch->types != NULL ? batch->types : none;
    const struct workspace_ints arrays[] = {{positions, batch->tokens, &ws->positions},
                                            {batch->ids, batch->tokens, &ws->ids},
                                            {batch->starts, batch->segments + 1, &ws->starts},
                                            {batch->rows, batch->supervised, &ws->rows},
                                            {batch->targets, batch->supervised, &ws->targets},
                                            {types, batch->tokens, &ws->types}};
    memset(none, 0, (size_t)batch->tokens * sizeof *none);
    for (int32_t s = 0; s < batch->segments; s++)
        for (int32_t i = batch->starts[s]; i < batch->starts[s + 1]; i++)
            positions[i] = i - batch->starts[s] + m->config.first_position;
    workspace_put(m, arrays, 6);

    if (batch->weights != NULL && batch->supervised > 0)
        m->ops->upload(m->b, tensor_cols(ws->weights, 0, batch->supervised), batch->weights,
                       DTYPE_F32);
}

int workspace_positions(struct model *m, int32_t n, struct error *error)
{
    const struct model_config *c = &m->config;
    const int64_t elements = (int64_t)n * c->head_dim;
    float *host;
    void *data;
    if (c->position != POSITION_ROPE || n <= m->rope.rows)
        return 0;
    host = mem_try((size_t)elements * sizeof *host, "the rotary table", error);
    if (host == NULL)
        return -1;
    data =
        m->ops->alloc(m->b, (size_t)elements * dtype_size(m->ops->real), "the rotary table", error);
    if (data != NULL) {
        if (tensor_present(m->rope))
            m->ops->release(m->b, m->rope.data);
        m->rope = tensor_of(data, m->ops->real, n, c->head_dim);
        rope_table(&c->rope, c->head_dim, n, host);
        m->ops->upload(m->b, m->rope, host, DTYPE_F32);
    }
    mem_free(host);
    return data != NULL ? 0 : -1;
}
