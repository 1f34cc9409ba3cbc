/*
 * Masked texts of samples: what SAMPLES_KEPT gives in the place of the original (corpus/samples.h).
 */
#ifndef CORPUS_MASKED_H
#define CORPUS_MASKED_H

#include "core/error.h"
#include "core/hash.h"
#include "core/slice.h"
#include "corpus/corpus.h"

#include <stdint.h>

/* field: "system", "instruction", "input", "output" or "messages".  Replaces. */
int masked_put(struct corpus *c, int64_t sample_id, const char *field, struct slice text,
               struct error *error);
/* Forget those of samples behind that number. */
int masked_clear_after(struct corpus *c, int64_t after, struct error *error);
/* How many samples have a masked text, or -1. */
int64_t masked_count(struct corpus *c, struct error *error);
/* Add all of them to the hash; nothing where there are none. */
int masked_digest(struct corpus *c, struct hash128 *h, struct error *error);

#endif
