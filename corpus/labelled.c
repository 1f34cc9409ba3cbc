#include "corpus/labelled.h"

#include "core/file.h"
#include "core/mem.h"
#include "core/vec.h"

#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 1 << 30, LABELS_MAX = 4096 };

void labelled_open(struct labelled_set *s, enum labelled_task task, const char *const *labels,
                   size_t n)
{
    memset(s, 0, sizeof *s);
    s->task = task;
    s->arena = ARENA;
    for (size_t i = 0; i < n; i++)
        (void)labelled_label(s, slice_of(labels[i]));
    s->fixed = n != 0;
}

void labelled_close(struct labelled_set *s)
{
    mem_free(s->items);
    mem_free(s->labels);
    arena_free(&s->arena);
    memset(s, 0, sizeof *s);
}

int32_t labelled_label(struct labelled_set *s, struct slice name)
{
    for (int32_t i = 0; i < s->n_labels; i++)
        if (slice_equal(s->labels[i], name))
            return i;
    if (s->fixed || s->n_labels == LABELS_MAX)
        return -1;
    s->labels = vec_reserve(s->labels, &s->cap_labels, (size_t)s->n_labels + 1, sizeof *s->labels);
    s->labels[s->n_labels] = arena_copy(&s->arena, name);
    return s->n_labels++;
}

struct labelled *labelled_add(struct labelled_set *s)
{
    s->items = vec_reserve(s->items, &s->cap, s->n + 1, sizeof *s->items);
    s->items[s->n] = (struct labelled){.label = -1, .sample = (int64_t)s->n + 1};
    return &s->items[s->n++];
}

int labelled_read_file(struct labelled_set *s, const char *path, struct error *error)
{
    static const struct {
        const char *end;
        enum labelled_task task;
        int (*read)(struct labelled_set *, struct slice, const char *, struct error *);
    } kinds[] = {{".tsv", LABELLED_CLASSIFY, labelled_tsv},
                 {".jsonl", LABELLED_CLASSIFY, labelled_jsonl},
                 {".json", LABELLED_ANSWER, labelled_squad},
                 {".conll", LABELLED_TAG, labelled_conll},
                 {".txt", LABELLED_TAG, labelled_conll}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct file_map map;
        int status;
        if (!slice_ends(slice_of(path), kinds[i].end) || s->task != kinds[i].task)
            continue;
        if (file_size(path) > FILE_MAX)
            return error_set(error, ERROR_LIMIT, "%s: larger than %d MB", path, FILE_MAX >> 20);
        if (file_map(&map, path, error) != 0)
            return -1;
        status = kinds[i].read(s, slice_from(map.data, map.size), path, error);
        file_unmap(&map);
        return status;
    }
    return error_set(error, ERROR_INPUT,
                     "%s: for classify a .tsv or .jsonl is wanted, for answer a SQuAD .json, for "
                     "tag a .conll",
                     path);
}

/* --- order -------------------------------------------------------------------------------- */

struct named {
    struct slice name;
    int32_t was;
};

static int by_name(const void *a, const void *b)
{
    return slice_compare(((const struct named *)a)->name, ((const struct named *)b)->name);
}

static void renumber(struct labelled_set *s, const int32_t *to)
{
    for (size_t i = 0; i < s->n; i++) {
        struct labelled *x = &s->items[i];
        struct labelled_word *words = NULL;
        if (x->label >= 0)
            x->label = to[x->label];
        if (x->n_words == 0)
            continue;
        words = arena_alloc(&s->arena, x->n_words * sizeof *words);
        for (size_t k = 0; k < x->n_words; k++)
            words[k] = (struct labelled_word){x->words[k].text, to[x->words[k].tag]};
        x->words = words;
    }
}

/* The same rows in any order give the same classes. */
static void sort_labels(struct labelled_set *s)
{
    const size_t n = (size_t)s->n_labels;
    struct named *all = mem_alloc((n + 1) * sizeof *all);
    int32_t *to = mem_alloc((n + 1) * sizeof *to);
    for (size_t i = 0; i < n; i++)
        all[i] = (struct named){s->labels[i], (int32_t)i};
    qsort(all, n, sizeof *all, by_name);
    for (size_t i = 0; i < n; i++) {
        s->labels[i] = all[i].name;
        to[all[i].was] = (int32_t)i;
    }
    renumber(s, to);
    mem_free(all);
    mem_free(to);
}

static struct hash128 hash_of(const struct labelled *x)
{
    struct hash128 h = hash128(x->text.data, x->text.len);
    h = hash128_add(h, x->pair.data, x->pair.len);
    h = hash128_add(h, &x->label, sizeof x->label);
    for (size_t i = 0; i < x->n_words; i++) {
        h = hash128_add(h, x->words[i].text.data, x->words[i].text.len);
        h = hash128_add(h, &x->words[i].tag, sizeof x->words[i].tag);
    }
    for (size_t i = 0; i < x->n_answers; i++)
        h = hash128_add(h, &x->answers[i].begin, sizeof x->answers[i].begin);
    return h;
}

/* Rows that ask the same stay on one side of the split: questions about one context, sentences. */
static struct split_row split_of(const struct labelled *x)
{
    struct hash128 h = hash128(x->text.data, x->text.len);
    struct hash128 group = x->n_answers != 0 ? hash128(x->pair.data, x->pair.len) : h;
    struct split_row row;
    for (size_t i = 0; i < x->n_words; i++)
        group = h = hash128_add(h, x->words[i].text.data, x->words[i].text.len);
    memcpy(&row.instruction, &group, sizeof row.instruction);
    memcpy(&row.prompt, &h, sizeof row.prompt);
    return row;
}

static int by_hash(const void *a, const void *b)
{
    const struct labelled *x = a, *y = b;
    const int order = hash128_compare(x->hash, y->hash);
    return order != 0 ? order : (x->sample > y->sample) - (x->sample < y->sample);
}

int labelled_finish(struct labelled_set *s, const char *where, struct error *error)
{
    if (s->n == 0 && s->left_out != 0)
        return error_set(error, ERROR_INPUT,
                         "%s: none of %zu rows has a label (the first reply is \"%.60s\"); name "
                         "the labels in train.encoder.labels",
                         where, s->left_out, s->odd.data != NULL ? s->odd.data : "");
    if (s->n == 0)
        return error_set(error, ERROR_INPUT, "%s: no labelled rows", where);
    if (!s->fixed)
        sort_labels(s);
    if (s->task != LABELLED_ANSWER && s->n_labels < 2)
        return error_set(error, ERROR_INPUT, "%s: there is only one label, \"%.60s\"", where,
                         s->n_labels == 1 ? s->labels[0].data : "");
    for (size_t i = 0; i < s->n; i++) {
        s->items[i].hash = hash_of(&s->items[i]);
        if (s->items[i].split.prompt == 0)
            s->items[i].split = split_of(&s->items[i]);
    }
    qsort(s->items, s->n, sizeof *s->items, by_hash);
    return 0;
}
