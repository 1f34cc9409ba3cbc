/* The formats of suites; each is defined in eval/format_NAME.c. */
#ifndef EVAL_FORMATS_H
#define EVAL_FORMATS_H

#include "eval/graders.h"
#include "eval/suite.h"

extern const struct suite_format format_ifeval;
extern const struct suite_format format_mtbench;
extern const struct suite_format format_gsm8k;
extern const struct suite_format format_math500;
extern const struct suite_format format_retort;

#endif
