/*
 * The loops themselves.  Included by kernels_generic.c, kernels_avx2.c and kernels_avx512.c, each
 * of which sets the instruction set, KERNELS (the name of its table), FEW_SIDE (kernels_few.h) and
 * KERNELS_LANES, the numbers of a vector: what a register has, since gcc keeps sums that need two of
 * them in memory.  The end of a run goes through the same arithmetic as its middle, so that a
 * number's bits do not depend on where it stands; sums have a fixed order.
 */
#include "model/kernels/kernels.h"

#include <math.h>
#include <string.h>

enum { LANES = KERNELS_LANES };

typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));
typedef int32_t ilanes __attribute__((vector_size(LANES * sizeof(int32_t))));
/* The same where it need not be aligned. */
typedef float lanes_anywhere
    __attribute__((vector_size(LANES * sizeof(float)), aligned(sizeof(float)), may_alias));

#define ALWAYS static inline __attribute__((always_inline))

#define LOAD(p)     (*(const lanes_anywhere *)(const void *)(p))
#define STORE(p, v) (*(lanes_anywhere *)(void *)(p) = (v))

/* The first n < LANES numbers at p, with zeros behind; and back. */
ALWAYS void load_part(lanes *v, const float *p, size_t n)
{
    memset(v, 0, sizeof *v);
    memcpy(v, p, n * sizeof *p);
}

ALWAYS void store_part(float *p, const lanes *v, size_t n)
{
    memcpy(p, v, n * sizeof *p);
}

/* v by address: vectors wider than the machine's have no calling convention. */
static inline float add_lanes(const lanes *v)
{
    float s[LANES];
    memcpy(s, v, sizeof s);
    for (int n = LANES / 2; n >= 4; n /= 2)
        for (int i = 0; i < n; i++)
            s[i] += s[i + n];
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
    lanes a = {0}, b = {0}, u, v;
    size_t i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES) {
        a += LOAD(x + i) * LOAD(y + i);
        b += LOAD(x + i + LANES) * LOAD(y + i + LANES);
    }
    for (; i + LANES <= n; i += LANES)
        a += LOAD(x + i) * LOAD(y + i);
    load_part(&u, x + i, n - i);
    load_part(&v, y + i, n - i);
    a += u * v;
    a += b;
    return add_lanes(&a);
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

ALWAYS void norm_apply(lanes *y, const lanes *x, const lanes *w, const float *stats)
{
    *y = (*x - stats[0]) * stats[1] * *w;
}

static void scaled_row(float *y, const float *x, const float *w, const float *stats, size_t n)
{
    lanes u, v, r;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        u = LOAD(x + i);
        v = LOAD(w + i);
        norm_apply(&r, &u, &v, stats);
        STORE(y + i, r);
    }
    load_part(&u, x + i, n - i);
    load_part(&v, w + i, n - i);
    norm_apply(&r, &u, &v, stats);
    store_part(y + i, &r, n - i);
}

static void rms_norm(float *y, float *stats, const float *x, const float *w, size_t n, float eps)
{
    stats[0] = 0;
    stats[1] = 1 / sqrtf(dot(x, x, n) / (float)n + eps);
    scaled_row(y, x, w, stats, n);
}

static float sum(const float *x, size_t n)
{
    lanes a = {0}, u;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        a += LOAD(x + i);
    load_part(&u, x + i, n - i);
    a += u;
    return add_lanes(&a);
}

static float square_distance(const float *x, float from, size_t n)
{
    lanes a = {0}, d;
    size_t i = 0;
    float tail = 0;
    for (; i + LANES <= n; i += LANES) {
        d = LOAD(x + i) - from;
        a += d * d;
    }
    for (; i < n; i++) {
        const float e = x[i] - from;
        tail += e * e;
    }
    return add_lanes(&a) + tail;
}

static void layer_norm(float *y, float *stats, const float *x, const float *w, const float *bias,
                       size_t n, float eps)
{
    stats[0] = sum(x, n) / (float)n;
    stats[1] = 1 / sqrtf(square_distance(x, stats[0], n) / (float)n + eps);
    scaled_row(y, x, w, stats, n);
    for (size_t i = 0; i < n && bias != NULL; i++)
        y[i] += bias[i];
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

ALWAYS void turn(lanes *low, lanes *high, const lanes *c, const lanes *s)
{
    const lanes x = *low, y = *high;
    *low = x * *c - y * *s;
    *high = y * *c + x * *s;
}

static void rope(float *x, const float *cs, size_t dim, float direction)
{
    const size_t half = dim / 2;
    float *y = x + half;
    lanes low, high, c, s;
    size_t i = 0;
    for (; i + LANES <= half; i += LANES) {
        low = LOAD(x + i);
        high = LOAD(y + i);
        c = LOAD(cs + i);
        s = direction * LOAD(cs + half + i);
        turn(&low, &high, &c, &s);
        STORE(x + i, low);
        STORE(y + i, high);
    }
    load_part(&low, x + i, half - i);
    load_part(&high, y + i, half - i);
    load_part(&c, cs + i, half - i);
    load_part(&s, cs + half + i, half - i);
    s *= direction;
    turn(&low, &high, &c, &s);
    store_part(x + i, &low, half - i);
    store_part(y + i, &high, half - i);
}

/* exp by 2^k times a polynomial of degree 6 in the rest (Cephes); relative error 1e-7.  Below -87
 * and above 88 the argument is held: no infinities, and nothing subnormal.  NaN stays NaN. */
ALWAYS void exp_lanes(lanes *v)
{
    const float log2e = 1.44269504088896341f, high = 0.693359375f, low = -2.12194440e-4f;
    const float shift = 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer */
    const lanes least = (lanes){0} - 87.0f, most = (lanes){0} + 88.0f;
    ilanes under, over, power;
    lanes x = *v, k, r, p;
    under = x < least;
    over = x > most;
    x = (lanes)(((ilanes)least & under) | ((ilanes)most & over) | ((ilanes)x & ~(under | over)));
    k = x * log2e + shift;
    power = (((ilanes)k) + 127) << 23;
    k -= shift;
    r = x - k * high;
    r = r - k * low;
    p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r;
    p = p + 1.0f;
    *v = p * (lanes)power;
}

ALWAYS void sigmoid_lanes(lanes *v)
{
    *v = -*v;
    exp_lanes(v);
    *v = 1.0f / (1.0f + *v);
}

ALWAYS void swiglu_lanes(lanes *y, const lanes *gate, const lanes *up)
{
    lanes s = *gate;
    sigmoid_lanes(&s);
    *y = *gate * s * *up;
}

static void swiglu(float *y, const float *gate, const float *up, size_t n)
{
    lanes g, u, r;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        g = LOAD(gate + i);
        u = LOAD(up + i);
        swiglu_lanes(&r, &g, &u);
        STORE(y + i, r);
    }
    load_part(&g, gate + i, n - i);
    load_part(&u, up + i, n - i);
    swiglu_lanes(&r, &g, &u);
    store_part(y + i, &r, n - i);
}

/* g and u become their gradients, d the forward value. */
ALWAYS void swiglu_back_lanes(lanes *g, lanes *u, lanes *d)
{
    const lanes gate = *g, up = *u, slope = *d;
    lanes s = gate;
    sigmoid_lanes(&s);
    *d = gate * s * up;
    *g = slope * up * (s * (1.0f + gate * (1.0f - s)));
    *u = slope * (gate * s);
}

static void swiglu_back(float *gate, float *up, float *y, const float *dy, size_t n)
{
    lanes g, u, d;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        g = LOAD(gate + i);
        u = LOAD(up + i);
        d = LOAD(dy + i);
        swiglu_back_lanes(&g, &u, &d);
        STORE(gate + i, g);
        STORE(up + i, u);
        if (y != NULL)
            STORE(y + i, d);
    }
    load_part(&g, gate + i, n - i);
    load_part(&u, up + i, n - i);
    load_part(&d, dy + i, n - i);
    swiglu_back_lanes(&g, &u, &d);
    store_part(gate + i, &g, n - i);
    store_part(up + i, &u, n - i);
    if (y != NULL)
        store_part(y + i, &d, n - i);
}

/* tanh(u) = 1 - 2 / (exp(2u) + 1);  u = sqrt(2/pi) (x + 0.044715 x^3). */
ALWAYS void gelu_tanh_lanes(lanes *v)
{
    const lanes x = *v;
    *v = 2 * 0.79788456080286536f * (x + 0.044715f * (x * x * x));
    exp_lanes(v);
    *v = 1.0f - 2.0f / (*v + 1.0f);
}

static void gelu_tanh(float *y, const float *x, size_t n)
{
    lanes v, t;
    for (size_t i = 0; i < n; i += LANES) {
        const size_t m = n - i < LANES ? n - i : LANES;
        load_part(&v, x + i, m);
        t = v;
        gelu_tanh_lanes(&t);
        t = 0.5f * v * (1.0f + t);
        store_part(y + i, &t, m);
    }
}

static void gelu_tanh_back(float *x, float *y, const float *dy, size_t n)
{
    lanes a, d, t, value;
    for (size_t i = 0; i < n; i += LANES) {
        const size_t m = n - i < LANES ? n - i : LANES;
        load_part(&a, x + i, m);
        load_part(&d, dy + i, m);
        t = a;
        gelu_tanh_lanes(&t);
        value = 0.5f * a * (1.0f + t);
        d *= 0.5f * (1.0f + t) +
             0.5f * a * (1.0f - t * t) * (0.79788456080286536f * (1.0f + 3 * 0.044715f * (a * a)));
        store_part(x + i, &d, m);
        if (y != NULL)
            store_part(y + i, &value, m);
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
    lanes v, total = {0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        v = LOAD(x + i) * factor - shift;
        exp_lanes(&v);
        STORE(x + i, v);
        total += v;
    }
    if (i < n) {
        load_part(&v, x + i, n - i);
        v = v * factor - shift;
        exp_lanes(&v);
        store_part(x + i, &v, n - i);
        load_part(&v, x + i, n - i); /* zeros behind it */
        total += v;
    }
    return add_lanes(&total);
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

#include "model/kernels/kernels_double.h"
#include "model/kernels/kernels_few.h"

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
    .exp_doubles = exp_doubles,
    .log_doubles = log_doubles,
    .log_soft = log_soft,
    .soft_slope = soft_slope,
    .adamw = adamw,
    .from_bf16 = from_bf16,
    .few_rows = few_rows,
    .few_rows_bf16 = few_rows_bf16,
    .weigh_rows = weigh_rows,
};
