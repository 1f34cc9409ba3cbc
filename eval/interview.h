/*
 * An interview: one subject answers one suite.  Answers that the dataset file holds are taken from
 * there, the others are asked for and stored as they come; then each is graded.
 */
#ifndef EVAL_INTERVIEW_H
#define EVAL_INTERVIEW_H

#include "core/error.h"
#include "core/progress.h"
#include "corpus/corpus.h"
#include "eval/subject.h"
#include "eval/suite.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What came of one item. */
struct sheet_line {
    char *reply;       /* of the last turn; "" where none came */
    struct json *said; /* the conversation with all replies; owned */
    char *why;         /* the grader's word, or what failed; "" */
    double score;      /* 0 .. 1 */
    bool failed;       /* it could not be asked or graded: score 0 */
};

struct sheet {
    struct sheet_line *lines; /* one an item */
    size_t n, failed;
    int64_t input_tokens, output_tokens, nusd; /* of all answers, also stored ones */
    int64_t asked;                             /* answers that were asked for now */
    double seconds;                            /* of asking */
    int64_t asked_tokens;                      /* output tokens of those asked now */
};

struct interview {
    struct corpus *corpus;
    int64_t run;
    const struct suite *suite;
    struct subject *subject;
    struct subject *judge;     /* for GRADER_JUDGE; NULL: such items fail */
    const char *command;       /* for the grader "command"; NULL: such items fail */
    int64_t max_tokens;        /* for items that do not say */
    struct progress *progress; /* NULL: silent */
};

int interview_run(const struct interview *v, struct sheet *out, struct error *error);
void sheet_free(struct sheet *s);

#endif
