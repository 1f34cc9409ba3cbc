/*
 * The embeddings of the living rows (model/embedder.h), one vector of unit length a row: that of
 * its prompt, of its reply, or (fields "all") both behind each other, each of length 1/sqrt(2), so
 * that the product of two rows is the mean of the two cosines.  Kept in the dataset between runs
 * (filter/stash.h); past the memory limit the vectors lie in an unlinked file beside the dataset.
 */
#ifndef FILTER_EMBEDDINGS_H
#define FILTER_EMBEDDINGS_H

#include "core/hash.h"
#include "filter/wide.h"

/* A text of whose tokens the model knows less than this share has no embedding: another script. */
#define EMBEDDINGS_KNOWN 0.9

struct embeddings {
    float *v;           /* [rows of the index, width] */
    int width, parts;   /* parts: 2 for fields "all" */
    unsigned char *has; /* by row: 0 where it has none, or a part the model knows too little of */
    size_t mapped;      /* bytes of `v` that are a file; 0: memory */
    size_t n;
    int version; /* of scores made from them; never 0 */
};

/* filter.embeddings and filter.semantic.fields of the recipe say which. */
int embeddings_open(struct embeddings *e, const struct wide *w, struct error *error);
void embeddings_close(struct embeddings *e);
const float *embeddings_of(const struct embeddings *e, uint32_t row);
/* The cosine of each part, the smaller one: sums in double, in order. */
double embeddings_cosine(const struct embeddings *e, uint32_t a, uint32_t b);
/* What the rows' whole vectors have: the mean over the parts. */
double embeddings_mean_cosine(const struct embeddings *e, uint32_t a, uint32_t b);

#endif
