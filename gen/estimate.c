/*
 * --dry-run: what it would take.  Tokens are bytes / 4, which is what byte-pair tokenizers give on
 * English prose (other scripts cost more); replies lie between a quarter of max_tokens and all of it.
 */
#include "core/json.h"
#include "core/mem.h"
#include "gen/run.h"

#include <math.h>

struct sum {
    int64_t requests, known;
    double input, most_output, low_usd, high_usd;
};

static void add(struct sum *s, const struct item *i)
{
    struct net_usage low = {.input = (int64_t)i->input_tokens,
                            .output = (int64_t)(i->output_tokens / 4)};
    int64_t parts = i->part_tokens > 0 ? i->part_tokens : 0;
    struct net_usage high = {.input = (int64_t)i->input_tokens + parts,
                             .output = (int64_t)i->output_tokens};
    const struct endpoint *e = i->lane->teacher;
    s->requests++;
    s->input += i->input_tokens;
    s->most_output += i->output_tokens;
    double share = (e->batch.on ? 1 - e->batch.discount : 1) / 1e9;
    s->low_usd += (double)endpoint_cost(e, &low) * share;
    s->high_usd += (double)endpoint_cost(e, &high) * share;
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
            minutes = fmax(minutes, (double)s->requests / c->requests_per_minute);
        if (c->tokens_per_minute > 0)
            minutes = fmax(minutes, (s->input + s->most_output) / c->tokens_per_minute);
        if (c->input_tokens_per_minute > 0)
            minutes = fmax(minutes, s->input / c->input_tokens_per_minute);
        if (c->output_tokens_per_minute > 0)
            minutes = fmax(minutes, s->most_output / c->output_tokens_per_minute);
        worst = fmax(worst, 60 * minutes * share);
    }
    return worst;
}

static void write_report(struct gen *g, const struct sum *s, bool priced, struct buf *report)
{
    struct json *o = json_new_object(), *tokens = json_new_object(), *usd = json_new_object();
    double at_limits = seconds_at_limits(g, s);
    json_put_integer(o, "requests", s->requests);
    json_put_integer(o, "answered_before", s->known);
    json_put_integer(tokens, "input", (int64_t)s->input);
    json_put_integer(tokens, "output_likely", (int64_t)(s->most_output / 4));
    json_put_integer(tokens, "output_most", (int64_t)s->most_output);
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
    write_report(g, &sum, priced, report);
    return 0;
}
