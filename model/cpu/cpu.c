#include "model/cpu/cpu.h"

#include "core/mem.h"
#include "model/cpu/cpu_memory.h"
#include "model/half.h"
#include "model/int8.h"

#include <assert.h>
#include <string.h>

enum { RUN_ELEMENTS = 16384 }; /* of one task of an elementwise operation: 64 KB */

struct cpu *cpu_of(struct backend *b)
{
    return (struct cpu *)(void *)b;
}

/* Scratch only grows, so after the first step nothing is allocated. */
static float *grown(float **block, size_t *size, size_t floats)
{
    if (*size < floats) {
        struct error error;
        cpu_memory_free(*block);
        *block = cpu_memory_new(floats * sizeof(float), "scratch", &error);
        if (*block == NULL)
            (void)mem_zero(floats, sizeof(float)); /* says so and ends */
        *size = floats;
    }
    return *block;
}

float *cpu_scratch(struct cpu *c, int worker, size_t floats)
{
    return grown(&c->scratch[worker], &c->scratch_size[worker], floats);
}

float *cpu_shared(struct cpu *c, size_t floats)
{
    return grown(&c->shared, &c->shared_size, floats);
}

float *cpu_row(struct tensor t, int64_t i)
{
    assert(t.type == DTYPE_F32);
    return (float *)t.data + i * t.stride;
}

const int32_t *cpu_ints(struct tensor t)
{
    assert(t.type == DTYPE_I32);
    return t.data;
}

struct rows_task {
    struct cpu *c;
    cpu_rows_fn *fn;
    const void *context;
    int64_t rows, step;
};

static void rows_task(void *context, size_t task, int worker)
{
    const struct rows_task *t = context;
    const int64_t first = (int64_t)task * t->step, left = t->rows - first;
    (void)worker;
    t->fn(t->c, t->context, first, left < t->step ? left : t->step);
}

void cpu_rows(struct cpu *c, int64_t rows, int64_t cols, cpu_rows_fn *fn, const void *context)
{
    const int64_t step = cols >= RUN_ELEMENTS ? 1 : RUN_ELEMENTS / (cols > 0 ? cols : 1);
    struct rows_task t = {c, fn, context, rows, step};
    pool_run(c->base.pool, (size_t)((rows + step - 1) / step), rows_task, &t);
}

static struct backend *open_cpu(struct pool *pool, struct error *error)
{
    struct cpu *c = mem_zero(1, sizeof *c);
    (void)error;
    c->base = (struct backend){&backend_cpu, pool};
    c->k = kernels_best();
    c->int8 = int8_kernels_best();
    c->micro[false] = micro_best(false);
    c->micro[true] = micro_best(true);
    c->scratch = mem_zero((size_t)pool_threads(pool), sizeof *c->scratch);
    c->scratch_size = mem_zero((size_t)pool_threads(pool), sizeof *c->scratch_size);
    return &c->base;
}

static void close_cpu(struct backend *b)
{
    struct cpu *c = cpu_of(b);
    for (int i = 0; i < pool_threads(b->pool); i++)
        cpu_memory_free(c->scratch[i]);
    cpu_memory_free(c->shared);
    mem_free(c->scratch);
    mem_free(c->scratch_size);
    mem_free(c);
}

static void *alloc(struct backend *b, size_t bytes, const char *what, struct error *error)
{
    (void)b;
    return cpu_memory_new(bytes, what, error);
}

static void release(struct backend *b, void *data)
{
    (void)b;
    cpu_memory_free(data);
}

static double read_number(const void *p, enum dtype type, size_t i)
{
    switch (type) {
    case DTYPE_F64: return ((const double *)p)[i];
    case DTYPE_F32: return (double)((const float *)p)[i];
    case DTYPE_BF16: return (double)half_from_bf16(((const uint16_t *)p)[i]);
    case DTYPE_F16: return (double)half_from_f16(((const uint16_t *)p)[i]);
    case DTYPE_I32: return ((const int32_t *)p)[i];
    case DTYPE_I8: break;
    }
    return ((const signed char *)p)[i];
}

static void write_number(void *p, enum dtype type, size_t i, double x)
{
    switch (type) {
    case DTYPE_F64: ((double *)p)[i] = x; return;
    case DTYPE_F32: ((float *)p)[i] = (float)x; return;
    case DTYPE_BF16: ((uint16_t *)p)[i] = half_to_bf16((float)x); return;
    case DTYPE_F16: ((uint16_t *)p)[i] = half_to_f16((float)x); return;
    case DTYPE_I32: ((int32_t *)p)[i] = (int32_t)x; return;
    case DTYPE_I8: break;
    }
    ((signed char *)p)[i] = (signed char)x;
}

/* n numbers from one type to another. */
static void convert(void *to, enum dtype to_type, const void *from, enum dtype from_type, size_t n)
{
    if (to_type == from_type) {
        memcpy(to, from, n * dtype_size(to_type));
        return;
    }
    if (to_type == DTYPE_BF16 && from_type == DTYPE_F32) {
        for (size_t i = 0; i < n; i++)
            ((uint16_t *)to)[i] = half_to_bf16(((const float *)from)[i]);
        return;
    }
    for (size_t i = 0; i < n; i++)
        write_number(to, to_type, i, read_number(from, from_type, i));
}

static void upload(struct backend *b, struct tensor t, const void *host, enum dtype type)
{
    const size_t size = dtype_size(type), width = (size_t)t.cols;
    (void)b;
    if (t.type == DTYPE_I8) {
        assert(type == DTYPE_F32);
        for (int64_t i = 0; i < t.rows; i++)
            int8_set_row(t, i, (const float *)host + i * t.cols);
        return;
    }
    for (int64_t i = 0; i < t.rows; i++)
        convert((char *)t.data + (size_t)(i * t.stride) * dtype_size(t.type), t.type,
                (const char *)host + (size_t)i * width * size, type, width);
}

static void download(struct backend *b, struct tensor t, void *host, enum dtype type)
{
    const size_t size = dtype_size(type), width = (size_t)t.cols;
    (void)b;
    if (t.type == DTYPE_I8) {
        assert(type == DTYPE_F32);
        for (int64_t i = 0; i < t.rows; i++)
            int8_get_row(t, i, (float *)host + i * t.cols);
        return;
    }
    for (int64_t i = 0; i < t.rows; i++)
        convert((char *)host + (size_t)i * width * size, type,
                (const char *)t.data + (size_t)(i * t.stride) * dtype_size(t.type), t.type, width);
}

static int sync(struct backend *b, struct error *error)
{
    (void)b;
    (void)error;
    return 0;
}

const struct backend_ops backend_cpu = {
    .name = "cpu",
    .summary = "our own products and SIMD loops in float on all processors",
    .real = DTYPE_F32,
    .open = open_cpu,
    .close = close_cpu,
    .alloc = alloc,
    .release = release,
    .upload = upload,
    .download = download,
    .sync = sync,
    .matmul = cpu_matmul,
    .add = cpu_add,
    .copy = cpu_copy,
    .zero = cpu_zero,
    .multiply = cpu_multiply,
    .scale = cpu_scale,
    .add_bias = cpu_add_bias,
    .bias_back = cpu_bias_back,
    .sum_squares = cpu_sum_squares,
    .gather = cpu_gather,
    .scatter = cpu_scatter,
    .norm = cpu_norm,
    .norm_back = cpu_norm_back,
    .rope = cpu_rope,
    .attention = cpu_attention,
    .attention_back = cpu_attention_back,
    .attention_cached = cpu_attention_cached,
    .swiglu = cpu_swiglu,
    .swiglu_back = cpu_swiglu_back,
    .gelu = cpu_gelu,
    .gelu_back = cpu_gelu_back,
    .activate = cpu_activate,
    .activate_back = cpu_activate_back,
    .dropout = cpu_dropout,
    .noise = cpu_noise,
    .cross_entropy = cpu_cross_entropy,
    .soft_loss = cpu_soft_loss,
    .adamw = cpu_adamw,
};
