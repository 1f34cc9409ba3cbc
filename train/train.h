/*
 * Fine-tuning: the kept rows of a dataset file and a student's folder to a better student.
 *
 *     OUT/config.json, model.safetensors, tokenizer.json …   the student, once it is done
 *     OUT/adapter/            LoRA: the PEFT adapter alone
 *     OUT/metrics.jsonl       loss and tokens_per_s of each step, held-out loss, samples
 *     OUT/events/             the same for TensorBoard
 *     OUT/checkpoints/        what a stopped run goes on from (resume.h)
 *     OUT/train.json          the report of the finished run
 *
 * A run that was stopped, at any instant and in any way, goes on from its newest checkpoint and
 * ends with the bytes that an undisturbed run ends with.  A finished one is not run again unless
 * something that decides the result has changed.
 */
#ifndef TRAIN_TRAIN_H
#define TRAIN_TRAIN_H

#include "core/buf.h"
#include "core/error.h"
#include "core/progress.h"
#include "core/recipe.h"
#include "corpus/corpus.h"

#include <stdbool.h>
#include <stdint.h>

/* Somebody who wants lines of text while the run goes on (cli/ prints them). */
struct train_listener {
    void (*line)(void *context, const char *text);
    void *context;
};

struct train_options {
    int64_t run_id; /* 0: not recorded */
    bool dry_run;   /* rows, mask preview, memory and time; nothing is written */
    bool restart;   /* forget the checkpoints there are */
    bool colour;    /* of the mask preview */
    const struct train_listener *listener; /* NULL: no lines */
};

/* `report` gets one JSON object.  -1 with ERROR_INTERRUPTED (Ctrl-C) or ERROR_PARTIAL (SIGTERM):
 * a checkpoint was written, the same call goes on. */
int train_run(const struct recipe *recipe, struct corpus *corpus,
              const struct train_options *options, struct progress *progress, struct buf *report,
              struct error *error);

#endif
