/* Inside of a matcher: shared by its three files.
 *
 *     matcher.c  layers, projections, steps     matcher_loss.c  losses and gradients
 *     matcher_watch.c  taking what the layers compute, and giving gradients back
 */
#ifndef TRAIN_DISTILL_MATCHER_INTERNAL_H
#define TRAIN_DISTILL_MATCHER_INTERNAL_H

#include "train/distill/match.h"
#include "train/distill/matcher.h"
#include "train/distill/projection.h"

enum { MATCHER_LAYERS = 2 * DISTILL_MATCHES };

/* What one layer of one model computed in the micro-batch: hidden states [tokens, width], or
 * attention scores, of segment s [heads, n, n] from at[s] on; and its gradient. */
struct kept {
    int32_t layer;
    bool attention;
    size_t width, heads;
    double *x, *d;
    size_t cap_x, cap_d;
};

struct side {
    struct matcher *m;
    struct kept layers[MATCHER_LAYERS];
    size_t n;
    struct model_watch watch;
    bool student;
};

struct match {
    const struct distill_match *how;
    struct kept *s[2], *t[2]; /* the second for a loss of pairs */
    struct projection projection;
    double measure; /* of the step */
    double factor;  /* of the sum: weight * N / measure */
};

struct matcher {
    struct match matches[DISTILL_MATCHES];
    size_t n;
    struct side student, teacher;
    int32_t hidden[MATCHER_LAYERS]; /* the teacher's layers that are wanted */
    size_t n_hidden;
    const struct examples *examples;
    const struct feed *feed;
    size_t *at; /* [segments + 1]: where the attention of each segment begins, per head */
    size_t cap_at;
    double *ones; /* [longest] */
    int32_t offset;
    bool computed;
    double loss;
    /* projections */
    struct backend *b;
    struct tensor values, gradients, first, second;
    double *host, *grad; /* values and gradient sums */
    size_t size;
    uint64_t seed;
};

/* matcher_loss.c.  All losses of the micro-batch, and the gradients by what the student computed. */
struct match_row matcher_row(const struct matcher *m, const struct match *x, size_t n);
void matcher_compute(struct matcher *m);

/* matcher_watch.c: the two hooks of a model_watch whose context is a struct side. */
int matcher_on_hidden(void *context, struct backend *b, int32_t layer, struct tensor hidden,
                      struct tensor d, struct error *error);
int matcher_on_attention(void *context, const struct model_attention *a, struct error *error);

#endif
