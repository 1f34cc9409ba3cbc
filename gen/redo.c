/*
 * --redo: ask again what did not end well.
 *
 *   truncated   the requests whose reply was cut by max_tokens, with the settings of today; the new
 *               row takes the old one's name, the old one is removed by a verdict
 *   CAUSE       the requests that failed so ("refusal", "content-filter", …); "failed": all of them
 */
#include "core/mem.h"
#include "gen/run.h"

#include <string.h>

enum { AT_A_TIME = 256 };

bool redo_truncated(const struct gen *g)
{
    return g->options->redo && !strcmp(g->options->redo, "truncated");
}

int redo_reopen(struct gen *g, struct error *error)
{
    const char *redo = g->options->redo;
    if (!redo || redo_truncated(g))
        return 0;
    if (strcmp(redo, "failed") != 0 && net_cause_of(redo) == NET_CAUSES)
        return error_set(error, ERROR_USAGE,
                         "--redo %s: expected truncated, failed, or a cause that `retort status` "
                         "names",
                         redo);
    for (int c = 1; c < NET_CAUSES; c++) {
        const char *name = net_cause_name((enum net_cause)c);
        if (c != NET_WITHDRAWN && (!strcmp(redo, "failed") || !strcmp(redo, name)) &&
            ledger_reopen(g->corpus, name, error) < 0)
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
    if (!i)
        return 0;
    if (!hash128_compare(i->today, stored->request.key)) {
        item_free(i); /* it would be cut again at the same place */
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

int redo_more(struct gen *g, struct error *error)
{
    if (g->plan != PLAN_GOING || g->stopping || g->planning)
        return 0;
    g->chunk = store_new(g, STORE_PLAN);
    struct store *s = g->chunk;
    int n = ledger_truncated(g->corpus, g->redo_after, AT_A_TIME, one, g, error);
    g->chunk = NULL;
    store_post(s);
    if (n < AT_A_TIME)
        g->plan = PLAN_OVER;
    if (n >= 0 && g->plan == PLAN_OVER && g->repeated && !g->asked)
        gen_stop(g, ERROR_USAGE,
                 "--redo truncated: the recipe asks as before, and the replies would be cut again; "
                 "give them more room, for example --set gen.max_tokens=%lld",
                 (long long)(4 * g->settings.steps[0].max_tokens));
    return n < 0 ? -1 : 0;
}
