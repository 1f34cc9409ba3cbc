/*
 * WordPiece (Schuster and Nakajima 2012, as in BERT): the longest piece of the vocabulary that
 * the word begins with, then the longest continuation, and so on; a word that does not come out
 * even, or is too long, is one unknown token.
 */
#include "model/tokenizer/parts.h"

#include <string.h>

static int32_t longest(const struct wordpiece *w, const struct vocab *v, struct slice rest,
                       bool first, size_t *len, struct buf *spelled)
{
    for (size_t n = rest.len; n > 0; n--) {
        struct slice piece = {rest.data, n};
        int32_t id;
        if (n < rest.len && ((unsigned char)rest.data[n] & 0xC0) == 0x80)
            continue; /* inside a character */
        if (!first) {
            buf_clear(spelled);
            buf_slice(spelled, buf_view(&w->prefix));
            buf_slice(spelled, piece);
            piece = buf_view(spelled);
        }
        id = vocab_find(v, piece);
        if (id >= 0) {
            *len = n;
            return id;
        }
    }
    return -1;
}

void wordpiece_word(const struct wordpiece *w, const struct vocab *v, struct slice text,
                    struct bpe_scratch *s)
{
    size_t chars = 0;
    s->word.n = 0;
    if (s->spelled.max == 0)
        s->spelled = BUF;
    for (size_t i = 0; i < text.len; i += char_len((unsigned char)text.data[i]))
        chars++;
    for (size_t at = 0; chars <= w->max_chars && at < text.len;) {
        size_t len;
        int32_t id = longest(w, v, (struct slice){text.data + at, text.len - at}, at == 0, &len,
                             &s->spelled);
        if (id < 0) {
            s->word.n = 0;
            break;
        }
        symbols_push(&s->word, id, len);
        at += len;
    }
    if (s->word.n == 0 && text.len != 0)
        symbols_push(&s->word, w->unk, text.len);
}
