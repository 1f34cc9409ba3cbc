/*
 * --dry-run: what it would take.  Tokens are bytes / 4, which is what byte-pair tokenizers give on
 * English prose (other scripts cost more); replies lie between a quarter of max_tokens and all of it.
 * What follows on answers (the further steps of a strategy, repairs) is not planned yet: counted is
 * the most there can be of it, with prompts as long as those of the plan and the replies they hold.
 */
#include "core/json.h"
#include "core/mem.h"
#include "gen/run.h"

#include <math.h>

struct tokens {
    double input, output;
};

struct sum {
    int64_t requests, known, follow_ups;
    struct tokens low, high;
    double low_usd, high_usd;
};

static double cost(const struct endpoint *e, struct tokens t)
{
    struct net_usage u = {.input = (int64_t)t.input, .output = (int64_t)t.output};
    return (double)endpoint_cost(e, &u) * (e->batch.on ? 1 - e->batch.discount : 1) / 1e9;
}

static void book(struct sum *s, const struct endpoint *e, struct tokens low, struct tokens high)
{
    s->low.input += low.input;
    s->low.output += low.output;
    s->high.input += high.input;
    s->high.output += high.output;
    s->low_usd += cost(e, low);
    s->high_usd += cost(e, high);
}

static void add(struct sum *s, const struct item *i)
{
    double parts = i->part_tokens > 0 ? (double)i->part_tokens : 0;
    s->requests++;
    book(s, i->lane->teacher, (struct tokens){i->input_tokens, i->output_tokens / 4},
         (struct tokens){i->input_tokens + parts, i->output_tokens});
}

/* ---- what follows on answers ----------------------------------------------------------------- */

/* Requests of a step, shared out among its teachers. */
static void add_step(struct gen *g, struct sum *s, const struct gen_step *step,
                     struct gen_follow low, struct gen_follow high, struct tokens each)
{
    for (int k = 0; k < g->n_lanes; k++) {
        const struct endpoint *e = g->lanes[k].teacher;
        double share = step->only < 0 ? e->weight / g->settings.weight : step->only == k;
        double reply = (double)settings_most_output(&g->settings, step, e);
        struct tokens l = {(double)low.requests * each.input +
                               (double)low.replies * each.output / 4,
                           (double)low.requests * reply / 4};
        struct tokens h = {(double)high.requests * each.input + (double)high.replies * each.output,
                           (double)high.requests * reply};
        book(s, e, (struct tokens){l.input * share, l.output * share},
             (struct tokens){h.input * share, h.output * share});
    }
    s->follow_ups += high.requests;
}

static double longest_reply(const struct gen *g)
{
    int64_t most = 0;
    for (int k = 0; k < g->settings.n_steps; k++) {
        int64_t n = settings_most_output(&g->settings, &g->settings.steps[k], g->lanes[0].teacher);
        most = n > most ? n : most;
    }
    return (double)most;
}

/* Each request may be repaired, and its repair; each holds what went before. */
static struct gen_follow with_repairs(const struct gen *g, struct gen_follow f, int64_t asked)
{
    int64_t n = g->settings.schema ? g->settings.repairs : 0;
    return (struct gen_follow){f.requests + asked * n, f.replies + asked * n * (n + 1) / 2};
}

static void add_follow_ups(struct gen *g, struct sum *s)
{
    const struct gen_strategy *strategy = g->settings.strategy;
    int64_t planned = s->requests;
    if (!planned)
        return;
    struct tokens each = {s->high.input / (double)planned, longest_reply(g)};
    for (int k = 0; k < g->settings.n_steps; k++) {
        const struct gen_step *step = &g->settings.steps[k];
        struct gen_follow f = {0, 0};
        if (strategy->follow)
            f = strategy->follow(g, g->strategy, step->name, planned);
        int64_t asked = f.requests + (k ? 0 : planned);
        add_step(g, s, step, f, with_repairs(g, f, asked), each);
    }
}

/* Plan everything; what the dataset has answered already costs nothing. */
static int plan_all(struct gen *g, struct sum *sum, struct error *error)
{
    int rc = GEN_MORE;
    while (rc == GEN_MORE) {
        struct item *i;
        struct store *s = g->chunk = store_new(g, STORE_PLAN);
        rc = g->settings.strategy->plan(g, g->strategy, error);
        g->chunk = NULL;
        while ((i = items_pop(&s->asks)) != NULL) {
            int known = g->corpus ? ledger_answered(g->corpus, i->request.key, error) : 0;
            if (known > 0)
                sum->known++;
            else if (known == 0)
                add(sum, i);
            item_free(i);
            if (known < 0)
                rc = -1;
        }
        store_free(s);
    }
    return rc < 0 ? -1 : 0;
}

/* Seconds the limits of the recipe would take, at least. */
static double seconds_at_limits(const struct gen *g, const struct sum *s)
{
    double worst = 0;
    for (int k = 0; k < g->n_lanes; k++) {
        const struct pace_config *c = &g->lanes[k].teacher->limits;
        double share = g->lanes[k].teacher->weight / g->settings.weight;
        double minutes = 0;
        if (c->requests_per_minute > 0)
            minutes = fmax(minutes, (double)(s->requests + s->follow_ups) / c->requests_per_minute);
        if (c->tokens_per_minute > 0)
            minutes = fmax(minutes, (s->low.input + s->high.output) / c->tokens_per_minute);
        if (c->input_tokens_per_minute > 0)
            minutes = fmax(minutes, s->low.input / c->input_tokens_per_minute);
        if (c->output_tokens_per_minute > 0)
            minutes = fmax(minutes, s->high.output / c->output_tokens_per_minute);
        worst = fmax(worst, 60 * minutes * share);
    }
    return worst;
}

static void write_report(struct gen *g, const struct sum *s, bool priced, struct buf *report)
{
    struct json *o = json_new_object(), *tokens = json_new_object(), *usd = json_new_object();
    double at_limits = seconds_at_limits(g, s);
    json_put_integer(o, "requests", s->requests);
    if (s->follow_ups)
        json_put_integer(o, "follow_ups_most", s->follow_ups);
    if (g->settings.rows > 0)
        json_put_integer(o, "ends_at_rows", g->settings.rows);
    json_put_integer(o, "answered_before", s->known);
    json_put_integer(tokens, "input", (int64_t)s->low.input);
    if ((int64_t)s->high.input > (int64_t)s->low.input)
        json_put_integer(tokens, "input_most", (int64_t)s->high.input);
    json_put_integer(tokens, "output_likely", (int64_t)s->low.output);
    json_put_integer(tokens, "output_most", (int64_t)s->high.output);
    json_put(o, "tokens", tokens);
    if (priced) {
        json_put_number(usd, "likely", s->low_usd);
        json_put_number(usd, "most", s->high_usd);
        json_put(o, "usd", usd);
    } else {
        json_free(usd);
        json_put_text(o, "usd", "unknown: teacher.price is not set");
    }
    if (at_limits > 0)
        json_put_number(o, "seconds_at_limits", at_limits);
    json_put_text(o, "tokens_are", "bytes / 4; replies between a quarter of max_tokens and all");
    if (g->bad_lines) {
        json_put_integer(o, "bad_lines", g->bad_lines);
        json_put_string(o, "bad_lines_first", buf_view(&g->bad));
    }
    json_write(o, 0, report);
    json_free(o);
}

int estimate_run(struct gen *g, struct buf *report, struct error *error)
{
    struct sum sum = {0};
    bool priced = true;
    g->lanes = mem_zero((size_t)g->settings.n_teachers, sizeof *g->lanes);
    for (int k = 0; k < g->settings.n_teachers; k++, g->n_lanes++) {
        lane_init(&g->lanes[k], &g->settings.teachers[k], k, 0);
        priced = priced && endpoint_has_price(&g->settings.teachers[k]);
    }
    if (g->settings.strategy->open(g, &g->strategy, error) || plan_all(g, &sum, error))
        return -1;
    add_follow_ups(g, &sum);
    write_report(g, &sum, priced, report);
    return 0;
}
