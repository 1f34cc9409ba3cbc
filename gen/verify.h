/*
 * Is a reply right?  gen.verify of the recipe: one kind out of a table.
 *
 *   none      every reply is
 *   exact     its final answer is the one in the prompt's meta (numbers by value, else words)
 *   regex     a pattern occurs in it
 *   schema    it is JSON that satisfies a schema
 *   command   a program says so by its exit status: 0 yes, 1 no; it reads one JSON object
 *             {"instruction","input","reply","answer","meta"} from its standard input.  No shell.
 */
#ifndef GEN_VERIFY_H
#define GEN_VERIFY_H

#include "core/buf.h"
#include "core/error.h"
#include "core/json.h"
#include "gen/strategy.h"

struct verify;

/* What is to be judged.  `state`: of the chain: instruction, input, meta (gen/chain.h). */
struct verify_case {
    const struct json *state;
    struct slice reply;
};

struct verify *verify_open(struct gen *g, struct error *error);
void verify_close(struct verify *v);
bool verify_is_none(const struct verify *v);
/* 1 right, 0 wrong (why is filled), -1 failure: it cannot be told. */
int verify_check(struct verify *v, const struct verify_case *c, struct buf *why,
                 struct error *error);
/* The final answer of a reply, normalised so that equal answers are equal texts: what stands in the
 * last \boxed{}, behind "####" or "answer is"/"answer:", or the whole of a short reply, or its last
 * number.  Nothing is appended where there is none. */
void verify_answer(struct slice reply, struct buf *out);

#endif
