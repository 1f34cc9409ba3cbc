#include "filter/shingle.h"

#include "core/hash.h"
#include "core/mem.h"
#include "core/vec.h"
#include "filter/bits.h"
#include "filter/letters.h"
#include "filter/wordhash.h"

enum {
    WORD_PART = 256, /* a longer word is folded into a hash of parts */
    STRETCH = 2048   /* bytes of ASCII whose words are hashed at once */
};

void shingle_init(struct shingler *s, const struct words_kernel *kernel)
{
    *s = (struct shingler){.kernel = kernel != NULL ? kernel : words_best()};
}

void shingle_free(struct shingler *s)
{
    mem_free(s->items);
    mem_free(s->masks);
    mem_free(s->words);
    *s = (struct shingler){.kernel = s->kernel};
}

void shingle_start(struct shingler *s)
{
    s->n = 0;
    s->n_words = 0;
    s->three = false;
    s->characters = 0;
    s->odd = 0;
    s->heads = 0;
    s->short_head = false;
    s->unspaced_head = false;
}

/* Room for that many more, and for what kernels write beyond. */
static void reserve(struct shingler *s, size_t more)
{
    if (s->cap < s->n + more + WORDS_SLACK)
        s->items = vec_reserve(s->items, &s->cap, s->n + more + WORDS_SLACK, sizeof *s->items);
}

static void reserve_words(struct shingler *s, size_t more)
{
    if (s->words_cap < s->n_words + more + WORDS_SLACK)
        s->words =
            vec_reserve(s->words, &s->words_cap, s->n_words + more + WORDS_SLACK, sizeof *s->words);
}

static void push(struct shingler *s, uint64_t shingle)
{
    reserve(s, 1);
    s->items[s->n++] = shingle;
}

/* The shingles of three words so far; the last two words stay, to go on with. */
static void take_threes(struct shingler *s)
{
    const size_t n = s->n_words;
    if (s->n == 0) {
        s->heads = n < 2 ? n : 2;
        for (size_t i = 0; i < s->heads; i++)
            s->head[i] = s->words[i];
    }
    if (n < 3)
        return;
    reserve(s, n - 2);
    s->kernel->threes(s->words, n, s->items + s->n);
    s->n += n - 2;
    s->words[0] = s->words[n - 2];
    s->words[1] = s->words[n - 1];
    s->n_words = 2;
    s->three = true;
}

static void end_words(struct shingler *s)
{
    take_threes(s);
    s->short_head |= s->n == 0;
    if (s->n_words == 1)
        push(s, wordhash_one(s->words[0]));
    else if (s->n_words == 2 && !s->three)
        push(s, wordhash_two(s->words[0], s->words[1]));
    s->n_words = 0;
    s->three = false;
}

static void end_characters(struct shingler *s)
{
    if (s->characters == 1)
        push(s, wordhash_characters(s->character, 0));
    s->characters = 0;
}

static void add_word(struct shingler *s, uint64_t h)
{
    if (s->characters != 0)
        end_characters(s);
    reserve_words(s, 1);
    s->words[s->n_words++] = h;
}

static void add_character(struct shingler *s, uint32_t c, size_t at, size_t len)
{
    s->unspaced_head |= s->n == 0 && s->n_words == 0 && s->characters == 0;
    end_words(s);
    if (s->characters != 0 && s->character_end != at)
        end_characters(s);
    if (s->characters != 0)
        push(s, wordhash_characters(s->character, c));
    s->characters = s->characters == 0 ? 1 : 2;
    s->character = c;
    s->character_end = at + len;
}

/* A run of Han, where there is a character at `at`; where it ends. */
static size_t add_han(struct shingler *s, const unsigned char *p, size_t n, size_t at)
{
    add_character(s, letters_han_code(p + at), at, 3);
    at += 3;
    reserve(s, (n - at) / 3);
    const size_t more = s->kernel->bigrams(p + at, n - at, &s->character, s->items + s->n);
    s->n += more;
    s->characters = more > 0 ? 2 : s->characters;
    s->character_end = at + 3 * more;
    return s->character_end;
}

/* The folded bytes of a word that is not all ASCII. */
struct fold {
    unsigned char bytes[WORD_PART + 4];
    size_t n;
    uint64_t before; /* hash of earlier parts */
};

static void fold_put(struct fold *f, uint32_t c)
{
    unsigned char *p = f->bytes + f->n;
    if (c < 0x80) {
        p[0] = (unsigned char)(c | 0x20);
        f->n += 1;
    } else if (c < 0x800) {
        p[0] = (unsigned char)(0xC0 | c >> 6);
        p[1] = (unsigned char)(0x80 | (c & 0x3F));
        f->n += 2;
    } else if (c < 0x10000) {
        p[0] = (unsigned char)(0xE0 | c >> 12);
        p[1] = (unsigned char)(0x80 | (c >> 6 & 0x3F));
        p[2] = (unsigned char)(0x80 | (c & 0x3F));
        f->n += 3;
    } else {
        p[0] = (unsigned char)(0xF0 | c >> 18);
        p[1] = (unsigned char)(0x80 | (c >> 12 & 0x3F));
        p[2] = (unsigned char)(0x80 | (c >> 6 & 0x3F));
        p[3] = (unsigned char)(0x80 | (c & 0x3F));
        f->n += 4;
    }
    if (f->n >= WORD_PART) {
        f->before = wordhash_mix(f->before ^ wordhash_bytes(f->bytes, f->n));
        f->n = 0;
    }
}

static void fold_end(struct shingler *s, struct fold *f)
{
    if (f->n > 0 || f->before != 0) {
        const uint64_t h = f->n > 0 ? wordhash_bytes(f->bytes, f->n) : 0;
        add_word(s, f->before ^ h);
    }
    f->n = 0;
    f->before = 0;
}

/* From `at`, where a byte is not ASCII or a word runs into one, up to the next ASCII byte that
 * does not go on with a word.  Returns the offset reached. */
static size_t scan_unicode(struct shingler *s, const unsigned char *p, size_t n, size_t at)
{
    struct fold f; /* its bytes are not set: they are many */
    const size_t from = at;
    f.n = 0;
    f.before = 0;
    while (at < n) {
        uint32_t code = 0;
        if (letters_han(p + at, p + n)) {
            fold_end(s, &f);
            at = add_han(s, p, n, at);
            continue;
        }
        const size_t len = letters_decode(p + at, p + n, &code);
        const uint32_t letter = len > 0 ? letters_of(code) : 0;
        const bool open = f.n > 0 || f.before != 0;
        if (code < 0x80 && len == 1 && at > from && (!open || !(letter & LETTER_WORD)))
            break;
        if (letter & LETTER_WORD) {
            fold_put(&f, letter & LETTER_CODE);
        } else {
            fold_end(s, &f);
            if (letter & LETTER_BIGRAM)
                add_character(s, letter & LETTER_CODE, at, len);
        }
        at += len > 0 ? len : 1;
    }
    fold_end(s, &f);
    return at;
}

/* A piece of text. */
struct piece {
    const unsigned char *p;
    size_t n;
    const uint64_t *both,
        *high; /* masks: of words and of bytes that are not ASCII; of the latter */
};

/* Words of ASCII alone in [from, to), none of which is cut there. */
static void scan_ascii(struct shingler *s, const struct piece *t, size_t from, size_t to)
{
    uint32_t edges[STRETCH + 2 + WORDS_SLACK];
    while (from < to) {
        const size_t end = to - from > STRETCH ? bits_next_clear(t->both, from + STRETCH, to) : to;
        const size_t n = s->kernel->edges(t->both, from, end, edges) / 2;
        reserve_words(s, n);
        s->kernel->hashes(&(struct words){t->p, t->n, edges, n}, s->words + s->n_words);
        if (n > 0 && s->characters != 0)
            end_characters(s);
        s->n_words += n;
        take_threes(s);
        from = end;
    }
}

/* A word that has a byte that is not ASCII, or is next to one, is scanned with it; what lies between
 * is ASCII alone. */
static void scan(struct shingler *s, const struct piece *t)
{
    for (size_t at = 0; at < t->n;) {
        const size_t first = bits_next_set(t->high, at, t->n);
        size_t from = first < t->n ? bits_after_clear(t->both, first) : t->n;
        from = from > at ? from : at;
        scan_ascii(s, t, at, from);
        at = from < t->n ? scan_unicode(s, t->p, t->n, from) : from;
    }
}

/* Text that gave no token stands for itself. */
static void add_odd(struct shingler *s, struct slice piece)
{
    const struct slice t = slice_trim(piece);
    if (t.len > 0)
        s->odd = wordhash_mix(s->odd ^ hash64(t.data, t.len, 1));
}

void shingle_add(struct shingler *s, struct slice piece)
{
    const size_t blocks = (piece.len + 63) / 64;
    if (blocks == 0)
        return;
    s->masks = vec_reserve(s->masks, &s->mask_cap, 2 * blocks, sizeof *s->masks);
    uint64_t *both = s->masks, *high = s->masks + blocks;
    const struct piece t = {(const unsigned char *)piece.data, piece.len, both, high};
    s->kernel->masks(t.p, t.n, both, high);
    for (size_t i = 0; i < blocks; i++)
        both[i] |= high[i];
    if (s->characters != 0)
        end_characters(s);
    scan(s, &t);
    take_threes(s);
    if (s->n == 0 && s->n_words == 0 && s->characters == 0)
        add_odd(s, piece);
}

void shingle_end(struct shingler *s)
{
    end_words(s);
    end_characters(s);
    if (s->n == 0 && s->odd != 0)
        push(s, s->odd);
}

bool shingle_join(struct shingler *s, const struct shingler *output)
{
    const bool any = s->n > 0 || s->n_words > 0 || s->characters > 0;
    if (any && output->unspaced_head) { /* nothing reaches from here into it */
        end_words(s);
        end_characters(s);
        return true;
    }
    if (!any || output->heads < 2 || output->short_head)
        return false;
    add_word(s, output->head[0]);
    add_word(s, output->head[1]);
    take_threes(s);
    s->n_words = 0; /* what follows is in `output` */
    s->three = false;
    return true;
}
