#include "filter/tokens.h"

#include "core/mem.h"
#include "core/vec.h"
#include "filter/bits.h"
#include "filter/kernels/words.h"
#include "filter/letters.h"
#include "filter/special.h"
#include "filter/wordhash.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

/* What an ASCII byte is to a token. */
enum {
    UPPER = 1,
    BEFORE = 2, /* may stand between the start of a sentence and its first word */
    STOP = 4,   /* ends a sentence, a line, or opens an entry */
};

enum {
    PART = 252,  /* bytes of a longer word that are hashed by themselves */
    CHUNK = 2048 /* bytes of text looked at in one go */
};

static unsigned char classes[256];
static pthread_once_t made = PTHREAD_ONCE_INIT;

static void make(void)
{
    for (unsigned c = 'A'; c <= 'Z'; c++)
        classes[c] = UPPER;
    for (const char *p = " \"'(*_#>"; *p != '\0'; p++)
        classes[(unsigned char)*p] = BEFORE;
    for (const char *p = ".!?:;\n\r\t-"; *p != '\0'; p++)
        classes[(unsigned char)*p] = STOP;
    classes[0] = STOP;
    for (unsigned c = 0x80; c < 256; c++)
        classes[c] = STOP;
    special_make();
}

void tokens_release(struct tokens *t)
{
    mem_free(t->items);
    *t = (struct tokens){NULL, 0, 0};
}

static inline void push(struct tokens *t, uint64_t hash, uint32_t kind, size_t from)
{
    if (t->n == t->cap)
        t->items = vec_reserve(t->items, &t->cap, t->n + 1, sizeof *t->items);
    t->items[t->n++] = (struct hashsort_pair){hash, kind, (uint32_t)from};
}

/* The text as code points. */
struct cursor {
    const unsigned char *p;
    size_t n, at;    /* of the code point under the cursor */
    size_t len;      /* its bytes */
    uint32_t letter; /* what it is; 0 for an invalid byte */
};

static bool look(struct cursor *c)
{
    uint32_t code = 0;
    if (c->at >= c->n)
        return false;
    c->len = letters_decode(c->p + c->at, c->p + c->n, &code);
    c->letter = c->len > 0 ? letters_of(code) : 0;
    c->len += c->len == 0;
    return true;
}

/* Does a sentence, line, quotation or list entry start here? */
static bool sentence_start(struct slice text, size_t at)
{
    const unsigned char *p = (const unsigned char *)text.data;
    while (at > 0 && (classes[p[at - 1]] & BEFORE))
        at--;
    return at == 0 || (classes[p[at - 1]] & STOP);
}

/* What the word alone says. */
static inline uint32_t kind_of(uint64_t hash, size_t letters)
{
    const unsigned special = special_kind(hash);
    const uint32_t content = (uint32_t)(special == 0) & (uint32_t)(letters >= 4);
    return (special & ~(unsigned)SPECIAL_KNOWN) | content * TOKEN_CONTENT;
}

static void add_word(struct tokens *t, struct slice text, struct cursor *c)
{
    unsigned char low[PART + 4];
    size_t n = 0, letters = 0, upper = 0;
    const size_t from = c->at;
    uint64_t before = 0;
    uint32_t kind = 0;
    bool first_upper = false;
    do {
        uint32_t code = c->letter & LETTER_CODE;
        if (letters == 0)
            first_upper = (c->letter & LETTER_UPPER) != 0;
        letters++;
        upper += (c->letter & LETTER_UPPER) != 0;
        kind |= c->letter & LETTER_NUMBER ? TOKEN_NUMBER : 0U;
        if (code < 0x80) {
            low[n++] = (unsigned char)(code | 0x20);
        } else {
            struct {
                unsigned char b[4];
            } u;
            const size_t k = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
            for (size_t i = k; i-- > 1; code >>= 6)
                u.b[i] = (unsigned char)(0x80 | (code & 0x3F));
            u.b[0] = (unsigned char)((0xF00 >> k & 0xFF) | code);
            memcpy(low + n, u.b, k);
            n += k;
        }
        if (n >= PART) {
            before = wordhash_mix(before ^ wordhash_bytes(low, n));
            n = 0;
        }
        c->at += c->len;
    } while (look(c) && (c->letter & LETTER_WORD));
    const uint64_t h = before ^ (n > 0 ? wordhash_bytes(low, n) : 0);
    kind |= kind_of(h, letters);
    if (first_upper && (letters == 1 || upper < letters) && !sentence_start(text, from))
        kind |= TOKEN_NAME;
    push(t, h, kind, from);
}

static void push_character(struct tokens *t, uint32_t code, size_t at)
{
    const uint64_t h = wordhash_characters(code, 0);
    const uint32_t kind = special_kind(h) & ~(unsigned)SPECIAL_KNOWN;
    push(t, h, kind != 0 ? kind : TOKEN_CONTENT, at);
}

static void add_character(struct tokens *t, struct cursor *c)
{
    push_character(t, c->letter & LETTER_CODE, c->at);
    c->at += c->len;
    for (; letters_han(c->p + c->at, c->p + c->n); c->at += 3) /* the rest of its run, mostly */
        push_character(t, letters_han_code(c->p + c->at), c->at);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static bool operand(char c, char bracket)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == bracket ||
           (unsigned char)c >= 0x80;
}

/* An operator has an operand on each side; '-', '/' and '*' mean other things in prose, so they
 * need space on both sides or digits on both. */
static bool is_operator(struct slice text, size_t at, size_t len)
{
    size_t l = at, r = at + len;
    while (l > 0 && is_space(text.data[l - 1]))
        l--;
    while (r < text.len && is_space(text.data[r]))
        r++;
    if (l == 0 || r >= text.len || !operand(text.data[l - 1], ')') || !operand(text.data[r], '('))
        return false;
    if (strchr("-/*", text.data[at]) == NULL || len > 1)
        return true;
    if (l < at && r > at + 1)
        return true;
    return text.data[l - 1] >= '0' && text.data[l - 1] <= '9' && text.data[r] >= '0' &&
           text.data[r] <= '9' && l == at && r == at + 1;
}

static void add_other(struct tokens *t, struct slice text, struct cursor *c)
{
    const unsigned char first = c->p[c->at];
    const bool ascii = first < 0x80 && first != 0 && strchr("+-*/<>=^%", (int)first) != NULL;
    if ((ascii || (first >= 0x80 && (c->letter & LETTER_SYMBOL))) &&
        is_operator(text, c->at, c->len))
        push(t, wordhash_one(c->letter & LETTER_CODE), TOKEN_OPERATOR, c->at);
    c->at += c->len;
}

/* From `at`, where a byte is not ASCII or a word runs into one, up to the next ASCII byte that does
 * not go on with a word.  Returns the offset reached. */
static size_t add_unicode(struct tokens *t, struct slice text, size_t at)
{
    struct cursor c = {.p = (const unsigned char *)text.data, .n = text.len, .at = at};
    while ((c.at == at || (c.at < c.n && c.p[c.at] >= 0x80)) && look(&c)) {
        if (c.letter & LETTER_WORD)
            add_word(t, text, &c);
        else if (c.letter & LETTER_BIGRAM)
            add_character(t, &c);
        else
            add_other(t, text, &c);
    }
    return c.at;
}

/* A part of the text that cuts no word, and what its bytes are. */
struct chunk {
    struct slice text; /* all of it */
    size_t at;         /* where in it the chunk begins */
    uint64_t word[CHUNK / 64], high[CHUNK / 64], sign[CHUNK / 64];
    uint64_t digit[CHUNK / 64 + 1];
    uint32_t words[CHUNK + 2 + WORDS_SLACK], signs[CHUNK + 2 + WORDS_SLACK]; /* edges */
    uint64_t hashes[CHUNK / 2 + 1 + WORDS_SLACK];
};

static inline const unsigned char *bytes_of(const struct chunk *c)
{
    return (const unsigned char *)c->text.data + c->at;
}

/* Of a word that begins with a capital: is not all of it in capitals, and does no sentence start? */
static bool is_name(const struct chunk *c, size_t from, size_t to)
{
    const unsigned char *p = bytes_of(c);
    size_t i = from + 1;
    while (i < to && (classes[p[i]] & UPPER))
        i++;
    return (i < to || to - from == 1) && !sentence_start(c->text, c->at + from);
}

/* A word of ASCII bytes alone, as most are.  There are few branches: what words are, nothing
 * foretells. */
static void add_ascii_word(struct tokens *t, const struct chunk *c, size_t from, size_t to,
                           uint64_t hash)
{
    if (to - from >= PART) {
        (void)add_unicode(t, c->text, c->at + from);
        return;
    }
    const uint32_t number = bits_any(c->digit, from, to) ? TOKEN_NUMBER : 0;
    uint32_t kind = kind_of(hash, to - from) | number;
    if ((classes[bytes_of(c)[from]] & UPPER) && is_name(c, from, to))
        kind |= TOKEN_NAME;
    push(t, hash, kind, c->at + from);
}

/* The operators among the signs from run k on that come before a place; which run is the next. */
static size_t add_signs(struct tokens *t, const struct chunk *c, size_t k, size_t n, size_t before)
{
    for (; k < n && c->signs[2 * k] < before; k++)
        for (size_t at = c->signs[2 * k]; at < c->signs[2 * k + 1]; at++)
            if (is_operator(c->text, c->at + at, 1))
                push(t, wordhash_one(bytes_of(c)[at]), TOKEN_OPERATOR, c->at + at);
    return k;
}

/* The words and signs in [from, to) of the chunk, all ASCII. */
static void add_ascii(struct tokens *t, struct chunk *c, const struct words_kernel *kernel,
                      size_t from, size_t to)
{
    const size_t n = kernel->edges(c->word, from, to, c->words) / 2;
    const size_t n_signs = kernel->edges(c->sign, from, to, c->signs) / 2;
    size_t sign = 0;
    kernel->hashes(&(struct words){bytes_of(c), c->text.len - c->at, c->words, n}, c->hashes);
    for (size_t i = 0; i < n; i++) {
        const size_t start = c->words[2 * i];
        if (sign < n_signs && c->signs[2 * sign] < start)
            sign = add_signs(t, c, sign, n_signs, start);
        add_ascii_word(t, c, start, c->words[2 * i + 1], c->hashes[i]);
    }
    add_signs(t, c, sign, n_signs, to);
}

/* The next part of the text; its length, 0 where one word or run of other scripts fills it. */
static size_t next_chunk(struct chunk *c, const struct words_kernel *kernel)
{
    const size_t left = c->text.len - c->at, n = left < CHUNK ? left : CHUNK;
    kernel->masks(bytes_of(c), n, c->word, c->high);
    kernel->signs(bytes_of(c), n, c->digit, c->sign);
    for (size_t i = 0; i < (n + 63) / 64; i++)
        c->word[i] |= c->high[i];
    return n < left ? bits_after_clear(c->word, n) : n;
}

void tokens_add(struct tokens *t, struct slice text)
{
    const struct words_kernel *kernel = words_best();
    struct chunk c;
    pthread_once(&made, make);
    c.text = text;
    c.at = 0;
    while (c.at < text.len) {
        const size_t len = next_chunk(&c, kernel);
        if (len == 0)
            c.at = add_unicode(t, text, c.at);
        for (size_t at = 0; at < len;) {
            const size_t first = bits_next_set(c.high, at, len);
            size_t from = first < len ? bits_after_clear(c.word, first) : len;
            from = from > at ? from : at;
            if (at < from)
                add_ascii(t, &c, kernel, at, from);
            at = from < len ? add_unicode(t, text, c.at + from) - c.at : from;
        }
        c.at += len;
    }
}
