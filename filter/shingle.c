#include "filter/shingle.h"

#include "core/hash.h"
#include "core/mem.h"
#include "core/vec.h"
#include "filter/letters.h"
#include "filter/wordhash.h"

enum { WORD_PART = 256 }; /* a longer word is folded into a hash of parts */

void shingle_init(struct shingler *s, const struct mask_kernel *kernel)
{
    *s = (struct shingler){.kernel = kernel != NULL ? kernel : mask_best()};
}

void shingle_free(struct shingler *s)
{
    mem_free(s->items);
    mem_free(s->masks);
    *s = (struct shingler){.kernel = s->kernel};
}

void shingle_start(struct shingler *s)
{
    s->n = 0;
    s->run = 0;
    s->characters = 0;
    s->odd = 0;
    s->heads = 0;
    s->short_head = false;
}

static inline void push(struct shingler *s, uint64_t shingle)
{
    if (s->n == s->cap)
        s->items = vec_reserve(s->items, &s->cap, s->n + 1, sizeof *s->items);
    s->items[s->n++] = shingle;
}

static void end_words(struct shingler *s)
{
    s->short_head |= s->n == 0;
    if (s->run == 1)
        push(s, wordhash_one(s->w2));
    else if (s->run == 2)
        push(s, wordhash_two(s->w1, s->w2));
    s->run = 0;
}

static void end_characters(struct shingler *s)
{
    if (s->characters == 1)
        push(s, wordhash_characters(s->character, 0));
    s->characters = 0;
}

static inline void add_word(struct shingler *s, uint64_t h)
{
    if (s->characters != 0)
        end_characters(s);
    if (s->run >= 2) {
        push(s, wordhash_three(s->w1, s->w2, h));
        s->run = 3;
    } else {
        if (s->n == 0) {
            s->head[s->run] = h;
            s->heads = s->run + 1;
        }
        s->run++;
    }
    s->w1 = s->w2;
    s->w2 = h;
}

static void add_character(struct shingler *s, uint32_t c, size_t at, size_t len)
{
    end_words(s);
    if (s->characters != 0 && s->character_end != at)
        end_characters(s);
    if (s->characters != 0)
        push(s, wordhash_characters(s->character, c));
    s->characters = s->characters == 0 ? 1 : 2;
    s->character = c;
    s->character_end = at + len;
}

/* A run of Han from `at` on; where it ends. */
static size_t add_han(struct shingler *s, const unsigned char *p, size_t n, size_t at)
{
    uint32_t before = 0;
    const size_t from = at;
    for (; letters_han(p + at, p + n); at += 3) {
        const uint32_t c =
            (uint32_t)(p[at] & 0x0F) << 12 | (uint32_t)(p[at + 1] & 0x3F) << 6 | (p[at + 2] & 0x3F);
        if (at == from)
            add_character(s, c, at, 3);
        else
            push(s, wordhash_characters(before, c));
        before = c;
    }
    s->characters = at > from + 3 ? 2 : s->characters;
    s->character = before;
    s->character_end = at;
    return at;
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
    struct fold f = {.n = 0, .before = 0};
    const size_t from = at;
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

/* The first bit at or after i that is set in the array; n where there is none. */
static inline size_t next_set(const uint64_t *m, size_t i, size_t n)
{
    if (i >= n)
        return n;
    size_t k = i >> 6;
    uint64_t v = m[k] >> (i & 63) << (i & 63);
    while (v == 0) {
        if (++k << 6 >= n)
            return n;
        v = m[k];
    }
    return k << 6 | (size_t)__builtin_ctzll(v);
}

static inline size_t next_clear(const uint64_t *m, size_t i, size_t n)
{
    size_t k = i >> 6;
    uint64_t v = ~m[k] >> (i & 63) << (i & 63);
    while (v == 0) {
        if (++k << 6 >= n)
            return n;
        v = ~m[k];
    }
    const size_t at = k << 6 | (size_t)__builtin_ctzll(v);
    return at < n ? at : n;
}

/* Text of ASCII alone: words begin and end where a bit differs from the one before. */
static void scan_ascii(struct shingler *s, const unsigned char *p, size_t n, const uint64_t *word)
{
    size_t from = 0;
    uint64_t last = 0;
    bool inside = false;
    for (size_t at = 0; at < n; at += 64) {
        const uint64_t w = word[at / 64];
        for (uint64_t edges = w ^ (w << 1 | last); edges != 0; edges &= edges - 1) {
            const size_t edge = at + (size_t)__builtin_ctzll(edges);
            if (inside)
                add_word(s, wordhash_ascii(p + from, edge - from, p + n));
            inside = !inside;
            from = edge;
        }
        last = w >> 63;
    }
    if (inside)
        add_word(s, wordhash_ascii(p + from, n - from, p + n));
}

/* `both` marks word and non-ASCII bytes, `high` the latter. */
static void scan(struct shingler *s, const unsigned char *p, size_t n, const uint64_t *both,
                 const uint64_t *high)
{
    for (size_t at = next_set(both, 0, n); at < n; at = next_set(both, at, n)) {
        const size_t end = next_clear(both, at, n);
        const size_t first = next_set(high, at, end);
        if (first < end) { /* not all ASCII */
            at = scan_unicode(s, p, n, at);
            continue;
        }
        add_word(s, wordhash_ascii(p + at, end - at, p + n));
        at = end;
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
    const unsigned char *p = (const unsigned char *)piece.data;
    if (blocks == 0)
        return;
    s->masks = vec_reserve(s->masks, &s->mask_cap, 2 * blocks, sizeof *s->masks);
    uint64_t *both = s->masks, *high = s->masks + blocks, any_high = 0;
    s->kernel->run(p, piece.len, both, high);
    for (size_t i = 0; i < blocks; i++) {
        both[i] |= high[i];
        any_high |= high[i];
    }
    if (s->characters != 0)
        end_characters(s);
    if (any_high == 0)
        scan_ascii(s, p, piece.len, both);
    else
        scan(s, p, piece.len, both, high);
    if (s->n == 0 && s->run == 0 && s->characters == 0)
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
    const bool any = s->n > 0 || s->run > 0 || s->characters > 0;
    if (!any || output->heads < 2 || output->short_head)
        return false;
    add_word(s, output->head[0]);
    add_word(s, output->head[1]);
    s->run = 0; /* what follows is in `output` */
    return true;
}
