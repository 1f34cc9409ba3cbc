/*
 * Chat messages: {"messages":[{"role":"user","content":"…"},{"role":"assistant","content":"…"}]},
 * what the OpenAI API, TRL and most trainers speak.
 */
#include "corpus/conversation.h"
#include "corpus/format.h"

static bool recognises(const struct record *r)
{
    return json_type(json_get(r->json, "messages")) == JSON_ARRAY &&
           json_get(r->json, "output") == NULL;
}

static int read_one(struct record *r, struct sample *s, struct error *error)
{
    const struct json *turns = record_take(r, "messages");
    if (turns == NULL)
        return error_set(error, ERROR_INPUT, "no field \"messages\"");
    return conversation_read(r, turns, &conversation_openai, s, error);
}

static int write_one(struct corpus *c, const struct sample *s, struct buf *out, struct error *error)
{
    (void)c;
    record_open(s, out);
    record_put_key(out, "messages");
    if (conversation_write(s, &conversation_openai, out, error) != 0)
        return 0;
    record_put_json(out, "meta", s->meta);
    record_close(out);
    return 1;
}

const struct format format_messages = {
    .name = "messages",
    .summary = "JSON Lines of chat messages (role and content)",
    .recognises = recognises,
    .read = read_one,
    .write = write_one,
};
