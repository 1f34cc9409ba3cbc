/*
 * The dataset file: opening, migrating, transactions, backing up.
 *
 * Any number of processes read while one writes; writers take the write lock for their
 * transactions only.  WAL, foreign keys on, application_id 'reto', user_version = schema version.
 * The other headers of this room add what is stored: samples.h, ledger.h (prompts, requests,
 * attempts), verdicts.h, runs.h, writer.h, exchange.h (import and export), status.h, show.h,
 * check.h.
 *
 * A corpus (one connection) belongs to one thread at a time; open the path again for another.
 */
#ifndef CORPUS_CORPUS_H
#define CORPUS_CORPUS_H

#include "core/buf.h"
#include "core/error.h"
#include "corpus/sql.h"

#include <stdbool.h>

enum { CORPUS_VERSION = 4, CORPUS_APPLICATION = 0x7265746F };

enum corpus_mode {
    CORPUS_READ,   /* must exist; never changes what is stored */
    CORPUS_WRITE,  /* must exist */
    CORPUS_CREATE, /* made when missing */
};

struct corpus;

struct corpus *corpus_open(const char *path, enum corpus_mode mode, struct error *error);
void corpus_close(struct corpus *c); /* an open transaction is rolled back */
const char *corpus_path(const struct corpus *c);
struct sql *corpus_sql(struct corpus *c); /* for the other files of this room only */

/*
 * What a commit survives.  FULL (the default): a power cut; each commit waits for the disk.
 * NORMAL: the death of the process, and the file stays whole after a power cut, but the last
 * commits may be gone: for what can be made again, such as an import.
 */
enum corpus_durability { CORPUS_FULL, CORPUS_NORMAL };
int corpus_durability(struct corpus *c, enum corpus_durability d, struct error *error);
/* No checks of references and of words in columns at each row (a quarter of the work of writing one):
 * for a writer whose rows come from tables and numbers of our own.  `status --check` checks them. */
int corpus_unchecked(struct corpus *c, struct error *error);
/* Keep so many kB of pages in memory (4000 without it). */
int corpus_cache(struct corpus *c, int kb, struct error *error);
/* Read up to so many bytes of the file through a mapping, which saves the copies; 0: none.  For long
 * walks over all rows. */
int corpus_map(struct corpus *c, int64_t bytes, struct error *error);
/* For writing very many rows that can be made again (an import): NORMAL durability, a larger cache
 * and a longer log; off: back to what corpus_open gives. */
int corpus_bulk(struct corpus *c, bool on, struct error *error);

int corpus_begin(struct corpus *c, struct error *error);  /* IMMEDIATE: takes the write lock */
int corpus_commit(struct corpus *c, struct error *error); /* rolls back on failure */
void corpus_rollback(struct corpus *c);

/*
 * A stage that must not run twice at once on one file (gen would pay twice) claims its name:
 * ERROR_BUSY when another process holds it.  Released by corpus_close and by the death of the
 * process.  One claim a corpus.
 */
int corpus_claim(struct corpus *c, const char *stage, struct error *error);
void corpus_unclaim(struct corpus *c); /* released earlier */

/*
 * Running totals (table tally): counts that would need a walk over all rows, kept exact by
 * changing them in the transaction that changes the rows.  Deltas are gathered in memory and
 * written by corpus_commit (at once where no transaction is open); a rollback forgets them.
 */
int corpus_tally(struct corpus *c, const char *key, int64_t delta, struct error *error);
int64_t corpus_tally_get(struct corpus *c, const char *key); /* as committed; 0 where none */

/* A consistent copy, also of a file that is being written; `to` must not exist. */
int corpus_backup(struct corpus *c, const char *to, struct error *error);

int corpus_meta_set(struct corpus *c, const char *key, struct slice value, struct error *error);
/* 1 found and appended, 0 not there, -1 failure. */
int corpus_meta_get(struct corpus *c, const char *key, struct buf *value, struct error *error);

#endif
