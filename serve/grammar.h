/*
 * Grammars over bytes, followed one byte at a time: replies that are well-formed by construction.
 *
 * A grammar is a list of rules; a rule is a choice of sequences; a sequence is made of byte sets and
 * references to rules.  It must not be left-recursive.  A state is the set of all stacks of
 * positions that the bytes so far can have led to, as in llama.cpp's grammars: choices need no
 * look-ahead.  The engine draws a token, asks grammar_allows for its bytes, and draws again without
 * it where the answer is no: replies are distributed as the model's, restricted to the grammar.
 *
 *     struct grammar *g = grammar_new();
 *     int digit = grammar_rule(g);
 *     grammar_range(g, '0', '9'); grammar_end(g);        digit: [0-9]
 *     int digits = grammar_rule(g);
 *     grammar_ref(g, digit); grammar_or(g);              digits: digit | digit digits
 *     grammar_ref(g, digit); grammar_ref(g, digits); grammar_end(g);
 *     grammar_start(g, digits);
 */
#ifndef SERVE_GRAMMAR_H
#define SERVE_GRAMMAR_H

#include "core/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct grammar;

struct grammar *grammar_new(void);
void grammar_free(struct grammar *g);

/* Open a rule and return its number; elements are added to the rule opened last and not ended.
 * Rules may be referred to before they are defined: grammar_reserve gives the number. */
int grammar_reserve(struct grammar *g);
void grammar_define(struct grammar *g, int rule);
int grammar_rule(struct grammar *g); /* reserve and define */
void grammar_range(struct grammar *g, unsigned char from, unsigned char to);
void grammar_except(struct grammar *g, const char *bytes); /* any byte of 0x20..0x7F but these */
void grammar_literal(struct grammar *g, struct slice text);
void grammar_ref(struct grammar *g, int rule);
void grammar_or(struct grammar *g); /* the next alternative */
void grammar_end(struct grammar *g);
/* The rule a text must match as a whole.  false: the grammar is too large. */
bool grammar_start(struct grammar *g, int rule);

/* A state follows one text.  A grammar must outlive its states. */
struct grammar_state;
struct grammar_state *grammar_state_new(const struct grammar *g);
void grammar_state_free(struct grammar_state *s);
/* May these bytes come next?  The state stays. */
bool grammar_allows(struct grammar_state *s, struct slice bytes);
/* They came. */
bool grammar_follow(struct grammar_state *s, struct slice bytes);
bool grammar_complete(const struct grammar_state *s); /* the text may end here */
bool grammar_closed(const struct grammar_state *s);   /* and must */

#endif
