/*
 * Text to ids: the way through the parts (parts.h draws it).
 */
#include "model/tokenizer/parts.h"

#include "core/mem.h"
#include "core/unicode.h"
#include "core/vec.h"
#include "model/tokenizer/cache.h"

#include <string.h>

/* One call of an encoder. */
struct call {
    const struct tokenizer *t;
    struct tokenizer_scratch *s;
    struct aligned text;
    const struct tokenizer_span *spans;
    size_t n_spans;
    unsigned parse; /* what any span allows */
    bool mixed;     /* spans differ in what they allow */
    bool ranges;
    size_t *starts;
    size_t started; /* spans whose start is known */
    struct tokens *out;
    struct error *error;
};

/* --- output ----------------------------------------------------------------------------- */

void tokens_clear(struct tokens *v)
{
    v->n = 0;
}

void tokens_free(struct tokens *v)
{
    mem_free(v->ids);
    mem_free(v->ranges);
    *v = TOKENS;
}

void tokens_push(struct tokens *v, int32_t id)
{
    if (v->n == v->cap)
        v->ids = vec_reserve(v->ids, &v->cap, v->n + 1, sizeof *v->ids);
    v->ids[v->n++] = id;
    if (v->ranges != NULL) {
        v->ranges = vec_reserve(v->ranges, &v->ranges_cap, v->n, sizeof *v->ranges);
        v->ranges[v->n - 1] = (struct token_range){0, 0};
    }
}

static void put(struct call *c, int32_t id, struct token_range from)
{
    tokens_push(c->out, id);
    if (c->ranges)
        c->out->ranges[c->out->n - 1] = from;
}

/* Empty ranges for the ids from `first` on: those that were written without. */
static void blank_ranges(struct tokens *v, size_t first)
{
    v->ranges = vec_reserve(v->ranges, &v->ranges_cap, v->n + 1, sizeof *v->ranges);
    for (size_t i = first; i < v->n; i++)
        v->ranges[i] = (struct token_range){0, 0};
}

/* Spans that begin at or before `at` start with the next id. */
static void note_starts(struct call *c, size_t at)
{
    while (c->started < c->n_spans && c->spans[c->started].begin <= at) {
        if (c->starts != NULL)
            c->starts[c->started] = c->out->n;
        c->started++;
    }
}

/* --- which literals count, and where ---------------------------------------------------- */

static unsigned flag_of(const struct added_token *token)
{
    return token->special ? TOKENIZER_PARSE_SPECIAL : TOKENIZER_PARSE_ADDED;
}

/* Of text as it is written: a token to be found in normalised text counts here only where the
 * spans say so. */
static unsigned written_flags(const struct added_token *token)
{
    return flag_of(token) | (token->normalized ? (unsigned)TOKENIZER_LITERAL : 0);
}

/* The span that holds the byte at `at`. */
static size_t span_at(const struct call *c, size_t at)
{
    size_t low = 0, high = c->n_spans;
    while (low + 1 < high) {
        size_t middle = (low + high) / 2;
        if (c->spans[middle].begin <= at)
            low = middle;
        else
            high = middle;
    }
    while (low + 1 < c->n_spans && c->spans[low].end <= at)
        low++;
    return low;
}

static enum gate gate_flags(const struct call *c, unsigned flags, size_t begin, size_t end)
{
    if ((c->parse & flags) != flags)
        return GATE_PASS;
    if (c->n_spans == 1)
        return GATE_OPEN;
    for (size_t i = span_at(c, begin); i < c->n_spans && c->spans[i].begin < end; i++)
        if ((c->spans[i].parse & flags) != flags || (c->spans[i].cut && c->spans[i].begin > begin))
            return GATE_SHUT;
    return GATE_OPEN;
}

static enum gate gate_plain(const void *context, const struct added_token *token, size_t begin,
                            size_t end)
{
    return gate_flags(context, written_flags(token), begin, end);
}

static size_t cut_before(const void *context, size_t at)
{
    const struct call *c = context;
    for (size_t i = c->n_spans; i-- > 0;)
        if (c->spans[i].cut && c->spans[i].begin <= at)
            return c->spans[i].begin;
    return 0;
}

static size_t cut_behind(const void *context, size_t at)
{
    const struct call *c = context;
    for (size_t i = 0; i < c->n_spans; i++)
        if (c->spans[i].cut && c->spans[i].begin >= at)
            return c->spans[i].begin;
    return c->text.text.len;
}

/* In normalised text, within one part between cuts: by the origin of the bytes. */
struct inner_gate {
    const struct call *call;
    const struct aligned *text;
};

static enum gate gate_normalized(const void *context, const struct added_token *token, size_t begin,
                                 size_t end)
{
    const struct inner_gate *g = context;
    unsigned flag = flag_of(token);
    struct token_range from;
    if ((g->call->parse & flag) == 0)
        return GATE_PASS;
    if (!g->call->mixed)
        return GATE_OPEN;
    from = aligned_range(g->text, begin, end);
    return gate_flags(g->call, flag, from.begin, from.end);
}

static size_t part_begin(const void *context, size_t at)
{
    (void)context;
    (void)at;
    return 0;
}

static size_t part_end(const void *context, size_t at)
{
    const struct inner_gate *g = context;
    (void)at;
    return g->text->text.len;
}

/* --- words ------------------------------------------------------------------------------ */

static void model_word(struct call *c, struct slice word)
{
    if (c->t->kind == TOKENIZER_WORDPIECE)
        wordpiece_word(&c->t->wordpiece, &c->t->vocab, word, &c->s->bpe);
    else
        bpe_word(&c->t->bpe, &c->t->vocab, word, &c->s->bpe);
}

static void put_ranged(struct call *c, const struct aligned *text, struct word_range r)
{
    const struct symbols *w = &c->s->bpe.word;
    const char *p = text->text.data;
    size_t at = r.begin;
    model_word(c, (struct slice){p + r.begin, r.end - r.begin});
    for (size_t i = 0; i < w->n; i++) {
        size_t begin = at, end = at + w->lens[i];
        at = end;
        while (begin > r.begin && ((unsigned char)p[begin] & 0xC0) == 0x80)
            begin--;
        while (end < r.end && ((unsigned char)p[end] & 0xC0) == 0x80)
            end++;
        put(c, w->ids[i], aligned_range(text, begin, end));
    }
}

static void put_word(struct call *c, struct slice text, struct word_range r)
{
    const struct symbols *w = &c->s->bpe.word;
    struct tokens *out = c->out;
    struct slice word = {text.data + r.begin, r.end - r.begin};
    struct cache_entry *entry = NULL;
    struct cache_key key = {0, 0};
    if (word.len <= CACHE_WORD) {
        key = cache_key(word, text.len - r.begin);
        entry = cache_slot(c->s->cache, key);
        if (entry->key.low == key.low && entry->key.high == key.high) {
            out->ids = vec_reserve(out->ids, &out->cap, out->n + CACHE_IDS, sizeof *out->ids);
            for (int i = 0; i < CACHE_IDS && entry->ids[i] >= 0; i++)
                out->ids[out->n++] = entry->ids[i];
            return;
        }
    }
    model_word(c, word);
    out->ids = vec_reserve(out->ids, &out->cap, out->n + w->n, sizeof *out->ids);
    if (w->n != 0)
        memcpy(out->ids + out->n, w->ids, w->n * sizeof *w->ids);
    out->n += w->n;
    if (entry != NULL && w->n <= CACHE_IDS)
        cache_put(entry, key, w->ids, w->n);
}

/* Text between tokens, normalised. */
static int put_text(struct call *c, struct aligned text, bool inner)
{
    struct normalize_call how = {.mapped = text.map != NULL || c->ranges, .inner = inner};
    const struct word_list *words;
    how.first = !inner && aligned_range(&text, 0, 0).begin == 0;
    if (text.text.len == 0)
        return 0;
    if (normalizers_apply(&c->t->prefix, text, how, &c->s->prefix, &text, c->error) != 0 ||
        splitters_apply(&c->t->splitters, text.text, &c->s->split, &words, c->error) != 0)
        return -1;
    for (size_t i = 0; i < words->n; i++)
        if (c->ranges)
            put_ranged(c, &text, words->words[i]);
        else
            put_word(c, text.text, words->words[i]);
    return 0;
}

/* A part of the text that no token matched as written and no cut divides. */
static int put_part(struct call *c, size_t begin, size_t end, bool inner)
{
    const struct tokenizer *t = c->t;
    struct stretches *found = &c->s->normalized;
    struct aligned part = aligned_sub(&c->text, begin, end);
    struct normalize_call how = {.inner = inner, .first = begin == 0};
    struct inner_gate within = {c, &part};
    struct added_gate gate = {gate_normalized, part_begin, part_end, &within};
    bool look = c->parse != 0 && t->added.normalized.n != 0;
    how.mapped = c->ranges || (look && c->mixed) || part.map != NULL;
    if (normalizers_apply(&t->normalizers, part, how, &c->s->normal, &part, c->error) != 0)
        return -1;
    if (!look)
        return put_text(c, part, inner);
    added_split(&t->added, &t->added.normalized, part.text, &gate, found);
    for (size_t i = 0; i < found->n; i++) {
        const struct stretch *f = &found->items[i];
        if (f->token >= 0)
            put(c, t->added.tokens[f->token].id, aligned_range(&part, f->begin, f->end));
        else if (put_text(c, aligned_sub(&part, f->begin, f->end), inner && i == 0) != 0)
            return -1;
    }
    return 0;
}

/* A stretch between tokens, cut where spans say so. */
static int put_stretch(struct call *c, size_t begin, size_t end)
{
    size_t from = begin;
    while (from < end) {
        size_t to = c->n_spans == 1 ? end : cut_behind(c, from + 1);
        if (to > end)
            to = end;
        note_starts(c, from);
        if (put_part(c, from, to, from > begin) != 0)
            return -1;
        from = to;
    }
    return 0;
}

static int put_all(struct call *c)
{
    const struct tokenizer *t = c->t;
    struct stretches *found = &c->s->plain;
    struct added_gate gate = {gate_plain, cut_before, cut_behind, c};
    const struct added_trie *trie =
        (c->parse & TOKENIZER_LITERAL) != 0 ? &t->added.literal : &t->added.plain;
    if (c->parse == 0 || trie->n == 0)
        return put_stretch(c, 0, c->text.text.len);
    added_split(&t->added, trie, c->text.text, &gate, found);
    for (size_t i = 0; i < found->n; i++) {
        const struct stretch *f = &found->items[i];
        note_starts(c, f->begin);
        if (f->token >= 0)
            put(c, t->added.tokens[f->token].id, aligned_range(&c->text, f->begin, f->end));
        else if (put_stretch(c, f->begin, f->end) != 0)
            return -1;
    }
    return 0;
}

/* --- entry ------------------------------------------------------------------------------ */

static int check_spans(const struct tokenizer_text *text, struct error *error)
{
    size_t at = 0;
    for (size_t i = 0; i < text->n; i++) {
        const struct tokenizer_span *s = &text->spans[i];
        if (s->begin != at || s->end < s->begin)
            return error_set(error, ERROR_INPUT, "tokenizer: span %zu begins at %zu, not at %zu", i,
                             s->begin, at);
        at = s->end;
    }
    if (at != text->text.len)
        return error_set(error, ERROR_INPUT, "tokenizer: the spans cover %zu of %zu bytes", at,
                         text->text.len);
    return 0;
}

/* Invalid UTF-8: the text again, span by span, with U+FFFD for what is bad. */
static void repair(struct call *c, struct slice text)
{
    struct tokenizer_scratch *s = c->s;
    struct aligned in = {text, NULL, 0};
    aligned_begin(&s->repaired, true);
    s->spans = vec_reserve(s->spans, &s->spans_cap, c->n_spans, sizeof *s->spans);
    for (size_t i = 0; i < c->n_spans; i++) {
        size_t at = c->spans[i].begin, end = c->spans[i].end;
        s->spans[i] = c->spans[i];
        s->spans[i].begin = s->repaired.text.len;
        while (at < end) {
            struct slice rest = {text.data + at, end - at};
            size_t good = utf8_first_bad(rest), bad = 0;
            aligned_copy(&s->repaired, &in, at, at + good);
            at += good;
            if (at < end) {
                bad = utf8_bad_length(text.data + at, end - at);
                aligned_emit(&s->repaired, "\xEF\xBF\xBD", 3, aligned_range(&in, at, at + bad));
            }
            at += bad;
        }
        s->spans[i].end = s->repaired.text.len;
    }
    c->text = aligned_view(&s->repaired);
    c->spans = s->spans;
}

static bool edges_split_characters(const struct tokenizer_text *text)
{
    for (size_t i = 1; i < text->n; i++) {
        size_t at = text->spans[i].begin;
        if (at < text->text.len && ((unsigned char)text->text.data[at] & 0xC0) == 0x80)
            return true;
    }
    return false;
}

static int run(struct call *c, unsigned flags)
{
    const struct tokenizer *t = c->t;
    uint32_t end;
    if ((flags & TOKENIZER_TEMPLATE) != 0)
        for (size_t i = 0; i < t->n_before; i++)
            put(c, t->before[i], (struct token_range){0, 0});
    if (put_all(c) != 0)
        return -1;
    end = aligned_range(&c->text, c->text.text.len, c->text.text.len).end;
    note_starts(c, SIZE_MAX);
    if ((flags & TOKENIZER_TEMPLATE) != 0)
        for (size_t i = 0; i < t->n_after; i++)
            put(c, t->after[i], (struct token_range){end, end});
    return 0;
}

int tokenizer_encode_spans(const struct tokenizer *t, struct tokenizer_scratch *s,
                           const struct tokenizer_text *text, size_t *starts, struct tokens *out,
                           struct error *error)
{
    size_t before = out->n;
    struct call c = {.t = t,
                     .s = s,
                     .text = {text->text, NULL, 0},
                     .spans = text->spans,
                     .n_spans = text->n,
                     .starts = starts,
                     .out = out,
                     .error = error};
    if (text->text.len > TOKENIZER_MAX_TEXT)
        return error_set(error, ERROR_LIMIT,
                         "text of %zu bytes: more than the %d that are "
                         "tokenised at once",
                         text->text.len, TOKENIZER_MAX_TEXT);
    if (check_spans(text, error) != 0)
        return -1;
    for (size_t i = 0; i < text->n; i++) {
        c.parse |= text->spans[i].parse & (TOKENIZER_PARSE | TOKENIZER_LITERAL);
        c.mixed = c.mixed || text->spans[i].parse != text->spans[0].parse;
    }
    c.ranges = (text->flags & TOKENIZER_RANGES) != 0;
    if (c.ranges && out->ranges == NULL)
        blank_ranges(out, 0);
    if (!utf8_valid(text->text))
        repair(&c, text->text);
    else if (edges_split_characters(text))
        return error_set(error, ERROR_INPUT, "tokenizer: a span ends inside a character");
    if (run(&c, text->flags) != 0) {
        out->n = before;
        return -1;
    }
    if (out->ranges != NULL && !c.ranges)
        blank_ranges(out, before);
    return 0;
}

int tokenizer_encode(const struct tokenizer *t, struct tokenizer_scratch *s, struct slice text,
                     unsigned flags, struct tokens *out, struct error *error)
{
    struct tokenizer_span all = {0, text.len, flags & (TOKENIZER_PARSE | TOKENIZER_LITERAL), false};
    struct tokenizer_text whole = {text, &all, 1, flags};
    if (text.data == NULL)
        whole.text.data = "";
    return tokenizer_encode_spans(t, s, &whole, NULL, out, error);
}

struct tokenizer_scratch *tokenizer_scratch_new(const struct tokenizer *t)
{
    struct tokenizer_scratch *s = mem_zero(1, sizeof *s);
    (void)t;
    s->cache = cache_new();
    return s;
}

void tokenizer_scratch_free(struct tokenizer_scratch *s)
{
    if (s == NULL)
        return;
    for (int i = 0; i < 2; i++) {
        aligned_free(&s->normal.out[i]);
        aligned_free(&s->prefix.out[i]);
    }
    buf_free(&s->normal.unit);
    buf_free(&s->prefix.unit);
    split_scratch_free(&s->split);
    bpe_scratch_free(&s->bpe);
    mem_free(s->plain.items);
    mem_free(s->normalized.items);
    aligned_free(&s->repaired);
    mem_free(s->spans);
    mem_free(s->cache);
    mem_free(s);
}
