/* What a strategy may call: see strategy.h. */
#include "core/file.h"
#include "core/mem.h"
#include "core/vec.h"
#include "gen/run.h"
#include "gen/template.h"

#include <stdio.h>
#include <string.h>

/* ---- asking ---------------------------------------------------------------------------------- */

static uint64_t hash_of(const struct ledger_prompt *p)
{
    struct hash128 h = hash128(p->instruction.data, p->instruction.len);
    h = hash128_add(h, p->input.data, p->input.len);
    h = hash128_add(h, p->messages.data, p->messages.len);
    return hash128_add(h, p->raw.data, p->raw.len).lo;
}

/* Whose turn it is: by weight, from the prompt and the sample alone. */
static struct lane *choose(struct gen *g, const struct gen_step *step,
                           const struct ledger_prompt *p, int64_t sample)
{
    if (step->only >= 0)
        return &g->lanes[step->only];
    if (g->n_lanes == 1)
        return &g->lanes[0];
    double at = (double)(rng_at(g->settings.seed, hash_of(p), (uint64_t)sample) >> 11) * 0x1p-53 *
                g->settings.weight;
    for (int k = 0; k < g->n_lanes - 1; k++) {
        at -= g->lanes[k].teacher->weight;
        if (at < 0)
            return &g->lanes[k];
    }
    return &g->lanes[g->n_lanes - 1];
}

/* Number it and put it into the job at hand. */
void ask_enlist(struct gen *g, struct item *i)
{
    i->prompt.id = g->next.prompt;
    i->request.id = g->next.request++;
    i->request.teacher_id = i->lane->teacher_id;
    i->request.strategy = slice_of(g->settings.strategy->name);
    i->request.step = slice_of(i->step->name);
    i->request.sample = i->sample;
    i->order = g->order.asked++;
    items_add(&g->chunk->asks, i);
    g->planning++;
}

int gen_ask(struct gen *g, const struct gen_ask *ask, struct error *error)
{
    const struct gen_step *step =
        ask->step ? settings_step(&g->settings, slice_of(ask->step)) : &g->settings.steps[0];
    int samples = ask->samples ? ask->samples : g->settings.samples;
    struct ledger_prompt p = {
        .name = ask->name,
        .source = ask->source,
        .system = ask->system,
        .instruction = ask->instruction,
        .input = ask->input,
        .messages = ask->messages,
        .raw = ask->raw,
        .meta = ask->meta,
        .parent = ask->parent,
    };
    if (!step)
        return error_set(error, ERROR_FAILED, "strategy %s asks in step %s, which it does not have",
                         g->settings.strategy->name, ask->step);
    if (!p.system.data && !p.raw.data && g->settings.system)
        p.system = slice_of(g->settings.system);
    for (int64_t k = 0; k < samples; k++) {
        int64_t sample = ask->first_sample + k;
        struct lane *lane = choose(g, step, &p, sample);
        struct item *i = item_new(g, lane, step, sample, &p, error);
        if (!i)
            return error_wrap(error, "%.*s", (int)p.source.len, p.source.data ? p.source.data : "");
        ask_enlist(g, i);
        g->asked++;
    }
    g->next.prompt++;
    return 0;
}

/* ---- answering ------------------------------------------------------------------------------- */

static struct slice or_else(struct slice a, struct slice b)
{
    return a.data ? a : b;
}

/* The prompt's name, with the sample's and the choice's number behind it past the first. */
static struct slice row_name(struct gen *g, struct slice name, int64_t sample, int64_t choice)
{
    struct buf b = BUF_MAX(4096);
    struct slice s = {NULL, 0};
    if (!name.len)
        return s;
    if (!sample && !choice)
        return name;
    buf_slice(&b, name);
    if (sample)
        buf_printf(&b, "#%lld", (long long)sample);
    if (choice)
        buf_printf(&b, ".%lld", (long long)choice);
    s = arena_copy(&g->chunk->arena, buf_view(&b));
    buf_free(&b);
    return s;
}

static struct slice keep(struct gen *g, struct slice s)
{
    return s.data ? arena_copy(&g->chunk->arena, s) : s;
}

int gen_row(struct gen *g, const struct gen_row *row, struct error *error)
{
    struct item *i = g->answering;
    const struct net_choice *c = row->of ? row->of : g->choice;
    if (!i || !c)
        return error_set(error, ERROR_FAILED, "a strategy made a row outside an answer");
    struct store *s = g->chunk;
    const struct ledger_prompt *p = &i->prompt;
    if (g->echo)
        return 0;
    if (g->settings.rows && g->rows + (int64_t)g->chunk->n_rows >= g->settings.rows)
        return 0; /* exactly so many; the reply stays, and --reparse can make more of it */
    if (c->logprobs.n)
        store_soft(s, row->choice, &c->logprobs);
    s->rows = vec_reserve(s->rows, &s->cap_rows, s->n_rows + 1, sizeof *s->rows);
    s->rows[s->n_rows++] = (struct sample){
        .name = row->name.data ? keep(g, row->name) : row_name(g, p->name, i->sample, row->choice),
        .source = SLICE("gen"),
        .request_id = i->request.id,
        .choice = row->choice,
        .system = or_else(keep(g, row->system), p->system),
        .instruction = or_else(keep(g, row->instruction), p->instruction),
        .input = or_else(keep(g, row->input), p->input),
        .output = or_else(keep(g, row->output), c->text),
        .reasoning = or_else(keep(g, row->reasoning), c->reasoning),
        .messages = or_else(keep(g, row->messages), p->messages),
        .finish_reason = or_else(keep(g, row->finish_reason), c->finish_reason),
        .meta = or_else(keep(g, row->meta), p->meta),
    };
    return 0;
}

int gen_score(struct gen *g, int64_t sample_id, struct slice name, double value,
              struct error *error)
{
    struct store *s = g->chunk;
    if (!g->answering)
        return error_set(error, ERROR_FAILED, "a strategy scored a row outside an answer");
    if (g->echo)
        return 0;
    s->scores = vec_reserve(s->scores, &s->cap_scores, s->n_scores + 1, sizeof *s->scores);
    s->scores[s->n_scores++] = (struct store_score){sample_id, keep(g, name), value};
    return 0;
}

void gen_reject(struct gen *g, const char *reason)
{
    g->is_rejected = true;
    snprintf(g->rejected, sizeof g->rejected, "%s", reason);
}

void gen_bad_line(struct gen *g, const char *what)
{
    enum { SHOWN = 5 };
    if (g->bad_lines++ < SHOWN)
        buf_printf(&g->bad, "%s%s", g->bad.len ? "\n" : "", what);
}

/* ---- knowing --------------------------------------------------------------------------------- */

struct rng gen_random(struct gen *g, const char *purpose, uint64_t index)
{
    return rng_new(g->settings.seed, hash64(purpose, strlen(purpose), index));
}

const struct json *gen_setting(struct gen *g, const char *path)
{
    char full[128];
    snprintf(full, sizeof full, "gen.%s", path);
    return recipe_get(g->recipe, full);
}

char *gen_file(struct gen *g, const char *name)
{
    char *dir = file_dir(recipe_file(g->recipe));
    char *path = file_join(dir, name);
    mem_free(dir);
    return path;
}

int64_t gen_accepted(const struct gen *g)
{
    return g->rows;
}

/* ---- templates ------------------------------------------------------------------------------- */

struct template_text {
    struct template_text *next;
    char *name;
    struct buf text;
};

static struct template_text *read_template(struct gen *g, const char *name, struct error *error)
{
    struct template_text *t;
    for (t = g->templates; t; t = t->next)
        if (!strcmp(t->name, name))
            return t;
    t = mem_zero(1, sizeof *t);
    char *folder = file_dir(recipe_file(g->recipe));
    t->name = mem_strdup(name);
    t->text = BUF;
    t->next = g->templates;
    g->templates = t;
    int rc = template_read(folder, name, &t->text, error);
    mem_free(folder);
    return rc ? NULL : t;
}

int gen_template(struct gen *g, const char *name, const struct gen_field *fields, size_t n,
                 struct buf *out, struct error *error)
{
    struct template_text *t = read_template(g, name, error);
    if (!t)
        return -1;
    if (template_fill(buf_view(&t->text), fields, n, out, error))
        return error_wrap(error, "prompt template %s", name);
    return 0;
}

void ask_free_templates(struct gen *g)
{
    while (g->templates) {
        struct template_text *t = g->templates;
        g->templates = t->next;
        mem_free(t->name);
        buf_free(&t->text);
        mem_free(t);
    }
}

/* ---- ancestors ------------------------------------------------------------------------------- */

struct ancestor {
    struct gen *g;
    int (*fn)(void *context, const struct gen_answer *a, struct error *error);
    void *context;
};

static int show_ancestor(void *context, const struct ledger_heard *h, struct error *error)
{
    struct ancestor *an = context;
    struct item *i = plan_item_as_it_is(an->g, &h->item, error);
    struct net_reply reply;
    struct net_failure f;
    int rc;
    if (!i)
        return error_set(error, ERROR_FAILED, "request %lld is of another recipe",
                         (long long)h->item.request.id);
    rc = i->lane->teacher->provider->reply(h->body, &reply, &f);
    i->latency_ms = h->latency_ms;
    struct gen_answer a = outcome_answer(i, rc ? f.cause : NET_OK, rc ? NULL : &reply);
    rc = an->fn(an->context, &a, error);
    net_reply_free(&reply);
    item_free(i);
    return rc;
}

int gen_ancestor(struct gen *g, int64_t request,
                 int (*fn)(void *context, const struct gen_answer *a, struct error *error),
                 void *context, struct error *error)
{
    struct ancestor an = {g, fn, context};
    return ledger_answer(g->corpus, request, show_ancestor, &an, error);
}

int gen_window(const struct gen *g)
{
    int n = 0;
    for (int k = 0; k < g->n_lanes; k++)
        n += g->lanes[k].teacher->limits.in_flight;
    return n;
}
