/*
 * The backend seam: about twenty-five operations on tensors.  The transformer (forward, backward,
 * loss, optimiser, generation) is written once against this table; a table is one way to compute.
 *
 *     reference   naive loops, every number a double: the oracle of the tests
 *     cpu         tiled products on our thread pool, SIMD by run-time dispatch, float
 *
 * Rules of a table:
 *   - the result depends on the operands only, never on the number of threads;
 *   - operations are asked in order and may run later; backend_sync waits and tells failure;
 *   - shapes are the caller's duty (asserted in the reference table, not reported as errors);
 *   - "accumulate" operands are added to, all other outputs are overwritten;
 *   - an absent tensor (data NULL) is a parameter that the model does not have or a gradient
 *     that nobody wants.
 *
 * Shapes: T tokens of the pass, H hidden, V vocabulary, heads*dim the width of q.
 */
#ifndef MODEL_BACKEND_H
#define MODEL_BACKEND_H

#include "core/error.h"
#include "core/json.h"
#include "core/pool.h"
#include "model/soft/soft.h"
#include "model/tensor.h"

struct backend;

enum norm_kind { NORM_RMS, NORM_LAYER };
enum gelu_kind { GELU_TANH, GELU_ERF };
enum activation_kind { ACTIVATION_TANH, ACTIVATION_RELU };

/* Block-diagonal attention over segments that stand behind each other in a batch. */
struct attention {
    /* q, out [T, heads*dim], k, v [T, kv_heads*dim]; lse [T, heads] keeps the log of each softmax's
     * sum, so that the backward pass needs no T x T matrix.  dq, dk, dv are overwritten. */
    struct tensor q, k, v, out, lse;
    struct tensor dout, dq, dk, dv;
    struct tensor starts; /* I32 [1, segments + 1]: segment s is tokens [starts[s], starts[s+1]) */
    int32_t segments, longest;
    int32_t heads, kv_heads, dim; /* query head h reads key/value head h / (heads / kv_heads) */
    double scale;                 /* of q.k, usually dim^-1/2 */
    int32_t window;               /* a query sees that many keys with its own; 0: all before it */
    bool causal;
    bool half; /* products of two matrices as in struct matmul; softmax and its sums stay floats */
};

/* Attention of sequences being generated.  A head's positions lie behind each other: position p of
 * key/value head h of slot s is row s * slot_rows + h * head_rows + p of keys and values [.., dim].
 * The pass's own k and v are put there first; then each query sees its slot's positions up to its
 * own.  head_rows: a multiple of 16 and more than any position; what lies behind the positions in
 * use may be read and never counts. */
struct attention_cached {
    struct tensor q, out;       /* [T, heads*dim] */
    struct tensor k, v;         /* [T, kv_heads*dim] */
    struct tensor keys, values; /* the cache */
    int64_t slot_rows, head_rows;
    struct tensor slots, positions; /* I32 [1, T]: where each query token stands */
    int32_t heads, kv_heads, dim;
    double scale;
    int32_t window;
};

/* c = alpha op(a) op(b) + beta c; op transposes where asked.  b may be BF16 (weights kept in half
 * the memory).  With `half` both operands are rounded to BF16 and sums are floats. */
struct matmul {
    struct tensor c, a, b;
    bool ta, tb;
    double alpha, beta;
    bool half;
};

/* Normalisation of each row of x [T, n] into y.  stats [T, 2]: mean and reciprocal deviation of
 * the row (mean 0 for RMS), written forward, read backward.  Backward: dy in; dx, dweight, dbias
 * accumulate, each where present. */
struct norm {
    enum norm_kind kind;
    struct tensor x, y, stats, weight, bias;
    struct tensor dy, dx, dweight, dbias;
    double epsilon;
};

struct adamw {
    double rate, beta1, beta2, epsilon, decay;
    int64_t step;      /* from 1: for the bias correction */
    double grad_scale; /* gradients are sums: 1/N times the clipping factor */
    int64_t decayed;   /* the first so many elements are decayed, those behind are not */
};

struct backend_ops {
    const char *name, *summary;
    enum dtype real; /* type of activations, trainable parameters and gradients */
    struct backend *(*open)(struct pool *pool, struct error *error);
    void (*close)(struct backend *b);

    /* -- memory.  alloc zeroes and aligns to 64 bytes; `what` names it in the error. */
    void *(*alloc)(struct backend *b, size_t bytes, const char *what, struct error *error);
    void (*release)(struct backend *b, void *data);
    /* Host memory without gaps, of type `type`, converted to and from t's own type. */
    void (*upload)(struct backend *b, struct tensor t, const void *host, enum dtype type);
    void (*download)(struct backend *b, struct tensor t, void *host, enum dtype type);
    int (*sync)(struct backend *b, struct error *error);

    /* -- linear algebra */
    void (*matmul)(struct backend *b, const struct matmul *p);
    void (*add)(struct backend *b, struct tensor y, struct tensor x);  /* y += x */
    void (*copy)(struct backend *b, struct tensor y, struct tensor x); /* x may be BF16 */
    void (*zero)(struct backend *b, struct tensor y);
    void (*multiply)(struct backend *b, struct tensor y, struct tensor x); /* y *= x */
    void (*scale)(struct backend *b, struct tensor y, double factor);
    void (*add_bias)(struct backend *b, struct tensor y, struct tensor bias); /* each row += bias */
    /* dbias [1, n] accumulates the column sums of dy. */
    void (*bias_back)(struct backend *b, struct tensor dbias, struct tensor dy);
    double (*sum_squares)(struct backend *b, struct tensor x);

    /* -- rows.  ids, rows: I32 [1, n].  y[i] = table[rows[i]], which may be
     * BF16;  scatter puts x[i] into
     * table[rows[i]], or adds it there (then a row may come several times). */
    void (*gather)(struct backend *b, struct tensor y, struct tensor table, struct tensor rows);
    void (*scatter)(struct backend *b, struct tensor table, struct tensor x, struct tensor rows,
                    bool accumulate);

    void (*norm)(struct backend *b, const struct norm *p);
    void (*norm_back)(struct backend *b, const struct norm *p);

    /* -- position.  x [T, heads*dim] rotated in place by table[position] = cos[dim/2], sin[dim/2]
     * (half-split, Hugging Face's rotate_half); direction -1 turns back, which is the gradient. */
    void (*rope)(struct backend *b, struct tensor x, struct tensor table, struct tensor positions,
                 int32_t dim, int direction);

    void (*attention)(struct backend *b, const struct attention *a);
    void (*attention_back)(struct backend *b, const struct attention *a);
    void (*attention_cached)(struct backend *b, const struct attention_cached *a);

    /* -- activations.  swiglu: gate_up [T, 2F] holds gate and up side by side, y [T, F] =
     * silu(gate) * up; the backward pass overwrites gate_up with its gradient and, where `y` is
     * present, leaves the recomputed forward value there. */
    void (*swiglu)(struct backend *b, struct tensor y, struct tensor gate_up);
    void (*swiglu_back)(struct backend *b, struct tensor gate_up, struct tensor y,
                        struct tensor dy);
    void (*gelu)(struct backend *b, enum gelu_kind kind, struct tensor y, struct tensor x);
    void (*gelu_back)(struct backend *b, enum gelu_kind kind, struct tensor x, struct tensor y,
                      struct tensor dy); /* x becomes its gradient, y the forward value */
    /* y = f(y) in place; dy *= f' from the forward value y. */
    void (*activate)(struct backend *b, enum activation_kind kind, struct tensor y);
    void (*activate_back)(struct backend *b, enum activation_kind kind, struct tensor dy,
                          struct tensor y);
    /* y = x where kept, scaled by 1/(1-p), else 0; the mask is a function of seed, stream and
     * the element's index, so the backward pass asks for the same one. */
    void (*dropout)(struct backend *b, struct tensor y, struct tensor x, double p,
                    const uint64_t seed_stream[2]);

    /* y += magnitude * uniform(-1, 1), by seed, stream and index (NEFTune's embedding noise). */
    void (*noise)(struct backend *b, struct tensor y, double magnitude,
                  const uint64_t seed_stream[2]);

    /* -- loss.  logits [n, V]; targets I32 [1, n]; nll [1, n] gets weight * -log p(target) of
     * each row; with `gradient`, logits become weight * (softmax - one-hot).  weights [1, n] may
     * be absent (all 1). */
    void (*cross_entropy)(struct backend *b, struct tensor logits, struct tensor nll,
                          struct tensor targets, struct tensor weights, bool gradient);

    /* Soft labels instead (model/soft/soft.h): the loss of each row, and with `gradient` its
     * derivative in the place of the logits. */
    void (*soft_loss)(struct backend *b, const struct soft_op *p);

    /* -- optimiser: fused AdamW on flat blocks; g is read only.
     * p *= 1 - rate*decay; m, v; p -= rate * mhat / (sqrt(vhat) + eps). */
    void (*adamw)(struct backend *b, struct tensor p, struct tensor g, struct tensor m,
                  struct tensor v, const struct adamw *how);
};

/* What every backend's own struct begins with. */
struct backend {
    const struct backend_ops *ops;
    struct pool *pool; /* borrowed */
};

extern const struct backend_ops backend_reference, backend_cpu;
extern const struct backend_ops *const backends[]; /* NULL-ended */

/* The table of that name, or NULL with an error that lists the names. */
const struct backend_ops *backend_find(const char *name, struct error *error);

/* Does this table multiply BF16 in hardware here (struct matmul's `half`)?  Without, it is slow. */
bool backend_multiplies_half(const struct backend_ops *ops);

/* For `retort doctor`: which loops and which BLAS the cpu backend uses here. */
void backend_describe(struct json *out);

/* A numbers block of the backend's own type: [1, n], zeroed; free with ops->release. */
struct tensor backend_block(struct backend *b, int64_t n, const char *what, struct error *error);

#endif
