#include "eval/encoders.h"

#include "core/clock.h"
#include "core/file.h"
#include "core/mem.h"
#include "core/signals.h"
#include "corpus/labelled.h"
#include "eval/metrics.h"
#include "eval/stats.h"
#include "model/encoding.h"
#include "model/model.h"
#include "model/safetensors.h"

#include <math.h>
#include <string.h>

enum { ANSWER_TOKENS = 30 };

struct test {
    const struct recipe *r;
    struct corpus *corpus;
    struct pool *pool;
    enum labelled_task task;
    struct json *models, *tasks, *left_out;
    size_t items;
    double confidence;
};

/* One model and the rows it is measured on. */
struct subject_run {
    struct test *test;
    const char *name;
    struct model *m;
    struct tokenizer *tokenizer;
    struct encoding encoding;
    struct labelled_set set;
    bool *use;           /* which rows */
    bool nulls;          /* some question has no answer */
    uint64_t *confusion; /* [classes * classes] */
    struct metrics_entities entities;
    double exact, f1;
    size_t n;
    double seconds;
    float *logits;
    size_t cap_logits;
    int32_t *rows;
    size_t cap_rows;
};

bool encoders_wanted(const struct recipe *r)
{
    return recipe_text(r, "train.encoder.task") != NULL;
}

static enum labelled_task task_of(const struct recipe *r)
{
    const char *name = recipe_text(r, "train.encoder.task");
    return strcmp(name, "tag") == 0      ? LABELLED_TAG
           : strcmp(name, "answer") == 0 ? LABELLED_ANSWER
                                         : LABELLED_CLASSIFY;
}

/* --- the rows ----------------------------------------------------------------------------- */

static void choose(struct subject_run *s, double share)
{
    struct split_row *rows = mem_alloc((s->set.n + 1) * sizeof *rows);
    for (size_t i = 0; i < s->set.n; i++)
        rows[i] = s->set.items[i].split;
    (void)split_assign(rows, s->set.n, share, s->use);
    mem_free(rows);
}

/* Rows with the model's own classes, so that ids agree. */
static int read_rows(struct subject_run *s, struct error *error)
{
    const struct recipe *r = s->test->r;
    const struct model_config *c = model_config(s->m);
    char *suite = recipe_path(r, "eval.suite"), *file = recipe_path(r, "train.encoder.rows");
    const char **names = mem_zero((size_t)c->classes + 1, sizeof *names);
    struct buf text = BUF;
    int status;
    for (int32_t i = 0; i < c->classes; i++) {
        buf_clear(&text);
        config_class_name(c, i, &text);
        names[i] = mem_strdup(buf_text(&text));
    }
    labelled_open(&s->set, s->test->task, names,
                  s->test->task == LABELLED_ANSWER ? 0 : (size_t)c->classes);
    if (suite != NULL || file != NULL)
        status = labelled_read_file(&s->set, suite != NULL ? suite : file, error);
    else
        status = labelled_read_corpus(&s->set, s->test->corpus,
                                      strcmp(recipe_text(r, "train.encoder.text"), "prompt") == 0
                                          ? LABELLED_PROMPT
                                          : LABELLED_INPUT,
                                      error);
    if (status == 0)
        status = labelled_finish(&s->set,
                                 suite != NULL  ? suite
                                 : file != NULL ? file
                                                : "the dataset",
                                 error);
    s->use = mem_zero(s->set.n + 1, sizeof *s->use);
    if (suite != NULL)
        memset(s->use, 1, s->set.n * sizeof *s->use);
    else if (status == 0)
        choose(s, recipe_number(r, "train.held_out"));
    for (size_t i = 0; i < s->set.n; i++)
        s->nulls = s->nulls || s->set.items[i].n_answers == 0;
    for (int32_t i = 0; i < c->classes; i++) {
        union {
            const char *in;
            char *out;
        } name = {names[i]};
        mem_free(name.out);
    }
    mem_free(names);
    mem_free(suite);
    mem_free(file);
    buf_free(&text);
    return status;
}

/* --- one pass ----------------------------------------------------------------------------- */

/* Logits of the first token, or of all. */
static int ask(struct subject_run *s, bool all, struct error *error)
{
    const struct encoding *e = &s->encoding;
    const int32_t starts[2] = {0, (int32_t)e->n};
    const size_t n = all ? e->n : 1, classes = (size_t)model_config(s->m)->classes;
    const struct batch b = {.ids = e->ids,
                            .types = e->token_types,
                            .starts = starts,
                            .tokens = (int32_t)e->n,
                            .segments = 1};
    const size_t need = n * classes;
    if (s->cap_logits < need) {
        mem_free(s->logits);
        s->logits = mem_alloc(need * sizeof *s->logits);
        s->cap_logits = need;
    }
    if (s->cap_rows < n) {
        mem_free(s->rows);
        s->rows = mem_alloc(n * sizeof *s->rows);
        s->cap_rows = n;
    }
    for (size_t i = 0; i < n; i++)
        s->rows[i] = (int32_t)i;
    return model_logits(s->m, &b, s->rows, (int32_t)n, s->logits, error);
}

static int32_t best(const float *x, int32_t n)
{
    int32_t at = 0;
    for (int32_t i = 1; i < n; i++)
        if (x[i] > x[at])
            at = i;
    return at;
}

static int classify(struct subject_run *s, const struct labelled *x, struct error *error)
{
    const int32_t n = model_config(s->m)->classes;
    if (encoding_pair(&s->encoding, x->text, x->pair, error) != 0 || ask(s, false, error) != 0)
        return -1;
    s->confusion[x->label * n + best(s->logits, n)]++;
    return 0;
}

/* The class named "O", which words that did not fit are given; else the first. */
static int32_t outside(const struct labelled_set *set)
{
    for (int32_t i = 0; i < set->n_labels; i++)
        if (slice_is(set->labels[i], "O"))
            return i;
    return 0;
}

static int tag(struct subject_run *s, const struct labelled *x, struct error *error)
{
    const int32_t n = model_config(s->m)->classes;
    struct slice *words = mem_alloc((x->n_words + 1) * sizeof *words);
    struct slice *wanted = mem_alloc((x->n_words + 1) * sizeof *wanted);
    struct slice *said = mem_alloc((x->n_words + 1) * sizeof *said);
    int32_t *tags = mem_alloc((x->n_words + 1) * sizeof *tags);
    int status;
    for (size_t i = 0; i < x->n_words; i++) {
        words[i] = x->words[i].text;
        tags[i] = outside(&s->set);
    }
    status = encoding_words(&s->encoding, words, x->n_words, error);
    if (status == 0)
        status = ask(s, true, error);
    for (size_t i = 0; i < s->encoding.n && status == 0; i++)
        if (s->encoding.words[i] >= 0)
            tags[s->encoding.words[i]] = best(s->logits + i * (size_t)n, n);
    for (size_t i = 0; i < x->n_words && status == 0; i++) {
        wanted[i] = s->set.labels[x->words[i].tag];
        said[i] = s->set.labels[tags[i]];
        s->confusion[x->words[i].tag * n + tags[i]]++;
    }
    if (status == 0)
        metrics_entities_add(&s->entities, wanted, said, x->n_words);
    mem_free(words);
    mem_free(wanted);
    mem_free(said);
    mem_free(tags);
    return status;
}

/* The likeliest span of the windows so far, and the least likely "no answer" of a window. */
struct span {
    double score, null;
    struct token_range text;
};

static void look(const struct subject_run *s, struct span *found)
{
    const struct encoding *e = &s->encoding;
    const float *z = s->logits;
    const double null = (double)z[0] + (double)z[1];
    if (null < found->null)
        found->null = null;
    for (size_t i = 0; i < e->n; i++) {
        if (e->ranges[i].begin == e->ranges[i].end)
            continue;
        for (size_t k = i; k < e->n && k < i + ANSWER_TOKENS; k++) {
            const double score = (double)z[2 * i] + (double)z[2 * k + 1];
            if (e->ranges[k].begin == e->ranges[k].end || score <= found->score)
                continue;
            found->score = score;
            found->text = (struct token_range){e->ranges[i].begin, e->ranges[k].end};
        }
    }
}

static void score_answer(struct subject_run *s, const struct labelled *x, struct slice said)
{
    bool exact = x->n_answers == 0 && said.len == 0;
    double f1 = exact;
    for (size_t i = 0; i < x->n_answers; i++) {
        exact = exact || metrics_squad_exact(said, x->answers[i].text);
        f1 = fmax(f1, metrics_squad_f1(said, x->answers[i].text));
    }
    s->exact += exact;
    s->f1 += f1;
}

static int answer(struct subject_run *s, const struct labelled *x, struct error *error)
{
    const int32_t stride = (int32_t)recipe_integer(s->test->r, "train.encoder.stride");
    struct span found = {-(double)INFINITY, (double)INFINITY, {0, 0}};
    struct slice said;
    if (encoding_windows(&s->encoding, x->text, x->pair, error) != 0)
        return -1;
    for (size_t w = 0; encoding_window(&s->encoding, w, stride); w++) {
        if (ask(s, true, error) != 0)
            return -1;
        look(s, &found);
    }
    said = slice_sub(x->pair, found.text.begin, found.text.end - found.text.begin);
    score_answer(s, x, s->nulls && found.null > found.score ? SLICE("") : said);
    return 0;
}

static int ask_all(struct subject_run *s, struct error *error)
{
    const size_t classes = (size_t)model_config(s->m)->classes;
    const int64_t from = clock_ns();
    int status = 0;
    s->confusion = mem_zero(classes * classes, sizeof *s->confusion);
    for (size_t i = 0; i < s->set.n && status == 0; i++) {
        const struct labelled *x = &s->set.items[i];
        if (!s->use[i])
            continue;
        s->n++;
        if (signals_draining())
            return error_set(error, ERROR_INTERRUPTED, "stopped; run the same command again");
        status = s->test->task == LABELLED_CLASSIFY ? classify(s, x, error)
                 : s->test->task == LABELLED_TAG    ? tag(s, x, error)
                                                    : answer(s, x, error);
        if (status != 0)
            error_wrap(error, "row %lld", (long long)x->sample);
    }
    s->seconds = (double)(clock_ns() - from) / 1e9;
    if (status == 0 && s->n == 0)
        status = error_set(error, ERROR_INPUT,
                           "no rows to measure on: raise train.held_out, or name a file in "
                           "eval.suite");
    return status;
}

/* --- reporting ---------------------------------------------------------------------------- */

static void put_rounded(struct json *o, const char *key, double x)
{
    json_put_number(o, key, round(1e4 * x) / 1e4);
}

static void put_interval(struct json *o, uint64_t right, uint64_t n, double confidence)
{
    const struct interval i = stats_wilson(right, n, confidence);
    put_rounded(o, "accuracy", i.value);
    put_rounded(o, "low", i.low);
    put_rounded(o, "high", i.high);
}

static void describe_task(const struct subject_run *s, struct json *o)
{
    const size_t n = (size_t)model_config(s->m)->classes;
    const struct metrics_entities *e = &s->entities;
    uint64_t right = 0, all = 0;
    if (s->test->task == LABELLED_ANSWER) {
        put_interval(o, (uint64_t)s->exact, s->n, s->test->confidence);
        put_rounded(o, "f1", s->f1 / (double)s->n);
        return;
    }
    for (size_t i = 0; i < n * n; i++) {
        all += s->confusion[i];
        right += i % (n + 1) == 0 ? s->confusion[i] : 0;
    }
    put_interval(o, right, all, s->test->confidence);
    if (s->test->task == LABELLED_CLASSIFY) {
        put_rounded(o, "macro_f1", metrics_macro_f1(s->confusion, n));
        put_rounded(o, "matthews", metrics_matthews(s->confusion, n));
        return;
    }
    put_rounded(o, "precision", e->said != 0 ? (double)e->right / (double)e->said : 0);
    put_rounded(o, "recall", e->wanted != 0 ? (double)e->right / (double)e->wanted : 0);
    put_rounded(o, "f1", metrics_entities_f1(e));
}

static void describe(const struct subject_run *s, const char *dir)
{
    struct json *model = json_new_object(), *task = json_new_object();
    json_put_text(model, "model", s->name);
    json_put_integer(model, "parameters", model_total(s->m));
    json_put_number(model, "weights_mb", round((double)safetensors_bytes(dir) / 1e4) / 100);
    json_put_number(model, "memory_mb", round((double)model_weight_bytes(s->m) / 1e4) / 100);
    json_put_number(model, "rows_per_s", round((double)s->n / s->seconds));
    json_push(s->test->models, model);
    json_put_text(task, "task", recipe_text(s->test->r, "train.encoder.task"));
    json_put_text(task, "model", s->name);
    json_put_integer(task, "items", (int64_t)s->n);
    describe_task(s, task);
    json_push(s->test->tasks, task);
}

/* --- models ------------------------------------------------------------------------------- */

static void leave_out(struct test *t, const char *name, const char *why)
{
    struct buf text = BUF;
    buf_printf(&text, "%s: %s", name, why);
    json_push(t->left_out, json_new_string(buf_view(&text)));
    buf_free(&text);
}

static const enum head_kind heads[] = {HEAD_NONE, HEAD_SEQUENCE, HEAD_TOKEN, HEAD_SPAN};

/* 1: measured or left out; -1. */
static int measure(struct test *t, const char *name, const char *dir, struct error *error)
{
    struct subject_run s = {.test = t, .name = name};
    const struct model_options how = {.pool = t->pool, .method = MODEL_FROZEN};
    struct model_config c;
    int status = -1;
    if (config_read(&c, dir, error) != 0)
        return -1;
    if (!c.encoder || c.head != heads[t->task]) {
        leave_out(t, name, c.encoder ? "it has no head for this task" : "it is no encoder");
        config_clear(&c);
        return 0;
    }
    config_clear(&c);
    if ((s.m = model_load(dir, &how, error)) != NULL &&
        (s.tokenizer = tokenizer_load(dir, error)) != NULL && read_rows(&s, error) == 0 &&
        encoding_open(&s.encoding, s.tokenizer, model_config(s.m),
                      (int32_t)recipe_integer(t->r, "train.max_length"), error) == 0)
        status = ask_all(&s, error);
    if (status == 0) {
        describe(&s, dir);
        t->items = s.n;
    }
    if (s.encoding.t != NULL)
        encoding_close(&s.encoding);
    labelled_close(&s.set);
    mem_free(s.use);
    mem_free(s.confusion);
    mem_free(s.logits);
    mem_free(s.rows);
    tokenizer_free(s.tokenizer);
    model_free(s.m);
    return status == 0 ? 0 : error_wrap(error, "%s", dir);
}

static int measure_named(struct test *t, const struct json *m, struct error *error)
{
    const char *name = json_text(m, "");
    char *folder = file_dir(recipe_file(t->r));
    char *dir = strcmp(name, "base") == 0      ? recipe_path(t->r, "train.student")
                : strcmp(name, "student") == 0 ? recipe_path(t->r, "train.out")
                                               : file_join(folder, name);
    int status = 0;
    if (json_type(m) != JSON_STRING || strcmp(name, "teacher") == 0)
        leave_out(t, json_type(m) == JSON_STRING ? name : "an endpoint",
                  "only folders of encoders are measured here");
    else if (!file_is_dir(dir))
        leave_out(t, name, "there is no such folder yet");
    else
        status = measure(t, name, dir, error);
    mem_free(dir);
    mem_free(folder);
    return status;
}

int encoders_run(const struct recipe *r, struct corpus *c, bool dry_run, struct buf *report,
                 struct error *error)
{
    struct test t = {.r = r,
                     .corpus = c,
                     .task = task_of(r),
                     .models = json_new_array(),
                     .tasks = json_new_array(),
                     .left_out = json_new_array(),
                     .confidence = recipe_number(r, "eval.confidence")};
    struct json *o = json_new_object();
    int status = 0;
    t.pool = pool_new((int)recipe_integer(r, "threads"));
    for (const struct json *m = json_first(recipe_get(r, "eval.models"));
         m != NULL && status == 0 && !dry_run; m = json_next(m))
        status = measure_named(&t, m, error);
    if (status == 0 && !dry_run && json_count(t.models) == 0)
        status = error_set(error, ERROR_INPUT, "no model to measure (%s)",
                           json_text(json_at(t.left_out, 0), "eval.models is empty"));
    json_put_integer(o, "items", (int64_t)t.items);
    json_put(o, "models", t.models);
    json_put(o, "tasks", t.tasks);
    if (json_count(t.left_out) != 0)
        json_put(o, "left_out", t.left_out);
    else
        json_free(t.left_out);
    if (status == 0)
        json_write(o, 0, report);
    json_free(o);
    pool_free(t.pool);
    return status;
}
