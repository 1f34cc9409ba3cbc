/* SQuAD 1.1 and 2.0: {"data": [{"paragraphs": [{"context", "qas": [{"id", "question", "answers":
 * [{"text", "answer_start"}], "is_impossible"}]}]}]}; answer_start counts characters. */
#include "corpus/labelled.h"

#include "core/json.h"
#include "core/unicode.h"

#include <string.h>

/* The byte of the n-th character, or -1 behind the end. */
static int64_t byte_of(struct slice text, int64_t n)
{
    size_t at = 0;
    uint32_t code;
    for (; n > 0 && at < text.len; n--)
        at += utf8_decode(text.data + at, text.len - at, &code);
    return n == 0 ? (int64_t)at : -1;
}

static int read_answers(struct labelled_set *s, struct labelled *x, const struct json *answers,
                        struct error *error)
{
    const size_t n = json_count(answers);
    struct labelled_answer *out = arena_alloc(&s->arena, (n + 1) * sizeof *out);
    size_t k = 0;
    for (const struct json *a = json_first(answers); a != NULL; a = json_next(a)) {
        const struct slice text = json_string(json_get(a, "text"));
        int64_t start = -1, at;
        if (text.len == 0 || json_integer(json_get(a, "answer_start"), &start) != 0 || start < 0)
            return error_set(error, ERROR_INPUT, "an answer without text or answer_start");
        at = byte_of(x->pair, start);
        if (at < 0 || !slice_equal(slice_sub(x->pair, (size_t)at, text.len), text))
            return error_set(error, ERROR_INPUT,
                             "the answer \"%.*s\" does not stand at character %lld of its context",
                             (int)(text.len < 60 ? text.len : 60), text.data, (long long)start);
        out[k++] = (struct labelled_answer){arena_copy(&s->arena, text), (size_t)at};
    }
    x->answers = out;
    x->n_answers = k;
    return 0;
}

static int add_question(struct labelled_set *s, struct slice context, const struct json *q,
                        struct error *error)
{
    const struct slice question = json_string(json_get(q, "question"));
    const struct slice id = json_string(json_get(q, "id"));
    const bool impossible = json_type(json_get(q, "is_impossible")) == JSON_TRUE;
    struct labelled *x;
    if (question.data == NULL)
        return error_set(error, ERROR_INPUT, "a question without \"question\"");
    x = labelled_add(s);
    x->text = arena_copy(&s->arena, question);
    x->pair = context;
    x->id = arena_copy(&s->arena, id.data != NULL ? id : SLICE(""));
    if (!impossible && read_answers(s, x, json_get(q, "answers"), error) != 0)
        return error_wrap(error, "question %.60s", id.len != 0 ? x->id.data : x->text.data);
    return 0;
}

static int add_paragraph(struct labelled_set *s, const struct json *p, struct error *error)
{
    const struct slice context = json_string(json_get(p, "context"));
    struct slice copy;
    if (context.data == NULL)
        return error_set(error, ERROR_INPUT, "a paragraph without \"context\"");
    copy = arena_copy(&s->arena, context);
    for (const struct json *q = json_first(json_get(p, "qas")); q != NULL; q = json_next(q))
        if (add_question(s, copy, q, error) != 0)
            return -1;
    return 0;
}

int labelled_squad(struct labelled_set *s, struct slice text, const char *where,
                   struct error *error)
{
    struct json *root = json_parse(text, JSON_REPAIR, error);
    const struct json *data = json_get(root, "data");
    int status = root != NULL ? 0 : -1;
    if (status == 0 && json_type(data) != JSON_ARRAY)
        status = error_set(error, ERROR_INPUT, "expected SQuAD's {\"data\": [...]}");
    for (const struct json *a = json_first(data); a != NULL && status == 0; a = json_next(a))
        for (const struct json *p = json_first(json_get(a, "paragraphs")); p != NULL && status == 0;
             p = json_next(p))
            status = add_paragraph(s, p, error);
    json_free(root);
    return status == 0 ? 0 : error_wrap(error, "%s", where);
}
