/*
 * reason: answers with the way to them.  The trace is what the server sends beside the answer, or
 * what stands in <think>…</think>; a wrong answer (gen.verify) is no row.
 *
 *   line ─► think ─► verify ─► row (reasoning: the trace)
 *                       └─► shorten ─► row (reasoning: the short trace)      gen.reason.shorten
 */
#include "core/mem.h"
#include "core/rouge.h"
#include "gen/chain.h"
#include "gen/strategies/strategies.h"
#include "gen/verify.h"
#include "gen/walk.h"

#include <string.h>

struct reason {
    struct walk walk; /* first: walk.h */
    struct verify *verify;
};

static int reason_open(struct gen *g, void **state, struct error *error)
{
    struct reason *r = mem_zero(1, sizeof *r);
    *state = r;
    r->walk.questions = !json_true(gen_setting(g, "reason.plain")); /* the template holds one */
    if (walk_open(g, &r->walk, "prompts", NULL, error))
        return -1;
    r->verify = verify_open(g, error);
    return r->verify ? 0 : -1;
}

static void reason_close(void *state)
{
    struct reason *r = state;
    if (r)
        verify_close(r->verify);
    walk_close(state);
}

static int ask_line(struct gen *g, void *state, const struct prompt_line *line, struct slice source,
                    struct error *error)
{
    struct json *chain = chain_begin(line);
    bool plain = json_true(gen_setting(g, "reason.plain"));
    struct buf turns = BUF;
    struct gen_field fields[] = {{"instruction", line->instruction}, {"input", line->input}};
    struct chain_ask ask = {.step = "think",
                            .template = plain ? NULL : "reason",
                            .fields = fields,
                            .n = 2,
                            .source = source,
                            .instruction = line->instruction,
                            .input = line->input,
                            .system = line->system,
                            .messages = chain_messages(chain, &turns)};
    int64_t samples = chain_setting(g, "samples");
    int rc = 0;
    (void)state;
    for (ask.sample = 0; ask.sample < samples && !rc; ask.sample++)
        rc = chain_ask(g, &ask, chain, error);
    buf_free(&turns);
    json_free(chain);
    return rc;
}

static int reason_plan(struct gen *g, void *state, struct error *error)
{
    return walk_plan(g, state, ask_line, error);
}

/* Trace and answer of a reply; false where there is no trace. */
static bool cut(const struct net_choice *c, struct slice *trace, struct slice *answer)
{
    struct slice text = slice_trim(c->text);
    size_t open = slice_find(text, SLICE("<think>")), close = slice_find(text, SLICE("</think>"));
    *trace = slice_trim(c->reasoning);
    *answer = text;
    if (close < text.len) { /* some servers leave the opening mark out */
        size_t from = open < close ? open + 7 : 0;
        *trace = slice_trim(slice_sub(text, from, close - from));
        *answer = slice_trim(slice_sub(text, close + 8, text.len));
    }
    return trace->len && answer->len;
}

static int put_row(struct gen *g, const struct json *chain, struct slice trace, struct slice answer,
                   struct error *error)
{
    struct buf meta = BUF, turns = BUF;
    chain_meta(chain, NULL, &meta);
    int rc = gen_row(g,
                     &(struct gen_row){.instruction = chain_text(chain, "instruction"),
                                       .input = chain_text(chain, "input"),
                                       .messages = chain_messages(chain, &turns),
                                       .output = answer,
                                       .reasoning = trace,
                                       .meta = buf_view(&meta)},
                     error);
    buf_free(&meta);
    buf_free(&turns);
    return rc;
}

static int ask_shorter(struct gen *g, const struct gen_answer *a, struct json *chain,
                       struct slice trace, struct error *error)
{
    struct slice answer = chain_text(chain, "answer");
    struct gen_field fields[] = {{"instruction", chain_text(chain, "instruction")},
                                 {"input", chain_text(chain, "input")},
                                 {"trace", trace},
                                 {"answer", answer}};
    struct chain_ask ask = {.step = "shorten",
                            .template = "reason-shorten",
                            .fields = fields,
                            .n = 4,
                            .source = a->prompt.source,
                            .parent = a->request,
                            .sample = a->sample};
    json_put_integer(chain, "words", (int64_t)rouge_word_count(trace));
    return chain_ask(g, &ask, chain, error);
}

static int on_thought(struct gen *g, struct reason *r, const struct gen_answer *a,
                      struct json *chain, struct error *error)
{
    struct slice trace, answer;
    struct buf why = BUF_MAX(400);
    int rc = 0;
    if (!cut(a->choice, &trace, &answer)) {
        gen_reject(g, "no reasoning beside the answer");
        return 0;
    }
    int right = verify_check(r->verify, &(struct verify_case){chain, answer}, &why, error);
    if (right < 0)
        rc = -1;
    else if (!right)
        gen_reject(g, buf_text(&why));
    else if (!json_true(gen_setting(g, "reason.shorten")))
        rc = put_row(g, chain, trace, answer, error);
    else {
        if (json_true(gen_setting(g, "reason.keep_long")))
            rc = put_row(g, chain, trace, answer, error);
        json_put_string(chain, "answer", answer);
        if (!rc)
            rc = ask_shorter(g, a, chain, trace, error);
    }
    buf_free(&why);
    return rc;
}

static int on_shortened(struct gen *g, const struct gen_answer *a, struct json *chain,
                        struct error *error)
{
    struct slice trace = chain_bare(a->choice->text);
    if (!rouge_word_count(trace) ||
        (int64_t)rouge_word_count(trace) >= chain_integer(chain, "words")) {
        gen_reject(g, "the shortened reasoning is not shorter");
        return 0;
    }
    return put_row(g, chain, trace, chain_text(chain, "answer"), error);
}

static int reason_answer(struct gen *g, void *state, const struct gen_answer *a,
                         struct error *error)
{
    if (!a->choice)
        return 0;
    struct json *chain = chain_state(a);
    int rc = !strcmp(a->step, "think") ? on_thought(g, state, a, chain, error)
                                       : on_shortened(g, a, chain, error);
    json_free(chain);
    return rc;
}

static struct gen_follow reason_follow(struct gen *g, const void *state, const char *step,
                                       int64_t planned)
{
    bool more = !strcmp(step, "shorten") && json_true(gen_setting(g, "reason.shorten"));
    (void)state;
    return more ? (struct gen_follow){planned, planned} : (struct gen_follow){0, 0};
}

static const char *const steps[] = {"think", "shorten", NULL};
static const char *const templates[] = {"reason", "reason-shorten", NULL};

const struct gen_strategy strategy_reason = {
    .name = "reason",
    .about = "answer each prompt of a file with the reasoning that leads there",
    .version = 1,
    .templates = templates,
    .steps = steps,
    .needs = NET_CHAT,
    .open = reason_open,
    .plan = reason_plan,
    .answer = reason_answer,
    .count = walk_count,
    .follow = reason_follow,
    .position = walk_position,
    .seek = walk_seek,
    .close = reason_close,
};
