#include "filter/identity.h"

#include "core/hash.h"
#include "filter/kernels/fold.h"
#include "filter/measure.h"

void identity_init(struct identity *w)
{
    shingle_init(&w->shingler, NULL);
    w->normal = BUF;
    w->scratch = BUF;
}

void identity_free(struct identity *w)
{
    shingle_free(&w->shingler);
    buf_free(&w->normal);
    buf_free(&w->scratch);
}

/* Pieces end in a NUL, so that moving text from one to the next changes the identity. */
static void add(struct identity *w, const struct chosen *c, struct slice piece)
{
    normal_text(piece, &c->normal, &w->scratch, &w->normal);
    buf_char(&w->normal, '\0');
}

/* The hash of the text with each run of digits as one mark. */
static uint64_t masked(struct buf *scratch, const char *text, size_t len)
{
    buf_clear(scratch);
    if (buf_reserve(scratch, len + FOLD_SLACK) != 0)
        return 0;
    unsigned char *to = (unsigned char *)scratch->data;
    return hash64(to, fold_best()->digits((const unsigned char *)text, len, to), 0);
}

static void texts(struct identity *w, const struct chosen *c, const struct row *row,
                  struct index_entry *e)
{
    const struct sample *s = row->sample;
    buf_clear(&w->normal);
    add(w, c, s->system);
    for (size_t i = 0; i < row->n_prompt; i++)
        add(w, c, row->prompt[i]);
    e->prompt = hash64(w->normal.data, w->normal.len, 0);
    const size_t prompt = w->normal.len;
    add(w, c, row->output);
    const char *from = w->normal.data;
    size_t len = w->normal.len;
    if (c->exact_fields == SIMILAR_OUTPUT) {
        from += prompt;
        len -= prompt;
    } else if (c->exact_fields == SIMILAR_PROMPT) {
        len = prompt;
    }
    e->exact = hash128(from, len);
    e->skeleton = masked(&w->scratch, w->normal.data, w->normal.len);
}

static uint64_t content(const struct row *row)
{
    const struct sample *s = row->sample;
    uint64_t h = hash64(s->output.data, s->output.len, 0);
    h = hash64(s->instruction.data, s->instruction.len, h);
    h = hash64(s->input.data, s->input.len, h);
    h = hash64(s->system.data, s->system.len, h);
    return hash64(s->messages.data, s->messages.len, h);
}

bool identity_of(struct identity *w, const struct chosen *c, const struct row *row,
                 struct index_entry *entry, struct minhash_signature *signature)
{
    *entry = (struct index_entry){.id = row->sample->id, .content = content(row)};
    entry->length = (uint32_t)measure_characters(row->reply);
    texts(w, c, row, entry);
    if (c->near_fields != SIMILAR_ALL) {
        shingle_start(&w->shingler);
        for (size_t i = 0; c->near_fields == SIMILAR_PROMPT && i < row->n_prompt; i++)
            shingle_add(&w->shingler, row->prompt[i]);
        if (c->near_fields == SIMILAR_OUTPUT)
            shingle_add(&w->shingler, row->output);
        shingle_end(&w->shingler);
    }
    if (w->shingler.n == 0)
        return false;
    minhash_sign(NULL, w->shingler.items, w->shingler.n, signature);
    return true;
}
