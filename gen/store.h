/*
 * What gen hands to the writer: one job is one piece of a transaction, all of it or nothing.
 */
#ifndef GEN_STORE_H
#define GEN_STORE_H

#include "core/arena.h"
#include "corpus/batches.h"
#include "corpus/ledger.h"
#include "corpus/samples.h"
#include "corpus/writer.h"
#include "gen/item.h"

#include <stdbool.h>

enum store_kind {
    STORE_PLAN,    /* asks: prompts and requests, and where the plan stands */
    STORE_RESERVE, /* reservations of `items` */
    STORE_REPLY,   /* the bytes of a reply, before anything looks inside */
    STORE_END,     /* an attempt; and perhaps the request's end, rows, follow-up asks */
    STORE_BATCH,   /* where a batch stands; and its lines, when it is new */
};

struct batch;

struct store_score {
    int64_t sample_id;
    struct slice name; /* of the arena, NUL-ended */
    double value;
};

/* Packed soft labels of one choice. */
struct soft_store {
    int64_t choice;
    size_t tokens;
    struct buf data;
};

struct store {
    struct writer_job job;
    struct gen *g;
    enum store_kind kind;
    struct item *item;  /* STORE_REPLY: whose; STORE_END: freed with the job, NULL: none */
    struct items asks;  /* new requests */
    struct items items; /* STORE_RESERVE */
    bool has_reply, has_attempt, has_end;
    bool remake;        /* rows replace those there are */
    int64_t supersedes; /* request whose cut rows these replace; 0: none */
    struct ledger_reply reply;
    struct ledger_attempt attempt;
    struct ledger_end end;
    struct sample *rows;
    size_t n_rows, cap_rows;
    struct store_score *scores;
    size_t n_scores, cap_scores;
    struct soft_store *soft; /* soft labels of the rows */
    size_t n_soft, cap_soft;
    struct net_reply heard; /* what the rows point into */
    struct slice position;  /* absent: unchanged */
    struct slice live;      /* absent: no report for other processes */
    struct batch *batch;    /* STORE_BATCH */
    struct batches_row batch_row;
    bool batch_new, batch_drop;
    int64_t settled_batch, settled_request; /* a line of it is settled; 0: none */
    struct arena arena;                     /* texts of this job */
};

/* Keep the logprobs of a choice with its row. */
void store_soft(struct store *s, int64_t choice, const struct net_logprobs *l);
struct store *store_new(struct gen *g, enum store_kind kind);
void store_post(struct store *s);
/* Everything but the items it holds. */
void store_free(struct store *s);
void store_free_spare(struct gen *g); /* at the end */

#endif
