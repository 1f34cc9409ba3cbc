/*
 * json: the reply is a JSON object (also inside a ``` fence or behind some words) whose fields are
 * the answer's.  Texts are compared without case and spacing unless args.strict; numbers by value.
 * args.fields: only these; args.partial: the score is the share of fields that agree; args.closed:
 * a field that the answer does not have makes it wrong.
 */
#include "eval/graders.h"

#include <string.h>

/* The outermost {...} of the text, by counting braces outside of strings. */
static struct slice find_object(struct slice s)
{
    for (size_t at = 0; at < s.len; at++) {
        int depth = 0;
        bool quoted = false;
        if (s.data[at] != '{')
            continue;
        for (size_t i = at; i < s.len; i++) {
            char c = s.data[i];
            if (quoted && c == '\\')
                i++;
            else if (c == '"')
                quoted = !quoted;
            else if (!quoted && c == '{')
                depth++;
            else if (!quoted && c == '}' && --depth == 0)
                return slice_sub(s, at, i + 1 - at);
        }
        return (struct slice){NULL, 0};
    }
    return (struct slice){NULL, 0};
}

static struct json *read_object(struct slice reply)
{
    struct slice t = grade_final(reply);
    struct json *o = json_parse(t, 0, NULL);
    struct slice inner;
    if (json_type(o) == JSON_OBJECT)
        return o;
    json_free(o);
    inner = find_object(t);
    return inner.data != NULL ? json_parse(inner, 0, NULL) : NULL;
}

static bool same(const struct json *a, const struct json *b, bool strict)
{
    struct buf x = BUF, y = BUF;
    bool equal = json_equal(a, b);
    if (!equal && !strict && json_type(a) == JSON_STRING && json_type(b) == JSON_STRING) {
        grade_normalise(json_string(a), &x);
        grade_normalise(json_string(b), &y);
        equal = slice_equal(buf_view(&x), buf_view(&y));
    }
    buf_free(&x);
    buf_free(&y);
    return equal;
}

static bool wanted(const struct json *fields, const char *key)
{
    if (fields == NULL)
        return true;
    for (const struct json *f = json_first(fields); f != NULL; f = json_next(f))
        if (slice_is(json_string(f), key))
            return true;
    return false;
}

static bool extra_field(const struct json *reply, const struct json *answer)
{
    for (const struct json *f = json_first(reply); f != NULL; f = json_next(f))
        if (json_get(answer, json_key(f)) == NULL)
            return true;
    return false;
}

static void grade(const struct grade_input *in, struct grade *out)
{
    const struct json *args = in->item->args, *answer = in->item->answer;
    const struct json *fields = json_get(args, "fields");
    struct json *reply = read_object(in->reply);
    size_t all = 0, right = 0;
    if (json_type(reply) != JSON_OBJECT) {
        buf_str(&out->why, "no JSON object in the reply");
        json_free(reply);
        return;
    }
    for (const struct json *f = json_first(answer); f != NULL; f = json_next(f)) {
        if (!wanted(fields, json_key(f)))
            continue;
        all++;
        if (same(f, json_get(reply, json_key(f)), json_true(json_get(args, "strict"))))
            right++;
        else
            buf_printf(&out->why, "%s%s", out->why.len != 0 ? ", " : "wrong: ", json_key(f));
    }
    out->score = all == 0 ? 1 : (double)right / (double)all;
    if (!json_true(json_get(args, "partial")))
        out->score = right == all ? 1 : 0;
    if (json_true(json_get(args, "closed")) && extra_field(reply, answer)) {
        buf_str(&out->why, " (fields that nobody asked for)");
        out->score = 0;
    }
    json_free(reply);
}

static int check(const struct suite_item *item, struct error *error)
{
    if (json_type(item->answer) == JSON_OBJECT)
        return 0;
    return error_set(error, ERROR_INPUT, "grader json needs an object as \"answer\", got %s",
                     json_type_name(json_type(item->answer)));
}

const struct grader grade_json = {
    .name = "json",
    .summary = "the reply is JSON whose fields are the answer's",
    .check = check,
    .grade = grade,
};
