/*
 * --redo: ask again what did not end well.
 *
 *   truncated   the requests whose reply was cut by max_tokens; the new row takes the old one's
 *               name, the old one is removed by a verdict
 *   CAUSE       the requests that failed so ("refusal", "content-filter", …); "failed": all of them
 *
 * Where the recipe asks as before they wait again, and the plan goes on with them.  Where it asks
 * otherwise, and with truncated, they are asked with the settings of today in the place of the plan,
 * which would ask every prompt anew; a failed one that was asked so is withdrawn.
 */
#include "core/mem.h"
#include "gen/run.h"

#include <string.h>

enum { AT_A_TIME = LEDGER_SOME };

static bool truncated(const struct gen *g)
{
    return !strcmp(g->options->redo, "truncated");
}

/* Did the plan in the file ask otherwise?  -1 failure. */
static int asks_otherwise(struct gen *g, struct error *error)
{
    struct buf text = BUF_MAX(1 << 20);
    int found = corpus_meta_get(g->corpus, "gen.plan", &text, error);
    struct json *at = found == 1 ? json_parse(buf_view(&text), 0, NULL) : NULL;
    bool same = !at || !strcmp(json_text(json_get(at, "identity"), ""), g->settings.identity);
    json_free(at);
    buf_free(&text);
    return found < 0 ? -1 : !same;
}

static bool asked_for(const char *redo, const char *cause)
{
    return strcmp(cause, "withdrawn") && (!strcmp(redo, "failed") || !strcmp(redo, cause));
}

int redo_open(struct gen *g, struct error *error)
{
    const char *redo = g->options->redo;
    if (!redo)
        return 0;
    if (!truncated(g) && strcmp(redo, "failed") != 0 && net_cause_of(redo) == NET_CAUSES)
        return error_set(error, ERROR_USAGE,
                         "--redo %s: expected truncated, failed, or a cause that `retort status` "
                         "names",
                         redo);
    int otherwise = truncated(g) ? 1 : asks_otherwise(g, error);
    if (otherwise < 0)
        return -1;
    g->redo_anew = otherwise;
    if (otherwise && !truncated(g) && g->settings.strategy->ordered)
        return error_set(error, ERROR_USAGE,
                         "--redo %s: strategy %s asks by what it was answered, so single requests "
                         "of it are asked again with unchanged settings only",
                         redo, g->settings.strategy->name);
    for (int c = 1; c < NET_CAUSES && !otherwise; c++) {
        const char *name = net_cause_name((enum net_cause)c);
        if (asked_for(redo, name) && ledger_reopen(g->corpus, name, error) < 0)
            return -1;
    }
    return 0;
}

static int one(void *context, const struct ledger_item *stored, struct error *error)
{
    struct gen *g = context;
    struct error why = {0};
    struct item *i = plan_item_as_it_is(g, stored, &why);
    g->redo_after = stored->request.id;
    if (why.code) {
        *error = why;
        return -1;
    }
    if (!i) {
        g->redo_foreign++;
        return 0;
    }
    if (!hash128_compare(i->today, stored->request.key)) {
        item_free(i); /* asked so before: it would be cut at the same place, fail the same way */
        g->repeated++;
        return 0;
    }
    struct ledger_request request = {
        .key = i->today,
        .teacher_id = i->request.teacher_id,
        .strategy = i->request.strategy,
        .step = i->request.step,
        .sample = i->request.sample,
        .id = g->next.request++,
    };
    i->request = request;
    i->resumed = false;
    i->redo_of = stored->request.id;
    items_add(&g->chunk->asks, i);
    g->planning++;
    g->asked++;
    return 0;
}

static int next_ones(struct gen *g, struct error *error)
{
    const char *redo = g->options->redo;
    if (truncated(g))
        return ledger_truncated(g->corpus, g->redo_after, AT_A_TIME, one, g, error);
    return ledger_failed(g->corpus, strcmp(redo, "failed") ? redo : NULL, g->redo_after, one, g,
                         error);
}

static void stop_idle(struct gen *g)
{
    if (!g->repeated)
        gen_stop(g, ERROR_USAGE,
                 "--redo %s: those were asked of a teacher or in a step that the recipe has not: "
                 "run it without --redo to ask this one everything",
                 g->options->redo);
    else if (truncated(g))
        gen_stop(g, ERROR_USAGE,
                 "--redo truncated: the recipe asks as before, and the replies would be cut again; "
                 "give them more room, for example --set gen.max_tokens=%lld",
                 (long long)(4 * g->settings.steps[0].max_tokens));
    else
        gen_stop(g, ERROR_USAGE,
                 "--redo %s: those were asked with these settings before; change them once more",
                 g->options->redo);
}

int redo_more(struct gen *g, struct error *error)
{
    if (g->plan != PLAN_GOING || g->stopping || g->planning)
        return 0;
    g->chunk = store_new(g, STORE_PLAN);
    struct store *s = g->chunk;
    int n = next_ones(g, error);
    g->chunk = NULL;
    store_post(s);
    if (n < AT_A_TIME)
        g->plan = PLAN_OVER;
    if (n >= 0 && g->plan == PLAN_OVER && g->repeated + g->redo_foreign > 0 && !g->asked)
        stop_idle(g);
    return n < 0 ? -1 : 0;
}
