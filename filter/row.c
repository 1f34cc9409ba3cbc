#include "filter/row.h"

#include "core/json.h"
#include "core/mem.h"
#include "core/vec.h"
#include "filter/letters.h"
#include "filter/sentence.h"

#include <string.h>

static bool space_at(const unsigned char *p, const unsigned char *end, size_t *len)
{
    uint32_t code = 0;
    if (letters_han(p, end)) /* without its block of letters, which may be far */
        return false;
    *len = letters_decode(p, end, &code);
    return *len > 0 && (letters_of(code) & LETTER_SPACE);
}

struct slice row_trim(struct slice s)
{
    const unsigned char *p = (const unsigned char *)s.data, *end = p + s.len;
    size_t len = 0;
    while (p < end && (*p <= ' ' || *p >= 0x80) && space_at(p, end, &len))
        p += len;
    while (end > p && (end[-1] <= ' ' || end[-1] >= 0x80)) {
        const unsigned char *last = end - 1;
        while (last > p && (*last & 0xC0) == 0x80 && end - last < 4)
            last--;
        if (!space_at(last, end, &len) || last + len != end)
            break;
        end = last;
    }
    return (struct slice){(const char *)p, (size_t)(end - p)};
}

/* The contents of the turns, one a line; the last one is the request. */
static void set_turns(struct row *r, struct slice messages)
{
    struct json *turns = json_parse(messages, JSON_REPAIR, NULL);
    size_t last = 0;
    buf_clear(&r->turns);
    for (const struct json *t = json_first(turns); t != NULL; t = json_next(t)) {
        const struct slice text = json_string(json_get(t, "content"));
        if (text.len == 0 || slice_is(json_string(json_get(t, "role")), "system"))
            continue;
        if (r->turns.len > 0)
            buf_char(&r->turns, '\n');
        last = r->turns.len;
        buf_slice(&r->turns, text);
    }
    json_free(turns);
    r->prompt[0] = buf_view(&r->turns);
    r->n_prompt = r->turns.len > 0;
    r->request = slice_sub(r->prompt[0], last, r->turns.len - last);
}

void row_set(struct row *r, const struct sample *s)
{
    r->sample = s;
    r->notes = &r->own_notes;
    r->own_notes.known = false;
    r->n_prompt = 0;
    r->shingles = NULL;
    r->n_sentences = 0;
    r->n_shingles = 0;
    r->output = s->output;
    r->reply = row_trim(s->output);
    if (s->messages.data != NULL) {
        set_turns(r, s->messages);
        return;
    }
    if (s->instruction.len > 0)
        r->prompt[r->n_prompt++] = s->instruction;
    if (s->input.len > 0)
        r->prompt[r->n_prompt++] = s->input;
    r->request = s->instruction;
}

void row_shingle(struct row *r, struct shingler *s)
{
    shingle_start(s);
    for (size_t i = 0; i < r->n_prompt; i++)
        shingle_add(s, r->prompt[i]);
    const size_t prompt = s->n;
    shingle_add(s, r->output);
    shingle_end(s);
    r->shingles = s->items != NULL ? s->items + prompt : NULL;
    r->n_shingles = s->n - prompt;
}

bool row_sentence(struct slice text, size_t *at, struct slice *sentence)
{
    while (*at < text.len) {
        const char *end = memchr(text.data + *at, '\n', text.len - *at);
        const size_t stop = end != NULL ? (size_t)(end - text.data) : text.len;
        const size_t from = *at, next = sentence_next(slice_sub(text, 0, stop), from);
        *at = next < stop ? next : stop + 1;
        *sentence = slice_trim(slice_sub(text, from, next - from));
        if (sentence->len > 0)
            return true;
    }
    return false;
}

void row_sentences(struct row *r)
{
    size_t at = 0;
    r->n_sentences = 0;
    while (r->n_sentences < ROW_SENTENCES &&
           row_sentence(r->reply, &at, &r->sentences[r->n_sentences]))
        r->n_sentences++;
}

void row_free(struct row *r)
{
    buf_free(&r->turns);
}
