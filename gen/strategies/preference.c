/*
 * preference: two answers to each prompt and which is better, for DPO and its kin.  With gen.verify
 * the right one is better than the wrong one; else a judge compares them in both orders, and only a
 * verdict that does not change with the order counts.
 *
 *   line ─► first ─► second ─► compare (A = first) ─► compare (A = second) ─► row
 *
 * The row's output is the chosen answer; meta.rejected is the other.
 */
#include "core/mem.h"
#include "gen/chain.h"
#include "gen/strategies/strategies.h"
#include "gen/verify.h"
#include "gen/walk.h"

#include <string.h>

struct preference {
    struct walk walk; /* first: walk.h */
    struct verify *verify;
};

static int preference_open(struct gen *g, void **state, struct error *error)
{
    struct preference *p = mem_zero(1, sizeof *p);
    *state = p;
    if (walk_open(g, &p->walk, "prompts", NULL, error))
        return -1;
    p->verify = verify_open(g, error);
    return p->verify ? 0 : -1;
}

static void preference_close(void *state)
{
    struct preference *p = state;
    if (p)
        verify_close(p->verify);
    walk_close(state);
}

static int ask_one(struct gen *g, const struct json *chain, const char *step,
                   const struct chain_ask *where, struct error *error)
{
    struct buf turns = BUF;
    struct chain_ask ask = *where;
    ask.step = step;
    ask.instruction = chain_text(chain, "instruction");
    ask.input = chain_text(chain, "input");
    ask.system = chain_text(chain, "system");
    ask.messages = chain_messages(chain, &turns);
    ask.sample = !strcmp(step, "second");
    int rc = chain_ask(g, &ask, chain, error);
    buf_free(&turns);
    return rc;
}

static int ask_line(struct gen *g, void *state, const struct prompt_line *line, struct slice source,
                    struct error *error)
{
    struct json *chain = chain_begin(line);
    (void)state;
    int rc = ask_one(g, chain, "first", &(struct chain_ask){.source = source}, error);
    json_free(chain);
    return rc;
}

static int preference_plan(struct gen *g, void *state, struct error *error)
{
    return walk_plan(g, state, ask_line, error);
}

static int compare(struct gen *g, const struct gen_answer *a, struct json *chain, bool swapped,
                   struct error *error)
{
    struct buf turns = BUF;
    struct slice talk = chain_messages(chain, &turns);
    struct gen_field fields[] = {
        {"instruction", talk.data ? talk : chain_text(chain, "instruction")},
        {"input", chain_text(chain, "input")},
        {"a", chain_text(chain, swapped ? "second" : "first")},
        {"b", chain_text(chain, swapped ? "first" : "second")},
    };
    struct chain_ask ask = {.step = "compare",
                            .template = "preference",
                            .fields = fields,
                            .n = 4,
                            .source = a->prompt.source,
                            .parent = a->request};
    json_put_bool(chain, "swapped", swapped);
    int rc = chain_ask(g, &ask, chain, error);
    buf_free(&turns);
    return rc;
}

static int put_row(struct gen *g, const struct json *chain, bool first, struct error *error)
{
    struct json *about = json_new_object();
    struct buf meta = BUF, turns = BUF;
    json_put_string(about, "rejected", chain_text(chain, first ? "second" : "first"));
    chain_meta(chain, about, &meta);
    struct gen_row row = {.name = chain_text(chain, "name"),
                          .instruction = chain_text(chain, "instruction"),
                          .input = chain_text(chain, "input"),
                          .output = chain_text(chain, first ? "first" : "second"),
                          .messages = chain_messages(chain, &turns),
                          .finish_reason = SLICE("stop"),
                          .meta = buf_view(&meta)};
    int rc = gen_row(g, &row, error);
    json_free(about);
    buf_free(&meta);
    buf_free(&turns);
    return rc;
}

static int on_first(struct gen *g, struct preference *p, const struct gen_answer *a,
                    struct json *chain, struct error *error)
{
    (void)p;
    json_put_string(chain, "first", a->choice->text);
    return ask_one(g, chain, "second",
                   &(struct chain_ask){.source = a->prompt.source, .parent = a->request}, error);
}

static int on_second(struct gen *g, struct preference *p, const struct gen_answer *a,
                     struct json *chain, struct error *error)
{
    struct slice first = chain_text(chain, "first"), second = a->choice->text;
    struct buf why = BUF_MAX(400);
    json_put_string(chain, "second", second);
    if (slice_equal(slice_trim(first), slice_trim(second))) {
        gen_reject(g, "both answers are the same");
        return 0;
    }
    if (verify_is_none(p->verify))
        return compare(g, a, chain, false, error);
    int x = verify_check(p->verify, &(struct verify_case){chain, first}, &why, error);
    int y = x < 0 ? -1 : verify_check(p->verify, &(struct verify_case){chain, second}, &why, error);
    buf_free(&why);
    if (x < 0 || y < 0)
        return -1;
    if (x == y) {
        gen_reject(g, x ? "both answers are right" : "both answers are wrong");
        return 0;
    }
    return put_row(g, chain, x == 1, error);
}

static int on_compared(struct gen *g, struct preference *p, const struct gen_answer *a,
                       struct json *chain, struct error *error)
{
    char said = chain_verdict(a->choice->text);
    const char *before = json_text(json_get(chain, "verdict"), NULL);
    (void)p;
    if (said != 'A' && said != 'B') {
        gen_reject(g, "the judge sees no better one");
        return 0;
    }
    if (!json_true(json_get(chain, "swapped"))) {
        json_put_text(chain, "verdict", said == 'A' ? "first" : "second");
        return compare(g, a, chain, true, error);
    }
    const char *now = said == 'A' ? "second" : "first";
    if (!before || strcmp(before, now)) {
        gen_reject(g, "the judge changed its mind with the order");
        return 0;
    }
    return put_row(g, chain, !strcmp(now, "first"), error);
}

static int preference_answer(struct gen *g, void *state, const struct gen_answer *a,
                             struct error *error)
{
    static const struct {
        const char *step;
        int (*fn)(struct gen *g, struct preference *p, const struct gen_answer *a,
                  struct json *chain, struct error *error);
    } table[] = {{"first", on_first}, {"second", on_second}, {"compare", on_compared}};
    int rc = 0;
    if (!a->choice)
        return 0;
    struct json *chain = chain_state(a);
    for (size_t k = 0; k < sizeof table / sizeof *table; k++)
        if (!strcmp(a->step, table[k].step))
            rc = table[k].fn(g, state, a, chain, error);
    json_free(chain);
    return rc;
}

static struct gen_follow preference_follow(struct gen *g, const void *state, const char *step,
                                           int64_t planned)
{
    const struct preference *p = state;
    (void)g;
    if (!strcmp(step, "second"))
        return (struct gen_follow){planned, 0};
    if (!strcmp(step, "compare") && verify_is_none(p->verify))
        return (struct gen_follow){2 * planned, 4 * planned};
    return (struct gen_follow){0, 0};
}

static const char *const steps[] = {"first", "second", "compare", NULL};
static const char *const templates[] = {"preference", NULL};

const struct gen_strategy strategy_preference = {
    .name = "preference",
    .about = "two answers to each prompt of a file, and which is better",
    .version = 1,
    .templates = templates,
    .steps = steps,
    .needs = NET_CHAT,
    .open = preference_open,
    .plan = preference_plan,
    .answer = preference_answer,
    .count = walk_count,
    .follow = preference_follow,
    .position = walk_position,
    .seek = walk_seek,
    .close = preference_close,
};
