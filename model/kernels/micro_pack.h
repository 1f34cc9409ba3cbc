/*
 * Packing: a strip of `width` lanes from an operand.  A part of every table.  Blocks of 8 x 8 are
 * turned in registers; where they do not fit into the width, the last block of lanes goes first,
 * because what it writes beyond is overwritten by the first block of the next numbers.
 */
typedef uint32_t eight __attribute__((vector_size(32)));
typedef uint32_t eight_anywhere __attribute__((vector_size(32), aligned(2), may_alias));
typedef uint16_t halves8 __attribute__((vector_size(16)));
typedef uint16_t halves8_anywhere __attribute__((vector_size(16), aligned(2), may_alias));

/* Eight of the sixteen words of two vectors; gcc knows clang's form since 12. */
#if defined(__clang__) || __GNUC__ >= 12
#define CHOOSE8(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define CHOOSE8(a, b, ...) __builtin_shuffle(a, b, (eight){__VA_ARGS__})
#endif

#define UNPACK_LOW(a, b)  CHOOSE8(a, b, 0, 8, 1, 9, 4, 12, 5, 13)
#define UNPACK_HIGH(a, b) CHOOSE8(a, b, 2, 10, 3, 11, 6, 14, 7, 15)
#define PAIR_LOW(a, b)    CHOOSE8(a, b, 0, 1, 8, 9, 4, 5, 12, 13)
#define PAIR_HIGH(a, b)   CHOOSE8(a, b, 2, 3, 10, 11, 6, 7, 14, 15)
#define HALF_LOW(a, b)    CHOOSE8(a, b, 0, 1, 2, 3, 8, 9, 10, 11)
#define HALF_HIGH(a, b)   CHOOSE8(a, b, 4, 5, 6, 7, 12, 13, 14, 15)

ALWAYS void turn8(eight *x)
{
    eight t[8];
    for (int i = 0; i < 8; i += 2) {
        t[i] = UNPACK_LOW(x[i], x[i + 1]);
        t[i + 1] = UNPACK_HIGH(x[i], x[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
        x[i] = PAIR_LOW(t[i], t[i + 2]);
        x[i + 1] = PAIR_HIGH(t[i], t[i + 2]);
        x[i + 2] = PAIR_LOW(t[i + 1], t[i + 3]);
        x[i + 3] = PAIR_HIGH(t[i + 1], t[i + 3]);
    }
    for (int i = 0; i < 4; i++) {
        t[i] = HALF_LOW(x[i], x[i + 4]);
        t[i + 4] = HALF_HIGH(x[i], x[i + 4]);
    }
    memcpy(x, t, sizeof t);
}

/* Rounded to BF16 (to nearest, ties to even), in the upper half of each word. */
ALWAYS eight rounded(eight x)
{
    return x + 0x7FFFu + (x >> 16 & 1u);
}

ALWAYS eight widened(const uint16_t *p)
{
    const halves8 h = *(const halves8_anywhere *)(const void *)p;
    return __builtin_convertvector(h, eight) << 16;
}

/* A hint: the number there is read soon; rows end too early for the processor to foresee it.  Only
 * BF16's products are fast enough to gain by it. */
ALWAYS void fetch(const struct micro_source *s, int64_t at)
{
    if (MICRO_HALF)
        __builtin_prefetch((const char *)s->data + at * (s->half ? 2 : 4));
}

/* Number p of a lane as the strip's word has it. */
ALWAYS uint32_t bits_of(const struct micro_source *s, int64_t lane, int64_t p)
{
    const int64_t at = s->along ? lane * s->stride + p : p * s->stride + lane;
    uint32_t bits;
    if (p >= s->depth)
        return 0;
    if (s->half)
        return (uint32_t)((const uint16_t *)s->data)[at] << 16;
    memcpy(&bits, (const float *)s->data + at, sizeof bits);
    return bits;
}

/* The strip's word for numbers along `at`: the at'th number, or the pair 2 at, 2 at + 1. */
ALWAYS uint32_t word_of(const struct micro_source *s, int64_t lane, int64_t at)
{
    uint32_t low, high;
    if (!MICRO_HALF)
        return bits_of(s, lane, at);
    low = bits_of(s, lane, 2 * at);
    high = bits_of(s, lane, 2 * at + 1);
    low += 0x7FFFu + (low >> 16 & 1u);
    high += 0x7FFFu + (high >> 16 & 1u);
    return low >> 16 | (high & 0xFFFF0000u);
}

/* 8 words of a lane whose numbers stand behind each other. */
ALWAYS eight words_along(const struct micro_source *s, int64_t lane, int64_t at)
{
    const int64_t from = lane * s->stride + (MICRO_HALF ? 2 : 1) * at;
    fetch(s, from + 8 * s->stride); /* of the next block of lanes */
    if (s->half) {
        const uint16_t *p = (const uint16_t *)s->data + from;
        if (!MICRO_HALF)
            return widened(p);
        return *(const eight_anywhere *)(const void *)p;
    }
    const float *p = (const float *)s->data + from;
    const eight x = *(const eight_anywhere *)(const void *)p;
    if (!MICRO_HALF)
        return x;
    const eight y = *(const eight_anywhere *)(const void *)(p + 8);
#ifdef MICRO_PAIRS /* an instruction that rounds 16 numbers */
    return MICRO_PAIRS(x, y);
#else
    /* Even places of both vectors are lower halves, odd ones upper halves. */
    const eight low = CHOOSE8(x, y, 0, 2, 4, 6, 8, 10, 12, 14);
    const eight high = CHOOSE8(x, y, 1, 3, 5, 7, 9, 11, 13, 15);
    return rounded(low) >> 16 | (rounded(high) & 0xFFFF0000u);
#endif
}

/* 8 words of neighbouring lanes whose numbers stand below each other. */
ALWAYS eight words_across(const struct micro_source *s, int64_t lane, int64_t at)
{
    const int64_t p = (MICRO_HALF ? 2 : 1) * at, from = p * s->stride + lane;
    eight low, high = {0};
    fetch(s, from + 16 * s->stride);
    fetch(s, from + 17 * s->stride);
    if (s->half) {
        low = widened((const uint16_t *)s->data + from);
        if (MICRO_HALF && p + 1 < s->depth)
            high = widened((const uint16_t *)s->data + from + s->stride);
    } else {
        low = *(const eight_anywhere *)(const void *)((const float *)s->data + from);
        if (MICRO_HALF && p + 1 < s->depth)
            high =
                *(const eight_anywhere *)(const void *)((const float *)s->data + from + s->stride);
    }
    return MICRO_HALF ? rounded(low) >> 16 | (rounded(high) & 0xFFFF0000u) : low;
}

ALWAYS void put8(uint32_t *to, eight x)
{
    *(eight_anywhere *)(void *)to = x;
}

/* Lanes [first, first + 8) of a strip whose numbers stand behind each other. */
ALWAYS void pack_turned(uint32_t *to, const struct micro_source *s, int width, int first)
{
    const int64_t whole = s->depth / (MICRO_HALF ? 2 : 1), all = words_deep(s->depth);
    const int64_t present = s->lanes - first, end = width - first < 8 ? width - first : 8;
    int64_t at = 0;
    for (; at + 8 <= whole; at += 8) {
        eight x[8];
        for (int i = 0; i < 8; i++)
            x[i] = i < present ? words_along(s, first + i, at) : (eight){0};
        turn8(x);
        for (int i = 0; i < 8; i++) {
            uint32_t *row = to + (at + i) * width + first;
            if (end == 8 || at + i + 1 < all)
                put8(row, x[i]);
            else /* behind the last row is somebody else's strip */
                memcpy(row, &x[i], (size_t)end * sizeof *row);
        }
    }
    for (; at < all; at++)
        for (int64_t i = 0; i < end; i++)
            to[at * width + first + i] = i < present ? word_of(s, first + i, at) : 0;
}

/* The first n lanes of a strip; the last 8 may overlap those before them. */
ALWAYS void copy_lanes(uint32_t *row, const struct micro_source *s, int64_t at, int64_t n)
{
    int64_t i = 0;
    for (; i + 8 <= n; i += 8)
        put8(row + i, words_across(s, i, at));
    if (i < n && n > 8)
        put8(row + n - 8, words_across(s, n - 8, at));
    for (; i < n && n < 8; i++)
        row[i] = word_of(s, i, at);
}

/* The strip's row `at`: `lanes` of it are there. */
ALWAYS void copy_row(uint32_t *row, const struct micro_source *s, int64_t at, int width)
{
    if (s->lanes < width) {
        copy_lanes(row, s, at, s->lanes);
        memset(row + s->lanes, 0, (size_t)(width - s->lanes) * sizeof *row);
    } else {
        copy_lanes(row, s, at, width);
    }
}

ALWAYS void copy_width(uint32_t *to, const float *from, int width)
{
    int i = 0;
    for (; i + 8 <= width; i += 8)
        put8(to + i, *(const eight_anywhere *)(const void *)(from + i));
    if (i < width && width > 8)
        put8(to + width - 8, *(const eight_anywhere *)(const void *)(from + width - 8));
    else if (i < width)
        memcpy(to, from, (size_t)width * sizeof *to);
}

/* Full strips of floats, which are copied as they are; returns the lanes done. */
ALWAYS int64_t copy_floats(uint32_t *to, const struct micro_source *s, int width)
{
    const int64_t end = s->lanes / width * width, deep = s->depth * width;
    for (int64_t at = 0; at < s->depth; at++) {
        const float *from = (const float *)s->data + at * s->stride;
        uint32_t *row = to + at * width;
        for (int64_t first = 0; first < end; first += width, row += deep)
            copy_width(row, from + first, width);
    }
    return end;
}

/* Lanes from `first` on, as the source of one strip. */
ALWAYS struct micro_source strip_of(const struct micro_source *s, int64_t first, int width)
{
    const int64_t at = first * (s->along ? s->stride : 1), left = s->lanes - first;
    struct micro_source one = *s;
    one.data = s->half ? (const void *)((const uint16_t *)s->data + at)
                       : (const void *)((const float *)s->data + at);
    one.lanes = left < width ? left : width;
    return one;
}

/* Where lanes stand beside each other, memory is read row by row, across all strips: strip by
 * strip, rows that are a power of two apart would drive each other out of the cache. */
ALWAYS void pack_across(uint32_t *to, const struct micro_source *s, int width)
{
    const int64_t all = words_deep(s->depth), present = MICRO_HALF ? (s->depth + 1) / 2 : all;
    const int64_t done = MICRO_HALF || s->half ? 0 : copy_floats(to, s, width);
    if (done == s->lanes)
        return;
    for (int64_t at = 0; at < present; at++) {
        for (int64_t first = done; first < s->lanes; first += width) {
            const struct micro_source one = strip_of(s, first, width);
            copy_row(to + first * all + at * width, &one, at, width);
        }
    }
    for (int64_t first = done; first < s->lanes && present < all; first += width)
        memset(to + first * all + present * width, 0,
               (size_t)((all - present) * width) * sizeof *to);
}

ALWAYS void pack_along(uint32_t *to, const struct micro_source *s, int width)
{
    const int64_t all = words_deep(s->depth);
    const int last = (width - 1) / 8 * 8;
    for (int64_t first = 0; first < s->lanes; first += width) {
        const struct micro_source one = strip_of(s, first, width);
        for (int lane = 0; lane <= last; lane += 8)
            pack_turned(to + first * all, &one, width, width % 8 == 0 ? lane : last - lane);
    }
}

ALWAYS void pack(uint32_t *to, const struct micro_source *s, int width)
{
    if (s->along)
        pack_along(to, s, width);
    else
        pack_across(to, s, width);
}
