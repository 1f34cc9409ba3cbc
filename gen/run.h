/*
 * The run: what all files of this room share.  Nobody outside gen/ includes it.
 */
#ifndef GEN_RUN_H
#define GEN_RUN_H

#include "core/clock.h"
#include "core/compress.h"
#include "core/progress.h"
#include "corpus/writer.h"
#include "gen/budget.h"
#include "gen/checks.h"
#include "gen/gen.h"
#include "gen/lane.h"
#include "gen/order.h"
#include "gen/settings.h"
#include "gen/store.h"
#include "gen/strategy.h"

#include <stdbool.h>
#include <stdint.h>

enum plan_state {
    PLAN_GOING,
    PLAN_WAITING, /* for the next answer */
    PLAN_ENOUGH,  /* what is under way may be all the rows that are wanted */
    PLAN_OVER,
};

struct gen {
    const struct recipe *recipe;
    struct corpus *corpus;
    const struct gen_options *options;
    struct progress *progress;
    struct settings settings;
    void *strategy; /* its state */
    struct http *http;
    struct writer *writer;
    struct compressor *compressor; /* of the writer's thread */
    struct lane *lanes;
    int n_lanes;
    struct budget budget;
    struct ledger_ids next;
    struct ledger_totals totals; /* as committed at the start, then kept up */
    bool counted;                /* they were read: there is something to report */
    int64_t rows;                /* samples made by gen, of all runs */

    /* planning */
    enum plan_state plan;
    bool unplanned;                     /* more is wanted at once */
    int64_t stored_after, stored_until; /* waiting requests of an earlier run still to load */
    size_t planning;                    /* asks posted, not committed */
    const struct store *chunk_out;      /* of the plan, being committed; NULL: none */
    int64_t asked;                      /* asks the plan made in this run */
    bool redo_anew;                     /* --redo takes the place of the plan */
    int64_t redo_after, redo_foreign;   /* where it is; requests of teachers that are no more */
    int64_t known, repeated;            /* of them: answered before; twice in the plan */

    int64_t bad_lines;
    struct buf bad; /* the first of them, in words */

    struct order order;
    struct template_text *templates; /* read so far */

    /* what an ask, a row or a rejection of the strategy goes into */
    struct store *chunk;
    struct item *answering;
    const struct net_choice *choice;
    char rejected[256];
    bool is_rejected;
    bool echo;             /* told again: its rows are stored already */
    struct checks *checks; /* NULL: none was asked for */
    bool may_wait, later;  /* the answer being told may be given back; it was */

    struct store *spare; /* done with, for the next ones */
    size_t n_spare;

    /* in the air */
    size_t jobs;                           /* posted and not taken back, or to be looked into */
    struct writer_job *heard, **heard_end; /* STORE_REPLYs to be looked into */
    size_t n_heard;
    int flying;
    bool hurry;       /* more can go out at once: before anything is planned */
    int64_t wake_ns;  /* when a pace or a back-off lets something go */
    const char *full; /* the budget that refused the next request; NULL: none */

    /* batches (batch.h) */
    struct batch *batches;
    int64_t batched, next_batch; /* requests that are away in one; the next number */
    int batch_calls;             /* exchanges about them */
    bool deaf; /* nothing can be stored, or the user will not wait: hear no more */

    /* the end */
    bool
        replaying; /* replies of a dead run are read: what has to be asked again waits in the file */
    bool stopping;
    struct error stop; /* why */
    int64_t run_answered, run_failed, run_attempts, run_lost;
    int64_t causes[NET_CAUSES]; /* of attempts of this run */
    int64_t started_ns, first_ns, live_ns;
    int64_t run_nusd, run_input, run_output, run_rows;
};

/* Stop sending; what is in the air comes home.  The first reason stays. */
void gen_stop(struct gen *g, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* plan.c */
int plan_open(struct gen *g, struct error *error);
int plan_more(struct gen *g, struct error *error); /* a chunk, where the lanes have room */
void plan_stored(struct gen *g, struct store *s);  /* a STORE_PLAN or the asks of a STORE_END */
bool plan_over(const struct gen *g);
struct item *plan_item(struct gen *g, const struct ledger_item *stored, struct error *error);
/* The same whatever key it has today; NULL without an error where teacher or step are no more. */
struct item *plan_item_as_it_is(struct gen *g, const struct ledger_item *stored,
                                struct error *error);

/* send.c */
/* The next request fits into no budget: the run ends here, unless something is still under way. */
void send_exhausted(struct gen *g, const struct item *i);
int send_all(struct gen *g, struct error *error);
void send_cleared(struct gen *g, struct store *s); /* a STORE_RESERVE came back */

/* answer.c */
void answer_flown(struct http_exchange *x); /* `done` of http */
/* It has its answer, or the failure f (NET_OK: none), by whatever way. */
void answer_heard(struct item *i, const struct net_failure *f);
int answer_unread(struct gen *g, struct error *error); /* of a run that died */
int run_take_back(struct gen *g, struct error *error); /* run.c: jobs whose commit returned */
size_t run_behind(const struct gen *g); /* run.c: jobs, but for replies not stored yet */
void answer_stored(struct gen *g, struct store *s); /* a STORE_REPLY came back */
void answer_over(struct gen *g, struct store *s);   /* a STORE_END came back */

/* outcome.c: what an attempt comes to */
void outcome_answered(struct item *i, struct net_reply *reply);
void outcome_failed(struct item *i, const struct net_failure *f, const struct net_limits *limits,
                    const struct net_usage *usage);

void outcome_told(struct item *i);                          /* ordered: its turn has come */
void outcome_resumed(struct store *s);                      /* its check is over */
int outcome_again(struct item *i, struct net_reply *reply); /* of --reparse */

/* An answer as strategies see it; points into the item and the reply. */
struct gen_answer outcome_answer(const struct item *i, enum net_cause cause,
                                 const struct net_reply *reply);

/* ask.c */
void ask_free_templates(struct gen *g);
void ask_enlist(struct gen *g, struct item *i);

/* live.c */
void live_tick(struct gen *g, bool last);
void live_report(struct gen *g, bool done, struct buf *out); /* done: nothing is left to do */

/* estimate.c */
int estimate_run(struct gen *g, struct buf *report, struct error *error);

/* reparse.c */
int reparse_run(struct gen *g, struct error *error);

/* redo.c */
int redo_open(struct gen *g, struct error *error); /* in a transaction */
int redo_more(struct gen *g, struct error *error); /* with redo_anew: the next ones */

#endif
