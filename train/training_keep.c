#include "core/mem.h"
#include "train/hooks.h"
#include "train/replies.h"
#include "train/training.h"

#include <math.h>

/* --- hooks -------------------------------------------------------------------------------- */

static void say_hook(void *context, const char *line)
{
    const struct training *r = context;
    journal_say(&r->journal, "%s", line);
}

/* `event` is freed. */
static void call_hook(struct training *r, const struct json *words, struct json *event)
{
    const struct hook h = {words, event, say_hook, r};
    json_put_integer(event, "step", (int64_t)r->at.step);
    json_put_text(event, "out", r->setup.settings.out);
    hooks_run(&h);
    json_free(event);
}

static void tell_measured(struct training *r, double loss, bool best)
{
    struct json *event = json_new_object();
    json_put_text(event, "event", "evaluation");
    json_put_number(event, "loss", loss);
    json_put_integer(event, "tokens", (int64_t)r->held_tokens);
    json_put_bool(event, "best", best);
    call_hook(r, r->setup.settings.on_evaluation, event);
}

static void tell_kept(struct training *r, const char *path)
{
    struct json *event = json_new_object();
    json_put_text(event, "event", "checkpoint");
    json_put_text(event, "path", path);
    call_hook(r, r->setup.settings.on_checkpoint, event);
}

/* --- measuring ---------------------------------------------------------------------------- */

static struct json *show_samples(struct training *r, struct error *error)
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

int training_measure(struct training *r, struct error *error)
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
    samples = training_leads(r) ? show_samples(r, error) : NULL;
    if (samples == NULL && training_leads(r))
        return -1;
    best = judge(&r->at, nll / (double)r->held_tokens);
    if (best && s->settings.keep_best && training_leads(r) &&
        resume_write(&r->learner, s->settings.out, &r->at, &identity, true, error) != 0) {
        json_free(samples);
        return -1;
    }
    if (s->settings.early_stop != 0 && r->at.worse >= s->settings.early_stop)
        r->at.stopped = true;
    if (training_leads(r))
        tell_measured(r, nll / (double)r->held_tokens, best);
    return journal_measure(&r->journal, &r->at, r->held_tokens, samples, error);
}

bool training_measure_due(const struct training *r)
{
    const struct train_settings *t = &r->setup.settings;
    if (r->at.step == r->setup.course.total || r->at.stopped)
        return true;
    if (t->eval_every != 0)
        return r->at.step % t->eval_every == 0;
    return r->at.in_epoch == r->setup.course.pack.n_steps;
}

/* --- checkpoints -------------------------------------------------------------------------- */

int training_checkpoint(struct training *r, struct error *error)
{
    const struct train_settings *t = &r->setup.settings;
    struct resume_identity identity = setup_identity(&r->setup);
    char *path;
    int status;
    if (t->checkpoints == 0 || r->saved == r->at.step || !training_leads(r))
        return 0;
    r->at.seconds = r->earlier + training_since(r->started);
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

bool training_checkpoint_due(const struct training *r)
{
    const struct train_settings *t = &r->setup.settings;
    if (r->at.step == r->setup.course.total || r->at.stopped)
        return true;
    if (t->checkpoint_minutes > 0 && training_since(r->saved_ns) >= t->checkpoint_minutes * 60)
        return true;
    if (t->checkpoint_every != 0)
        return r->at.step % t->checkpoint_every == 0;
    return r->at.in_epoch == r->setup.course.pack.n_steps;
}
