/*
 * Fidelity: does a changed model (pruned, rounded, converted) still say what the original says?
 * Measured as the loss of both on the same rows.
 *
 * Rows come from a dataset (its held-out rows, as train and eval choose them), from a file of
 * lines, or, without any file, from the original itself: texts that it writes at temperature 1.
 * Of an encoder the loss is the cross-entropy to the classes that the original finds likeliest, on
 * lines of text or, without a file, on random tokens.
 */
#ifndef EVAL_FIDELITY_H
#define EVAL_FIDELITY_H

#include "core/error.h"
#include "model/model.h"
#include "model/prune.h"

#include <stdint.h>

struct fidelity;

struct fidelity_source {
    const char *dir;  /* the original's folder: tokenizer and template */
    const char *rows; /* NULL: its own words; NAME.db: a dataset; else lines of text or JSONL whose
                         objects have a "text" */
    double held_out;  /* the share that train holds out of a dataset */
    uint64_t limit;   /* rows at most */
    uint64_t seed;
};

/* `m` is the original, loaded; it writes where there is no file. */
struct fidelity *fidelity_open(const struct fidelity_source *source, struct model *m,
                               struct error *error);
void fidelity_close(struct fidelity *f);
int64_t fidelity_tokens(const struct fidelity *f); /* that losses are means over */
int64_t fidelity_rows(const struct fidelity *f);

/* Mean loss (nats a token); *tokens_per_s of the passes (may be NULL). */
int fidelity_loss(const struct fidelity *f, struct model *m, double *loss, double *tokens_per_s,
                  struct error *error);
/* Importance by gradients of these rows (model/prune.h); m is MODEL_FULL. */
int fidelity_importance(const struct fidelity *f, struct model *m, struct prune_scores *s,
                        struct error *error);

#endif
