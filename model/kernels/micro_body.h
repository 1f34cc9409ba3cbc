/*
 * A table of micro.h.  Included by micro_*.c, each of which sets the instruction set, MICRO (the
 * table's name), MICRO_NAME, MICRO_ROWS and MICRO_VECTORS (the full tile: rows by vectors of
 * MICRO_LANES), MICRO_DEPTH, MICRO_BLOCK, MICRO_HALF and, for BF16, half_multiply_add.
 */
#include "model/kernels/micro_put.h"

#include "model/kernels/micro_pack.h"

#if MICRO_HALF
#define MULTIPLY_ADD(sum, word, vector) half_multiply_add(&(sum), (word), &(vector))
typedef uint32_t micro_word;
typedef word_lanes micro_vector;
#define LOAD(p) (*(const words_anywhere *)(const void *)(p))
#else
#define MULTIPLY_ADD(sum, word, vector) ((sum) += (word) * (vector))
typedef float micro_word;
typedef lanes micro_vector;
#define LOAD(p)                         (*(const lanes_anywhere *)(const void *)(p))
#endif

/* The rows of a tile, each with its sums by name: compilers keep them in registers as long as no
 * function is called while they live. */
#if MICRO_ROWS == 4
#define EACH_ROW(X) X(0) X(1) X(2) X(3)
#elif MICRO_ROWS == 6
#define EACH_ROW(X) X(0) X(1) X(2) X(3) X(4) X(5)
#elif MICRO_ROWS == 14
#define EACH_ROW(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13)
#endif

#define ROW_ZERO(r) lanes first##r = {0}, second##r = {0};
#define ROW_STEP(r)                                                                                \
    if (rows > r) {                                                                                \
        const micro_word word = a[r];                                                              \
        MULTIPLY_ADD(first##r, word, column0);                                                     \
        if (vectors > 1)                                                                           \
            MULTIPLY_ADD(second##r, word, column1);                                                \
    }
#define ROW_KEEP(r)                                                                                \
    if (rows > r) {                                                                                \
        sums[r * vectors] = first##r;                                                              \
        if (vectors > 1)                                                                           \
            sums[r * vectors + 1] = second##r;                                                     \
    }

/* rows and vectors are constants at each call. */
ALWAYS void tile(const micro_word *a, const micro_word *b, const struct micro_tile *t, int rows,
                 int vectors)
{
    lanes sums[MICRO_ROWS * 2];
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++)
            __builtin_prefetch(t->c + r * t->ldc + v * LANES, 1);
    EACH_ROW(ROW_ZERO)
    for (int64_t s = words_deep(t->depth); s > 0; s--) {
        const micro_vector column0 = LOAD(b);
        const micro_vector column1 = LOAD(vectors > 1 ? b + LANES : b);
        EACH_ROW(ROW_STEP)
        a += t->step;
        b += MICRO_VECTORS * LANES;
    }
    EACH_ROW(ROW_KEEP)
    put_tile(sums, vectors, t);
}

#define ROW_FUNCTION(r)                                                                            \
    static __attribute__((noinline)) void rows##r(const micro_word *a, const micro_word *b,        \
                                                  const struct micro_tile *t)                      \
    {                                                                                              \
        if (MICRO_VECTORS == 1 || t->cols <= LANES)                                                \
            tile(a, b, t, r + 1, 1);                                                               \
        else                                                                                       \
            tile(a, b, t, r + 1, MICRO_VECTORS);                                                   \
    }
EACH_ROW(ROW_FUNCTION)

#define ROW_NAME(r) rows##r,

static void pack_a(void *to, const struct micro_source *from)
{
    pack(to, from, MICRO_ROWS);
}

static void pack_b(void *to, const struct micro_source *from)
{
    pack(to, from, MICRO_VECTORS * LANES);
}

static void multiply(const void *a, const void *b, const struct micro_tile *t)
{
    static void (*const functions[])(const micro_word *, const micro_word *,
                                     const struct micro_tile *) = {EACH_ROW(ROW_NAME)};
    functions[t->rows - 1](a, b, t);
}

const struct micro MICRO = {.name = MICRO_NAME,
                            .usable = usable,
                            .rows = MICRO_ROWS,
                            .cols = MICRO_VECTORS * LANES,
                            .depth = MICRO_DEPTH,
                            .block_rows = MICRO_BLOCK,
                            .unit = MICRO_UNIT,
                            .half = MICRO_HALF,
                            .pack_a = pack_a,
                            .pack_b = pack_b,
                            .multiply = multiply};
