#include "train/distill/seen.h"

#include "core/mem.h"
#include "core/vec.h"
#include "model/chat.h"

#include <string.h>

/* Tokens in front of the last reply; *supervised: how many of them are supervised. */
static uint32_t prompt_of(const struct examples *e, const struct example *x, uint32_t *supervised)
{
    const uint8_t *mask = e->mask + x->first;
    uint32_t n = x->length;
    while (n > 0 && !mask[n - 1])
        n--;
    while (n > 0 && mask[n - 1])
        n--;
    *supervised = 0;
    for (uint32_t i = 1; i < n; i++)
        *supervised += mask[i];
    return n;
}

static void append(struct examples *to, const struct examples *from, size_t first, size_t n)
{
    to->ids = vec_reserve(to->ids, &to->cap_ids, to->n_tokens + n + 1, sizeof *to->ids);
    to->mask = vec_reserve(to->mask, &to->cap_mask, to->n_tokens + n + 1, sizeof *to->mask);
    memcpy(to->ids + to->n_tokens, from->ids + first, n * sizeof *to->ids);
    memcpy(to->mask + to->n_tokens, from->mask + first, n);
    to->n_tokens += n;
}

/* The prompt of `prompt`, the last reply of `reply`; or `reply` as it is where the replies before
 * the last are of another number of tokens.  True where it is not. */
static bool add_row(struct examples *to, const struct examples *prompts,
                    const struct example *prompt, const struct examples *replies,
                    const struct example *reply)
{
    struct example x = *reply;
    uint32_t earlier, other = 0, length = prompt_of(replies, reply, &earlier), front = 0;
    bool differs = false;
    if (prompt != NULL)
        front = prompt_of(prompts, prompt, &other);
    x.first = to->n_tokens;
    if (prompt == NULL || other != earlier || front == 0) {
        append(to, replies, reply->first, length);
    } else {
        append(to, prompts, prompt->first, front);
        differs =
            front != length || memcmp(prompts->ids + prompt->first, replies->ids + reply->first,
                                      front * sizeof *prompts->ids) != 0;
    }
    append(to, replies, reply->first + length, reply->length - length);
    x.length = (uint32_t)(to->n_tokens - x.first);
    to->items = vec_reserve(to->items, &to->cap, to->n + 1, sizeof *to->items);
    to->items[to->n++] = x;
    return differs;
}

/* Both sets are in the order of (hash, sample): the one with that sample at or behind *at. */
static const struct example *match(const struct examples *e, size_t *at, const struct example *x)
{
    while (*at < e->n) {
        const struct example *y = &e->items[*at];
        const int order = hash128_compare(y->hash, x->hash);
        if (order == 0 && y->sample == x->sample)
            return y;
        if (order > 0 || (order == 0 && y->sample > x->sample))
            return NULL;
        ++*at;
    }
    return NULL;
}

int seen_read(struct seen *s, struct corpus *c, const struct examples *student, const char *folder,
              const struct examples_source *source, struct error *error)
{
    struct chat_template *chat = chat_template_load(folder, NULL);
    struct examples_source how = *source;
    struct examples prompts;
    size_t at = 0;
    memset(s, 0, sizeof *s);
    memset(&prompts, 0, sizeof prompts);
    how.chat = chat;
    how.max_length = 0;
    if (chat != NULL && examples_read(&prompts, c, &how, error) != 0) {
        chat_template_free(chat);
        return error_wrap(error, "under the template of %s", folder);
    }
    s->by_row = mem_zero(student->n_splits + 1, sizeof *s->by_row);
    for (size_t i = 0; i < student->n; i++) {
        const struct example *x = &student->items[i];
        s->differs |= add_row(&s->rows, &prompts, match(&prompts, &at, x), student, x);
        s->by_row[x->row] = (uint32_t)i;
    }
    examples_free(&prompts);
    chat_template_free(chat);
    return 0;
}

void seen_free(struct seen *s)
{
    examples_free(&s->rows);
    examples_free(&s->spoken);
    mem_free(s->by_row);
    s->by_row = NULL;
}

const struct examples *seen_spoken(struct seen *s, const struct examples *own,
                                   const uint32_t *which, size_t n)
{
    s->spoken.n = s->spoken.n_tokens = 0;
    for (size_t i = 0; i < n; i++) {
        const struct example *x = &own->items[which[i]];
        (void)add_row(&s->spoken, &s->rows, &s->rows.items[s->by_row[x->row]], own, x);
    }
    return &s->spoken;
}
