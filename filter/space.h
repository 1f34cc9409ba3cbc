/*
 * How alike two rows are, for choosing diverse ones: the cosine of their embeddings or, where the
 * recipe names no embedding model, the Jaccard similarity that their MinHash signatures estimate
 * (standard error .04).
 */
#ifndef FILTER_SPACE_H
#define FILTER_SPACE_H

#include "filter/embeddings.h"
#include "filter/wide.h"

#include <stdint.h>

struct space {
    const struct embeddings *e; /* NULL: signatures */
    uint8_t *signatures;        /* [rows, MINHASH_PLACES] */
    struct pool *pool;
    const struct index *x;
};

/* e may be NULL, else it must outlive the space. */
int space_open(struct space *s, const struct wide *w, const struct embeddings *e,
               struct error *error);
void space_close(struct space *s);
/* Does the row have a place at all?  One without is like no other. */
bool space_has(const struct space *s, uint32_t row);
float space_similarity(const struct space *s, uint32_t a, uint32_t b); /* at most 1 */
/* out[i] = similarity of `row` to rows[i], on all threads. */
void space_to_all(const struct space *s, uint32_t row, const uint32_t *rows, size_t n, float *out);

#endif
