#include "gen/chain.h"

#include <string.h>
#include <strings.h>

static void put(struct json *o, const char *key, struct slice s)
{
    if (s.data)
        json_put_string(o, key, s);
}

struct json *chain_begin(const struct prompt_line *line)
{
    struct json *o = json_new_object();
    put(o, "name", line->id);
    put(o, "system", line->system);
    put(o, "instruction", line->instruction);
    put(o, "input", line->input);
    struct json *turns = line->messages.data ? json_parse(line->messages, 0, NULL) : NULL;
    if (turns)
        json_put(o, "messages", turns);
    struct json *meta = line->meta.data ? json_parse(line->meta, 0, NULL) : NULL;
    if (meta)
        json_put(o, "meta", meta);
    return o;
}

struct json *chain_state(const struct gen_answer *a)
{
    struct json *o = a->prompt.meta.data ? json_parse(a->prompt.meta, 0, NULL) : NULL;
    return o ? o : json_new_object();
}

struct slice chain_text(const struct json *state, const char *key)
{
    return json_string(json_get(state, key));
}

struct slice chain_messages(const struct json *state, struct buf *out)
{
    const struct json *turns = json_get(state, "messages");
    if (!turns)
        return (struct slice){NULL, 0};
    json_write(turns, JSON_CANONICAL, out);
    return buf_view(out);
}

int64_t chain_integer(const struct json *state, const char *key)
{
    int64_t v;
    return json_integer(json_get(state, key), &v) ? 0 : v;
}

int64_t chain_setting(struct gen *g, const char *path)
{
    int64_t v;
    return json_integer(gen_setting(g, path), &v) ? 0 : v;
}

struct gen_follow chain_follow(struct gen *g, const void *state, const char *step, int64_t planned)
{
    (void)g;
    (void)state;
    if (strcmp(step, "answer"))
        return (struct gen_follow){0, 0};
    return (struct gen_follow){planned, planned};
}

int chain_ask(struct gen *g, const struct chain_ask *c, const struct json *state,
              struct error *error)
{
    struct buf prompt = BUF_MAX(32 << 20), meta = BUF;
    int rc = c->template ? gen_template(g, c->template, c->fields, c->n, &prompt, error) : 0;
    if (!rc)
        rc = json_write(state, 0, &meta);
    struct gen_ask ask = {
        .step = c->step,
        .name = chain_text(state, "name"),
        .source = c->source,
        .system = c->system,
        .instruction = c->template ? buf_view(&prompt) : c->instruction,
        .input = c->input,
        .messages = c->messages,
        .meta = buf_view(&meta),
        .parent = c->parent,
        .first_sample = (int)c->sample,
        .samples = 1,
    };
    if (!rc)
        rc = gen_ask(g, &ask, error);
    buf_free(&prompt);
    buf_free(&meta);
    return rc;
}

int chain_meta(const struct json *state, const struct json *about, struct buf *out)
{
    const struct json *own = json_get(state, "meta");
    struct json *meta = own ? json_copy(own) : json_new_object();
    for (const struct json *e = json_first(about); e; e = json_next(e))
        json_put(meta, json_key(e), json_copy(e));
    int rc = json_write(meta, 0, out);
    json_free(meta);
    return rc;
}

/* ---- bare texts ------------------------------------------------------------------------------ */

static struct slice without_fence(struct slice s)
{
    if (!slice_starts(s, "```") || !slice_ends(s, "```") || s.len < 7)
        return s;
    size_t eol = slice_find(s, SLICE("\n"));
    if (eol + 4 > s.len)
        return s;
    return slice_trim(slice_sub(s, eol + 1, s.len - eol - 4));
}

static struct slice without_label(struct slice s)
{
    static const char *const labels[] = {"#rewritten prompt#:",
                                         "#rewritten prompt#",
                                         "rewritten prompt:",
                                         "#created prompt#:",
                                         "#created prompt#",
                                         "created prompt:",
                                         "rewritten instruction:",
                                         "instruction:",
                                         "question:",
                                         "prompt:",
                                         NULL};
    for (int k = 0; labels[k]; k++)
        if (s.len > strlen(labels[k]) && !strncasecmp(s.data, labels[k], strlen(labels[k])))
            return slice_trim(slice_sub(s, strlen(labels[k]), s.len));
    return s;
}

struct slice chain_bare(struct slice reply)
{
    struct slice s = without_label(without_fence(slice_trim(reply)));
    if (s.len > 2 && s.data[0] == '"' && s.data[s.len - 1] == '"' &&
        !memchr(s.data + 1, '"', s.len - 2))
        s = slice_trim(slice_sub(s, 1, s.len - 2));
    return s;
}

/* ---- verdicts -------------------------------------------------------------------------------- */

char chain_verdict(struct slice reply)
{
    char said = 0;
    reply = slice_trim(reply);
    if (reply.len == 1 && reply.data[0] && strchr("ABC", reply.data[0]))
        return reply.data[0];
    for (size_t i = 0; i + 5 <= reply.len; i++)
        if (!memcmp(reply.data + i, "[[", 2) && !memcmp(reply.data + i + 3, "]]", 2) &&
            reply.data[i + 2] && strchr("ABC", reply.data[i + 2]))
            said = reply.data[i + 2];
    return said;
}
