/*
 * --reparse: make the rows again from the stored replies.  Nothing is sent.  A row that comes out
 * otherwise is changed, one that comes out no more gets a verdict; a reply that failed before and is
 * good today becomes a row.
 */
#include "core/mem.h"
#include "core/signals.h"
#include "gen/run.h"

enum { AT_A_TIME = 256 };

struct walk {
    struct gen *g;
    int64_t last, skipped;
};

static int one(void *context, const struct ledger_heard *h, struct error *error)
{
    struct walk *w = context;
    struct error why = {0};
    struct net_reply reply;
    struct net_failure f;
    struct item *i = plan_item_as_it_is(w->g, &h->item, &why);
    w->last = h->item.request.id;
    if (why.code) {
        *error = why;
        return -1;
    }
    if (!i || slice_is(h->item.request.cause, "repaired")) {
        w->skipped += !i; /* of a teacher or strategy this recipe does not have */
        item_free(i);
        return 0;
    }
    if (i->lane->teacher->provider->reply(h->body, &reply, &f)) {
        net_reply_free(&reply);
        item_free(i);
        return 0; /* still no reply */
    }
    i->reply_id = h->reply_id;
    i->latency_ms = h->latency_ms;
    return outcome_again(i, &reply);
}

int reparse_run(struct gen *g, struct error *error)
{
    struct walk w = {.g = g};
    int n = AT_A_TIME;
    while (n == AT_A_TIME && !signals_draining() && !g->stopping) {
        n = ledger_answers(g->corpus, w.last, AT_A_TIME, one, &w, error);
        if (n < 0)
            return -1;
        if (writer_flush(g->writer, error))
            return -1;
        if (run_take_back(g, error))
            return -1;
        live_tick(g, false);
    }
    if (n == AT_A_TIME && !g->stopping)
        gen_stop(g, ERROR_INTERRUPTED, "stopped by the user; run it again to reparse the rest");
    return 0;
}
