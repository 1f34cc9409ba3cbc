/*
 * tasks KIND SPLIT N SEED: the demo's data, to standard output.
 *
 *     tasks prompts train 4000 1     {"id":…,"instruction":…,"input":…,"meta":{"task":…}}  no answers
 *     tasks rows    train 60000 1    the same with "output": what the teacher is trained on
 *     tasks suite   heldout 400 1    {"task":…,"prompt":…,"input":…,"answer":…,"grader":…} for eval
 *     tasks text    train 20000 1    {"instruction":"","input":"","output":TEXT}: plain text of the
 *                                    same world, without any instruction or answer
 *
 * SPLIT is train, heldout (other inputs) or unseen (other inputs, and other wordings).  Inputs are
 * split by a hash of their text, 8 : 1 : 1, so no input stands in two splits whatever the seeds.
 */
#include "core/hash.h"
#include "core/json.h"
#include "demo/tasks/task.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct task *const tasks[] = {&task_triage,    &task_date,    &task_extract,
                                    &task_sentiment, &task_convert, &task_sort,
                                    &task_redact,    &task_title,   NULL};

enum split { SPLIT_TRAIN, SPLIT_HELDOUT, SPLIT_UNSEEN };
enum { TEXT_LINES = 8 };
enum kind { KIND_PROMPTS, KIND_ROWS, KIND_SUITE, KIND_TEXT };

struct item {
    const struct task *task;
    const char *wording;
    struct buf input, answer;
};

static enum split split_of(const struct buf *input)
{
    const uint64_t h = hash64(input->data, input->len, 20) % 10;
    return h < 8 ? SPLIT_TRAIN : h == 8 ? SPLIT_HELDOUT : SPLIT_UNSEEN;
}

/* Draw until an input falls into the split. */
static void draw_item(struct rng *r, enum split split, struct item *it)
{
    uint32_t n = 0;
    while (tasks[n] != NULL)
        n++;
    it->task = tasks[rng_below(r, n)];
    do {
        buf_clear(&it->input);
        buf_clear(&it->answer);
        it->task->make(r, &it->input, &it->answer);
    } while (split_of(&it->input) != split);
    it->wording =
        pick_word(r, split == SPLIT_UNSEEN ? it->task->rare_wordings : it->task->wordings);
}

/* Lines of the world, unrelated, some of them quoted from above as letters do. */
static void print_text(struct rng *r, struct item *it, struct buf *line)
{
    struct buf text = BUF, said[TEXT_LINES];
    const int lines = pick_between(r, 2, TEXT_LINES);
    for (int i = 0; i < lines; i++) {
        said[i] = BUF;
        if (i != 0 && pick_between(r, 0, 2) == 0) {
            buf_slice(&said[i], buf_view(&said[pick_between(r, 0, i - 1)]));
        } else {
            draw_item(r, SPLIT_TRAIN, it);
            buf_slice(&said[i], buf_view(pick_between(r, 0, 1) ? &it->input : &it->answer));
        }
        buf_printf(&text, "%s%s", i != 0 ? "\n" : "", buf_text(&said[i]));
    }
    buf_str(line, "{\"instruction\":\"\",\"input\":\"\",\"output\":");
    json_quote(buf_view(&text), 0, line);
    buf_str(line, "}\n");
    buf_free(&text);
    for (int i = 0; i < lines; i++)
        buf_free(&said[i]);
}

static void print_item(const struct item *it, enum kind kind, long number, const char *split,
                       struct buf *line)
{
    if (kind == KIND_SUITE)
        buf_printf(line, "{\"task\":\"%s\",\"grader\":\"%s\",\"prompt\":", it->task->name,
                   it->task->grader);
    else
        buf_printf(line, "{\"id\":\"%s-%06ld\",\"instruction\":", split, number);
    json_quote(slice_of(it->wording), 0, line);
    buf_str(line, ",\"input\":");
    json_quote(buf_view(&it->input), 0, line);
    if (kind != KIND_PROMPTS) {
        buf_str(line, kind == KIND_SUITE ? ",\"answer\":" : ",\"output\":");
        if (kind == KIND_SUITE && strcmp(it->task->grader, "json") == 0)
            buf_slice(line, buf_view(&it->answer)); /* an object */
        else
            json_quote(buf_view(&it->answer), 0, line);
    }
    if (kind != KIND_SUITE)
        buf_printf(line, ",\"meta\":{\"task\":\"%s\"}", it->task->name);
    buf_str(line, "}\n");
}

static int index_of(const char *name, const char *const *names)
{
    for (int i = 0; names[i] != NULL; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

int main(int argc, char **argv)
{
    static const char *const kinds[] = {"prompts", "rows", "suite", "text", NULL};
    static const char *const splits[] = {"train", "heldout", "unseen", NULL};
    struct item it = {.input = BUF, .answer = BUF};
    struct buf line = BUF;
    const int kind = argc == 5 ? index_of(argv[1], kinds) : -1;
    const int split = argc == 5 ? index_of(argv[2], splits) : -1;
    if (kind < 0 || split < 0) {
        fprintf(stderr, "usage: tasks prompts|rows|suite|text train|heldout|unseen N SEED\n");
        return 2;
    }
    for (long i = 0, n = strtol(argv[3], NULL, 10); i < n; i++) {
        struct rng r = rng_new(strtoull(argv[4], NULL, 10), (uint64_t)kind << 32 | (uint64_t)i);
        buf_clear(&line);
        if (kind == KIND_TEXT) {
            print_text(&r, &it, &line);
        } else {
            draw_item(&r, (enum split)split, &it);
            print_item(&it, (enum kind)kind, i, splits[split], &line);
        }
        if (fwrite(line.data, 1, line.len, stdout) != line.len)
            return 1;
    }
    buf_free(&it.input);
    buf_free(&it.answer);
    buf_free(&line);
    return fflush(stdout) == 0 ? 0 : 1;
}
