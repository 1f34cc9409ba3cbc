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

static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* How many of eight bytes come before the first digit. */
static inline size_t before_digit(const char *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    const uint64_t x =
        v ^ EACH(0x30); /* digits are below ten; borrowing spoils only what follows */
    const uint64_t digits = (x - EACH(10)) & ~x & EACH(0x80);
    return digits != 0 ? (size_t)__builtin_ctzll(digits) / 8 : 8;
}

/* The hash of the text with each run of digits as one mark. */
static uint64_t masked(struct buf *scratch, const char *text, size_t len)
{
    size_t n = 0, i = 0;
    buf_clear(scratch);
    if (buf_reserve(scratch, len + 8) != 0)
        return 0;
    char *to = scratch->data;
    while (i < len) {
        size_t plain = !is_digit(text[i]);
        to[n] = text[i];
        if (i + 8 <= len) {
            memcpy(to + n, text + i, 8);
            plain = before_digit(text + i);
        }
        n += plain;
        i += plain;
        if (i == len || !is_digit(text[i]))
            continue;
        if (n == 0 || to[n - 1] != '\1')
            to[n++] = '\1';
        while (i < len && is_digit(text[i]))
            i++;
    }
    return hash64(to, n, 0);
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
