/* IFEval: {"key", "prompt", "instruction_id_list", "kwargs"}. */
#include "eval/formats.h"

static bool recognise(const struct json *line)
{
    return json_get(line, "instruction_id_list") != NULL && json_get(line, "kwargs") != NULL;
}

static int items(const struct json *line, const struct json *beside, struct suite *s,
                 struct error *error)
{
    struct slice prompt = json_string(json_get(line, "prompt"));
    const struct json *ids = json_get(line, "instruction_id_list");
    const struct json *kwargs = json_get(line, "kwargs");
    struct suite_item *item = suite_add(s);
    (void)beside;
    if (prompt.data == NULL || ids == NULL || kwargs == NULL)
        return error_set(error, ERROR_INPUT,
                         "an IFEval line has \"prompt\", \"instruction_id_list\" and \"kwargs\"");
    item->messages = suite_messages((struct slice){NULL, 0}, prompt);
    item->id = suite_text(json_get(line, "key"), "", s->n);
    item->args = json_new_object();
    json_put(item->args, "instruction_id_list", json_copy(ids));
    json_put(item->args, "kwargs", json_copy(kwargs));
    item->grader = &grade_ifeval;
    item->max_tokens = 1280;
    return 0;
}

const struct suite_format format_ifeval = {.name = "ifeval",
                                           .recognise = recognise,
                                           .items = items};
