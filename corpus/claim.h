/*
 * A claim: at most one process does a stage on a file.  It is a lock on "FILE-STAGE.lock" beside
 * the dataset, which the system releases when the process dies; the name goes with the release.
 */
#ifndef CORPUS_CLAIM_H
#define CORPUS_CLAIM_H

#include "core/error.h"

#include <stdbool.h>

struct claim;

struct claim *claim_take(const char *path, const char *stage, struct error *error);
/* Whether a living process holds it. */
bool claim_held(const char *path, const char *stage);
void claim_release(struct claim *c);

#endif
