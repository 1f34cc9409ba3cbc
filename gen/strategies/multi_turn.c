/*
 * multi-turn: conversations in which a second prompt plays the user.
 *
 *   line ─► assistant ─► user ─► assistant ─► … (gen.multi_turn.turns questions) ─► row
 */
#include "corpus/turns.h"
#include "gen/chain.h"
#include "gen/strategies/strategies.h"
#include "gen/walk.h"

#include <string.h>

static void say(struct json *chain, const char *role, struct slice text)
{
    struct json *turns = json_take(chain, "turns"), *turn = json_new_object();
    turns = turns ? turns : json_new_array();
    json_put_text(turn, "role", role);
    json_put_string(turn, "content", text);
    json_push(turns, turn);
    json_put(chain, "turns", turns);
}

static int ask_assistant(struct gen *g, struct json *chain, struct slice source, int64_t parent,
                         struct error *error)
{
    struct buf turns = BUF;
    json_write(json_get(chain, "turns"), 0, &turns);
    struct chain_ask ask = {.step = "assistant",
                            .source = source,
                            .instruction = chain_text(chain, "instruction"),
                            .system = chain_text(chain, "system"),
                            .messages = buf_view(&turns),
                            .parent = parent};
    int rc = chain_ask(g, &ask, chain, error);
    buf_free(&turns);
    return rc;
}

static int ask_line(struct gen *g, void *state, const struct prompt_line *line, struct slice source,
                    struct error *error)
{
    struct json *chain = chain_begin(line), *said = json_take(chain, "messages");
    struct sample s = {.instruction = line->instruction, .input = line->input};
    struct buf text = BUF;
    (void)state;
    if (said) { /* the conversation goes on from there */
        json_put_integer(chain, "given", (int64_t)json_count(said) - 1);
        json_put(chain, "turns", said);
    } else {
        turns_prompt(&s, &text);
        say(chain, "user", buf_view(&text));
    }
    int rc = ask_assistant(g, chain, source, 0, error);
    buf_free(&text);
    json_free(chain);
    return rc;
}

static int multi_plan(struct gen *g, void *state, struct error *error)
{
    return walk_plan(g, state, ask_line, error);
}

/* The last `assistant` turn is the row's output, what is before it its messages. */
static int put_row(struct gen *g, struct json *chain, struct error *error)
{
    const struct json *turns = json_get(chain, "turns");
    struct json *before = json_new_array();
    struct buf messages = BUF, meta = BUF;
    size_t n = json_count(turns);
    for (size_t k = 0; k + 1 < n; k++)
        json_push(before, json_copy(json_at(turns, k)));
    json_write(before, 0, &messages);
    chain_meta(chain, NULL, &meta);
    struct gen_row row = {.name = chain_text(chain, "name"),
                          .instruction = json_string(json_get(json_at(turns, n - 2), "content")),
                          .output = json_string(json_get(json_at(turns, n - 1), "content")),
                          .messages = buf_view(&messages),
                          .meta = buf_view(&meta)};
    int rc = gen_row(g, &row, error);
    json_free(before);
    buf_free(&messages);
    buf_free(&meta);
    return rc;
}

static int ask_user(struct gen *g, const struct gen_answer *a, struct json *chain,
                    struct error *error)
{
    struct buf talk = BUF;
    const struct json *t = json_first(json_get(chain, "turns"));
    for (; t; t = json_next(t)) {
        buf_printf(&talk, "%s: ", json_text(json_get(t, "role"), ""));
        buf_slice(&talk, json_string(json_get(t, "content")));
        buf_str(&talk, "\n\n");
    }
    struct gen_field fields[] = {{"conversation", buf_view(&talk)},
                                 {"user", json_string(gen_setting(g, "multi_turn.user"))}};
    struct chain_ask ask = {.step = "user",
                            .template = "multi-turn-user",
                            .fields = fields,
                            .n = 2,
                            .source = a->prompt.source,
                            .parent = a->request};
    int rc = chain_ask(g, &ask, chain, error);
    buf_free(&talk);
    return rc;
}

static int multi_answer(struct gen *g, void *state, const struct gen_answer *a, struct error *error)
{
    int rc = 0;
    (void)state;
    if (!a->choice)
        return 0;
    struct json *chain = chain_state(a);
    struct slice text = slice_trim(a->choice->text);
    if (!strcmp(a->step, "user")) {
        if (slice_find(text, SLICE("[END]")) < text.len) {
            rc = put_row(g, chain, error); /* the user has what it wanted */
        } else {
            say(chain, "user", text);
            rc = ask_assistant(g, chain, a->prompt.source, a->request, error);
        }
    } else {
        say(chain, "assistant", text);
        int64_t said =
            (int64_t)json_count(json_get(chain, "turns")) - chain_integer(chain, "given");
        rc = said >= 2 * chain_setting(g, "multi_turn.turns") ? put_row(g, chain, error)
                                                              : ask_user(g, a, chain, error);
    }
    json_free(chain);
    return rc;
}

/* Question k has the k - 1 before it and their answers in front of it. */
static struct gen_follow multi_follow(struct gen *g, const void *state, const char *step,
                                      int64_t planned)
{
    int64_t more = chain_setting(g, "multi_turn.turns") - 1;
    bool user = !strcmp(step, "user");
    (void)state;
    return (struct gen_follow){planned * more, planned * more * (user ? more : more + 1)};
}

static const char *const steps[] = {"assistant", "user", NULL};
static const char *const templates[] = {"multi-turn-user", NULL};

const struct gen_strategy strategy_multi_turn = {
    .name = "multi-turn",
    .about = "conversations with a simulated user",
    .version = 1,
    .templates = templates,
    .steps = steps,
    .needs = NET_CHAT,
    .open = walk_open_prompts,
    .plan = multi_plan,
    .answer = multi_answer,
    .count = walk_count,
    .follow = multi_follow,
    .position = walk_position,
    .seek = walk_seek,
    .close = walk_close,
};
