/*
 * evolve: Evol-Instruct (WizardLM, 2023).  Each prompt is made harder in depth or varied in breadth,
 * round after round; each new prompt is answered.
 *
 *   line ─► evolve (round 1) ─► judge: is it new? ─► answer ─► row
 *                  │                  │
 *                  │ eliminated       └─► evolve (round 2), from the new prompt …
 *                  └─► evolve (round 2), from the old prompt …
 *
 * Eliminated, as there: no information gained (the judge says equal); an answer with "sorry" and
 * under 80 words; nothing but punctuation and stop words; "given prompt" and the like copied.
 */
#include "core/rouge.h"
#include "core/unicode.h"
#include "gen/chain.h"
#include "gen/strategies/strategies.h"
#include "gen/walk.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const depths[] = {"evolve-constraints", "evolve-deepen", "evolve-concretize",
                                     "evolve-reasoning", "evolve-complicate"};
enum { DEPTHS = sizeof depths / sizeof *depths, SORRY_WORDS = 80 };

/* The template of a round: breadth with its share, else one of the depths. */
static const char *kind_of(struct gen *g, uint64_t line, int64_t round)
{
    struct rng r = gen_random(g, "evolve.kind", line * 64 + (uint64_t)round);
    if (rng_uniform(&r) < json_number(gen_setting(g, "evolve.breadth"), 0))
        return "evolve-breadth";
    return depths[rng_below(&r, DEPTHS)];
}

/* Round `round` from the state's instruction; nothing past the last round. */
static int ask_round(struct gen *g, struct json *chain, int64_t round, struct slice source,
                     int64_t parent, struct error *error)
{
    uint64_t line = (uint64_t)strtoull(json_text(json_get(chain, "line"), "0"), NULL, 10);
    const char *kind = kind_of(g, line, round);
    struct gen_field fields[] = {{"instruction", chain_text(chain, "instruction")},
                                 {"input", chain_text(chain, "input")}};
    struct chain_ask ask = {.step = "evolve",
                            .template = kind,
                            .fields = fields,
                            .n = 2,
                            .source = source,
                            .parent = parent,
                            .sample = round};
    if (round > chain_setting(g, "evolve.rounds"))
        return 0;
    json_put_integer(chain, "round", round);
    json_put_text(chain, "kind", kind);
    return chain_ask(g, &ask, chain, error);
}

static int ask_line(struct gen *g, void *state, const struct prompt_line *line, struct slice source,
                    struct error *error)
{
    struct json *chain = chain_begin(line);
    char number[24];
    (void)state;
    snprintf(number, sizeof number, "%llu", (unsigned long long)walk_index(line));
    json_put_text(chain, "line", number);
    int rc = ask_round(g, chain, 1, source, 0, error);
    json_free(chain);
    return rc;
}

static int evolve_plan(struct gen *g, void *state, struct error *error)
{
    return walk_plan(g, state, ask_line, error);
}

/* ---- elimination ----------------------------------------------------------------------------- */

static bool occurs(struct slice text, const char *words)
{
    size_t n = strlen(words);
    for (size_t i = 0; i + n <= text.len; i++)
        if (!strncasecmp(text.data + i, words, n))
            return true;
    return false;
}

static bool is_stop_word(struct slice w)
{
    static const char *const words[] = {"a",     "an",   "and",  "are", "as",    "at",   "be",
                                        "but",   "by",   "do",   "for", "from",  "he",   "her",
                                        "his",   "i",    "if",   "in",  "is",    "it",   "its",
                                        "me",    "my",   "no",   "of",  "on",    "or",   "our",
                                        "so",    "she",  "that", "the", "their", "them", "then",
                                        "there", "they", "this", "to",  "was",   "we",   "were",
                                        "what",  "will", "with", "you", "your",  NULL};
    for (int k = 0; words[k]; k++)
        if (w.len == strlen(words[k]) && !strncasecmp(w.data, words[k], w.len))
            return true;
    return false;
}

static bool only_stop_words(struct slice text)
{
    size_t i = 0;
    while (i < text.len) {
        size_t from = i;
        while (i < text.len && (isalnum((unsigned char)text.data[i]) || text.data[i] & 0x80))
            i++;
        if (i > from && !is_stop_word(slice_sub(text, from, i - from)))
            return false;
        i += i == from;
    }
    return true;
}

/* Why the prompt is no good; NULL: it is. */
static const char *fault_of(struct slice text, struct slice before)
{
    static const char *const copied[] = {"given prompt", "rewritten prompt", "created prompt",
                                         "#rewritten",   "#given",           NULL};
    if (!rouge_word_count(text) || only_stop_words(text))
        return "nothing but punctuation and stop words";
    for (int k = 0; copied[k]; k++)
        if (occurs(text, copied[k]) && !occurs(before, copied[k]))
            return "words of the template are copied";
    if (slice_equal(slice_trim(before), text))
        return "the same prompt again";
    return NULL;
}

/* ---- steps ----------------------------------------------------------------------------------- */

/* The new prompt stands: answer it, and go on from it. */
static int take(struct gen *g, const struct gen_answer *a, struct json *chain, struct slice text,
                struct error *error)
{
    struct chain_ask ask = {.step = "answer",
                            .source = a->prompt.source,
                            .instruction = text,
                            .system = chain_text(chain, "system"),
                            .parent = a->request};
    int64_t round = chain_integer(chain, "round");
    struct json *own = json_take(chain, "evolved");
    int rc = chain_ask(g, &ask, chain, error);
    if (!rc) {
        json_put_string(chain, "instruction", text);
        json_remove(chain, "input"); /* it is part of the new prompt */
        rc = ask_round(g, chain, round + 1, a->prompt.source, a->request, error);
    }
    json_free(own);
    return rc;
}

/* It does not: the old prompt goes into the next round. */
static int drop(struct gen *g, const struct gen_answer *a, struct json *chain, struct error *error)
{
    json_remove(chain, "evolved");
    return ask_round(g, chain, chain_integer(chain, "round") + 1, a->prompt.source, a->request,
                     error);
}

static int on_evolved(struct gen *g, const struct gen_answer *a, struct json *chain,
                      struct error *error)
{
    struct slice text = chain_bare(a->choice->text), before = chain_text(chain, "instruction");
    struct gen_field fields[] = {{"first", before}, {"second", text}};
    struct chain_ask ask = {.step = "judge",
                            .template = "evolve-judge",
                            .fields = fields,
                            .n = 2,
                            .source = a->prompt.source,
                            .parent = a->request};
    if (fault_of(text, before))
        return drop(g, a, chain, error);
    if (!json_true(gen_setting(g, "evolve.judge")))
        return take(g, a, chain, text, error);
    json_put_string(chain, "evolved", text);
    return chain_ask(g, &ask, chain, error);
}

static int on_judged(struct gen *g, const struct gen_answer *a, struct json *chain,
                     struct error *error)
{
    struct slice said = a->choice->text;
    bool equal = occurs(said, "equal") && !occurs(said, "not equal") && !occurs(said, "unequal");
    if (equal)
        return drop(g, a, chain, error);
    struct buf text = BUF;
    buf_slice(&text, chain_text(chain, "evolved"));
    int rc = take(g, a, chain, buf_view(&text), error);
    buf_free(&text);
    return rc;
}

static int on_answered(struct gen *g, const struct gen_answer *a, struct json *chain,
                       struct error *error)
{
    struct json *about = json_new_object();
    struct buf meta = BUF;
    int rc = 0;
    if (occurs(a->choice->text, "sorry") && rouge_word_count(a->choice->text) < SORRY_WORDS) {
        gen_reject(g, "the answer says sorry and little else");
    } else {
        json_put_integer(about, "round", chain_integer(chain, "round"));
        json_put_string(about, "kind", chain_text(chain, "kind"));
        json_put_string(about, "evolved_from", chain_text(chain, "instruction"));
        chain_meta(chain, about, &meta);
        rc = gen_row(g, &(struct gen_row){.meta = buf_view(&meta)}, error);
    }
    json_free(about);
    buf_free(&meta);
    return rc;
}

static int evolve_answer(struct gen *g, void *state, const struct gen_answer *a,
                         struct error *error)
{
    static const struct {
        const char *step;
        int (*fn)(struct gen *g, const struct gen_answer *a, struct json *chain,
                  struct error *error);
    } table[] = {{"evolve", on_evolved}, {"judge", on_judged}, {"answer", on_answered}};
    int rc = 0;
    (void)state;
    if (!a->choice)
        return 0;
    struct json *chain = chain_state(a);
    for (size_t k = 0; k < sizeof table / sizeof *table; k++)
        if (!strcmp(a->step, table[k].step))
            rc = table[k].fn(g, a, chain, error);
    json_free(chain);
    return rc;
}

static struct gen_follow evolve_follow(struct gen *g, const void *state, const char *step,
                                       int64_t planned)
{
    int64_t all = planned * chain_setting(g, "evolve.rounds");
    (void)state;
    if (!strcmp(step, "evolve"))
        return (struct gen_follow){all - planned, all - planned};
    if (!strcmp(step, "answer"))
        return (struct gen_follow){all, all};
    bool judged = json_true(gen_setting(g, "evolve.judge"));
    return (struct gen_follow){judged ? all : 0, judged ? 2 * all : 0};
}

static const char *const steps[] = {"evolve", "judge", "answer", NULL};
static const char *const templates[] = {"evolve-constraints", "evolve-deepen",
                                        "evolve-concretize",  "evolve-reasoning",
                                        "evolve-complicate",  "evolve-breadth",
                                        "evolve-judge",       NULL};

const struct gen_strategy strategy_evolve = {
    .name = "evolve",
    .about = "make each prompt of a file harder or other, round after round, and answer those",
    .version = 1,
    .templates = templates,
    .steps = steps,
    .needs = NET_CHAT,
    .open = walk_open_questions,
    .plan = evolve_plan,
    .answer = evolve_answer,
    .count = walk_count,
    .follow = evolve_follow,
    .position = walk_position,
    .seek = walk_seek,
    .close = walk_close,
};
