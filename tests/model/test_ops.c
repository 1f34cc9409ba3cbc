/*
 * Operations of the backends.  Each backward kernel of the reference backend against central
 * differences of its forward kernel, in double; each kernel of the cpu backend (every instruction
 * set that runs here) against the reference backend, at sizes that are no multiples of anything.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/mem.h"
#include "core/processor.h"
#include "core/rng.h"
#include "model/backend.h"
#include "model/half.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_TENSORS = 16, T = 29, WIDTH = 37, HEADS = 6, KV = 2, DIM = 10 };

/* A scene: named tensors filled with numbers by place, in one backend's memory. */
struct scene {
    struct backend *b;
    struct tensor t[MAX_TENSORS];
    int n;
};

static struct scene open_scene(const struct backend_ops *ops, struct pool *pool)
{
    struct scene s = {.b = ops->open(pool, NULL)};
    assert_non_null(s.b);
    return s;
}

static void close_scene(struct scene *s)
{
    for (int i = 0; i < s->n; i++)
        s->b->ops->release(s->b, s->t[i].data);
    s->b->ops->close(s->b);
}

/* The next tensor: reproducible numbers around 0, or zeros. */
static struct tensor put(struct scene *s, int64_t rows, int64_t cols, double size)
{
    const int64_t n = rows * cols;
    struct tensor t = backend_block(s->b, n, "a test", NULL);
    float *host = mem_alloc((size_t)n * sizeof *host);
    assert_true(tensor_present(t) && s->n < MAX_TENSORS);
    t = tensor_reshape(t, rows, cols);
    for (int64_t i = 0; i < n; i++) {
        struct rng rng = {11, (uint64_t)s->n, 2 * (uint64_t)i};
        host[i] = (float)(size * rng_normal(&rng));
    }
    s->b->ops->upload(s->b, t, host, DTYPE_F32);
    mem_free(host);
    s->t[s->n++] = t;
    return t;
}

static struct tensor put_ints(struct scene *s, const int32_t *x, int64_t n)
{
    void *data = s->b->ops->alloc(s->b, (size_t)n * sizeof *x, "a test", NULL);
    struct tensor t = tensor_of(data, DTYPE_I32, 1, n);
    assert_true(s->n < MAX_TENSORS);
    s->b->ops->upload(s->b, t, x, DTYPE_I32);
    s->t[s->n++] = t;
    return t;
}

static double *get(struct scene *s, struct tensor t)
{
    double *host = mem_alloc((size_t)tensor_count(t) * sizeof *host);
    s->b->ops->download(s->b, t, host, DTYPE_F64);
    return host;
}

/*
 * One operation with its gradient.  inputs: the first so many tensors are differentiable, and
 * gradients of tensor i go to tensor `gradients + i`.  The scalar is sum(output * dout).
 */
struct operation {
    const char *name;
    int inputs, output, dout, gradients;
    void (*make)(struct scene *s);
    void (*forward)(struct scene *s);
    void (*backward)(struct scene *s);
};

/* -- RMS and layer norm: x, w, bias | y, dout, stats | dx, dw, db */
static void make_norm(struct scene *s)
{
    put(s, T, WIDTH, 1);
    put(s, 1, WIDTH, 1);
    put(s, 1, WIDTH, 1);
    put(s, T, WIDTH, 0);
    put(s, T, WIDTH, 1);
    put(s, T, 2, 0);
    put(s, T, WIDTH, 0);
    put(s, 1, WIDTH, 0);
    put(s, 1, WIDTH, 0);
}

static struct norm norm_of(struct scene *s, enum norm_kind kind)
{
    struct norm p = {.kind = kind,
                     .x = s->t[0],
                     .y = s->t[3],
                     .stats = s->t[5],
                     .weight = s->t[1],
                     .dy = s->t[4],
                     .dx = s->t[6],
                     .dweight = s->t[7],
                     .epsilon = 1e-5};
    if (kind == NORM_LAYER) {
        p.bias = s->t[2];
        p.dbias = s->t[8];
    }
    return p;
}

static void rms(struct scene *s)
{
    const struct norm p = norm_of(s, NORM_RMS);
    s->b->ops->norm(s->b, &p);
}

static void rms_back(struct scene *s)
{
    const struct norm p = norm_of(s, NORM_RMS);
    s->b->ops->norm_back(s->b, &p);
}

static void layer(struct scene *s)
{
    const struct norm p = norm_of(s, NORM_LAYER);
    s->b->ops->norm(s->b, &p);
}

static void layer_back(struct scene *s)
{
    const struct norm p = norm_of(s, NORM_LAYER);
    s->b->ops->norm_back(s->b, &p);
}

/* -- attention: q, k, v | out, dout, lse | dq, dk, dv | starts */
static void make_segments(struct scene *s, const int32_t starts[5])
{
    const int64_t tokens = starts[4];
    put(s, tokens, HEADS * DIM, 1);
    put(s, tokens, KV * DIM, 1);
    put(s, tokens, KV * DIM, 1);
    put(s, tokens, HEADS * DIM, 0);
    put(s, tokens, HEADS * DIM, 1);
    put(s, tokens, HEADS, 0);
    put(s, tokens, HEADS * DIM, 0);
    put(s, tokens, KV * DIM, 0);
    put(s, tokens, KV * DIM, 0);
    put_ints(s, starts, 5);
}

static void make_attention(struct scene *s)
{
    make_segments(s, (const int32_t[]){0, 5, 6, 6, T});
}

/* Several blocks of queries, the last ones with a rest. */
static void make_long_attention(struct scene *s)
{
    make_segments(s, (const int32_t[]){0, 84, 85, 290, 500});
}

static struct attention attention_of(struct scene *s, bool causal, int32_t window)
{
    return (struct attention){.q = s->t[0],
                              .k = s->t[1],
                              .v = s->t[2],
                              .out = s->t[3],
                              .dout = s->t[4],
                              .lse = s->t[5],
                              .dq = s->t[6],
                              .dk = s->t[7],
                              .dv = s->t[8],
                              .starts = s->t[9],
                              .segments = 4,
                              .longest = s->t[0].rows == T ? T - 6 : 210,
                              .heads = HEADS,
                              .kv_heads = KV,
                              .dim = DIM,
                              .scale = 0.3,
                              .window = window,
                              .causal = causal};
}

#define ATTENTION(NAME, CAUSAL, WINDOW)                                                            \
    static void NAME(struct scene *s)                                                              \
    {                                                                                              \
        const struct attention a = attention_of(s, CAUSAL, WINDOW);                                \
        s->b->ops->attention(s->b, &a);                                                            \
    }                                                                                              \
    static void NAME##_back(struct scene *s)                                                       \
    {                                                                                              \
        const struct attention a = attention_of(s, CAUSAL, WINDOW);                                \
        s->b->ops->attention(s->b, &a);                                                            \
        s->b->ops->attention_back(s->b, &a);                                                       \
    }
ATTENTION(causal, true, 0)
ATTENTION(windowed, true, 4)
ATTENTION(wide, true, 100)
ATTENTION(open, false, 0)

/* -- swiglu: gate_up | y, dout | d gate_up (a copy that the backward pass overwrites) */
static void make_swiglu(struct scene *s)
{
    put(s, T, 2 * WIDTH, 2);
    put(s, T, WIDTH, 0);
    put(s, T, WIDTH, 1);
    put(s, T, 2 * WIDTH, 0);
}

static void swiglu(struct scene *s)
{
    s->b->ops->swiglu(s->b, s->t[1], s->t[0]);
}

static void swiglu_back(struct scene *s)
{
    s->b->ops->copy(s->b, s->t[3], s->t[0]);
    s->b->ops->swiglu_back(s->b, s->t[3], s->t[1], s->t[2]);
}

/* -- gelu: x | y, dout | dx */
static void make_gelu(struct scene *s)
{
    put(s, T, WIDTH, 2);
    put(s, T, WIDTH, 0);
    put(s, T, WIDTH, 1);
    put(s, T, WIDTH, 0);
}

#define GELU(NAME, KIND)                                                                           \
    static void NAME(struct scene *s)                                                              \
    {                                                                                              \
        s->b->ops->gelu(s->b, KIND, s->t[1], s->t[0]);                                             \
    }                                                                                              \
    static void NAME##_back(struct scene *s)                                                       \
    {                                                                                              \
        s->b->ops->copy(s->b, s->t[3], s->t[0]);                                                   \
        s->b->ops->gelu_back(s->b, KIND, s->t[3], s->t[1], s->t[2]);                               \
    }
GELU(gelu_tanh, GELU_TANH)
GELU(gelu_erf, GELU_ERF)

/* -- rope: x | y, dout | dx | table, positions */
static void make_rope(struct scene *s)
{
    int32_t positions[T];
    for (int32_t i = 0; i < T; i++)
        positions[i] = (i * 5) % 17;
    put(s, T, 3 * DIM, 1);
    put(s, T, 3 * DIM, 0);
    put(s, T, 3 * DIM, 1);
    put(s, T, 3 * DIM, 0);
    put(s, 17, DIM, 1);
    put_ints(s, positions, T);
}

static void rope(struct scene *s)
{
    s->b->ops->copy(s->b, s->t[1], s->t[0]);
    s->b->ops->rope(s->b, s->t[1], s->t[4], s->t[5], DIM, 1);
}

static void rope_back(struct scene *s)
{
    s->b->ops->copy(s->b, s->t[3], s->t[2]);
    s->b->ops->rope(s->b, s->t[3], s->t[4], s->t[5], DIM, -1);
}

/* -- cross-entropy: logits | nll, dout (weights) | gradient | targets */
static void make_loss(struct scene *s)
{
    int32_t targets[T];
    for (int32_t i = 0; i < T; i++)
        targets[i] = (i * 7) % WIDTH;
    put(s, T, WIDTH, 3);
    put(s, 1, T, 0);
    put(s, 1, T, 1);
    put(s, T, WIDTH, 0);
    put_ints(s, targets, T);
}

static void loss(struct scene *s)
{
    s->b->ops->copy(s->b, s->t[3], s->t[0]);
    s->b->ops->cross_entropy(s->b, s->t[3], s->t[1], s->t[4], TENSOR_ABSENT, false);
}

static void loss_back(struct scene *s)
{
    s->b->ops->copy(s->b, s->t[3], s->t[0]);
    s->b->ops->cross_entropy(s->b, s->t[3], s->t[1], s->t[4], s->t[2], true);
}

/* -- a linear layer with bias: x, w, bias | y, dout | dx, dw, dbias */
static void make_linear(struct scene *s)
{
    put(s, T, WIDTH, 1);
    put(s, 41, WIDTH, 1);
    put(s, 1, 41, 1);
    put(s, T, 41, 0);
    put(s, T, 41, 1);
    put(s, T, WIDTH, 0);
    put(s, 41, WIDTH, 0);
    put(s, 1, 41, 0);
}

static void linear(struct scene *s)
{
    const struct matmul p = {.c = s->t[3], .a = s->t[0], .b = s->t[1], .tb = true, .alpha = 1};
    s->b->ops->matmul(s->b, &p);
    s->b->ops->add_bias(s->b, s->t[3], s->t[2]);
}

static void linear_back(struct scene *s)
{
    const struct matmul dx = {.c = s->t[5], .a = s->t[4], .b = s->t[1], .alpha = 1};
    const struct matmul dw = {
        .c = s->t[6], .a = s->t[4], .b = s->t[0], .ta = true, .alpha = 1, .beta = 1};
    s->b->ops->matmul(s->b, &dx);
    s->b->ops->matmul(s->b, &dw);
    s->b->ops->bias_back(s->b, s->t[7], s->t[4]);
}

static const struct operation operations[] = {
    {"rms norm", 2, 3, 4, 6, make_norm, rms, rms_back},
    {"layer norm", 3, 3, 4, 6, make_norm, layer, layer_back},
    {"attention", 3, 3, 4, 6, make_attention, causal, causal_back},
    {"attention, window", 3, 3, 4, 6, make_attention, windowed, windowed_back},
    {"attention, both ways", 3, 3, 4, 6, make_attention, open, open_back},
    {"swiglu", 1, 1, 2, 3, make_swiglu, swiglu, swiglu_back},
    {"gelu tanh", 1, 1, 2, 3, make_gelu, gelu_tanh, gelu_tanh_back},
    {"gelu erf", 1, 1, 2, 3, make_gelu, gelu_erf, gelu_erf_back},
    {"rope", 1, 1, 2, 3, make_rope, rope, rope_back},
    {"cross-entropy", 1, 1, 2, 3, make_loss, loss, loss_back},
    {"linear", 3, 3, 4, 5, make_linear, linear, linear_back},
};
enum { OPERATIONS = sizeof operations / sizeof *operations };

/* Too much work for differences: against the reference backend only. */
static const struct operation large[] = {
    {"attention, long", 3, 3, 4, 6, make_long_attention, causal, causal_back},
    {"attention, long, window", 3, 3, 4, 6, make_long_attention, windowed, windowed_back},
    {"attention, long, wide window", 3, 3, 4, 6, make_long_attention, wide, wide_back},
    {"attention, long, both ways", 3, 3, 4, 6, make_long_attention, open, open_back},
};
enum { LARGE = sizeof large / sizeof *large };

/* sum(output * dout) */
static double scalar(const struct operation *o, struct scene *s)
{
    double *y, *d, sum = 0;
    o->forward(s);
    y = get(s, s->t[o->output]);
    d = get(s, s->t[o->dout]);
    for (int64_t i = 0; i < tensor_count(s->t[o->output]); i++)
        sum += y[i] * d[i];
    mem_free(y);
    mem_free(d);
    return sum;
}

static double moved(const struct operation *o, struct scene *s, double *at, double by)
{
    const double old = *at;
    double result;
    *at = old + by;
    result = scalar(o, s);
    *at = old;
    return result;
}

/* Every seventh element of every input. */
static void check_differences(const struct operation *o)
{
    struct scene s = open_scene(&backend_reference, NULL);
    double worst = 0;
    o->make(&s);
    o->forward(&s);
    o->backward(&s);
    for (int i = 0; i < o->inputs; i++) {
        double *gradient = get(&s, s.t[o->gradients + i]), size = 0;
        double *x = s.t[i].data; /* the reference backend's memory is plain doubles */
        for (int64_t k = 0; k < tensor_count(s.t[i]); k++)
            size = fmax(size, fabs(gradient[k]));
        assert_true(size > 0.01);
        for (int64_t k = i; k < tensor_count(s.t[i]); k += 7) {
            const double h = 1e-5;
            const double slope = (moved(o, &s, x + k, h) - moved(o, &s, x + k, -h)) / (2 * h);
            worst = fmax(worst, fabs(slope - gradient[k]) / size);
        }
        mem_free(gradient);
    }
    printf("differences  %-22s %.1e\n", o->name, worst);
    assert_true(worst < 1e-7);
    close_scene(&s);
}

static void test_differences(void **state)
{
    (void)state;
    for (int i = 0; i < OPERATIONS; i++)
        check_differences(&operations[i]);
}

static double compare(struct scene *want, struct scene *got, int i)
{
    double *a = get(want, want->t[i]), *b = get(got, got->t[i]), size = 1e-9, worst = 0;
    for (int64_t k = 0; k < tensor_count(want->t[i]); k++)
        size = fmax(size, fabs(a[k]));
    for (int64_t k = 0; k < tensor_count(want->t[i]); k++)
        worst = fabs(a[k] - b[k]) <= worst * size ? worst : fabs(a[k] - b[k]) / size;
    mem_free(a);
    mem_free(b);
    return worst;
}

static void check_cpu(const struct operation *o, struct pool *pool)
{
    struct scene want = open_scene(&backend_reference, NULL);
    struct scene got = open_scene(&backend_cpu, pool);
    double worst = 0;
    o->make(&want);
    o->make(&got);
    o->forward(&want);
    o->forward(&got);
    worst = compare(&want, &got, o->output);
    o->backward(&want);
    o->backward(&got);
    for (int i = 0; i < o->inputs; i++)
        worst = fmax(worst, compare(&want, &got, o->gradients + i));
    if (!(worst < 2e-6))
        fail_msg("%s: %g", o->name, worst);
    close_scene(&want);
    close_scene(&got);
}

static void test_cpu_against_reference(void **state)
{
    static const char *const tables[] = {"generic", "avx2", "avx512"};
    struct pool *pool = pool_new(3);
    (void)state;
    for (size_t k = 0; k < 3; k++) {
        processor_limit(tables[k]);
        for (int i = 0; i < OPERATIONS; i++)
            check_cpu(&operations[i], k == 1 ? pool : NULL);
        for (int i = 0; i < LARGE; i++)
            check_cpu(&large[i], k == 1 ? pool : NULL);
    }
    processor_limit(NULL);
    pool_free(pool);
}

/* AdamW on both, a few steps, with the border between decayed and not inside a vector. */
static void test_adamw(void **state)
{
    struct scene a = open_scene(&backend_reference, NULL), b = open_scene(&backend_cpu, NULL);
    struct scene *both[2] = {&a, &b};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct scene *s = both[i];
        struct adamw how = {.rate = 1e-2,
                            .beta1 = 0.9,
                            .beta2 = 0.95,
                            .epsilon = 1e-8,
                            .decay = 0.1,
                            .grad_scale = 0.5,
                            .decayed = 21};
        put(s, 1, 20000, 1);
        put(s, 1, 20000, 1);
        put(s, 1, 20000, 0);
        put(s, 1, 20000, 0);
        for (how.step = 1; how.step <= 5; how.step++)
            s->b->ops->adamw(s->b, s->t[0], s->t[1], s->t[2], s->t[3], &how);
    }
    for (int i = 0; i < 4; i += i == 0 ? 2 : 1)
        assert_true(compare(&a, &b, i) < 1e-6);
    assert_true(fabs(a.b->ops->sum_squares(a.b, a.t[0]) / b.b->ops->sum_squares(b.b, b.t[0]) - 1) <
                1e-6);
    close_scene(&a);
    close_scene(&b);
}

static void test_halves(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 65536; i++) {
        const uint16_t h = (uint16_t)i;
        const float f = half_from_f16(h), b = half_from_bf16(h);
        if (!isnan(f))
            assert_int_equal(half_to_f16(f), h);
        else
            assert_true(isnan(half_from_f16(half_to_f16(f))));
        if (!isnan(b))
            assert_int_equal(half_to_bf16(b), h);
        else
            assert_true(isnan(half_from_bf16(half_to_bf16(b))));
    }
    assert_int_equal(half_to_bf16(1.00390625f), 0x3F80); /* a tie goes to even */
    assert_int_equal(half_to_bf16(1.01171875f), 0x3F82);
    assert_int_equal(half_to_f16(65519.0f), 0x7BFF);
    assert_int_equal(half_to_f16(65520.0f), 0x7C00);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_differences),
        cmocka_unit_test(test_cpu_against_reference),
        cmocka_unit_test(test_adamw),
        cmocka_unit_test(test_halves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
