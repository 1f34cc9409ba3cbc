/*
 * The parameters of a model as a list of units, and where each lies in memory.
 *
 * A unit is one matrix or vector that the transformer uses whole: q, k and v are the three parts
 * of one unit [q + 2 kv, hidden], gate and up the two parts of another, so that each is one
 * product.  A part is one tensor of the checkpoint: a run of rows of its unit.
 *
 *     frozen block   matrices that do not learn (may be kept as BF16)
 *     round block    matrices of layers that do not learn and are kept as I8 (model/int8.h)
 *     plain block    vectors that do not learn
 *     value block    units that learn and decay | units that learn and do not decay
 *
 * In each, layers come first, in order, then embeddings, final norm and head.
 *
 * Every unit begins at a multiple of 16 elements; the gaps are zero and stay zero.
 */
#ifndef MODEL_LAYOUT_H
#define MODEL_LAYOUT_H

#include "model/model.h"

enum { LAYOUT_MAX_PARTS = 3, LAYOUT_ALIGN = 16 };

/* A unit as the transformer sees it. */
struct weight {
    struct tensor value, gradient; /* gradient absent: frozen */
};

/* LoRA on one linear unit: y += scale (x A^T) B^T for each adapted part.  The A of the parts lie
 * behind each other, so that x A^T is one product [T, parts * rank]. */
struct adapter {
    struct weight a;                   /* [parts * rank, in] */
    struct weight b[LAYOUT_MAX_PARTS]; /* [out of the part, rank] */
    int64_t first[LAYOUT_MAX_PARTS];   /* column of y where the part begins */
    int parts;
    unsigned site; /* number of this adapter: its stream of dropout */
};

struct linear {
    struct weight w;    /* [out, in] */
    struct weight bias; /* [1, out]; value absent: none */
    struct adapter lora;
};

struct layer {
    struct weight norm1, norm1_bias, norm2, norm2_bias, q_norm, k_norm;
    struct linear qkv, out, up, down; /* up: gate and up side by side under SwiGLU */
    bool learns;                      /* this layer or one below has a gradient */
};

struct layout_part {
    char *name; /* owned */
    int64_t first, rows;
};

struct layout_unit {
    struct weight *slot;
    int64_t rows, cols, offset;
    struct layout_part parts[LAYOUT_MAX_PARTS];
    int n_parts;
    int dims;
    int32_t layer; /* or -1 */
    bool trainable, decayed, transposed;
    bool adapter;
    bool rounded; /* I8: offset and size are bytes of the round block */
};

struct layout {
    struct layout_unit *units;
    size_t n_units, cap;
    size_t n_parts; /* over all units */
    /* Elements of the blocks, and the decayed ones of values. */
    int64_t frozen, plain, values, decayed;
    int64_t rounded;          /* bytes */
    int64_t total, trainable; /* elements without gaps */
    int64_t layer_values;     /* of decayed, each layer's share (all are alike) */
};

struct parameters {
    struct weight embed, positions, final_norm, final_bias, head; /* head absent: tied */
    struct weight types, embed_norm, embed_bias, head_bias; /* encoders; head: the classifier */
    struct linear pooler;                                   /* of sequence heads */
    struct layer *layers;
};

/* List the units of a model into l, pointing into p (whose layers are allocated), and place them.
 */
void layout_make(struct layout *l, struct parameters *p, const struct model_config *c,
                 const struct model_options *o);
/* layout_freeze.c: units that model_options.freeze names do not learn (layout_make calls it).  The
 * check refuses a pattern that names nothing, or a part of a unit. */
void layout_freeze(struct layout *l, const struct model_options *o);
int layout_check_freeze(const struct layout *l, const struct model_options *o, struct error *error);
/* Point every slot into the blocks. */
struct blocks {
    struct tensor frozen, plain, values, gradients; /* [1, n]; absent where n = 0 */
    void *rounded;                                  /* NULL: none */
};
void layout_bind(const struct layout *l, const struct blocks *b);
/* Take the adapter's units out of the list. */
void layout_drop_adapter(struct layout *l);
void layout_clear(struct layout *l);

#endif
