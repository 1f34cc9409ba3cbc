/* retort's own suites: see suite.h. */
#include "corpus/turns.h"
#include "eval/formats.h"

static bool recognise(const struct json *line)
{
    return json_get(line, "prompt") != NULL || json_get(line, "messages") != NULL ||
           (json_type(json_get(line, "turns")) == JSON_ARRAY && json_get(line, "grader") != NULL);
}

static struct json *copy(const struct json *node)
{
    return node != NULL && json_type(node) != JSON_NULL ? json_copy(node) : NULL;
}

/* The first of "turns" is asked like a prompt, the rest follow. */
static int take_turns(const struct json *turns, struct suite_item *item, struct error *error)
{
    const struct json *first = json_first(turns);
    item->turns = json_new_array();
    for (const struct json *t = first; t != NULL; t = json_next(t)) {
        if (json_string(t).data == NULL)
            return error_set(error, ERROR_INPUT, "\"turns\" holds a value that is no text");
        if (t == first)
            item->messages = suite_messages((struct slice){NULL, 0}, json_string(t));
        else
            json_push(item->turns, json_copy(t));
    }
    return item->messages != NULL ? 0 : error_set(error, ERROR_INPUT, "\"turns\" holds no prompt");
}

/* Prompt and input make the user's text as instruction and input of a row do. */
static void take_text(const struct json *line, struct slice prompt, struct suite_item *item)
{
    const struct sample row = {.instruction = prompt,
                               .input = json_string(json_get(line, "input"))};
    struct buf text = BUF;
    turns_prompt(&row, &text);
    item->messages = suite_messages(json_string(json_get(line, "system")), buf_view(&text));
    buf_free(&text);
}

static int take_prompt(const struct json *line, struct suite_item *item, struct error *error)
{
    const struct json *messages = json_get(line, "messages"), *turns = json_get(line, "turns");
    struct slice prompt = json_string(json_get(line, "prompt"));
    if (json_type(turns) == JSON_ARRAY)
        return take_turns(turns, item, error);
    if (json_type(messages) == JSON_ARRAY && json_count(messages) != 0)
        item->messages = json_copy(messages);
    else if (prompt.data != NULL)
        take_text(line, prompt, item);
    else
        return error_set(error, ERROR_INPUT, "an item needs \"prompt\" (a text) or \"messages\"");
    return 0;
}

static int items(const struct json *line, const struct json *beside, struct suite *s,
                 struct error *error)
{
    struct suite_item *item = suite_add(s);
    const char *grader = json_text(json_get(line, "grader"), NULL);
    (void)beside;
    if (take_prompt(line, item, error) != 0)
        return -1;
    if (json_get(line, "id") != NULL)
        item->id = suite_text(json_get(line, "id"), "", s->n);
    if (json_string(json_get(line, "task")).data != NULL)
        item->task = suite_text(json_get(line, "task"), "", s->n);
    item->answer = copy(json_get(line, "answer"));
    item->choices = copy(json_get(line, "choices"));
    item->args = copy(json_get(line, "args"));
    (void)json_integer(json_get(line, "max_tokens"), &item->max_tokens);
    if (grader != NULL) {
        item->grader = grader_find(grader, error);
        if (item->grader == NULL)
            return -1;
    }
    return 0;
}

const struct suite_format format_retort = {.name = "retort",
                                           .recognise = recognise,
                                           .items = items};
