/*
 * Constraints on a reply that a program can check, as IFEval defines them (Zhou et al. 2023,
 * "Instruction-Following Evaluation for Large Language Models"): the 25 instruction ids with the
 * keyword arguments of its files.  The verdicts are meant to be those of its reference code; where
 * that uses NLTK's sentence splitter and langdetect, rules of our own stand in (prose.h, langid.h).
 */
#ifndef CORE_CONSTRAINTS_H
#define CORE_CONSTRAINTS_H

#include "core/json.h"
#include "core/slice.h"

#include <stdbool.h>

struct constraint {
    const char *id; /* "punctuation:no_comma" */
    bool (*holds)(struct slice reply, const struct json *args);
};
extern const struct constraint constraints[]; /* ended by id NULL */

/* The constraint of that id, or NULL. */
const struct constraint *constraint_find(const char *id);

#endif
