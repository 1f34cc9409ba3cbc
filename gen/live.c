/* What a person sees while it runs, and at its end. */
#include "core/file.h"
#include "core/json.h"
#include "gen/run.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LIVE_MS = 1000, ROOM_MB = 32 };

/* What is still to come: waiting requests, and what the plan has not asked yet. */
static int64_t expected(struct gen *g)
{
    const struct gen_strategy *s = g->settings.strategy;
    int64_t known = g->totals.waiting + g->totals.answered + g->totals.failed;
    int64_t plan = s->count ? s->count(g, g->strategy) : -1;
    if (g->plan == PLAN_OVER || plan < 0)
        return known;
    plan *= g->settings.samples;
    return plan > known ? plan : known;
}

static double seconds(const struct gen *g)
{
    return g->first_ns ? (double)(clock_ns() - g->first_ns) / 1e9 : 0;
}

static void draw(struct gen *g, bool last)
{
    struct progress_state s = {.stage = "gen", .unit = "replies"};
    int64_t over = g->totals.answered + g->totals.failed;
    s.total = (uint64_t)expected(g);
    s.done = (uint64_t)over;
    s.resumed = (uint64_t)(over - g->run_answered - g->run_failed);
    int n = snprintf(s.note, sizeof s.note, "in flight %d", g->flying);
    if (g->batched && n > 0 && (size_t)n < sizeof s.note)
        n += snprintf(s.note + n, sizeof s.note - (size_t)n, "  in batches %lld",
                      (long long)g->batched);
    if (g->totals.failed && n > 0 && (size_t)n < sizeof s.note)
        n += snprintf(s.note + n, sizeof s.note - (size_t)n, "  failed %lld",
                      (long long)g->totals.failed);
    if (g->budget.spent.nusd && n > 0 && (size_t)n < sizeof s.note) {
        n += snprintf(s.note + n, sizeof s.note - (size_t)n, "  $%.4f",
                      (double)g->budget.spent.nusd / 1e9);
        if (g->budget.cap.nusd >= 0 && (size_t)n < sizeof s.note)
            snprintf(s.note + n, sizeof s.note - (size_t)n, " of $%.2f",
                     (double)g->budget.cap.nusd / 1e9);
    }
    if (last)
        progress_finish(g->progress, &s);
    else
        progress_update(g->progress, &s);
}

/* For `retort status` of another process. */
static struct json *live_json(struct gen *g, bool last)
{
    struct json *o = json_new_object();
    double s = seconds(g), rate = s > 0 ? (double)(g->run_answered + g->run_failed) / s : 0;
    int64_t left = expected(g) - g->totals.answered - g->totals.failed;
    json_put_bool(o, "running", !last);
    json_put_integer(o, "pid", (int64_t)getpid());
    json_put_integer(o, "at_ms", clock_wall_ms());
    json_put_integer(o, "in_flight", g->flying);
    json_put_integer(o, "in_batches", g->batched);
    json_put_number(o, "replies_per_s", rate);
    json_put_integer(o, "expected", expected(g));
    json_put_number(o, "eta_s", rate > 0 && !last ? (double)left / rate : 0);
    json_put_number(o, "usd_spent", (double)g->budget.spent.nusd / 1e9);
    json_put_number(o, "usd_reserved", (double)g->budget.reserved.nusd / 1e9);
    return o;
}

static void post_live(struct gen *g, bool last)
{
    struct store *s = store_new(g, STORE_PLAN);
    struct json *o = live_json(g, last);
    struct buf b = BUF;
    json_write(o, 0, &b);
    s->live = arena_copy(&s->arena, buf_view(&b));
    buf_free(&b);
    json_free(o);
    store_post(s);
}

/* Stop while there is still room for what is in the air: a paid reply must find its place. */
static void guard_disk(struct gen *g)
{
    uint64_t room = file_free_space(corpus_path(g->corpus));
    uint64_t need = ((uint64_t)ROOM_MB << 20) + (uint64_t)g->flying * 65536;
    if (room && room < need)
        gen_stop(g, ERROR_PARTIAL,
                 "%s: %llu MB of disk are left; what is stored is safe: make room and run the "
                 "same command again",
                 corpus_path(g->corpus), (unsigned long long)(room >> 20));
}

void live_tick(struct gen *g, bool last)
{
    int64_t now = clock_ns();
    draw(g, last);
    if (!last && now - g->live_ns < LIVE_MS * 1000000LL)
        return;
    g->live_ns = now;
    post_live(g, last);
    if (!last)
        guard_disk(g);
}

static struct json *requests_json(const struct gen *g)
{
    struct json *o = json_new_object();
    json_put_integer(o, "total", g->totals.waiting + g->totals.answered + g->totals.failed);
    json_put_integer(o, "answered", g->totals.answered);
    json_put_integer(o, "failed", g->totals.failed);
    json_put_integer(o, "waiting", g->totals.waiting);
    return o;
}

static struct json *causes_json(const struct gen *g)
{
    struct json *o = json_new_object();
    for (int c = 1; c < NET_CAUSES; c++)
        if (g->causes[c])
            json_put_integer(o, net_cause_name((enum net_cause)c), g->causes[c]);
    return o;
}

void live_report(struct gen *g, bool done, struct buf *out)
{
    struct json *o = json_new_object(), *run = json_new_object();
    json_put(o, "requests", requests_json(g));
    json_put_integer(run, "answered", g->run_answered);
    json_put_integer(run, "failed", g->run_failed);
    json_put_integer(run, "rows", g->run_rows);
    json_put_integer(run, "sent", g->run_attempts);
    json_put_integer(run, "lost", g->run_lost);
    json_put_integer(run, "input_tokens", g->run_input);
    json_put_integer(run, "output_tokens", g->run_output);
    json_put_number(run, "usd", (double)g->run_nusd / 1e9);
    json_put_number(run, "seconds", seconds(g));
    json_put(o, "this_run", run);
    struct json *causes = causes_json(g);
    if (json_count(causes))
        json_put(o, "attempts_that_failed", causes);
    else
        json_free(causes);
    if (done && g->run_attempts == 0 && g->run_rows == 0)
        json_put_bool(o, "up_to_date", true);
    if (g->batched)
        json_put_integer(o, "in_batches", g->batched);
    if (g->repeated)
        json_put_integer(o, "repeated_prompts", g->repeated);
    if (g->bad_lines) {
        json_put_integer(o, "bad_lines", g->bad_lines);
        json_put_string(o, "bad_lines_first", buf_view(&g->bad));
    }
    json_write(o, 0, out);
    json_free(o);
}
