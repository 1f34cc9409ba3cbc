/*
 * judge: a teacher scores the rows of the dataset on criteria; the scores go into the table `score`
 * as judge.CRITERION, where the filter and SQL find them.  No rows are made.
 *
 *   sample ─► judge ─► score
 */
#include "core/mem.h"
#include "corpus/turns.h"
#include "gen/chain.h"
#include "gen/reply_list.h"
#include "gen/strategies/strategies.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_A_CALL = 16 };

struct judge {
    int64_t after, judged; /* the last sample planned; how many */
};

static int judge_open(struct gen *g, void **state, struct error *error)
{
    if (json_number(gen_setting(g, "judge.low"), 0) >= json_number(gen_setting(g, "judge.high"), 0))
        return error_set(error, ERROR_USAGE, "gen.judge.low has to be under gen.judge.high");
    *state = mem_zero(1, sizeof(struct judge));
    return 0;
}

static void judge_close(void *state)
{
    mem_free(state);
}

/* ---- asking ---------------------------------------------------------------------------------- */

struct asking {
    struct gen *g;
    struct judge *j;
    int n;
};

static void put_criteria(struct gen *g, struct buf *out)
{
    const struct json *all = gen_setting(g, "judge.criteria");
    for (const struct json *c = json_first(all); c; c = json_next(c))
        buf_printf(out, "- %s: %s\n", json_key(c), json_text(c, ""));
}

static int ask_sample(void *context, const struct sample *s, struct error *error)
{
    struct asking *at = context;
    struct json *chain = json_new_object();
    struct buf question = BUF, criteria = BUF, low = BUF, high = BUF;
    char source[40];
    int n = snprintf(source, sizeof source, "sample:%" PRId64, s->id);
    turns_prompt(s, &question);
    put_criteria(at->g, &criteria);
    buf_printf(&low, "%g", json_number(gen_setting(at->g, "judge.low"), 1));
    buf_printf(&high, "%g", json_number(gen_setting(at->g, "judge.high"), 10));
    struct gen_field fields[] = {{"question", s->messages.data ? s->messages : buf_view(&question)},
                                 {"answer", s->output},
                                 {"criteria", buf_view(&criteria)},
                                 {"low", buf_view(&low)},
                                 {"high", buf_view(&high)}};
    struct chain_ask ask = {.step = "judge",
                            .template = "judge",
                            .fields = fields,
                            .n = 5,
                            .source = slice_from(source, (size_t)n)};
    json_put_integer(chain, "sample", s->id);
    int rc = chain_ask(at->g, &ask, chain, error);
    at->j->after = s->id;
    at->j->judged++;
    json_free(chain);
    buf_free(&question);
    buf_free(&criteria);
    buf_free(&low);
    buf_free(&high);
    return rc ? -1 : ++at->n >= ROWS_A_CALL;
}

static int judge_plan(struct gen *g, void *state, struct error *error)
{
    struct asking at = {g, state, 0};
    bool kept = strcmp(json_text(gen_setting(g, "judge.rows"), "kept"), "all") != 0;
    if (gen_samples(g, kept, at.j->after, ask_sample, &at, error))
        return -1;
    return at.n ? GEN_MORE : GEN_END;
}

/* ---- hearing --------------------------------------------------------------------------------- */

/* The number behind the criterion's name in words: "Quality: 7/10", "**quality** = 7". */
static double in_words(struct slice text, const char *name)
{
    size_t at = slice_find(text, slice_of(name));
    const char *p = text.data + at + strlen(name), *end = text.data + text.len;
    if (at == text.len)
        return (double)NAN;
    while (p < end && strchr(":=*\" [(", *p))
        p++;
    char digits[32];
    size_t n = 0;
    while (p < end && n < sizeof digits - 1 && *p && strchr("0123456789.-", *p))
        digits[n++] = *p++;
    digits[n] = '\0';
    return n ? strtod(digits, NULL) : (double)NAN;
}

static double score_of(const struct json *tree, struct slice text, const char *name)
{
    const struct json *v = json_get(tree, name);
    if (json_type(v) == JSON_OBJECT)
        v = json_get(v, "score");
    double x = json_number(v, (double)NAN);
    return isnan(x) ? in_words(text, name) : x;
}

static int judge_answer(struct gen *g, void *state, const struct gen_answer *a, struct error *error)
{
    double low = json_number(gen_setting(g, "judge.low"), 1);
    double high = json_number(gen_setting(g, "judge.high"), 10);
    int rc = 0;
    (void)state;
    if (!a->choice)
        return 0;
    struct json *chain = chain_state(a), *tree = reply_json(a->choice->text);
    const struct json *c = json_first(gen_setting(g, "judge.criteria"));
    for (; c && !rc; c = json_next(c)) {
        double x = score_of(tree, a->choice->text, json_key(c));
        char name[128];
        int n = snprintf(name, sizeof name, "judge.%.100s", json_key(c));
        if (isnan(x) || x < low || x > high)
            gen_reject(g, "a criterion has no score within the scale");
        else
            rc =
                gen_score(g, chain_integer(chain, "sample"), slice_from(name, (size_t)n), x, error);
    }
    json_free(chain);
    json_free(tree);
    return rc;
}

/* Planned again by every run, so that rows that came since are judged too; known keys are skipped. */
static int64_t judge_count(struct gen *g, void *state)
{
    (void)g;
    (void)state;
    return -1;
}

static const char *const steps[] = {"judge", NULL};
static const char *const templates[] = {"judge", NULL};

const struct gen_strategy strategy_judge = {
    .name = "judge",
    .about = "score the rows of the dataset on criteria",
    .version = 1,
    .templates = templates,
    .steps = steps,
    .needs = NET_CHAT,
    .open = judge_open,
    .plan = judge_plan,
    .answer = judge_answer,
    .count = judge_count,
    .close = judge_close,
};
