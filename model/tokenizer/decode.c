/*
 * Ids to text.  One machine serves whole decoding and streaming: each token goes through the
 * decoder's steps; bytes that do not yet make a character wait in `pending`.
 *
 * Accepted shapes (tokenizer_parse_decoder refuses others):
 *     ByteLevel
 *     (Replace | Strip | Metaspace | WordPiece)*  [ByteFallback]  [Fuse  Strip*]
 *     none: pieces joined by blanks, as the library does
 */
#include "model/tokenizer/parts.h"

#include "core/mem.h"
#include "core/unicode.h"

#include <string.h>

struct tokenizer_stream {
    const struct tokenizer *t;
    unsigned flags;
    bool whole;         /* a run of byte pieces is judged as one, not byte by byte */
    bool begun;         /* a token has been seen */
    bool shown;         /* something has been written */
    size_t stripped;    /* of what the Strip behind Fuse takes from the front */
    struct buf pending; /* bytes that wait for the rest of their character */
    struct buf work[2];
};

/* Bytes at the end that begin a character whose rest may still come. */
static size_t unfinished(struct slice s)
{
    for (size_t back = 1; back <= 3 && back <= s.len; back++) {
        const unsigned char *p = (const unsigned char *)s.data + s.len - back;
        size_t need = p[0] < 0xC2 ? 0 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : p[0] < 0xF5 ? 4 : 0;
        if ((p[0] & 0xC0) == 0x80)
            continue;
        if (need <= back)
            return 0;
        if (back >= 2 && ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) ||
                          (p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F)))
            return 0;
        return back;
    }
    return 0;
}

/* The end of the way: Strip behind Fuse, then out. */
static void put(struct tokenizer_stream *s, struct slice text, struct buf *out)
{
    const struct decoders *d = &s->t->decoders;
    size_t fuse = 0;
    while (fuse < d->n && d->steps[fuse].kind != DECODE_FUSE)
        fuse++;
    for (size_t i = fuse + 1; i < d->n && !s->shown; i++) {
        struct slice content = buf_view(&d->steps[i].pattern);
        while (s->stripped < d->steps[i].start && content.len != 0 && text.len >= content.len &&
               memcmp(text.data, content.data, content.len) == 0) {
            text = slice_sub(text, content.len, text.len);
            s->stripped++;
        }
    }
    if (text.len == 0)
        return;
    s->shown = true;
    buf_slice(out, text);
}

static void drop_front(struct buf *b, size_t n)
{
    memmove(b->data, b->data + n, b->len - n);
    b->len -= n;
}

static void put_repaired(struct tokenizer_stream *s, size_t n, struct buf *out)
{
    struct slice text = {buf_text(&s->pending), n};
    buf_clear(&s->work[0]);
    utf8_repair(text, &s->work[0]);
    put(s, buf_view(&s->work[0]), out);
    if (n != 0)
        drop_front(&s->pending, n);
}

static void add_bytes(struct tokenizer_stream *s, struct slice piece, struct buf *out)
{
    alphabet_bytes(piece, &s->pending);
    put_repaired(s, s->pending.len - unfinished(buf_view(&s->pending)), out);
}

/* --- byte fallback ---------------------------------------------------------------------- */

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

int piece_byte(struct slice p)
{
    if (p.len != 6 || memcmp(p.data, "<0x", 3) != 0 || p.data[5] != '>' || hex(p.data[3]) < 0 ||
        hex(p.data[4]) < 0)
        return -1;
    return hex(p.data[3]) * 16 + hex(p.data[4]);
}

/* The run of byte pieces is over: what is left of it is text, or one U+FFFD a byte. */
static void end_run(struct tokenizer_stream *s, struct buf *out)
{
    size_t n = s->pending.len;
    if (n == 0)
        return;
    if (utf8_valid(buf_view(&s->pending)))
        put(s, buf_view(&s->pending), out);
    else
        for (size_t i = 0; i < n; i++)
            put(s, SLICE("\xEF\xBF\xBD"), out);
    buf_clear(&s->pending);
}

/* While streaming: give out the characters of the run that are whole. */
static void show_run(struct tokenizer_stream *s, struct buf *out)
{
    while (s->pending.len != 0 && unfinished(buf_view(&s->pending)) < s->pending.len) {
        uint32_t c;
        size_t n = utf8_decode(s->pending.data, s->pending.len, &c);
        if (n != 0)
            put(s, (struct slice){s->pending.data, n}, out);
        else
            put(s, SLICE("\xEF\xBF\xBD"), out);
        drop_front(&s->pending, n != 0 ? n : 1);
    }
}

/* --- steps on one token ----------------------------------------------------------------- */

static void replace_all(struct slice in, struct slice pattern, struct slice with, struct buf *out)
{
    while (in.len != 0) {
        size_t at = pattern.len != 0 ? slice_find(in, pattern) : in.len;
        buf_add(out, in.data, at);
        if (at == in.len)
            break;
        buf_slice(out, with);
        in = slice_sub(in, at + pattern.len, in.len);
    }
}

static void strip_token(const struct decoder *d, struct slice in, struct buf *out)
{
    struct slice content = buf_view(&d->pattern);
    for (size_t i = 0;
         i < d->start && in.len >= content.len && memcmp(in.data, content.data, content.len) == 0;
         i++)
        in = slice_sub(in, content.len, in.len);
    buf_slice(out, in);
}

static void wordpiece_token(const struct decoder *d, struct slice in, bool first,
                            struct tokenizer_stream *s, struct buf *out)
{
    static const char *const clean[][2] = {
        {" .", "."},   {" ?", "?"},     {" !", "!"},     {" ,", ","},
        {" ' ", "'"},  {" n't", "n't"}, {" 'm", "'m"},   {" do not", " don't"},
        {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
    };
    struct buf other = s->pending; /* not used for bytes by this decoder */
    struct slice prefix = buf_view(&d->text);
    buf_clear(&other);
    if (!first && in.len >= prefix.len && memcmp(in.data, prefix.data, prefix.len) == 0) {
        buf_slice(out, slice_sub(in, prefix.len, in.len));
    } else {
        if (!first)
            buf_char(out, ' ');
        buf_slice(out, in);
    }
    for (size_t i = 0; d->cleanup && i < sizeof clean / sizeof *clean; i++) {
        struct buf swap;
        buf_clear(&other);
        replace_all(buf_view(out), slice_of(clean[i][0]), slice_of(clean[i][1]), &other);
        swap = *out;
        *out = other;
        other = swap;
    }
    buf_clear(&other);
    s->pending = other;
}

static void metaspace_token(const struct decoder *d, struct slice in, bool first, struct buf *out)
{
    struct slice mark = buf_view(&d->pattern);
    replace_all(in, mark, first && d->drop_first ? SLICE("") : SLICE(" "), out);
}

/* Through the steps before ByteFallback and Fuse; the text in one of the work buffers. */
static struct slice token_text(struct tokenizer_stream *s, struct slice piece, bool first)
{
    const struct decoders *d = &s->t->decoders;
    struct slice text = piece;
    size_t turn = 0;
    for (size_t i = 0; i < d->n; i++) {
        const struct decoder *step = &d->steps[i];
        struct buf *out = &s->work[turn];
        if (step->kind == DECODE_FUSE)
            break;
        if (step->kind == DECODE_BYTE_FALLBACK || step->kind == DECODE_BYTE_LEVEL)
            continue;
        buf_clear(out);
        if (step->kind == DECODE_REPLACE)
            replace_all(text, buf_view(&step->pattern), buf_view(&step->text), out);
        else if (step->kind == DECODE_STRIP)
            strip_token(step, text, out);
        else if (step->kind == DECODE_WORDPIECE)
            wordpiece_token(step, text, first, s, out);
        else
            metaspace_token(step, text, first, out);
        text = buf_view(out);
        turn = 1 - turn;
    }
    return text;
}

static bool has_step(const struct decoders *d, enum decoder_kind kind)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->steps[i].kind == kind)
            return true;
    return false;
}

/* The piece as the decoder is given it: of an added token that is found in normalised text, the
 * normalised form (the tokenizers library from 0.23 on). */
static struct slice decoded_piece(const struct tokenizer *t, int32_t id)
{
    if (t->added.rewritten && tokenizer_type(t, id) != TOKEN_NORMAL)
        for (size_t i = 0; i < t->added.n; i++)
            if (t->added.tokens[i].id == id && t->added.tokens[i].normalized)
                return buf_view(&t->added.tokens[i].shown);
    return vocab_piece(&t->vocab, id);
}

static void add_token(struct tokenizer_stream *s, int32_t id, struct buf *out)
{
    const struct tokenizer *t = s->t;
    struct slice piece = decoded_piece(t, id);
    bool first = !s->begun;
    if (piece.data == NULL ||
        ((s->flags & TOKENIZER_SKIP_SPECIAL) != 0 && tokenizer_is_special(t, id)))
        return;
    s->begun = true;
    if (has_step(&t->decoders, DECODE_BYTE_LEVEL)) {
        add_bytes(s, piece, out);
        return;
    }
    piece = token_text(s, piece, first);
    if (has_step(&t->decoders, DECODE_BYTE_FALLBACK)) {
        int byte = piece_byte(piece);
        if (byte >= 0) {
            buf_char(&s->pending, (char)byte);
            if (!s->whole)
                show_run(s, out);
            return;
        }
        end_run(s, out);
    }
    if (t->decoders.n == 0 && !first)
        buf_char(out, ' ');
    put(s, piece, out);
}

/* --- the public face -------------------------------------------------------------------- */

static void stream_init(struct tokenizer_stream *s, const struct tokenizer *t, unsigned flags)
{
    *s = (struct tokenizer_stream){.t = t, .flags = flags};
    s->pending = BUF;
    s->work[0] = BUF;
    s->work[1] = BUF;
}

static void stream_release(struct tokenizer_stream *s)
{
    buf_free(&s->pending);
    buf_free(&s->work[0]);
    buf_free(&s->work[1]);
}

struct tokenizer_stream *tokenizer_stream_new(const struct tokenizer *t, unsigned flags)
{
    struct tokenizer_stream *s = mem_alloc(sizeof *s);
    stream_init(s, t, flags);
    return s;
}

int tokenizer_stream_add(struct tokenizer_stream *s, int32_t id, struct buf *out)
{
    add_token(s, id, out);
    return out->full ? -1 : 0;
}

int tokenizer_stream_end(struct tokenizer_stream *s, struct buf *out)
{
    const struct tokenizer *t = s->t;
    unsigned flags = s->flags;
    bool whole = s->whole;
    if (has_step(&t->decoders, DECODE_BYTE_LEVEL))
        put_repaired(s, s->pending.len, out);
    else
        end_run(s, out);
    stream_release(s);
    stream_init(s, t, flags);
    s->whole = whole;
    return out->full ? -1 : 0;
}

void tokenizer_stream_free(struct tokenizer_stream *s)
{
    if (s == NULL)
        return;
    stream_release(s);
    mem_free(s);
}

int tokenizer_decode(const struct tokenizer *t, const int32_t *ids, size_t n, unsigned flags,
                     struct buf *out)
{
    struct tokenizer_stream s;
    int result;
    stream_init(&s, t, flags);
    s.whole = true;
    for (size_t i = 0; i < n && !out->full; i++)
        add_token(&s, ids[i], out);
    result = tokenizer_stream_end(&s, out);
    stream_release(&s);
    return result;
}

int tokenizer_bytes(const struct tokenizer *t, int32_t id, struct buf *out)
{
    struct tokenizer_stream s;
    struct slice piece = vocab_piece(&t->vocab, id);
    if (piece.data == NULL || tokenizer_is_special(t, id))
        return 0;
    stream_init(&s, t, 0);
    s.begun = s.shown = true; /* as in the middle of a text: nothing is stripped in front */
    if (has_step(&t->decoders, DECODE_BYTE_LEVEL)) {
        alphabet_bytes(piece, out);
    } else {
        piece = token_text(&s, piece, false);
        if (has_step(&t->decoders, DECODE_BYTE_FALLBACK) && piece_byte(piece) >= 0)
            buf_char(out, (char)piece_byte(piece));
        else
            buf_slice(out, piece);
    }
    stream_release(&s);
    return out->full ? -1 : 0;
}

void decoders_free(struct decoders *d)
{
    for (size_t i = 0; i < d->n; i++) {
        buf_free(&d->steps[i].pattern);
        buf_free(&d->steps[i].text);
    }
    d->n = 0;
}
