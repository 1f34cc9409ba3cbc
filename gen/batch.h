/*
 * Batches of the run: requests of a teacher in mode batch are gathered into a file, handed over
 * together, and heard when the batch ended.  The same queue: an item comes from its lane's lists and
 * an answer goes the way of any other (answer.c), under the same key.
 *
 *   GATHERING ──► MADE ──► UPLOADED ──► CREATING ──► RUNNING ──► ENDED ──► READING ──► OVER
 *        full, or          (openai)       ▲  │ who knows: look for it                 │
 *        nothing else to come             └──┘                     what is left over ─┴► the lane
 *
 * Every arrow out of MADE, UPLOADED, CREATING and RUNNING is taken when the state it leaves was
 * committed: after a kill -9 a batch that was created is found again by its tag (or its age and
 * size), one that was not is dropped, and its requests are asked anew.  What is in an unsettled line
 * of the file is asked by nobody else.
 */
#ifndef GEN_BATCH_H
#define GEN_BATCH_H

#include "core/buf.h"
#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "corpus/batches.h"
#include "gen/item.h"
#include "net/batches.h"
#include "net/http.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gen;
struct lane;
struct store;

enum { BATCH_CALLS = 8 }; /* exchanges about batches at a time */

enum batch_state {
    BATCH_GATHERING,
    BATCH_MADE,
    BATCH_UPLOADED,
    BATCH_CREATING,
    BATCH_RUNNING,
    BATCH_ENDED,
    BATCH_READING,
    BATCH_OVER,
    BATCH_DROPPED,
};

/* What has to be remembered of an item while it is away. */
struct batch_line {
    struct hash128 key;
    int64_t request, order, redo_of;
    int64_t nusd, tokens; /* reserved */
    int32_t place;
    uint16_t tries, refusals, malformed, adapted;
    bool settled;
};

struct batch {
    struct batch *next;
    struct gen *g;
    struct lane *lane;
    enum batch_state state;
    int64_t id, run_id, made_ms, ended_ms;
    char tag[BATCHES_ID], status[32], remote[BATCHES_ID], input[BATCHES_ID];
    char file[BATCHES_FILES][BATCHES_ID];
    char message[256];
    bool resumed; /* of an earlier run */

    struct batch_line *lines;   /* by key, once it is made */
    size_t n, cap, open, total; /* open: not settled; total: as it was handed over */
    char *path;                 /* the input; the answers beside it */
    int fd;                     /* of what is being written; -1 none */
    int64_t bytes;
    struct buf pending;

    bool storing;   /* its state is being committed */
    bool calling;   /* an exchange is under way */
    bool ambiguous; /* the teacher may have created it: look before creating */
    bool adopted;   /* found by a look */
    bool cancelled; /* the teacher knows that we want it no more */
    bool known;     /* to the dataset */
    bool too_old;   /* a look came to batches from before this one */
    struct http_exchange x;
    struct buf url, body;
    struct http_form form[3];
    int64_t due_ns, poll_ms;
    int failures, looks, gone;
    char page[BATCHES_ID], found[BATCHES_ID]; /* of a look */
    char (*foreign)[BATCHES_ID];              /* not ours after all */
    size_t n_foreign, cap_foreign;

    int fetching; /* number of the file under way; BATCHES_FILES: all are here */
    struct file_lines *reading;
    size_t heard, strange, broken; /* lines of answers: ours, nobody's, unreadable */
    bool not_billed, again;        /* again: fetched once more because lines were broken */
    size_t left;                   /* leftovers: how far */
    bool requeue;                  /* nothing of it was asked */
    enum net_cause refused;
};

/* batch.c: the states */
int batch_open(struct gen *g, struct error *error); /* what an earlier run left */
int batch_recover(struct gen *g,
                  struct error *error); /* in its transaction: drop what was never sent */
int batch_step(struct gen *g, struct error *error); /* as far as it goes without waiting */
void batch_stored(struct gen *g, struct store *s);  /* a STORE_BATCH came back */
bool batch_busy(const struct gen *g);               /* the run cannot end yet */
bool batch_away(const struct gen *g);               /* anything in a batch? */
void batch_close(struct gen *g);
/* Is the request of that key in a batch?  Then its line takes over what the item (if any) knows. */
bool batch_holds(struct gen *g, struct hash128 key, const struct item *i);
/* Commit where it stands. */
void batch_store(struct batch *b);
struct batch_line *batch_find(struct batch *b, struct hash128 key);

/* batch_gather.c: from the lane's lists into a file */
/* With gen.rows: may what is away not be all the rows that are wanted? */
bool batch_wanted(const struct gen *g);
int batch_gather(struct gen *g, struct lane *l, struct error *error);
int batch_finish(struct batch *b, struct error *error); /* no more lines: it is MADE */

/* batch_call.c: what is said to the teacher */
int batch_call(struct batch *b, struct error *error); /* what its state asks for */
void batch_cancel_calls(struct gen *g);               /* those that change nothing there */

/* batch_read.c: its answers */
int batch_read(struct batch *b, struct error *error); /* some lines; OVER at the end */
void batch_refused(struct batch *b, struct slice body);
char *batch_answers_path(const struct batch *b, int file); /* allocated */

#endif
