#include "model/tensor.h"

#include <assert.h>

size_t dtype_size(enum dtype type)
{
    switch (type) {
    case DTYPE_F64: return 8;
    case DTYPE_F32:
    case DTYPE_I32: return 4;
    case DTYPE_BF16:
    case DTYPE_F16: return 2;
    case DTYPE_I8: break;
    }
    return 1;
}

const char *dtype_name(enum dtype type)
{
    switch (type) {
    case DTYPE_F64: return "F64";
    case DTYPE_F32: return "F32";
    case DTYPE_I32: return "I32";
    case DTYPE_BF16: return "BF16";
    case DTYPE_F16: return "F16";
    case DTYPE_I8: break;
    }
    return "I8";
}

struct tensor tensor_of(void *data, enum dtype type, int64_t rows, int64_t cols)
{
    return (struct tensor){data, rows, cols, cols, type};
}

static struct tensor moved(struct tensor t, int64_t elements)
{
    if (t.data != NULL)
        t.data = (char *)t.data + (size_t)elements * dtype_size(t.type);
    return t;
}

struct tensor tensor_rows(struct tensor t, int64_t first, int64_t n)
{
    assert(first >= 0 && n >= 0 && first + n <= t.rows);
    t = moved(t, first * t.stride);
    t.rows = n;
    return t;
}

struct tensor tensor_cols(struct tensor t, int64_t first, int64_t n)
{
    assert(first >= 0 && n >= 0 && first + n <= t.cols);
    t = moved(t, first);
    t.cols = n;
    return t;
}

struct tensor tensor_reshape(struct tensor t, int64_t rows, int64_t cols)
{
    assert((t.stride == t.cols || t.rows <= 1) && rows * cols == t.rows * t.cols);
    t.rows = rows;
    t.cols = t.stride = cols;
    return t;
}

int64_t tensor_count(struct tensor t)
{
    return t.rows * t.cols;
}

bool tensor_present(struct tensor t)
{
    return t.data != NULL;
}

struct tensor tensor_top(struct tensor t, int64_t rows)
{
    return tensor_present(t) ? tensor_rows(t, 0, rows) : t;
}
