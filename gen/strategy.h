/*
 * The seam of strategies: how a dataset is asked out of a teacher.
 *
 * A strategy is a state machine without I/O.  It is pulled for asks, and told of every request that
 * came to its end; in both calls it may emit asks (gen_ask) and rows (gen_row).  The queue does the
 * rest: keys, money, pacing, storage, retries, resume.
 *
 *   plan()   emits the first asks, some dozens a call.  Everything random comes from gen_random(g,
 *            purpose, index), so that the same recipe and seed give the same asks in the same
 * order. answer() gets one stored reply with the prompt it answers.  It emits rows, or follow-up
 * asks whose `parent` is the request just answered, or says gen_reject.  Rows, asks and the mark
 * "parsed" are committed together: a crash gives the same call again, never half.
 *
 * What a later step needs to know travels in the ask's `meta` (a JSON object, stored with the
 * prompt) or is read back with gen_ancestor.  So a chain needs no memory of its own, and a run that
 * was killed goes on in the middle of it.
 *
 * A strategy whose asks depend on all rows so far (self-instruct) sets `ordered`: answers then come
 * in the order of the asks, whatever order the teacher chose, and after a restart all stored
 * answers are told again from the first (rows and rejections of those are left as they are).  It
 * plans until it says GEN_WAIT, which it does a fixed number of asks ahead of the answers: by that
 * number, a setting of its own, and not by the number in flight, its result is determined.
 *
 * To add one: gen/strategies/NAME.c with a `const struct gen_strategy`, one line in the table of
 * gen/strategy.c, its prompts as schemas/embed/prompts/NAME-STEP.txt (a file of that name in the
 * recipe's folder `prompts/` wins), tests/gen/test_NAME.c, a page in docs/gen.md.
 */
#ifndef GEN_STRATEGY_H
#define GEN_STRATEGY_H

#include "core/buf.h"
#include "core/error.h"
#include "core/json.h"
#include "core/rng.h"
#include "core/slice.h"
#include "corpus/samples.h"
#include "net/net.h"

#include <stdbool.h>
#include <stdint.h>

struct gen; /* the run a strategy lives in */

/* One prompt, asked `samples` times.  Slices need to live during the call only. */
struct gen_ask {
    const char *step;    /* one of the strategy's steps; NULL: the first */
    struct slice name;   /* becomes the row's name (with the sample's number behind it past 0) */
    struct slice source; /* for people: "prompts.jsonl:12", "evolve:2" */
    struct slice system, instruction, input; /* one user turn: instruction, a blank line, input */
    struct slice messages;                   /* or all turns as a JSON array of {role, content} */
    struct slice raw;                        /* or raw text (providers with NET_RAW_PROMPT) */
    struct slice meta;                       /* JSON object; absent: none */
    int64_t parent;                          /* request whose answer led here; 0: none */
    int first_sample, samples;               /* samples 0: gen.samples of the recipe */
};

/* A row to be.  Absent output, reasoning and finish_reason mean what the choice `of` says (NULL:
 * the first usable one); absent others "as in the prompt". */
struct gen_row {
    const struct net_choice *of;
    struct slice name, system, instruction, input, output, reasoning, messages, finish_reason, meta;
    int64_t choice;
};

struct gen_prompt {
    int64_t id, parent;
    struct slice name, source, system, instruction, input, messages, meta;
};

struct gen_answer {
    int64_t request;
    const char *step;
    int64_t sample;
    struct gen_prompt prompt;
    enum net_cause cause; /* NET_OK, or why there is no answer (then reply is NULL) */
    const struct net_reply *reply;
    const struct net_choice *choice; /* the first usable one; NULL with reply */
    int64_t latency_ms;
    const char *teacher; /* its label */
};

/* Requests that follow on others, and how many replies stand in their prompts, all together. */
struct gen_follow {
    int64_t requests, replies;
};

struct gen_strategy {
    const char *name, *about;
    int version; /* of the parser: what request.parsed says; raised when rows change */
    const char *const *templates; /* NULL-ended names, as gen_template knows them; NULL: none */
    const char *const *steps;     /* NULL-ended; the first is the default.  Each may have its own
                                 teacher, max_tokens, temperature, … in gen.steps.NAME */
    unsigned needs;               /* net_feature bits */
    bool ordered;
    int (*open)(struct gen *g, void **state, struct error *error);
    /* Emit a few asks.  GEN_MORE: call again; GEN_WAIT: after the next answer; GEN_END: planned all;
     * -1 failure. */
    int (*plan)(struct gen *g, void *state, struct error *error);
    int (*answer)(struct gen *g, void *state, const struct gen_answer *a, struct error *error);
    /* How many asks the plan has in all, for progress and --dry-run; -1: cannot be told. */
    int64_t (*count)(struct gen *g, void *state);
    /* What `planned` asks may lead to, at most, in that step; for --dry-run.  NULL: nothing follows. */
    struct gen_follow (*follow)(struct gen *g, const void *state, const char *step,
                                int64_t planned);
    /* Where plan() stands, as text to be stored, and going there again: lets a run of a million
     * prompts go on without planning them again.  NULL: planned again, known keys are skipped.
     * seek gives ERROR_INPUT, and stands at the beginning, where the position fits no more. */
    int (*position)(void *state, struct buf *out);
    int (*seek)(struct gen *g, void *state, struct slice position, struct error *error);
    void (*close)(void *state);
};

enum { GEN_END = 0, GEN_MORE = 1, GEN_WAIT = 2 };

extern const struct gen_strategy *const gen_strategies[]; /* NULL-ended */
const struct gen_strategy *gen_strategy_find(const char *name);

/* ---- what a strategy may call ---------------------------------------------------------------- */

int gen_ask(struct gen *g, const struct gen_ask *ask, struct error *error);
/* A row made of the answer being told.  Only inside answer(). */
int gen_row(struct gen *g, const struct gen_row *row, struct error *error);
/* The answer is no good: counted as failed, cause "rejected", with this reason. */
void gen_reject(struct gen *g, const char *reason);
/* A line of an input file that cannot be used: reported at the end, where the run then fails. */
void gen_bad_line(struct gen *g, const char *what);
/* A measure of a stored sample (table score); only inside answer(). */
int gen_score(struct gen *g, int64_t sample_id, struct slice name, double value,
              struct error *error);
/* An independent stream of random numbers: the same for the same recipe seed, purpose and index. */
struct rng gen_random(struct gen *g, const char *purpose, uint64_t index);
const struct json *gen_setting(struct gen *g,
                               const char *path); /* of the gen block: "evolve.rounds" */
char *gen_file(struct gen *g, const char *name);  /* beside the recipe; allocated */
int gen_window(const struct gen *g);
int64_t gen_accepted(const struct gen *g); /* rows stored so far, earlier runs included */
/* Walk the samples of the dataset after that number, of the kept ones or of all; 0, -1. */
int gen_samples(struct gen *g, bool kept, int64_t after, samples_fn *fn, void *context,
                struct error *error);
/* One sample by its number: fn is called once.  1, 0 not there, -1. */
int gen_sample(struct gen *g, int64_t id, samples_fn *fn, void *context, struct error *error);
/* The stored answer of an earlier request of the chain, by number; fn is called once.  1, 0, -1. */
int gen_ancestor(struct gen *g, int64_t request,
                 int (*fn)(void *context, const struct gen_answer *a, struct error *error),
                 void *context, struct error *error);
/* A prompt template by name with {{fields}} replaced by the pairs (NULL-ended: name, slice…). */
struct gen_field {
    const char *name;
    struct slice value;
};
int gen_template(struct gen *g, const char *name, const struct gen_field *fields, size_t n,
                 struct buf *out, struct error *error);

#endif
