/*
 * Encoder students: labelled rows (corpus/labelled.h) as examples, and their loss.
 *
 *     classify    hard_weight * cross-entropy + (1 - hard_weight) * T^2 * KL(teacher || student),
 *                 both distributions at temperature T; rows without a soft label: cross-entropy
 *     tag         cross-entropy of each word's tag, read at its first token
 *     answer      the mean of the cross-entropies of where the answer begins and where it ends,
 *                 over the tokens of a window; without an answer in it, both are its first token
 *
 * A loss is a sum over rows, words or windows; the trainer divides by their number.
 */
#ifndef TRAIN_ENCODER_H
#define TRAIN_ENCODER_H

#include "core/error.h"
#include "core/pool.h"
#include "core/recipe.h"
#include "corpus/corpus.h"
#include "corpus/labelled.h"
#include "model/model.h"
#include "model/tokenizer.h"
#include "train/examples.h"
#include "train/feed.h"

struct encoder_settings {
    enum labelled_task task; /* LABELLED_NONE: the student writes */
    char *rows;              /* a file; NULL: the dataset */
    const char **labels;     /* borrowed texts; NULL: those that occur */
    size_t n_labels;
    enum labelled_text text;
    double hard_weight, temperature;
    int32_t stride; /* tokens that windows of a long context share */
};

int encoder_settings_read(struct encoder_settings *s, const struct recipe *r, struct error *error);
void encoder_settings_clear(struct encoder_settings *s);

/* The head that the task wants. */
enum head_kind encoder_head(enum labelled_task task);

struct encoder_source {
    const struct encoder_settings *settings;
    const struct tokenizer *tokenizer;
    const struct model_config *config;
    uint32_t max_length;
};

/* Read the rows into `set` (opened here; closed by the caller whatever is returned) and make them
 * examples. */
int encoder_read(struct labelled_set *set, struct examples *e, struct corpus *c,
                 const struct encoder_source *source, struct error *error);

/* The loss of a pass over the examples which[0 .. n) laid out in `feed`.  Give model_pass &l->loss,
 * NULL where encoder_loss_for says so (plain cross-entropy). */
struct encoder_loss {
    struct model_loss loss;
    const struct encoder_settings *settings;
    const struct examples *examples;
    const struct feed *feed;
    const uint32_t *which;
    double *host; /* logits and losses of a pass */
    size_t cap;
};
void encoder_loss_open(struct encoder_loss *l, const struct encoder_settings *s);
void encoder_loss_close(struct encoder_loss *l);
const struct model_loss *encoder_loss_for(struct encoder_loss *l, const struct examples *e,
                                          const struct feed *feed, const uint32_t *which);

#endif
