#include "eval/judge.h"

#include <string.h>

static const char usual_template[] =
    "Rate how well the reply below answers the question, on a scale from 1 (useless) to 10 "
    "(as good as it can be). Look at whether it is correct, does what was asked, and is clear; do "
    "not reward length. First say in a few sentences what is good and what is wrong, then end "
    "with the rating in double brackets, like this: [[5]]\n\n"
    "[Question]\n{question}\n\n{reference}[Reply]\n{answer}\n[End of the reply]";

/* The nth text (from 1) of a role in the conversation, 0: the last. */
static struct slice said(const struct json *conversation, const char *role, int nth)
{
    struct slice found = SLICE("");
    int seen = 0;
    for (const struct json *m = json_first(conversation); m != NULL; m = json_next(m)) {
        if (!slice_is(json_string(json_get(m, "role")), role))
            continue;
        if (nth == 0 || ++seen == nth)
            found = json_string(json_get(m, "content"));
        if (nth != 0 && seen == nth)
            break;
    }
    return found;
}

static void add_reference(const struct suite_item *item, int nth, struct buf *out)
{
    const struct json *a = item->answer;
    if (json_type(a) == JSON_ARRAY)
        a = json_at(a, nth > 0 ? (size_t)nth - 1 : json_count(a) != 0 ? json_count(a) - 1 : 0);
    if (json_string(a).data != NULL)
        buf_slice(out, json_string(a));
    else if (a != NULL)
        json_write(a, 0, out);
}

/* Fill one {name}; false when it is none of ours. */
static bool fill(const struct suite_item *item, const struct json *conversation, struct slice name,
                 struct buf *out)
{
    int nth = 0;
    if (name.len > 2 && name.data[name.len - 2] == '_' && name.data[name.len - 1] >= '1' &&
        name.data[name.len - 1] <= '9') {
        nth = name.data[name.len - 1] - '0';
        name.len -= 2;
    }
    if (slice_is(name, "question"))
        buf_slice(out, said(conversation, "user", nth));
    else if (slice_is(name, "answer"))
        buf_slice(out, said(conversation, "assistant", nth));
    else if (slice_is(name, "ref_answer"))
        add_reference(item, nth, out);
    else if (slice_is(name, "reference")) {
        if (item->answer != NULL) {
            buf_str(out, "[Reference answer]\n");
            add_reference(item, nth, out);
            buf_str(out, "\n\n");
        }
    } else
        return false;
    return true;
}

struct json *judge_messages(const struct suite_item *item, const struct json *conversation)
{
    const struct json *judge = json_get(item->args, "judge");
    struct slice t = json_string(json_get(judge, "template"));
    struct buf prompt = BUF;
    struct json *messages;
    if (t.data == NULL)
        t = slice_of(usual_template);
    while (t.len != 0) {
        size_t open = slice_find(t, SLICE("{"));
        struct slice rest = slice_sub(t, open, t.len), name;
        size_t close = slice_find(rest, SLICE("}"));
        buf_slice(&prompt, slice_sub(t, 0, open));
        name = slice_sub(rest, 1, close - (close != 0));
        if (rest.len == 0)
            break;
        if (close < rest.len && fill(item, conversation, name, &prompt)) {
            t = slice_sub(rest, close + 1, rest.len);
        } else {
            buf_char(&prompt, '{');
            t = slice_sub(rest, 1, rest.len);
        }
    }
    messages = suite_messages(json_string(json_get(judge, "system")), buf_view(&prompt));
    buf_free(&prompt);
    return messages;
}
