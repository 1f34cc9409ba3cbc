#include "model/int8.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

int64_t int8_stride(int64_t cols)
{
    return (cols + (int64_t)sizeof(float) + 63) / 64 * 64;
}

struct tensor int8_tensor(void *data, int64_t rows, int64_t cols)
{
    return (struct tensor){data, rows, cols, int8_stride(cols), DTYPE_I8};
}

float int8_round(int8_t *q, const float *x, size_t n)
{
    float largest = 0, factor;
    bool finite = true;
    for (size_t i = 0; i < n; i++) {
        const float size = fabsf(x[i]);
        finite = finite && isfinite(x[i]);
        largest = size > largest ? size : largest;
    }
    if (!finite || largest == 0) {
        memset(q, 0, n);
        return finite ? 0 : NAN;
    }
    factor = 127 / largest;
    if (isinf(factor)) { /* subnormal numbers: as good as zeros */
        memset(q, 0, n);
        return 0;
    }
    for (size_t i = 0; i < n; i++)
        q[i] = (int8_t)lrintf(x[i] * factor);
    return largest / 127;
}

static char *row_of(struct tensor t, int64_t row)
{
    assert(t.type == DTYPE_I8 && row >= 0 && row < t.rows && t.stride == int8_stride(t.cols));
    return (char *)t.data + row * t.stride;
}

const int8_t *int8_row(struct tensor t, int64_t row)
{
    return (const int8_t *)row_of(t, row);
}

float int8_scale(struct tensor t, int64_t row)
{
    float scale;
    memcpy(&scale, row_of(t, row) + t.stride - (int64_t)sizeof scale, sizeof scale);
    return scale;
}

void int8_set_row(struct tensor t, int64_t row, const float *x)
{
    const float scale = int8_round((int8_t *)row_of(t, row), x, (size_t)t.cols);
    memcpy(row_of(t, row) + t.stride - (int64_t)sizeof scale, &scale, sizeof scale);
}

void int8_get_row(struct tensor t, int64_t row, float *x)
{
    const int8_t *q = int8_row(t, row);
    const float scale = int8_scale(t, row);
    for (int64_t i = 0; i < t.cols; i++)
        x[i] = scale * (float)q[i];
}
