/*
 * A bound on the candidates of a row.  Where very many rows share much of their text, each meets
 * hundreds of others that lie just below the threshold.  A row with more than CLOSEST_CROWD pairs
 * keeps CLOSEST_MOST, those with the rows most like it by their sketches; a pair stays when one of
 * its rows keeps it.  What the sketches cannot tell from the last of them stays too (one level of
 * sixteen).  Rows with fewer pairs keep them all.
 *
 * A pair at the threshold among hundreds below it is found if one of its rows ranks it so high: of
 * pairs at .85 one in twenty looks as alike as one at .9 does.
 */
#ifndef FILTER_CLOSEST_H
#define FILTER_CLOSEST_H

#include "filter/index.h"
#include "filter/pairs.h"

enum { CLOSEST_CROWD = 64, CLOSEST_MOST = 32 };

/* Drop the pairs that neither row keeps; the order stays.  `agree`: the least number of places in
 * which the sketches of a pair agree.  The number dropped is added to pairs->left_out. */
void closest_keep(struct pairs *pairs, const struct index *x, int agree);

#endif
