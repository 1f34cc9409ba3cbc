/*
 * JSON Lines of our own fields, the form in which nothing is lost:
 * {"id":…,"system":…,"instruction":…,"input":…,"output":…,"reasoning":…,"messages":[…],
 *  "finish_reason":…,"meta":{…}}.  Only instruction (or messages) and output must be there; fields
 * without a place of their own go into meta.  Reads prompt/response and question/answer as well.
 */
#include "corpus/format.h"

static const char *const system_names[] = {"system", "system_prompt", NULL};
static const char *const instruction_names[] = {"instruction", "prompt", "question", "query", NULL};
static const char *const input_names[] = {"input", NULL};
static const char *const output_names[] = {"output", "response", "completion", "answer", NULL};
static const char *const reasoning_names[] = {"reasoning", NULL};
static const char *const finish_names[] = {"finish_reason", NULL};

static bool has_one(const struct record *r, const char *own, const char *const *usual)
{
    if (own != NULL)
        return json_get(r->json, own) != NULL;
    for (; *usual != NULL; usual++)
        if (json_get(r->json, *usual) != NULL)
            return true;
    return false;
}

/* Half of a row is enough: reading it then says what is missing. */
static bool recognises(const struct record *r)
{
    return has_one(r, r->names.output, output_names) ||
           has_one(r, r->names.instruction, instruction_names);
}

static int read_messages(struct record *r, struct sample *s, struct error *error)
{
    const struct json *turns = json_get(r->json, "messages");
    struct buf text = BUF;
    if (turns == NULL || json_type(turns) == JSON_NULL)
        return 0;
    if (json_type(turns) != JSON_ARRAY)
        return error_set(error, ERROR_INPUT, "messages: expected an array, got %s",
                         json_type_name(json_type(turns)));
    json_write(record_take(r, "messages"), 0, &text);
    s->messages = record_keep(r, &text);
    return 1;
}

/* A prompt is what the reply answers; one of the two must be there. */
static int read_prompt(struct record *r, struct sample *s, struct error *error)
{
    int turns = read_messages(r, s, error);
    int found = turns >= 0 ? record_named(r, r->names.instruction, instruction_names,
                                          &s->instruction, error)
                           : -1;
    if (found == 0 && turns == 0)
        return error_set(error, ERROR_INPUT,
                         "no field \"instruction\" (nor prompt, question, query, messages)");
    return found < 0 ? -1 : 0;
}

int format_jsonl_read(struct record *r, struct sample *s, struct error *error)
{
    int found;
    if (read_prompt(r, s, error) != 0 ||
        record_named(r, r->names.system, system_names, &s->system, error) < 0 ||
        record_named(r, r->names.input, input_names, &s->input, error) < 0 ||
        record_text(r, reasoning_names, &s->reasoning, error) < 0 ||
        record_text(r, finish_names, &s->finish_reason, error) < 0)
        return -1;
    found = record_named(r, r->names.output, output_names, &s->output, error);
    if (found == 0)
        return error_set(error, ERROR_INPUT,
                         "no field \"output\" (nor response, completion, answer)");
    return found < 0 ? -1 : 0;
}

static int write_one(struct corpus *c, const struct sample *s, struct buf *out, struct error *error)
{
    (void)c, (void)error;
    record_open(s, out);
    record_put(out, "system", s->system);
    record_put(out, "instruction", s->instruction);
    record_put(out, "input", s->input);
    record_put(out, "output", s->output);
    record_put(out, "reasoning", s->reasoning);
    record_put_json(out, "messages", s->messages);
    record_put(out, "finish_reason", s->finish_reason);
    record_put_json(out, "meta", s->meta);
    record_close(out);
    return 1;
}

const struct format format_jsonl = {
    .name = "jsonl",
    .summary = "JSON Lines of instruction, input, output and all else there is (lossless)",
    .recognises = recognises,
    .read = format_jsonl_read,
    .write = write_one,
};
