#include "filter/identity.h"

#include "core/hash.h"
#include "filter/measure.h"

#include <string.h>

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

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Bit 7 of bytes that may be digits (0x30..0x3F), for bytes of ASCII; others may set it too. */
static bool may_hold_digits(uint64_t v)
{
    const uint64_t x = (v ^ EACH(0x30)) & EACH(0xF0); /* 0 where the high half is 3 */
    return ((x - EACH(1)) & ~x & EACH(0x80)) != 0;
}

/* The hash of the text with each run of digits as one mark; the text is spent. */
static uint64_t masked(char *text, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len;) {
        uint64_t v;
        if (i + 8 <= len && (memcpy(&v, text + i, 8), !may_hold_digits(v))) {
            memcpy(text + n, &v, 8);
            n += 8;
            i += 8;
            continue;
        }
        const bool digit = text[i] >= '0' && text[i] <= '9';
        if (!digit || n == 0 || text[n - 1] != '\1')
            text[n++] = digit ? '\1' : text[i];
        i++;
    }
    return hash64(text, n, 0);
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
    e->skeleton = masked(w->normal.data, w->normal.len);
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
