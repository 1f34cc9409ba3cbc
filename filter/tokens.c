#include "filter/tokens.h"

#include "core/mem.h"
#include "core/vec.h"
#include "filter/letters.h"
#include "filter/wordhash.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

/* Words that turn a statement round.  Contractions fall into two words at the apostrophe; the
 * half that carries the meaning stands here ("don", "isn"). */
static const char *const negations[] = {
    "not",     "no",     "never",   "none",   "nobody",  "nothing", "neither", "nor",    "cannot",
    "without", "isn",    "aren",    "wasn",   "weren",   "don",     "doesn",   "didn",   "won",
    "wouldn",  "couldn", "shouldn", "hasn",   "haven",   "hadn",    "non",     "except", "unless",
    "nicht",   "kein",   "keine",   "keinen", "nie",     "ohne",    "ne",      "pas",    "jamais",
    "sans",    "aucun",  "nunca",   "sin",    "ninguno", "jamás",   "não",     "sem",    "mai",
    "senza",   "не",     "нет",     "без",    "никогда", "ikke",    "inte",    "niet",   "geen",
    "nie",     "değil",  "لا",      "ليس",    "नहीं",     "不",      "没",      "沒",     "未",
    "无",      "無",     "非",      "别",     "ない",    "ません",  NULL,
};

static const char *const number_words[] = {
    "zero",      "two",      "three",    "four",    "five",     "six",      "seven",   "eight",
    "nine",      "ten",      "eleven",   "twelve",  "thirteen", "fourteen", "fifteen", "sixteen",
    "seventeen", "eighteen", "nineteen", "twenty",  "thirty",   "forty",    "fifty",   "sixty",
    "seventy",   "eighty",   "ninety",   "hundred", "thousand", "million",  "billion", "dozen",
    "half",      "twice",    "double",   "triple",  "second",   "third",    "fourth",  "fifth",
    "zwei",      "drei",     "vier",     "fünf",    "deux",     "trois",    "quatre",  "cinq",
    "dos",       "tres",     "cuatro",   "cinco",   "два",      "три",      "пять",    "десять",
    "二",        "三",       "四",       "五",      "六",       "七",       "八",      "九",
    "十",        "百",       "千",       "万",      "亿",       "两",       NULL,
};

/* Frequent words of four letters and more that no text is about. */
static const char *const function_words[] = {
    "this",   "that",    "with",      "from",  "your",  "what",  "which", "when",   "where",
    "there",  "here",    "have",      "does",  "will",  "would", "could", "should", "their",
    "they",   "them",    "these",     "those", "about", "into",  "than",  "then",   "some",
    "each",   "such",    "also",      "been",  "were",  "being", "make",  "give",   "tell",
    "please", "provide", "following", "using", "eine",  "einen", "nicht", "dass",   "dans",
    "avec",   "pour",    "para",      "como",  "este",  NULL,
};

struct special {
    uint64_t hash;
    uint32_t kind;
    bool taken;
};

enum { SPECIALS = 1024 };
static struct special specials[SPECIALS]; /* open addressing */
static pthread_once_t made = PTHREAD_ONCE_INIT;

static struct special *special_slot(uint64_t hash)
{
    size_t k = (size_t)(hash >> 32) % SPECIALS;
    while (specials[k].taken && specials[k].hash != hash)
        k = (k + 1) % SPECIALS;
    return &specials[k];
}

static uint64_t special_hash(const char *word)
{
    unsigned char low[64];
    size_t n = strlen(word);
    uint32_t code = 0;
    if ((unsigned char)word[0] >= 0x80 &&
        letters_decode((const unsigned char *)word, (const unsigned char *)word + n, &code) == n)
        return wordhash_characters(code, 0); /* one character of an unspaced script */
    for (size_t i = 0; i < n; i++)
        low[i] = (unsigned char)((unsigned char)word[i] < 0x80 ? word[i] | 0x20 : word[i]);
    return wordhash_bytes(low, n);
}

static void learn(const char *const *words, uint32_t kind)
{
    for (; *words != NULL; words++) {
        const uint64_t hash = special_hash(*words);
        struct special *s = special_slot(hash);
        *s = (struct special){hash, s->kind | kind, true};
    }
}

/* What an ASCII byte is to a token. */
enum { IN_WORD = 1, UPPER = 2, DIGIT = 4, SIGN = 8 };
static unsigned char classes[256]; /* made with the special words */

static void make_ascii(void)
{
    for (unsigned c = 0; c < 128; c++) {
        const uint32_t letter = letters_of(c);
        classes[c] = (unsigned char)((letter & LETTER_WORD ? IN_WORD : 0) |
                                     (letter & LETTER_UPPER ? UPPER : 0) |
                                     (letter & LETTER_NUMBER ? DIGIT : 0));
    }
    for (const char *p = "+-*/<>=^%"; *p != '\0'; p++)
        classes[(unsigned char)*p] |= SIGN;
}

static void make(void)
{
    make_ascii();
    learn(negations, TOKEN_NEGATION);
    learn(number_words, TOKEN_NUMBER_WORD);
    learn(function_words, 0);
}

/* -1: no special word. */
static int special_kind(uint64_t hash)
{
    const struct special *s = special_slot(hash);
    return s->taken ? (int)s->kind : -1;
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
    while (at > 0 && strchr(" \"'(*_#>", text.data[at - 1]) != NULL && text.data[at - 1] != '\0')
        at--;
    return at == 0 || strchr(".!?:;\n\r\t-", text.data[at - 1]) != NULL ||
           (unsigned char)text.data[at - 1] >= 0x80;
}

static void add_word(struct tokens *t, struct slice text, struct cursor *c)
{
    unsigned char low[256];
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
        if (n >= 252) {
            before = wordhash_mix(before ^ wordhash_bytes(low, n));
            n = 0;
        }
        c->at += c->len;
    } while (look(c) && (c->letter & LETTER_WORD));
    const uint64_t h = before ^ (n > 0 ? wordhash_bytes(low, n) : 0);
    const int special = special_kind(h);
    if (special > 0)
        kind |= (uint32_t)special;
    if (special < 0 && letters >= 4)
        kind |= TOKEN_CONTENT;
    if (first_upper && (letters == 1 || upper < letters) && !sentence_start(text, from))
        kind |= TOKEN_NAME;
    push(t, h, kind, from);
}

/* A word of ASCII bytes alone, as most are.  False: it is none, or a long one. */
static bool add_ascii_word(struct tokens *t, struct slice text, struct cursor *c)
{
    const unsigned char *p = c->p;
    const size_t from = c->at;
    size_t at = from;
    unsigned any = 0, upper = 0;
    for (; at < c->n && (classes[p[at]] & IN_WORD); at++) {
        any |= classes[p[at]];
        upper += (classes[p[at]] & UPPER) != 0;
    }
    const size_t letters = at - from;
    if (letters >= 252 || (at < c->n && p[at] >= 0x80))
        return false;
    const uint64_t h = wordhash_ascii(p + from, letters, p + c->n);
    const int special = special_kind(h);
    uint32_t kind = any & DIGIT ? TOKEN_NUMBER : 0U;
    if (special > 0)
        kind |= (uint32_t)special;
    if (special < 0 && letters >= 4)
        kind |= TOKEN_CONTENT;
    if ((classes[p[from]] & UPPER) && (letters == 1 || upper < letters) &&
        !sentence_start(text, from))
        kind |= TOKEN_NAME;
    push(t, h, kind, from);
    c->at = at;
    return true;
}

static void add_character(struct tokens *t, struct cursor *c)
{
    const uint64_t h = wordhash_characters(c->letter & LETTER_CODE, 0);
    const int special = special_kind(h);
    push(t, h, special > 0 ? (uint32_t)special : TOKEN_CONTENT, c->at);
    c->at += c->len;
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

void tokens_add(struct tokens *t, struct slice text)
{
    struct cursor c = {.p = (const unsigned char *)text.data, .n = text.len};
    pthread_once(&made, make);
    for (;;) {
        while (c.at < c.n && c.p[c.at] < 0x80 && (classes[c.p[c.at]] & (IN_WORD | SIGN)) == 0)
            c.at++; /* blanks and stops */
        if (c.at < c.n && (classes[c.p[c.at]] & IN_WORD) && add_ascii_word(t, text, &c))
            continue;
        if (!look(&c))
            return;
        if (c.letter & LETTER_WORD)
            add_word(t, text, &c);
        else if (c.letter & LETTER_BIGRAM)
            add_character(t, &c);
        else
            add_other(t, text, &c);
    }
}
