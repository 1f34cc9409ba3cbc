/*
 * A packed batch: several sequences behind each other, without padding.  Attention never crosses
 * from one segment into another, and positions restart at 0 in each.
 *
 *     ids      a0 a1 a2 a3 | b0 b1 b2 | c0 c1 ...        [tokens]
 *     starts   0             4          7       tokens    [segments + 1]
 *     rows     1  2          4  5        supervised: the token whose hidden state predicts ...
 *     targets  a2 a3         b1 b2       ... this one     [supervised]
 *
 * rows ascend and never are the last token of a segment.  All arrays are host memory and
 * borrowed for the duration of a pass.
 */
#ifndef MODEL_BATCH_H
#define MODEL_BATCH_H

#include <stdint.h>

struct batch {
    const int32_t *ids, *starts, *rows, *targets;
    const int32_t *types; /* encoders: token types [tokens]; NULL: all 0 */
    const float *weights; /* [supervised], or NULL: all 1 */
    int32_t tokens, segments, supervised;
};

#endif
