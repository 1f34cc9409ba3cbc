#include "model/reference/reference.h"

#include "core/mem.h"
#include "model/half.h"
#include "model/int8.h"

#include <assert.h>
#include <string.h>

double reference_get(struct tensor t, int64_t row, int64_t col)
{
    const int64_t i = row * t.stride + col;
    assert(row >= 0 && row < t.rows && col >= 0 && col < t.cols);
    switch (t.type) {
    case DTYPE_F64: return ((const double *)t.data)[i];
    case DTYPE_F32: return (double)((const float *)t.data)[i];
    case DTYPE_BF16: return (double)half_from_bf16(((const uint16_t *)t.data)[i]);
    case DTYPE_F16: return (double)half_from_f16(((const uint16_t *)t.data)[i]);
    case DTYPE_I32: return ((const int32_t *)t.data)[i];
    case DTYPE_I8: break;
    }
    return (double)int8_scale(t, row) * ((const signed char *)t.data)[i];
}

void reference_set(struct tensor t, int64_t row, int64_t col, double x)
{
    const int64_t i = row * t.stride + col;
    assert(row >= 0 && row < t.rows && col >= 0 && col < t.cols);
    switch (t.type) {
    case DTYPE_F64: ((double *)t.data)[i] = x; return;
    case DTYPE_F32: ((float *)t.data)[i] = (float)x; return;
    case DTYPE_BF16: ((uint16_t *)t.data)[i] = half_to_bf16((float)x); return;
    case DTYPE_F16: ((uint16_t *)t.data)[i] = half_to_f16((float)x); return;
    case DTYPE_I32: ((int32_t *)t.data)[i] = (int32_t)x; return;
    case DTYPE_I8: break;
    }
    ((signed char *)t.data)[i] = (signed char)x;
}

int32_t reference_index(struct tensor t, int64_t i)
{
    assert(t.type == DTYPE_I32 && i >= 0 && i < t.cols);
    return ((const int32_t *)t.data)[i];
}

static struct backend *open_reference(struct pool *pool, struct error *error)
{
    struct backend *b = mem_zero(1, sizeof *b);
    (void)error;
    b->ops = &backend_reference;
    b->pool = pool;
    return b;
}

static void close_reference(struct backend *b)
{
    mem_free(b);
}

static void *alloc(struct backend *b, size_t bytes, const char *what, struct error *error)
{
    (void)b;
    return mem_try(bytes, what, error);
}

static void release(struct backend *b, void *data)
{
    (void)b;
    mem_free(data);
}

/* Host memory seen as a tensor of t's shape. */
static struct tensor host_view(struct tensor t, const void *host, enum dtype type)
{
    union {
        const void *in;
        void *out;
    } same = {host};
    return tensor_of(same.out, type, t.rows, t.cols);
}

static void upload(struct backend *b, struct tensor t, const void *host, enum dtype type)
{
    reference_copy(b, t, host_view(t, host, type));
}

static void download(struct backend *b, struct tensor t, void *host, enum dtype type)
{
    reference_copy(b, host_view(t, host, type), t);
}

static int sync(struct backend *b, struct error *error)
{
    (void)b;
    (void)error;
    return 0;
}

const struct backend_ops backend_reference = {
    .name = "reference",
    .summary = "naive loops in double precision: the oracle of the tests",
    .real = DTYPE_F64,
    .open = open_reference,
    .close = close_reference,
    .alloc = alloc,
    .release = release,
    .upload = upload,
    .download = download,
    .sync = sync,
    .matmul = reference_matmul,
    .add = reference_add,
    .copy = reference_copy,
    .zero = reference_zero,
    .multiply = reference_multiply,
    .scale = reference_scale,
    .add_bias = reference_add_bias,
    .bias_back = reference_bias_back,
    .sum_squares = reference_sum_squares,
    .gather = reference_gather,
    .scatter = reference_scatter,
    .norm = reference_norm,
    .norm_back = reference_norm_back,
    .rope = reference_rope,
    .attention = reference_attention,
    .attention_back = reference_attention_back,
    .attention_cached = reference_attention_cached,
    .swiglu = reference_swiglu,
    .swiglu_back = reference_swiglu_back,
    .gelu = reference_gelu,
    .gelu_back = reference_gelu_back,
    .activate = reference_activate,
    .activate_back = reference_activate_back,
    .dropout = reference_dropout,
    .noise = reference_noise,
    .cross_entropy = reference_cross_entropy,
    .soft_loss = reference_soft_loss,
    .adamw = reference_adamw,
};
