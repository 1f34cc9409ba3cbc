/*
 * A study: which models are measured on what, as the recipe says it.
 */
#ifndef EVAL_STUDY_H
#define EVAL_STUDY_H

#include "core/error.h"
#include "core/json.h"
#include "core/pool.h"
#include "core/recipe.h"
#include "eval/held.h"
#include "eval/score.h"
#include "eval/subject.h"
#include "eval/suite.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct study {
    struct pool *pool;
    char *folder; /* of the recipe */
    struct subject_how how;
    struct score_how score;
    struct subject_spec *subjects;
    size_t n_subjects;
    bool int8;                 /* eval.int8: of every folder */
    struct json *left_out;     /* array of texts: models that are not there, and why */
    struct subject_spec judge; /* name NULL: nobody */
    struct suite *suites;
    size_t n_suites;
    const char *command; /* borrowed from the recipe */
    int64_t max_tokens;
    bool measure_held_out;
    double held_out; /* share */
    uint64_t held_out_rows, replies;
};

/* Read the recipe and the suites.  The recipe must outlive the study. */
int study_open(struct study *s, const struct recipe *r, struct error *error);
void study_close(struct study *s);

#endif
