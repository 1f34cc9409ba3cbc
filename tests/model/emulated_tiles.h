/*
 * AMX in plain C: the registers of a thread and the instructions that model/kernels/micro_amx_body.h
 * uses, after the pseudo-code of Intel's manual (volume 2), to test the table on any machine.  What
 * the processor would refuse with a fault ends the test.
 *
 * TDPBF16PS: rows of the first operand against columns of the second, which has pairs; the terms of
 * the lower and of the upper numbers are summed apart with fused multiply-adds from zero, the two are
 * added, then the sum to the destination; rounded to nearest, ties to even; denormals are zero, on
 * the way in and out.
 */
#ifndef TESTS_MODEL_EMULATED_TILES_H
#define TESTS_MODEL_EMULATED_TILES_H

#include <float.h>
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TILES = 8, TILE_ROWS = 16, TILE_BYTES = 64 };

static _Thread_local struct {
    uint8_t palette, rows[TILES];
    uint16_t row_bytes[TILES];
    unsigned char data[TILES][TILE_ROWS][TILE_BYTES];
    unsigned done; /* instructions on tiles, for `lose_every` */
} tiles;

/* What may go wrong.  lose_every: all tiles are zero before every so manyeth instruction of a thread,
 * as where a hypervisor forgets them. */
static struct {
    unsigned lose_every;
    bool wrong_products; /* the upper numbers are left out */
    bool refused;        /* tiles cannot be configured: SIGILL */
    atomic_int configured, dots, lost;
} emulated;

static inline void tile_fault(const char *what)
{
    fprintf(stderr, "a processor would refuse this: %s\n", what);
    abort();
}

static inline void tile_must(bool holds, const char *what)
{
    if (!holds)
        tile_fault(what);
}

static inline void tile_release(void)
{
    if (tiles.palette != 0)
        atomic_fetch_sub(&emulated.configured, 1);
    memset(&tiles, 0, sizeof tiles);
}

static inline void tile_config(const void *memory)
{
    const unsigned char *m = memory;
    if (emulated.refused)
        (void)raise(SIGILL);
    tile_release();
    tile_must(m[0] == 1, "a palette but 1");
    for (int i = 1; i < 16; i++)
        tile_must(m[i] == 0, "a start row, or reserved bytes");
    for (int i = 0; i < 16; i++) {
        const int bytes = m[16 + 2 * i] | m[17 + 2 * i] << 8, rows = m[48 + i];
        tile_must(i < TILES || (bytes == 0 && rows == 0), "a tile that is not there");
        tile_must(bytes <= TILE_BYTES && rows <= TILE_ROWS, "a tile too large");
        tile_must((bytes == 0) == (rows == 0), "a tile with no rows or no columns");
        if (i < TILES) {
            tiles.row_bytes[i] = (uint16_t)bytes;
            tiles.rows[i] = (uint8_t)rows;
        }
    }
    tiles.palette = 1;
    atomic_fetch_add(&emulated.configured, 1);
}

static inline void tile_begin(int tile)
{
    tile_must(tiles.palette == 1 && tiles.rows[tile] != 0, "a tile that is not configured");
    if (emulated.lose_every == 0 || ++tiles.done % emulated.lose_every != 0)
        return;
    memset(tiles.data, 0, sizeof tiles.data);
    atomic_fetch_add(&emulated.lost, 1);
}

static inline void tile_zero(int tile)
{
    tile_begin(tile);
    memset(tiles.data[tile], 0, sizeof tiles.data[tile]);
}

static inline void tile_load(int tile, const void *from, int64_t stride)
{
    tile_zero(tile);
    for (int r = 0; r < tiles.rows[tile]; r++)
        memcpy(tiles.data[tile][r], (const char *)from + r * stride, tiles.row_bytes[tile]);
}

static inline void tile_store(int tile, void *to, int64_t stride)
{
    tile_begin(tile);
    for (int r = 0; r < tiles.rows[tile]; r++)
        memcpy((char *)to + r * stride, tiles.data[tile][r], tiles.row_bytes[tile]);
}

static inline float tile_flushed(float x)
{
    return fabsf(x) < FLT_MIN ? copysignf(0, x) : x;
}

/* Number i of a row of pairs. */
static inline float tile_number(const unsigned char *row, int i)
{
    const uint32_t bits = (uint32_t)row[2 * i] << 16 | (uint32_t)row[2 * i + 1] << 24;
    float x;
    memcpy(&x, &bits, sizeof x);
    return tile_flushed(x);
}

static inline void tile_dot(int sums, int a, int b)
{
    const int pairs = tiles.row_bytes[a] / 4, columns = tiles.row_bytes[sums] / 4;
    tile_begin(sums);
    tile_begin(a);
    tile_begin(b);
    atomic_fetch_add_explicit(&emulated.dots, 1, memory_order_relaxed);
    tile_must(sums != a && sums != b && a != b, "one tile twice");
    tile_must(tiles.row_bytes[a] % 4 == 0 && tiles.row_bytes[b] % 4 == 0, "half a pair");
    tile_must(tiles.rows[a] == tiles.rows[sums], "rows that differ");
    tile_must(tiles.row_bytes[b] == tiles.row_bytes[sums], "columns that differ");
    tile_must(pairs == tiles.rows[b], "depths that differ");
    for (int m = 0; m < tiles.rows[sums]; m++) {
        for (int n = 0; n < columns; n++) {
            float term[2] = {0, 0}, sum;
            for (int k = 0; k < pairs; k++)
                for (int i = 0; i < 2; i++)
                    term[i] = tile_flushed(fmaf(tile_number(tiles.data[a][m], 2 * k + i),
                                                tile_number(tiles.data[b][k], 2 * n + i), term[i]));
            memcpy(&sum, &tiles.data[sums][m][4 * n], sizeof sum);
            if (emulated.wrong_products)
                term[1] = 0;
            sum = tile_flushed(tile_flushed(sum) + tile_flushed(term[0] + term[1]));
            memcpy(&tiles.data[sums][m][4 * n], &sum, sizeof sum);
        }
    }
}

#define TILE_CONFIG(config)           tile_config(config)
#define TILE_RELEASE()                tile_release()
#define TILE_ZERO(tile)               tile_zero(tile)
#define TILE_LOAD(tile, from, stride) tile_load(tile, from, stride)
#define TILE_STORE(tile, to, stride)  tile_store(tile, to, stride)
#define TILE_DOT(sums, a, b)          tile_dot(sums, a, b)

#endif
