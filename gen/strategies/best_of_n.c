/*
 * best-of-n: ask a prompt again until a reply passes the verifier; or vote over n replies.
 *
 *   line ─► answer (sample 0) ─► right? ─► row
 *                 └─ no ─► answer (sample 1) ─► …                       gen.best_of_n.pick "first"
 *
 *   line ─► answer (0) ─► answer (1) ─► … ─► decided ─► row             gen.best_of_n.pick "vote"
 *
 * One after the other, so that what is decided early is not paid for to the end; prompts run side by
 * side.  The votes so far travel in the state.
 */
#include "core/mem.h"
#include "gen/chain.h"
#include "gen/strategies/strategies.h"
#include "gen/verify.h"
#include "gen/walk.h"

#include <math.h>
#include <string.h>

struct best {
    struct walk walk; /* first: walk.h */
    struct verify *verify;
    int64_t n;
    bool vote;
};

static int best_open(struct gen *g, void **state, struct error *error)
{
    struct best *b = mem_zero(1, sizeof *b);
    *state = b;
    b->n = chain_setting(g, "best_of_n.n");
    b->vote = !strcmp(json_text(gen_setting(g, "best_of_n.pick"), ""), "vote");
    if (walk_open(g, &b->walk, "prompts", NULL, error))
        return -1;
    b->verify = verify_open(g, error);
    if (b->verify && !b->vote && verify_is_none(b->verify))
        return error_set(error, ERROR_USAGE,
                         "gen.best_of_n picks the first right reply and needs gen.verify to say "
                         "which is right; or set gen.best_of_n.pick to vote");
    return b->verify ? 0 : -1;
}

static void best_close(void *state)
{
    struct best *b = state;
    if (b)
        verify_close(b->verify);
    walk_close(state);
}

static int ask_sample(struct gen *g, const struct json *chain, int64_t sample, struct slice source,
                      int64_t parent, struct error *error)
{
    struct buf turns = BUF;
    struct chain_ask ask = {.step = "answer",
                            .source = source,
                            .instruction = chain_text(chain, "instruction"),
                            .input = chain_text(chain, "input"),
                            .system = chain_text(chain, "system"),
                            .messages = chain_messages(chain, &turns),
                            .parent = parent,
                            .sample = sample};
    int rc = chain_ask(g, &ask, chain, error);
    buf_free(&turns);
    return rc;
}

static int ask_line(struct gen *g, void *state, const struct prompt_line *line, struct slice source,
                    struct error *error)
{
    struct json *chain = chain_begin(line);
    (void)state;
    int rc = ask_sample(g, chain, 0, source, 0, error);
    json_free(chain);
    return rc;
}

static int best_plan(struct gen *g, void *state, struct error *error)
{
    return walk_plan(g, state, ask_line, error);
}

/* ---- rows ------------------------------------------------------------------------------------ */

struct picked {
    struct gen *g;
    const struct json *chain;
    struct json *about;
};

static int put_row(void *context, const struct gen_answer *a, struct error *error)
{
    struct picked *p = context;
    struct buf meta = BUF;
    json_put_integer(p->about, "sample", a->sample);
    chain_meta(p->chain, p->about, &meta);
    struct gen_row row = {
        .name = chain_text(p->chain, "name"),
        .instruction = chain_text(p->chain, "instruction"),
        .input = chain_text(p->chain, "input"),
        .output = a->choice->text,
        .reasoning = a->choice->reasoning.data ? a->choice->reasoning : (struct slice){NULL, 0},
        .finish_reason = a->choice->finish_reason,
        .meta = buf_view(&meta),
    };
    int rc = gen_row(p->g, &row, error);
    buf_free(&meta);
    return rc;
}

/* ---- votes ----------------------------------------------------------------------------------- */

struct count {
    const char *answer;
    int64_t votes, second, request; /* of the leader; of the one behind it */
};

static struct count leader(const struct json *votes)
{
    struct count c = {NULL, 0, 0, 0};
    for (const struct json *v = json_first(votes); v; v = json_next(v)) {
        int64_t n = chain_integer(v, "n");
        if (n > c.votes)
            c = (struct count){json_key(v), n, c.votes, chain_integer(v, "request")};
        else if (n > c.second)
            c.second = n;
    }
    return c;
}

static void add_vote(struct json *chain, const struct gen_answer *a)
{
    struct buf answer = BUF_MAX(2000);
    verify_answer(a->choice->text, &answer);
    if (answer.len && !memchr(answer.data, 0, answer.len)) {
        struct json *votes = json_take(chain, "votes");
        votes = votes ? votes : json_new_object();
        struct json *one = json_take(votes, buf_text(&answer));
        if (!one) {
            one = json_new_object();
            json_put_integer(one, "request", a->request);
        }
        json_put_integer(one, "n", chain_integer(one, "n") + 1);
        json_put(votes, buf_text(&answer), one);
        json_put(chain, "votes", votes);
    }
    buf_free(&answer);
}

/* 1 decided (a row was made), 0 not yet, 2 it never will, -1. */
static int count_votes(struct gen *g, const struct best *b, const struct gen_answer *a,
                       struct json *chain, struct error *error)
{
    struct count c = leader(json_get(chain, "votes"));
    int64_t left = b->n - 1 - a->sample;
    double share = json_number(gen_setting(g, "best_of_n.agreement"), 0.5);
    int64_t needed = (int64_t)ceil(share * (double)b->n - 1e-9);
    if (c.votes + left < needed)
        return 2;
    if (c.votes < needed || c.votes - c.second <= left)
        return left ? 0 : 2;
    struct picked p = {g, chain, json_new_object()};
    json_put_integer(p.about, "votes", c.votes);
    json_put_integer(p.about, "asked", a->sample + 1);
    json_put_text(p.about, "voted_answer", c.answer);
    int rc = c.request == a->request ? put_row(&p, a, error)
                                     : gen_ancestor(g, c.request, put_row, &p, error);
    json_free(p.about);
    return rc < 0 ? -1 : 1;
}

/* ---- steps ----------------------------------------------------------------------------------- */

/* 1 right, 0 wrong or no answer, -1. */
static int is_right(struct best *b, const struct gen_answer *a, const struct json *chain,
                    struct buf *why, struct error *error)
{
    if (a->choice)
        return verify_check(b->verify, &(struct verify_case){chain, a->choice->text}, why, error);
    buf_printf(why, "no answer: %s", net_cause_name(a->cause));
    return 0;
}

static int told(struct gen *g, struct best *b, const struct gen_answer *a, struct json *chain,
                struct error *error)
{
    struct buf why = BUF_MAX(400);
    struct json *about = json_new_object();
    int right = is_right(b, a, chain, &why, error), rc = right;
    if (right > 0 && !b->vote) {
        json_put_integer(about, "asked", a->sample + 1);
        rc = put_row(&(struct picked){g, chain, about}, a, error) ? -1 : 1;
    } else if (right >= 0 && b->vote) {
        if (right)
            add_vote(chain, a);
        rc = count_votes(g, b, a, chain, error);
    }
    if (rc == 0 && a->sample + 1 < b->n)
        rc = ask_sample(g, chain, a->sample + 1, a->prompt.source, a->request, error);
    if (!right && rc != 1)
        gen_reject(g, buf_text(&why));
    else if (rc == 2)
        gen_reject(g, "no answer has the agreement asked for");
    json_free(about);
    buf_free(&why);
    return rc < 0 ? -1 : 0;
}

static int best_answer(struct gen *g, void *state, const struct gen_answer *a, struct error *error)
{
    struct json *chain = chain_state(a);
    int rc = told(g, state, a, chain, error);
    json_free(chain);
    return rc;
}

static struct gen_follow best_follow(struct gen *g, const void *state, const char *step,
                                     int64_t planned)
{
    const struct best *b = state;
    (void)g;
    (void)step;
    return (struct gen_follow){planned * (b->n - 1), 0};
}

static const char *const steps[] = {"answer", NULL};

const struct gen_strategy strategy_best_of_n = {
    .name = "best-of-n",
    .about = "ask each prompt of a file until a reply is right, or vote over n replies",
    .version = 1,
    .steps = steps,
    .needs = NET_CHAT,
    .open = best_open,
    .plan = best_plan,
    .answer = best_answer,
    .count = walk_count,
    .follow = best_follow,
    .position = walk_position,
    .seek = walk_seek,
    .close = best_close,
};
