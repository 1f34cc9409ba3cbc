/*
 * The rules a recipe asks for: filter.rules, an array of names, "default" for the usual ones and
 * "-name" to leave one out.  Beside the row rules of rules.h there are those that look at all
 * rows: "exact_duplicate", "near_duplicate" and "contradiction".
 */
#ifndef FILTER_CHOSEN_H
#define FILTER_CHOSEN_H

#include "core/error.h"
#include "core/hash.h"
#include "core/recipe.h"
#include "filter/normal.h"
#include "filter/rules.h"
#include "filter/similar.h"

#include <stdbool.h>

struct chosen_rule {
    const struct filter_rule *rule;
    void *state;
    enum verdict_action action;
};

enum { CHOSEN_PREFER = 8 };
enum prefer_kind { PREFER_LONGEST, PREFER_SHORTEST, PREFER_OLDEST, PREFER_SCORE };

struct chosen {
    struct chosen_rule *rules;
    size_t n;
    unsigned wide; /* which of the rules that look at all rows: see chosen_has */
    bool exact, near, contradiction;
    const char *where;            /* of the rule "sql", an SQL expression; NULL: not chosen */
    bool where_flags;             /* it only flags */
    bool mask;                    /* personal data is masked (filter/mask.h) */
    struct normal_options normal; /* for exact duplicates */
    enum similar_fields exact_fields, near_fields;
    double threshold;
    enum prefer_kind prefer[CHOSEN_PREFER];
    size_t n_prefer;
    const char *score;          /* the score that PREFER_SCORE means */
    struct hash128 fingerprint; /* of everything that decides verdicts */
    char kind[96];              /* of the signatures: equal kinds, equal bytes */
};

int chosen_open(struct chosen *c, const struct recipe *recipe, struct error *error);
void chosen_close(struct chosen *c);
/* Is that rule, which looks at all rows, asked for? */
bool chosen_has(const struct chosen *c, const char *rule);
enum similar_fields chosen_fields(const char *name); /* "all", "output" or "prompt" */

#endif
