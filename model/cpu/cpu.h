/*
 * The cpu backend: float, tiles of products (model/gemm.h), our own loops for the rest.  Work is cut by shapes only,
 * so results are the same bits for any number of threads.
 */
#ifndef MODEL_CPU_H
#define MODEL_CPU_H

#include "model/backend.h"
#include "model/kernels/kernels.h"
#include "model/kernels/kernels_int8.h"
#include "model/kernels/micro.h"

struct cpu {
    struct backend base;
    const struct kernels *k;
    const struct int8_kernels *int8;
    const struct micro *micro[2]; /* tiles of small products: of floats, with BF16 operands */
    float **scratch;              /* one a worker, grown when an operation needs more */
    size_t *scratch_size;
    float *shared; /* one for the operation in hand */
    size_t shared_size;
};

struct cpu *cpu_of(struct backend *b);
float *cpu_scratch(struct cpu *c, int worker, size_t floats);
float *cpu_shared(struct cpu *c, size_t floats);
/* Row `i` of a float tensor. */
float *cpu_row(struct tensor t, int64_t i);
const int32_t *cpu_ints(struct tensor t);

/* Run fn(c, context, first, n) over runs of rows that hold about `work` elements each. */
typedef void cpu_rows_fn(struct cpu *c, const void *context, int64_t first, int64_t n);
void cpu_rows(struct cpu *c, int64_t rows, int64_t cols, cpu_rows_fn *fn, const void *context);

/* Rows of two tensors: both[0], floats, gets both[1], BF16 (a cpu_rows_fn; context: both). */
void cpu_widen(struct cpu *c, const void *both, int64_t first, int64_t n);

void cpu_matmul(struct backend *b, const struct matmul *p);
void cpu_int8_matmul(struct backend *b, const struct matmul *p);
void cpu_add(struct backend *b, struct tensor y, struct tensor x);
void cpu_copy(struct backend *b, struct tensor y, struct tensor x);
void cpu_zero(struct backend *b, struct tensor y);
void cpu_multiply(struct backend *b, struct tensor y, struct tensor x);
void cpu_scale(struct backend *b, struct tensor y, double factor);
void cpu_add_bias(struct backend *b, struct tensor y, struct tensor bias);
void cpu_bias_back(struct backend *b, struct tensor dbias, struct tensor dy);
double cpu_sum_squares(struct backend *b, struct tensor x);
void cpu_gather(struct backend *b, struct tensor y, struct tensor table, struct tensor rows);
void cpu_scatter(struct backend *b, struct tensor table, struct tensor x, struct tensor rows,
                 bool accumulate);
void cpu_adamw(struct backend *b, struct tensor p, struct tensor g, struct tensor m,
               struct tensor v, const struct adamw *how);

void cpu_norm(struct backend *b, const struct norm *p);
void cpu_norm_back(struct backend *b, const struct norm *p);
void cpu_rope(struct backend *b, struct tensor x, struct tensor table, struct tensor positions,
              int32_t dim, int direction);
void cpu_swiglu(struct backend *b, struct tensor y, struct tensor gate_up);
void cpu_swiglu_back(struct backend *b, struct tensor gate_up, struct tensor y, struct tensor dy);
void cpu_gelu(struct backend *b, enum gelu_kind kind, struct tensor y, struct tensor x);
void cpu_gelu_back(struct backend *b, enum gelu_kind kind, struct tensor x, struct tensor y,
                   struct tensor dy);
void cpu_activate(struct backend *b, enum activation_kind kind, struct tensor y);
void cpu_activate_back(struct backend *b, enum activation_kind kind, struct tensor dy,
                       struct tensor y);
void cpu_dropout(struct backend *b, struct tensor y, struct tensor x, double p,
                 const uint64_t seed_stream[2]);
void cpu_noise(struct backend *b, struct tensor y, double magnitude, const uint64_t seed_stream[2]);
void cpu_cross_entropy(struct backend *b, struct tensor logits, struct tensor nll,
                       struct tensor targets, struct tensor weights, bool gradient);
void cpu_soft_loss(struct backend *b, const struct soft_op *p);

void cpu_attention(struct backend *b, const struct attention *a);
void cpu_attention_back(struct backend *b, const struct attention *a);
void cpu_attention_cached(struct backend *b, const struct attention_cached *a);

#endif
