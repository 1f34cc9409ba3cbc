/*
 * One request in memory, from the ask of a strategy to the commit of its end.
 *
 *            plan committed        sent           200 came     its bytes committed
 *   PLANNED ───────────────► READY ─────► FLYING ─────────► STORED ───────────────► (parsed) ─► OVER
 *                            ▲  ▲           │                                            │
 *                            │  └── due ── RETRY ◄──────── transient, rate-limited ──────┤
 *                            └────────────────────────────────────────────── malformed ──┘
 *
 * Under a budget READY has a second half: RESERVING (the reservation is being committed), CLEARED.
 */
#ifndef GEN_ITEM_H
#define GEN_ITEM_H

#include "core/buf.h"
#include "core/hash.h"
#include "corpus/ledger.h"
#include "gen/budget.h"
#include "gen/settings.h"
#include "gen/strategy.h"
#include "net/http.h"
#include "net/pace.h"

#include <stdbool.h>
#include <stdint.h>

struct gen;
struct lane;

struct item {
    struct http_exchange x; /* context: the item itself */
    struct item *next;      /* of the list it is in */
    struct gen *g;
    struct lane *lane;
    const struct gen_step *step;
    int64_t sample;
    struct ledger_prompt prompt; /* slices into `text` */
    char *text;
    struct ledger_request request;
    struct hash128 today;       /* of one read back: its key by the recipe of today */
    bool added, was_withdrawn;  /* what became of the ask: new, or taken up again */
    struct buf body;            /* as it goes out */
    struct net_dialect dialect; /* of body */
    int tries, malformed, refusals, adapted;
    uint64_t draws; /* random numbers used for back-off */
    int64_t due_ns;
    struct pace_ticket ticket;
    int64_t part_tokens;        /* at most, of what is no text in the prompt; < 0: nobody knows */
    struct budget_amount worst; /* reserved; all zero: nothing is */
    double input_tokens, output_tokens; /* for pacing */
    int64_t order;                      /* number of the ask, of ordered strategies */
    int64_t redo_of;     /* request whose cut reply this is asked again for; 0: none */
    bool known;          /* settled by an earlier run */
    enum net_cause over; /* how it ended, while it waits for its turn */
    struct net_reply heard;
    bool resumed;             /* from an earlier run */
    bool leftover;            /* was in a batch, unanswered */
    int64_t batch;            /* it goes out or came back in; 0: by itself */
    struct slice reply, head; /* STORED: the bytes, in x or in `text` of a reply read back */
    int64_t reply_id, started_ms, latency_ms;
    int status;
};

/* An item of an ask: copies its texts, builds body and key.  NULL on failure. */
struct item *item_new(struct gen *g, struct lane *lane, const struct gen_step *step, int64_t sample,
                      const struct ledger_prompt *prompt, struct error *error);
void item_free(struct item *i);
/* Build the body again where the teacher's dialect changed meanwhile. */
int item_refresh(struct item *i, struct error *error);
/* The worst this request can cost: every byte of the prompt a token, parts that are no text at their
 * bound beside that, every reply at its limit.  Of a bounded one. */
struct budget_amount item_worst(const struct item *i);
bool item_bounded(const struct item *i); /* has it a worst case, as far as the budget wants one? */

/* What `usage` of it costs, in nano-USD. */
int64_t item_cost(const struct item *i, const struct net_usage *usage);

struct items {
    struct item *first, **end;
    size_t n;
};
void items_init(struct items *l);
void items_add(struct items *l, struct item *i);
struct item *items_pop(struct items *l); /* NULL: empty */
void items_add_first(struct items *l, struct item *i);

#endif
