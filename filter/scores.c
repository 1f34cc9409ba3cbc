#include "filter/scores.h"

#include "core/compress.h"
#include "core/hash.h"
#include "core/mem.h"
#include "core/rouge.h"
#include "core/signals.h"
#include "corpus/judging.h"
#include "corpus/samples.h"
#include "filter/likelihood.h"
#include "filter/measure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_VERSION = 1, LIMIT_VERSION = 1, COMMIT_ROWS = 64 };

static const char *const names[] = {[SCORE_LENGTH] = "length",
                                    [SCORE_TYPE_TOKEN] = "type_token",
                                    [SCORE_COMPRESSION] = "compression",
                                    [SCORE_PERPLEXITY] = "perplexity",
                                    [SCORE_IFD] = "ifd",
                                    [SCORE_DENSITY] = "density"};

static enum score_kind kind_of(const char *name)
{
    for (int k = SCORE_LENGTH; k <= SCORE_DENSITY; k++)
        if (strcmp(names[k], name) == 0)
            return (enum score_kind)k;
    return SCORE_STORED;
}

bool scores_is_builtin(const char *name)
{
    return kind_of(name) != SCORE_STORED;
}

struct score_column *scores_find(struct scores *s, const char *name)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->columns[i].name, name) == 0)
            return &s->columns[i];
    return NULL;
}

/* ---- which */

static int need(struct scores *s, struct slice name, struct error *error)
{
    struct score_column *c = &s->columns[s->n];
    char text[sizeof c->name];
    name = slice_trim(name);
    if (name.len == 0)
        return 0;
    if (name.len >= sizeof text || s->n == SCORES_MAX)
        return error_set(error, ERROR_USAGE, "filter: %s",
                         s->n == SCORES_MAX ? "more than 32 scores are named"
                                            : "the name of a score is too long");
    memcpy(text, name.data, name.len);
    text[name.len] = '\0';
    if (scores_find(s, text) != NULL)
        return 0;
    *c = (struct score_column){.kind = kind_of(text)};
    memcpy(c->name, text, name.len + 1);
    s->n++;
    return 0;
}

/* "complexity * quality": the factors. */
static int need_factors(struct scores *s, const char *product, struct error *error)
{
    while (product != NULL && *product != '\0') {
        const size_t n = strcspn(product, "*");
        if (need(s, slice_from(product, n), error) != 0)
            return -1;
        product += n + (product[n] == '*');
    }
    return 0;
}

int scores_open(struct scores *s, const struct wide *w, struct error *error)
{
    int rc = 0;
    *s = (struct scores){.n = 0};
    for (const struct json *j = json_first(recipe_get(w->recipe, "filter.scores"));
         j != NULL && rc == 0; j = json_next(j))
        rc = need(s, json_string(j), error);
    for (const struct json *j = json_first(recipe_get(w->recipe, "filter.limits"));
         j != NULL && rc == 0; j = json_next(j))
        rc = need(s, slice_of(json_key(j)), error);
    if (rc == 0 && w->chosen->score != NULL)
        rc = need(s, slice_of(w->chosen->score), error);
    if (rc == 0 && recipe_text(w->recipe, "filter.select.method") != NULL)
        rc = need_factors(s, recipe_text(w->recipe, "filter.select.score"), error);
    for (size_t i = 0; i < s->n; i++) {
        s->columns[i].values = mem_alloc(w->x->n * sizeof(double) + 1);
        for (size_t k = 0; k < w->x->n; k++)
            s->columns[i].values[k] = (double)NAN;
    }
    return rc;
}

void scores_close(struct scores *s)
{
    for (size_t i = 0; i < s->n; i++)
        mem_free(s->columns[i].values);
    s->n = 0;
}

/* ---- reading */

struct reading {
    const struct wide *w;
    struct score_column *column;
};

static int take(void *context, int64_t id, double value)
{
    const struct reading *r = context;
    const uint32_t row = wide_row(r->w, id);
    if (row != WIDE_NONE)
        r->column->values[row] = value;
    return 0;
}

/* version 0: whatever is stored. */
static int read_column(const struct wide *w, struct score_column *c, int version,
                       struct error *error)
{
    struct reading r = {w, c};
    if (judging_scores(w->corpus, c->name, version, take, &r, error) != 0)
        return -1;
    c->missing = false;
    for (size_t i = 0; i < w->x->n && !c->missing; i++)
        c->missing = index_lives(&w->x->entries[i]) && !(w->x->entries[i].flags & INDEX_FOREIGN) &&
                     isnan(c->values[i]);
    return 0;
}

/* The living rows of ours that lack one of the columns of these kinds. */
static unsigned char *lacking(const struct scores *s, const struct wide *w, enum score_kind from,
                              enum score_kind to)
{
    unsigned char *want = mem_zero(w->x->n + 1, 1);
    for (size_t k = 0; k < s->n; k++)
        for (size_t i = 0; s->columns[k].kind >= from && s->columns[k].kind <= to && i < w->x->n;
             i++)
            want[i] |= index_lives(&w->x->entries[i]) &&
                       !(w->x->entries[i].flags & INDEX_FOREIGN) && isnan(s->columns[k].values[i]);
    return want;
}

/* ---- from the text alone */

struct texts {
    struct scores *s;
    const struct wide *w;
    const struct wide_text *rows;
    struct compressor **compressors; /* one a worker */
};

static int by_value(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static double type_token(struct slice text)
{
    size_t n = 0, types = 0;
    uint64_t *words = rouge_words(text, &n);
    if (n > 1)
        qsort(words, n, sizeof *words, by_value);
    for (size_t i = 0; i < n; i++)
        types += i == 0 || words[i] != words[i - 1];
    mem_free(words);
    return n > 0 ? (double)types / (double)n : (double)NAN;
}

static double compression(struct compressor *c, struct slice text)
{
    struct buf out = BUF;
    double ratio = (double)NAN;
    if (text.len > 0 && compress_bytes(c, text, &out, NULL) == 0 && out.len > 0)
        ratio = (double)text.len / (double)out.len;
    buf_free(&out);
    return ratio;
}

static void text_task(void *context, size_t task, int worker)
{
    const struct texts *t = context;
    const struct wide_text *row = &t->rows[task];
    for (size_t i = 0; i < t->s->n; i++) {
        struct score_column *c = &t->s->columns[i];
        if (c->kind == SCORE_LENGTH)
            c->values[row->row] = (double)measure_tokens(row->output);
        else if (c->kind == SCORE_TYPE_TOKEN)
            c->values[row->row] = type_token(row->output);
        else if (c->kind == SCORE_COMPRESSION)
            c->values[row->row] = compression(t->compressors[worker], row->output);
    }
}

static int put_values(const struct wide *w, const struct score_column *c, uint32_t row, int version,
                      struct error *error)
{
    if (isnan(c->values[row]))
        return 0;
    return scores_put(w->corpus, w->x->entries[row].id, c->name, version, c->values[row], error);
}

static bool from_text(const struct score_column *c)
{
    return c->kind >= SCORE_LENGTH && c->kind <= SCORE_COMPRESSION;
}

static int measure_batch(void *context, const struct wide_text *rows, size_t n, struct error *error)
{
    struct texts *t = context;
    int rc = 0;
    t->rows = rows;
    pool_run(t->w->pool, n, text_task, t);
    if (t->w->dry_run)
        return 0;
    if (corpus_begin(t->w->corpus, error) != 0)
        return -1;
    for (size_t k = 0; k < t->s->n; k++)
        for (size_t i = 0; i < n && rc == 0 && from_text(&t->s->columns[k]); i++)
            rc = put_values(t->w, &t->s->columns[k], rows[i].row, TEXT_VERSION, error);
    if (rc == 0)
        return corpus_commit(t->w->corpus, error);
    corpus_rollback(t->w->corpus);
    return -1;
}

static int measure_texts(struct scores *s, const struct wide *w, struct error *error)
{
    const int workers = w->pool != NULL ? pool_threads(w->pool) : 1;
    struct texts t = {.s = s, .w = w};
    bool missing = false;
    int rc = 0;
    for (size_t i = 0; i < s->n && rc == 0; i++)
        if (from_text(&s->columns[i])) {
            rc = read_column(w, &s->columns[i], TEXT_VERSION, error);
            missing |= s->columns[i].missing;
        }
    if (rc != 0 || !missing)
        return rc;
    unsigned char *want = lacking(s, w, SCORE_LENGTH, SCORE_COMPRESSION);
    t.compressors = mem_zero((size_t)workers, sizeof *t.compressors);
    for (int i = 0; i < workers; i++)
        t.compressors[i] = compressor_new(3);
    rc = wide_texts(w, want, measure_batch, &t, error);
    for (int i = 0; i < workers; i++)
        compressor_free(t.compressors[i]);
    mem_free(t.compressors);
    mem_free(want);
    return rc;
}

/* ---- by a model */

struct modelled {
    struct scores *s;
    const struct wide *w;
    struct likelihood *l;
    struct likelihood_of of;
};

static int ask_model(void *context, const struct sample *sample, struct error *error)
{
    struct modelled *m = context;
    return likelihood_row(m->l, sample, &m->of, error);
}

static int model_row(struct modelled *m, uint32_t row, struct error *error)
{
    struct score_column *p = scores_find(m->s, names[SCORE_PERPLEXITY]);
    struct score_column *f = scores_find(m->s, names[SCORE_IFD]);
    const int version = likelihood_version(m->l);
    if (samples_get(m->w->corpus, m->w->x->entries[row].id, ask_model, m, error) < 0)
        return -1;
    if (p != NULL)
        p->values[row] = m->of.perplexity;
    if (f != NULL)
        f->values[row] = m->of.ifd;
    if (m->w->dry_run)
        return 0;
    if (p != NULL && put_values(m->w, p, row, version, error) != 0)
        return -1;
    return f != NULL ? put_values(m->w, f, row, version, error) : 0;
}

/* A few rows a transaction: what was computed is kept when the user stops. */
static int model_rows(struct modelled *m, const unsigned char *want, struct progress *progress,
                      struct error *error)
{
    struct progress_state state = {.stage = "filter", .unit = "rows scored"};
    size_t in = 0;
    int rc = 0;
    for (size_t i = 0; i < m->w->x->n; i++)
        state.total += want[i];
    for (size_t i = 0; i < m->w->x->n && rc == 0; i++) {
        if (!want[i])
            continue;
        if (in == 0 && !m->w->dry_run)
            rc = corpus_begin(m->w->corpus, error);
        if (rc == 0)
            rc = model_row(m, (uint32_t)i, error);
        state.done++;
        progress_update(progress, &state);
        in = rc == 0 ? (in + 1) % COMMIT_ROWS : in;
        const bool stop = rc == 0 && signals_draining();
        if (rc == 0 && !m->w->dry_run && (in == 0 || stop || state.done == state.total)) {
            rc = corpus_commit(m->w->corpus, error);
            in = 0;
        }
        if (rc == 0 && stop)
            rc = error_set(error, ERROR_INTERRUPTED,
                           "stopped; the scores so far are stored, no verdict of this run is");
    }
    if (rc != 0)
        corpus_rollback(m->w->corpus);
    return rc;
}

static int measure_model(struct scores *s, const struct wide *w, struct progress *progress,
                         struct error *error)
{
    struct score_column *columns[2] = {scores_find(s, names[SCORE_PERPLEXITY]),
                                       scores_find(s, names[SCORE_IFD])};
    struct modelled m = {.s = s, .w = w};
    char *dir;
    int rc = 0;
    if (columns[0] == NULL && columns[1] == NULL)
        return 0;
    dir = recipe_path(w->recipe, "filter.score_model");
    if (dir == NULL)
        return error_set(error, ERROR_USAGE,
                         "filter.score_model: perplexity and ifd need the folder of a local model");
    const struct likelihood_options o = {
        .dir = dir,
        .template_name = recipe_text(w->recipe, "filter.score_template"),
        .template_other = recipe_text(w->recipe, "train.template"),
        .max_tokens = (uint32_t)recipe_integer(w->recipe, "filter.score_tokens"),
        .pool = w->pool};
    m.l = likelihood_open(&o, error);
    mem_free(dir);
    if (m.l == NULL)
        return error_wrap(error, "filter.score_model");
    for (int i = 0; i < 2 && rc == 0; i++)
        if (columns[i] != NULL)
            rc = read_column(w, columns[i], likelihood_version(m.l), error);
    if (rc == 0) {
        unsigned char *want = lacking(s, w, SCORE_PERPLEXITY, SCORE_IFD);
        rc = model_rows(&m, want, progress, error);
        mem_free(want);
    }
    likelihood_close(m.l);
    return rc;
}

int scores_measure(struct scores *s, const struct wide *w, struct progress *progress,
                   struct error *error)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->columns[i].kind == SCORE_STORED && read_column(w, &s->columns[i], 0, error) != 0)
            return -1;
    if (measure_texts(s, w, error) != 0)
        return -1;
    return measure_model(s, w, progress, error);
}

int scores_store(const struct wide *w, const struct score_column *c, int version,
                 struct error *error)
{
    int rc = 0;
    if (w->dry_run)
        return 0;
    if (corpus_begin(w->corpus, error) != 0)
        return -1;
    for (size_t i = 0; i < w->x->n && rc == 0; i++)
        if (!(w->x->entries[i].flags & INDEX_FOREIGN))
            rc = put_values(w, c, (uint32_t)i, version, error);
    if (rc == 0)
        return corpus_commit(w->corpus, error);
    corpus_rollback(w->corpus);
    return -1;
}

/* ---- limits */

struct limit {
    const struct score_column *column;
    double min, max; /* NAN: none */
    enum verdict_action action;
};

static int limit_row(const struct wide *w, const struct limit *l, uint32_t row, struct error *error)
{
    const double value = l->column->values[row];
    char rule[80], words[96];
    const bool low = value<l->min, high = value> l->max;
    if (!low && !high)
        return 0; /* NAN is neither */
    (void)snprintf(rule, sizeof rule, "score %s", l->column->name);
    (void)snprintf(words, sizeof words, "its score is %s the limit", low ? "under" : "over");
    const struct wide_verdict v = {.rule = ledger_name(w->ledger, rule),
                                   .version = LIMIT_VERSION,
                                   .action = l->action,
                                   .row = row,
                                   .match = WIDE_NONE,
                                   .value = value,
                                   .threshold = low ? l->min : l->max,
                                   .similarity = (double)NAN,
                                   .words = words};
    return wide_put(w, &v, error);
}

int scores_limit(struct scores *s, const struct wide *w, bool density, struct error *error)
{
    for (const struct json *j = json_first(recipe_get(w->recipe, "filter.limits")); j != NULL;
         j = json_next(j)) {
        const struct limit l = {.column = scores_find(s, json_key(j)),
                                .min = json_number(json_get(j, "min"), (double)NAN),
                                .max = json_number(json_get(j, "max"), (double)NAN),
                                .action = slice_is(json_string(json_get(j, "action")), "flag")
                                              ? VERDICT_FLAG
                                              : VERDICT_REMOVE};
        if (l.column == NULL || (l.column->kind == SCORE_DENSITY) != density)
            continue;
        for (size_t i = 0; i < w->x->n; i++)
            if (!index_settled(&w->x->entries[i]) && limit_row(w, &l, (uint32_t)i, error) != 0)
                return -1;
    }
    return 0;
}
