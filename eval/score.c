#include "eval/score.h"

#include "core/mem.h"
#include "eval/grade.h"

#include <math.h>
#include <string.h>

static bool in_task(const struct suite_item *item, const char *task)
{
    return task == NULL || strcmp(item->task, task) == 0;
}

/* A score that is neither right nor wrong. */
static bool between(double score)
{
    return score > 0 && score < 1;
}

struct interval score_task(const struct suite *s, const struct sheet *sheet, const char *task,
                           const struct score_how *how, size_t *n)
{
    double *x = mem_alloc((s->n + 1) * sizeof *x), sum = 0;
    struct interval result;
    bool graded = false;
    *n = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (!in_task(&s->items[i], task))
            continue;
        graded = graded || between(sheet->lines[i].score);
        sum += sheet->lines[i].score;
        x[(*n)++] = sheet->lines[i].score;
    }
    result = graded ? stats_bootstrap(x, *n, how->confidence, how->rounds, how->seed)
                    : stats_wilson((uint64_t)(sum + 0.5), *n, how->confidence);
    mem_free(x);
    return result;
}

static size_t count_failed(const struct suite *s, const struct sheet *sheet, const char *task)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        n += in_task(&s->items[i], task) && sheet->lines[i].failed;
    return n;
}

static bool seen_before(const struct suite *s, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp(s->items[k].task, s->items[i].task) == 0)
            return true;
    return false;
}

/* The numbers of a task (NULL: of all items) into o. */
static void put_accuracy(struct json *o, const struct suite *s, const struct sheet *sheet,
                         const char *task, const struct score_how *how)
{
    size_t n;
    const struct interval v = score_task(s, sheet, task, how, &n);
    json_put_integer(o, "items", (int64_t)n);
    json_put_number(o, "accuracy", v.value);
    json_put_number(o, "low", v.low);
    json_put_number(o, "high", v.high);
    json_put_integer(o, "failed", (int64_t)count_failed(s, sheet, task));
}

void score_tasks(const struct suite *s, const struct sheet *sheet, const char *model,
                 const struct score_how *how, struct json *array)
{
    for (size_t i = 0; i < s->n; i++) {
        struct json *o;
        if (seen_before(s, i))
            continue;
        o = json_new_object();
        json_put_text(o, "task", s->items[i].task);
        json_put_text(o, "model", model);
        put_accuracy(o, s, sheet, s->items[i].task, how);
        json_push(array, o);
    }
}

void score_suite(const struct suite *s, const struct sheet *sheet, const char *model,
                 const struct score_how *how, struct json *array)
{
    struct json *o = json_new_object();
    json_put_text(o, "suite", s->name);
    json_put_text(o, "model", model);
    put_accuracy(o, s, sheet, NULL, how);
    json_push(array, o);
}

/* Whether two replies say the same, case, punctuation and spacing aside. */
static bool same_words(const char *a, const char *b)
{
    struct buf x = BUF, y = BUF;
    bool same;
    grade_normalise(slice_of(a), &x);
    grade_normalise(slice_of(b), &y);
    same = slice_equal(buf_view(&x), buf_view(&y));
    buf_free(&x);
    buf_free(&y);
    return same;
}

void score_pair(const struct suite *s, const struct score_side *a, const struct score_side *b,
                const struct score_how *how, struct json *array)
{
    double *d = mem_alloc((s->n + 1) * sizeof *d);
    uint64_t only_a = 0, only_b = 0, agree = 0;
    bool graded = false;
    struct json *o = json_new_object();
    struct interval v;
    for (size_t i = 0; i < s->n; i++) {
        const struct sheet_line *x = &a->sheet->lines[i], *y = &b->sheet->lines[i];
        d[i] = y->score - x->score;
        only_a += d[i] < 0;
        only_b += d[i] > 0;
        agree += !x->failed && !y->failed && same_words(x->reply, y->reply);
        graded = graded || between(x->score) || between(y->score);
    }
    v = stats_bootstrap(d, s->n, how->confidence, how->rounds, how->seed);
    json_put_text(o, "suite", s->name);
    json_put_text(o, "a", a->model);
    json_put_text(o, "b", b->model);
    json_put_number(o, "difference", v.value);
    json_put_number(o, "low", v.low);
    json_put_number(o, "high", v.high);
    json_put_number(o, "p",
                    graded ? stats_signflip(d, s->n, how->rounds, how->seed)
                           : stats_mcnemar(only_a, only_b));
    json_put_integer(o, "only_a", (int64_t)only_a);
    json_put_integer(o, "only_b", (int64_t)only_b);
    json_put_number(o, "agreement", s->n != 0 ? (double)agree / (double)s->n : 0);
    json_push(array, o);
    mem_free(d);
}
