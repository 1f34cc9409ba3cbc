#include "eval/interview.h"

#include "core/clock.h"
#include "core/mem.h"
#include "eval/grade.h"
#include "eval/judge.h"

#include <stdio.h>
#include <string.h>

/* One round of questions: all items that have a turn of this number, or all to be judged. */
struct round {
    const struct interview *v;
    struct sheet *sheet;
    struct subject *asked;
    const char *unit; /* for progress */
    struct question *questions;
    struct json **messages; /* of each question; owned */
    size_t n, done;
    void (*take)(struct sheet_line *line, struct slice reply);
    bool live; /* answers come from the subject, not from the file */
};

static struct round round_open(const struct interview *v, struct sheet *sheet,
                               struct subject *asked, const char *unit)
{
    struct round r = {.v = v, .sheet = sheet, .asked = asked, .unit = unit};
    r.questions = mem_zero(sheet->n + 1, sizeof *r.questions);
    r.messages = mem_zero(sheet->n + 1, sizeof *r.messages);
    return r;
}

static void round_close(struct round *r)
{
    for (size_t i = 0; i < r->n; i++)
        json_free(r->messages[i]);
    mem_free(r->messages);
    mem_free(r->questions);
}

/* What an answer is stored under: the model, what it was asked, and how. */
static struct hash128 key_of(const struct subject *s, const struct json *messages,
                             int64_t max_tokens, const char *kind)
{
    struct buf text = BUF;
    struct hash128 h = s->identity;
    json_write(messages, JSON_CANONICAL, &text);
    h = hash128_add(h, buf_text(&text), text.len);
    h = hash128_add(h, &max_tokens, sizeof max_tokens);
    h = hash128_add(h, kind, strlen(kind));
    buf_free(&text);
    return h;
}

/* messages is moved. */
static void round_add(struct round *r, size_t item, struct json *messages)
{
    int64_t most = r->v->suite->items[item].max_tokens;
    struct question *q = &r->questions[r->n];
    r->messages[r->n++] = messages;
    *q = (struct question){.messages = messages, .index = item};
    q->max_tokens = most > 0 ? most : r->v->max_tokens;
    q->key = key_of(r->asked, messages, q->max_tokens, "reply");
}

/* --- answers ------------------------------------------------------------------------------ */

static void show_progress(const struct round *r)
{
    struct progress_state state = {.stage = "eval",
                                   .unit = r->unit,
                                   .done = r->done,
                                   .total = r->n};
    (void)snprintf(state.note, sizeof state.note, "%.40s on %.40s", r->asked->name,
                   r->v->suite->name);
    if (r->done == r->n)
        progress_finish(r->v->progress, &state);
    else
        progress_update(r->v->progress, &state);
}

static void set_why(struct sheet_line *line, struct slice text)
{
    mem_free(line->why);
    line->why = mem_strndup(text.data != NULL ? text.data : "", text.len);
}

static int heard(void *context, size_t index, const struct answer *a, struct error *error)
{
    struct round *r = context;
    struct sheet_line *line = &r->sheet->lines[index];
    bool failed = slice_starts(a->finish_reason, "failed");
    if (r->live && !failed && answers_put(r->v->corpus, r->v->run, a, error) != 0)
        return -1;
    if (failed) {
        line->failed = true;
        set_why(line, a->finish_reason);
    } else {
        r->take(line, a->reply.data != NULL ? a->reply : SLICE(""));
    }
    r->sheet->input_tokens += a->input_tokens;
    r->sheet->output_tokens += a->output_tokens;
    r->sheet->nusd += a->nusd;
    r->sheet->asked += r->live;
    r->sheet->asked_tokens += r->live ? a->output_tokens : 0;
    r->done++;
    show_progress(r);
    return 0;
}

struct recalled {
    struct round *round;
    size_t index;
};

static int from_file(void *context, const struct answer *a, struct error *error)
{
    struct recalled *found = context;
    return heard(found->round, found->index, a, error);
}

static int run_round(struct round *r, struct error *error)
{
    struct question *left = mem_alloc((r->n + 1) * sizeof *left);
    size_t n = 0;
    int64_t from = clock_ns();
    int status = 0;
    for (size_t i = 0; status == 0 && i < r->n; i++) {
        struct recalled found = {r, r->questions[i].index};
        int there = answers_get(r->v->corpus, r->questions[i].key, from_file, &found, error);
        if (there == 0)
            left[n++] = r->questions[i];
        status = there < 0 ? -1 : 0;
    }
    r->live = true;
    if (status == 0 && n != 0) {
        status = r->asked->ops->ask(r->asked, left, n, heard, r, error);
        r->sheet->seconds += (double)(clock_ns() - from) / 1e9;
    }
    mem_free(left);
    return status;
}

/* --- turns -------------------------------------------------------------------------------- */

static void push_turn(struct json *said, const char *role, struct slice content)
{
    struct json *turn = json_new_object();
    json_put_text(turn, "role", role);
    json_put_string(turn, "content", content);
    json_push(said, turn);
}

static void take_reply(struct sheet_line *line, struct slice reply)
{
    mem_free(line->reply);
    line->reply = mem_strndup(reply.data, reply.len);
    push_turn(line->said, "assistant", reply);
}

/* The prompt of a turn joins what was said; false when the item has none. */
static bool put_turn(const struct suite_item *item, struct sheet_line *line, size_t turn)
{
    if (turn == 0)
        return true;
    if (line->failed || turn > json_count(item->turns))
        return false;
    push_turn(line->said, "user", json_string(json_at(item->turns, turn - 1)));
    return true;
}

static int ask_turn(const struct interview *v, struct sheet *out, size_t turn, size_t *asked,
                    struct error *error)
{
    struct round r = round_open(v, out, v->subject, "replies");
    int status;
    r.take = take_reply;
    for (size_t i = 0; i < out->n; i++) {
        const struct suite_item *item = &v->suite->items[i];
        if (item->grader->needs != GRADER_LIKELIHOOD && put_turn(item, &out->lines[i], turn))
            round_add(&r, i, json_copy(out->lines[i].said));
    }
    *asked = r.n;
    status = run_round(&r, error);
    round_close(&r);
    return status;
}

/* --- likelihoods -------------------------------------------------------------------------- */

struct scores {
    double *values;
    size_t n;
};

static int read_scores(void *context, const struct answer *a, struct error *error)
{
    struct scores *s = context;
    struct json *list = json_parse(a->reply, 0, NULL);
    size_t i = 0;
    (void)error;
    for (const struct json *x = json_first(list); x != NULL && i < s->n; x = json_next(x))
        s->values[i++] = json_number(x, 0);
    json_free(list);
    return i == s->n ? 0 : 2; /* of another set of choices: compute again */
}

static int store_scores(const struct interview *v, struct hash128 key, const struct scores *s,
                        struct error *error)
{
    struct json *list = json_new_array();
    struct buf text = BUF;
    struct answer a = {.key = key, .model = slice_of(v->subject->name)};
    int status;
    for (size_t i = 0; i < s->n; i++)
        json_push(list, json_new_number(s->values[i]));
    json_write(list, 0, &text);
    a.reply = buf_view(&text);
    status = answers_put(v->corpus, v->run, &a, error);
    json_free(list);
    buf_free(&text);
    return status;
}

/* Log-likelihoods of an item's choices, from the file or the model. */
static int weigh(const struct interview *v, const struct suite_item *item, struct scores *s,
                 struct error *error)
{
    struct buf kind = BUF;
    struct hash128 key;
    int found;
    json_write(item->choices, JSON_CANONICAL, &kind);
    key = key_of(v->subject, item->messages, 0, buf_text(&kind));
    buf_free(&kind);
    found = answers_get(v->corpus, key, read_scores, s, error);
    if (found == 1 || found < 0)
        return found < 0 ? -1 : 0;
    if (v->subject->ops->likelihood(v->subject, item->messages, item->choices, s->values, error) !=
        0)
        return -1;
    return store_scores(v, key, s, error);
}

/* --- grading ------------------------------------------------------------------------------ */

static void grade_line(const struct interview *v, size_t i, struct grade_input in,
                       struct sheet_line *line)
{
    struct grade g = {0, false, BUF_MAX(1 << 16)};
    in.item = &v->suite->items[i];
    in.reply = slice_of(line->reply);
    in.command = v->command;
    in.item->grader->grade(&in, &g);
    line->score = g.failed ? 0 : g.score;
    line->failed = g.failed;
    set_why(line, buf_view(&g.why));
    buf_free(&g.why);
}

static int grade_choice_line(const struct interview *v, size_t i, struct sheet_line *line,
                             struct error *error)
{
    const struct suite_item *item = &v->suite->items[i];
    struct scores s = {NULL, json_count(item->choices)};
    struct error why = {ERROR_NONE, ""};
    int status = 0;
    if (v->subject->ops->likelihood == NULL) {
        line->failed = true;
        set_why(line, SLICE("failed: an endpoint gives no likelihoods"));
        return 0;
    }
    s.values = mem_zero(s.n + 1, sizeof *s.values);
    if (weigh(v, item, &s, &why) == 0) {
        grade_line(v, i, (struct grade_input){.scores = s.values}, line);
    } else if (why.code == ERROR_LIMIT) {
        line->failed = true;
        set_why(line, slice_of(why.text));
    } else {
        status = -1;
        if (error != NULL)
            *error = why;
    }
    mem_free(s.values);
    return status;
}

/* The judge's words stand in `why` until they are graded. */
static void take_verdict(struct sheet_line *line, struct slice reply)
{
    set_why(line, reply);
}

static int ask_judge(const struct interview *v, struct sheet *out, struct error *error)
{
    struct round r;
    int status = 0;
    r = round_open(v, out, v->judge, "verdicts");
    r.take = take_verdict;
    for (size_t i = 0; i < out->n; i++) {
        const struct suite_item *item = &v->suite->items[i];
        if (item->grader->needs == GRADER_JUDGE && !out->lines[i].failed)
            round_add(&r, i, judge_messages(item, out->lines[i].said));
    }
    status = run_round(&r, error);
    round_close(&r);
    return status;
}

static bool needs_judge(const struct suite *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->items[i].grader->needs == GRADER_JUDGE)
            return true;
    return false;
}

static int grade_all(const struct interview *v, struct sheet *out, struct error *error)
{
    if (needs_judge(v->suite) && v->judge != NULL && ask_judge(v, out, error) != 0)
        return -1;
    for (size_t i = 0; i < out->n; i++) {
        struct sheet_line *line = &out->lines[i];
        const struct grader *g = v->suite->items[i].grader;
        if (line->failed)
            continue;
        if (g->needs == GRADER_LIKELIHOOD) {
            if (grade_choice_line(v, i, line, error) != 0)
                return -1;
        } else if (g->needs == GRADER_JUDGE && v->judge == NULL) {
            line->failed = true;
            set_why(line, SLICE("failed: eval.judge is not set"));
        } else {
            char *verdict = mem_strdup(line->why);
            grade_line(v, i, (struct grade_input){.verdict = slice_of(verdict)}, line);
            mem_free(verdict);
        }
    }
    for (size_t i = 0; i < out->n; i++)
        out->failed += out->lines[i].failed;
    return 0;
}

int interview_run(const struct interview *v, struct sheet *out, struct error *error)
{
    size_t turn = 0, asked = 1;
    int status = 0;
    memset(out, 0, sizeof *out);
    out->n = v->suite->n;
    out->lines = mem_zero(out->n + 1, sizeof *out->lines);
    for (size_t i = 0; i < out->n; i++) {
        out->lines[i].reply = mem_strdup("");
        out->lines[i].why = mem_strdup("");
        out->lines[i].said = json_copy(v->suite->items[i].messages);
    }
    while (status == 0 && asked != 0)
        status = ask_turn(v, out, turn++, &asked, error);
    if (status == 0)
        status = grade_all(v, out, error);
    if (status != 0)
        sheet_free(out);
    return status;
}

void sheet_free(struct sheet *s)
{
    for (size_t i = 0; i < s->n; i++) {
        mem_free(s->lines[i].reply);
        mem_free(s->lines[i].why);
        json_free(s->lines[i].said);
    }
    mem_free(s->lines);
    memset(s, 0, sizeof *s);
}
