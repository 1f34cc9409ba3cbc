#include "train/distill/stored.h"

#include "corpus/samples.h"

#include <string.h>

struct origin {
    int64_t request, choice;
};

static int take_origin(void *context, const struct sample *s, struct error *error)
{
    struct origin *o = context;
    (void)error;
    *o = (struct origin){s->request_id, s->choice};
    return 0;
}

/* The supervised tokens of the example's last reply, behind so many of earlier ones. */
static size_t last_reply(const struct examples *e, const struct example *x, size_t *earlier)
{
    const uint8_t *mask = e->mask + x->first;
    size_t n = 0, end = x->length;
    while (end > 0 && !mask[end - 1])
        end--;
    while (n < end && mask[end - 1 - n])
        n++;
    *earlier = x->supervised - n;
    return end - n;
}

struct reader {
    struct labels *l;
    struct align_count *count;
    struct corpus *c;
    const struct vocabulary *v;
    const struct examples *e;
    struct arena arena;
};

static int add_example(struct reader *r, size_t i, struct error *error)
{
    const struct examples *e = r->e;
    const struct example *x = &e->items[i];
    struct origin from = {0, 0};
    struct softlabels soft;
    size_t earlier, first = last_reply(e, x, &earlier);
    int found = samples_get(r->c, x->sample, take_origin, &from, error);
    if (found > 0)
        found = from.request == 0
                    ? 0
                    : softlabels_get(r->c, from.request, from.choice, &r->arena, &soft, error);
    if (found < 0)
        return error_wrap(error, "soft labels of row %lld", (long long)x->sample);
    for (size_t k = 0; k < (found ? earlier : x->supervised); k++)
        labels_add(r->l, NULL, NULL, 0);
    if (found)
        align_reply(r->v, &soft, e->ids + x->first + first, x->supervised - earlier, r->l,
                    r->count);
    return 0;
}

static int nothing(const struct align_count *count, struct error *error)
{
    if (count->rows == 0)
        return error_set(error, ERROR_INPUT,
                         "train.distill.teacher is \"labels\", and no row has stored logprobs; "
                         "generate with gen.logprobs (20, say), or name a teacher's folder");
    return error_set(error, ERROR_INPUT,
                     "none of %llu tokens of rows with stored logprobs gets a soft label (%llu "
                     "alternatives came, %llu with a logprob that is no use); is this the server's "
                     "reply as it was, with top logprobs?",
                     (unsigned long long)count->tokens, (unsigned long long)count->alternatives,
                     (unsigned long long)count->dropped);
}

int stored_read(struct labels *l, struct align_count *count, struct corpus *c,
                const struct examples *e, const struct tokenizer *t, struct error *error)
{
    struct vocabulary *v = vocabulary_new(t);
    struct reader r = {l, count, c, v, e, ARENA};
    int status = 0;
    memset(count, 0, sizeof *count);
    labels_open(l, e, 1);
    for (size_t i = 0; i < e->n && status == 0; i++) {
        status = add_example(&r, i, error);
        arena_reset(&r.arena);
    }
    if (status == 0 && count->aligned == 0)
        status = nothing(count, error);
    arena_free(&r.arena);
    vocabulary_free(v);
    if (status != 0)
        labels_close(l);
    return status;
}
