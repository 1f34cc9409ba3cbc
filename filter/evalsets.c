#include "filter/evalsets.h"

#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/vec.h"
#include "filter/wordhash.h"

#include <stdio.h>
#include <string.h>

enum { MAX_FILE = 1 << 30 };

void evalsets_init(struct evalsets *s, size_t gram)
{
    *s = (struct evalsets){.gram = gram, .cap = 4096};
    s->table = mem_zero(s->cap, sizeof *s->table);
}

void evalsets_free(struct evalsets *s)
{
    mem_free(s->table);
    mem_free(s->items);
}

uint64_t evalsets_hash(const struct evalsets *s, const struct hashsort_pair *tokens)
{
    uint64_t h = 1;
    for (size_t i = 0; i < s->gram; i++)
        h = wordhash_chunk(h, tokens[i].hash);
    return wordhash_mix(h) | 1;
}

size_t evalsets_find(const struct evalsets *s, uint64_t hash,
                     const struct evalsets_gram *out[EVALSETS_SAME])
{
    size_t n = 0;
    for (size_t k = (size_t)hash & (s->cap - 1); s->table[k].item != 0 && n < EVALSETS_SAME;
         k = (k + 1) & (s->cap - 1))
        if (s->table[k].hash == hash)
            out[n++] = &s->table[k];
    return n;
}

/* Behind those with the same hash; dropped where there are many. */
static void put(struct evalsets *s, struct evalsets_gram g)
{
    size_t k = (size_t)g.hash & (s->cap - 1), same = 0;
    for (; s->table[k].item != 0; k = (k + 1) & (s->cap - 1))
        if (s->table[k].hash == g.hash && ++same == EVALSETS_SAME)
            return;
    s->table[k] = g;
    s->n_grams++;
}

static void grow(struct evalsets *s)
{
    struct evalsets_gram *old = s->table;
    const size_t n = s->cap;
    if (2 * (s->n_grams + 1) <= s->cap)
        return;
    s->cap *= 2;
    s->n_grams = 0;
    s->table = mem_zero(s->cap, sizeof *s->table);
    for (size_t i = 0; i < n; i++)
        if (old[i].item != 0)
            put(s, old[i]);
    mem_free(old);
}

/* ---- items */

struct source {
    const char *file;
    size_t number; /* of the item in the file, from 1 */
};

/* What published set an item is of, by its fields; NULL: none that is known. */
static const char *known_set(const struct json *row)
{
    const struct slice answer = json_string(json_get(row, "answer"));
    const bool problem = json_get(row, "problem") != NULL || json_get(row, "question") != NULL;
    if (json_get(row, "instruction_id_list") != NULL)
        return "IFEval";
    if (json_get(row, "turns") != NULL && json_get(row, "question_id") != NULL)
        return "MT-Bench";
    if (problem && json_get(row, "level") != NULL)
        return "MATH-500";
    return problem && slice_find(answer, SLICE("####")) < answer.len ? "GSM8K" : NULL;
}

/* The item's own number or name, else its place in the file. */
static void name_item(char *to, size_t cap, const struct json *row, const struct source *from)
{
    static const char *const ids[] = {"unique_id", "question_id", "key", "task_id", "id", NULL};
    const char *set = known_set(row);
    char id[40];
    int64_t n = 0;
    (void)snprintf(id, sizeof id, "%zu", from->number);
    for (const char *const *k = ids; *k != NULL; k++) {
        const struct json *v = json_get(row, *k);
        if (json_type(v) == JSON_STRING)
            (void)snprintf(id, sizeof id, "%.36s", json_text(v, ""));
        else if (v != NULL && json_integer(v, &n) == 0)
            (void)snprintf(id, sizeof id, "%lld", (long long)n);
        else
            continue;
        break;
    }
    if (set != NULL)
        (void)snprintf(to, cap, "item %s of %s (%.30s)", id, set, from->file);
    else
        (void)snprintf(to, cap, "item %s of %.40s", id, from->file);
}

static void add_item(struct evalsets *s, struct slice text, const struct json *row,
                     const struct source *from)
{
    struct tokens t = {NULL, 0, 0};
    tokens_add(&t, text);
    if (t.n >= s->gram) {
        s->items = vec_reserve(s->items, &s->cap_items, s->n_items + 1, sizeof *s->items);
        struct evalsets_item *item = &s->items[s->n_items++];
        name_item(item->name, sizeof item->name, row, from);
        item->tokens = (uint32_t)t.n;
        for (size_t i = 0; i + s->gram <= t.n; i++) {
            grow(s);
            put(s, (struct evalsets_gram){evalsets_hash(s, &t.items[i]), (uint32_t)s->n_items,
                                          (uint32_t)i});
        }
    }
    tokens_release(&t);
}

static void add_row(struct evalsets *s, const struct json *row, const struct source *from)
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
                add_item(s, one, row, from);
        }
    }
    if (text.len > 0)
        add_item(s, buf_view(&text), row, from);
    buf_free(&text);
}

static void read_lines(struct evalsets *s, struct slice all, struct source *from)
{
    for (size_t at = 0; at < all.len;) {
        const char *end = memchr(all.data + at, '\n', all.len - at);
        const size_t len = end != NULL ? (size_t)(end - all.data) - at : all.len - at;
        struct json *row = json_parse(slice_sub(all, at, len), JSON_REPAIR, NULL);
        from->number++;
        if (row != NULL)
            add_row(s, row, from);
        json_free(row);
        at += len + 1;
    }
}

int evalsets_read(struct evalsets *s, const char *path, struct error *error)
{
    struct buf all = BUF_MAX(MAX_FILE);
    struct source from = {strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path, 0};
    const size_t before = s->n_items;
    struct json *array = NULL;
    int rc = file_read(path, &all, error);
    if (rc == 0 && all.len > 0 && all.data[0] == '[')
        array = json_parse(buf_view(&all), 0, NULL);
    for (const struct json *r = json_first(array); r != NULL; r = json_next(r)) {
        from.number++;
        add_row(s, r, &from);
    }
    if (rc == 0 && array == NULL)
        read_lines(s, buf_view(&all), &from);
    if (rc == 0 && s->n_items == before)
        rc = error_set(error, ERROR_INPUT,
                       "%s: no item of %zu tokens with question, problem, prompt, instruction, "
                       "text or turns in it",
                       path, s->gram);
    json_free(array);
    buf_free(&all);
    return rc;
}
