/* The graders there are; each is defined in eval/grade_NAME.c. */
#ifndef EVAL_GRADERS_H
#define EVAL_GRADERS_H

#include "eval/grade.h"

extern const struct grader grade_exact;
extern const struct grader grade_normalised;
extern const struct grader grade_numeric;
extern const struct grader grade_math;
extern const struct grader grade_choice;
extern const struct grader grade_json;
extern const struct grader grade_regex;
extern const struct grader grade_rouge;
extern const struct grader grade_ifeval;
extern const struct grader grade_judge;
extern const struct grader grade_command;

#endif
