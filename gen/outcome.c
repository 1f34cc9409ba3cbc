/* What an attempt comes to: rows, another try, a failure with its cause, or the end of the run. */
#include "core/mem.h"
#include "core/rng.h"
#include "gen/run.h"
#include "gen/structured.h"

#include <stdio.h>
#include <string.h>

enum {
    MAX_ADAPTED = 4,     /* times one request may go out in another dialect */
    MALFORMED_TRIES = 3, /* a reply that makes no sense may have been billed: fewer tries */
    UNREACHABLE = 3,     /* connections refused before the first good reply … */
    UNREACHABLE_S = 10,  /* … for so long */
    FAILING = 8,         /* failures in a row before patience is looked at */
    ALL_REFUSED = 20,    /* requests refused in a row before anything else came */
};

/* ---- money ----------------------------------------------------------------------------------- */

/* Book what the attempt cost.  Where nobody said and it may have been billed, the worst case. */
static void settle(struct item *i, const struct net_usage *usage, bool maybe_billed,
                   struct ledger_attempt *a)
{
    struct gen *g = i->g;
    struct budget_amount real = {0, 0, 1};
    if (usage) {
        a->input_tokens = usage->input;
        a->output_tokens = usage->output;
        a->cached_tokens = usage->cached;
        a->reasoning_tokens = usage->reasoning;
        real.nusd = item_cost(i, usage);
    }
    if (!(usage && usage->given) && maybe_billed && budget_limited(&g->budget)) {
        struct budget_amount worst = i->worst.tokens ? i->worst : item_worst(i);
        a->assumed = true;
        a->input_tokens = (int64_t)i->input_tokens;
        a->output_tokens = worst.tokens - a->input_tokens;
        real.nusd = worst.nusd;
    }
    a->nusd = real.nusd;
    real.tokens = a->input_tokens + a->output_tokens;
    budget_settle(&g->budget, i->worst, real);
    i->worst = (struct budget_amount){0, 0, 0};
    g->run_nusd += a->nusd;
    g->run_input += a->input_tokens;
    g->run_output += a->output_tokens;
}

static struct store *attempt(struct item *i, enum net_cause cause, const char *message,
                             const struct net_usage *usage)
{
    struct gen *g = i->g;
    struct store *s = store_new(g, STORE_END);
    bool maybe_billed = i->x.sent && (i->status == 0 || (i->status >= 200 && i->status <= 299));
    s->has_attempt = true;
    s->supersedes = i->redo_of;
    s->attempt = (struct ledger_attempt){
        .id = i->reply_id ? i->reply_id : g->next.reply++,
        .request_id = i->request.id,
        .run_id = g->options->run_id,
        .started_ms = i->started_ms,
        .latency_ms = i->latency_ms,
        .status = i->status,
        .cause = cause == NET_OK ? NULL : net_cause_name(cause),
        .unreserved = !i->resumed && !i->batch && !budget_limited(&g->budget),
    };
    s->settled_batch = i->reply_id ? 0 : i->batch; /* else it was with its reply */
    s->settled_request = i->request.id;
    if (message && *message)
        s->attempt.message = arena_copy(&s->arena, slice_of(message));
    settle(i, usage, maybe_billed || i->resumed, &s->attempt);
    g->run_attempts++;
    g->causes[cause]++;
    return s;
}

/* Keep what came of a failed reply, but for refusals by the thousand. */
static void keep_evidence(struct item *i, struct store *s, enum net_cause cause)
{
    if (!i->status || i->reply_id || net_cause_class(cause) == NET_RATE_LIMITED)
        return;
    s->has_reply = true;
    s->reply = (struct ledger_reply){
        .id = s->attempt.id,
        .request_id = i->request.id,
        .run_id = i->g->options->run_id,
        .started_ms = i->started_ms,
        .latency_ms = i->latency_ms,
        .status = i->status,
        .headers = i->head.data ? arena_copy(&s->arena, i->head) : i->head,
        .body = arena_copy(&s->arena, i->reply.data ? i->reply : SLICE("")),
    };
}

/* ---- the strategy's word --------------------------------------------------------------------- */

/* The first choice that can be used; NULL: none. */
static const struct net_choice *usable(const struct net_reply *reply)
{
    for (size_t k = 0; k < reply->n_choices; k++)
        if (net_choice_cause(&reply->choices[k]) == NET_OK)
            return &reply->choices[k];
    return NULL;
}

struct gen_answer outcome_answer(const struct item *i, enum net_cause cause,
                                 const struct net_reply *reply)
{
    const struct ledger_prompt *p = &i->prompt;
    return (struct gen_answer){
        .request = i->request.id,
        .step = i->step->name,
        .sample = i->sample,
        .prompt = {p->id, p->parent, p->name, p->source, p->system, p->instruction, p->input,
                   p->messages, p->meta},
        .cause = cause,
        .reply = reply,
        .choice = reply ? usable(reply) : NULL,
        .latency_ms = i->latency_ms,
        .teacher = i->lane->teacher->label,
    };
}

static int tell(struct gen *g, struct store *s, enum net_cause cause, const struct net_reply *reply)
{
    struct item *i = s->item;
    struct error error = {0};
    struct gen_answer a = outcome_answer(i, cause, reply);
    g->choice = a.choice;
    g->chunk = s;
    g->answering = i;
    g->is_rejected = false;
    g->later = false;
    int rc = g->settings.strategy->answer(g, g->strategy, &a, &error);
    g->chunk = NULL;
    g->answering = NULL;
    g->may_wait = false;
    if (!g->later)
        checks_forget(g);
    if (rc < 0 && !g->later)
        gen_stop(g, error.code, "%s", error.text);
    if (g->plan == PLAN_WAITING)
        g->plan = PLAN_GOING;
    return rc;
}

static void count(struct gen *g, enum ledger_state state, int by)
{
    int64_t *all[] = {&g->totals.waiting, &g->totals.answered, &g->totals.failed};
    *all[state] += by;
    g->run_answered += state == LEDGER_ANSWERED ? by : 0;
    g->run_failed += state == LEDGER_FAILED ? by : 0;
}

static void end(struct gen *g, struct store *s, enum ledger_state to, enum net_cause cause)
{
    struct item *i = s->item;
    s->has_end = true;
    s->end = (struct ledger_end){
        .request_id = i->request.id,
        .from = i->request.state,
        .to = to,
        .cause = cause == NET_OK ? NULL : net_cause_name(cause),
        .tries = i->tries + 1,
        .parsed = to == LEDGER_ANSWERED ? g->settings.strategy->version : 0,
        .reply_id = i->request.reply_id,
    };
    if (s->attempt.status >= 200 && s->attempt.status <= 299)
        s->end.reply_id = s->attempt.id;
    count(g, i->request.state, -1);
    count(g, to, 1);
}

/* The strategy's word on an answer, and what follows from it, into s. */
static int take_word(struct gen *g, struct store *s)
{
    if (tell(g, s, NET_OK, &s->heard) < 0)
        return -1;
    if (g->is_rejected && !g->echo) {
        s->n_rows = 0;
        end(g, s, LEDGER_FAILED, NET_REJECTED);
        if (s->has_attempt) {
            s->attempt.cause = net_cause_name(NET_REJECTED);
            s->attempt.message = arena_copy(&s->arena, slice_of(g->rejected));
        }
    } else if (!g->echo) {
        end(g, s, LEDGER_ANSWERED, NET_OK);
    }
    g->rows += (int64_t)s->n_rows;
    g->run_rows += (int64_t)s->n_rows;
    return 0;
}

/* The reply is not what gen.schema wants: ask for a repair, or give up. */
static void repair(struct item *i, struct store *s, const struct net_reply *reply,
                   struct slice problems)
{
    struct gen *g = i->g;
    struct error error = {0};
    struct item *again = structured_repair(i, reply->choices[0].text, problems, &error);
    s->item = i;
    s->attempt.cause = net_cause_name(NET_SCHEMA);
    s->attempt.message = arena_copy(&s->arena, slice_sub(problems, 0, 1000));
    g->causes[NET_SCHEMA]++;
    if (!again) {
        if (tell(g, s, NET_SCHEMA, NULL) == 0)
            end(g, s, LEDGER_FAILED, NET_SCHEMA);
    } else {
        g->chunk = s;
        ask_enlist(g, again);
        g->next.prompt++;
        g->chunk = NULL;
        end(g, s, LEDGER_ANSWERED, NET_OK);
        s->end.cause = "repaired";
    }
    store_post(s);
}

/* Ordered: settled now, told in its turn. */
static void settle_before_turn(struct item *i, struct store *s, struct net_reply *reply)
{
    s->item = i;
    end(i->g, s, LEDGER_ANSWERED, NET_OK);
    s->end.parsed = 0;
    s->item = NULL;
    i->request.state = LEDGER_ANSWERED;
    i->request.reply_id = s->attempt.id;
    store_post(s);
    order_over(i->g, i, NET_OK, reply);
}

void outcome_answered(struct item *i, struct net_reply *reply)
{
    struct gen *g = i->g;
    struct lane *l = i->lane;
    struct store *s = attempt(i, NET_OK, NULL, &reply->usage);
    l->failures_in_row = l->refused_requests_in_row = 0;
    l->last_good_ns = clock_ns();
    l->had_good = true;
    struct buf problems = BUF;
    if (g->settings.schema && !structured_accept(g->settings.schema, reply, &problems)) {
        repair(i, s, reply, buf_view(&problems));
        net_reply_free(reply);
        buf_free(&problems);
        return;
    }
    buf_free(&problems);
    buf_free(&i->x.reply); /* committed, and its texts are in the tree */
    buf_free(&i->body);
    i->reply = (struct slice){NULL, 0};
    if (g->settings.strategy->ordered) {
        settle_before_turn(i, s, reply);
        return;
    }
    s->item = i;
    s->heard = *reply;
    memset(reply, 0, sizeof *reply);
    outcome_resumed(s);
}

void outcome_resumed(struct store *s)
{
    struct gen *g = s->g;
    g->may_wait = !g->replaying;
    if (take_word(g, s) == 0) {
        store_post(s);
    } else if (g->later) {
        checks_park(g, s);
    } else { /* its bytes stay unread: the next run begins here */
        item_free(s->item);
        store_free(s);
    }
}

/* --reparse: the strategy's word of today on a stored reply. */
int outcome_again(struct item *i, struct net_reply *reply)
{
    struct gen *g = i->g;
    struct store *s = store_new(g, STORE_END);
    struct buf problems = BUF;
    s->item = i;
    s->remake = true;
    s->heard = *reply;
    memset(reply, 0, sizeof *reply);
    int rc = 0;
    if (!usable(&s->heard))
        end(g, s, LEDGER_FAILED, net_choice_cause(&s->heard.choices[0]));
    else if (g->settings.schema && !structured_accept(g->settings.schema, &s->heard, &problems))
        end(g, s, LEDGER_FAILED, NET_SCHEMA);
    else
        rc = take_word(g, s);
    buf_free(&problems);
    if (rc < 0) {
        item_free(i);
        store_free(s);
        return -1;
    }
    store_post(s);
    return 0;
}

void outcome_told(struct item *i)
{
    struct gen *g = i->g;
    struct store *s = store_new(g, STORE_END);
    s->item = i;
    s->heard = i->heard;
    memset(&i->heard, 0, sizeof i->heard);
    g->echo = i->known && i->request.parsed == g->settings.strategy->version;
    int rc = s->heard.n_choices && usable(&s->heard) ? take_word(g, s) : tell(g, s, i->over, NULL);
    g->echo = false;
    if (rc < 0) {
        item_free(i);
        store_free(s);
        return;
    }
    store_post(s);
}

/* ---- when to stop ---------------------------------------------------------------------------- */

static void stop_for_good(struct item *i, const struct net_failure *f)
{
    struct gen *g = i->g;
    const struct endpoint *e = i->lane->teacher;
    bool later = f->cause == NET_QUOTA || g->run_answered > 0;
    gen_stop(g, later ? ERROR_PARTIAL : ERROR_FAILED, "%s (%s): %s: %s; %s", e->label, e->name,
             net_cause_name(f->cause), f->message, net_cause_remedy(f->cause));
}

/* A teacher that gives nothing but failures: stop before every request has used up its tries. */
static void lose_patience(struct item *i, const struct net_failure *f, double retry_after_s)
{
    struct gen *g = i->g;
    struct lane *l = i->lane;
    int64_t now = clock_ns();
    if (l->failures_in_row++ == 0)
        l->first_bad_ns = now;
    int64_t bad = now - l->first_bad_ns;
    int64_t told = retry_after_s > 0 && retry_after_s < 86400 ? (int64_t)(retry_after_s * 1e9) : 0;
    if (told > l->told_to_wait_ns)
        l->told_to_wait_ns = told;
    if (f->cause == NET_CONNECT && !l->had_good && l->failures_in_row >= UNREACHABLE &&
        bad > UNREACHABLE_S * 1000000000LL)
        gen_stop(g, ERROR_FAILED,
                 "%s: cannot be reached (%s); is the server running, and is "
                 "teacher.base_url right?",
                 l->teacher->name, f->message);
    else if (l->failures_in_row >= FAILING && bad > g->settings.patience_ns + l->told_to_wait_ns)
        gen_stop(g, ERROR_PARTIAL,
                 "%s: no good reply for %lld s, the last failure was %s (%s); what is stored is "
                 "safe, run the same command again later",
                 l->teacher->name, (long long)(bad / 1000000000), net_cause_name(f->cause),
                 f->message);
}

/* Every request is refused: the recipe, not the prompts. */
static void notice_refusal(struct item *i, const struct net_failure *f)
{
    struct lane *l = i->lane;
    if (f->cause != NET_BAD_REQUEST || l->had_good)
        return;
    if (++l->refused_requests_in_row >= ALL_REFUSED)
        gen_stop(i->g, ERROR_FAILED,
                 "%s: the first %d requests were all refused: %s; change the teacher or gen "
                 "settings of the recipe",
                 l->teacher->name, ALL_REFUSED, f->message);
}

/* ---- failures -------------------------------------------------------------------------------- */

static void give_up(struct item *i, struct store *s, enum net_cause cause)
{
    struct gen *g = i->g;
    s->item = i;
    if (g->settings.strategy->ordered) {
        end(g, s, LEDGER_FAILED, cause);
        s->item = NULL;
        i->request.state = LEDGER_FAILED;
        store_post(s);
        order_over(g, i, cause, NULL);
        return;
    }
    if (tell(g, s, cause, NULL) == 0)
        end(g, s, LEDGER_FAILED, cause);
    store_post(s);
}

/* No request waits much longer than its teacher has given no good reply: where others are answered,
 * one that met ten refusals is worth asking again soon, and a storm ends for all at once. */
static double longest_pause_s(const struct item *i, int64_t now)
{
    double since = (double)(now - i->lane->last_good_ns) / 1e9, least = i->tries ? 4 : 1;
    return since < least ? least : since;
}

static void try_again(struct item *i, const struct net_limits *limits)
{
    struct gen *g = i->g;
    double after = limits ? limits->retry_after_s : -1;
    double u =
        (double)(rng_at(g->settings.seed ^ i->request.key.lo, i->request.key.hi, i->draws++) >>
                 11) *
        0x1p-53;
    if (g->stopping || g->replaying) {
        item_free(i); /* it waits in the file */
        return;
    }
    int64_t now = clock_ns();
    i->due_ns = now + pace_backoff_ns(i->tries + i->refusals, longest_pause_s(i, now), after, u);
    lane_retry(i->lane, i);
}

static enum net_class class_of(const struct item *i, enum net_cause cause,
                               const struct net_limits *limits)
{
    enum net_class class = net_cause_class(cause);
    if (limits && limits->should_retry == 1 && class == NET_ROW_FATAL && i->status >= 400)
        class = NET_TRANSIENT;
    if (limits && limits->should_retry == 0 && class == NET_TRANSIENT && i->status >= 400)
        class = NET_ROW_FATAL;
    bool enough = i->tries >= i->g->settings.retries ||
                  (cause == NET_MALFORMED && i->malformed + 1 >= MALFORMED_TRIES);
    if (cause == NET_CONNECT && !i->lane->had_good)
        enough = false; /* no request's fault: lose_patience stops the run */
    if (class == NET_TRANSIENT && enough)
        class = NET_ROW_FATAL;
    return class;
}

static bool adapt(struct item *i, const struct net_failure *f)
{
    struct endpoint *e = i->lane->teacher;
    return e->provider->adapt && !e->dialect_fixed && i->adapted < MAX_ADAPTED &&
           e->provider->adapt(f, &i->dialect, &e->dialect);
}

void outcome_failed(struct item *i, const struct net_failure *f, const struct net_limits *limits,
                    const struct net_usage *usage)
{
    struct gen *g = i->g;
    struct store *s = attempt(i, f->cause, f->message, usage);
    enum net_class class = class_of(i, f->cause, limits);
    keep_evidence(i, s, f->cause);
    if (!g->stopping && !g->replaying && adapt(i, f)) {
        i->adapted++;
        store_post(s);
        items_add(&i->lane->again, i);
        return;
    }
    if (class == NET_RUN_FATAL) {
        stop_for_good(i, f);
        store_post(s);
        item_free(i);
        return;
    }
    if (net_cause_class(f->cause) != NET_ROW_FATAL && !i->batch)
        lose_patience(i, f, limits ? limits->retry_after_s : -1);
    if (class == NET_ROW_FATAL) {
        notice_refusal(i, f);
        give_up(i, s, f->cause);
        return;
    }
    i->malformed += f->cause == NET_MALFORMED;
    if (class == NET_TRANSIENT)
        i->tries++;
    else
        i->refusals++;
    store_post(s);
    try_again(i, limits);
}
