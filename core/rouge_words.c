/* The words of ROUGE-L. */
#include "core/rouge.h"

#include "core/hash.h"
#include "core/mem.h"
#include "core/unicode.h"
#include "core/vec.h"

struct words {
    uint64_t *hash;
    size_t n, cap;
};

static bool stands_alone(uint32_t c)
{
    enum unicode_script s = unicode_script(c);
    return s == SCRIPT_HAN || s == SCRIPT_HIRAGANA || s == SCRIPT_KATAKANA;
}

static void add_word(struct words *w, const char *text, size_t len)
{
    if (!len || w->n == ROUGE_WORDS_MAX)
        return;
    w->hash = vec_reserve(w->hash, &w->cap, w->n + 1, sizeof *w->hash);
    w->hash[w->n++] = hash64(text, len, 0);
}

static void split(struct slice text, struct words *w)
{
    struct buf lower = BUF;
    size_t begin = 0;
    *w = (struct words){NULL, 0, 0};
    unicode_lower(text, &lower);
    for (size_t i = 0; i < lower.len;) {
        uint32_t c = ' ';
        size_t n = utf8_decode(lower.data + i, lower.len - i, &c);
        bool part = n && (unicode_is_letter(c) || unicode_is_number(c) || unicode_is_mark(c));
        n = n ? n : 1;
        if (part && !stands_alone(c)) {
            i += n;
            continue;
        }
        add_word(w, lower.data + begin, i - begin);
        if (part)
            add_word(w, lower.data + i, n);
        i += n;
        begin = i;
    }
    add_word(w, lower.data + begin, lower.len - begin);
    buf_free(&lower);
}

uint64_t *rouge_words(struct slice text, size_t *n)
{
    struct words w;
    split(text, &w);
    *n = w.n;
    return w.hash;
}

size_t rouge_word_count(struct slice text)
{
    size_t n;
    mem_free(rouge_words(text, &n));
    return n;
}
