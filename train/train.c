#include "train/train.h"

#include "core/file.h"
#include "core/signals.h"
#include "corpus/claim.h"
#include "train/export.h"
#include "train/training.h"

#include <inttypes.h>
#include <math.h>
#include <signal.h>

/* --- the loop ----------------------------------------------------------------------------- */

/* A signal asked to stop: keep what there is, and say how to go on. */
static int stop(struct training *r, struct error *error)
{
    bool term = signals_number() == SIGTERM;
    uint64_t steps = r->at.step, total = r->setup.course.total;
    error_clear(error);
    if (r->at.step != 0 && training_checkpoint(r, error) != 0)
        return -1;
    return error_set(error, term ? ERROR_PARTIAL : ERROR_INTERRUPTED,
                     r->saved != 0 ? "stopped after step %" PRIu64 " of %" PRIu64
                                     "; run the same command to go on"
                                   : "stopped after step %" PRIu64 " of %" PRIu64
                                     "; no checkpoint was kept, the next run begins anew",
                     steps, total);
}

static int one_step(struct training *r, struct error *error)
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
    return journal_step(&r->journal, &r->at, &result, training_since(from), error);
}

static int after_step(struct training *r, struct error *error)
{
    const struct train_settings *t = &r->setup.settings;
    if (t->minutes > 0 &&
        ranks_any(r->ranks, r->earlier + training_since(r->started) >= t->minutes * 60))
        r->at.stopped = true;
    if (training_measure_due(r) && training_measure(r, error) != 0)
        return -1;
    return training_checkpoint_due(r) ? training_checkpoint(r, error) : 0;
}

static int loop(struct training *r, struct error *error)
{
    if (r->at.step == 0 && training_measure(r, error) != 0)
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
static int start_distill(struct training *r, struct error *error)
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

static int begin(struct training *r, struct error *error)
{
    const struct train_settings *t = &r->setup.settings;
    struct resume_identity identity = setup_identity(&r->setup);
    struct buf passed = BUF_MAX(1 << 16);
    int found;
    if (training_leads(r) && (r->options->restart || export_present(&r->setup)) &&
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
    if (found == 0 && training_leads(r) && export_forget(&r->setup, error) != 0)
        return -1;
    if (found == 1)
        journal_say(&r->journal, "going on behind step %" PRIu64 " of %" PRIu64, r->at.step,
                    r->setup.course.total);
    r->resumed = r->saved = r->at.step;
    r->earlier = r->at.seconds;
    r->started = r->saved_ns = clock_ns();
    (void)ranks_any(r->ranks, false); /* nor writes before all have read */
    if (!training_leads(r))
        return 0;
    return journal_open(&r->journal, t->out, r->at.step, t->tensorboard, error);
}

static int finish(struct training *r, struct json *report, struct error *error)
{
    const struct train_settings *t = &r->setup.settings;
    if (t->keep_best && !isnan(r->at.best) && r->at.best_step != r->at.step &&
        resume_load_best(&r->learner, t->out, &r->at, error) != 0)
        return -1;
    if (!training_leads(r))
        return 0;
    if (export_write(&r->setup, r->model, error) != 0)
        return -1;
    training_describe(r, report);
    return export_finish(&r->setup, report, error);
}

static int go(struct training *r, struct json *report, struct error *error)
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
    if (training_preflight(r, report, error) != 0)
        return -1;
    if (r->options->dry_run)
        return 0;
    if (file_make_dir(r->setup.settings.out, error) != 0 ||
        (training_leads(r) && (claim = claim_take(r->setup.settings.out, "train", error)) == NULL))
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
    struct training r = {.options = options};
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
        if (training_leads(&r))
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
