/*
 * The innermost part of a matrix product: strips of both operands, packed so that they are read
 * front to back, and a tile of c computed in registers.  One table an instruction set, chosen when
 * the first product runs; model/gemm.c cuts products into tiles.
 *
 * A strip holds `width` lanes (rows of a, or columns of b) times `depth` numbers along k:
 *
 *     float tables   to[p * width + lane]
 *     bf16 tables    to[(p / 2) * width + lane]: a pair, p in the lower half; the operands are
 *                    rounded to nearest even, sums are floats
 *
 * (tiles of AMX have a's in another order: micro_amx_body.h).  Each element of c is one sum along k
 * in an order of the table, so its bits do not depend on where it stands.
 */
#ifndef MODEL_MICRO_H
#define MODEL_MICRO_H

#include <stdbool.h>
#include <stdint.h>

/* Lane i, number p of an operand is at data[i * stride + p] when `along`, else at
 * data[p * stride + i]. */
struct micro_source {
    const void *data; /* float, or BF16 when `half` */
    int64_t stride, lanes, depth;
    bool along, half;
};

/* c [rows, cols] = alpha * a b + beta * c, for rows and cols up to the table's.  Number p of a's
 * lanes is at word p * step: step is the table's `rows` where a is packed, and more where a stands
 * in memory with its lanes beside each other. */
struct micro_tile {
    float *c;
    int64_t ldc, rows, cols, depth;
    float alpha, beta;
    int64_t step;
};

struct micro {
    const char *name;
    bool (*usable)(void);
    int rows, cols; /* of a full tile */
    int depth;      /* of a strip, at most: a multiple of 2 */
    int block_rows; /* rows of a packed at a time: with `depth` what the second cache holds */
    int unit;       /* strips are filled up with zeros to a multiple of it along k */
    bool half;      /* operands are rounded to BF16 */
    /* A thread calls begin before its products and end behind them; NULL: nothing to be done. */
    void (*begin)(void);
    void (*end)(void);
    /* Strips of `rows` or `cols` lanes behind each other, 4 bytes a number or pair, the last one
     * filled up with zeros. */
    void (*pack_a)(void *to, const struct micro_source *from);
    void (*pack_b)(void *to, const struct micro_source *from);
    void (*multiply)(const void *a, const void *b, const struct micro_tile *tile);
};

extern const struct micro micro_generic, micro_avx2, micro_avx512;
extern const struct micro micro_bf16_plain, micro_bf16_avx512, micro_bf16_amx;
extern const struct micro *const micro_tables[];      /* float, best last, NULL-ended */
extern const struct micro *const micro_half_tables[]; /* bf16, likewise */

/* The fastest table that may run here. */
const struct micro *micro_best(bool half);
/* Does the processor multiply BF16 itself, and may it? */
bool micro_half_native(void);

#endif
