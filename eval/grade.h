/*
 * Graders: is a reply right?  One file a grader, one line in the table.
 */
#ifndef EVAL_GRADE_H
#define EVAL_GRADE_H

#include "core/buf.h"
#include "core/error.h"
#include "core/json.h"
#include "core/slice.h"
#include "eval/suite.h"

#include <stdbool.h>

enum grader_needs {
    GRADER_REPLY = 0,      /* the text of the reply */
    GRADER_LIKELIHOOD = 1, /* no reply: the log-likelihood of each choice */
    GRADER_JUDGE = 2,      /* what a judge says about the reply */
};

struct grade_input {
    const struct suite_item *item;
    struct slice reply;   /* of the last turn */
    const double *scores; /* GRADER_LIKELIHOOD: log p of each choice, its number of bytes below */
    struct slice verdict; /* GRADER_JUDGE: the judge's reply */
    const char *command;  /* the user's command, or NULL */
};

struct grade {
    double score;   /* 0 .. 1 */
    bool failed;    /* it could not be graded: counted as 0 and reported */
    struct buf why; /* one line for a person: what was compared, or why it failed */
};

struct grader {
    const char *name, *summary;
    enum grader_needs needs;
    /* Refuse an item that this grader cannot judge (no answer, no choices); NULL: takes any. */
    int (*check)(const struct suite_item *item, struct error *error);
    void (*grade)(const struct grade_input *in, struct grade *out);
};

extern const struct grader *const graders[]; /* NULL-ended */
const struct grader *grader_find(const char *name, struct error *error);

/* --- shared by graders ------------------------------------------------------------------------ */

/* check: the item must have an answer. */
int grade_needs_answer(const struct suite_item *item, struct error *error);
/* Call fn for each accepted answer as text (numbers by their digits) until it returns true. */
bool grade_any_answer(const struct suite_item *item, bool (*fn)(void *context, struct slice answer),
                      void *context);
/* Lower case, no punctuation, no English article, single blanks (SQuAD's normalisation). */
void grade_normalise(struct slice text, struct buf *out);
/* The inside of the last \boxed{…} or \fbox{…} of a text; absent where there is none. */
struct slice grade_boxed(struct slice text);
/* The reply without a reasoning block <think>…</think> in front. */
struct slice grade_final(struct slice reply);

#endif
