/*
 * The dataset file: opening, migrating, checking, backing up.
 *
 * One process writes at a time (gen, filter, import, train and eval take the write lock for their
 * transactions only); any number read.  WAL, foreign keys on, application_id 'reto', user_version
 * = schema version.  The other headers of this room add what is stored: samples.h, ledger.h
 * (prompts, requests, attempts), verdicts.h, runs.h, writer.h, exchange.h (import and export).
 */
#ifndef CORPUS_CORPUS_H
#define CORPUS_CORPUS_H

#include "core/buf.h"
#include "core/error.h"
#include "corpus/sql.h"

#include <stdbool.h>

enum { CORPUS_VERSION = 1 };

enum corpus_mode {
    CORPUS_READ,   /* must exist; never writes */
    CORPUS_WRITE,  /* must exist */
    CORPUS_CREATE, /* made when missing */
};

struct corpus;

struct corpus *corpus_open(const char *path, enum corpus_mode mode, struct error *error);
void corpus_close(struct corpus *c);
const char *corpus_path(const struct corpus *c);
struct sql *corpus_sql(struct corpus *c); /* for the other files of this room only */

int corpus_begin(struct corpus *c, struct error *error); /* IMMEDIATE: takes the write lock */
int corpus_commit(struct corpus *c, struct error *error);
void corpus_rollback(struct corpus *c);

/* integrity_check, foreign_key_check and the invariants of docs/ARCHITECTURE.md; one line a
 * finding is appended.  Returns the number of findings, or -1. */
int corpus_check(struct corpus *c, struct buf *findings, struct error *error);
/* A consistent copy, also of a file that is being written. */
int corpus_backup(struct corpus *c, const char *to, struct error *error);

int corpus_meta_set(struct corpus *c, const char *key, struct slice value, struct error *error);
/* 1 found and appended, 0 not there, -1 failure. */
int corpus_meta_get(struct corpus *c, const char *key, struct buf *value, struct error *error);

#endif
