#include "model/encoding.h"

#include "core/mem.h"
#include "core/vec.h"

#include <string.h>

enum { SPECIALS_MAX = 4 };

int encoding_open(struct encoding *e, const struct tokenizer *t, const struct model_config *c,
                  int32_t max_length, struct error *error)
{
    const int32_t room = c->positions - c->first_position;
    memset(e, 0, sizeof *e);
    e->t = t;
    e->cls = tokenizer_id(t, SLICE("[CLS]"));
    e->sep = tokenizer_id(t, SLICE("[SEP]"));
    if (e->cls < 0 || e->sep < 0) {
        e->cls = tokenizer_id(t, SLICE("<s>"));
        e->sep = tokenizer_id(t, SLICE("</s>"));
        e->twice = true;
    }
    if (e->cls < 0 || e->sep < 0)
        return error_set(error, ERROR_INPUT,
                         "the tokenizer has neither [CLS] and [SEP] nor <s> and </s>: it is no "
                         "encoder's");
    e->types = c->types > 1;
    e->max_length = max_length < room ? max_length : room;
    if (e->max_length <= SPECIALS_MAX)
        return error_set(error, ERROR_USAGE, "max_length %d leaves no room for text",
                         (int)e->max_length);
    e->scratch = tokenizer_scratch_new(t);
    e->a = e->b = TOKENS;
    return 0;
}

void encoding_close(struct encoding *e)
{
    tokenizer_scratch_free(e->scratch);
    tokens_free(&e->a);
    tokens_free(&e->b);
    mem_free(e->ids);
    mem_free(e->token_types);
    mem_free(e->words);
    mem_free(e->ranges);
    memset(e, 0, sizeof *e);
}

static void put(struct encoding *e, int32_t id, int32_t type, int32_t word,
                struct token_range range)
{
    const size_t n = e->n + 1;
    e->ids = vec_reserve(e->ids, &e->cap_ids, n, sizeof *e->ids);
    e->token_types = vec_reserve(e->token_types, &e->cap_types, n, sizeof *e->token_types);
    e->words = vec_reserve(e->words, &e->cap_words, n, sizeof *e->words);
    e->ranges = vec_reserve(e->ranges, &e->cap_ranges, n, sizeof *e->ranges);
    e->ids[e->n] = id;
    e->token_types[e->n] = e->types ? type : 0;
    e->words[e->n] = word;
    e->ranges[e->n++] = range;
}

static void special(struct encoding *e, int32_t id, int32_t type)
{
    put(e, id, type, -1, (struct token_range){0, 0});
}

static void part(struct encoding *e, const struct tokens *t, size_t first, size_t n, int32_t type)
{
    for (size_t i = first; i < first + n; i++)
        put(e, t->ids[i], type, -1,
            type == 1 && t->ranges != NULL ? t->ranges[i] : (struct token_range){0, 0});
}

int encoding_pair(struct encoding *e, struct slice a, struct slice b, struct error *error)
{
    const size_t around = b.data == NULL ? 2 : e->twice ? 4 : 3;
    const size_t room = (size_t)e->max_length - around;
    size_t n, k;
    e->n = 0;
    tokens_clear(&e->a);
    tokens_clear(&e->b);
    if (tokenizer_encode(e->t, e->scratch, a, 0, &e->a, error) != 0 ||
        (b.data != NULL && tokenizer_encode(e->t, e->scratch, b, 0, &e->b, error) != 0))
        return -1;
    n = e->a.n;
    k = e->b.n;
    while (n + k > room) {
        if (n >= k)
            n--;
        else
            k--;
    }
    special(e, e->cls, 0);
    part(e, &e->a, 0, n, 0);
    special(e, e->sep, 0);
    if (b.data == NULL)
        return 0;
    if (e->twice)
        special(e, e->sep, 0);
    part(e, &e->b, 0, k, 1);
    special(e, e->sep, 1);
    return 0;
}

int encoding_words(struct encoding *e, const struct slice *words, size_t n, struct error *error)
{
    e->n = 0;
    special(e, e->cls, 0);
    for (size_t i = 0; i < n; i++) {
        tokens_clear(&e->a);
        if (tokenizer_encode(e->t, e->scratch, words[i], 0, &e->a, error) != 0)
            return -1;
        if (e->n + e->a.n + 1 > (size_t)e->max_length)
            break;
        for (size_t k = 0; k < e->a.n; k++)
            put(e, e->a.ids[k], 0, k == 0 ? (int32_t)i : -1, (struct token_range){0, 0});
    }
    special(e, e->sep, 0);
    return 0;
}

int encoding_windows(struct encoding *e, struct slice question, struct slice context,
                     struct error *error)
{
    tokens_clear(&e->a);
    tokens_clear(&e->b);
    if (tokenizer_encode(e->t, e->scratch, question, 0, &e->a, error) != 0 ||
        tokenizer_encode(e->t, e->scratch, context, TOKENIZER_RANGES, &e->b, error) != 0)
        return -1;
    if (e->a.n > (size_t)e->max_length / 2)
        e->a.n = (size_t)e->max_length / 2;
    return 0;
}

bool encoding_window(struct encoding *e, size_t index, int32_t stride)
{
    const size_t around = e->twice ? 4 : 3;
    const size_t room = (size_t)e->max_length - around - e->a.n;
    const size_t step = room > (size_t)stride ? room - (size_t)stride : 1;
    const size_t first = index * step;
    size_t n;
    if (index > 0 && first + (room - step) >= e->b.n)
        return false;
    n = e->b.n - first < room ? e->b.n - first : room;
    e->n = 0;
    special(e, e->cls, 0);
    part(e, &e->a, 0, e->a.n, 0);
    special(e, e->sep, 0);
    if (e->twice)
        special(e, e->sep, 0);
    part(e, &e->b, first, n, 1);
    special(e, e->sep, 1);
    return true;
}
