/*
 * The loops themselves.  Included by kernels_generic.c, kernels_avx2.c and kernels_avx512.c, each
 * of which sets the instruction set and KERNELS (the name of its table).  Plain C that compilers
 * turn into SIMD: independent lanes are spelled out for sums, because the order of additions is
 * part of the result.
 */
#include "model/kernels/kernels.h"

#include <math.h>
#include <string.h>

enum { LANES = 16 };

typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));
/* The same where it need not be aligned. */
typedef float lanes_anywhere
    __attribute__((vector_size(LANES * sizeof(float)), aligned(sizeof(float)), may_alias));

#define LOAD(p) (*(const lanes_anywhere *)(const void *)(p))

/* v by address: vectors wider than the machine's have no calling convention. */
static inline float add_lanes(const lanes *v)
{
    float s[LANES];
    memcpy(s, v, sizeof s);
    for (int i = 0; i < LANES / 2; i++)
        s[i] += s[i + LANES / 2];
    for (int i = 0; i < LANES / 4; i++)
        s[i] += s[i + LANES / 4];
    return (s[0] + s[2]) + (s[1] + s[3]);
}

static void add(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += x[i];
}

static void scale(float *y, float factor, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] *= factor;
}

static float dot(const float *x, const float *y, size_t n)
{
    lanes a = {0}, b = {0};
    size_t i = 0;
    float tail = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES) {
        a += LOAD(x + i) * LOAD(y + i);
        b += LOAD(x + i + LANES) * LOAD(y + i + LANES);
    }
    for (; i + LANES <= n; i += LANES)
        a += LOAD(x + i) * LOAD(y + i);
    for (; i < n; i++)
        tail += x[i] * y[i];
    a += b;
    return add_lanes(&a) + tail;
}

/* Blocks in float, their sums in double. */
static double sum_squares(const float *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i += 1024) {
        const size_t m = n - i < 1024 ? n - i : 1024;
        sum += (double)dot(x + i, x + i, m);
    }
    return sum;
}

static void axpy(float *y, float factor, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += factor * x[i];
}

static void rms_norm(float *y, float *stats, const float *x, const float *w, size_t n, float eps)
{
    const float r = 1 / sqrtf(dot(x, x, n) / (float)n + eps);
    stats[0] = 0;
    stats[1] = r;
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] * r * w[i];
}

static float sum(const float *x, size_t n)
{
    lanes a = {0};
    size_t i = 0;
    float tail = 0;
    for (; i + LANES <= n; i += LANES)
        a += LOAD(x + i);
    for (; i < n; i++)
        tail += x[i];
    return add_lanes(&a) + tail;
}

static float square_distance(const float *x, float from, size_t n)
{
    lanes a = {0};
    size_t i = 0;
    float tail = 0;
    for (; i + LANES <= n; i += LANES) {
        const lanes d = LOAD(x + i) - from;
        a += d * d;
    }
    for (; i < n; i++)
        tail += (x[i] - from) * (x[i] - from);
    return add_lanes(&a) + tail;
}

static void layer_norm(float *y, float *stats, const float *x, const float *w, const float *bias,
                       size_t n, float eps)
{
    const float mean = sum(x, n) / (float)n;
    const float r = 1 / sqrtf(square_distance(x, mean, n) / (float)n + eps);
    stats[0] = mean;
    stats[1] = r;
    for (size_t i = 0; i < n; i++)
        y[i] = (x[i] - mean) * r * w[i] + (bias != NULL ? bias[i] : 0);
}

/* With N = (x - mean) r and g = dy w:  dx += r (g - mean(g) - N mean(g N)). */
static void norm_back(float *dx, const float *dy, const float *x, const float *stats,
                      const float *w, size_t n, bool centred)
{
    const float mean = stats[0], r = stats[1];
    lanes g_sum = {0}, gn_sum = {0};
    float g_tail = 0, gn_tail = 0, mean_g, mean_gn;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        const lanes g = LOAD(dy + i) * LOAD(w + i);
        g_sum += g;
        gn_sum += g * (LOAD(x + i) - mean);
    }
    for (; i < n; i++) {
        g_tail += dy[i] * w[i];
        gn_tail += dy[i] * w[i] * (x[i] - mean);
    }
    mean_g = centred ? (add_lanes(&g_sum) + g_tail) / (float)n : 0;
    mean_gn = (add_lanes(&gn_sum) + gn_tail) * r / (float)n;
    for (i = 0; i < n; i++)
        dx[i] += r * (dy[i] * w[i] - mean_g - (x[i] - mean) * r * mean_gn);
}

static void norm_weight_back(float *dw, float *db, const float *dy, const float *x,
                             const float *stats, size_t n)
{
    const float mean = stats[0], r = stats[1];
    if (dw != NULL)
        for (size_t i = 0; i < n; i++)
            dw[i] += dy[i] * ((x[i] - mean) * r);
    if (db != NULL)
        for (size_t i = 0; i < n; i++)
            db[i] += dy[i];
}

static void rope(float *restrict x, const float *restrict cs, size_t dim, float direction)
{
    const size_t half = dim / 2;
    float *restrict y = x + half;
    for (size_t i = 0; i < half; i++) {
        const float c = cs[i], s = direction * cs[half + i], low = x[i], high = y[i];
        x[i] = low * c - high * s;
        y[i] = high * c + low * s;
    }
}

/* exp by 2^k times a polynomial of degree 6 in the rest (Cephes); relative error 1e-7.  Below -87
 * and above 88 the argument is held: no infinities, and nothing subnormal. */
static inline float exp_of(float x)
{
    const float log2e = 1.44269504088896341f, high = 0.693359375f, low = -2.12194440e-4f;
    const float shift = 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer */
    float k, r, p;
    int32_t bits;
    uint32_t power;
    x = x < -87.0f ? -87.0f : x;
    x = x > 88.0f ? 88.0f : x;
    k = x * log2e + shift;
    memcpy(&bits, &k, sizeof bits);
    k -= shift;
    r = x - k * high;
    r = r - k * low;
    p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    power = ((uint32_t)bits + 127u) << 23;
    memcpy(&k, &power, sizeof k);
    return p * k;
}

static inline float sigmoid(float x)
{
    return 1 / (1 + exp_of(-x));
}

static void swiglu(float *restrict y, const float *restrict gate, const float *restrict up,
                   size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = gate[i] * sigmoid(gate[i]) * up[i];
}

static void swiglu_back(float *restrict gate, float *restrict up, float *restrict y,
                        const float *restrict dy, size_t n)
{
    for (size_t i = 0; i < n && y != NULL; i++)
        y[i] = gate[i] * sigmoid(gate[i]) * up[i];
    for (size_t i = 0; i < n; i++) {
        const float g = gate[i], s = sigmoid(g), u = up[i];
        gate[i] = dy[i] * u * (s * (1 + g * (1 - s)));
        up[i] = dy[i] * (g * s);
    }
}

/* tanh(u) = 1 - 2 / (exp(2u) + 1);  u = sqrt(2/pi) (x + 0.044715 x^3). */
static inline float gelu_tanh_of(float x)
{
    const float u = 0.79788456080286536f * (x + 0.044715f * x * x * x);
    return 1 - 2 / (exp_of(2 * u) + 1);
}

static void gelu_tanh(float *restrict y, const float *restrict x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = 0.5f * x[i] * (1 + gelu_tanh_of(x[i]));
}

static void gelu_tanh_back(float *restrict x, float *restrict y, const float *restrict dy, size_t n)
{
    for (size_t i = 0; i < n && y != NULL; i++)
        y[i] = 0.5f * x[i] * (1 + gelu_tanh_of(x[i]));
    for (size_t i = 0; i < n; i++) {
        const float a = x[i], t = gelu_tanh_of(a);
        const float slope = 0.79788456080286536f * (1 + 3 * 0.044715f * a * a);
        x[i] = dy[i] * (0.5f * (1 + t) + 0.5f * a * (1 - t * t) * slope);
    }
}

static float max(const float *x, size_t n)
{
    float best[LANES], top = -INFINITY;
    size_t i = 0;
    for (int k = 0; k < LANES; k++)
        best[k] = -INFINITY;
    for (; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++)
            best[k] = x[i + (size_t)k] > best[k] ? x[i + (size_t)k] : best[k];
    for (; i < n; i++)
        top = x[i] > top ? x[i] : top;
    for (int k = 0; k < LANES; k++)
        top = best[k] > top ? best[k] : top;
    return top;
}

static float exp_sum(float *x, float factor, float shift, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = exp_of(factor * x[i] - shift);
    return sum(x, n);
}

static void softmax_back(float *restrict p, const float *restrict dp, float shift, float factor,
                         size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = p[i] * (dp[i] - shift) * factor;
}

static void adamw(float *restrict p, const float *restrict g, float *restrict m, float *restrict v,
                  size_t n, const struct kernel_adamw *how)
{
    const struct kernel_adamw h = *how;
    for (size_t i = 0; i < n; i++) {
        const float slope = g[i] * h.scale;
        const float mean = h.beta1 * m[i] + h.rest1 * slope;
        const float square = h.beta2 * v[i] + h.rest2 * slope * slope;
        m[i] = mean;
        v[i] = square;
        p[i] = p[i] * h.decay - h.rate * (mean * h.first) / (sqrtf(square * h.second) + h.epsilon);
    }
}

static void from_bf16(float *restrict y, const uint16_t *restrict x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const uint32_t bits = (uint32_t)x[i] << 16;
        memcpy(&y[i], &bits, sizeof bits);
    }
}

const struct kernels KERNELS = {
    .name = KERNELS_NAME,
    .usable = usable,
    .add = add,
    .scale = scale,
    .sum_squares = sum_squares,
    .dot = dot,
    .axpy = axpy,
    .rms_norm = rms_norm,
    .layer_norm = layer_norm,
    .norm_back = norm_back,
    .norm_weight_back = norm_weight_back,
    .rope = rope,
    .swiglu = swiglu,
    .swiglu_back = swiglu_back,
    .gelu_tanh = gelu_tanh,
    .gelu_tanh_back = gelu_tanh_back,
    .max = max,
    .exp_sum = exp_sum,
    .softmax_back = softmax_back,
    .adamw = adamw,
    .from_bf16 = from_bf16,
};
