/*
 * The prompt file: one JSON object a line.
 *
 *     {"instruction": …, "input": …}   or {"prompt": …}   or {"messages": [{role, content}, …]}
 *     optionally "id", "system", "meta" (an object)
 *
 * Empty lines are skipped.  A bad line is reported with its number and skipped; the reading goes on.
 */
#ifndef GEN_PROMPTS_H
#define GEN_PROMPTS_H

#include "core/error.h"
#include "core/hash.h"
#include "core/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct prompts;

struct prompt_line {
    struct slice id, system, instruction, input, messages, meta; /* absent where there is none */
};

struct prompts *prompts_open(const char *path, struct error *error);
/* As prompts_open, for files whose text stands under another name; members NULL-ended, static. */
struct prompts *prompts_open_as(const char *path, const char *const *members, struct error *error);
int prompts_restart(struct prompts *p, struct error *error); /* from the first line again */
void prompts_close(struct prompts *p);
/* 1 and the next prompt (valid until the next call), 0 at the end, -1 failure.  With ERROR_INPUT
 * the line is bad ("prompts.jsonl:12: …") and the next call goes on behind it. */
int prompts_next(struct prompts *p, struct prompt_line *out, struct error *error);
/* Make a conversation that is one question, perhaps behind a system message, that question.  false:
 * it is more, or its question is no text.  Lines that are questions already stay as they are. */
bool prompts_question(const struct prompts *p, struct prompt_line *line);
uint64_t prompts_line(const struct prompts *p);   /* number of the line last read */
uint64_t prompts_offset(const struct prompts *p); /* bytes read */
uint64_t prompts_size(const struct prompts *p);   /* of the file; 0: unknown */
/* Over all lines read so far: says whether a file still begins as it did. */
struct hash128 prompts_hash(const struct prompts *p);
/* Read over `lines` lines without looking inside; the hash is then as it was there. */
int prompts_skip(struct prompts *p, uint64_t lines, struct error *error);

#endif
