#include "model/transformer.h"

#include "core/mem.h"
#include "model/naming.h"
#include "model/rope.h"

#include <math.h>
#include <assert.h>
#include <string.h>

enum { LOGITS_BYTES = 48 << 20, MAX_LOGITS_ROWS = 1024 };

/* The next tensor of the block; with no block yet only the count grows. */
static struct tensor take(struct workspace *w, int64_t rows, int64_t cols)
{
    const int64_t n = (rows * cols + LAYOUT_ALIGN - 1) / LAYOUT_ALIGN * LAYOUT_ALIGN;
    struct tensor t = TENSOR_ABSENT;
    if (tensor_present(w->base))
        t = tensor_reshape(tensor_cols(w->base, w->used, rows * cols), rows, cols);
    w->used += n;
    if (w->used > w->peak)
        w->peak = w->used;
    return t;
}

struct widths {
    int64_t hidden, q, kv, ff, up, tokens, supervised;
    int64_t low[4], low_widest, in_widest; /* columns of the adapters' inner values */
};

static int64_t parts_of(unsigned targets, unsigned of, bool fused)
{
    const unsigned hit = targets & of;
    int64_t n = 0;
    for (unsigned bit = 1; bit <= LORA_DOWN; bit <<= 1)
        n += (hit & bit) != 0;
    return fused && n > 1 ? 1 : n;
}

static struct widths measure(const struct model_config *c, const struct model_options *o,
                             const struct model_limits *limits)
{
    struct widths w = {.hidden = c->hidden,
                       .q = (int64_t)c->heads * c->head_dim,
                       .kv = (int64_t)c->kv_heads * c->head_dim,
                       .ff = c->ff,
                       .up = c->mlp == MLP_SWIGLU ? 2 * (int64_t)c->ff : c->ff,
                       .tokens = limits->tokens,
                       .supervised = limits->supervised};
    static const unsigned of[4] = {LORA_Q | LORA_K | LORA_V, LORA_O, LORA_GATE | LORA_UP,
                                   LORA_DOWN};
    for (int i = 0; i < 4 && o->method == MODEL_LORA; i++) {
        unsigned targets = o->lora.targets;
        if (c->mlp != MLP_SWIGLU)
            targets &= ~(unsigned)LORA_GATE;
        w.low[i] = o->lora.rank * parts_of(targets, of[i], i == 0 && c->arch->naming->qkv != NULL);
        if (w.low[i] > w.low_widest)
            w.low_widest = w.low[i];
    }
    w.in_widest = w.ff > w.q ? w.ff : w.q;
    if (w.hidden > w.in_widest)
        w.in_widest = w.hidden;
    return w;
}

static void take_kept(struct workspace *ws, const struct widths *w, const struct model_config *c,
                      struct kept *k)
{
    k->stats1 = take(ws, w->tokens, 2);
    k->qkv = take(ws, w->tokens, w->q + 2 * w->kv);
    k->lse = take(ws, w->tokens, c->heads);
    k->att = take(ws, w->tokens, w->q);
    k->mid = take(ws, w->tokens, w->hidden);
    k->stats2 = take(ws, w->tokens, 2);
    k->up = take(ws, w->tokens, w->up);
    for (int i = 0; i < 4; i++)
        if (w->low[i] > 0)
            k->low[i] = take(ws, w->tokens, w->low[i]);
}

/* Inputs are kept for every layer, or alternate between two where nothing follows; the rest is
 * kept for every layer, or shared. */
static void take_layers(struct workspace *ws, const struct widths *w, const struct model_config *c,
                        const struct model_limits *limits)
{
    const bool share = limits->recompute || !limits->backward;
    struct kept one = {.input = TENSOR_ABSENT}, unused;
    for (int32_t i = 0; i < c->layers; i++) {
        struct kept *k = ws->layers != NULL ? &ws->layers[i] : &unused;
        struct tensor input = TENSOR_ABSENT;
        if (limits->backward || i < 2)
            input = take(ws, w->tokens, w->hidden);
        else if (ws->layers != NULL)
            input = ws->layers[i - 2].input;
        if (i == 0 || !share)
            take_kept(ws, w, c, &one);
        *k = one;
        k->input = input;
    }
}

static void take_layer_scratch(struct workspace *ws, const struct widths *w,
                               const struct model_config *c, const struct model_options *o,
                               const struct model_limits *limits)
{
    const int64_t n = w->tokens, heads = w->q + w->kv;
    ws->h = take(ws, n, w->hidden);
    ws->act = take(ws, n, w->ff);
    if (c->qk_norm) {
        ws->rotated = take(ws, n, heads);
        ws->head_stats = take(ws, n * ((int64_t)c->heads + c->kv_heads), 2);
    }
    if (o->method == MODEL_LORA && o->lora.dropout > 0)
        ws->dropped = take(ws, n, w->in_widest);
    if (!limits->backward)
        return;
    ws->dh = take(ws, n, w->hidden);
    ws->dact = take(ws, n, w->ff);
    ws->datt = take(ws, n, w->q);
    ws->dqkv = take(ws, n, w->q + 2 * w->kv);
    if (w->low_widest > 0)
        ws->dlow = take(ws, n, w->low_widest);
    if (c->qk_norm) {
        ws->drotated = take(ws, n, heads);
        ws->raw = take(ws, n, 2 * w->q);
    }
}

static void take_head_scratch(struct workspace *ws, const struct widths *w,
                              const struct model_config *c, const struct model_limits *limits)
{
    ws->hs = take(ws, w->supervised, w->hidden);
    ws->hn = take(ws, w->supervised, w->hidden);
    ws->stats = take(ws, w->supervised, 2);
    ws->losses = take(ws, 1, w->supervised);
    ws->logits = take(ws, limits->logits_rows, c->vocab);
    if (limits->backward)
        ws->dhn = take(ws, w->supervised, w->hidden);
}

/* Lay everything out; returns the elements that the kept part takes. */
static int64_t lay_out(struct workspace *ws, const struct model_config *c,
                       const struct model_options *o, const struct model_limits *limits)
{
    const struct widths w = measure(c, o, limits);
    int64_t kept, scratch;
    ws->used = ws->peak = 0;
    ws->weights = take(ws, 1, w.supervised);
    take_layers(ws, &w, c, limits);
    ws->last = take(ws, w.tokens, w.hidden);
    if (limits->backward)
        ws->dx = take(ws, w.tokens, w.hidden);
    kept = scratch = ws->used;
    take_layer_scratch(ws, &w, c, o, limits);
    ws->used = scratch;
    take_head_scratch(ws, &w, c, limits);
    return kept;
}

static struct model_limits completed(const struct model_config *c,
                                     const struct model_limits *limits)
{
    struct model_limits l = *limits;
    const int64_t fit = LOGITS_BYTES / (4 * (int64_t)c->vocab) / 16 * 16;
    if (l.tokens < 1)
        l.tokens = 1;
    if (l.supervised < 1)
        l.supervised = 1;
    if (l.logits_rows <= 0)
        l.logits_rows = fit < 32 ? 32 : fit > MAX_LOGITS_ROWS ? MAX_LOGITS_ROWS : (int32_t)fit;
    if (l.logits_rows > l.supervised)
        l.logits_rows = l.supervised;
    return l;
}

void workspace_measure(const struct model_config *c, const struct model_options *o,
                       const struct model_limits *limits, int64_t *kept, int64_t *all)
{
    const struct model_limits l = completed(c, limits);
    struct workspace ws = {.block = NULL};
    *kept = lay_out(&ws, c, o, &l);
    *all = ws.peak;
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
    const int64_t n = 4 * (int64_t)l->tokens + 1 + 2 * (int64_t)l->supervised;
    void *data = m->ops->alloc(m->b, (size_t)n * sizeof(int32_t), "a batch's tokens", error);
    if (data == NULL)
        return -1;
    m->ws.ints = tensor_of(data, DTYPE_I32, 1, n);
    m->ws.host_ints = mem_zero((size_t)n, sizeof(int32_t));
    m->ws.host_losses = mem_zero((size_t)l->supervised, sizeof(double));
    return 0;
}

int workspace_reserve(struct model *m, const struct model_limits *limits, struct error *error)
{
    const struct model_limits l = completed(&m->config, limits);
    struct workspace *ws = &m->ws;
    workspace_clear(m);
    (void)lay_out(ws, &m->config, &m->options, &l);
    ws->base = backend_block(m->b, ws->peak, "the workspace of a pass", error);
    ws->block = ws->base.data;
    if (ws->block == NULL || make_ints(m, &l, error) != 0 ||
        workspace_positions(m, l.tokens, error) != 0) {
        workspace_clear(m);
        return error_wrap(error,
                          "passes of %d tokens (make train.max_length or batch_tokens "
                          "smaller)",
                          (int)l.tokens);
    }
    ws->layers = mem_zero((size_t)m->config.layers, sizeof *ws->layers);
    (void)lay_out(ws, &m->config, &m->options, &l);
    ws->limits = l;
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
    const struct workspace_ints arrays[] = {{positions, batch->tokens, &ws->positions},
                                            {batch->ids, batch->tokens, &ws->ids},
                                            {batch->starts, batch->segments + 1, &ws->starts},
                                            {batch->rows, batch->supervised, &ws->rows},
                                            {batch->targets, batch->supervised, &ws->targets}};
    for (int32_t s = 0; s < batch->segments; s++)
        for (int32_t i = batch->starts[s]; i < batch->starts[s + 1]; i++)
            positions[i] = i - batch->starts[s];
    workspace_put(m, arrays, 5);
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
