/*
 * Evaluation sets, as lists of what must not be trained on, built from the user's own files: JSONL
 * or a JSON array, the text of an item being its question, problem, prompt, instruction, text,
 * input and turns.  GSM8K, MATH-500, MT-Bench and IFEval are known by their fields and named in
 * verdicts; other files go by their own name.
 *
 * Every run of `gram` tokens (filter/tokens.h) of an item is indexed.
 */
#ifndef FILTER_EVALSETS_H
#define FILTER_EVALSETS_H

#include "core/error.h"
#include "filter/tokens.h"

#include <stddef.h>
#include <stdint.h>

/* A run of tokens at a place of an item. */
struct evalsets_gram {
    uint64_t hash;
    uint32_t item, place; /* item + 1 */
};

struct evalsets_item {
    char name[96]; /* "item 81 of MT-Bench (question.jsonl)" */
    uint32_t tokens;
};

struct evalsets {
    struct evalsets_item *items;
    size_t n_items;
    size_t gram; /* tokens of a run */
    /* private */
    struct evalsets_gram *table;
    size_t cap, n_grams, cap_items;
};

enum { EVALSETS_LEAST_GRAM = 4, EVALSETS_MOST_GRAM = 64, EVALSETS_SAME = 16 };

void evalsets_init(struct evalsets *s, size_t gram);
void evalsets_free(struct evalsets *s);
/* Add the items of a file; one without any is an error. */
int evalsets_read(struct evalsets *s, const char *path, struct error *error);
uint64_t evalsets_hash(const struct evalsets *s, const struct hashsort_pair *tokens);
/* The runs with that hash, at most EVALSETS_SAME (more are not indexed); returns how many. */
size_t evalsets_find(const struct evalsets *s, uint64_t hash,
                     const struct evalsets_gram *out[EVALSETS_SAME]);

#endif
