#include "filter/special.h"

#include "filter/letters.h"
#include "filter/tokens.h"
#include "filter/wordhash.h"

#include <pthread.h>
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

/* Each word stands in one of two slots, so that looking one up takes no branch; no word has the hash
 * 0. */
enum { SLOTS = 512, TURNS = 64 };
static uint64_t hashes[SLOTS];
static unsigned char kinds[SLOTS];
static pthread_once_t made = PTHREAD_ONCE_INIT;

static inline size_t first_slot(uint64_t hash)
{
    return (size_t)(hash >> 32) % SLOTS;
}

static inline size_t second_slot(uint64_t hash)
{
    return (size_t)(hash >> 48) % SLOTS;
}

static uint64_t hash_of(const char *word)
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

static size_t lost;

/* Whoever stood in the slot goes to its other one. */
static void settle(uint64_t hash, unsigned char kind)
{
    size_t k = first_slot(hash);
    for (int turn = 0; hash != 0 && turn < TURNS; turn++) {
        const uint64_t was = hashes[k];
        const unsigned char was_kind = kinds[k];
        hashes[k] = hash;
        kinds[k] = kind;
        k = k == first_slot(was) ? second_slot(was) : first_slot(was);
        hash = was;
        kind = was_kind;
    }
    lost += hash != 0;
}

static void learn(const char *const *words, unsigned kind)
{
    for (; *words != NULL; words++) {
        const uint64_t hash = hash_of(*words);
        const unsigned known = special_kind(hash);
        const size_t k = hashes[first_slot(hash)] == hash ? first_slot(hash) : second_slot(hash);
        if (known != 0)
            kinds[k] = (unsigned char)(known | kind);
        else
            settle(hash, (unsigned char)(SPECIAL_KNOWN | kind));
    }
}

static void make(void)
{
    learn(negations, TOKEN_NEGATION);
    learn(number_words, TOKEN_NUMBER_WORD);
    learn(function_words, 0);
}

void special_make(void)
{
    pthread_once(&made, make);
}

size_t special_lost(void)
{
    special_make();
    return lost;
}

unsigned special_kind(uint64_t hash)
{
    const size_t a = first_slot(hash), b = second_slot(hash);
    return (hashes[a] == hash ? kinds[a] : 0U) | (hashes[b] == hash ? kinds[b] : 0U);
}
