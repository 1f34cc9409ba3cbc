/*
 * Alpaca: one JSON array of {"instruction":…,"input":…,"output":…}, with LLaMA-Factory's "system"
 * and "history":[["question","answer"],…] where a row has them.
 */
#include "corpus/format.h"
#include "corpus/turns.h"

#include <string.h>

static bool recognises(const struct record *r)
{
    return json_type(json_get(r->json, "history")) == JSON_ARRAY &&
           json_get(r->json, "instruction") != NULL && json_get(r->json, "output") != NULL;
}

static void push_turn(struct json *turns, const char *role, struct slice content)
{
    struct json *turn = json_new_object();
    json_put_text(turn, "role", role);
    json_put_string(turn, "content", content);
    json_push(turns, turn);
}

/* The earlier turns, and behind them the question this row answers. */
static int read_history(struct record *r, const struct json *history, struct sample *s,
                        struct error *error)
{
    struct json *turns = json_new_array();
    struct buf text = BUF, prompt = BUF;
    int rc = 0;
    for (const struct json *h = json_first(history); rc == 0 && h != NULL; h = json_next(h)) {
        struct slice q = json_string(json_at(h, 0)), a = json_string(json_at(h, 1));
        if (json_count(h) != 2 || q.data == NULL || a.data == NULL)
            rc = error_set(error, ERROR_INPUT, "history: expected pairs of strings");
        push_turn(turns, "user", q);
        push_turn(turns, "assistant", a);
    }
    turns_prompt(s, &prompt);
    push_turn(turns, "user", buf_view(&prompt));
    json_write(turns, 0, &text);
    json_free(turns);
    buf_free(&prompt);
    s->messages = record_keep(r, &text);
    return rc;
}

static int read_one(struct record *r, struct sample *s, struct error *error)
{
    const struct json *history = record_take(r, "history");
    if (format_jsonl_read(r, s, error) != 0)
        return -1;
    if (history == NULL || json_first(history) == NULL)
        return 0;
    if (s->messages.data != NULL)
        return error_set(error, ERROR_INPUT, "both \"history\" and \"messages\"");
    return read_history(r, history, s, error);
}

static bool is_turn(const struct json *turn, const char *role)
{
    return turn != NULL && json_count(turn) == 2 &&
           strcmp(json_text(json_get(turn, "role"), ""), role) == 0 &&
           json_type(json_get(turn, "content")) == JSON_STRING;
}

/* user, assistant, user, assistant, … user: anything else does not fit into pairs. */
static bool fits(const struct json *turns)
{
    const struct json *t = json_first(turns);
    while (is_turn(t, "user") && json_next(t) != NULL && is_turn(json_next(t), "assistant"))
        t = json_next(json_next(t));
    return is_turn(t, "user") && json_next(t) == NULL;
}

static void write_pairs(const struct json *turns, struct buf *out)
{
    const struct json *q = json_first(turns);
    buf_char(out, '[');
    for (; json_next(q) != NULL; q = json_next(json_next(q))) {
        buf_str(out, q == json_first(turns) ? "[" : ",[");
        json_write(json_get(q, "content"), 0, out);
        buf_char(out, ',');
        json_write(json_get(json_next(q), "content"), 0, out);
        buf_char(out, ']');
    }
    buf_char(out, ']');
}

static const struct json *last_of(const struct json *turns)
{
    const struct json *last = json_first(turns);
    while (json_next(last) != NULL)
        last = json_next(last);
    return last;
}

static int write_turns(const struct sample *s, struct buf *out, struct error *error)
{
    struct json *turns = json_parse(s->messages, JSON_REPAIR, NULL);
    bool ok = json_type(turns) == JSON_ARRAY && fits(turns);
    if (ok) {
        record_put(out, "instruction", json_string(json_get(last_of(turns), "content")));
        record_put(out, "input", SLICE(""));
        record_put(out, "output", s->output);
        record_put_key(out, "history");
        write_pairs(turns, out);
    } else {
        error_set(error, ERROR_INPUT, "its turns are not pairs of question and answer");
    }
    json_free(turns);
    return ok;
}

static int write_one(struct corpus *c, const struct sample *s, struct buf *out, struct error *error)
{
    (void)c;
    record_open(s, out);
    record_put(out, "system", s->system);
    if (s->messages.data != NULL) {
        if (!write_turns(s, out, error))
            return 0;
    } else {
        record_put(out, "instruction", s->instruction);
        record_put(out, "input", s->input);
        record_put(out, "output", s->output);
    }
    record_put_json(out, "meta", s->meta);
    record_close(out);
    return 1;
}

const struct format format_alpaca = {
    .name = "alpaca",
    .summary = "JSON array of instruction, input, output",
    .recognises = recognises,
    .read = read_one,
    .array = true,
    .write = write_one,
};
