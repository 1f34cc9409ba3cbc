#include "gen/run.h"

#include "core/mem.h"
#include "core/signals.h"
#include "gen/batch.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    TICK_MS = 100,
    FEW = 16, /* replies looked into, and a quarter of the rest, before the network has its turn */
    ENDS = 512, /* outcomes the writer may have: each holds a reply taken apart, several times as
                    large as its bytes */
};

void gen_stop(struct gen *g, enum error_code code, const char *format, ...)
{
    char text[sizeof g->stop.text];
    va_list args;
    if (g->stopping)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    g->stopping = true;
    error_set(&g->stop, code, "%s", text);
}

/* ---- opening --------------------------------------------------------------------------------- */

static int open_lanes(struct gen *g, struct error *error)
{
    int64_t now = clock_ns();
    g->lanes = mem_zero((size_t)g->settings.n_teachers, sizeof *g->lanes);
    for (int k = 0; k < g->settings.n_teachers; k++) {
        struct endpoint *e = &g->settings.teachers[k];
        lane_init(&g->lanes[k], e, k, now);
        g->n_lanes = k + 1;
        g->lanes[k].teacher_id =
            ledger_teacher(g->corpus, e->provider->name, e->name, e->model, e->licence, error);
        if (g->lanes[k].teacher_id < 0)
            return -1;
    }
    return 0;
}

/* What failed for a reason that may have passed is asked again. */
static int reopen(struct gen *g, struct error *error)
{
    for (int c = 0; c < NET_CAUSES; c++) {
        enum net_class class = net_cause_class((enum net_cause)c);
        if ((class == NET_TRANSIENT || class == NET_RATE_LIMITED || class == NET_RUN_FATAL) &&
            ledger_reopen(g->corpus, net_cause_name((enum net_cause)c), error) < 0)
            return -1;
    }
    return 0;
}

static int prepare_file(struct gen *g, struct error *error)
{
    /* What is prepared here can be prepared again; the writer's first commit waits for the disk, and
     * for this with it. */
    if (corpus_claim(g->corpus, "gen", error) ||
        corpus_durability(g->corpus, CORPUS_NORMAL, error) || corpus_begin(g->corpus, error))
        return -1;
    if (open_lanes(g, error) || ledger_next(g->corpus, &g->next, error) || batch_recover(g, error))
        goto fail;
    g->run_lost =
        ledger_recover(g->corpus, g->options->run_id, &g->next.reply, clock_wall_ms(), error);
    if (g->run_lost < 0 || redo_open(g, error) || (!g->redo_anew && reopen(g, error)))
        goto fail;
    return corpus_commit(g->corpus, error);
fail:
    corpus_rollback(g->corpus);
    return -1;
}

static void open_budget(struct gen *g)
{
    const struct settings *s = &g->settings;
    g->budget.cap = (struct budget_amount){s->budget_nusd, s->budget_tokens, s->budget_requests};
    g->budget.spent =
        (struct budget_amount){g->totals.nusd, g->totals.input_tokens + g->totals.output_tokens,
                               g->totals.attempts};
    g->budget.reserved =
        (struct budget_amount){g->totals.reserved_nusd, g->totals.reserved_tokens, 0};
}

static int open_all(struct gen *g, struct error *error)
{
    struct http_options http = g->settings.http;
    struct writer_options writer = {0};
    if (prepare_file(g, error))
        return -1;
    if (g->settings.strategy->open(g, &g->strategy, error) || plan_open(g, error))
        return -1;
    ledger_totals(g->corpus, &g->totals);
    g->counted = true;
    g->rows = ledger_rows(g->corpus);
    open_budget(g);
    if (batch_open(g, error))
        return -1;
    for (int k = 0; k < g->n_lanes; k++)
        if (g->batches || g->lanes[k].teacher->batch.on)
            http.max_in_flight += BATCH_CALLS;
    g->compressor = compressor_new(1);
    g->http = http_open(&http, error);
    if (!g->http)
        return -1;
    int window = gen_window(g); /* of those in flight each has pages of its own in the indexes */
    writer.cache_kb = 3000 + 2 * (window < 10000 ? window : 10000);
    g->writer = writer_open(corpus_path(g->corpus), &writer, error);
    if (!g->writer || http_watch(g->http, writer_fd(g->writer), error) < 0)
        return -1;
    if (signals_wake_fd() >= 0 && http_watch(g->http, signals_wake_fd(), error) < 0)
        return -1;
    return answer_unread(g, error);
}

static void close_all(struct gen *g)
{
    checks_close(g); /* before the strategy: its program's words are in use */
    if (g->settings.strategy && g->settings.strategy->close && g->strategy)
        g->settings.strategy->close(g->strategy);
    http_close(g->http);
    batch_close(g);
    for (int k = 0; k < g->n_lanes; k++)
        lane_free(&g->lanes[k]);
    mem_free(g->lanes);
    order_free(&g->order);
    ask_free_templates(g);
    compressor_free(g->compressor);
    if (g->corpus) /* a dry run may have none */
        (void)corpus_durability(g->corpus, CORPUS_FULL, NULL);
    buf_free(&g->bad);
    store_free_spare(g);
    settings_close(&g->settings);
}

/* ---- jobs come back -------------------------------------------------------------------------- */

/* Their bytes are safe: others may go out in their places before these are looked into.  Those of a
 * commit that failed keep their places, so that a full disk costs no more than is in flight. */
static void free_places(struct writer_job *job)
{
    for (; job; job = job->next) {
        struct store *s = (struct store *)job;
        if (s->kind == STORE_REPLY && s->item && !s->job.failed)
            s->item->lane->unstored--;
    }
}

/* ---- replies whose bytes are safe ------------------------------------------------------------ */

static void hear_later(struct gen *g, struct store *s)
{
    struct writer_job **end = g->heard ? g->heard_end : &g->heard;
    s->job.next = NULL;
    *end = &s->job;
    g->heard_end = &s->job.next;
    g->n_heard++;
}

size_t run_behind(const struct gen *g)
{
    size_t n = g->jobs;
    for (int k = 0; k < g->n_lanes; k++)
        n -= (size_t)g->lanes[k].unstored;
    return n;
}

static bool may_look(const struct gen *g)
{
    return g->heard && (g->stopping || run_behind(g) - g->n_heard < ENDS);
}

/* A few of them: what comes in and goes out meanwhile goes before. */
static void look_inside(struct gen *g)
{
    size_t few = g->stopping ? g->n_heard : FEW + g->n_heard / 4;
    for (size_t k = 0; k < few && may_look(g); k++) {
        struct store *s = (struct store *)g->heard;
        g->heard = s->job.next;
        g->n_heard--;
        g->jobs--;
        answer_stored(g, s);
        store_free(s);
    }
}

/* ---- the loop -------------------------------------------------------------------------------- */

static void take_back(struct gen *g, struct store *s)
{
    switch (s->kind) {
    case STORE_PLAN: plan_stored(g, s); break;
    case STORE_RESERVE: send_cleared(g, s); break;
    case STORE_REPLY: hear_later(g, s); return;
    case STORE_END: answer_over(g, s); break;
    case STORE_BATCH: batch_stored(g, s); break;
    }
    g->jobs--;
    store_free(s);
}

int run_take_back(struct gen *g, struct error *error)
{
    struct writer_job *next, *job = writer_take(g->writer);
    int rc = 0;
    free_places(job);
    if (job && !g->stopping && !g->options->reparse)
        rc = send_all(g, error);
    for (; job; job = next) {
        next = job->next;
        take_back(g, (struct store *)job);
    }
    look_inside(g);
    return rc;
}

static bool finished(const struct gen *g)
{
    if (g->flying || g->jobs || batch_busy(g))
        return false;
    if (g->stopping)
        return true;
    if (checks_parked(g))
        return false;
    for (int k = 0; k < g->n_lanes; k++)
        if (lane_waiting(&g->lanes[k]))
            return false;
    return plan_over(g);
}

static int wait_ms(const struct gen *g)
{
    if (may_look(g) || g->unplanned)
        return 0;
    int64_t left = g->wake_ns == INT64_MAX ? TICK_MS : (g->wake_ns - clock_ns() + 999999) / 1000000;
    return left < 0 ? 0 : left > TICK_MS ? TICK_MS : (int)left;
}

static int loop(struct gen *g, struct error *error)
{
    unsigned ready;
    for (;;) {
        struct error why = {0};
        if (run_take_back(g, error))
            return -1;
        checks_take_back(g);
        if (signals_draining())
            gen_stop(g, ERROR_INTERRUPTED,
                     "stopped by the user; everything paid for is stored, run the same command "
                     "again to go on");
        if (writer_state(g->writer, &why))
            gen_stop(g, why.code, "%s", why.text);
        g->deaf = signals_draining() || why.code;
        if (g->options->cancel && !batch_away(g))
            gen_stop(g, ERROR_PARTIAL,
                     "no batch is with the teacher now; what was answered is stored, the rest "
                     "waits for the next run");
        bool asks = !g->options->cancel;
        if (asks && !g->hurry && plan_more(g, error))
            return -1;
        if (batch_step(g, error) || (asks && send_all(g, error)))
            return -1;
        live_tick(g, false);
        if (finished(g))
            return 0;
        if (http_poll(g->http, wait_ms(g), &ready, error))
            return -1;
    }
}

/* ---- the end --------------------------------------------------------------------------------- */

/* Every job comes back, whatever happened: they hold memory, and their commits count. */
static int close_writer(struct gen *g, struct error *error)
{
    if (!g->writer)
        return 0;
    g->stopping = true; /* nothing is sent or planned by what comes back now */
    while (g->jobs) {
        writer_flush(g->writer, NULL);
        (void)run_take_back(g, NULL); /* stopping: nothing is sent */
    }
    return writer_close(g->writer, error);
}

static int verdict(struct gen *g, struct error *error)
{
    int64_t again = 0;
    if (g->stop.code) {
        if (error)
            *error = g->stop;
        return -1;
    }
    for (int c = 0; c < NET_CAUSES; c++)
        if (net_cause_class((enum net_cause)c) == NET_TRANSIENT) {
            char key[64];
            snprintf(key, sizeof key, "failure.%s", net_cause_name((enum net_cause)c));
            again += corpus_tally_get(g->corpus, key);
        }
    if (g->bad_lines)
        return error_set(error, ERROR_INPUT,
                         "%lld lines of the prompt file are no prompts (%s); mend them and run "
                         "the same command again: nothing is asked twice",
                         (long long)g->bad_lines, buf_text(&g->bad));
    if (again)
        return error_set(error, ERROR_PARTIAL,
                         "%lld requests failed for reasons that may pass; run the same command "
                         "again to ask just those",
                         (long long)again);
    if (g->settings.rows && g->rows < g->settings.rows)
        return error_set(error, ERROR_PARTIAL,
                         "gen.rows wants %lld rows and %lld were accepted when the plan was at its "
                         "end; give it more to ask, or lower gen.rows",
                         (long long)g->settings.rows, (long long)g->rows);
    return 0;
}

static int run(struct gen *g, struct error *error)
{
    g->started_ns = clock_ns();
    int rc = open_all(g, error);
    if (!rc)
        rc = g->options->reparse ? reparse_run(g, error) : loop(g, error);
    if (!rc)
        live_tick(g, true);
    struct error later = {0};
    if (close_writer(g, &later) && !rc && !g->stop.code)
        g->stop = later;
    return rc;
}

int gen_run(const struct recipe *recipe, struct corpus *corpus, const struct gen_options *options,
            struct progress *progress, struct buf *report, struct error *error)
{
    struct gen *g = mem_zero(1, sizeof *g);
    int rc;
    g->recipe = recipe;
    g->corpus = corpus;
    g->options = options;
    g->progress = progress;
    g->bad = BUF_MAX(4096);
    if (!recipe_text(recipe, "gen.prompts") &&
        !strcmp(recipe_text(recipe, "gen.strategy"), "respond")) {
        mem_free(g);
        return 0; /* rows come from import */
    }
    rc = settings_open(&g->settings, recipe, error);
    if (!rc && options->dry_run) {
        rc = estimate_run(g, report, error);
    } else if (!rc) {
        rc = run(g, error);
        if (!rc)
            rc = verdict(g, error);
        if (g->counted)
            live_report(g, !rc, report);
    }
    close_all(g);
    mem_free(g);
    return rc;
}
