/*
 * Hashes.  XXH3-128 identifies (requests, rows, texts): fast, not against an adversary.  SHA-256
 * states provenance (recipes, model files) in a form others can check.
 */
#ifndef CORE_HASH_H
#define CORE_HASH_H

#include "core/slice.h"

#include <stdint.h>

struct hash128 {
    uint64_t hi, lo;
};

struct hash128 hash128(const void *data, size_t len);
uint64_t hash64(const void *data, size_t len, uint64_t seed);
/* Fold one more field into an identity; order matters and lengths are part of it, so that
 * ("ab","c") and ("a","bc") differ. */
struct hash128 hash128_add(struct hash128 h, const void *data, size_t len);
int hash128_compare(struct hash128 a, struct hash128 b);
void hash128_bytes(struct hash128 h, unsigned char out[16]); /* big-endian: the stored form */
struct hash128 hash128_from_bytes(const unsigned char in[16]);
void hash128_hex(struct hash128 h, char out[33]);

struct sha256 {
    uint32_t state[8];
    uint64_t bytes;
    unsigned char block[64];
};
void sha256_init(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *data, size_t len);
void sha256_hex(struct sha256 *s, char out[65]); /* ends the computation */
void sha256_of(struct slice data, char out[65]);

uint32_t crc32c(uint32_t crc, const void *data, size_t len); /* start with 0 */

#endif
