/* MATH-500: {"question" or "problem", "true_answer" or "answer", "level", "subject"}; the final
 * expression is graded, accuracies are reported by level. */
#include "eval/formats.h"

static const struct json *either(const struct json *line, const char *a, const char *b)
{
    const struct json *node = json_get(line, a);
    return node != NULL ? node : json_get(line, b);
}

static bool recognise(const struct json *line)
{
    return json_get(line, "level") != NULL &&
           json_string(either(line, "question", "problem")).data != NULL;
}

static int items(const struct json *line, const struct json *beside, struct suite *s,
                 struct error *error)
{
    struct slice question = json_string(either(line, "question", "problem"));
    struct slice answer = json_string(either(line, "true_answer", "answer"));
    struct suite_item *item = suite_add(s);
    struct buf prompt = BUF, task = BUF;
    (void)beside;
    if (question.data == NULL || answer.data == NULL)
        return error_set(error, ERROR_INPUT, "a MATH line has a question and a true_answer, texts");
    buf_slice(&prompt, question);
    buf_str(&prompt, "\n\nPut the final answer in \\boxed{}.");
    item->messages = suite_messages((struct slice){NULL, 0}, buf_view(&prompt));
    buf_printf(&task, "%s level %.0f", s->name, json_number(json_get(line, "level"), 0));
    item->id = suite_text(either(line, "id", "unique_id"), "", s->n);
    item->task = buf_take(&task);
    item->answer = json_new_string(answer);
    item->grader = &grade_math;
    item->max_tokens = 1024;
    buf_free(&prompt);
    return 0;
}

const struct suite_format format_math500 = {.name = "math500",
                                            .recognise = recognise,
                                            .items = items};
