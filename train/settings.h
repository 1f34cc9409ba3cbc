/*
 * The `train` block of a recipe as a struct, with what "auto" (null, 0) means filled in.
 */
#ifndef TRAIN_SETTINGS_H
#define TRAIN_SETTINGS_H

#include "core/buf.h"
#include "core/error.h"
#include "core/recipe.h"
#include "model/model.h"
#include "train/distill/options.h"
#include "train/pack.h"
#include "train/encoder.h"
#include "train/schedule.h"

#include <stdbool.h>
#include <stdint.h>

enum { SETTINGS_FREEZE = 32 };

struct train_settings {
    char *student, *out;       /* folders; student NULL: nothing is to be trained */
    bool random_init;          /* weights from the config and the seed instead of the folder */
    const char *template_name; /* NULL: the folder's own; else borrowed from the recipe */
    struct model_options model;
    const char *freeze[SETTINGS_FREEZE]; /* what model.freeze points at */
    struct encoder_settings encoder;
    bool recompute;
    double neftune;

    double epochs;
    uint64_t steps; /* 0: by epochs */
    double minutes; /* 0: no limit */
    uint32_t max_length;
    bool drop_long, last_reply_only;
    struct pack_limits pack;

    struct schedule schedule; /* total and a fractional warm-up are set when steps are known */
    double warmup;            /* below 1 a share of all steps, else steps */
    double beta1, beta2, epsilon, weight_decay;
    double clip; /* 0: off */

    const char *task_field; /* borrowed from the recipe; NULL: rows as they stand */
    double task_power;
    const struct json *on_evaluation, *on_checkpoint; /* words of hooks, borrowed; or null */

    double held_out;
    uint64_t eval_every; /* steps; 0: once an epoch */
    uint64_t eval_rows;  /* held-out rows measured, at most */
    uint64_t early_stop; /* evaluations without improvement; 0: off */
    uint64_t samples;    /* replies shown at each evaluation */
    int32_t sample_tokens;
    bool keep_best;            /* export the best weights by held-out loss, not the last */
    uint64_t checkpoint_every; /* steps; 0: once an epoch */
    double checkpoint_minutes; /* 0: never by time */
    uint64_t checkpoints;      /* how many are kept; 0: none are written */
    bool merge, tensorboard;
    bool ordered; /* sum gradients micro-batch by micro-batch: equal bits for any rank count */
    enum dtype save_type;
    struct distill_options distill;
    int32_t logits_rows; /* of the lm_head at once; 0: the model's own choice */
    uint64_t seed;
    int threads;
};

int settings_read(struct train_settings *s, const struct recipe *r, struct error *error);
void settings_clear(struct train_settings *s);

/* Canonical JSON of all that decides the weights: what a checkpoint must agree with to be
 * continued.  Paths, reporting, saving and checkpoint policy are not part of it. */
int settings_identity(const struct recipe *r, struct buf *out);

#endif
