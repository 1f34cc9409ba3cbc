/*
 * The reference backend: every operation as the textbook writes it, element by element, every
 * number a double.  It is the oracle of the other tables and is never fast.
 */
#ifndef MODEL_REFERENCE_H
#define MODEL_REFERENCE_H

#include "model/backend.h"

double reference_get(struct tensor t, int64_t row, int64_t col); /* any dtype */
void reference_set(struct tensor t, int64_t row, int64_t col, double x);
int32_t reference_index(struct tensor t, int64_t i); /* of an I32 row */

void reference_matmul(struct backend *b, const struct matmul *p);
void reference_add(struct backend *b, struct tensor y, struct tensor x);
void reference_copy(struct backend *b, struct tensor y, struct tensor x);
void reference_zero(struct backend *b, struct tensor y);
void reference_activate(struct backend *b, enum activation_kind kind, struct tensor y);
void reference_activate_back(struct backend *b, enum activation_kind kind, struct tensor dy,
                             struct tensor y);
void reference_multiply(struct backend *b, struct tensor y, struct tensor x);
void reference_scale(struct backend *b, struct tensor y, double factor);
void reference_add_bias(struct backend *b, struct tensor y, struct tensor bias);
void reference_bias_back(struct backend *b, struct tensor dbias, struct tensor dy);
double reference_sum_squares(struct backend *b, struct tensor x);
void reference_gather(struct backend *b, struct tensor y, struct tensor table, struct tensor rows);
void reference_scatter(struct backend *b, struct tensor table, struct tensor x, struct tensor rows,
                       bool accumulate);
void reference_adamw(struct backend *b, struct tensor p, struct tensor g, struct tensor m,
                     struct tensor v, const struct adamw *how);

void reference_norm(struct backend *b, const struct norm *p);
void reference_norm_back(struct backend *b, const struct norm *p);
void reference_rope(struct backend *b, struct tensor x, struct tensor table,
                    struct tensor positions, int32_t dim, int direction);
void reference_swiglu(struct backend *b, struct tensor y, struct tensor gate_up);
void reference_swiglu_back(struct backend *b, struct tensor gate_up, struct tensor y,
                           struct tensor dy);
void reference_gelu(struct backend *b, enum gelu_kind kind, struct tensor y, struct tensor x);
void reference_gelu_back(struct backend *b, enum gelu_kind kind, struct tensor x, struct tensor y,
                         struct tensor dy);
void reference_dropout(struct backend *b, struct tensor y, struct tensor x, double p,
                       const uint64_t seed_stream[2]);
void reference_noise(struct backend *b, struct tensor y, double magnitude,
                     const uint64_t seed_stream[2]);
void reference_cross_entropy(struct backend *b, struct tensor logits, struct tensor nll,
                             struct tensor targets, struct tensor weights, bool gradient);
void reference_soft_loss(struct backend *b, const struct soft_op *p);

void reference_attention(struct backend *b, const struct attention *a);
void reference_attention_back(struct backend *b, const struct attention *a);
void reference_attention_cached(struct backend *b, const struct attention_cached *a);

#endif
