/*
 * What takes the time in normalising (filter/normal.h): ASCII text with its white space folded, runs
 * of Han as they are, and text with its digits masked, many bytes at a time.
 */
#ifndef FILTER_KERNELS_FOLD_H
#define FILTER_KERNELS_FOLD_H

#include <stdbool.h>
#include <stddef.h>

/* So many bytes behind what is written may be written over. */
enum { FOLD_SLACK = 64 };

/* Where the writing stands: blanks are written when something follows them. */
struct fold {
    unsigned char *to;
    bool started, blank;
};

struct fold_kernel {
    const char *name;
    bool (*usable)(void);
    /* Write the ASCII text at p, runs of white space (and NUL) as one blank, lowered if asked; how
     * many bytes were read: all, or those before the first that is not ASCII. */
    size_t (*ascii)(const unsigned char *p, size_t n, bool lower, struct fold *f);
    /* Copy the run of characters U+4E00 to U+9FFF at p; how many bytes. */
    size_t (*han)(const unsigned char *p, size_t n, unsigned char *to);
    /* Copy the text with each run of digits as one byte 1, none behind a byte 1; how many bytes. */
    size_t (*digits)(const unsigned char *p, size_t n, unsigned char *to);
};

/* Fastest first, the reference last; NULL name ends. */
extern const struct fold_kernel fold_kernels[];
const struct fold_kernel *fold_best(void);

/* The blank that is due, and that something follows. */
static inline void fold_start(struct fold *f)
{
    if (f->blank && f->started)
        *f->to++ = ' ';
    f->blank = false;
    f->started = true;
}

#endif
