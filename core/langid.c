#include "core/langid.h"

#include "core/langid_tables.h"

#include <pthread.h>
#include <string.h>

enum {
    MAX_WORDS = 60,
    MAX_LETTERS = 400,
    TABLE = 4096,   /* slots for words, a power of two */
    MARKS = 512,    /* slots for letters */
    LANGUAGES = 64, /* bits of a mask */
    SCRIPTS = 32,
    WIDE = 3, /* a Han character, kana or Hangul syllable says as much as three letters */
};

static struct word_entry {
    uint64_t hash, languages;
} words_of[TABLE];

static struct mark_entry {
    uint32_t code;
    uint64_t languages;
} marks_of[MARKS];

/* The first entry of langid_scripts with the same language: where its letters are counted. */
static unsigned char group_of[SCRIPTS];
static size_t group_zh, group_ja, group_ko;

static const char *codes[LANGUAGES + SCRIPTS + 1];
static pthread_once_t made = PTHREAD_ONCE_INIT;

static struct word_entry *word_slot(uint64_t hash)
{
    size_t k = (size_t)(hash >> 40) & (TABLE - 1);
    while (words_of[k].languages != 0 && words_of[k].hash != hash)
        k = (k + 1) & (TABLE - 1);
    return &words_of[k];
}

static struct mark_entry *mark_slot(uint32_t code)
{
    size_t k = (size_t)(code * UINT32_C(2654435761) >> 16) & (MARKS - 1);
    while (marks_of[k].languages != 0 && marks_of[k].code != code)
        k = (k + 1) & (MARKS - 1);
    return &marks_of[k];
}

static size_t own_script(uint32_t c)
{
    size_t i = 0;
    while (i < langid_scripts_n && (c < langid_scripts[i].first || c > langid_scripts[i].last))
        i++;
    return i;
}

static bool word_code(uint32_t c)
{
    if (c < 0x80)
        return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
    return unicode_is_letter(c) || unicode_is_mark(c);
}

/* What was met in one word: its hash over lower-case code points, its script, telling letters. */
struct word {
    uint64_t hash, marks[4];
    size_t letters, n_marks;
    enum unicode_script script;
};

/* Take the word that starts at *at, which moves behind it. */
static void take_word(struct slice s, size_t *at, struct word *w)
{
    *w = (struct word){.hash = 0x9E3779B97F4A7C15U};
    while (*at < s.len) {
        uint32_t c = (unsigned char)s.data[*at];
        const size_t n = c < 0x80 ? 1 : utf8_decode(s.data + *at, s.len - *at, &c);
        if (n == 0 || (c >= 0x370 && own_script(c) < langid_scripts_n) ||
            !(word_code(c) || (c == '\'' && w->letters > 0 && w->letters < 4)))
            break;
        c = c < 0x80 ? c | 0x20 : unicode_to_lower(c);
        if (c == ('\'' | 0x20))
            c = '\'';
        w->hash = (w->hash ^ c) * UINT64_C(0x100000001B3);
        w->hash ^= w->hash >> 29;
        if (w->script == SCRIPT_COMMON)
            w->script = c < 0x80 ? SCRIPT_LATIN : unicode_script(c);
        if (c >= 0x80 && w->n_marks < 4) {
            const uint64_t marks = mark_slot(c)->languages;
            w->marks[w->n_marks] = marks;
            w->n_marks += marks != 0;
        }
        w->letters++;
        *at += n;
    }
}

static void make_language(size_t l)
{
    const struct slice words = slice_of(langid_languages[l].words),
                       letters = slice_of(langid_languages[l].letters);
    struct word w;
    for (size_t at = 0; at < words.len; at++) {
        take_word(words, &at, &w);
        struct word_entry *e = word_slot(w.hash);
        e->hash = w.hash;
        e->languages |= UINT64_C(1) << l;
    }
    for (size_t at = 0, n; at < letters.len; at += n) {
        uint32_t c = 0;
        n = utf8_decode(letters.data + at, letters.len - at, &c);
        struct mark_entry *e = mark_slot(c);
        e->code = c;
        e->languages |= UINT64_C(1) << l;
    }
}

static size_t group_named(const char *code)
{
    size_t i = 0;
    while (strcmp(langid_scripts[i].code, code) != 0)
        i++;
    return i;
}

static void make(void)
{
    size_t n = 0;
    for (size_t l = 0; l < langid_languages_n; l++) {
        codes[n++] = langid_languages[l].code;
        make_language(l);
    }
    for (size_t i = 0; i < langid_scripts_n; i++) {
        const bool more = i > 0 && strcmp(langid_scripts[i].code, langid_scripts[i - 1].code) == 0;
        group_of[i] = more ? group_of[i - 1] : (unsigned char)i;
        if (!more)
            codes[n++] = langid_scripts[i].code;
    }
    group_zh = group_named("zh");
    group_ja = group_named("ja");
    group_ko = group_named("ko");
}

const char *const *langid_codes(void)
{
    pthread_once(&made, make);
    return codes;
}

const char *langid_name(const char *code)
{
    for (size_t l = 0; l < langid_languages_n; l++)
        if (strcmp(langid_languages[l].code, code) == 0)
            return langid_languages[l].name;
    for (size_t i = 0; i < langid_scripts_n; i++)
        if (strcmp(langid_scripts[i].code, code) == 0)
            return langid_scripts[i].name;
    return NULL;
}

/* ---- counting */

struct count {
    size_t words, letters;
    size_t shared[SCRIPT_OTHER + 1]; /* letters of the scripts that several languages use */
    size_t own[SCRIPTS];             /* letters of langid_scripts */
    double score[LANGUAGES];
};

/* A word or letter of many languages speaks for each of them a little. */
static void speak(struct count *k, uint64_t languages, double weight)
{
    const int many = __builtin_popcountll(languages);
    weight *= many == 1 ? 1.0 : many == 2 ? 0.6 : 0.4;
    for (uint64_t bits = languages; bits != 0; bits &= bits - 1)
        k->score[__builtin_ctzll(bits)] += weight;
}

static void count_word(struct count *k, const struct word *w)
{
    k->words++;
    k->shared[w->script] += w->letters;
    k->letters += w->letters;
    speak(k, word_slot(w->hash)->languages, 1.0);
    for (size_t i = 0; i < w->n_marks; i++)
        speak(k, w->marks[i], 0.5);
}

static void count_text(struct count *k, struct slice s)
{
    size_t at = 0;
    while (at < s.len && k->words < MAX_WORDS && k->letters < MAX_LETTERS) {
        uint32_t c = (unsigned char)s.data[at];
        struct word w;
        const size_t n = c < 0x80 ? 1 : utf8_decode(s.data + at, s.len - at, &c);
        if (n == 0 || !word_code(c)) {
            at += n > 0 ? n : 1;
            continue;
        }
        const size_t own = c < 0x370 ? langid_scripts_n : own_script(c);
        if (own < langid_scripts_n) {
            k->own[group_of[own]]++;
            k->letters++;
            at += n;
            continue;
        }
        take_word(s, &at, &w);
        count_word(k, &w);
    }
}

/* The language whose own script holds most of the text; Han counts as Japanese beside kana. */
static const char *by_script(const struct count *k, double *share)
{
    const size_t kana = k->own[group_ja], han = k->own[group_zh];
    const bool japanese = kana > 0 && kana * 8 >= kana + han;
    for (size_t i = 0; i < langid_scripts_n; i++) {
        size_t n = k->own[i];
        if (n == 0 || (i == group_zh && japanese) || (i == group_ja && !japanese))
            continue;
        if (i == group_ja)
            n += han;
        const size_t weight = i == group_zh || i == group_ja || i == group_ko ? WIDE : 1;
        if (n * weight > k->letters - n) {
            *share = (double)n / (double)k->letters;
            return langid_scripts[i].code;
        }
    }
    return NULL;
}

/* The two best languages of the script that most of the other letters are of. */
static void by_words(const struct count *k, size_t *best, double *second)
{
    enum unicode_script script = SCRIPT_LATIN;
    for (size_t i = 0; i <= SCRIPT_OTHER; i++)
        if (k->shared[i] > k->shared[script])
            script = (enum unicode_script)i;
    *best = langid_languages_n;
    *second = 0;
    for (size_t l = 0; l < langid_languages_n; l++) {
        if (langid_languages[l].script != script)
            continue;
        if (*best == langid_languages_n) {
            *best = l;
        } else if (k->score[l] > k->score[*best]) {
            *second = k->score[*best];
            *best = l;
        } else if (k->score[l] > *second) {
            *second = k->score[l];
        }
    }
}

struct langid langid_of(struct slice text)
{
    struct count k = {0};
    struct langid l = {.code = NULL, .guess = ""};
    size_t best;
    double second;
    pthread_once(&made, make);
    count_text(&k, text);
    l.letters = k.letters;
    l.latin = k.shared[SCRIPT_LATIN];
    l.han = k.own[group_zh] + k.own[group_ja];
    l.other = k.letters - l.latin - l.han;
    if (k.letters == 0)
        return l;
    if ((l.code = by_script(&k, &l.share)) != NULL) {
        l.guess = l.code;
        return l;
    }
    by_words(&k, &best, &second);
    if (best == langid_languages_n || k.words == 0)
        return l;
    l.guess = langid_languages[best].code;
    l.share = k.score[best] / (double)k.words;
    if (k.score[best] >= 1.5 && l.share >= 0.12 && k.score[best] > 1.15 * second)
        l.code = l.guess;
    return l;
}

/* The most frequent words, as the four bytes behind a blank. */
static bool english_word(uint32_t v)
{
    v |= 0x20202020;
    switch (v) {
    case 0x20656874:              /* "the " */
    case 0x20646E61:              /* "and " */
    case 0x20726F66:              /* "for " */
    case 0x20756F79:              /* "you " */
    case 0x68746977:              /* "with" */
    case 0x74616874:              /* "that" */
    case 0x73696874:              /* "this" */
    case 0x72756F79:              /* "your" */
    case 0x74616877:              /* "what" */
    case 0x6D6F7266: return true; /* "from" */
    default: break;
    }
    switch (v & 0xFFFFFF) {
    case 0x20666F:              /* "of " */
    case 0x206F74:              /* "to " */
    case 0x207369: return true; /* "is " */
    default: return false;
    }
}

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* What langid_plain counts. */
struct glance {
    size_t words, common; /* blanks; those before one of the most frequent English words */
    size_t high, han;     /* bytes that are not ASCII; lead bytes of the common Han characters */
};

/* The byte at p; four more may be read where `whole`. */
static void glance_at(struct glance *g, const unsigned char *p, bool whole)
{
    uint32_t v;
    g->high += *p >= 0x80;
    g->han += (unsigned char)(*p - 0xE4) <= 5;
    if (!whole || *p != ' ')
        return;
    memcpy(&v, p + 1, 4);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap32(v);
#endif
    g->words++;
    g->common += english_word(v);
}

enum langid_plain langid_plain(struct slice text)
{
    const unsigned char *p = (const unsigned char *)text.data;
    const size_t n = text.len < 240 ? text.len : 240;
    struct glance g = {0, 0, 0, 0};
    size_t i = 0;
    for (; i + 12 <= n; i += 8) {
        uint64_t v;
        memcpy(&v, p + i, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        v = __builtin_bswap64(v);
#endif
        const uint64_t other = v ^ EACH(' '); /* 0 where a blank is */
        uint64_t look = ~(((other & EACH(0x7F)) + EACH(0x7F)) | other | EACH(0x7F));
        look |= v & EACH(0x80);
        for (; look != 0; look &= look - 1)
            glance_at(&g, p + i + (size_t)__builtin_ctzll(look) / 8, true);
    }
    for (; i < n; i++)
        glance_at(&g, p + i, i + 5 <= n);
    if (16 * g.high > n)
        return 4 * g.han > n ? LANGID_HAN : LANGID_UNSURE;
    return g.common >= 2 && 10 * g.common >= g.words ? LANGID_ENGLISH : LANGID_UNSURE;
}
