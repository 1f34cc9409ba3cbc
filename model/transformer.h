/*
 * Inside of a model: shared by the files that load, run and save it, and by nobody else.
 *
 *     model.c        parameters and blocks        workspace.c  memory of a pass
 *     forward.c      embedding, layers            head.c       final norm, lm_head, loss
 *     backward.c     layers, embedding            linear.c     one linear layer with its adapter
 *     encoder.c      what encoders do otherwise
 */
#ifndef MODEL_TRANSFORMER_H
#define MODEL_TRANSFORMER_H

#include "model/layout.h"
#include "model/model.h"

/* What a layer's forward pass leaves for its backward pass. */
struct kept {
    struct tensor input;  /* [T, H] the residual stream coming in */
    struct tensor stats1; /* [T, 2] */
    struct tensor qkv;    /* [T, q + 2 kv]: rotated, unless q and k are normalised first */
    struct tensor lse;    /* [T, heads] */
    struct tensor att;    /* [T, q] */
    struct tensor mid;    /* [T, H] the stream after attention */
    struct tensor stats2; /* [T, 2] */
    struct tensor up;     /* [T, 2 F] gate and up, or [T, F] before GELU */
    struct tensor sum;    /* [T, H] encoders: the stream after the MLP, before its norm */
    struct tensor low[4]; /* x A^T of the adapters of qkv, out, up, down [T, parts * rank] */
};

/*
 * The workspace, one block:
 *
 *     [ kept 0 | kept 1 | ... | weights, last, dx | layer scratch ]
 *                                                 | head scratch  |   (the same memory)
 *
 * or, when each step is one pass, the kept part lies over the gradients (see model.h).
 */
struct workspace {
    struct model_limits limits;
    void *block;
    struct tensor base; /* [1, n] of the backend's type */
    bool shared;        /* the kept part lies over the gradients: one backward pass a step */

    struct kept *layers;   /* as many as config.layers; under recompute or without backward all but
                              `input` are the same memory */
    struct tensor last;    /* [T, H] the stream behind the last layer */
    struct tensor dx;      /* [T, H] gradient of the stream */
    struct tensor weights; /* [1, S] */
    struct tensor embedded, embed_stats; /* encoders: [T, H] before the embedding's norm, [T, 2] */
    /* layer scratch */
    struct tensor h, dh, act, dact, datt, dqkv, dlow, dropped;
    struct tensor narrow; /* [T, q]: attention's output at the supervised rows, behind each other */
    struct tensor rotated, drotated, raw; /* [T, q + kv], with q/k norm only */
    struct tensor head_stats;             /* [T * (heads + kv_heads), 2], likewise */
    /* head scratch */
    struct tensor hs, hn, dhn, stats, losses, logits;
    struct tensor ints;  /* I32: all of the following, one after the other */
    struct tensor types; /* encoders */
    struct tensor ids, positions, starts, rows, targets; /* generation: starts are cache rows,
                                                            targets slots */
    int32_t *host_ints;                                  /* where they are put together */
    double *host_losses;
};

struct model {
    struct model_config config;
    struct model_options options;
    struct backend *b;
    const struct backend_ops *ops;
    struct parameters p;
    struct layout layout;
    struct blocks blocks;
    struct tensor gradient_block; /* gradients with what stands in front of them */
    struct tensor mask;           /* hold_zeros: 0 where a value may not change, else 1 */
    struct workspace ws;
    struct tensor rope; /* [positions, dim]: cos | sin */
    double lora_scale;
    bool fresh; /* gradients of this step are still empty */
};

/* Generation: where the pass's keys and values go, and those that its queries see. */
struct cache {
    struct tensor *keys, *values; /* one a layer: see struct attention_cached */
    int64_t slot_rows, head_rows;
    struct tensor slots, positions; /* I32 [1, T] */
};

/* The pass in hand. */
struct run {
    struct model *m;
    const struct model_pass *pass;
    const struct cache *cache; /* NULL: the pass's own keys and values */
    struct attention attention;
    int64_t tokens, supervised;
    int64_t narrow;      /* rows of the last layer behind its attention: the supervised ones, where
                            nobody reads the others; 0: all */
    struct error *error; /* of a watch that failed */
    int *failed;         /* set then; NULL: nobody watches */
};

/* model.c.  A tensor as the file stores it: float, turned round for GPT-2's linear layers. */
void transformer_download(struct model *m, struct tensor t, bool transposed, float *host);

/* The gradient block with so many elements in front of the gradients; what was there is lost. */
int model_place_gradients(struct model *m, int64_t prefix, struct error *error);

/* workspace.c */
int workspace_reserve(struct model *m, const struct model_limits *limits, struct error *error);
void workspace_clear(struct model *m);
/* Lay out without memory: the bytes of kept, scratch and shared. */
void workspace_measure(const struct model_config *c, const struct model_options *o,
                       const struct model_limits *limits, const struct layout *l,
                       struct model_memory *out);
/* Room for passes of so many tokens and supervised rows, backward or not; keeps what is there
 * when it is enough. */
int workspace_need(struct model *m, const struct batch *b, bool backward, struct error *error);
/* Put a batch, checked already, where the operations find it. */
void workspace_upload(struct model *m, const struct batch *batch);
/* Put n arrays of host integers behind each other; out gets their views. */
struct workspace_ints {
    const int32_t *host;
    int64_t n;
    struct tensor *out;
};
void workspace_put(struct model *m, const struct workspace_ints *arrays, int n);
/* Positions 0..n-1 in the rotary table. */
int workspace_positions(struct model *m, int32_t n, struct error *error);

/* adapter.c.  Does the adapter change this tensor of the base?  sum += scale B A for it. */
bool adapter_covers(const struct model *m, const struct layout_unit *u,
                    const struct layout_part *p);
void adapter_add(const struct model *m, const struct layout_unit *u, const struct layout_part *p,
                 struct tensor sum);

/* linear.c.  y = x W^T + bias + adapter (+ y where `accumulate`). */
void linear_forward(const struct run *r, const struct linear *w, struct tensor y, struct tensor x,
                    struct tensor low, bool accumulate);
/* Only the adapter's inner values, low = x A^T. */
void linear_inner(const struct run *r, const struct linear *w, struct tensor x, struct tensor low);
/* dx = dy W + adapter's part; leaves the adapter's inner gradient in ws.dlow for
 * linear_backward_weight, which must follow with the same layer. */
void linear_backward_input(const struct run *r, const struct linear *w, struct tensor dx,
                           struct tensor dy);
void linear_backward_weight(const struct run *r, const struct linear *w, struct tensor dy,
                            struct tensor x, struct tensor low);

/* forward.c */
struct kept forward_kept(const struct run *r, int32_t layer); /* views of this pass's tokens */
struct tensor forward_output(const struct run *r, int32_t layer);
/* Behind the attention of a layer: the pass and what is kept, of the rows that go on there.  In the
 * last layer these are the supervised ones only, so that its o_proj and MLP, forward and backward,
 * cost as much as there is to learn; `att` is then their copy in ws.narrow. */
struct run forward_behind(const struct run *r, const struct layer *layer, struct kept *k);
void forward_embed(const struct run *r, struct tensor x);
void forward_layer(const struct run *r, const struct layer *layer, const struct kept *k,
                   struct tensor out);
/* Fill a->q, k, v: views of kept qkv, or the normalised and rotated copies. */
void forward_qkv(const struct run *r, const struct layer *layer, const struct kept *k,
                 struct attention *a, bool again);

/* Show the attention of a layer to the pass's watch. */
void forward_watch(const struct run *r, const struct layer *layer, const struct attention *a,
                   bool backward);

/* backward.c.  ws.dx is the gradient of the layer's output, and becomes that of its input. */
void backward_layer(const struct run *r, int32_t index, const struct kept *k);
void backward_embed(const struct run *r);
/* ws.dqkv from the gradient of attention's output. */
void backward_attention(const struct run *r, const struct layer *layer, const struct kept *k,
                        struct tensor datt);
bool backward_reaches(const struct model *m, int32_t layer); /* does anything below it learn? */

/* encoder.c: what differs there, forward, backward, embedding, head. */
void encoder_layer(const struct run *r, const struct layer *layer, const struct kept *k,
                   struct tensor out);
void encoder_layer_back(const struct run *r, const struct layer *layer, const struct kept *k);
void encoder_embed(const struct run *r, struct tensor x);
void encoder_embed_back(const struct run *r);
void encoder_gather(const struct run *r, int64_t rows);
void encoder_spread(const struct run *r);

/* head.c.  The loss over the supervised rows of ws.last; with backward, ws.dx. */
int head_pass(const struct run *r, double *loss, struct error *error);
struct weight head_weight(const struct model *m); /* lm_head, or the tied embedding */
/* ws.hn gets the normed rows of ws.last that ws.rows names. */
void head_gather(const struct run *r, int64_t rows);

void transformer_matmul(const struct model *m, struct matmul p);

#endif
