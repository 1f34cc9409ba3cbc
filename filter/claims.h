/*
 * What a sentence claims about its speaker: refusals, apologies, being an AI.  Shared by the
 * rules "refusal", "partial_refusal" and "identity".  Patterns are anchored at the start of a
 * sentence (behind openings such as "Unfortunately," or "作为…，"), and a refusal needs a verb of
 * service: "I cannot recommend it enough" and "I can't come tonight, she said" are none.
 */
#ifndef FILTER_CLAIMS_H
#define FILTER_CLAIMS_H

#include "core/slice.h"

#include <stdbool.h>

enum claim {
    CLAIM_NONE,
    CLAIM_REFUSAL,   /* "I'm sorry, but I can't help with that" */
    CLAIM_INABILITY, /* "I don't have access to …": cannot, rather than will not */
    CLAIM_APOLOGY,   /* "I apologize for the confusion." */
};

/* Without blanks, commas, dashes and quotes at the front. */
struct slice claims_skip(struct slice s);
/* The sentence with its openings cut off. */
struct slice claims_core(struct slice sentence, bool *apology);
/* Somebody else's words. */
bool claims_quoted(struct slice sentence);
enum claim claims_of(struct slice sentence);
/* A sentence that may stand before a refusal: an apology, a greeting, thanks, understanding. */
bool claims_polite(struct slice sentence);
/* Does the text name a model, a maker of models or such a machine at all?  Without it no sentence
 * can say what claims_identity asks for. */
bool claims_speak_of_models(struct slice text);
/* Does the sentence say that the speaker is an AI, or by whom it was made?  *known: it names a
 * model, a maker, or itself a language model. */
bool claims_identity(struct slice sentence, bool *known);

#endif
