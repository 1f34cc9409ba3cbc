/*
 * compare: two rows of the dataset that answer the same question, and which is better.  The judge sees
 * both orders; only a verdict that does not change with the order counts.  Scores go into the table
 * `score` as judge.preferred, where the filter and SQL find them: 1 the better one, 0 the other, .5
 * both where the judge sees no difference or changes its mind.  No rows are made.
 *
 *   two samples ─► compare (A = first) ─► compare (A = second) ─► two scores
 *
 * Equal answers are not compared.  Of more than two answers to a question the first and second are
 * a pair, the third and fourth, and so on, in the order of their numbers.
 */
#include "core/hash.h"
#include "core/mem.h"
#include "corpus/turns.h"
#include "gen/chain.h"
#include "gen/strategies/strategies.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PAIRS_A_CALL = 16, FIRST_SLOTS = 1024 };

/* A question that has an answer without a partner: an open table by its hash. */
struct alone {
    uint64_t question; /* 0: free */
    int64_t sample;    /* 0: paired, and alone no more */
};

struct compare {
    int64_t after; /* the last sample looked at */
    struct alone *table;
    size_t n, slots;
};

static int compare_open(struct gen *g, void **state, struct error *error)
{
    struct compare *c = mem_zero(1, sizeof *c);
    (void)g, (void)error;
    c->slots = FIRST_SLOTS;
    c->table = mem_zero(c->slots, sizeof *c->table);
    *state = c;
    return 0;
}

static void compare_close(void *state)
{
    struct compare *c = state;
    if (c)
        mem_free(c->table);
    mem_free(c);
}

/* ---- pairs ----------------------------------------------------------------------------------- */

static struct alone *find(struct alone *table, size_t slots, uint64_t question)
{
    size_t at = (size_t)question & (slots - 1);
    while (table[at].question && table[at].question != question)
        at = (at + 1) & (slots - 1);
    return &table[at];
}

static void grow(struct compare *c)
{
    struct alone *larger = mem_zero(2 * c->slots, sizeof *larger);
    for (size_t k = 0; k < c->slots; k++)
        if (c->table[k].question)
            *find(larger, 2 * c->slots, c->table[k].question) = c->table[k];
    mem_free(c->table);
    c->table = larger;
    c->slots *= 2;
}

static uint64_t question_of(const struct sample *s)
{
    uint64_t h = hash64(s->instruction.data, s->instruction.len, 1);
    h = hash64(s->input.data, s->input.len, h);
    h = hash64(s->messages.data, s->messages.len, h);
    h = hash64(s->system.data, s->system.len, h);
    return h ? h : 1;
}

/* The number of the sample it is paired with; 0: it waits for one. */
static int64_t partner(struct compare *c, const struct sample *s)
{
    uint64_t question = question_of(s);
    if (2 * c->n >= c->slots)
        grow(c);
    struct alone *a = find(c->table, c->slots, question);
    int64_t other = a->question ? a->sample : 0;
    c->n += !a->question;
    *a = (struct alone){question, other ? 0 : s->id};
    return other;
}

/* ---- asking ---------------------------------------------------------------------------------- */

struct asking {
    struct gen *g;
    struct compare *c;
    struct json *chain;
    int n;
};

static int ask(struct gen *g, struct json *chain, bool swapped, int64_t parent, struct error *error)
{
    char source[64];
    int n = snprintf(source, sizeof source, "samples:%" PRId64 ",%" PRId64,
                     chain_integer(chain, "left"), chain_integer(chain, "right"));
    struct gen_field fields[] = {{"instruction", chain_text(chain, "question")},
                                 {"input", SLICE("")},
                                 {"a", chain_text(chain, swapped ? "second" : "first")},
                                 {"b", chain_text(chain, swapped ? "first" : "second")}};
    struct chain_ask ask = {.step = "compare",
                            .template = "preference",
                            .fields = fields,
                            .n = 4,
                            .source = slice_from(source, (size_t)n),
                            .parent = parent};
    json_put_bool(chain, "swapped", swapped);
    return chain_ask(g, &ask, chain, error);
}

static int put_first(void *context, const struct sample *s, struct error *error)
{
    struct asking *at = context;
    (void)error;
    json_put_string(at->chain, "first", s->output);
    return 0;
}

static int pair(struct asking *at, int64_t left, const struct sample *s, struct error *error)
{
    struct buf question = BUF;
    turns_prompt(s, &question);
    at->chain = json_new_object();
    json_put_integer(at->chain, "left", left);
    json_put_integer(at->chain, "right", s->id);
    json_put_string(at->chain, "question", s->messages.data ? s->messages : buf_view(&question));
    json_put_string(at->chain, "second", s->output);
    int rc = gen_sample(at->g, left, put_first, at, error) < 0 ? -1 : 0;
    struct slice first = slice_trim(chain_text(at->chain, "first"));
    if (!rc && !slice_equal(first, slice_trim(s->output))) {
        rc = ask(at->g, at->chain, false, 0, error);
        at->n++;
    }
    json_free(at->chain);
    buf_free(&question);
    return rc;
}

static int look_at(void *context, const struct sample *s, struct error *error)
{
    struct asking *at = context;
    int64_t left = partner(at->c, s);
    at->c->after = s->id;
    if (left && pair(at, left, s, error))
        return -1;
    return at->n >= PAIRS_A_CALL;
}

static int compare_plan(struct gen *g, void *state, struct error *error)
{
    struct asking at = {.g = g, .c = state};
    bool kept = strcmp(json_text(gen_setting(g, "compare.rows"), "kept"), "all") != 0;
    if (gen_samples(g, kept, at.c->after, look_at, &at, error))
        return -1;
    return at.n ? GEN_MORE : GEN_END;
}

/* ---- hearing --------------------------------------------------------------------------------- */

static int put_scores(struct gen *g, const struct json *chain, double left, struct error *error)
{
    static const struct slice name = {"judge.preferred", 15};
    return gen_score(g, chain_integer(chain, "left"), name, left, error) ||
                   gen_score(g, chain_integer(chain, "right"), name, 1 - left, error)
               ? -1
               : 0;
}

static int hear(struct gen *g, const struct gen_answer *a, struct json *chain, struct error *error)
{
    char said = chain_verdict(a->choice->text);
    bool swapped = json_true(json_get(chain, "swapped"));
    if (!said) {
        gen_reject(g, "the judge names neither [[A]], [[B]] nor [[C]]");
        return 0;
    }
    const char *better = said == 'C' ? "none" : (said == 'A') != swapped ? "first" : "second";
    if (!swapped && said != 'C') {
        json_put_text(chain, "verdict", better);
        return ask(g, chain, true, a->request, error);
    }
    if (said == 'C' || strcmp(json_text(json_get(chain, "verdict"), ""), better) != 0)
        return put_scores(g, chain, .5, error);
    return put_scores(g, chain, !strcmp(better, "first"), error);
}

static int compare_answer(struct gen *g, void *state, const struct gen_answer *a,
                          struct error *error)
{
    (void)state;
    if (!a->choice)
        return 0;
    struct json *chain = chain_state(a);
    int rc = hear(g, a, chain, error);
    json_free(chain);
    return rc;
}

/* Planned again by every run, as judge is; known keys are skipped. */
static int64_t compare_count(struct gen *g, void *state)
{
    (void)g, (void)state;
    return -1;
}

/* The other way round. */
static struct gen_follow compare_follow(struct gen *g, const void *state, const char *step,
                                        int64_t planned)
{
    (void)g;
    (void)state;
    (void)step;
    return (struct gen_follow){planned, 0};
}

static const char *const steps[] = {"compare", NULL};
static const char *const templates[] = {"preference", NULL};

const struct gen_strategy strategy_compare = {
    .name = "compare",
    .about = "which of two rows to the same question is better, in both orders",
    .version = 1,
    .templates = templates,
    .steps = steps,
    .needs = NET_CHAT,
    .open = compare_open,
    .plan = compare_plan,
    .answer = compare_answer,
    .count = compare_count,
    .follow = compare_follow,
    .close = compare_close,
};
