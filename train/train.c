#include "train/train.h"

#include "core/clock.h"
#include "core/file.h"
#include "core/mem.h"
#include "core/signals.h"
#include "corpus/claim.h"
#include "train/export.h"
#include "train/hooks.h"
#include "train/journal.h"
#include "train/preflight.h"
#include "train/replies.h"
#include "train/setup.h"

#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <string.h>

struct run {
    const struct train_options *options;
    struct setup setup;
    struct model *model;
    struct ranks *ranks;
    struct learner learner;
    struct policy *policy; /* NULL: no row is answered by the student */
    struct journal journal;
    struct resume_point at;
    uint64_t resumed;          /* the step this process began behind */
    uint64_t saved;            /* step of the newest checkpoint, 0 none */
    int64_t started, saved_ns; /* clock_ns */
    double earlier;            /* seconds of runs before this one */
    uint64_t held_tokens;
};

/* The first of the ranks: the one that writes. */
static bool leads(const struct run *r)
{
    return ranks_number(r->ranks) == 0;
}

static double since(int64_t ns)
{
    return (double)(clock_ns() - ns) / 1e9;
}

/* --- hooks -------------------------------------------------------------------------------- */

static void say_hook(void *context, const char *line)
{
    const struct run *r = context;
    journal_say(&r->journal, "%s", line);
}

/* `event` is freed. */
static void call_hook(struct run *r, const struct json *words, struct json *event)
{
    const struct hook h = {words, event, say_hook, r};
    json_put_integer(event, "step", (int64_t)r->at.step);
    json_put_text(event, "out", r->setup.settings.out);
    hooks_run(&h);
    json_free(event);
}

static void tell_measured(struct run *r, double loss, bool best)
{
    struct json *event = json_new_object();
    json_put_text(event, "event", "evaluation");
    json_put_number(event, "loss", loss);
    json_put_integer(event, "tokens", (int64_t)r->held_tokens);
    json_put_bool(event, "best", best);
    call_hook(r, r->setup.settings.on_evaluation, event);
}

static void tell_kept(struct run *r, const char *path)
{
    struct json *event = json_new_object();
    json_put_text(event, "event", "checkpoint");
    json_put_text(event, "path", path);
    call_hook(r, r->setup.settings.on_checkpoint, event);
}

/* --- measuring ---------------------------------------------------------------------------- */

static struct json *show_samples(struct run *r, struct error *error)
{
    const struct setup *s = &r->setup;
    const struct replies how = {.tokenizer = s->tokenizer,
                                .examples = &s->examples,
                                .stops = s->stops,
                                .n_stops = s->n_stops,
                                .max_tokens = s->settings.sample_tokens};
    struct json *samples = json_new_array();
    for (size_t i = 0; s->chat != NULL && i < s->settings.samples && i < s->n_held; i++) {
        if (replies_add(&how, r->model, s->held[i], samples, error) != 0) {
            json_free(samples);
            return NULL;
        }
    }
    return samples;
}

/* Take the measurement into the point; true when it is the best so far. */
static bool judge(struct resume_point *at, double loss)
{
    at->last = loss;
    if (at->step == 0) {
        at->before = loss;
        return false;
    }
    if (isnan(at->best) || loss < at->best) {
        at->best = loss;
        at->best_step = at->step;
        at->worse = 0;
        return true;
    }
    at->worse++;
    return false;
}

static int measure(struct run *r, struct error *error)
{
    const struct setup *s = &r->setup;
    struct resume_identity identity = setup_identity(s);
    struct json *samples;
    double nll;
    bool best;
    if (s->n_measured == 0)
        return 0;
    if (learner_measure(&r->learner, s->held, s->n_measured, &nll, &r->held_tokens, error) != 0)
        return -1;
    samples = leads(r) ? show_samples(r, error) : NULL;
    if (samples == NULL && leads(r))
        return -1;
    best = judge(&r->at, nll / (double)r->held_tokens);
    if (best && s->settings.keep_best && leads(r) &&
        resume_write(&r->learner, s->settings.out, &r->at, &identity, true, error) != 0) {
        json_free(samples);
        return -1;
    }
    if (s->settings.early_stop != 0 && r->at.worse >= s->settings.early_stop)
        r->at.stopped = true;
    if (leads(r))
        tell_measured(r, nll / (double)r->held_tokens, best);
    return journal_measure(&r->journal, &r->at, r->held_tokens, samples, error);
}

static bool measure_due(const struct run *r)
{
    const struct train_settings *t = &r->setup.settings;
    if (r->at.step == r->setup.course.total || r->at.stopped)
        return true;
    if (t->eval_every != 0)
        return r->at.step % t->eval_every == 0;
    return r->at.in_epoch == r->setup.course.pack.n_steps;
}

/* --- checkpoints -------------------------------------------------------------------------- */

static int checkpoint(struct run *r, struct error *error)
{
    const struct train_settings *t = &r->setup.settings;
    struct resume_identity identity = setup_identity(&r->setup);
    char *path;
    int status;
    if (t->checkpoints == 0 || r->saved == r->at.step || !leads(r))
        return 0;
    r->at.seconds = r->earlier + since(r->started);
    if (resume_write(&r->learner, t->out, &r->at, &identity, false, error) != 0)
        return -1;
    r->saved = r->at.step;
    r->saved_ns = clock_ns();
    path = resume_path(t->out, r->at.step, false);
    status = journal_checkpoint(&r->journal, &r->at, path, error);
    if (status == 0)
        tell_kept(r, path);
    mem_free(path);
    return status == 0 ? resume_prune(t->out, t->checkpoints, r->at.best_step, error) : -1;
}

static bool checkpoint_due(const struct run *r)
{
    const struct train_settings *t = &r->setup.settings;
    if (r->at.step == r->setup.course.total || r->at.stopped)
        return true;
    if (t->checkpoint_minutes > 0 && since(r->saved_ns) >= t->checkpoint_minutes * 60)
        return true;
    if (t->checkpoint_every != 0)
        return r->at.step % t->checkpoint_every == 0;
    return r->at.in_epoch == r->setup.course.pack.n_steps;
}

/* A signal asked to stop: keep what there is, and say how to go on. */
static int stop(struct run *r, struct error *error)
{
    bool term = signals_number() == SIGTERM;
    uint64_t steps = r->at.step, total = r->setup.course.total;
    error_clear(error);
    if (r->at.step != 0 && checkpoint(r, error) != 0)
        return -1;
    return error_set(error, term ? ERROR_PARTIAL : ERROR_INTERRUPTED,
                     r->saved != 0 ? "stopped after step %" PRIu64 " of %" PRIu64
                                     "; run the same command to go on"
                                   : "stopped after step %" PRIu64 " of %" PRIu64
                                     "; no checkpoint was kept, the next run begins anew",
                     steps, total);
}

/* --- the loop ----------------------------------------------------------------------------- */

static int one_step(struct run *r, struct error *error)
{
    const struct train_settings *t = &r->setup.settings;
    struct course *c = &r->setup.course;
    struct learner_step result = {.number = r->at.step + 1,
                                  .rate = schedule_rate(&t->schedule, r->at.step),
                                  .statistic = r->at.statistic};
    const struct pack_step *step = course_at(c, &r->at.epoch, &r->at.in_epoch);
    int64_t from = clock_ns();
    if (learner_step(&r->learner, &c->pack, step, &result, error) != 0)
        return -1;
    r->at.step++;
    r->at.in_epoch++;
    r->at.tokens += result.tokens;
    r->at.supervised += result.supervised;
    r->at.statistic = result.statistic;
    return journal_step(&r->journal, &r->at, &result, since(from), error);
}

static int after_step(struct run *r, struct error *error)
{
    const struct train_settings *t = &r->setup.settings;
    if (t->minutes > 0 && ranks_any(r->ranks, r->earlier + since(r->started) >= t->minutes * 60))
        r->at.stopped = true;
    if (measure_due(r) && measure(r, error) != 0)
        return -1;
    return checkpoint_due(r) ? checkpoint(r, error) : 0;
}

static int loop(struct run *r, struct error *error)
{
    if (r->at.step == 0 && measure(r, error) != 0)
        return -1;
    while (r->at.step < r->setup.course.total && !r->at.stopped) {
        if (ranks_any(r->ranks, signals_draining()))
            return stop(r, error);
        if (one_step(r, error) != 0) {
            if (error != NULL && error->code == ERROR_INTERRUPTED)
                return stop(r, error);
            if (r->saved != 0 && error != NULL)
                error_wrap(error, "the checkpoint of step %" PRIu64 " is kept", r->saved);
            return -1;
        }
        if (after_step(r, error) != 0)
            return -1;
    }
    return 0;
}

/* --- before and after --------------------------------------------------------------------- */

/* The teacher beside the student, or its values from the cache. */
static int start_distill(struct run *r, struct error *error)
{
    struct distill *d = setup_distill(&r->setup);
    struct backend *b = model_backend(r->model);
    if (d == NULL)
        return 0;
    r->learner.distill = d;
    r->learner.policy = r->policy = setup_policy(&r->setup);
    r->journal.distils = true;
    return distill_start(d, b, r->ranks, error) != 0 ? -1 : matcher_start(d->matcher, b, error);
}

static int begin(struct run *r, struct error *error)
{
    const struct train_settings *t = &r->setup.settings;
    struct resume_identity identity = setup_identity(&r->setup);
    struct buf passed = BUF_MAX(1 << 16);
    int found;
    if (leads(r) && (r->options->restart || export_present(&r->setup)) &&
        resume_remove(t->out, &identity, r->options->restart, error) != 0)
        return -1;
    r->model = setup_model(&r->setup, error);
    if (r->model == NULL ||
        learner_open(&r->learner, r->model, t, &r->setup.examples, r->ranks, error) != 0)
        return -1;
    if (start_distill(r, error) != 0)
        return -1;
    (void)ranks_any(r->ranks, false); /* nobody reads before the first has cleared up */
    r->at = (struct resume_point){.before = (double)NAN,
                                  .best = (double)NAN,
                                  .last = (double)NAN,
                                  .statistic = (double)NAN};
    found = resume_load(&r->learner, t->out, &identity, &r->at, &passed, error);
    if (passed.len != 0)
        journal_say(&r->journal, "passed over: %s", buf_text(&passed));
    buf_free(&passed);
    if (found < 0)
        return -1;
    if (found == 0 && leads(r) && export_forget(&r->setup, error) != 0)
        return -1;
    if (found == 1)
        journal_say(&r->journal, "going on behind step %" PRIu64 " of %" PRIu64, r->at.step,
                    r->setup.course.total);
    r->resumed = r->saved = r->at.step;
    r->earlier = r->at.seconds;
    r->started = r->saved_ns = clock_ns();
    (void)ranks_any(r->ranks, false); /* nor writes before all have read */
    if (!leads(r))
        return 0;
    return journal_open(&r->journal, t->out, r->at.step, t->tensorboard, error);
}

static void describe_end(const struct run *r, struct json *report)
{
    const struct setup *s = &r->setup;
    struct json *held = json_new_object();
    double after = s->settings.keep_best && !isnan(r->at.best) ? r->at.best : r->at.last;
    json_put_integer(report, "trained_parameters", model_trainable(r->model));
    json_put_integer(report, "steps_done", (int64_t)r->at.step);
    json_put_integer(report, "resumed_from_step", (int64_t)r->resumed);
    json_put_integer(report, "tokens", (int64_t)r->at.tokens);
    json_put_number(report, "seconds", r->earlier + since(r->started));
    json_put_number(report, "tokens_per_s", journal_tokens_per_s(&r->journal));
    json_put_number(report, "loss", r->journal.loss);
    if (!isnan(r->at.before)) {
        json_put_integer(held, "tokens", (int64_t)r->held_tokens);
        json_put_number(held, "loss_before", r->at.before);
        json_put_number(held, "loss_after", after);
        json_put_number(held, "change_percent", 100 * (after / r->at.before - 1));
        json_put_integer(held, "best_step", (int64_t)r->at.best_step);
        json_put(report, "held_out", held);
    } else {
        json_free(held);
    }
    json_put_number(report, "peak_memory_mb", (double)mem_peak() / 1e6);
    json_put_text(report, "out", s->settings.out);
}

static int finish(struct run *r, struct json *report, struct error *error)
{
    const struct train_settings *t = &r->setup.settings;
    if (t->keep_best && !isnan(r->at.best) && r->at.best_step != r->at.step &&
        resume_load_best(&r->learner, t->out, &r->at, error) != 0)
        return -1;
    if (!leads(r))
        return 0;
    if (export_write(&r->setup, r->model, error) != 0)
        return -1;
    describe_end(r, report);
    return export_finish(&r->setup, report, error);
}

static void add_preview(const struct setup *s, size_t n, bool colour, struct buf *text)
{
    for (size_t i = 0; i < n && i < s->n_train; i++) {
        if (i != 0)
            buf_str(text, "\n\n");
        examples_preview(&s->examples, s->train[i], s->tokenizer, colour, text);
    }
}

static void say_distill(const struct run *r)
{
    const struct distill *d = &r->setup.distill;
    const struct align_count *a = &d->aligned;
    struct slice lines = slice_trim(buf_view(&d->warnings));
    if (d->setup.options->source == DISTILL_STORED)
        journal_say(&r->journal,
                    "soft labels: %" PRIu64 " of %" PRIu64 " tokens aligned (%.1f %%), %.1f %% of "
                    "the alternatives are tokens of the student, %" PRIu64 " rows without labels",
                    a->aligned, a->tokens, 100 * (double)a->aligned / (double)a->tokens,
                    100 * (double)a->known / (double)(a->alternatives != 0 ? a->alternatives : 1),
                    (uint64_t)d->setup.examples->n - a->rows);
    if (a->dropped != 0)
        journal_say(&r->journal,
                    "warning: %" PRIu64 " of %" PRIu64 " stored logprobs are no logarithms of "
                    "probabilities (-9999, not a number, above 0) and are left out",
                    a->dropped, a->alternatives);
    if (lines.len != 0)
        journal_say(&r->journal, "warning: %.*s", (int)lines.len, lines.data);
}

static int preflight(struct run *r, struct json *report, struct error *error)
{
    struct setup *s = &r->setup;
    struct preflight f;
    struct buf preview = BUF_MAX(1 << 22);
    bool dry = r->options->dry_run;
    preflight_make(&f, &s->settings, &s->config, &s->examples, &s->course, true);
    if (setup_distill(s) != NULL) {
        preflight_teacher(&f, distill_memory(&s->distill));
        say_distill(r);
    }
    preflight_describe(&f, report);
    add_preview(s, dry ? 2 : 1, r->options->colour, &preview);
    journal_say(&r->journal, "What is learnt:\n%s\n", buf_text(&preview));
    if (dry && r->options->listener == NULL)
        json_put_string(report, "preview", buf_view(&preview));
    journal_say(&r->journal, "%" PRIu64 " steps, %.0f MB, about %.0f s", s->course.total,
                (double)f.memory.total / 1e6, f.seconds);
    buf_free(&preview);
    return preflight_check(&f, &s->settings, &s->config, &s->examples, error);
}

static int go(struct run *r, struct json *report, struct error *error)
{
    struct json *finished;
    struct claim *claim = NULL;
    int status;
    setup_describe(&r->setup, report);
    if (!r->options->dry_run && !r->options->restart &&
        (finished = export_finished(&r->setup)) != NULL) {
        for (const struct json *m = json_first(finished); m != NULL; m = json_next(m))
            json_put(report, json_key(m), json_copy(m));
        json_put_bool(report, "up_to_date", true);
        json_free(finished);
        return 0;
    }
    r->journal.total = r->setup.course.total;
    if (preflight(r, report, error) != 0)
        return -1;
    if (r->options->dry_run)
        return 0;
    if (file_make_dir(r->setup.settings.out, error) != 0 ||
        (leads(r) && (claim = claim_take(r->setup.settings.out, "train", error)) == NULL))
        return -1;
    status = begin(r, error);
    if (status == 0)
        status = loop(r, error);
    if (status == 0)
        status = finish(r, report, error);
    claim_release(claim);
    return status;
}

int train_run(const struct recipe *recipe, struct corpus *corpus,
              const struct train_options *options, struct progress *progress, struct buf *report,
              struct error *error)
{
    struct run r = {.options = options};
    struct json *o = json_new_object();
    int status;
    r.journal = (struct journal){.corpus = corpus,
                                 .run = options->run_id,
                                 .progress = progress,
                                 .listener = options->listener};
    r.ranks = ranks_open(error);
    status = r.ranks != NULL ? setup_open(&r.setup, recipe, corpus, error) : -1;
    if (status == 0) {
        status = go(&r, o, error);
        if (leads(&r))
            json_write(o, 0, report);
        journal_close(&r.journal);
        learner_close(&r.learner);
        policy_free(r.policy);
        distill_close(&r.setup.distill);
        model_free(r.model);
        setup_close(&r.setup);
    }
    ranks_close(r.ranks, status == 0 || error == NULL || error->code == ERROR_INTERRUPTED ||
                             error->code == ERROR_PARTIAL);
    json_free(o);
    return status;
}
