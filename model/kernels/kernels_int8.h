/*
 * Products of 8-bit integers (model/int8.h), for each instruction set that has its own way:
 *
 *     generic     plain loops: the oracle
 *     avx2        vpmaddubsw on |x| and sign(x) w, which cannot overflow while q is within +-127
 *     avx512-vnni vpdpbusd on 512 bits
 *
 * vpdpbusd multiplies unsigned by signed: it gets w + 128, and 128 times the sum of x is taken off.
 * All are exact, so all give the same integers.
 */
#ifndef MODEL_KERNELS_INT8_H
#define MODEL_KERNELS_INT8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { INT8_ROWS = 4, INT8_PAD = 64 };

/* out[i * n + j] = sum over k of x[i * ldx + k] w[j * ldw + k] for `rows` <= INT8_ROWS rows of x
 * and n rows of w.  k is a multiple of INT8_PAD; x is zero where w is not to count. */
struct int8_dots {
    const int8_t *x, *w;
    const int32_t *sums; /* of each row of x */
    int32_t *out;
    size_t rows, n, k, ldx, ldw;
};

struct int8_kernels {
    const char *name;
    bool (*usable)(void);
    void (*dots)(const struct int8_dots *d);
    /* As int8_round of model/int8.h, to the same bits. */
    float (*round)(int8_t *q, const float *x, size_t n);
};

extern const struct int8_kernels *const int8_kernel_tables[]; /* best last, NULL-ended */

/* The best table that may run here. */
const struct int8_kernels *int8_kernels_best(void);

#endif
