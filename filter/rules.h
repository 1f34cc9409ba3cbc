/*
 * Row rules: what is wrong with one row, told from the row alone.
 *
 * A rule is one file under filter/rules/ with a const struct, one line in the table of rules.c,
 * one test in tests/filter/ and one entry in docs/filter.md.  `judge` is called from several
 * threads with a state that it must not change.
 */
#ifndef FILTER_RULES_H
#define FILTER_RULES_H

#include "core/error.h"
#include "core/json.h"
#include "corpus/verdicts.h"
#include "filter/row.h"

#include <stdbool.h>

/* What a rule found; `value` and `threshold` are NAN and `field` NULL where they say nothing. */
struct finding {
    double value, threshold;
    const char *field;
    size_t from, to; /* bytes of that field */
    bool flag;       /* only flag, even where the rule removes */
    char why[200];   /* in words; "" none */
};

struct filter_rule {
    const char *name;
    int version;
    bool usual; /* part of "default" */
    enum verdict_action action;
    const char *summary; /* "the reply is empty": completes "removed because" */
    /* NULL, or reads the rule's settings (filter.rule.NAME, an object; file names start from
     * `folder`); NULL and the error on failure. */
    void *(*open)(const struct json *settings, const char *folder, struct error *error);
    void (*close)(void *state);
    bool (*judge)(const void *state, const struct row *row, struct finding *out);
};

extern const struct filter_rule *const filter_rules[]; /* NULL-ended */
const struct filter_rule *filter_rule_find(const char *name);

/* For the rules' use: fill a finding. */
void finding_value(struct finding *f, double value, double threshold);
void finding_span(struct finding *f, const char *field, size_t from, size_t to);
void finding_why(struct finding *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* words: "the first 120 bytes of the text" */
void finding_quote(struct finding *f, const char *words, struct slice text);

#endif
