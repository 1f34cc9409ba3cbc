#include "model/cpu/strips.h"

int64_t strips_whole(int64_t n, int64_t unit)
{
    return (n + unit - 1) / unit * unit;
}

int64_t strips_deep(const struct micro *m, int64_t depth)
{
    return strips_whole(depth, m->unit) / (m->half ? 2 : 1);
}

struct strips strips_pack(const struct micro *m, const struct micro_source *from, float *room)
{
    m->pack_b(room, from);
    return (struct strips){m, room, strips_deep(m, from->depth)};
}

struct strips strips_from(const struct strips *b, int64_t first)
{
    return (struct strips){b->micro, b->words + first * b->deep, b->deep};
}

void strips_multiply(const float *a, const struct strips *b, const struct strips_span *span,
                     const struct micro_tile *t)
{
    const int64_t width = b->micro->cols;
    const float *words = b->words + strips_deep(b->micro, span->skip) * width;
    struct micro_tile tile = *t;
    for (int64_t col = span->first; col < span->end; col += width) {
        const int64_t left = span->end - col;
        tile.c = t->c + col;
        tile.cols = left < width && !span->wide ? left : width;
        b->micro->multiply(a, words + col * b->deep, &tile);
    }
}
