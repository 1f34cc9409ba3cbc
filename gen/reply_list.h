/*
 * Lists in replies, as teachers write them: a JSON array of texts or objects (in a fence or among
 * words), or lines that begin with "1." "2)" "-" "*", with or without labels:
 *
 *     1. Instruction: …           (Alpaca: each part numbered, ### between)
 *     1. Input: <noinput>
 *     1. Output: …
 *
 * Never fails: what is no list gives no items.
 */
#ifndef GEN_REPLY_LIST_H
#define GEN_REPLY_LIST_H

#include "core/json.h"
#include "core/slice.h"

#include <stddef.h>

enum { REPLY_LIST_MAX = 1000 };

struct reply_item {
    struct slice text;   /* the item itself, or its instruction, question, task, prompt */
    struct slice input;  /* absent: none; "<noinput>" and "none" count as none */
    struct slice output; /* output, answer, response; absent: none */
    struct slice quote;  /* quote, evidence; absent: none */
};

struct reply_list {
    struct reply_item *items;
    size_t n, cap;
    struct json *tree; /* what items may point into; else into the text that was read */
};

void reply_list_read(struct slice text, struct reply_list *out);
void reply_list_free(struct reply_list *l);
/* The JSON object or array in a reply: whole, fenced or among words; NULL where there is none. */
struct json *reply_json(struct slice text);

#endif
