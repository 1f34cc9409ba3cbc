/*
 * ifeval: every constraint of the item holds (strict, by prompt).  args: "instruction_id_list" and
 * "kwargs", as in IFEval's files.  An empty reply follows nothing.
 */
#include "eval/graders.h"

#include "core/constraints.h"

static int check(const struct suite_item *item, struct error *error)
{
    const struct json *ids = json_get(item->args, "instruction_id_list");
    if (json_count(ids) == 0 || json_count(ids) != json_count(json_get(item->args, "kwargs")))
        return error_set(
            error, ERROR_INPUT,
            "grader ifeval needs \"instruction_id_list\" and \"kwargs\" of one length");
    for (const struct json *i = json_first(ids); i != NULL; i = json_next(i))
        if (constraint_find(json_text(i, "")) == NULL)
            return error_set(error, ERROR_INPUT, "unknown instruction \"%s\"", json_text(i, ""));
    return 0;
}

static void grade(const struct grade_input *in, struct grade *out)
{
    const struct json *id = json_first(json_get(in->item->args, "instruction_id_list"));
    const struct json *args = json_first(json_get(in->item->args, "kwargs"));
    struct slice reply = in->reply;
    bool empty = slice_trim(reply).len == 0;
    out->score = 1;
    for (; id != NULL; id = json_next(id), args = json_next(args)) {
        const char *name = json_text(id, "");
        if (!empty && constraint_find(name)->holds(reply, args))
            continue;
        out->score = 0;
        buf_printf(&out->why, "%s%s", out->why.len != 0 ? ", " : "not followed: ", name);
    }
}

const struct grader grade_ifeval = {
    .name = "ifeval",
    .summary = "every checkable constraint of the prompt holds",
    .check = check,
    .grade = grade,
};
