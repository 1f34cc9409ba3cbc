#include "core/hash.h"

#include <stdio.h>
#include <string.h>

#define XXH_INLINE_ALL
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wconversion"
#include <xxhash.h>
#pragma GCC diagnostic pop

struct hash128 hash128(const void *data, size_t len)
{
    const XXH128_hash_t h = XXH3_128bits(data != NULL ? data : "", len);
    return (struct hash128){h.high64, h.low64};
}

uint64_t hash64(const void *data, size_t len, uint64_t seed)
{
    return XXH3_64bits_withSeed(data != NULL ? data : "", len, seed);
}

/* Written out, compilers make one instruction of it. */
static void put64(unsigned char *out, uint64_t v)
{
    out[0] = (unsigned char)(v >> 56);
    out[1] = (unsigned char)(v >> 48);
    out[2] = (unsigned char)(v >> 40);
    out[3] = (unsigned char)(v >> 32);
    out[4] = (unsigned char)(v >> 24);
    out[5] = (unsigned char)(v >> 16);
    out[6] = (unsigned char)(v >> 8);
    out[7] = (unsigned char)v;
}

static uint64_t get64(const unsigned char *in)
{
    uint64_t v = 0;
    for (int i = 0; i < 8; i++)
        v = v << 8 | in[i];
    return v;
}

struct hash128 hash128_add(struct hash128 h, const void *data, size_t len)
{
    unsigned char link[40];
    const struct hash128 field = hash128(data, len);
    hash128_bytes(h, link);
    hash128_bytes(field, link + 16);
    put64(link + 32, (uint64_t)len);
    return hash128(link, sizeof link);
}

int hash128_compare(struct hash128 a, struct hash128 b)
{
    if (a.hi != b.hi)
        return a.hi < b.hi ? -1 : 1;
    return (a.lo > b.lo) - (a.lo < b.lo);
}

void hash128_bytes(struct hash128 h, unsigned char out[16])
{
    put64(out, h.hi);
    put64(out + 8, h.lo);
}

struct hash128 hash128_from_bytes(const unsigned char in[16])
{
    return (struct hash128){get64(in), get64(in + 8)};
}

static void hex(const unsigned char *in, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++)
        (void)snprintf(out + 2 * i, 3, "%02x", in[i]);
}

void hash128_hex(struct hash128 h, char out[33])
{
    unsigned char bytes[16];
    hash128_bytes(h, bytes);
    hex(bytes, sizeof bytes, out);
}

/* SHA-256: FIPS 180-4. */

static const uint32_t sha_k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotr(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

static void sha_block(uint32_t s[8], const unsigned char *p)
{
    uint32_t w[64], v[8];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 |
               (uint32_t)p[4 * i + 2] << 8 | p[4 * i + 3];
    for (int i = 16; i < 64; i++) {
        const uint32_t a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + (rotr(a, 7) ^ rotr(a, 18) ^ a >> 3) + w[i - 7] +
               (rotr(b, 17) ^ rotr(b, 19) ^ b >> 10);
    }
    memcpy(v, s, sizeof v);
    for (int i = 0; i < 64; i++) {
        const uint32_t e = v[4], a = v[0];
        const uint32_t t1 = v[7] + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) +
                            ((e & v[5]) ^ (~e & v[6])) + sha_k[i] + w[i];
        const uint32_t t2 =
            (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) + ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += t1;
        v[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++)
        s[i] += v[i];
}

void sha256_init(struct sha256 *s)
{
    static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    memcpy(s->state, start, sizeof start);
    s->bytes = 0;
}

void sha256_add(struct sha256 *s, const void *data, size_t len)
{
    const unsigned char *p = data;
    size_t used = s->bytes % 64;
    s->bytes += len;
    while (len != 0) {
        const size_t n = len < 64 - used ? len : 64 - used;
        memcpy(s->block + used, p, n);
        used += n;
        p += n;
        len -= n;
        if (used == 64) {
            sha_block(s->state, s->block);
            used = 0;
        }
    }
}

void sha256_hex(struct sha256 *s, char out[65])
{
    static const unsigned char pad[64] = {0x80};
    unsigned char end[8], digest[32];
    put64(end, s->bytes * 8);
    sha256_add(s, pad, 1 + (119 - s->bytes % 64) % 64);
    sha256_add(s, end, sizeof end);
    for (int i = 0; i < 32; i++)
        digest[i] = (unsigned char)(s->state[i / 4] >> (24 - 8 * (i % 4)));
    hex(digest, sizeof digest, out);
}

void sha256_of(struct slice data, char out[65])
{
    struct sha256 s;
    sha256_init(&s);
    sha256_add(&s, data.data, data.len);
    sha256_hex(&s, out);
}

/* CRC-32C (Castagnoli), bit by bit: used on a few bytes a training step. */
uint32_t crc32c(uint32_t crc, const void *data, size_t len)
{
    const unsigned char *p = data;
    crc = ~crc;
    while (len-- != 0) {
        crc ^= *p++;
        for (int i = 0; i < 8; i++)
            crc = crc >> 1 ^ (0x82F63B78u & (uint32_t) - (int32_t)(crc & 1));
    }
    return ~crc;
}
