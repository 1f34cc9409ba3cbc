/*
 * The ledger: what was asked, every time it was sent, every reply as it came, what it cost.
 *
 *   teacher ◄── request ──► prompt ──► (parent) request      one question; its state and cause
 *                  ▲
 *                  ├── reply      the bytes as they came, committed before anything looks inside
 *                  ├── attempt    one line a sending: status, cause, tokens, money; id = reply's id
 *                  └── sample     what was made of it (samples.h)
 *
 *                    plan                answered
 *     (nothing) ───────────► waiting ─────────────────► answered
 *                              │ ▲  │ row-fatal, or no tries left
 *                      reserve │ │  └─────────────────► failed (cause)
 *                              ▼ │ settle (transient)      │ redo: reopened by the user, or
 *                          in flight                       ▼ by itself where the cause was
 * transient (reserved_* > 0)                  waiting
 *
 * "In flight" is no state of the file: a waiting request whose reservation is not zero was in
 * flight when the process died.  ledger_recover settles it at the worst case, because it may have
 * been billed.
 *
 * All functions run inside the caller's transaction where they write, and keep the tallies of
 * corpus.h.  Ids of prompts, requests and replies are given by the caller, who holds
 * corpus_claim(c, "gen") and counts on from ledger_next.
 */
#ifndef CORPUS_LEDGER_H
#define CORPUS_LEDGER_H

#include "core/compress.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/slice.h"
#include "corpus/corpus.h"

#include <stdbool.h>
#include <stdint.h>

/* ---- numbers -------------------------------------------------------------------------------- */

struct ledger_ids {
    int64_t prompt, request, reply; /* the next free numbers */
};
int ledger_next(struct corpus *c, struct ledger_ids *out, struct error *error);

/* ---- asking ---------------------------------------------------------------------------------- */

/* The teacher's number, added where it is new; -1 on failure. */
int64_t ledger_teacher(struct corpus *c, const char *provider, const char *endpoint,
                       const char *model, const char *licence, struct error *error);

struct ledger_prompt {
    int64_t id;
    struct slice name;   /* absent: none */
    struct slice source; /* file and line, or strategy and step */
    struct slice system, instruction, input, messages, raw, meta; /* absent: none */
    int64_t parent; /* request whose reply it was made from; 0: none */
};
/* 1 added under p->id; 0 that number is there already (several requests share a prompt); -1. */
int ledger_prompt_add(struct corpus *c, const struct ledger_prompt *p, struct error *error);

enum ledger_state { LEDGER_WAITING, LEDGER_ANSWERED, LEDGER_FAILED };

struct ledger_request {
    int64_t id, prompt_id, teacher_id;
    struct hash128 key;
    struct slice strategy, step;
    int64_t sample;
    enum ledger_state state;
    struct slice cause; /* absent: none */
    int64_t tries, parsed, reply_id;
    char failed_by[32]; /* cause, as ledger_request_add found it */
};
/* Add it, waiting: 0; the caller adds its prompt in the same transaction.  Where one with this key
 * is there nothing is added: 1, and *r becomes what is stored (but the slices stay as they were); 2
 * where that was withdrawn, and waits again.  -1 failure. */
int ledger_request_add(struct corpus *c, struct ledger_request *r, struct error *error);

/* Mark as in flight, with its worst case in money (nano-USD) and tokens. */
int ledger_reserve(struct corpus *c, int64_t request, int64_t nusd, int64_t tokens,
                   struct error *error);
/* Give back what the request has reserved. */
int ledger_release(struct corpus *c, int64_t request, struct error *error);
/* Settle what was in flight when a process died, but for what has an unread reply or is in a batch
 * (batches.h): one attempt with cause "lost" each, numbered on from *next_reply.  Returns how many
 * there were. */
int64_t ledger_recover(struct corpus *c, int64_t run_id, int64_t *next_reply, int64_t now_ms,
                       struct error *error);

/* ---- hearing --------------------------------------------------------------------------------- */

struct ledger_reply {
    int64_t id, request_id, run_id; /* run_id 0: none */
    int64_t started_ms, latency_ms, status;
    struct slice headers, body; /* as they came */
};
/* Bodies of some size are stored as zstd frames (column packed). */
int ledger_reply_put(struct corpus *c, struct compressor *z, const struct ledger_reply *r,
                     struct error *error);

struct ledger_attempt {
    int64_t id; /* of its reply; or a number of the same sequence where none came */
    int64_t request_id, run_id, started_ms, latency_ms, status;
    const char *cause;    /* NULL: answered */
    struct slice message; /* absent: none */
    int64_t input_tokens, output_tokens, cached_tokens, reasoning_tokens, nusd;
    bool assumed;    /* tokens and nusd are the worst case: the reply did not say */
    bool unreserved; /* nothing was reserved for it in the file */
};
/* Record the attempt and give its reservation back. */
int ledger_attempt_put(struct corpus *c, const struct ledger_attempt *a, struct error *error);
struct ledger_end {
    int64_t request_id;
    enum ledger_state from, to;
    const char *cause; /* NULL: none */
    int64_t tries;
    int64_t parsed;   /* version of the parser; 0: nothing was made of it */
    int64_t reply_id; /* that answered it; 0: none */
};
/* The request is over, or waits again. */
int ledger_request_end(struct corpus *c, const struct ledger_end *e, struct error *error);

/* ---- going on -------------------------------------------------------------------------------- */

/* Waiting requests that are in no batch become failed/withdrawn: a new plan follows, and what it
 * still wants comes back with ledger_request_add.  Returns how many. */
int64_t ledger_withdraw(struct corpus *c, struct error *error);
/* Failed requests of the cause wait again with no tries used.  Returns how many. */
int64_t ledger_reopen(struct corpus *c, const char *cause, struct error *error);

/* A failed request that was asked again as another one is withdrawn. */
int ledger_replaced(struct corpus *c, int64_t request, struct error *error);

struct ledger_item {
    struct ledger_request request;
    struct ledger_prompt prompt;
};
typedef int ledger_item_fn(void *context, const struct ledger_item *item, struct error *error);
/* Waiting requests with a number over `after`, at most `limit`, in order.  How many, or -1. */
int ledger_waiting(struct corpus *c, int64_t after, int limit, ledger_item_fn *fn, void *context,
                   struct error *error);
/* Requests that failed so (NULL: however, but withdrawn), over `after`, in order, at most so many. */
enum { LEDGER_SOME = 256 };
int ledger_failed(struct corpus *c, const char *cause, int64_t after, ledger_item_fn *fn,
                  void *context, struct error *error);
/* Requests answered with a cut reply that were not asked again yet, over `after`, in order. */
int ledger_truncated(struct corpus *c, int64_t after, int limit, ledger_item_fn *fn, void *context,
                     struct error *error);
/* One request with its prompt: 1, 0 not there, -1. */
int ledger_find(struct corpus *c, int64_t request, ledger_item_fn *fn, void *context,
                struct error *error);

struct ledger_heard {
    struct ledger_item item;
    int64_t reply_id, status, latency_ms, started_ms, run_id;
    struct slice headers, body; /* unpacked */
};
typedef int ledger_heard_fn(void *context, const struct ledger_heard *heard, struct error *error);
/* Replies that were stored but not looked into: the process died between.  These three return how
 * many there were, or -1. */
int ledger_unread(struct corpus *c, ledger_heard_fn *fn, void *context, struct error *error);
/* The replies that answered requests with a number over `after`, at most `limit`, in order. */
int ledger_answers(struct corpus *c, int64_t after, int limit, ledger_heard_fn *fn, void *context,
                   struct error *error);
/* The reply that answered one request: 1, 0 there is none, -1. */
int ledger_answer(struct corpus *c, int64_t request, ledger_heard_fn *fn, void *context,
                  struct error *error);

/* ---- counting -------------------------------------------------------------------------------- */

struct ledger_totals {
    int64_t waiting, answered, failed;
    int64_t attempts, input_tokens, output_tokens, nusd;
    int64_t reserved_nusd, reserved_tokens;
};
void ledger_totals(struct corpus *c, struct ledger_totals *out); /* from the tallies */
int64_t ledger_rows(struct corpus *c);                           /* samples made from replies */
/* Was a request with this key answered?  1, 0, -1. */
int ledger_answered(struct corpus *c, struct hash128 key, struct error *error);

#endif
