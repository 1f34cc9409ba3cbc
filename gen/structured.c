#include "gen/structured.h"

#include "core/mem.h"
#include "gen/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PROBLEMS = 4096 };

static struct slice between(struct slice text, char open, char close)
{
    const char *from = memchr(text.data, open, text.len);
    if (!from)
        return (struct slice){NULL, 0};
    for (const char *p = text.data + text.len; p-- > from;)
        if (*p == close)
            return slice_from(from, (size_t)(p - from) + 1);
    return (struct slice){NULL, 0};
}

static bool parses(struct slice s)
{
    struct json *tree = s.len ? json_parse(s, 0, NULL) : NULL;
    json_free(tree);
    return tree != NULL;
}

static struct slice fenced(struct slice text)
{
    size_t open = slice_find(text, SLICE("```"));
    struct slice rest = slice_sub(text, open + 3, text.len);
    size_t line = slice_find(rest, SLICE("\n")), close;
    if (open == text.len || line == rest.len)
        return (struct slice){NULL, 0};
    rest = slice_sub(rest, line + 1, rest.len);
    close = slice_find(rest, SLICE("```"));
    return slice_trim(slice_sub(rest, 0, close));
}

struct slice structured_extract(struct slice text)
{
    struct slice t = slice_trim(text);
    if (!t.len || parses(t))
        return t;
    struct slice tries[] = {fenced(t), between(t, '{', '}'), between(t, '[', ']')};
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++)
        if (parses(tries[i]))
            return tries[i];
    return t;
}

static void note(void *context, const struct schema_violation *v)
{
    buf_printf(context, "%s: %s\n", *v->path ? v->path : "the reply", v->text);
}

bool structured_valid(const struct schema *schema, struct slice text, struct buf *problems)
{
    struct error error = {0};
    struct json *tree = json_parse(text, 0, &error);
    if (!tree) {
        buf_printf(problems, "the reply is not JSON: %s\n", error.text);
        return false;
    }
    int n = schema_check(schema, tree, note, problems);
    json_free(tree);
    return n == 0;
}

bool structured_accept(const struct schema *schema, struct net_reply *reply, struct buf *problems)
{
    bool any = false;
    problems->max = MAX_PROBLEMS;
    for (size_t k = 0; k < reply->n_choices; k++) {
        struct net_choice *c = &reply->choices[k];
        struct slice json = structured_extract(c->text);
        if (net_choice_cause(c) != NET_OK)
            continue;
        if (structured_valid(schema, json, problems)) {
            c->text = json;
            any = true;
        } else {
            c->invalid = true;
        }
    }
    return any;
}

/* "…#repair2" is the second. */
static int repairs_before(struct slice source)
{
    size_t at = slice_find(source, SLICE("#repair"));
    return at < source.len ? (int)strtol(source.data + at + 7, NULL, 10) : 0;
}

static void say(struct json *turns, const char *role, struct slice content)
{
    struct json *turn = json_new_object();
    json_put_text(turn, "role", role);
    json_put_string(turn, "content", content);
    json_push(turns, turn);
}

/* The turns of a body, its system message first where that stands apart (anthropic). */
static struct json *turns_of(const struct json *body)
{
    const struct json *messages = json_get(body, "messages");
    struct slice system = json_string(json_get(body, "system"));
    struct json *turns = json_new_array();
    if (system.len)
        say(turns, "system", system);
    for (const struct json *m = json_first(messages); m; m = json_next(m))
        json_push(turns, json_copy(m));
    return turns;
}

/* The turns that were sent, and two more. */
static int conversation(const struct item *i, struct slice text, struct slice problems,
                        struct buf *out, struct error *error)
{
    struct json *body = json_parse(buf_view(&i->body), 0, error);
    struct buf words = BUF;
    if (!body)
        return -1;
    struct json *turns = turns_of(body);
    json_free(body);
    say(turns, "assistant", text.data ? text : SLICE(""));
    buf_str(&words, "That reply does not satisfy the schema:\n");
    buf_slice(&words, problems);
    buf_str(&words, "Answer again with the corrected JSON and nothing else.");
    say(turns, "user", buf_view(&words));
    int rc = json_write(turns, JSON_CANONICAL, out);
    buf_free(&words);
    json_free(turns);
    return rc;
}

struct item *structured_repair(struct item *i, struct slice text, struct slice problems,
                               struct error *error)
{
    int before = repairs_before(i->prompt.source);
    struct ledger_prompt p = i->prompt;
    struct buf source = BUF, raw = BUF;
    struct item *again = NULL;
    if (before >= i->g->settings.repairs)
        return NULL;
    if (conversation(i, text, problems, &raw, error) == 0) {
        buf_add(&source, p.source.data, slice_find(p.source, SLICE("#repair")));
        buf_printf(&source, "#repair%d", before + 1);
        p.source = buf_view(&source);
        p.raw = buf_view(&raw);
        again = item_new(i->g, i->lane, i->step, i->sample, &p, error);
    }
    buf_free(&source);
    buf_free(&raw);
    return again;
}
