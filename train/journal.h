/*
 * The journal of a run: every step's numbers to the metrics file, TensorBoard, the progress bar and
 * the listener; every checkpoint to the dataset file as well.
 */
#ifndef TRAIN_JOURNAL_H
#define TRAIN_JOURNAL_H

#include "core/error.h"
#include "core/json.h"
#include "core/progress.h"
#include "corpus/corpus.h"
#include "train/learner.h"
#include "train/metrics.h"
#include "train/resume.h"
#include "train/tfevents.h"

#include <stdbool.h>
#include <stdint.h>

struct train_listener;

struct journal {
    struct metrics *metrics; /* NULL: not opened; steps and measurements are then not kept */
    struct tfevents *events; /* NULL: none wanted */
    struct corpus *corpus;
    int64_t run; /* 0: not recorded in the dataset file */
    struct progress *progress;
    const struct train_listener *listener; /* NULL: nobody */
    bool distils;                          /* the parts of the loss are kept too */
    uint64_t total, resumed;               /* steps */
    double rate_tokens, rate_seconds;      /* of this process, for the average rate */
    double loss;                           /* of the last step */
};

/* Open OUT/metrics.jsonl and OUT/events/, going on behind step `through`. */
int journal_open(struct journal *r, const char *out, uint64_t through, bool tensorboard,
                 struct error *error);
void journal_close(struct journal *r);

int journal_step(struct journal *r, const struct resume_point *at, const struct learner_step *step,
                 double seconds, struct error *error);
/* samples: what replies_add made, moved; may be NULL. */
int journal_measure(struct journal *r, const struct resume_point *at, uint64_t tokens,
                    struct json *samples, struct error *error);
int journal_checkpoint(struct journal *r, const struct resume_point *at, const char *path,
                       struct error *error);
/* One line for the listener. */
void journal_say(const struct journal *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
double journal_tokens_per_s(const struct journal *r);

#endif
