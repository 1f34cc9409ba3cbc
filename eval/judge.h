/*
 * A judge: a model that rates a reply.  The item's args may hold "judge": {"system", "template",
 * "pattern", "scale"}; the template's {question}, {answer}, {reference}, and for conversations
 * {question_1}, {answer_1}, {ref_answer_1}, {question_2} … are filled in.  The pattern's first group
 * is the rating, from 1 to scale; usually "[[7]]" of 10.
 */
#ifndef EVAL_JUDGE_H
#define EVAL_JUDGE_H

#include "core/json.h"
#include "eval/suite.h"

/* The messages to ask the judge; `conversation` is what was said, replies included.  Owned. */
struct json *judge_messages(const struct suite_item *item, const struct json *conversation);

#endif
