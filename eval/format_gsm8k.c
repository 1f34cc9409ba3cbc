/* GSM8K: {"question", "answer": "reasoning … #### 18"}; the number is graded. */
#include "eval/formats.h"

static bool recognise(const struct json *line)
{
    struct slice answer = json_string(json_get(line, "answer"));
    return json_string(json_get(line, "question")).data != NULL &&
           slice_find(answer, SLICE("#### ")) != answer.len;
}

static int items(const struct json *line, const struct json *beside, struct suite *s,
                 struct error *error)
{
    struct slice question = json_string(json_get(line, "question"));
    struct slice answer = json_string(json_get(line, "answer"));
    size_t at = slice_find(answer, SLICE("####"));
    struct suite_item *item = suite_add(s);
    (void)beside;
    if (question.data == NULL || at == answer.len)
        return error_set(error, ERROR_INPUT,
                         "a GSM8K line has \"question\" and an \"answer\" with \"#### number\"");
    item->messages = suite_messages((struct slice){NULL, 0}, question);
    item->answer = json_new_string(slice_trim(slice_sub(answer, at + 4, answer.len)));
    item->grader = &grade_numeric;
    item->max_tokens = 512;
    return 0;
}

const struct suite_format format_gsm8k = {.name = "gsm8k", .recognise = recognise, .items = items};
