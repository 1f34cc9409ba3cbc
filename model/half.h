/*
 * The 16-bit float formats: bfloat16 (the upper half of a float) and IEEE half.  Rounding is to
 * nearest even; NaN stays NaN.
 */
#ifndef MODEL_HALF_H
#define MODEL_HALF_H

#include <stdint.h>
#include <string.h>

static inline float half_from_bf16(uint16_t h)
{
    const uint32_t bits = (uint32_t)h << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline uint16_t half_to_bf16(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if ((bits & 0x7FFFFFFFu) > 0x7F800000u)
        return (uint16_t)(bits >> 16 | 0x40u);
    return (uint16_t)((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16);
}

static inline float half_from_f16(uint16_t h)
{
    const uint32_t sign = (uint32_t)(h & 0x8000u) << 16;
    const uint32_t exponent = h >> 10 & 31u, fraction = h & 1023u;
    uint32_t bits;
    float x;
    if (exponent == 0) { /* zero and subnormal: fraction * 2^-24 exactly */
        x = (float)fraction * 0x1p-24f;
        return sign != 0 ? -x : x;
    }
    bits = sign | (exponent == 31 ? 0x7F800000u : (exponent + 112u) << 23) | fraction << 13;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline uint16_t half_to_f16(float x)
{
    uint32_t bits, sign, rest;
    memcpy(&bits, &x, sizeof bits);
    sign = bits >> 16 & 0x8000u;
    rest = bits & 0x7FFFFFFFu;
    if (rest > 0x7F800000u)
        return (uint16_t)(sign | 0x7E00u);
    if (rest >= 0x477FF000u) /* rounds to 65536 or more: infinity */
        return (uint16_t)(sign | 0x7C00u);
    if (rest < 0x38800000u) { /* below 2^-14: subnormal, rounded by adding a power of two */
        float small, magic = 0.5f;
        uint32_t out, base;
        memcpy(&small, &rest, sizeof small);
        small += magic;
        memcpy(&out, &small, sizeof out);
        memcpy(&base, &magic, sizeof base);
        return (uint16_t)(sign | (out - base));
    }
    rest += 0xFFFu + (rest >> 13 & 1u);
    return (uint16_t)(sign | (rest - 0x38000000u) >> 13);
}

#endif
