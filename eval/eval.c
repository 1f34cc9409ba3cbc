#include "eval/eval.h"

#include "core/mem.h"
#include "corpus/runs.h"
#include "eval/encoders.h"
#include "eval/graders.h"
#include "eval/interview.h"
#include "eval/score.h"
#include "eval/study.h"

#include <math.h>
#include <string.h>

/* What one subject came to. */
struct outcome {
    struct subject_measure held;
    bool measured;
    struct sheet *sheets; /* one a suite, then one for the replies side by side */
};

struct evaluation {
    struct study study;
    const struct eval_options *options;
    struct corpus *corpus;
    struct progress *progress;
    struct held held;
    struct suite side;        /* held-out prompts that every model answers */
    struct outcome *outcomes; /* one a subject */
    size_t done;              /* of them, those that are whole */
    struct json *models, *tasks, *comparisons, *suites;
};

/* --- held-out rows ------------------------------------------------------------------------ */

/* The first held-out rows as a suite: asked without the last reply, which is the answer. */
static void make_side(struct evaluation *e)
{
    e->side.name = mem_strdup("held_out");
    for (size_t i = 0; i < e->held.n && i < e->study.replies; i++) {
        const struct json *turns = e->held.turns[i];
        size_t n = json_count(turns), k = 0;
        struct suite_item *item = suite_add(&e->side);
        item->id = suite_text(NULL, "row ", (size_t)e->held.samples[i]);
        item->task = mem_strdup("held_out");
        item->messages = json_new_array();
        for (const struct json *t = json_first(turns); t != NULL && ++k < n; t = json_next(t))
            json_push(item->messages, json_copy(t));
        item->answer = json_copy(json_get(json_at(turns, n - 1), "content"));
        item->grader = &grade_rouge;
    }
}

static int read_held(struct evaluation *e, struct error *error)
{
    const struct study *s = &e->study;
    uint64_t limit = s->held_out_rows;
    if (e->corpus == NULL || (!s->measure_held_out && s->replies == 0))
        return 0;
    if (limit != 0 && limit < s->replies)
        limit = s->replies;
    if (held_read(&e->held, e->corpus, s->held_out, limit, error) != 0)
        return -1;
    make_side(e);
    return 0;
}

/* --- one subject -------------------------------------------------------------------------- */

static int measure(struct evaluation *e, struct subject *subject, struct outcome *out,
                   struct error *error)
{
    const struct subject_rows rows = {(const struct json *const *)e->held.turns, e->held.n};
    if (!e->study.measure_held_out || e->held.n == 0 || subject->ops->measure == NULL)
        return 0;
    if (subject->ops->measure(subject, &rows, &out->held, error) != 0)
        return error_wrap(error, "eval: model %s", subject->name);
    out->measured = out->held.tokens != 0;
    return 0;
}

static int interview(struct evaluation *e, struct subject *subject, struct subject *judge,
                     struct outcome *out, struct error *error)
{
    struct interview v = {.corpus = e->corpus,
                          .run = e->options->run_id,
                          .subject = subject,
                          .judge = judge,
                          .command = e->study.command,
                          .max_tokens = e->study.max_tokens,
                          .progress = e->progress};
    for (size_t i = 0; i <= e->study.n_suites; i++) {
        v.suite = i < e->study.n_suites ? &e->study.suites[i] : &e->side;
        if (interview_run(&v, &out->sheets[i], error) != 0)
            return -1;
    }
    return 0;
}

static struct json *describe(const struct evaluation *e, const struct subject *subject,
                             const struct outcome *out)
{
    struct json *o = json_new_object();
    double usd = 0, seconds = 0, asked = 0;
    json_put_text(o, "model", subject->name);
    json_put_text(o, "kind", subject->ops->kind);
    if (subject->how->temperature > 0)
        json_put_number(o, "temperature", subject->how->temperature);
    if (out->measured) {
        double nll = out->held.nll / (double)out->held.tokens;
        json_put_number(o, "nll", nll);
        json_put_number(o, "perplexity", exp(nll));
        json_put_integer(o, "tokens", (int64_t)out->held.tokens);
        json_put_number(o, "weights_mb", round((double)out->held.stored / 1e4) / 100);
        json_put_number(o, "memory_mb", round((double)out->held.held / 1e4) / 100);
        json_put_number(o, "reads_tokens_per_s",
                        round((double)out->held.passed / out->held.seconds));
    }
    for (size_t i = 0; i <= e->study.n_suites; i++) {
        usd += (double)out->sheets[i].nusd / 1e9;
        seconds += out->sheets[i].seconds;
        asked += (double)out->sheets[i].asked_tokens;
    }
    if (seconds > 0)
        json_put_number(o, "tokens_per_s", asked / seconds);
    json_put_number(o, "usd", usd);
    return o;
}

/* One record a suite (and one for the held-out rows) in the dataset file. */
static int record(struct evaluation *e, const struct subject *subject, const struct outcome *out,
                  struct error *error)
{
    int status = 0;
    for (size_t i = 0; status == 0 && i <= e->study.n_suites; i++) {
        const struct suite *suite = i < e->study.n_suites ? &e->study.suites[i] : &e->side;
        struct json *o = describe(e, subject, out), *tasks = json_new_array();
        struct json *whole = json_new_array();
        struct buf text = BUF;
        score_tasks(suite, &out->sheets[i], subject->name, &e->study.score, tasks);
        json_put(o, "tasks", tasks);
        if (suite->n != 0)
            score_suite(suite, &out->sheets[i], subject->name, &e->study.score, whole);
        json_put(o, "suites", whole);
        json_write(o, 0, &text);
        if (suite->n != 0 || out->measured)
            status = runs_evaluation(e->corpus, e->options->run_id, subject->name, suite->name,
                                     buf_text(&text), error);
        json_free(o);
        buf_free(&text);
    }
    return status;
}

static int examine(struct evaluation *e, size_t index, struct subject *judge, struct error *error)
{
    struct outcome *out = &e->outcomes[index];
    struct subject *subject = subject_open(&e->study.subjects[index], &e->study.how, error);
    int status;
    if (subject == NULL)
        return -1;
    out->sheets = mem_zero(e->study.n_suites + 1, sizeof *out->sheets);
    status = measure(e, subject, out, error);
    if (status == 0)
        status = interview(e, subject, judge, out, error);
    if (status == 0)
        status = record(e, subject, out, error);
    if (status == 0)
        json_push(e->models, describe(e, subject, out));
    subject_close(subject);
    return status;
}

/* --- reporting ---------------------------------------------------------------------------- */

static void score_all(struct evaluation *e)
{
    for (size_t i = 0; i < e->study.n_suites; i++) {
        const struct suite *suite = &e->study.suites[i];
        for (size_t m = 0; m < e->done; m++) {
            const struct sheet *sheet = &e->outcomes[m].sheets[i];
            score_tasks(suite, sheet, e->study.subjects[m].name, &e->study.score, e->tasks);
            score_suite(suite, sheet, e->study.subjects[m].name, &e->study.score, e->suites);
        }
        for (size_t b = 1; b < e->done; b++)
            for (size_t a = 0; a < b; a++) {
                struct score_side x = {&e->outcomes[a].sheets[i], e->study.subjects[a].name};
                struct score_side y = {&e->outcomes[b].sheets[i], e->study.subjects[b].name};
                score_pair(suite, &x, &y, &e->study.score, e->comparisons);
            }
    }
}

/* {"prompt", "wanted", and a column for each model} a held-out prompt. */
static struct json *side_by_side(const struct evaluation *e)
{
    struct json *rows = json_new_array();
    for (size_t i = 0; i < e->side.n; i++) {
        const struct suite_item *item = &e->side.items[i];
        const struct json *last = json_at(item->messages, json_count(item->messages) - 1);
        struct json *o = json_new_object();
        json_put_string(o, "prompt", json_string(json_get(last, "content")));
        json_put_string(o, "wanted", json_string(item->answer));
        for (size_t m = 0; m < e->done; m++)
            json_put_text(o, e->study.subjects[m].name,
                          e->outcomes[m].sheets[e->study.n_suites].lines[i].reply);
        json_push(rows, o);
    }
    return rows;
}

static void move_if_any(struct json *report, const char *key, struct json *array)
{
    if (json_count(array) != 0)
        json_put(report, key, array);
    else
        json_free(array);
}

static void write_report(struct evaluation *e, struct json *report)
{
    size_t items = 0;
    for (size_t i = 0; i < e->study.n_suites; i++)
        items += e->study.suites[i].n;
    score_all(e);
    json_put_integer(report, "items", (int64_t)items);
    json_put_integer(report, "held_out_rows", (int64_t)e->held.n);
    for (size_t m = e->done; m-- > 0;) {
        const struct outcome *out = &e->outcomes[m];
        if (!out->measured)
            continue;
        json_put_number(report, "nll", out->held.nll / (double)out->held.tokens);
        json_put_integer(report, "tokens", (int64_t)out->held.tokens);
        break;
    }
    move_if_any(report, "models", e->models);
    move_if_any(report, "tasks", e->tasks);
    move_if_any(report, "comparisons", e->comparisons);
    move_if_any(report, "suites", e->suites);
    move_if_any(report, "replies", side_by_side(e));
    move_if_any(report, "left_out", json_copy(e->study.left_out));
}

static void plan_report(const struct evaluation *e, struct json *report)
{
    struct json *models = json_new_array(), *suites = json_new_array();
    for (size_t i = 0; i < e->study.n_subjects; i++) {
        struct json *o = json_new_object();
        json_put_text(o, "model", e->study.subjects[i].name);
        json_put_text(o, "where",
                      e->study.subjects[i].folder != NULL
                          ? e->study.subjects[i].folder
                          : json_text(json_get(e->study.subjects[i].teacher, "base_url"), ""));
        json_push(models, o);
    }
    for (size_t i = 0; i < e->study.n_suites; i++) {
        struct json *o = json_new_object();
        json_put_text(o, "suite", e->study.suites[i].name);
        json_put_integer(o, "items", (int64_t)e->study.suites[i].n);
        json_put_text(o, "first_grader", e->study.suites[i].items[0].grader->name);
        json_push(suites, o);
    }
    json_put_integer(report, "held_out_rows", (int64_t)e->held.n);
    move_if_any(report, "models", models);
    move_if_any(report, "suites", suites);
    move_if_any(report, "left_out", json_copy(e->study.left_out));
}

/* --- all of it ---------------------------------------------------------------------------- */

static int examine_all(struct evaluation *e, struct error *error)
{
    struct subject *judge = NULL;
    int status = 0;
    if (e->study.judge.name != NULL &&
        (judge = subject_open(&e->study.judge, &e->study.how, error)) == NULL)
        return -1;
    e->outcomes = mem_zero(e->study.n_subjects + 1, sizeof *e->outcomes);
    while (status == 0 && e->done < e->study.n_subjects) {
        status = examine(e, e->done, judge, error);
        if (status == 0)
            e->done++;
    }
    subject_close(judge);
    return status;
}

static void close_all(struct evaluation *e)
{
    for (size_t m = 0; e->outcomes != NULL && m < e->study.n_subjects; m++) {
        for (size_t i = 0; e->outcomes[m].sheets != NULL && i <= e->study.n_suites; i++)
            sheet_free(&e->outcomes[m].sheets[i]);
        mem_free(e->outcomes[m].sheets);
    }
    mem_free(e->outcomes);
    suite_free(&e->side);
    held_free(&e->held);
    study_close(&e->study);
}

int eval_run(const struct recipe *recipe, struct corpus *corpus, const struct eval_options *options,
             struct progress *progress, struct buf *report, struct error *error)
{
    struct evaluation e = {.options = options, .corpus = corpus, .progress = progress};
    struct json *o;
    int status;
    if (encoders_wanted(recipe))
        return encoders_run(recipe, corpus, options->dry_run, report, error);
    if (study_open(&e.study, recipe, error) != 0)
        return -1;
    o = json_new_object();
    e.models = json_new_array();
    e.tasks = json_new_array();
    e.comparisons = json_new_array();
    e.suites = json_new_array();
    status = read_held(&e, error);
    if (status == 0 && !options->dry_run)
        status = examine_all(&e, error);
    if (options->dry_run) {
        plan_report(&e, o);
        json_free(e.models);
        json_free(e.tasks);
        json_free(e.comparisons);
        json_free(e.suites);
    } else {
        write_report(&e, o);
    }
    if (status == 0 || e.done != 0)
        json_write(o, 0, report);
    json_free(o);
    close_all(&e);
    return status;
}
