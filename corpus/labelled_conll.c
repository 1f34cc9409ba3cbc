/* CoNLL: a word a line, columns apart by blanks, the tag in the last; a blank line ends a sentence;
 * -DOCSTART- lines are not words. */
#include "corpus/labelled.h"

#include "core/mem.h"
#include "core/vec.h"

#include <string.h>

enum { WORDS_MAX = 1 << 16 };

/* The sentence being read. */
struct sentence {
    struct labelled_word *words;
    size_t n, cap;
};

static void end_sentence(struct labelled_set *s, struct sentence *t)
{
    struct labelled_word *words;
    struct labelled *x;
    if (t->n == 0)
        return;
    words = arena_alloc(&s->arena, t->n * sizeof *words);
    memcpy(words, t->words, t->n * sizeof *words);
    x = labelled_add(s);
    x->words = words;
    x->n_words = t->n;
    t->n = 0;
}

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The first and the last column; false where there is only one. */
static bool cut(struct slice line, struct slice *word, struct slice *tag)
{
    size_t first = 0, last;
    line = slice_trim(line);
    while (first < line.len && !blank(line.data[first]))
        first++;
    *word = slice_sub(line, 0, first);
    last = line.len;
    while (last > 0 && !blank(line.data[last - 1]))
        last--;
    *tag = slice_sub(line, last, line.len);
    return last > first;
}

/* "O", or one of B- I- E- S- L- U- and a type. */
static bool is_tag(struct slice tag)
{
    if (slice_is(tag, "O"))
        return true;
    return tag.len > 2 && tag.data[1] == '-' && strchr("BIESLU", tag.data[0]) != NULL &&
           tag.data[0] != 0;
}

static int add_word(struct labelled_set *s, struct sentence *t, struct slice line,
                    struct error *error)
{
    struct slice word, tag;
    int32_t number;
    if (!cut(line, &word, &tag))
        return error_set(error, ERROR_INPUT, "\"%.*s\" has no tag",
                         (int)(word.len < 60 ? word.len : 60), word.data);
    if (slice_is(word, "-DOCSTART-"))
        return 0;
    if (!is_tag(tag))
        return error_set(error, ERROR_INPUT,
                         "\"%.*s\" is no tag: expected O, or B-, I-, E- or S- and a type",
                         (int)(tag.len < 60 ? tag.len : 60), tag.data);
    number = labelled_label(s, tag);
    if (number < 0)
        return error_set(error, ERROR_INPUT, "tag \"%.*s\" is none of train.encoder.labels",
                         (int)(tag.len < 60 ? tag.len : 60), tag.data);
    if (t->n == WORDS_MAX)
        return error_set(error, ERROR_LIMIT, "a sentence of more than %d words", WORDS_MAX);
    t->words = vec_reserve(t->words, &t->cap, t->n + 1, sizeof *t->words);
    t->words[t->n++] = (struct labelled_word){arena_copy(&s->arena, word), number};
    return 0;
}

int labelled_conll(struct labelled_set *s, struct slice text, const char *where,
                   struct error *error)
{
    struct sentence t = {NULL, 0, 0};
    unsigned long number = 0;
    int status = 0;
    while (text.len > 0 && status == 0) {
        const char *end = memchr(text.data, '\n', text.len);
        const size_t n = end != NULL ? (size_t)(end - text.data) : text.len;
        const struct slice line = slice_sub(text, 0, n);
        number++;
        if (slice_trim(line).len == 0)
            end_sentence(s, &t);
        else
            status = add_word(s, &t, line, error);
        text = slice_sub(text, n + (end != NULL), text.len);
    }
    end_sentence(s, &t);
    mem_free(t.words);
    return status == 0 ? 0 : error_wrap(error, "%s:%lu", where, number);
}
