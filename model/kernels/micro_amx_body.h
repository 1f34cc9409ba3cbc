/*
 * The table of micro.h for tile registers (AMX): c in blocks of 32 x 32, each the sum of four tiles
 * of 16 x 16 over steps of 32 numbers along k.
 *
 *     a, packed: of each step 32 rows of 32 numbers     to[(p / 32 * 32 + row) * 16 + p % 32 / 2]
 *     b, packed: as every table has it (micro.h)        to[p / 2 * 32 + column]
 *
 * (a is always packed, so that a tile's `step` says nothing)
 *
 *     tmm0 tmm1     sums         tmm4  16 rows of a     tmm6  16 columns of b, one half after the
 *     tmm2 tmm3                  tmm5  the 16 below           other
 *                                                       tmm7  the witness
 *
 * Included by micro_bf16_amx.c and, with the instructions done in plain C, by tests/model/
 * test_amx.c; both set MICRO, `usable` and the TILE_ macros, which are the instructions of these
 * names (Intel's manual, volume 2): TILE_CONFIG, TILE_RELEASE, TILE_ZERO, TILE_LOAD, TILE_STORE,
 * TILE_DOT.
 *
 * Some virtual machines forget tile registers when a thread is put aside, in silence.  So sums never
 * begin with what is in c, a register that only holds a known row, the witness, is looked at behind
 * each block, and a block that it was lost in is computed again.
 */
#define MICRO_HALF 1
#define MICRO_UNIT 32

#include "model/kernels/micro_put.h"

#include "model/kernels/micro_pack.h"

#include <math.h>

enum {
    SIDE = 32,  /* of a block of c */
    TILE = 16,  /* rows of a tile, words of its rows */
    ROW = 64,   /* bytes of a row of a tile */
    TRIES = 100 /* of a block whose tiles are lost again and again */
};

/* What TILE_CONFIG reads: format 1, eight tiles; the last has one row. */
struct tile_config {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};

_Static_assert(sizeof(struct tile_config) == 64, "as the instruction has it");

static _Alignas(64) const
    struct tile_config config = {.palette = 1,
                                 .row_bytes = {ROW, ROW, ROW, ROW, ROW, ROW, ROW, ROW},
                                 .rows = {TILE, TILE, TILE, TILE, TILE, TILE, TILE, 1}};

static _Alignas(64) const uint32_t witness[TILE] = {0x9E3779B9, 0x7F4A7C15, 0xF39CC060, 0x5CEDC834,
                                                    0x1082276B, 0xF3A27251, 0xF86C6A11, 0xD1C18E40,
                                                    0x2767F0B1, 0x53D27B7F, 0x0347045B, 0x5BF1827F,
                                                    0x01886F09, 0x28403002, 0xC1D64BA4, 0x0F335E36};

static void begin(void)
{
    TILE_CONFIG(&config);
}

static void end(void)
{
    TILE_RELEASE();
}

/* ---- packing a ----------------------------------------------------------------------------- */

/* Where a strip of a has the words [at, ...) of a row. */
ALWAYS uint32_t *word_at(uint32_t *to, int64_t row, int64_t at)
{
    return to + (at / TILE * SIDE + row) * TILE + at % TILE;
}

/* A row whose numbers stand behind each other. */
ALWAYS void pack_row(uint32_t *to, const struct micro_source *s, int64_t row)
{
    const int64_t all = words_deep(s->depth), whole = row < s->lanes ? s->depth / 2 : 0;
    for (int64_t at = 0; at < all; at += 8) {
        if (at + 8 <= whole)
            put8(word_at(to, row, at), words_along(s, row, at));
        else
            for (int64_t i = 0; i < 8; i++)
                *word_at(to, row, at + i) = row < s->lanes ? word_of(s, row, at + i) : 0;
    }
}

/* Words [at, at + 8) of 8 rows, whose numbers stand below each other. */
ALWAYS void pack_block(uint32_t *to, const struct micro_source *s, int64_t row, int64_t at)
{
    eight x[8];
    if (row + 8 <= s->lanes && 2 * (at + 8) <= s->depth + 1) {
        for (int i = 0; i < 8; i++)
            x[i] = words_across(s, row, at + i);
        turn8(x);
        for (int i = 0; i < 8; i++)
            put8(word_at(to, row + i, at), x[i]);
        return;
    }
    for (int64_t i = row; i < row + 8; i++)
        for (int64_t k = at; k < at + 8; k++)
            *word_at(to, i, k) = i < s->lanes ? word_of(s, i, k) : 0;
}

static void pack_a(void *to, const struct micro_source *s)
{
    const int64_t all = words_deep(s->depth);
    for (int64_t first = 0; s->along && first < s->lanes; first += SIDE) {
        const struct micro_source one = strip_of(s, first, SIDE);
        for (int64_t row = 0; row < SIDE; row++)
            pack_row((uint32_t *)to + first * all, &one, row);
    }
    /* Memory is read row by row, across all strips, as in pack_across. */
    for (int64_t at = 0; !s->along && at < all; at += 8) {
        for (int64_t first = 0; first < s->lanes; first += SIDE) {
            const struct micro_source one = strip_of(s, first, SIDE);
            for (int64_t row = 0; row < SIDE; row += 8)
                pack_block((uint32_t *)to + first * all, &one, row, at);
        }
    }
}

static void pack_b(void *to, const struct micro_source *s)
{
    pack(to, s, SIDE);
}

/* ---- multiplying --------------------------------------------------------------------------- */

/* sums [32, 32] of `steps` steps, the lower rows and the right columns where wanted: constants at
 * each call. */
ALWAYS void sum_tiles(const uint32_t *a, const uint32_t *b, int64_t steps, float *sums, bool lower,
                      bool right)
{
    TILE_ZERO(0);
    TILE_ZERO(1);
    TILE_ZERO(2);
    TILE_ZERO(3);
    for (; steps > 0; steps--) {
        TILE_LOAD(4, a, ROW);
        TILE_LOAD(6, b, 2 * ROW);
        TILE_DOT(0, 4, 6);
        if (lower) {
            TILE_LOAD(5, a + TILE * TILE, ROW);
            TILE_DOT(2, 5, 6);
        }
        if (right) {
            TILE_LOAD(6, b + TILE, 2 * ROW);
            TILE_DOT(1, 4, 6);
            if (lower)
                TILE_DOT(3, 5, 6);
        }
        a += SIDE * TILE;
        b += SIDE * TILE;
    }
    TILE_STORE(0, sums, 2 * ROW);
    TILE_STORE(1, sums + TILE, 2 * ROW);
    TILE_STORE(2, sums + TILE * SIDE, 2 * ROW);
    TILE_STORE(3, sums + TILE * SIDE + TILE, 2 * ROW);
}

static void sum_block(const uint32_t *a, const uint32_t *b, const struct micro_tile *t, float *sums)
{
    const int64_t steps = words_deep(t->depth) / TILE;
    if (t->rows > TILE && t->cols > TILE)
        sum_tiles(a, b, steps, sums, true, true);
    else if (t->rows > TILE)
        sum_tiles(a, b, steps, sums, true, false);
    else if (t->cols > TILE)
        sum_tiles(a, b, steps, sums, false, true);
    else
        sum_tiles(a, b, steps, sums, false, false);
}

/* Sums that could not be had are NaN: a check refuses the table, a training run stops. */
static void multiply(const void *a, const void *b, const struct micro_tile *t)
{
    _Alignas(64) float sums[SIDE * SIDE];
    _Alignas(64) uint32_t seen[TILE];
    for (int i = 0; i < TRIES; i++) {
        TILE_LOAD(7, witness, ROW);
        sum_block(a, b, t, sums);
        TILE_STORE(7, seen, ROW);
        if (memcmp(seen, witness, sizeof seen) == 0) {
            put_tile((const lanes *)(const void *)sums, SIDE / LANES, t);
            return;
        }
    }
    for (int i = 0; i < SIDE * SIDE; i++)
        sums[i] = NAN;
    put_tile((const lanes *)(const void *)sums, SIDE / LANES, t);
}

/* Strips of 640 numbers: of b's 40 KB stay in the first cache, the block of a in the second. */
const struct micro MICRO = {.name = "amx",
                            .usable = usable,
                            .begin = begin,
                            .end = end,
                            .rows = SIDE,
                            .cols = SIDE,
                            .depth = 640,
                            .block_rows = 512,
                            .unit = MICRO_UNIT,
                            .half = true,
                            .pack_a = pack_a,
                            .pack_b = pack_b,
                            .multiply = multiply};
