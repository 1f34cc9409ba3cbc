/*
 * ShareGPT: [{"id":…,"conversations":[{"from":"human","value":"…"},{"from":"gpt","value":"…"}]}],
 * with an optional "system" beside the conversation.
 */
#include "corpus/conversation.h"
#include "corpus/format.h"

static bool recognises(const struct record *r)
{
    return json_type(json_get(r->json, "conversations")) == JSON_ARRAY;
}

static int read_one(struct record *r, struct sample *s, struct error *error)
{
    static const char *const names[] = {"system", NULL};
    const struct json *turns = record_take(r, "conversations");
    struct slice system = {NULL, 0};
    if (turns == NULL)
        return error_set(error, ERROR_INPUT, "no field \"conversations\"");
    if (record_named(r, r->names.system, names, &system, error) < 0 ||
        conversation_read(r, turns, &conversation_sharegpt, s, error) != 0)
        return -1;
    if (s->system.data == NULL)
        s->system = system;
    return 0;
}

static int write_one(struct corpus *c, const struct sample *s, struct buf *out, struct error *error)
{
    (void)c;
    record_open(s, out);
    record_put_key(out, "conversations");
    if (conversation_write(s, &conversation_sharegpt, out, error) != 0)
        return 0;
    record_put_json(out, "meta", s->meta);
    record_close(out);
    return 1;
}

const struct format format_sharegpt = {
    .name = "sharegpt",
    .summary = "JSON array of conversations (from and value)",
    .recognises = recognises,
    .read = read_one,
    .array = true,
    .write = write_one,
};
