/*
 * A transformer of the decoder family (Llama, Mistral, Qwen2, Qwen3, GPT-2), its parameters, and
 * forward and backward passes over packed batches.
 *
 * Memory, all through one backend:
 *
 *     frozen block     [ parameters that do not learn ]                       (full: empty)
 *     value block      [ decayed: matrices, embeddings | not decayed: norms, biases ]   n
 *     gradient block   [ same layout                                               ]   n
 *     (moments)        [ same layout, owned by the trainer: two more of n          ]
 *     workspace        [ kept for backward: layer 0 | layer 1 | ... ][ scratch ][ logits chunk ]
 *
 * The value block is the flat vector the optimiser works on; with LoRA it holds only the adapter.
 * Nothing is allocated in a pass: model_reserve makes the workspace before the first.
 *
 * With one pass a step and everything learning, the kept part lies over the gradients of the
 * layers, shifted so that a layer's gradients only cover what is kept for later layers, whose
 * backward pass is over by then:
 *
 *     kept       [ layer 0 | layer 1 | layer 2 | ...
 *     gradients            [ layer 0   | layer 1   | layer 2   | embedding, norms ]
 *
 *
 * A step of training:
 *     model_step_begin(m);                       gradients are empty
 *     for each micro-batch: model_pass(m, &pass) loss is a SUM over supervised tokens, gradients
 *                                                accumulate as sums
 *     norm = model_gradient_norm(m)              of the sum; times 1/N is that of the mean
 *     model_adamw(m, first, second, &how)        how.grad_scale = clip / N
 * with N the number of supervised tokens of all micro-batches (and ranks): then the result does
 * not depend on how rows were cut into micro-batches.
 *
 * A model and its passes belong to one thread at a time.
 */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include "core/error.h"
#include "core/pool.h"
#include "model/backend.h"
#include "model/batch.h"
#include "model/config.h"

struct model;

/* -- what learns ---------------------------------------------------------------------------- */

enum model_method { MODEL_FROZEN, MODEL_FULL, MODEL_LORA };

enum lora_target {
    LORA_Q = 1,
    LORA_K = 2,
    LORA_V = 4,
    LORA_O = 8,
    LORA_GATE = 16,
    LORA_UP = 32,
    LORA_DOWN = 64,
    LORA_ALL = 127,
};

struct lora_config {
    int32_t rank;
    double alpha, dropout;
    unsigned targets; /* of enum lora_target; GPT-2: q, k and v are one, gate does not exist */
    bool rslora;      /* scale alpha/sqrt(rank) instead of alpha/rank */
};

struct model_options {
    const struct backend_ops *backend; /* NULL: cpu */
    struct pool *pool;                 /* borrowed; NULL: one thread */
    enum model_method method;
    struct lora_config lora;    /* MODEL_LORA */
    bool freeze_embeddings;     /* MODEL_FULL */
    int32_t freeze_layers;      /* MODEL_FULL: the first so many */
    const char *const *freeze;  /* MODEL_FULL: patterns (glob) of names that do not learn; */
    int32_t n_freeze;           /* borrowed as long as the model lives */
    enum head_kind head;        /* encoders: the head a task wants; NONE: the folder's own */
    const char *const *classes; /* its classes, borrowed until the model is made */
    int32_t n_classes;
    bool decay_all;         /* decay norms and biases too */
    bool hold_zeros;        /* MODEL_FULL: weights of layers that are loaded as zero stay zero */
    enum dtype frozen_type; /* how frozen matrices are kept: F32 (0), BF16, or I8
                                (model/int8.h: those of the layers; the others as BF16) */
    bool keep_bf16;         /* MODEL_FROZEN, F32: matrices stay BF16 if the folder has them all
                               so: half the memory, the same numbers */
    bool half;              /* products of two matrices: operands rounded to BF16 */
    uint64_t seed;          /* LoRA's A; model_random's weights */
};

/* Load the Hugging Face folder `dir` (config.json, model.safetensors or its shards).  With
 * MODEL_LORA a fresh adapter is made: A uniform as PEFT does, B zero. */
struct model *model_load(const char *dir, const struct model_options *options, struct error *error);
/* Random weights, N(0, init_range) as Hugging Face initialises; the config is copied. */
struct model *model_random(const struct model_config *config, const struct model_options *options,
                           struct error *error);
void model_free(struct model *m);

const struct model_config *model_config(const struct model *m);
struct backend *model_backend(struct model *m);

/* -- parameters ----------------------------------------------------------------------------- */

struct model_parameter {
    const char *name; /* Hugging Face's, or PEFT's for an adapter */
    struct tensor value;
    struct tensor gradient; /* absent when frozen */
    int64_t shape[2];
    int dims; /* 1 or 2, as stored in safetensors */
    bool trainable, decayed, adapter;
    bool transposed; /* stored [in, out] in the file (GPT-2's Conv1D), [out, in] here */
};

size_t model_parameter_count(const struct model *m);
struct model_parameter model_parameter(const struct model *m, size_t index);
/* Index by name, or -1. */
int64_t model_parameter_find(const struct model *m, const char *name);
/* Move one parameter in its file's shape and order, as float. */
void model_parameter_get(struct model *m, size_t index, float *host);
void model_parameter_gradient(struct model *m, size_t index, float *host);
int model_parameter_set(struct model *m, size_t index, const float *host, struct error *error);

/* The flat blocks that learn, [1, n]; n = 0 when all is frozen. */
struct tensor model_values(struct model *m);
struct tensor model_gradients(struct model *m);
int64_t model_decayed(const struct model *m);      /* the first so many of n are decayed */
int64_t model_trainable(const struct model *m);    /* elements that learn, padding not counted */
int64_t model_total(const struct model *m);        /* all elements */
int64_t model_weight_bytes(const struct model *m); /* that the parameters take in memory */

/* -- passes --------------------------------------------------------------------------------- */

/* Make the workspace for passes of at most so many tokens and supervised tokens.  `recompute`
 * keeps only each layer's input and runs the layer again in the backward pass: about 4/3 of the
 * time for a fraction of the memory.  May be called again; without any, the first pass that
 * needs more calls it. */
struct model_limits {
    int32_t tokens, supervised;
    bool backward, recompute;
    /* Each step is one pass: then what is kept for the backward pass may lie where gradients are
     * written later (see below), which saves the smaller of the two. */
    bool one_pass;
    int32_t logits_rows; /* rows of the lm_head at once; 0: chosen by vocabulary */
};
int model_reserve(struct model *m, const struct model_limits *limits, struct error *error);

/*
 * The loss seam.  The lm_head runs over the supervised rows in chunks; for each chunk the loss
 * gets logits [n, V] of the supervised rows [first, first + n) of the batch, overwrites them with
 * d(sum of losses)/d(logits) when `gradient` is set, and writes the loss of each row into
 * losses [1, n].  It works through the backend's operations only.
 */
struct model_rows {
    struct backend *b;
    struct tensor logits, losses;
    int32_t first;
    bool gradient;
};
struct model_loss {
    int (*rows)(void *context, const struct model_rows *rows, struct error *error);
    void *context;
};

/* Watch hidden states: layer 0 is the embedding's output, layer l that of block l (before the
 * final norm).  In the forward pass d is absent; in the backward pass the hook may add its own
 * gradient to d [T, H] before the block's backward runs. */
struct model_attention; /* below */
struct model_watch {
    int (*hidden)(void *context, struct backend *b, int32_t layer, struct tensor hidden,
                  struct tensor d, struct error *error);
    /* NULL: not watched. */
    int (*attention)(void *context, const struct model_attention *a, struct error *error);
    void *context;
};
/* Queries and keys of block `layer` (from 0), rotated, as attention sees them; in the backward pass
 * also dq and dk, which the hook may add to. */
struct model_attention {
    struct backend *b;
    const struct attention *a;
    int32_t layer;
    bool backward;
};

struct model_pass {
    struct batch batch;
    bool backward;                   /* accumulate gradients */
    bool training;                   /* dropout and embedding noise are on */
    double neftune;                  /* embedding noise of NEFTune, alpha; 0 none */
    uint64_t seed, stream;           /* of dropout and noise: one stream a micro-batch */
    const struct model_loss *loss;   /* NULL: cross-entropy against batch.targets */
    const struct model_watch *watch; /* NULL: nobody watches */
    float *row_losses;               /* NULL or host [supervised]: the loss of each row */
};

void model_step_begin(struct model *m);
/* One pass; *loss is the sum over supervised rows.  Ids out of range, a batch over the limits and
 * the like are errors; a NaN loss is returned as it is (the trainer knows step and rows). */
int model_pass(struct model *m, const struct model_pass *pass, double *loss, struct error *error);
/* A teacher beside a student: the forward pass of a batch (and its watch), then the logits of its
 * supervised rows a chunk at a time, at most model_rows_most at once.  A chunk is a view [n, V] of
 * the model's memory, valid until the next call; it may be written to. */
int model_rows_begin(struct model *m, const struct model_pass *pass, struct error *error);
struct tensor model_rows_chunk(struct model *m, int32_t first, int32_t n);
int32_t model_rows_most(const struct model *m);
/* Logits of the given token rows (host [n_rows, V]), no loss: for tests and scoring. */
int model_logits(struct model *m, const struct batch *batch, const int32_t *rows, int32_t n_rows,
                 float *logits, struct error *error);

double model_gradient_norm(struct model *m); /* L2 over the gradient block; NaN when one is */
void model_adamw(struct model *m, struct tensor first, struct tensor second,
                 const struct adamw *how); /* how->decayed is filled in here */

/* -- adapter -------------------------------------------------------------------------------- */

/* Fold the adapter into the base weights (fp32, rounded once when written); afterwards the model
 * is MODEL_FROZEN and has no adapter. */
int model_merge(struct model *m, struct error *error);
const struct lora_config *model_lora(const struct model *m); /* NULL: no adapter */

/* -- estimate ------------------------------------------------------------------------------- */

/* Bytes a training run of these options and limits takes, for the preflight. */
struct model_memory {
    int64_t frozen, values, gradients, moments, kept, scratch, total;
    int64_t shared; /* of kept, what lies over the gradients: counted once in total */
};
struct model_memory model_memory(const struct model_config *config,
                                 const struct model_options *options,
                                 const struct model_limits *limits);
/* Floating-point operations of one pass: 2 per multiply-add, backward included when asked. */
double model_flops(const struct model_config *config, const struct model_options *options,
                   const struct batch *batch, bool backward);

#endif
