#include "gen/settings.h"

#include "core/hash.h"
#include "core/file.h"
#include "core/mem.h"
#include "gen/template.h"

#include <math.h>
#include <string.h>

static const struct json *get(const struct settings *s, const char *path)
{
    return recipe_get(s->recipe, path);
}

static int64_t integer_or(const struct json *node, int64_t fallback)
{
    int64_t v;
    return json_integer(node, &v) ? fallback : v;
}

static int64_t milliseconds(const struct settings *s, const char *path)
{
    return (int64_t)(recipe_number(s->recipe, path) * 1000);
}

/* ---- teachers -------------------------------------------------------------------------------- */

static int check_features(const struct settings *s, const struct endpoint *e, struct error *error)
{
    unsigned lacks = s->strategy->needs & ~e->provider->features;
    if (!lacks)
        return 0;
    return error_set(error, ERROR_USAGE,
                     "gen.strategy %s needs what provider %s has not (%s); see docs/gen.md for "
                     "the providers that do",
                     s->strategy->name, e->provider->name,
                     lacks & NET_RAW_PROMPT ? "raw prompts" : "chat messages");
}

static int open_teachers(struct settings *s, struct error *error)
{
    const struct json *more = get(s, "gen.teachers");
    int n = 1 + (int)json_count(more);
    s->teachers = mem_zero((size_t)n, sizeof *s->teachers);
    const struct json *block = get(s, "teacher");
    char *folder = file_dir(recipe_file(s->recipe));
    int rc = 0;
    for (int i = 0; i < n && !rc; i++) {
        struct endpoint *e = &s->teachers[i];
        rc = endpoint_open(e, block, folder, error);
        if (rc && i)
            error_wrap(error, "gen.teachers.%d", i - 1);
        if (rc)
            break;
        s->n_teachers = i + 1;
        s->weight += e->weight;
        rc = check_features(s, e, error);
        block = json_at(more, (size_t)i);
    }
    mem_free(folder);
    if (rc)
        return -1;
    if (!(s->weight > 0))
        return error_set(error, ERROR_USAGE, "every teacher has weight 0: nobody can be asked");
    return 0;
}

static int find_teacher(const struct settings *s, const char *name)
{
    for (int i = 0; i < s->n_teachers; i++)
        if (!strcmp(s->teachers[i].label, name) || !strcmp(s->teachers[i].model, name))
            return i;
    return -1;
}

/* ---- steps ----------------------------------------------------------------------------------- */

/* The step's own value where it has the member, else the recipe's. */
static const struct json *of_step(const struct settings *s, const struct json *own,
                                  const char *member, const char *path)
{
    const struct json *v = json_get(own, member);
    return v ? v : get(s, path);
}

static int read_step(struct settings *s, const char *name, struct gen_step *out,
                     struct error *error)
{
    const struct json *own = json_get(get(s, "gen.steps"), name);
    const char *teacher = json_text(json_get(own, "teacher"), NULL);
    double nan = (double)NAN;
    *out = (struct gen_step){
        .name = name,
        .temperature = json_number(of_step(s, own, "temperature", "gen.temperature"), nan),
        .top_p = json_number(of_step(s, own, "top_p", "gen.top_p"), nan),
        .max_tokens = integer_or(of_step(s, own, "max_tokens", "gen.max_tokens"), 0),
        .reasoning_effort =
            json_text(of_step(s, own, "reasoning_effort", "gen.reasoning_effort"), NULL),
        .logprobs = (int)integer_or(of_step(s, own, "logprobs", "gen.logprobs"), -1),
        .only = -1,
    };
    if (teacher && (out->only = find_teacher(s, teacher)) < 0)
        return error_set(error, ERROR_USAGE, "gen.steps.%s.teacher: there is no teacher \"%s\"",
                         name, teacher);
    return 0;
}

static int read_steps(struct settings *s, struct error *error)
{
    const char *const *names = s->strategy->steps;
    while (names[s->n_steps])
        s->n_steps++;
    s->steps = mem_zero((size_t)s->n_steps, sizeof *s->steps);
    for (int i = 0; i < s->n_steps; i++)
        if (read_step(s, names[i], &s->steps[i], error))
            return -1;
    for (const struct json *e = json_first(get(s, "gen.steps")); e; e = json_next(e))
        if (!settings_step(s, slice_of(json_key(e))))
            return error_set(error, ERROR_USAGE, "gen.steps.%s: strategy %s has no such step",
                             json_key(e), s->strategy->name);
    return 0;
}

const struct gen_step *settings_step(const struct settings *s, struct slice name)
{
    for (int i = 0; i < s->n_steps; i++)
        if (slice_is(name, s->steps[i].name))
            return &s->steps[i];
    return NULL;
}

void settings_params(const struct settings *s, const struct gen_step *step,
                     const struct endpoint *teacher, int64_t sample, struct net_params *out)
{
    *out = (struct net_params){
        .model = teacher->model,
        .max_tokens = step->max_tokens,
        .temperature = step->temperature,
        .top_p = step->top_p,
        .seed = s->send_seed ? (int64_t)((s->seed + (uint64_t)sample) & 0x7fffffff) : -1,
        .n = s->n,
        .top_logprobs = step->logprobs,
        .stop = s->stop,
        .reasoning_effort = step->reasoning_effort,
        .schema = s->schema_tree,
        .schema_name = "reply",
        .extra = json_count(teacher->extra) ? teacher->extra : NULL,
    };
}

/* What teacher.body puts into the place of our own limits, or beside them. */
static const char *const limit_names[] = {"max_tokens", "max_completion_tokens", NULL};
static const char *const choice_names[] = {"n", "best_of", NULL};

static int64_t largest(int64_t own, const struct json *extra, const char *const *names)
{
    for (; *names; names++) {
        int64_t other = integer_or(json_get(extra, *names), 0);
        own = other > own ? other : own;
    }
    return own;
}

int64_t settings_most_output(const struct settings *s, const struct gen_step *step,
                             const struct endpoint *teacher)
{
    return largest(step->max_tokens, teacher->extra, limit_names) *
           largest(s->n, teacher->extra, choice_names);
}

/* ---- the rest -------------------------------------------------------------------------------- */

static int read_schema(struct settings *s, struct error *error)
{
    char *path = recipe_path(s->recipe, "gen.schema");
    struct buf text = BUF_MAX(4 << 20);
    int rc = 0;
    if (!path)
        return 0;
    if (s->strategy->ordered) {
        mem_free(path);
        return error_set(error, ERROR_USAGE, "gen.schema: strategy %s makes no structured replies",
                         s->strategy->name);
    }
    rc = file_read(path, &text, error);
    if (!rc)
        s->schema_tree = json_parse(buf_view(&text), 0, error);
    if (s->schema_tree)
        s->schema = schema_compile(s->schema_tree, error);
    if (!s->schema)
        rc = error_wrap(error, "gen.schema: %s", path);
    buf_free(&text);
    mem_free(path);
    return rc;
}

/* Everything that decides what is asked and how its answer becomes rows; not how fast, how often,
 * how long or for how much. */
static void set_identity(struct settings *s)
{
    static const char *const how[] = {"retries",
                                      "timeout_s",
                                      "connect_timeout_s",
                                      "first_byte_timeout_s",
                                      "idle_timeout_s",
                                      "max_reply_mb",
                                      "patience_s",
                                      "budget_usd",
                                      "budget_tokens",
                                      "budget_requests",
                                      "teachers",
                                      "rows",
                                      NULL};
    struct json *gen = json_copy(get(s, "gen"));
    struct buf b = BUF;
    for (int i = 0; how[i]; i++)
        json_remove(gen, how[i]);
    json_write(gen, JSON_CANONICAL, &b);
    json_free(gen);
    if (s->schema_tree)
        json_write(s->schema_tree, JSON_CANONICAL, &b);
    buf_printf(&b, "|%s|%d|%llu", s->strategy->name, s->strategy->version,
               (unsigned long long)s->seed);
    for (int i = 0; i < s->n_teachers; i++) {
        const struct endpoint *e = &s->teachers[i];
        buf_printf(&b, "|%s|%s|%s|%.17g|", e->provider->name, e->name, e->model, e->weight);
        json_write(e->extra, JSON_CANONICAL, &b);
    }
    for (const char *const *t = s->strategy->templates; t && *t; t++) {
        struct buf text = BUF;
        char *folder = file_dir(recipe_file(s->recipe));
        (void)template_read(folder, *t, &text, NULL); /* a missing one fails where it is used */
        buf_slice(&b, buf_view(&text));
        buf_free(&text);
        mem_free(folder);
    }
    hash128_hex(hash128(b.data, b.len), s->identity);
    buf_free(&b);
}

/* Can what a reply costs be known beforehand? */
static int check_bounded(const struct settings *s, const struct endpoint *e, struct error *error)
{
    int64_t v;
    if (s->budget_nusd >= 0 && !endpoint_has_price(e))
        return error_set(error, ERROR_USAGE,
                         "gen.budget_usd: the price of %s is not known; set teacher.price "
                         "(input and output, 0 where it is free) or remove the budget",
                         e->model);
    for (const char *const *name = limit_names; *name; name++) {
        const struct json *own = json_get(e->extra, *name);
        if (own && (json_integer(own, &v) || v < 1 || v > INT32_MAX))
            return error_set(error, ERROR_USAGE,
                             "teacher.body.%s leaves the replies of %s without a limit, and no "
                             "budget can be kept so; give a number, or remove it or the budget",
                             *name, e->model);
    }
    return 0;
}

static int read_budget(struct settings *s, struct error *error)
{
    double usd = json_number(get(s, "gen.budget_usd"), -1);
    s->budget_nusd = usd < 0 ? -1 : usd > 9e9 ? INT64_MAX / 4 : (int64_t)(usd * 1e9);
    s->budget_tokens = integer_or(get(s, "gen.budget_tokens"), -1);
    s->budget_requests = integer_or(get(s, "gen.budget_requests"), -1);
    if (s->budget_nusd < 0 && s->budget_tokens < 0)
        return 0;
    for (int i = 0; i < s->n_teachers; i++)
        if (check_bounded(s, &s->teachers[i], error))
            return -1;
    return 0;
}

static void read_http(struct settings *s)
{
    s->http = (struct http_options){
        .connect_ms = milliseconds(s, "gen.connect_timeout_s"),
        .first_byte_ms = milliseconds(s, "gen.first_byte_timeout_s"),
        .idle_ms = milliseconds(s, "gen.idle_timeout_s"),
        .total_ms = milliseconds(s, "gen.timeout_s"),
        .max_body = (size_t)recipe_integer(s->recipe, "gen.max_reply_mb") << 20,
        .max_headers = 32768,
    };
    for (int i = 0; i < s->n_teachers; i++)
        s->http.max_in_flight += s->teachers[i].limits.in_flight;
}

int settings_open(struct settings *s, const struct recipe *recipe, struct error *error)
{
    memset(s, 0, sizeof *s);
    s->recipe = recipe;
    s->seed = (uint64_t)recipe_integer(recipe, "seed");
    const char *name = recipe_text(recipe, "gen.strategy");
    s->strategy = gen_strategy_find(name);
    if (!s->strategy)
        return error_set(error, ERROR_USAGE, "gen.strategy: there is no strategy %s", name);
    s->samples = (int)recipe_integer(recipe, "gen.samples");
    s->n = (int)recipe_integer(recipe, "gen.n");
    s->retries = (int)recipe_integer(recipe, "gen.retries");
    s->repairs = (int)recipe_integer(recipe, "gen.repairs");
    s->send_seed = recipe_bool(recipe, "gen.send_seed");
    s->system = recipe_text(recipe, "gen.system");
    s->stop = get(s, "gen.stop");
    s->rows = integer_or(get(s, "gen.rows"), 0);
    s->patience_ns = milliseconds(s, "gen.patience_s") * 1000000;
    if (open_teachers(s, error) || read_steps(s, error) || read_schema(s, error) ||
        read_budget(s, error)) {
        settings_close(s);
        return -1;
    }
    read_http(s);
    set_identity(s);
    return 0;
}

void settings_close(struct settings *s)
{
    for (int i = 0; i < s->n_teachers; i++)
        endpoint_close(&s->teachers[i]);
    mem_free(s->teachers);
    mem_free(s->steps);
    schema_free(s->schema);
    json_free(s->schema_tree);
    memset(s, 0, sizeof *s);
}
