/*
 * persona: a task of each of many people, with further attributes drawn by weight or combined.
 *
 *   persona × attributes ─► task ─► answer ─► row
 *
 * The plan is a number: combination k is the same for the same recipe, file and seed.
 */
#include "core/mem.h"
#include "core/rouge.h"
#include "core/vec.h"
#include "gen/chain.h"
#include "gen/prompts.h"
#include "gen/strategies/strategies.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { ATTRIBUTES_MAX = 16 };

struct persona {
    char **people;
    size_t n, cap;
    const struct json *attributes;
    bool cartesian;
    int64_t count, at;
};

static void persona_close(void *state)
{
    struct persona *p = state;
    if (!p)
        return;
    for (size_t k = 0; k < p->n; k++)
        mem_free(p->people[k]);
    mem_free(p->people);
    mem_free(p);
}

static int read_people(struct gen *g, struct persona *p, const char *name, struct error *error)
{
    static const char *const members[] = {"persona", "text", NULL};
    char *path = gen_file(g, name);
    struct prompts *file = prompts_open_as(path, members, error);
    struct prompt_line line;
    int rc = file ? 1 : -1;
    while (rc == 1 && (rc = prompts_next(file, &line, error)) == 1) {
        p->people = vec_reserve(p->people, &p->cap, p->n + 1, sizeof(char *));
        p->people[p->n++] = mem_strndup(line.instruction.data, line.instruction.len);
    }
    prompts_close(file);
    mem_free(path);
    if (rc == 0 && !p->n)
        return error_set(error, ERROR_USAGE, "%s holds no persona", name);
    return rc;
}

/* How many combinations there are. */
static int64_t combinations(const struct persona *p)
{
    double all = p->n ? (double)p->n : 1;
    for (const struct json *a = json_first(p->attributes); a; a = json_next(a))
        all *= (double)json_count(a);
    return all < 1e15 ? (int64_t)all : (int64_t)1e15;
}

static int persona_open(struct gen *g, void **state, struct error *error)
{
    const char *name = json_text(gen_setting(g, "persona.file"), NULL);
    struct persona *p = mem_zero(1, sizeof *p);
    *state = p;
    p->attributes = gen_setting(g, "persona.attributes");
    p->cartesian = !strcmp(json_text(gen_setting(g, "persona.mode"), ""), "cartesian");
    p->count = chain_setting(g, "persona.count");
    if (!name && !json_count(p->attributes))
        return error_set(error, ERROR_USAGE,
                         "gen.persona names neither a file nor attributes: there is nobody to ask "
                         "for");
    for (const struct json *a = json_first(p->attributes); a; a = json_next(a))
        if (!json_count(a))
            return error_set(error, ERROR_USAGE, "gen.persona.attributes.%s has no values",
                             json_key(a));
    if (name && read_people(g, p, name, error))
        return error_wrap(error, "gen.persona.file");
    int64_t all = combinations(p);
    if (!p->count)
        p->count = p->cartesian ? all : p->n ? (int64_t)p->n : 100;
    if (p->cartesian && p->count > all)
        p->count = all;
    return 0;
}

/* ---- combinations ---------------------------------------------------------------------------- */

/* A value of a list, or a key of an object drawn by its weight. */
static struct slice draw(struct rng *r, const struct json *values)
{
    double sum = 0, at;
    if (json_type(values) != JSON_OBJECT)
        return json_string(json_at(values, rng_below(r, (uint32_t)json_count(values))));
    for (const struct json *v = json_first(values); v; v = json_next(v))
        sum += json_number(v, 0);
    at = rng_uniform(r) * sum;
    const struct json *last = NULL;
    for (const struct json *v = json_first(values); v; v = json_next(v)) {
        if (json_number(v, 0) > 0)
            last = v;
        at -= json_number(v, 0);
        if (at < 0 && json_number(v, 0) > 0)
            break;
    }
    return slice_of(last ? json_key(last) : json_key(json_first(values)));
}

static struct slice value_at(const struct json *values, size_t k)
{
    const struct json *v = json_at(values, k);
    return json_type(values) == JSON_OBJECT ? slice_of(json_key(v)) : json_string(v);
}

/* Combination `at`: the persona in *who, {name: value} as the result. */
static struct json *combine(struct gen *g, const struct persona *p, struct slice *who)
{
    struct rng r = gen_random(g, "persona", (uint64_t)p->at);
    struct json *o = json_new_object();
    uint64_t left = (uint64_t)p->at;
    *who = SLICE("anybody");
    if (p->n && (p->cartesian || p->at < (int64_t)p->n)) { /* everybody once before one again */
        *who = slice_of(p->people[left % p->n]);
        left /= p->n;
    } else if (p->n) {
        *who = slice_of(p->people[rng_below(&r, (uint32_t)p->n)]);
    }
    for (const struct json *a = json_first(p->attributes); a; a = json_next(a)) {
        size_t n = json_count(a);
        json_put_string(o, json_key(a), p->cartesian ? value_at(a, left % n) : draw(&r, a));
        left /= n;
    }
    return o;
}

static int ask_task(struct gen *g, struct persona *p, struct error *error)
{
    struct slice who;
    struct json *meta = combine(g, p, &who), *chain = json_new_object();
    struct gen_field fields[ATTRIBUTES_MAX + 3] = {{"persona", who},
                                                   {"task",
                                                    json_string(gen_setting(g, "persona.task"))},
                                                   {"attributes", {0}}};
    struct buf lines = BUF;
    char source[40];
    size_t n = 3;
    int len = snprintf(source, sizeof source, "persona:%" PRId64, p->at + 1);
    for (const struct json *a = json_first(meta); a && n < ATTRIBUTES_MAX + 3; a = json_next(a)) {
        buf_printf(&lines, "- %s: %s\n", json_key(a), json_text(a, ""));
        fields[n++] = (struct gen_field){json_key(a), json_string(a)};
    }
    fields[2].value = buf_view(&lines);
    struct chain_ask ask = {.step = "task",
                            .template = "persona",
                            .fields = fields,
                            .n = n,
                            .source = slice_from(source, (size_t)len),
                            .sample = p->at};
    struct json *about = json_copy(meta);
    json_put_string(about, "persona", who);
    json_put(chain, "meta", about);
    int rc = chain_ask(g, &ask, chain, error);
    json_free(meta);
    json_free(chain);
    buf_free(&lines);
    p->at++;
    return rc;
}

static int persona_plan(struct gen *g, void *state, struct error *error)
{
    struct persona *p = state;
    if (p->at >= p->count)
        return GEN_END;
    return ask_task(g, p, error) ? -1 : GEN_MORE;
}

/* ---- hearing --------------------------------------------------------------------------------- */

static int persona_answer(struct gen *g, void *state, const struct gen_answer *a,
                          struct error *error)
{
    struct buf meta = BUF;
    int rc = 0;
    (void)state;
    if (!a->choice)
        return 0;
    struct json *chain = chain_state(a);
    struct slice text = chain_bare(a->choice->text);
    struct chain_ask ask = {.step = "answer",
                            .source = a->prompt.source,
                            .instruction = text,
                            .parent = a->request};
    if (!strcmp(a->step, "answer")) {
        chain_meta(chain, NULL, &meta);
        rc = gen_row(g, &(struct gen_row){.meta = buf_view(&meta)}, error);
    } else if (rouge_word_count(text)) {
        rc = chain_ask(g, &ask, chain, error);
    } else {
        gen_reject(g, "the task has no words");
    }
    buf_free(&meta);
    json_free(chain);
    return rc;
}

static int64_t persona_count(struct gen *g, void *state)
{
    const struct persona *p = state;
    (void)g;
    return p->count;
}

static int persona_position(void *state, struct buf *out)
{
    const struct persona *p = state;
    return buf_printf(out, "%" PRId64 " %zu", p->at, p->n);
}

static int persona_seek(struct gen *g, void *state, struct slice position, struct error *error)
{
    struct persona *p = state;
    char text[64] = "";
    int64_t at;
    size_t n;
    (void)g;
    if (position.len < sizeof text)
        memcpy(text, position.data, position.len);
    if (sscanf(text, "%" SCNd64 " %zu", &at, &n) != 2 || n != p->n || at < 0)
        return error_set(error, ERROR_INPUT, "the persona file changed");
    p->at = at;
    return 0;
}

static const char *const steps[] = {"task", "answer", NULL};
static const char *const templates[] = {"persona", NULL};

const struct gen_strategy strategy_persona = {
    .name = "persona",
    .about = "tasks of many people and attributes, combined or drawn by weight",
    .version = 1,
    .templates = templates,
    .steps = steps,
    .needs = NET_CHAT,
    .open = persona_open,
    .plan = persona_plan,
    .answer = persona_answer,
    .count = persona_count,
    .follow = chain_follow,
    .position = persona_position,
    .seek = persona_seek,
    .close = persona_close,
};
