/*
 * A tensor is a view: where the numbers are, of which type, and as how many rows of how many
 * columns.  It owns nothing.  `data` belongs to the backend that allocated it and may be device
 * memory: only a backend reads or writes through it; everybody else moves numbers with
 * backend_upload and backend_download.
 *
 * Everything in a transformer is a matrix here: activations are [tokens, width] with the
 * sequences of a batch behind each other, weights are [out, in] as Hugging Face stores a Linear,
 * vectors are [1, n].
 */
#ifndef MODEL_TENSOR_H
#define MODEL_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dtype {
    DTYPE_F32,
    DTYPE_F64, /* the number type of the reference backend */
    DTYPE_BF16,
    DTYPE_F16,
    DTYPE_I8,
    DTYPE_I32,
};

struct tensor {
    void *data; /* NULL: absent (a bias that the model does not have) */
    int64_t rows, cols;
    int64_t stride; /* elements from one row to the next, >= cols */
    enum dtype type;
};

#define TENSOR_ABSENT ((struct tensor){NULL, 0, 0, 0, DTYPE_F32})

size_t dtype_size(enum dtype type);
const char *dtype_name(enum dtype type); /* "F32", "BF16": the names of safetensors */

struct tensor tensor_of(void *data, enum dtype type, int64_t rows, int64_t cols);
/* Rows [first, first + n) and columns [first, first + n) of a tensor. */
struct tensor tensor_rows(struct tensor t, int64_t first, int64_t n);
struct tensor tensor_cols(struct tensor t, int64_t first, int64_t n);
/* Its first rows; the absent tensor stays absent. */
struct tensor tensor_top(struct tensor t, int64_t rows);
/* The same rows without gaps, seen as [rows, cols] of another shape (stride must equal cols). */
struct tensor tensor_reshape(struct tensor t, int64_t rows, int64_t cols);
int64_t tensor_count(struct tensor t); /* rows * cols */
bool tensor_present(struct tensor t);

#endif
