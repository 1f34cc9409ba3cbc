/*
 * self-instruct (Wang 2022; Alpaca's rules, 2023): new tasks from seed tasks.
 *
 *   seeds + kept tasks ─► tasks (a list) ─► new enough? ─► answer ─► row
 *        ▲                                     │   (together: the row is in the list already)
 *        └─────────────────────────────────────┘
 *
 * What is shown depends on what was kept, so answers come in the order of the asks (`ordered`):
 * request k is planned when all but `ahead` of those before it were told.
 */
#include "core/file.h"
#include "core/mem.h"
#include "core/rouge.h"
#include "core/vec.h"
#include "gen/chain.h"
#include "gen/prompts.h"
#include "gen/reply_list.h"
#include "gen/strategies/strategies.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct tasks {
    char **text;
    size_t n, cap;
};

struct self {
    struct tasks seeds, kept;
    struct rouge_index *index; /* of both */
    int64_t asked, told;       /* requests for tasks */
    int64_t rows, answering;   /* rows made; tasks being answered */
    int64_t ahead, requests, wanted, per_request;
    bool together;
    double novelty;
};

static void keep(struct self *s, struct tasks *t, struct slice text)
{
    t->text = vec_reserve(t->text, &t->cap, t->n + 1, sizeof(char *));
    t->text[t->n++] = mem_strndup(text.data, text.len);
    rouge_index_add(s->index, text);
}

static void free_tasks(struct tasks *t)
{
    for (size_t k = 0; k < t->n; k++)
        mem_free(t->text[k]);
    mem_free(t->text);
}

static void self_close(void *state)
{
    struct self *s = state;
    if (!s)
        return;
    free_tasks(&s->seeds);
    free_tasks(&s->kept);
    rouge_index_free(s->index);
    mem_free(s);
}

static int read_seeds(struct gen *g, struct self *s, const char *name, struct error *error)
{
    char *path = gen_file(g, name);
    struct prompts *p = prompts_open(path, error);
    struct prompt_line line;
    int rc = p ? 1 : -1;
    while (rc == 1 && (rc = prompts_next(p, &line, error)) == 1)
        keep(s, &s->seeds, line.instruction);
    prompts_close(p);
    mem_free(path);
    if (rc == 0 && !s->seeds.n)
        return error_set(error, ERROR_USAGE, "%s holds no seed task", name);
    return rc;
}

static int self_open(struct gen *g, void **state, struct error *error)
{
    const char *name = json_text(gen_setting(g, "prompts"), NULL);
    struct self *s = mem_zero(1, sizeof *s);
    *state = s;
    s->index = rouge_index_new();
    s->ahead = chain_setting(g, "self_instruct.ahead");
    s->per_request = chain_setting(g, "self_instruct.per_request");
    s->together = json_true(gen_setting(g, "self_instruct.together"));
    s->novelty = json_number(gen_setting(g, "self_instruct.novelty"), 0.7);
    s->wanted = chain_setting(g, "rows");
    s->requests = chain_setting(g, "self_instruct.requests");
    if (!s->requests)
        s->requests = s->wanted ? 4 * (s->wanted / s->per_request + 1) : 100;
    if (!name)
        return error_set(error, ERROR_USAGE,
                         "gen.prompts names no file of seed tasks, and self-instruct needs one");
    return read_seeds(g, s, name, error) ? error_wrap(error, "gen.prompts") : 0;
}

/* ---- asking ---------------------------------------------------------------------------------- */

/* `want` of the tasks without repetition, each on a line of its own. */
static void put_shots(struct rng *r, const struct tasks *t, int64_t want, int *number,
                      struct buf *out)
{
    uint32_t *order = mem_alloc((t->n + 1) * sizeof *order);
    rng_permutation(r, order, t->n);
    for (size_t k = 0; k < t->n && (int64_t)k < want; k++)
        buf_printf(out, "%d. %s\n", ++*number, t->text[order[k]]);
    mem_free(order);
}

static int ask_tasks(struct gen *g, struct self *s, struct error *error)
{
    struct rng r = gen_random(g, "self-instruct.shots", (uint64_t)s->asked);
    struct buf shots = BUF, count = BUF;
    struct json *chain = json_new_object();
    char source[48];
    int number = 0, n = snprintf(source, sizeof source, "self-instruct:%" PRId64, s->asked + 1);
    put_shots(&r, &s->seeds, chain_setting(g, "self_instruct.human_shots"), &number, &shots);
    put_shots(&r, &s->kept, chain_setting(g, "self_instruct.model_shots"), &number, &shots);
    buf_printf(&count, "%" PRId64, s->per_request);
    struct gen_field fields[] = {{"tasks", buf_view(&shots)}, {"count", buf_view(&count)}};
    struct chain_ask ask = {.step = "tasks",
                            .template = s->together ? "self-instruct-together" : "self-instruct",
                            .fields = fields,
                            .n = 2,
                            .source = slice_from(source, (size_t)n),
                            .sample = s->asked}; /* the same shots may come again */
    int rc = chain_ask(g, &ask, chain, error);
    s->asked++;
    json_free(chain);
    buf_free(&shots);
    buf_free(&count);
    return rc;
}

static int self_plan(struct gen *g, void *state, struct error *error)
{
    struct self *s = state;
    bool waits = s->told < s->asked || s->answering;
    if (s->wanted && s->rows >= s->wanted)
        return GEN_END;
    if (s->asked >= s->requests)
        return waits ? GEN_WAIT : GEN_END;
    if (s->asked - s->told >= s->ahead || (s->wanted && s->rows + s->answering >= s->wanted))
        return GEN_WAIT;
    return ask_tasks(g, s, error) ? -1 : GEN_MORE;
}

/* ---- hearing --------------------------------------------------------------------------------- */

/* Does the word or the words occur, not as a part of another word? */
static bool has_words(struct slice text, const char *words)
{
    size_t n = strlen(words);
    for (size_t i = 0; n && i + n <= text.len; i++)
        if (!strncasecmp(text.data + i, words, n) &&
            (!i || !isalnum((unsigned char)text.data[i - 1])) &&
            (i + n == text.len || !isalnum((unsigned char)text.data[i + n])))
            return true;
    return false;
}

static bool is_good(struct gen *g, struct self *s, const struct reply_item *item)
{
    static const char start[] = "Write a program";
    int64_t words = (int64_t)rouge_word_count(item->text);
    double f;
    if (words < chain_setting(g, "self_instruct.min_words") ||
        words > chain_setting(g, "self_instruct.max_words") ||
        ispunct((unsigned char)item->text.data[0]) || slice_starts(item->text, start))
        return false;
    const struct json *w = json_first(gen_setting(g, "self_instruct.blacklist"));
    for (; w; w = json_next(w))
        if (has_words(item->text, json_text(w, "")))
            return false;
    if (s->together && !item->output.len)
        return false;
    return rouge_index_closest(s->index, item->text, s->novelty, &f) == SIZE_MAX;
}

static int take(struct gen *g, struct self *s, const struct gen_answer *a,
                const struct reply_item *item, struct error *error)
{
    struct json *chain = json_new_object();
    struct chain_ask ask = {.step = "answer",
                            .source = a->prompt.source,
                            .instruction = item->text,
                            .input = item->input,
                            .parent = a->request};
    struct gen_row row = {.choice = s->rows,
                          .instruction = item->text,
                          .input = item->input.data ? item->input : SLICE(""),
                          .output = item->output,
                          .finish_reason = SLICE("stop"),
                          .meta = SLICE("{}")};
    int rc = s->together ? gen_row(g, &row, error) : chain_ask(g, &ask, chain, error);
    keep(s, &s->kept, item->text);
    if (s->together)
        s->rows++;
    else
        s->answering++;
    json_free(chain);
    return rc;
}

static int on_tasks(struct gen *g, struct self *s, const struct gen_answer *a, struct error *error)
{
    struct reply_list list;
    int rc = 0, good = 0;
    s->told++;
    if (!a->choice)
        return 0;
    reply_list_read(a->choice->text, &list);
    if (list.n && slice_is(a->choice->finish_reason, "length"))
        list.n--; /* cut off in the middle */
    for (size_t k = 0; k < list.n && !rc; k++)
        if (is_good(g, s, &list.items[k]) && ++good)
            rc = take(g, s, a, &list.items[k], error);
    if (!good)
        gen_reject(g, list.n ? "no task of the list is new" : "the reply is no list of tasks");
    reply_list_free(&list);
    return rc;
}

static int self_answer(struct gen *g, void *state, const struct gen_answer *a, struct error *error)
{
    struct self *s = state;
    if (!strcmp(a->step, "tasks"))
        return on_tasks(g, s, a, error);
    s->answering--;
    if (!a->choice)
        return 0;
    s->rows++;
    return gen_row(g, &(struct gen_row){.meta = SLICE("{}")}, error);
}

static int64_t self_count(struct gen *g, void *state)
{
    (void)g;
    (void)state;
    return -1;
}

static struct gen_follow self_follow(struct gen *g, const void *state, const char *step,
                                     int64_t planned)
{
    const struct self *s = state;
    int64_t tasks = s->requests * s->per_request;
    (void)g;
    if (!strcmp(step, "tasks"))
        return (struct gen_follow){s->requests - planned, 0};
    if (s->together)
        return (struct gen_follow){0, 0};
    tasks = s->wanted && s->wanted < tasks ? s->wanted : tasks;
    return (struct gen_follow){tasks, tasks};
}

static const char *const steps[] = {"tasks", "answer", NULL};
static const char *const templates[] = {"self-instruct", "self-instruct-together", NULL};

const struct gen_strategy strategy_self_instruct = {
    .name = "self-instruct",
    .about = "new tasks from seed tasks, each unlike all others",
    .version = 1,
    .templates = templates,
    .steps = steps,
    .needs = NET_CHAT,
    .ordered = true,
    .open = self_open,
    .plan = self_plan,
    .answer = self_answer,
    .count = self_count,
    .follow = self_follow,
    .close = self_close,
};
