#include "model/tokenizer/parts.h"

#include "core/mem.h"

#include <string.h>

/* White space in the sense of Rust's char::is_whitespace, from the front or the back. */
static size_t space_front(struct slice s)
{
    size_t i = 0;
    while (i < s.len) {
        uint32_t c;
        size_t n = char_decode(s.data + i, &c);
        if ((class_of(c) & CLASS_SPACE) == 0)
            break;
        i += n;
    }
    return i;
}

static size_t space_back(struct slice s, size_t floor)
{
    size_t end = s.len;
    while (end > floor) {
        size_t i = end - 1;
        uint32_t c;
        while (i > floor && ((unsigned char)s.data[i] & 0xC0) == 0x80)
            i--;
        char_decode(s.data + i, &c);
        if ((class_of(c) & CLASS_SPACE) == 0)
            break;
        end = i;
    }
    return end;
}

static bool apply_strip(const struct normalizer *n, const struct aligned *in,
                        struct aligned_out *out)
{
    size_t from = n->left ? space_front(in->text) : 0;
    size_t to = n->right ? space_back(in->text, from) : in->text.len;
    if (from == 0 && to == in->text.len)
        return false;
    aligned_copy(out, in, from, to);
    return true;
}

static bool apply_prepend(const struct normalizer *n, const struct aligned *in,
                          struct normalize_call how, struct aligned_out *out)
{
    struct slice text = buf_view(&n->text);
    if (in->text.len == 0 || how.inner)
        return false;
    if (n->kind == NORMALIZE_PREFIX &&
        ((n->first_only && !how.first) ||
         (in->text.len >= text.len && memcmp(in->text.data, text.data, text.len) == 0)))
        return false;
    aligned_emit(out, text.data, text.len, aligned_range(in, 0, 0));
    aligned_copy(out, in, 0, in->text.len);
    return true;
}

/* The next place of the pattern at or behind `at`; s.len when there is none. */
static size_t find_from(struct slice s, size_t at, struct slice pattern)
{
    while (at + pattern.len <= s.len) {
        const char *p = memchr(s.data + at, pattern.data[0], s.len - pattern.len - at + 1);
        if (p == NULL)
            break;
        if (memcmp(p, pattern.data, pattern.len) == 0)
            return (size_t)(p - s.data);
        at = (size_t)(p - s.data) + 1;
    }
    return s.len;
}

static bool apply_replace(const struct normalizer *n, const struct aligned *in,
                          struct aligned_out *out)
{
    struct slice pattern = buf_view(&n->pattern);
    size_t at = 0, hit = find_from(in->text, 0, pattern);
    if (hit == in->text.len)
        return false;
    while (hit < in->text.len) {
        aligned_copy(out, in, at, hit);
        aligned_emit(out, buf_text(&n->text), n->text.len,
                     aligned_range(in, hit, hit + pattern.len));
        at = hit + pattern.len;
        hit = find_from(in->text, at, pattern);
    }
    aligned_copy(out, in, at, in->text.len);
    return true;
}

/* 1 changed, 0 not, -1 failure. */
static int apply_regex(const struct normalizer *n, const struct aligned *in,
                       struct aligned_out *out, struct error *error)
{
    struct regex_match *m = regex_match_new(n->regex);
    size_t at = 0, from = 0;
    int found;
    while ((found = regex_find_valid(n->regex, in->text, from, m, error)) == 1) {
        size_t b, e;
        if (regex_group(m, 0, &b, &e) == 0)
            break;
        if (e == b) { /* an empty match replaces nothing */
            if (e == in->text.len)
                break;
            from = e + char_len((unsigned char)in->text.data[e]);
            continue;
        }
        aligned_copy(out, in, at, b);
        aligned_emit(out, buf_text(&n->text), n->text.len, aligned_range(in, b, e));
        at = from = e;
    }
    regex_match_free(m);
    if (found < 0)
        return -1;
    if (at == 0)
        return 0;
    aligned_copy(out, in, at, in->text.len);
    return 1;
}

static int apply_one(const struct normalizer *n, const struct aligned *in,
                     struct normalize_call how, struct buf *unit, struct aligned_out *out,
                     struct error *error)
{
    switch (n->kind) {
    case NORMALIZE_NFC:
    case NORMALIZE_NFD:
    case NORMALIZE_NFKC:
    case NORMALIZE_NFKD: return normalize_unicode_form(n->kind, in, unit, out);
    case NORMALIZE_LOWERCASE: return normalize_lowercase(in, out);
    case NORMALIZE_STRIP: return apply_strip(n, in, out);
    case NORMALIZE_STRIP_ACCENTS: return normalize_strip_accents(in, n->nonspacing, out);
    case NORMALIZE_PREPEND:
    case NORMALIZE_PREFIX: return apply_prepend(n, in, how, out);
    case NORMALIZE_REPLACE: return apply_replace(n, in, out);
    case NORMALIZE_REPLACE_REGEX: return apply_regex(n, in, out, error);
    case NORMALIZE_BERT: return normalize_bert_clean(in, n->chinese, n->clean, out);
    }
    return 0;
}

int normalizers_apply(const struct normalizers *n, struct aligned in, struct normalize_call how,
                      struct normalize_scratch *s, struct aligned *out, struct error *error)
{
    size_t turn = 0;
    if (s->unit.max == 0)
        s->unit = BUF;
    for (size_t i = 0; i < n->n; i++) {
        struct aligned_out *o = &s->out[turn];
        int changed;
        aligned_begin(o, how.mapped);
        changed = apply_one(&n->steps[i], &in, how, &s->unit, o, error);
        if (changed < 0)
            return -1;
        if (o->text.full)
            return error_set(error, ERROR_LIMIT, "text: longer than 1 GB once normalised");
        if (changed == 0)
            continue;
        in = aligned_view(o);
        turn = 1 - turn;
    }
    *out = in;
    return 0;
}

void normalizers_free(struct normalizers *n)
{
    for (size_t i = 0; i < n->n; i++) {
        buf_free(&n->steps[i].text);
        buf_free(&n->steps[i].pattern);
        regex_free(n->steps[i].regex);
    }
    n->n = 0;
}
