/*
 * The rules that every grammar of JSON texts shares: white space, strings, numbers, any value.
 */
#ifndef SERVE_GRAMMAR_VALUES_H
#define SERVE_GRAMMAR_VALUES_H

#include "serve/grammar.h"

struct grammar_values {
    struct grammar *g; /* where the rules are added */
    int space;         /* at most a blank, or a newline and an indent */
    int character;     /* of a string */
    int string, number, integer;
    int value, object, array; /* any, nested at most 24 deep */
};

/* Add the rules to b->g and fill in their numbers. */
void grammar_values_define(struct grammar_values *b);

#endif
