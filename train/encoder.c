/* Settings and examples of encoder students. */
#include "train/encoder.h"

#include "core/mem.h"
#include "core/vec.h"
#include "model/encoding.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- settings ----------------------------------------------------------------------------- */

static enum labelled_task task_named(const char *name)
{
    return strcmp(name, "classify") == 0 ? LABELLED_CLASSIFY
           : strcmp(name, "tag") == 0    ? LABELLED_TAG
           : strcmp(name, "answer") == 0 ? LABELLED_ANSWER
                                         : LABELLED_NONE;
}

int encoder_settings_read(struct encoder_settings *s, const struct recipe *r, struct error *error)
{
    const struct json *labels = recipe_get(r, "train.encoder.labels");
    const char *task = recipe_text(r, "train.encoder.task");
    memset(s, 0, sizeof *s);
    s->task = task != NULL ? task_named(task) : LABELLED_NONE;
    s->rows = recipe_path(r, "train.encoder.rows");
    s->n_labels = json_count(labels);
    s->labels = s->n_labels != 0 ? mem_zero(s->n_labels, sizeof *s->labels) : NULL;
    for (size_t i = 0; i < s->n_labels; i++)
        s->labels[i] = json_text(json_at(labels, i), "");
    s->text = strcmp(recipe_text(r, "train.encoder.text"), "prompt") == 0 ? LABELLED_PROMPT
                                                                          : LABELLED_INPUT;
    s->hard_weight = recipe_number(r, "train.encoder.hard_weight");
    s->temperature = recipe_number(r, "train.encoder.temperature");
    s->stride = (int32_t)recipe_integer(r, "train.encoder.stride");
    for (size_t i = 0; i < s->n_labels; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(s->labels[i], s->labels[k]) == 0) {
                error_set(error, ERROR_USAGE, "train.encoder.labels: \"%.60s\" stands there twice",
                          s->labels[i]);
                encoder_settings_clear(s);
                return -1;
            }
    return 0;
}

void encoder_settings_clear(struct encoder_settings *s)
{
    mem_free(s->rows);
    mem_free(s->labels);
    s->rows = NULL;
    s->labels = NULL;
}

enum head_kind encoder_head(enum labelled_task task)
{
    return task == LABELLED_CLASSIFY ? HEAD_SEQUENCE
           : task == LABELLED_TAG    ? HEAD_TOKEN
           : task == LABELLED_ANSWER ? HEAD_SPAN
                                     : HEAD_NONE;
}

/* --- examples ----------------------------------------------------------------------------- */

struct maker {
    struct examples *e;
    struct encoding encoding;
    const struct encoder_settings *settings;
    size_t cap_types, cap_targets, cap_soft;
};

/* An example out of the encoding; its targets are none yet. */
static int32_t *append(struct maker *k, const struct labelled *x, size_t row)
{
    struct examples *e = k->e;
    const size_t n = k->encoding.n, all = e->n_tokens + n;
    struct example *y;
    e->items = vec_reserve(e->items, &e->cap, e->n + 1, sizeof *e->items);
    e->ids = vec_reserve(e->ids, &e->cap_ids, all, sizeof *e->ids);
    e->mask = vec_reserve(e->mask, &e->cap_mask, all, sizeof *e->mask);
    e->types = vec_reserve(e->types, &k->cap_types, all, sizeof *e->types);
    e->targets = vec_reserve(e->targets, &k->cap_targets, all, sizeof *e->targets);
    y = &e->items[e->n++];
    *y = (struct example){.first = e->n_tokens,
                          .length = (uint32_t)n,
                          .supervised = 1,
                          .sample = x->sample,
                          .hash = x->hash,
                          .row = row};
    memcpy(e->ids + y->first, k->encoding.ids, n * sizeof *e->ids);
    memcpy(e->types + y->first, k->encoding.token_types, n * sizeof *e->types);
    memset(e->mask + y->first, 0, n);
    for (size_t i = 0; i < n; i++)
        e->targets[y->first + i] = -1;
    e->n_tokens = all;
    return e->targets + y->first;
}

static void add_soft(struct maker *k, const struct labelled *x)
{
    const size_t n = (size_t)k->e->classes;
    float *soft;
    k->e->soft = vec_reserve(k->e->soft, &k->cap_soft, k->e->n * n, sizeof *soft);
    soft = k->e->soft + (k->e->n - 1) * n;
    for (size_t i = 0; i < n; i++)
        soft[i] = x->soft != NULL ? x->soft[i] : (float)NAN;
}

static int add_text(struct maker *k, const struct labelled *x, size_t row, struct error *error)
{
    if (encoding_pair(&k->encoding, x->text, x->pair, error) != 0)
        return -1;
    append(k, x, row)[0] = x->label;
    add_soft(k, x);
    return 0;
}

static int add_words(struct maker *k, const struct labelled *x, size_t row, struct error *error)
{
    struct slice *words = mem_alloc((x->n_words + 1) * sizeof *words);
    uint32_t n = 0;
    int status;
    for (size_t i = 0; i < x->n_words; i++)
        words[i] = x->words[i].text;
    status = encoding_words(&k->encoding, words, x->n_words, error);
    mem_free(words);
    if (status != 0)
        return -1;
    for (size_t i = 0; i < k->encoding.n; i++)
        n += k->encoding.words[i] >= 0;
    if (n == 0) {
        k->e->unsupervised++;
        return 0;
    }
    {
        int32_t *targets = append(k, x, row);
        for (size_t i = 0; i < k->encoding.n; i++)
            if (k->encoding.words[i] >= 0)
                targets[i] = x->words[k->encoding.words[i]].tag;
    }
    k->e->items[k->e->n - 1].supervised = n;
    return 0;
}

/* The tokens of the window that cover bytes [begin, end) of the context: false where one does not
 * lie in it. */
static bool find_span(const struct encoding *w, size_t begin, size_t end, size_t *first,
                      size_t *last)
{
    *first = *last = SIZE_MAX;
    for (size_t i = 0; i < w->n; i++) {
        const struct token_range r = w->ranges[i];
        if (r.begin == r.end)
            continue;
        if (r.begin <= begin && begin < r.end && *first == SIZE_MAX)
            *first = i;
        if (r.begin < end && end <= r.end)
            *last = i;
    }
    return *first != SIZE_MAX && *last != SIZE_MAX && *first <= *last;
}

static int add_question(struct maker *k, const struct labelled *x, size_t row, struct error *error)
{
    if (encoding_windows(&k->encoding, x->text, x->pair, error) != 0)
        return -1;
    for (size_t w = 0; encoding_window(&k->encoding, w, k->settings->stride); w++) {
        size_t first = 0, last = 0;
        int32_t *targets = append(k, x, row);
        if (x->n_answers == 0 ||
            !find_span(&k->encoding, x->answers[0].begin,
                       x->answers[0].begin + x->answers[0].text.len, &first, &last))
            first = last = 0;
        for (size_t i = 0; i < k->encoding.n; i++)
            targets[i] = 0;
        targets[first] |= 1;
        targets[last] |= 2;
    }
    return 0;
}

static int add_rows(struct maker *k, const struct labelled_set *set, struct error *error)
{
    struct examples *e = k->e;
    e->splits = mem_alloc((set->n + 1) * sizeof *e->splits);
    for (size_t i = 0; i < set->n; i++) {
        const struct labelled *x = &set->items[i];
        const int status = set->task == LABELLED_CLASSIFY ? add_text(k, x, i, error)
                           : set->task == LABELLED_TAG    ? add_words(k, x, i, error)
                                                          : add_question(k, x, i, error);
        if (status != 0)
            return error_wrap(error, "row %lld", (long long)x->sample);
        e->splits[e->n_splits++] = x->split;
    }
    for (size_t i = 0; i < e->n_tokens; i++)
        e->mask[i] = e->spans ? e->targets[i] > 0 : e->targets[i] >= 0;
    e->rows = set->n + set->left_out;
    e->refused = 0;
    if (e->n == 0)
        return error_set(error, ERROR_INPUT, "nothing to learn in %zu rows", e->rows);
    return 0;
}

int encoder_read(struct labelled_set *set, struct examples *e, struct corpus *c,
                 const struct encoder_source *source, struct error *error)
{
    const struct encoder_settings *s = source->settings;
    struct maker k = {.e = e, .settings = s};
    int status;
    labelled_open(set, s->task, s->labels, s->n_labels);
    memset(e, 0, sizeof *e);
    status = s->rows != NULL ? labelled_read_file(set, s->rows, error)
                             : labelled_read_corpus(set, c, s->text, error);
    if (status == 0)
        status = labelled_finish(set, s->rows != NULL ? s->rows : "the dataset", error);
    if (status == 0 && s->hard_weight < 1 && set->soft == 0)
        status = error_set(error, ERROR_INPUT,
                           "train.encoder.hard_weight is %g, but no row has a soft label: the "
                           "teacher's logprobs name none of the labels, or there are none (set it "
                           "to 1, or name train.encoder.labels)",
                           s->hard_weight);
    if (status == 0)
        status = encoding_open(&k.encoding, source->tokenizer, source->config,
                               (int32_t)source->max_length, error);
    if (status == 0) {
        e->classes = s->task == LABELLED_ANSWER ? 2 : set->n_labels;
        e->spans = s->task == LABELLED_ANSWER;
        status = add_rows(&k, set, error);
        encoding_close(&k.encoding);
    }
    if (status != 0)
        examples_free(e);
    return status;
}
