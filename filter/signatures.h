/*
 * Signatures in the dataset: blocks of up to 4096 rows, each
 *   rows x (id i64, exact 16 bytes, prompt u64, content u64, skeleton u64, length u32, flags u32), then
 *   32 columns of band keys, rows x u32 each,
 * in the byte order named by the kind.
 */
#ifndef FILTER_SIGNATURES_H
#define FILTER_SIGNATURES_H

#include "core/error.h"
#include "corpus/corpus.h"
#include "filter/index.h"

/* Append every stored row to the index. */
int signatures_load(struct corpus *c, const char *kind, struct index *x, const char *spill_dir,
                    struct error *error);
/* Store the rows [from, to) of the index. */
int signatures_store(struct corpus *c, const char *kind, const struct index *x, size_t from,
                     size_t to, struct error *error);

#endif
