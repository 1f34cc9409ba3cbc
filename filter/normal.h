/*
 * Normalised text: what "the same text" means for exact duplicates.  NFKC, full case folding,
 * runs of white space (and zero-width spaces, and NUL) as one blank, none at the ends; each may be
 * switched off, and punctuation dropped.
 */
#ifndef FILTER_NORMAL_H
#define FILTER_NORMAL_H

#include "core/buf.h"
#include "core/slice.h"

#include <stdbool.h>

struct normal_options {
    bool nfkc, fold_case, fold_space, drop_punctuation;
};

/* Append the normalised text to `out`; `scratch` is working memory. */
void normal_text(struct slice text, const struct normal_options *how, struct buf *scratch,
                 struct buf *out);

#endif
