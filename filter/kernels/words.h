/*
 * What takes the time in shingling: class masks of text, hashes of words, and shingles of hashes
 * (filter/wordhash.h), many at a time.
 */
#ifndef FILTER_KERNELS_WORDS_H
#define FILTER_KERNELS_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whatever is written may run over its end by so many places, and what is read as well. */
enum { WORDS_SLACK = 64 };

/* Words of a text of n bytes (less than 4 GB): word i lies from edges[2 * i] to edges[2 * i + 1]. */
struct words {
    const unsigned char *p;
    size_t n;
    const uint32_t *edges;
    size_t n_words;
};

struct words_kernel {
    const char *name;
    bool (*usable)(void);
    /* For every byte one bit "part of an ASCII word" ([0-9A-Za-z_]) and one bit "not ASCII", 64
     * bytes an item, least significant bit first.  Bits past the end are zero. */
    void (*masks)(const unsigned char *p, size_t n, uint64_t *word, uint64_t *high);
    /* The same for digits, and for the signs % * + - / < = > and ^. */
    void (*signs)(const unsigned char *p, size_t n, uint64_t *digit, uint64_t *sign);
    /* Where the runs of set bits in [from, to) begin and end; how many numbers that are, two of
     * each. */
    size_t (*edges)(const uint64_t *bits, size_t from, size_t to, uint32_t *out);
    /* The hashes of ASCII words. */
    void (*hashes)(const struct words *w, uint64_t *out);
    /* The n - 2 shingles of n words in a row. */
    void (*threes)(const uint64_t *w, size_t n, uint64_t *out);
    /* The run of characters U+4E00 to U+9FFF at p: how many, and of each the bigram with the one
     * before it.  *before stands before the first, and becomes the last. */
    size_t (*bigrams)(const unsigned char *p, size_t n, uint32_t *before, uint64_t *out);
};

/* Fastest first, the reference last; NULL name ends. */
extern const struct words_kernel words_kernels[];
const struct words_kernel *words_best(void);

#endif
