/*
 * Matrices of 8-bit integers with one scale a row (an output channel): w = q * scale, q from -127
 * to 127, symmetric.  A tensor of type I8 holds in each row
 *
 *     [ q0 q1 ... q(cols-1) | anything | scale, a float ]     stride bytes, a multiple of 64
 *
 * so that rows can be taken apart (tensor_rows) and each carries its scale; columns cannot.
 *
 * A product x W^T rounds each row of x to 8 bits as well, when it comes (dynamic, one scale a
 * token): y = scale_x * scale_w * (integer dot product).  The dot product is exact, so every
 * kernel gives the same bits.
 */
#ifndef MODEL_INT8_H
#define MODEL_INT8_H

#include "model/tensor.h"

#include <stddef.h>
#include <stdint.h>

/* Bytes of a row of so many columns. */
int64_t int8_stride(int64_t cols);
/* An I8 view of memory of rows * int8_stride(cols) bytes. */
struct tensor int8_tensor(void *data, int64_t rows, int64_t cols);

/* Round n numbers, to nearest even, by the largest of them; returns the scale, NaN where one of
 * them is not finite. */
float int8_round(int8_t *q, const float *x, size_t n);

const int8_t *int8_row(struct tensor t, int64_t row);
float int8_scale(struct tensor t, int64_t row);
/* A row from floats, and as floats. */
void int8_set_row(struct tensor t, int64_t row, const float *x);
void int8_get_row(struct tensor t, int64_t row, float *x);

#endif
