/*
 * rewrite: every prompt of the file is said again in other words and styles, and then answered.
 *
 *   line ─► rewrite (gen.rewrite.variants times, each in a style of the table) ─► answer ─► row
 */
#include "core/rouge.h"
#include "gen/chain.h"
#include "gen/strategies/strategies.h"
#include "gen/walk.h"

static struct slice style_of(struct gen *g, uint64_t index, int64_t variant)
{
    const struct json *styles = gen_setting(g, "rewrite.styles");
    struct rng r = gen_random(g, "rewrite.style", index);
    uint32_t n = (uint32_t)json_count(styles);
    if (!n)
        return SLICE("in other words, with the same meaning");
    /* every style once before one comes again */
    return json_string(json_at(styles, (rng_below(&r, n) + (size_t)variant) % n));
}

static int ask_line(struct gen *g, void *state, const struct prompt_line *line, struct slice source,
                    struct error *error)
{
    struct json *chain = chain_begin(line);
    int64_t variants = chain_setting(g, "rewrite.variants");
    int rc = 0;
    (void)state;
    for (int64_t k = 0; k < variants && !rc; k++) {
        struct slice style = style_of(g, walk_index(line), k);
        struct gen_field fields[] = {{"instruction", line->instruction},
                                     {"input", line->input},
                                     {"style", style}};
        struct chain_ask ask = {.step = "rewrite",
                                .template = "rewrite",
                                .fields = fields,
                                .n = 3,
                                .source = source,
                                .sample = k};
        json_put_string(chain, "style", style);
        rc = chain_ask(g, &ask, chain, error);
    }
    json_free(chain);
    return rc;
}

static int rewrite_plan(struct gen *g, void *state, struct error *error)
{
    return walk_plan(g, state, ask_line, error);
}

static int ask_answer(struct gen *g, const struct gen_answer *a, struct json *chain,
                      struct error *error)
{
    struct slice text = chain_bare(a->choice->text), before = chain_text(chain, "instruction");
    double most = json_number(gen_setting(g, "rewrite.similarity"), 1);
    struct chain_ask ask = {.step = "answer",
                            .source = a->prompt.source,
                            .instruction = text,
                            .input = chain_text(chain, "input"),
                            .system = chain_text(chain, "system"),
                            .parent = a->request};
    if (!rouge_word_count(text)) {
        gen_reject(g, "the rewriting has no words");
        return 0;
    }
    if (rouge_l(text, before) > most || slice_equal(text, before)) {
        gen_reject(g, "the rewriting is too close to the original");
        return 0;
    }
    return chain_ask(g, &ask, chain, error);
}

static int put_row(struct gen *g, const struct json *chain, struct error *error)
{
    struct json *about = json_new_object();
    struct buf meta = BUF;
    json_put_string(about, "style", chain_text(chain, "style"));
    json_put_string(about, "rewritten_from", chain_text(chain, "instruction"));
    chain_meta(chain, about, &meta);
    int rc = gen_row(g, &(struct gen_row){.meta = buf_view(&meta)}, error);
    json_free(about);
    buf_free(&meta);
    return rc;
}

static int rewrite_answer(struct gen *g, void *state, const struct gen_answer *a,
                          struct error *error)
{
    (void)state;
    if (!a->choice)
        return 0;
    struct json *chain = chain_state(a);
    int rc = slice_is(slice_of(a->step), "rewrite") ? ask_answer(g, a, chain, error)
                                                    : put_row(g, chain, error);
    json_free(chain);
    return rc;
}

static const char *const steps[] = {"rewrite", "answer", NULL};
static const char *const templates[] = {"rewrite", NULL};

const struct gen_strategy strategy_rewrite = {
    .name = "rewrite",
    .about = "say each prompt of a file again in other styles, and answer that",
    .version = 1,
    .templates = templates,
    .steps = steps,
    .needs = NET_CHAT,
    .open = walk_open_questions,
    .plan = rewrite_plan,
    .answer = rewrite_answer,
    .count = walk_count,
    .follow = chain_follow,
    .position = walk_position,
    .seek = walk_seek,
    .close = walk_close,
};
