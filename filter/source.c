#include "filter/source.h"

#include "corpus/judging.h"

static int text(void *context, const struct index_entry *e, uint32_t row, samples_fn *fn, void *to,
                struct error *error)
{
    const struct source_corpora *both = context;
    struct corpus *c = e->flags & INDEX_FOREIGN ? both->foreign : both->own;
    const int got = samples_text(c, e->id, fn, to, error);
    (void)row;
    if (got == 0)
        error_set(error, ERROR_FAILED, "sample %lld is gone from %s", (long long)e->id,
                  corpus_path(c));
    return got == 1 ? 0 : -1;
}

static int hold(void *context, struct error *error)
{
    return judging_hold(((struct source_corpora *)context)->own, error);
}

static void release(void *context)
{
    judging_release(((struct source_corpora *)context)->own);
}

struct source source_of(struct source_corpora *c)
{
    return (struct source){.text = text, .hold = hold, .release = release, .context = c};
}

struct copying {
    struct source_reader *reader;
    struct similar_row *to;
};

static int copy(void *context, const struct sample *s, struct error *error)
{
    const struct copying *c = context;
    struct row *row = &c->reader->row;
    struct arena *arena = &c->reader->arena;
    (void)error;
    row_set(row, s);
    c->to->n_prompt = row->n_prompt;
    for (size_t i = 0; i < row->n_prompt; i++)
        c->to->prompt[i] = arena_copy(arena, row->prompt[i]);
    c->to->output = arena_copy(arena, s->output);
    return 0;
}

int source_read(struct source_reader *r, uint32_t row, struct similar_row *out, struct error *error)
{
    struct copying c = {r, out};
    return r->source->text(r->source->context, &r->x->entries[row], row, copy, &c, error);
}

void source_close(struct source_reader *r)
{
    arena_free(&r->arena);
    row_free(&r->row);
}
