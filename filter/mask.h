/*
 * Masked copies of samples that hold personal data: written beside the originals, read in their
 * place by training and export (corpus/masked.h).
 */
#ifndef FILTER_MASK_H
#define FILTER_MASK_H

#include "core/error.h"
#include "corpus/corpus.h"

#include <stdint.h>

/* Mask every text of the sample that needs it. */
int mask_sample(struct corpus *c, int64_t sample_id, struct error *error);

#endif
