/*
 * backtranslate: from good texts to the instructions they answer (Humpback, 2023).  The text itself
 * is the row's output, word for word.
 *
 *   {"output": text} ─► instruct ─► row (instruction: the reply, output: the text)
 */
#include "core/mem.h"
#include "core/rouge.h"
#include "gen/chain.h"
#include "gen/strategies/strategies.h"
#include "gen/walk.h"

static int backtranslate_open(struct gen *g, void **state, struct error *error)
{
    static const char *const members[] = {"output", "text", "response", NULL};
    struct walk *w = mem_zero(1, sizeof *w);
    *state = w;
    return walk_open(g, w, "prompts", members, error);
}

static int ask_line(struct gen *g, void *state, const struct prompt_line *line, struct slice source,
                    struct error *error)
{
    struct json *chain = chain_begin(line);
    struct gen_field fields[] = {{"output", line->instruction}};
    struct chain_ask ask = {.step = "instruct",
                            .template = "backtranslate",
                            .fields = fields,
                            .n = 1,
                            .source = source};
    (void)state;
    int rc = chain_ask(g, &ask, chain, error);
    json_free(chain);
    return rc;
}

static int backtranslate_plan(struct gen *g, void *state, struct error *error)
{
    return walk_plan(g, state, ask_line, error);
}

static int backtranslate_answer(struct gen *g, void *state, const struct gen_answer *a,
                                struct error *error)
{
    int rc = 0;
    (void)state;
    if (!a->choice)
        return 0;
    struct json *chain = chain_state(a);
    struct slice text = chain_bare(a->choice->text), output = chain_text(chain, "instruction");
    struct buf meta = BUF;
    if (!rouge_word_count(text)) {
        gen_reject(g, "the instruction has no words");
    } else if (rouge_l(text, output) > 0.9) {
        gen_reject(g, "the text was copied in place of an instruction");
    } else {
        chain_meta(chain, NULL, &meta);
        rc = gen_row(g,
                     &(struct gen_row){.instruction = text,
                                       .input = SLICE(""),
                                       .output = output,
                                       .finish_reason = SLICE("stop"),
                                       .meta = buf_view(&meta)},
                     error);
    }
    buf_free(&meta);
    json_free(chain);
    return rc;
}

static const char *const steps[] = {"instruct", NULL};
static const char *const templates[] = {"backtranslate", NULL};

const struct gen_strategy strategy_backtranslate = {
    .name = "backtranslate",
    .about = "find the instruction that each text of a file answers",
    .version = 1,
    .templates = templates,
    .steps = steps,
    .needs = NET_CHAT,
    .open = backtranslate_open,
    .plan = backtranslate_plan,
    .answer = backtranslate_answer,
    .count = walk_count,
    .position = walk_position,
    .seek = walk_seek,
    .close = walk_close,
};
