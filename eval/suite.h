/*
 * A suite: items to be answered and how each answer is judged.
 *
 * retort's own form is JSONL, one item a line:
 *     {"prompt": "2+2?", "answer": "4", "grader": "numeric"}
 * with, optionally, "id", "task" (what accuracies are reported by), "system", "messages" (earlier
 * turns; then no prompt), "turns" (prompts asked one after another in one conversation), "choices"
 * (grader choice), "max_tokens", and "args" (an object that the grader reads).  "answer" is a text,
 * a number, an object, or an array of texts any of which is right.
 *
 * The files of GSM8K, MATH-500, IFEval and MT-Bench are recognised by their keys (formats below).
 */
#ifndef EVAL_SUITE_H
#define EVAL_SUITE_H

#include "core/buf.h"
#include "core/error.h"
#include "core/json.h"

#include <stddef.h>
#include <stdint.h>

struct grader;

struct suite_item {
    char *id, *task;
    struct json *messages; /* what is asked first, as messages; owned */
    struct json *turns;    /* further prompts (texts), or NULL */
    struct json *answer;   /* NULL: none given */
    struct json *choices;  /* array of texts, or NULL */
    struct json *args;     /* of the grader, or NULL */
    const struct grader *grader;
    int64_t max_tokens; /* 0: the recipe's */
};

struct suite {
    char *name; /* the file's name without folder and ending */
    struct suite_item *items;
    size_t n, cap;
};

/* How one format's lines become items. */
struct suite_format {
    const char *name;
    bool (*recognise)(const struct json *line);
    /* What stands beside the file and belongs to it (references); NULL where there is nothing. */
    struct json *(*beside)(const char *path);
    /* Append the item or items of a line; `beside` may be NULL. */
    int (*items)(const struct json *line, const struct json *beside, struct suite *s,
                 struct error *error);
};
extern const struct suite_format *const suite_formats[]; /* NULL-ended */

struct suite_options {
    const char *format; /* NULL: recognised by the first line */
    const char *grader; /* for lines that name none; NULL: such a line is an error */
    uint64_t limit;     /* items, 0: all */
};
/* Read a suite.  A bad line is an error that names file and line. */
int suite_read(struct suite *s, const char *path, const struct suite_options *options,
               struct error *error);
void suite_free(struct suite *s);

/* --- for formats ---------------------------------------------------------------------------- */

/* A new item at the end, all empty. */
struct suite_item *suite_add(struct suite *s);
/* A conversation of an optional system text and one prompt. */
struct json *suite_messages(struct slice system, struct slice prompt);
/* A text or number as an allocated string; `fallback` printed with the item's number else. */
char *suite_text(const struct json *node, const char *fallback, size_t number);

#endif
