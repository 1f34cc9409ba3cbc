/*
 * Pre-tokenisers: a list of steps, each of which cuts the ranges that the one before left.  A
 * step finds the matches of its pattern and then does what its behaviour says with them.
 */
#include "model/tokenizer/parts.h"

#include "core/mem.h"
#include "core/vec.h"

#include <string.h>

static void word_push(struct word_list *w, size_t begin, size_t end)
{
    if (begin == end)
        return;
    w->words = vec_reserve(w->words, &w->cap, w->n + 1, sizeof *w->words);
    w->words[w->n++] = (struct word_range){(uint32_t)begin, (uint32_t)end};
}

static void part_push(struct split_scratch *s, size_t begin, size_t end, bool match)
{
    if (begin == end)
        return;
    s->parts = vec_reserve(s->parts, &s->parts_cap, s->parts_n + 1, sizeof *s->parts);
    s->parts[s->parts_n++] = (struct split_part){(uint32_t)begin, (uint32_t)end, match};
}

static void find_characters(unsigned class, struct slice text, struct word_range r,
                            struct split_scratch *s)
{
    size_t from = r.begin;
    for (size_t at = r.begin; at < r.end;) {
        uint32_t c;
        size_t n = char_decode(text.data + at, &c);
        if ((class_of(c) & class) != 0) {
            part_push(s, from, at, false);
            part_push(s, at, at + n, true);
            from = at + n;
        }
        at += n;
    }
    part_push(s, from, r.end, false);
}

static void find_literal(const struct splitter *sp, struct slice text, struct word_range r,
                         struct split_scratch *s)
{
    size_t from = r.begin, at = r.begin, len = sp->pattern.len;
    while (at + len <= r.end) {
        if (memcmp(text.data + at, sp->pattern.data, len) == 0) {
            part_push(s, from, at, false);
            part_push(s, at, at + len, true);
            at += len;
            from = at;
        } else {
            at++;
        }
    }
    part_push(s, from, r.end, false);
}

static void find_known(const struct splitter *sp, struct slice text, struct word_range r,
                       struct split_scratch *s)
{
    for (size_t at = r.begin; at < r.end;) {
        size_t n = sp->matcher(text.data + at, r.end - at);
        part_push(s, at, at + n, true);
        at += n;
    }
}

static int find_regex(const struct splitter *sp, struct slice text, struct word_range r,
                      struct split_scratch *s, struct regex_match *m, struct error *error)
{
    struct slice part = {text.data + r.begin, r.end - r.begin};
    size_t from = 0, at = 0;
    int found;
    while ((found = regex_find_valid(sp->regex, part, at, m, error)) == 1) {
        size_t b, e;
        if (regex_group(m, 0, &b, &e) == 0)
            break;
        part_push(s, r.begin + from, r.begin + b, false);
        part_push(s, r.begin + b, r.begin + e, true);
        from = at = e;
        if (e == b) {
            if (e >= part.len)
                break;
            at = e + char_len((unsigned char)part.data[e]);
        }
    }
    if (found < 0)
        return error_wrap(error, "splitting the text into words");
    part_push(s, r.begin + from, r.end, false);
    return 0;
}

static int find_parts(const struct splitter *sp, struct slice text, struct word_range r,
                      struct split_scratch *s, size_t step, struct error *error)
{
    s->parts_n = 0;
    switch (sp->kind) {
    case SPLIT_KNOWN: find_known(sp, text, r, s); break;
    case SPLIT_LITERAL: find_literal(sp, text, r, s); break;
    case SPLIT_DIGIT: find_characters(CLASS_NUMBER, text, r, s); break;
    case SPLIT_PUNCTUATION: find_characters(CLASS_PUNCTUATION, text, r, s); break;
    case SPLIT_SPACE: find_characters(CLASS_SPACE, text, r, s); break;
    case SPLIT_REGEX:
        if (s->matches[step] == NULL)
            s->matches[step] = regex_match_new(sp->regex);
        if (find_regex(sp, text, r, s, s->matches[step], error) != 0)
            return -1;
        break;
    }
    if (sp->invert)
        for (size_t i = 0; i < s->parts_n; i++)
            s->parts[i].match = !s->parts[i].match;
    return 0;
}

static void merge_previous(const struct split_part *p, size_t n, struct word_list *out)
{
    size_t first = out->n;
    bool before = false;
    for (size_t i = 0; i < n; i++) {
        if (p[i].match && !before && out->n > first)
            out->words[out->n - 1].end = p[i].end;
        else
            word_push(out, p[i].begin, p[i].end);
        before = p[i].match;
    }
}

static void merge_next(const struct split_part *p, size_t n, struct word_list *out)
{
    size_t begin = 0;
    bool held = false;
    for (size_t i = 0; i < n; i++) {
        /* of several matches in a row only the last goes with what follows */
        bool hold = p[i].match && i + 1 < n && !p[i + 1].match;
        if (hold) {
            begin = p[i].begin;
            held = true;
        } else {
            word_push(out, held ? begin : p[i].begin, p[i].end);
            held = false;
        }
    }
}

static void merge_contiguous(const struct split_part *p, size_t n, struct word_list *out)
{
    for (size_t i = 0; i < n;) {
        size_t j = i + 1;
        while (j < n && p[j].match == p[i].match)
            j++;
        word_push(out, p[i].begin, p[j - 1].end);
        i = j;
    }
}

static void put_parts(enum split_behavior behavior, const struct split_part *p, size_t n,
                      struct word_list *out)
{
    switch (behavior) {
    case SPLIT_REMOVED:
        for (size_t i = 0; i < n; i++)
            if (!p[i].match)
                word_push(out, p[i].begin, p[i].end);
        break;
    case SPLIT_ISOLATED:
        for (size_t i = 0; i < n; i++)
            word_push(out, p[i].begin, p[i].end);
        break;
    case SPLIT_MERGED_PREVIOUS: merge_previous(p, n, out); break;
    case SPLIT_MERGED_NEXT: merge_next(p, n, out); break;
    case SPLIT_CONTIGUOUS: merge_contiguous(p, n, out); break;
    }
}

/* The common case, a known pattern whose matches stand apart, without the list of parts. */
static void split_plain(const struct splitter *sp, struct slice text, struct word_range r,
                        struct word_list *out)
{
    for (size_t at = r.begin; at < r.end;) {
        size_t n = sp->matcher(text.data + at, r.end - at);
        word_push(out, at, at + n);
        at += n;
    }
}

int splitters_apply(const struct splitters *s, struct slice text, struct split_scratch *scratch,
                    const struct word_list **out, struct error *error)
{
    struct word_list *from = &scratch->lists[0], *to = &scratch->lists[1];
    from->n = 0;
    word_push(from, 0, text.len);
    for (size_t step = 0; step < s->n; step++) {
        const struct splitter *sp = &s->steps[step];
        struct word_list *swap = from;
        to->n = 0;
        for (size_t i = 0; i < from->n; i++) {
            if (sp->kind == SPLIT_KNOWN && sp->behavior == SPLIT_ISOLATED) {
                split_plain(sp, text, from->words[i], to);
                continue;
            }
            if (find_parts(sp, text, from->words[i], scratch, step, error) != 0)
                return -1;
            put_parts(sp->behavior, scratch->parts, scratch->parts_n, to);
        }
        from = to;
        to = swap;
    }
    *out = from;
    return 0;
}

void split_scratch_free(struct split_scratch *s)
{
    mem_free(s->lists[0].words);
    mem_free(s->lists[1].words);
    mem_free(s->parts);
    for (size_t i = 0; i < STEPS_MAX; i++)
        regex_match_free(s->matches[i]);
    *s = (struct split_scratch){0};
}

void splitters_free(struct splitters *s)
{
    for (size_t i = 0; i < s->n; i++) {
        regex_free(s->steps[i].regex);
        buf_free(&s->steps[i].pattern);
    }
    s->n = 0;
}
