/*
 * respond: ask the teacher each prompt of the file, gen.samples times; every usable choice of every
 * reply becomes a row.
 */
#include "gen/strategies/strategies.h"
#include "gen/walk.h"

static int ask_line(struct gen *g, void *state, const struct prompt_line *line, struct slice source,
                    struct error *error)
{
    struct gen_ask ask = walk_ask(line, source);
    (void)state;
    return gen_ask(g, &ask, error);
}

static int respond_plan(struct gen *g, void *state, struct error *error)
{
    return walk_plan(g, state, ask_line, error);
}

static int respond_answer(struct gen *g, void *state, const struct gen_answer *a,
                          struct error *error)
{
    (void)state;
    for (size_t k = 0; a->reply && k < a->reply->n_choices; k++)
        if (net_choice_cause(&a->reply->choices[k]) == NET_OK &&
            gen_row(g, &(struct gen_row){.of = &a->reply->choices[k], .choice = (int64_t)k}, error))
            return -1;
    return 0;
}

static const char *const respond_steps[] = {"respond", NULL};

const struct gen_strategy strategy_respond = {
    .name = "respond",
    .about = "ask the teacher each prompt of a file",
    .version = 1,
    .steps = respond_steps,
    .needs = NET_CHAT,
    .open = walk_open_prompts,
    .plan = respond_plan,
    .answer = respond_answer,
    .count = walk_count,
    .position = walk_position,
    .seek = walk_seek,
    .close = walk_close,
};
