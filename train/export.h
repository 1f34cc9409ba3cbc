/*
 * The export: the trained student as a Hugging Face folder.
 */
#ifndef TRAIN_EXPORT_H
#define TRAIN_EXPORT_H

#include "core/error.h"
#include "core/json.h"
#include "train/setup.h"

/* Write OUT: model (merged, for LoRA, unless train.merge is off), tokenizer with the template that
 * was trained with, generation_config.json with the ids that end a turn; and OUT/adapter. */
int export_write(const struct setup *s, struct model *m, struct error *error);

/* OUT/train.json: the finished run's identity and its report (copied). */
int export_finish(const struct setup *s, const struct json *report, struct error *error);
/* The report of a finished run of the same identity, owned; NULL where there is none. */
struct json *export_finished(const struct setup *s);
/* Remove that marker: another run begins in OUT. */
int export_forget(const struct setup *s, struct error *error);
/* True when OUT holds a finished run of whatever identity. */
bool export_present(const struct setup *s);

#endif
