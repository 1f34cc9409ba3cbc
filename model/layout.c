#include "model/layout.h"

#include "core/mem.h"
#include "core/vec.h"
#include "model/int8.h"
#include "model/naming.h"

#include <stdio.h>
#include <string.h>

enum { MAX_NAME = 160, EMBEDDING = -1, END = -2 };

/* What the unit being added belongs to. */
struct maker {
    struct layout *l;
    const struct model_config *c;
    const struct model_options *o;
    int32_t layer; /* or EMBEDDING, END (final norm, head) */
};

static char *name_of(const char *format, int32_t layer, const char *suffix)
{
    char text[MAX_NAME];
    const char *hole = strstr(format, "%d");
    if (hole == NULL)
        (void)snprintf(text, sizeof text, "%s%s", format, suffix);
    else
        (void)snprintf(text, sizeof text, "%.*s%d%s%s", (int)(hole - format), format, (int)layer,
                       hole + 2, suffix);
    return mem_strdup(text);
}

/* PEFT puts its own prefix in front. */
static char *adapter_name(const char *format, int32_t layer, const char *suffix)
{
    char text[MAX_NAME];
    (void)snprintf(text, sizeof text, "base_model.model.%s", format);
    return name_of(text, layer, suffix);
}

static bool learns(const struct maker *k, bool adapter)
{
    if (adapter)
        return true;
    if (k->o->method != MODEL_FULL)
        return false;
    if (k->layer == EMBEDDING)
        return !k->o->freeze_embeddings && k->o->freeze_layers == 0;
    return k->layer == END || k->layer >= k->o->freeze_layers;
}

/* A unit without parts yet. */
static struct layout_unit *add_unit(struct maker *k, struct weight *slot, int64_t cols, int dims)
{
    struct layout *l = k->l;
    struct layout_unit *u;
    l->units = vec_reserve(l->units, &l->cap, l->n_units + 1, sizeof *l->units);
    u = &l->units[l->n_units++];
    memset(u, 0, sizeof *u);
    u->slot = slot;
    u->cols = cols;
    u->dims = dims;
    u->layer = k->layer >= 0 ? k->layer : -1;
    u->trainable = learns(k, false);
    u->decayed = dims == 2 || k->o->decay_all;
    return u;
}

static void add_part(struct maker *k, struct layout_unit *u, char *name, int64_t size)
{
    struct layout_part *p = &u->parts[u->n_parts++];
    p->name = name;
    p->first = u->dims == 2 ? u->rows : u->cols;
    p->rows = size;
    if (u->dims == 2)
        u->rows += size;
    else {
        u->rows = 1;
        u->cols += size;
    }
    k->l->n_parts++;
}

static void add_vector(struct maker *k, struct weight *slot, const char *name, const char *suffix,
                       int64_t size)
{
    struct layout_unit *u = add_unit(k, slot, 0, 1);
    add_part(k, u, name_of(name, k->layer, suffix), size);
}

static void add_matrix(struct maker *k, struct weight *slot, const char *name, int64_t rows,
                       int64_t cols)
{
    struct layout_unit *u = add_unit(k, slot, cols, 2);
    add_part(k, u, name_of(name, k->layer, ".weight"), rows);
}

static void add_norm(struct maker *k, struct weight *scale, struct weight *bias, const char *name)
{
    add_vector(k, scale, name, ".weight", k->c->hidden);
    if (k->c->norm == NORM_LAYER)
        add_vector(k, bias, name, ".bias", k->c->hidden);
}

/* One linear layer made of up to three tensors of the checkpoint. */
struct pieces {
    const char *names[LAYOUT_MAX_PARTS];
    int64_t sizes[LAYOUT_MAX_PARTS];
    unsigned targets[LAYOUT_MAX_PARTS];
    int n;
    bool bias;
};

static void add_adapter(struct maker *k, struct adapter *a, const struct pieces *p, int64_t in)
{
    const int64_t rank = k->o->lora.rank;
    struct layout_unit *u = NULL;
    for (int i = 0, n = 0; i < p->n; i++) {
        if ((k->o->lora.targets & p->targets[i]) == 0)
            continue;
        if (u == NULL)
            u = add_unit(k, &a->a, in, 2);
        u->trainable = u->adapter = true;
        add_part(k, u, adapter_name(p->names[i], k->layer, ".lora_A.weight"), rank);
        a->parts = ++n;
    }
    for (int i = 0, n = 0, first = 0; i < p->n; first += (int)p->sizes[i++]) {
        if ((k->o->lora.targets & p->targets[i]) == 0)
            continue;
        a->first[n] = first;
        u = add_unit(k, &a->b[n++], rank, 2);
        u->trainable = u->adapter = true;
        add_part(k, u, adapter_name(p->names[i], k->layer, ".lora_B.weight"), p->sizes[i]);
    }
}

static void add_linear(struct maker *k, struct linear *x, const struct pieces *p, int64_t in)
{
    struct layout_unit *u = add_unit(k, &x->w, in, 2);
    u->transposed = k->c->arch->naming->transposed;
    u->rounded = !u->trainable && k->o->frozen_type == DTYPE_I8 && k->layer >= 0;
    for (int i = 0; i < p->n; i++)
        add_part(k, u, name_of(p->names[i], k->layer, ".weight"), p->sizes[i]);
    if (p->bias) {
        u = add_unit(k, &x->bias, 0, 1);
        for (int i = 0; i < p->n; i++)
            add_part(k, u, name_of(p->names[i], k->layer, ".bias"), p->sizes[i]);
    }
    if (k->o->method == MODEL_LORA && k->layer >= 0)
        add_adapter(k, &x->lora, p, in);
}

static void add_attention(struct maker *k, struct layer *layer)
{
    const struct model_config *c = k->c;
    const struct tensor_naming *n = c->arch->naming;
    const int64_t q = (int64_t)c->heads * c->head_dim, kv = (int64_t)c->kv_heads * c->head_dim;
    const struct pieces apart = {
        {n->q, n->k, n->v}, {q, kv, kv}, {LORA_Q, LORA_K, LORA_V}, 3, c->qkv_bias};
    const struct pieces fused = {
        {n->qkv}, {q + 2 * kv}, {LORA_Q | LORA_K | LORA_V}, 1, c->qkv_bias};
    const struct pieces out = {{n->out}, {c->hidden}, {LORA_O}, 1, c->out_bias};
    if (!c->encoder)
        add_norm(k, &layer->norm1, &layer->norm1_bias, n->norm1);
    add_linear(k, &layer->qkv, n->qkv != NULL ? &fused : &apart, c->hidden);
    if (c->qk_norm) {
        add_vector(k, &layer->q_norm, n->q_norm, ".weight", c->head_dim);
        add_vector(k, &layer->k_norm, n->k_norm, ".weight", c->head_dim);
    }
    add_linear(k, &layer->out, &out, q);
    if (c->encoder)
        add_norm(k, &layer->norm1, &layer->norm1_bias, n->norm1);
}

static void add_mlp(struct maker *k, struct layer *layer)
{
    const struct model_config *c = k->c;
    const struct tensor_naming *n = c->arch->naming;
    const struct pieces gated = {
        {n->gate, n->up}, {c->ff, c->ff}, {LORA_GATE, LORA_UP}, 2, c->mlp_bias};
    const struct pieces plain = {{n->up}, {c->ff}, {LORA_UP}, 1, c->mlp_bias};
    const struct pieces down = {{n->down}, {c->hidden}, {LORA_DOWN}, 1, c->mlp_bias};
    if (!c->encoder)
        add_norm(k, &layer->norm2, &layer->norm2_bias, n->norm2);
    add_linear(k, &layer->up, c->mlp == MLP_SWIGLU ? &gated : &plain, c->hidden);
    add_linear(k, &layer->down, &down, c->ff);
    if (c->encoder)
        add_norm(k, &layer->norm2, &layer->norm2_bias, n->norm2);
}

/* Pooler (sequences only) and classifier. */
static void add_head(struct maker *k, struct parameters *p)
{
    const struct model_config *c = k->c;
    const struct tensor_naming *n = c->arch->naming;
    const struct pieces pooler = {{n->pooler}, {c->hidden}, {0}, 1, true};
    const char *name = c->head == HEAD_SEQUENCE ? n->classifier
                       : c->head == HEAD_TOKEN  ? "classifier"
                                                : "qa_outputs";
    if (c->head == HEAD_NONE)
        return;
    if (c->head == HEAD_SEQUENCE)
        add_linear(k, &p->pooler, &pooler, c->hidden);
    add_matrix(k, &p->head, name, c->classes, c->hidden);
    add_vector(k, &p->head_bias, name, ".bias", c->classes);
}

static int64_t round_up(int64_t n)
{
    return (n + LAYOUT_ALIGN - 1) / LAYOUT_ALIGN * LAYOUT_ALIGN;
}

static int64_t *region_of(struct layout *l, const struct layout_unit *u, int64_t *undecayed)
{
    if (u->rounded)
        return &l->rounded;
    if (!u->trainable)
        return u->dims == 2 ? &l->frozen : &l->plain;
    return u->decayed ? &l->decayed : undecayed;
}

/* Offsets of the layers' units, or of all others. */
static void place_some(struct layout *l, bool layers, int64_t *undecayed)
{
    for (size_t i = 0; i < l->n_units; i++) {
        struct layout_unit *u = &l->units[i];
        const int64_t n = u->rows * u->cols;
        int64_t *region = region_of(l, u, undecayed);
        if ((u->layer >= 0) != layers)
            continue;
        u->offset = *region;
        *region += u->rounded ? u->rows * int8_stride(u->cols) : round_up(n);
        l->total += n;
        l->trainable += u->trainable ? n : 0;
    }
}

/* Offsets within the three regions; those of undecayed units then move behind the decayed. */
static void place(struct layout *l, int32_t layers)
{
    int64_t undecayed = 0;
    place_some(l, true, &undecayed);
    l->layer_values = l->decayed / layers;
    place_some(l, false, &undecayed);
    for (size_t i = 0; i < l->n_units; i++)
        if (l->units[i].trainable && !l->units[i].decayed)
            l->units[i].offset += l->decayed;
    l->values = l->decayed + undecayed;
}

static void mark_learning(const struct layout *l, struct parameters *p, int32_t layers)
{
    bool below = false;
    for (size_t i = 0; i < l->n_units; i++)
        if (l->units[i].slot == &p->embed || l->units[i].slot == &p->positions)
            below = below || l->units[i].trainable;
    for (int32_t n = 0; n < layers; n++) {
        const char *from = (const char *)&p->layers[n], *to = (const char *)&p->layers[n + 1];
        for (size_t i = 0; i < l->n_units; i++) {
            const char *slot = (const char *)l->units[i].slot;
            below = below || (l->units[i].trainable && slot >= from && slot < to);
        }
        p->layers[n].learns = below;
    }
}

static void number_adapters(struct parameters *p, int32_t layers)
{
    for (int32_t i = 0; i < layers; i++) {
        struct layer *y = &p->layers[i];
        y->qkv.lora.site = 4 * (unsigned)i;
        y->out.lora.site = 4 * (unsigned)i + 1;
        y->up.lora.site = 4 * (unsigned)i + 2;
        y->down.lora.site = 4 * (unsigned)i + 3;
    }
}

void layout_make(struct layout *l, struct parameters *p, const struct model_config *c,
                 const struct model_options *o)
{
    const struct tensor_naming *n = c->arch->naming;
    struct maker k = {l, c, o, EMBEDDING};
    memset(l, 0, sizeof *l);
    add_matrix(&k, &p->embed, n->embed, c->vocab, c->hidden);
    if (c->position == POSITION_LEARNED)
        add_matrix(&k, &p->positions, n->positions, c->positions, c->hidden);
    if (c->types > 0)
        add_matrix(&k, &p->types, n->types, c->types, c->hidden);
    if (c->encoder)
        add_norm(&k, &p->embed_norm, &p->embed_bias, n->embed_norm);
    for (k.layer = 0; k.layer < c->layers; k.layer++) {
        add_attention(&k, &p->layers[k.layer]);
        add_mlp(&k, &p->layers[k.layer]);
    }
    k.layer = END;
    if (c->encoder)
        add_head(&k, p);
    else
        add_norm(&k, &p->final_norm, &p->final_bias, n->final_norm);
    if (!c->tied)
        add_matrix(&k, &p->head, n->head, c->vocab, c->hidden);
    layout_freeze(l, o);
    place(l, c->layers);
    mark_learning(l, p, c->layers);
    number_adapters(p, c->layers);
}

static struct tensor at(struct tensor block, const struct layout_unit *u)
{
    struct tensor t = tensor_cols(block, u->offset, u->rows * u->cols);
    t.stride = t.cols;
    return tensor_reshape(t, u->rows, u->cols);
}

void layout_bind(const struct layout *l, const struct blocks *b)
{
    for (size_t i = 0; i < l->n_units; i++) {
        const struct layout_unit *u = &l->units[i];
        if (u->rounded) {
            u->slot->value = int8_tensor((char *)b->rounded + u->offset, u->rows, u->cols);
            continue;
        }
        u->slot->value = at(u->trainable ? b->values : u->dims == 2 ? b->frozen : b->plain, u);
        if (u->trainable && tensor_present(b->gradients))
            u->slot->gradient = at(b->gradients, u);
    }
}

static void free_names(struct layout_unit *u)
{
    for (int k = 0; k < u->n_parts; k++)
        mem_free(u->parts[k].name);
}

void layout_drop_adapter(struct layout *l)
{
    size_t kept = 0;
    for (size_t i = 0; i < l->n_units; i++) {
        if (!l->units[i].adapter) {
            l->units[kept++] = l->units[i];
            continue;
        }
        l->n_parts -= (size_t)l->units[i].n_parts;
        l->total -= l->units[i].rows * l->units[i].cols;
        free_names(&l->units[i]);
    }
    l->n_units = kept;
    l->values = l->decayed = l->trainable = 0;
}

void layout_clear(struct layout *l)
{
    for (size_t i = 0; i < l->n_units; i++)
        free_names(&l->units[i]);
    mem_free(l->units);
    memset(l, 0, sizeof *l);
}
