#include "cli/chat.h"

#include "core/mem.h"
#include "corpus/conversation.h"

void chat_open(struct chat *c, const char *system)
{
    *c = (struct chat){.system = NULL, .turns = json_new_array()};
    if (system != NULL)
        chat_system(c, slice_of(system));
}

void chat_close(struct chat *c)
{
    mem_free(c->system);
    json_free(c->turns);
}

void chat_system(struct chat *c, struct slice text)
{
    mem_free(c->system);
    c->system = text.len != 0 ? mem_strndup(text.data, text.len) : NULL;
}

void chat_reset(struct chat *c)
{
    json_free(c->turns);
    c->turns = json_new_array();
}

static struct json *message(const char *role, struct slice text)
{
    struct json *m = json_new_object();
    json_put_text(m, "role", role);
    json_put_string(m, "content", text);
    return m;
}

void chat_say(struct chat *c, const char *role, struct slice text)
{
    json_push(c->turns, message(role, text));
}

size_t chat_turns(const struct chat *c)
{
    return json_count(c->turns);
}

const char *chat_last(const struct chat *c)
{
    const size_t n = chat_turns(c);
    return n != 0 ? json_text(json_get(json_at(c->turns, n - 1), "role"), "") : "";
}

void chat_drop(struct chat *c)
{
    struct json *shorter = json_new_array();
    for (size_t i = 0; i + 1 < chat_turns(c); i++)
        json_push(shorter, json_copy(json_at(c->turns, i)));
    json_free(c->turns);
    c->turns = shorter;
}

struct json *chat_messages(const struct chat *c)
{
    struct json *messages = json_new_array();
    if (c->system != NULL)
        json_push(messages, message("system", slice_of(c->system)));
    for (const struct json *t = json_first(c->turns); t != NULL; t = json_next(t))
        json_push(messages, json_copy(t));
    return messages;
}

void chat_show(const struct chat *c, struct buf *out)
{
    struct json *messages = chat_messages(c);
    for (const struct json *m = json_first(messages); m != NULL; m = json_next(m)) {
        buf_printf(out, "%s: ", json_text(json_get(m, "role"), ""));
        buf_slice(out, json_string(json_get(m, "content")));
        buf_char(out, '\n');
    }
    json_free(messages);
}

int64_t chat_save(const struct chat *c, const char *dataset, struct error *error)
{
    struct json *row = json_new_object();
    struct arena arena = {0};
    struct record record = {.json = row, .arena = &arena};
    struct sample sample = {.source = SLICE("chat")};
    struct corpus *corpus = NULL;
    int rc;
    json_put(row, "messages", chat_messages(c));
    rc =
        conversation_read(&record, json_get(row, "messages"), &conversation_openai, &sample, error);
    if (rc == 0)
        corpus = corpus_open(dataset, CORPUS_CREATE, error);
    if (corpus == NULL || corpus_begin(corpus, error) != 0)
        rc = -1;
    else if (samples_add(corpus, &sample, error) < 0 || corpus_commit(corpus, error) != 0)
        rc = -1;
    corpus_close(corpus);
    arena_free(&arena);
    json_free(row);
    return rc == 0 ? sample.id : -1;
}
