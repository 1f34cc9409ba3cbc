#include "model/tokenizer/parts.h"

#include "core/mem.h"
#include "core/vec.h"

struct token_range aligned_range(const struct aligned *a, size_t from, size_t to)
{
    struct token_range r;
    if (a->map == NULL)
        return (struct token_range){a->base + (uint32_t)from, a->base + (uint32_t)to};
    if (from >= to) {
        uint32_t at = from < a->text.len ? a->map[from].begin
                      : from > 0         ? a->map[from - 1].end
                                         : a->base;
        return (struct token_range){at, at};
    }
    r = a->map[from];
    for (size_t i = from + 1; i < to; i++) {
        if (a->map[i].begin < r.begin)
            r.begin = a->map[i].begin;
        if (a->map[i].end > r.end)
            r.end = a->map[i].end;
    }
    return r;
}

struct aligned aligned_sub(const struct aligned *a, size_t from, size_t to)
{
    struct token_range r = aligned_range(a, from, from);
    return (struct aligned){{a->text.data + from, to - from},
                            a->map != NULL ? a->map + from : NULL,
                            r.begin};
}

void aligned_begin(struct aligned_out *o, bool mapped)
{
    if (o->text.max == 0)
        o->text = BUF;
    buf_clear(&o->text);
    o->map_n = 0;
    o->mapped = mapped;
}

void aligned_emit(struct aligned_out *o, const char *data, size_t len, struct token_range from)
{
    if (buf_add(&o->text, data, len) != 0 || !o->mapped)
        return;
    o->map = vec_reserve(o->map, &o->map_cap, o->map_n + len, sizeof *o->map);
    for (size_t i = 0; i < len; i++)
        o->map[o->map_n++] = from;
}

void aligned_copy(struct aligned_out *o, const struct aligned *a, size_t from, size_t to)
{
    if (buf_add(&o->text, a->text.data + from, to - from) != 0 || !o->mapped)
        return;
    o->map = vec_reserve(o->map, &o->map_cap, o->map_n + (to - from), sizeof *o->map);
    for (size_t i = from; i < to; i++)
        o->map[o->map_n++] = aligned_range(a, i, i + 1);
}

struct aligned aligned_view(const struct aligned_out *o)
{
    return (struct aligned){buf_view(&o->text), o->mapped ? o->map : NULL, 0};
}

void aligned_free(struct aligned_out *o)
{
    buf_free(&o->text);
    mem_free(o->map);
    *o = (struct aligned_out){0};
}
