/*
 * What a row is compared by: identities of its normalised texts, and the signature of its
 * shingles.
 */
#ifndef FILTER_IDENTITY_H
#define FILTER_IDENTITY_H

#include "filter/chosen.h"
#include "filter/index.h"
#include "filter/minhash.h"
#include "filter/row.h"
#include "filter/shingle.h"

#include <stdbool.h>

struct identity {
    struct shingler shingler;
    struct buf normal, scratch;
};

void identity_init(struct identity *w);
void identity_free(struct identity *w);
/* Fill the entry (all but flags, score and sketch); false: nothing to compare, no signature.  The
 * row has been shingled with w->shingler. */
bool identity_of(struct identity *w, const struct chosen *c, const struct row *row,
                 struct index_entry *entry, struct minhash_signature *signature);

#endif
