/*
 * MT-Bench: {"question_id", "category", "turns": [first, second]}, with reference_gpt4.jsonl and
 * judge_prompts.jsonl beside it where they are.  Each question makes two items, one a turn, both
 * rated by the judge from 1 to 10 with the benchmark's single-answer prompts.
 */
#include "eval/formats.h"

#include "core/file.h"
#include "core/mem.h"

#include <string.h>

enum { LINE_MAX_BYTES = 1 << 22 };

static bool recognise(const struct json *line)
{
    return json_get(line, "question_id") != NULL &&
           json_type(json_get(line, "turns")) == JSON_ARRAY;
}

/* The lines of a file as an object by a key's text; an empty object where there is no file. */
static struct json *by_key(const char *folder, const char *name, const char *key)
{
    char *path = file_join(folder, name);
    struct file_lines *lines = file_lines_open(path, LINE_MAX_BYTES, NULL);
    struct json *all = json_new_object();
    struct slice text;
    while (lines != NULL && file_lines_next(lines, &text, NULL) == 1) {
        struct json *line = json_parse(text, JSON_REPAIR, NULL);
        char *id = suite_text(json_get(line, key), "", 0);
        if (line != NULL)
            json_put(all, id, line);
        mem_free(id);
    }
    file_lines_close(lines);
    mem_free(path);
    return all;
}

static struct json *beside(const char *path)
{
    char *folder = file_dir(path);
    struct json *o = json_new_object();
    json_put(o, "references", by_key(folder, "reference_gpt4.jsonl", "question_id"));
    json_put(o, "judges", by_key(folder, "judge_prompts.jsonl", "name"));
    mem_free(folder);
    return o;
}

/* The judge's prompt of the benchmark for this kind of item, as args; NULL where it is not there. */
static struct json *judge_args(const struct json *judges, bool reference, size_t turn)
{
    static const char *const names[2][2] = {{"single-v1", "single-v1-multi-turn"},
                                            {"single-math-v1", "single-math-v1-multi-turn"}};
    const struct json *prompt = json_get(judges, names[reference][turn]);
    struct json *args, *judge;
    if (prompt == NULL)
        return NULL;
    args = json_new_object();
    judge = json_new_object();
    json_put_string(judge, "system", json_string(json_get(prompt, "system_prompt")));
    json_put_string(judge, "template", json_string(json_get(prompt, "prompt_template")));
    json_put(args, "judge", judge);
    return args;
}

static void add_turn(const struct json *line, const struct json *side, size_t turn, struct suite *s)
{
    const struct json *turns = json_get(line, "turns");
    char *question = suite_text(json_get(line, "question_id"), "", s->n);
    const struct json *reference =
        json_path(json_get(json_get(side, "references"), question), "choices.0.turns");
    struct suite_item *item = suite_add(s);
    struct buf text = BUF;
    buf_printf(&text, "%s.%zu", question, turn + 1);
    item->id = buf_take(&text);
    buf_printf(&text, "%s %s", s->name, json_text(json_get(line, "category"), "other"));
    item->task = buf_take(&text);
    item->messages = suite_messages((struct slice){NULL, 0}, json_string(json_at(turns, 0)));
    if (turn == 1) {
        item->turns = json_new_array();
        json_push(item->turns, json_copy(json_at(turns, 1)));
    }
    if (reference != NULL)
        item->answer = json_copy(reference);
    item->args = judge_args(json_get(side, "judges"), reference != NULL, turn);
    item->grader = &grade_judge;
    item->max_tokens = 1024;
    mem_free(question);
}

static int items(const struct json *line, const struct json *side, struct suite *s,
                 struct error *error)
{
    const struct json *turns = json_get(line, "turns");
    size_t n = json_count(turns);
    if (n == 0 || n > 2 || json_string(json_at(turns, 0)).data == NULL ||
        json_string(json_at(turns, n - 1)).data == NULL)
        return error_set(error, ERROR_INPUT, "an MT-Bench line has one or two \"turns\", texts");
    for (size_t turn = 0; turn < n; turn++)
        add_turn(line, side, turn, s);
    return 0;
}

const struct suite_format format_mtbench = {.name = "mtbench",
                                            .recognise = recognise,
                                            .beside = beside,
                                            .items = items};
