/*
 * Small products in one thread, whose right operand is packed once and multiplied often: what
 * attention does with keys and values.  Tiles and strips are those of model/kernels/micro.h.
 */
#ifndef MODEL_CPU_STRIPS_H
#define MODEL_CPU_STRIPS_H

#include "model/kernels/micro.h"

/* A packed right operand [depth, lanes]; behind its last lane stand zeros. */
struct strips {
    const struct micro *micro;
    const float *words;
    int64_t deep; /* words of a lane */
};

/* `n` up to a multiple of `unit`. */
int64_t strips_whole(int64_t n, int64_t unit);
/* Words of a lane of so many numbers: pairs of them in BF16. */
int64_t strips_deep(const struct micro *m, int64_t depth);

/* Pack an operand into `room`: whole strips of lanes, each strips_deep. */
struct strips strips_pack(const struct micro *m, const struct micro_source *from, float *room);

/* The operand without its lanes before `first`, the first one of a strip. */
struct strips strips_from(const struct strips *b, int64_t first);

/* What a tile's rows do with b: columns [first, end) of c, `first` the first one of a strip and the
 * last strip whole where c has room for it (`wide`), and rows [skip, skip + t->depth) of b, skip a
 * multiple of the table's unit.  t->c is c's column 0; t->cols is not used. */
struct strips_span {
    int64_t first, end, skip;
    bool wide;
};
void strips_multiply(const float *a, const struct strips *b, const struct strips_span *span,
                     const struct micro_tile *t);

#endif
