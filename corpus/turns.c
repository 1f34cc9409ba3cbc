#include "corpus/turns.h"

int turns_prompt(const struct sample *s, struct buf *out)
{
    buf_slice(out, s->instruction);
    if (slice_trim(s->input).len != 0) {
        if (slice_trim(s->instruction).len != 0)
            buf_str(out, "\n\n");
        buf_slice(out, s->input);
    }
    return out->full ? -1 : 0;
}

static void push_turn(struct json *turns, const char *role, struct slice content)
{
    struct json *turn = json_new_object();
    json_put_text(turn, "role", role);
    json_put_string(turn, "content", content);
    json_push(turns, turn);
}

/* The stored earlier turns, appended.  A system message among them wins over the column. */
static int push_stored(struct json *turns, const struct sample *s, struct error *error)
{
    struct json *stored = json_parse(s->messages, JSON_REPAIR, error);
    int status = 0;
    if (stored == NULL)
        return error_wrap(error, "sample %lld: messages", (long long)s->id);
    if (json_type(stored) != JSON_ARRAY)
        status = error_set(error, ERROR_INPUT, "sample %lld: messages: expected an array, got %s",
                           (long long)s->id, json_type_name(json_type(stored)));
    if (status == 0 && s->system.data != NULL &&
        !slice_is(json_string(json_path(stored, "0.role")), "system"))
        push_turn(turns, "system", s->system);
    for (const struct json *t = json_first(stored); status == 0 && t != NULL; t = json_next(t)) {
        if (json_type(t) != JSON_OBJECT)
            status = error_set(error, ERROR_INPUT, "sample %lld: messages: a turn is %s",
                               (long long)s->id, json_type_name(json_type(t)));
        else
            json_push(turns, json_copy(t));
    }
    json_free(stored);
    return status;
}

struct json *turns_of(const struct sample *s, bool reply, struct error *error)
{
    struct json *turns = json_new_array();
    if (s->messages.data != NULL) {
        if (push_stored(turns, s, error) != 0) {
            json_free(turns);
            return NULL;
        }
    } else {
        struct buf prompt = BUF;
        if (s->system.data != NULL)
            push_turn(turns, "system", s->system);
        turns_prompt(s, &prompt);
        push_turn(turns, "user", buf_view(&prompt));
        buf_free(&prompt);
    }
    if (reply) {
        struct json *turn = json_new_object();
        json_put_text(turn, "role", "assistant");
        json_put_string(turn, "content", s->output);
        if (s->reasoning.data != NULL)
            json_put_string(turn, "reasoning_content", s->reasoning);
        json_push(turns, turn);
    }
    return turns;
}
