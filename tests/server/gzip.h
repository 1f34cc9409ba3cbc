/* gzip without a library, for servers that send it unasked (RFC 1951, 1952). */
#ifndef TESTS_SERVER_GZIP_H
#define TESTS_SERVER_GZIP_H

#include "core/buf.h"
#include "core/slice.h"

#include <stdint.h>

#define GZIP_HEAD SLICE("\x1f\x8b\x08\0\0\0\0\0\0\xff")

static inline void gzip_number(struct buf *out, uint32_t n, int bytes)
{
    for (int i = 0; i < bytes; i++)
        buf_char(out, (char)(n >> (8 * i)));
}

static inline uint32_t gzip_crc(struct slice s)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < s.len; i++) {
        crc ^= (unsigned char)s.data[i];
        for (int k = 0; k < 8; k++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc;
}

/* `s` in blocks that are not compressed. */
static inline void gzip_stored(struct slice s, struct buf *out)
{
    size_t at = 0;
    buf_slice(out, GZIP_HEAD);
    do {
        size_t n = s.len - at < 65535 ? s.len - at : 65535;
        buf_char(out, at + n == s.len);
        gzip_number(out, (uint32_t)n, 2);
        gzip_number(out, (uint32_t)~n, 2);
        buf_slice(out, slice_sub(s, at, n));
        at += n;
    } while (at < s.len);
    gzip_number(out, gzip_crc(s), 4);
    gzip_number(out, (uint32_t)s.len, 4);
}

struct gzip_bits {
    struct buf *out;
    uint32_t held;
    int n;
};

/* The bits of a Huffman code, the most significant one first. */
static inline void gzip_code(struct gzip_bits *b, unsigned code, int len)
{
    while (len--) {
        b->held |= (code >> len & 1) << b->n;
        if (++b->n == 8) {
            buf_char(b->out, (char)b->held);
            b->held = 0;
            b->n = 0;
        }
    }
}

/* A bomb: 1 + 258 n zero bytes, from 13 bits each 258.  The sum behind them is wrong: whoever gets
 * there has read too far. */
static inline void gzip_bomb(size_t n, struct buf *out)
{
    struct gzip_bits b = {out, 0, 0};
    buf_slice(out, GZIP_HEAD);
    gzip_code(&b, 6, 3);    /* the last block, of fixed codes */
    gzip_code(&b, 0x30, 8); /* the byte 0 */
    for (size_t i = 0; i < n; i++) {
        gzip_code(&b, 0xc5, 8); /* 258 bytes … */
        gzip_code(&b, 0, 5);    /* … like the one before */
    }
    gzip_code(&b, 0, 7 + 7); /* the end, and a byte filled up */
    gzip_number(out, 0, 4);
    gzip_number(out, 0, 4);
}

#endif
