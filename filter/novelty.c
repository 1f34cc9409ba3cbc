#include "filter/novelty.h"

#include "core/mem.h"
#include "core/rouge.h"
#include "core/signals.h"
#include "filter/stash.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NOVELTY_VERSION = 1, BLOCK = 512, TASK = 8 };

struct novelty {
    const struct wide *w;
    struct rouge_index *words;
    struct rouge_asker **askers; /* one a worker */
    uint32_t *number;            /* by row: its text in `words`, WIDE_NONE */
    uint32_t *row;               /* by text */
    size_t cap_row;
    enum similar_fields fields;
    struct stash stash;
    double threshold;
    enum verdict_action action;
    /* the block under way */
    const uint32_t *rows;
    size_t n, since; /* since: kept before the block */
    uint32_t match[BLOCK];
    double f[BLOCK];
};

/* ---- words */

static void hold(struct novelty *v, uint32_t row, const uint64_t *words, size_t n)
{
    const size_t number = rouge_index_hold(v->words, words, n);
    v->number[row] = (uint32_t)number;
    v->row[number] = row;
}

static int take_stored(void *context, int64_t id, struct slice data, struct error *error)
{
    struct novelty *v = context;
    const uint32_t row = wide_row(v->w, id);
    const size_t n = data.len / sizeof(uint64_t);
    (void)error;
    if (row == WIDE_NONE || v->number[row] != WIDE_NONE || !index_lives(&v->w->x->entries[row]))
        return 0;
    uint64_t *words = mem_alloc(data.len + 1);
    if (n > 0)
        memcpy(words, data.data, n * sizeof *words);
    hold(v, row, words, n);
    mem_free(words);
    return 0;
}

struct split {
    const struct novelty *v;
    const struct wide_text *rows;
    uint64_t *words[WIDE_ROWS];
    size_t n[WIDE_ROWS];
};

static void split_task(void *context, size_t task, int worker)
{
    struct split *s = context;
    const struct wide_text *t = &s->rows[task];
    (void)worker;
    if (s->v->fields == SIMILAR_PROMPT)
        s->words[task] = rouge_words(t->prompt, &s->n[task]);
    else if (s->v->fields == SIMILAR_OUTPUT)
        s->words[task] = rouge_words(t->output, &s->n[task]);
    else {
        struct buf both = BUF;
        buf_slice(&both, t->prompt);
        buf_char(&both, '\n');
        buf_slice(&both, t->output);
        s->words[task] = rouge_words(buf_view(&both), &s->n[task]);
        buf_free(&both);
    }
}

static int take_texts(void *context, const struct wide_text *rows, size_t n, struct error *error)
{
    struct novelty *v = context;
    struct split *s = mem_zero(1, sizeof *s);
    int rc = 0;
    s->v = v;
    s->rows = rows;
    pool_run(v->w->pool, n, split_task, s);
    for (size_t i = 0; i < n; i++) {
        const struct index_entry *e = &v->w->x->entries[rows[i].row];
        hold(v, rows[i].row, s->words[i], s->n[i]);
        if (rc == 0 && !(e->flags & INDEX_FOREIGN))
            rc = stash_add(&v->stash, e->id, s->words[i], s->n[i] * sizeof(uint64_t), error);
        mem_free(s->words[i]);
    }
    mem_free(s);
    return rc;
}

static int read_words(struct novelty *v, struct error *error)
{
    const struct index *x = v->w->x;
    unsigned char *want = mem_zero(x->n + 1, 1);
    int rc = stash_each(v->w->corpus, v->stash.kind, take_stored, v, error);
    for (size_t i = 0; i < x->n; i++)
        want[i] = index_lives(&x->entries[i]) && v->number[i] == WIDE_NONE;
    if (rc == 0)
        rc = wide_texts(v->w, want, take_texts, v, error);
    if (rc == 0)
        rc = stash_flush(&v->stash, error);
    mem_free(want);
    return rc;
}

/* ---- comparing */

static void ask_task(void *context, size_t task, int worker)
{
    struct novelty *v = context;
    const size_t to = (task + 1) * TASK < v->n ? (task + 1) * TASK : v->n;
    for (size_t i = task * TASK; i < to; i++) {
        const struct index_entry *e = &v->w->x->entries[v->rows[i]];
        v->match[i] = WIDE_NONE;
        if (index_settled(e) || (e->flags & INDEX_HUMAN))
            continue;
        const size_t closest = rouge_asker_closest(v->askers[worker], v->number[v->rows[i]], 0,
                                                   v->threshold, &v->f[i]);
        if (closest != SIZE_MAX)
            v->match[i] = v->row[closest];
    }
}

static int put(struct novelty *v, size_t i, struct error *error)
{
    const char *what = v->fields == SIMILAR_PROMPT   ? "its prompt"
                       : v->fields == SIMILAR_OUTPUT ? "its reply"
                                                     : "it";
    char words[96];
    (void)snprintf(words, sizeof words, "%s has nearly the words of (ROUGE-L %.3f)", what, v->f[i]);
    const struct wide_verdict verdict = {.rule = "novelty",
                                         .version = NOVELTY_VERSION,
                                         .action = v->action,
                                         .row = v->rows[i],
                                         .match = v->match[i],
                                         .value = v->f[i],
                                         .threshold = v->threshold,
                                         .similarity = v->f[i],
                                         .words = words};
    return wide_put(v->w, &verdict, error);
}

/* A row that is new against those kept before the block may still be close to one kept within. */
static int settle(struct novelty *v, size_t i, struct error *error)
{
    const struct index_entry *e = &v->w->x->entries[v->rows[i]];
    const uint32_t number = v->number[v->rows[i]];
    if (v->match[i] == WIDE_NONE && !index_settled(e) && !(e->flags & INDEX_HUMAN)) {
        const size_t closest =
            rouge_asker_closest(v->askers[0], number, v->since, v->threshold, &v->f[i]);
        if (closest != SIZE_MAX)
            v->match[i] = v->row[closest];
    }
    if (v->match[i] != WIDE_NONE)
        return put(v, i, error);
    (void)rouge_index_keep(v->words, number);
    return 0;
}

static int compare(struct novelty *v, struct error *error)
{
    size_t n = 0, kept = 0;
    uint32_t *rows = wide_order(v->w, &n);
    int rc = 0;
    for (size_t from = 0; from < n && rc == 0; from += BLOCK) {
        v->rows = rows + from;
        v->n = n - from < BLOCK ? n - from : BLOCK;
        v->since = kept;
        pool_run(v->w->pool, (v->n + TASK - 1) / TASK, ask_task, v);
        for (size_t i = 0; i < v->n && rc == 0; i++) {
            rc = settle(v, i, error);
            kept += v->match[i] == WIDE_NONE;
        }
        if (rc == 0 && signals_draining())
            rc = error_set(error, ERROR_INTERRUPTED, "stopped; no verdict of this run was stored");
    }
    mem_free(rows);
    return rc;
}

int novelty_run(const struct wide *w, struct error *error)
{
    const int workers = w->pool != NULL ? pool_threads(w->pool) : 1;
    struct novelty *v = mem_zero(1, sizeof *v);
    char kind[STASH_KIND];
    int rc = 0;
    v->w = w;
    v->words = rouge_index_new();
    v->fields = chosen_fields(recipe_text(w->recipe, "filter.novelty.fields"));
    v->threshold = recipe_number(w->recipe, "filter.novelty.threshold");
    v->action = wide_action(w, "filter.novelty.action");
    v->number = mem_alloc(w->x->n * sizeof *v->number + 1);
    memset(v->number, 0xFF, w->x->n * sizeof *v->number);
    v->row = mem_alloc(w->x->n * sizeof *v->row + 1);
    v->askers = mem_zero((size_t)workers, sizeof *v->askers);
    for (int i = 0; i < workers; i++)
        v->askers[i] = rouge_asker_new(v->words);
    (void)snprintf(kind, sizeof kind, "words 1 %d", (int)v->fields);
    stash_open(&v->stash, w->dry_run ? NULL : w->corpus, kind);
    if (!w->dry_run)
        rc = stash_prune(w->corpus, kind, error);
    if (rc == 0 && read_words(v, error) == 0)
        rc = compare(v, error);
    else
        rc = -1;
    for (int i = 0; i < workers; i++)
        rouge_asker_free(v->askers[i]);
    stash_close(&v->stash);
    rouge_index_free(v->words);
    mem_free(v->askers);
    mem_free(v->number);
    mem_free(v->row);
    mem_free(v);
    return rc;
}
