/*
 * Structured output: every reply is checked against gen.schema by us, whether or not the teacher was
 * asked natively.  An invalid reply is sent back with what is wrong with it, at most gen.repairs
 * times; each try is a request of its own, so all of them are kept.
 */
#ifndef GEN_STRUCTURED_H
#define GEN_STRUCTURED_H

#include "core/buf.h"
#include "core/error.h"
#include "core/schema.h"
#include "core/slice.h"

struct item;
struct net_reply;

/* The JSON in a reply: all of it, or what stands in a ``` fence, or from the first bracket to the
 * last; the text itself where there is none. */
struct slice structured_extract(struct slice text);
/* Is it valid?  Else the violations are appended to `problems`, one a line. */
bool structured_valid(const struct schema *schema, struct slice text, struct buf *problems);
/* Reduce each usable choice to its JSON; drop the invalid ones.  false: none is left. */
bool structured_accept(const struct schema *schema, struct net_reply *reply, struct buf *problems);
/* The request that asks for a repair of the reply `text`; NULL with error->code 0 when it had all
 * its repairs. */
struct item *structured_repair(struct item *i, struct slice text, struct slice problems,
                               struct error *error);

#endif
