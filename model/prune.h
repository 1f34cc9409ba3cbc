/*
 * Pruning: a model with fewer weights.
 *
 * Unstructured: the smallest weights (by size, L1) of the layers' matrices become zero; shapes
 * stay.  The zeros are the mask: train.hold_zeros keeps them.
 *
 * Structured: whole attention heads and whole channels of the MLP are taken out of every layer,
 * those of least importance in each, the same number in all (config.json has one number).  With
 * grouped queries a head goes out of every group, or whole groups with their keys and values go.
 * Importance is the sum of absolute weights (Li et al. 2017), or |sum of weight * gradient| over
 * passes of held-out text (first-order Taylor, Molchanov et al. 2019).
 *
 *     unstructured:0.3                      30 % of all weights of the layers
 *     unstructured:0.3,per=matrix           30 % of each matrix
 *     structured:heads=0.25,ffn=0.5         so much of each layer's heads and channels
 *     structured:ffn=0.5,by=gradient
 */
#ifndef MODEL_PRUNE_H
#define MODEL_PRUNE_H

#include "core/error.h"
#include "model/model.h"

struct prune {
    bool structured, per_matrix, gradient;
    double share;      /* unstructured */
    double heads, ffn; /* structured: shares to take out */
};

int prune_parse(struct prune *p, const char *text, struct error *error);

/* Importance of each head [layers * heads] and channel [layers * ff]. */
struct prune_scores {
    double *heads, *ffn;
};
struct prune_scores prune_scores_new(const struct model *m);
void prune_scores_free(struct prune_scores *s);
void prune_scores_weights(struct model *m, struct prune_scores *s);
/* Add what one backward pass (gradients begun anew before it) says; a MODEL_FULL model. */
void prune_scores_gradients(struct model *m, struct prune_scores *s);

/* What was done. */
struct prune_result {
    int64_t zeros, of;            /* unstructured: weights that are zero now, of how many */
    int32_t heads, kv_heads, ffn; /* structured: how many there are now */
};

/* Zero weights in place. */
int prune_weights(struct model *m, const struct prune *p, struct prune_result *r,
                  struct error *error);
/* A new, smaller model of the same options, frozen; `m` stays.  A layout that cannot say the new
 * shape in Hugging Face's config.json is refused. */
struct model *prune_structure(struct model *m, const struct prune *p, const struct prune_scores *s,
                              struct prune_result *r, struct error *error);

#endif
