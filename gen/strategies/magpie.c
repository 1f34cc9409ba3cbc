/*
 * magpie (Xu 2024): an aligned model, given the beginning of its chat template alone, says what a
 * user would say; with the template closed behind that it answers.
 *
 *   before ─► query ─► before + query + between ─► answer ─► row
 */
#include "core/mem.h"
#include "core/rouge.h"
#include "gen/chain.h"
#include "gen/strategies/strategies.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct marks {
    const char *name, *before, *between, *end;
};

static const struct marks known[] = {
    {"chatml", "<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant\n", "<|im_end|>"},
    {"llama3", "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n",
     "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n", "<|eot_id|>"},
    {"gemma", "<bos><start_of_turn>user\n", "<end_of_turn>\n<start_of_turn>model\n",
     "<end_of_turn>"},
    {"mistral", "<s>[INST] ", " [/INST]", "[/INST]"},
    {NULL, NULL, NULL, NULL},
};

struct magpie {
    struct marks marks;
    int64_t count, at;
};

static int magpie_open(struct gen *g, void **state, struct error *error)
{
    const char *name = json_text(gen_setting(g, "magpie.template"), "");
    struct magpie *m = mem_zero(1, sizeof *m);
    *state = m;
    m->count = chain_setting(g, "magpie.count");
    m->marks = (struct marks){"custom", json_text(gen_setting(g, "magpie.before"), ""),
                              json_text(gen_setting(g, "magpie.between"), ""),
                              json_text(gen_setting(g, "magpie.end"), "")};
    for (int k = 0; known[k].name; k++)
        if (!strcmp(known[k].name, name))
            m->marks = known[k];
    if (!*m->marks.before || !*m->marks.between)
        return error_set(error, ERROR_USAGE,
                         "gen.magpie.template custom needs gen.magpie.before and between");
    return 0;
}

static void magpie_close(void *state)
{
    mem_free(state);
}

static int magpie_plan(struct gen *g, void *state, struct error *error)
{
    struct magpie *m = state;
    char source[40];
    if (m->at >= m->count)
        return GEN_END;
    int n = snprintf(source, sizeof source, "magpie:%" PRId64, m->at + 1);
    struct gen_ask ask = {.step = "query",
                          .source = slice_from(source, (size_t)n),
                          .raw = slice_of(m->marks.before),
                          .first_sample = (int)m->at,
                          .samples = 1};
    m->at++;
    return gen_ask(g, &ask, error) ? -1 : GEN_MORE;
}

/* What stands before the end mark. */
static struct slice cut(const struct magpie *m, struct slice text)
{
    if (*m->marks.end)
        text = slice_sub(text, 0, slice_find(text, slice_of(m->marks.end)));
    return slice_trim(text);
}

static int ask_answer(struct gen *g, const struct magpie *m, const struct gen_answer *a,
                      struct slice query, struct error *error)
{
    struct buf raw = BUF;
    buf_str(&raw, m->marks.before);
    buf_slice(&raw, query);
    buf_str(&raw, m->marks.between);
    struct gen_ask ask = {.step = "answer",
                          .source = a->prompt.source,
                          .instruction = query,
                          .raw = buf_view(&raw),
                          .parent = a->request,
                          .samples = 1};
    int rc = gen_ask(g, &ask, error);
    buf_free(&raw);
    return rc;
}

static int magpie_answer(struct gen *g, void *state, const struct gen_answer *a,
                         struct error *error)
{
    const struct magpie *m = state;
    if (!a->choice)
        return 0;
    struct slice text = cut(m, a->choice->text);
    bool query = !strcmp(a->step, "query");
    if (!rouge_word_count(text))
        gen_reject(g, query ? "the query has no words" : "the answer has no words");
    else if (query && slice_is(a->choice->finish_reason, "length"))
        gen_reject(g, "the query was cut off");
    else if (query)
        return ask_answer(g, m, a, text, error);
    else
        return gen_row(g, &(struct gen_row){.output = text}, error);
    return 0;
}

static int64_t magpie_count(struct gen *g, void *state)
{
    const struct magpie *m = state;
    (void)g;
    return m->count;
}

static const char *const steps[] = {"query", "answer", NULL};

const struct gen_strategy strategy_magpie = {
    .name = "magpie",
    .about = "let an aligned model invent the user's messages by itself",
    .version = 1,
    .steps = steps,
    .needs = NET_RAW_PROMPT,
    .open = magpie_open,
    .plan = magpie_plan,
    .answer = magpie_answer,
    .count = magpie_count,
    .follow = chain_follow,
    .close = magpie_close,
};
