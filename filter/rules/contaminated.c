/*
 * Contamination: the row holds a long run of tokens of an evaluation item.  Items come from the
 * user's files (JSONL or a JSON array; their text fields are known by name: question, problem,
 * prompt, instruction, turns, text).  Every run of 8 tokens of an item is indexed; a row's matches
 * with one item are joined to the longest span, which fires from `span` tokens on, or when it is
 * the whole of a shorter item.  Tokens are words and single characters of unspaced scripts; two
 * such characters count as one token, so that Chinese is held to the same length of text.
 */
#include "core/file.h"
#include "core/mem.h"
#include "core/vec.h"
#include "filter/rules.h"
#include "filter/tokens.h"
#include "filter/wordhash.h"

#include <stdio.h>
#include <string.h>

enum { GRAM = 8, MAX_FILE = 1 << 30 };

struct gram {
    uint64_t hash;
    uint32_t item, place; /* item + 1; the place of the run in it */
};

struct item {
    char name[48]; /* "gsm8k-test:17" */
    uint32_t tokens;
};

struct sets {
    struct gram *table;
    size_t cap, n_grams;
    struct item *items;
    size_t n_items, cap_items;
    double span;
};

static uint64_t gram_hash(const struct hashsort_pair *t)
{
    uint64_t h = 1;
    for (int i = 0; i < GRAM; i++)
        h = wordhash_chunk(h, t[i].hash);
    return wordhash_mix(h) | 1;
}

static struct gram *slot(const struct sets *s, uint64_t hash)
{
    size_t k = (size_t)hash & (s->cap - 1);
    while (s->table[k].item != 0 && s->table[k].hash != hash)
        k = (k + 1) & (s->cap - 1);
    return &s->table[k];
}

static void grow(struct sets *s)
{
    struct sets old = *s;
    if (2 * (s->n_grams + 1) <= s->cap)
        return;
    s->cap = s->cap > 0 ? 2 * s->cap : 4096;
    s->table = mem_zero(s->cap, sizeof *s->table);
    for (size_t i = 0; i < old.cap; i++)
        if (old.table[i].item != 0)
            *slot(s, old.table[i].hash) = old.table[i];
    mem_free(old.table);
}

static void add_item(struct sets *s, struct slice text, const char *name, size_t number)
{
    struct tokens t = {NULL, 0, 0};
    tokens_add(&t, text);
    if (t.n >= GRAM) {
        s->items = vec_reserve(s->items, &s->cap_items, s->n_items + 1, sizeof *s->items);
        struct item *item = &s->items[s->n_items++];
        (void)snprintf(item->name, sizeof item->name, "%.30s:%zu", name, number);
        item->tokens = (uint32_t)t.n;
        for (size_t i = 0; i + GRAM <= t.n; i++) {
            grow(s);
            struct gram *g = slot(s, gram_hash(&t.items[i]));
            s->n_grams += g->item == 0;
            if (g->item == 0)
                *g = (struct gram){gram_hash(&t.items[i]), (uint32_t)s->n_items, (uint32_t)i};
        }
    }
    tokens_release(&t);
}

static void add_row(struct sets *s, const struct json *row, const char *name, size_t number)
{
    static const char *const fields[] = {"question", "problem", "prompt", "instruction",
                                         "text",     "turns",   "input",  NULL};
    struct buf text = BUF;
    for (const char *const *f = fields; *f != NULL; f++) {
        const struct json *v = json_get(row, *f);
        if (json_type(v) == JSON_STRING) {
            buf_slice(&text, json_string(v));
            buf_char(&text, '\n');
        }
        for (const struct json *t = json_type(v) == JSON_ARRAY ? json_first(v) : NULL; t != NULL;
             t = json_next(t)) {
            const struct slice one = json_string(t);
            if (one.len > 0)
                add_item(s, one, name, number);
        }
    }
    if (text.len > 0)
        add_item(s, buf_view(&text), name, number);
    buf_free(&text);
}

static int read_set(struct sets *s, const char *path, struct error *error)
{
    struct buf all = BUF_MAX(MAX_FILE);
    const char *name = strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path;
    struct json *j = NULL;
    size_t number = 0, before = s->n_items, at = 0;
    int rc = file_read(path, &all, error);
    if (rc == 0 && all.len > 0 && all.data[0] == '[' &&
        (j = json_parse(buf_view(&all), 0, NULL)) != NULL)
        for (const struct json *r = json_first(j); r != NULL; r = json_next(r))
            add_row(s, r, name, ++number);
    while (rc == 0 && j == NULL && at < all.len) {
        const char *end = memchr(all.data + at, '\n', all.len - at);
        const size_t len = end != NULL ? (size_t)(end - all.data) - at : all.len - at;
        struct json *r = json_parse(slice_from(all.data + at, len), JSON_REPAIR, NULL);
        number++;
        if (r != NULL)
            add_row(s, r, name, number);
        json_free(r);
        at += len + 1;
    }
    if (rc == 0 && s->n_items == before)
        rc = error_set(
            error, ERROR_INPUT,
            "%s: no item with question, problem, prompt, instruction, text or turns in it", path);
    json_free(j);
    buf_free(&all);
    return rc;
}

static void close_sets(void *state)
{
    struct sets *s = state;
    mem_free(s->table);
    mem_free(s->items);
    mem_free(s);
}

static void *open_sets(const struct json *settings, const char *folder, struct error *error)
{
    struct sets *s = mem_zero(1, sizeof *s);
    s->span = json_number(json_get(settings, "span"), 13);
    grow(s);
    for (const struct json *f = json_first(json_get(settings, "files")); f != NULL;
         f = json_next(f)) {
        char *path = file_join(folder, json_text(f, ""));
        const int rc = read_set(s, path, error);
        mem_free(path);
        if (rc != 0) {
            close_sets(s);
            return NULL;
        }
    }
    return s;
}

struct span {
    size_t from, to; /* tokens of the row */
    uint32_t item;
    double length;
};

/* Words count one, characters of unspaced scripts half. */
static double weight(const struct tokens *t, struct slice text, size_t from, size_t to)
{
    double sum = 0;
    for (size_t i = from; i < to; i++)
        sum += (unsigned char)text.data[t->items[i].rest] >= 0xE0 ? 0.5 : 1;
    return sum;
}

static struct span longest(const struct sets *s, const struct tokens *t, struct slice text)
{
    struct span best = {0, 0, 0, 0};
    for (size_t i = 0; i + GRAM <= t->n; i++) {
        const struct gram *g = slot(s, gram_hash(&t->items[i]));
        size_t to = i + GRAM;
        if (g->item == 0)
            continue;
        for (uint32_t place = g->place + 1; to < t->n; to++, place++) {
            const struct gram *next = slot(s, gram_hash(&t->items[to + 1 - GRAM]));
            if (next->item != g->item || next->place != place)
                break;
        }
        const double length = weight(t, text, i, to);
        if (length > best.length)
            best = (struct span){i, to, g->item, length};
        i = to - GRAM;
    }
    return best;
}

static bool check(const struct sets *s, struct slice text, const char *field, struct finding *out)
{
    struct tokens t = {NULL, 0, 0};
    bool fired = false;
    tokens_add(&t, text);
    const struct span b = longest(s, &t, text);
    if (b.item != 0 && (b.length >= s->span || b.to - b.from >= s->items[b.item - 1].tokens)) {
        const size_t end = b.to < t.n ? t.items[b.to].rest : text.len;
        finding_value(out, b.length, s->span);
        finding_span(out, field, t.items[b.from].rest, end);
        finding_why(out, "%.0f tokens in a row of %s", b.length, s->items[b.item - 1].name);
        fired = true;
    }
    tokens_release(&t);
    return fired;
}

static bool judge(const void *state, const struct row *row, struct finding *out)
{
    const struct sets *s = state;
    return check(s, row->request, "instruction", out) || check(s, row->output, "output", out) ||
           check(s, row->sample->input, "input", out);
}

const struct filter_rule rule_contaminated = {
    .name = "contaminated",
    .version = 1,
    .action = VERDICT_REMOVE,
    .summary = "it holds an item of an evaluation set",
    .open = open_sets,
    .close = close_sets,
    .judge = judge,
};
