/*
 * The schema of a dataset: made in an empty file, brought forward in an older one.
 */
#ifndef CORPUS_MIGRATE_H
#define CORPUS_MIGRATE_H

#include "core/error.h"
#include "corpus/sql.h"

/* Make the newest schema (schemas/dataset.sql) in an empty file; fine when another process was
 * quicker. */
int migrate_create(struct sql *s, struct error *error);
/* From version `from` to `to`, each step (the SQL that `step` gives for the version it starts
 * from, NULL for none) in a transaction of its own. */
int migrate_steps(struct sql *s, int from, int to, const char *(*step)(int from),
                  struct error *error);
/* The steps of this program: schemas/migrate-N.sql leads from N to N + 1. */
const char *migrate_step(int from);

#endif
