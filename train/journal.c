#include "train/journal.h"

#include "core/file.h"
#include "core/mem.h"
#include "corpus/runs.h"
#include "train/train.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int journal_open(struct journal *r, const char *out, uint64_t through, bool tensorboard,
                 struct error *error)
{
    char *path = file_join(out, "metrics.jsonl");
    char *folder = file_join(out, "events");
    int status = 0;
    r->resumed = through;
    r->metrics = metrics_open(path, through, error);
    if (r->metrics == NULL)
        status = -1;
    if (status == 0 && tensorboard) {
        r->events = tfevents_open(folder, error);
        if (r->events == NULL)
            status = -1;
    }
    mem_free(path);
    mem_free(folder);
    return status;
}

void journal_close(struct journal *r)
{
    metrics_close(r->metrics);
    (void)tfevents_close(r->events, NULL);
    r->metrics = NULL;
    r->events = NULL;
}

double journal_tokens_per_s(const struct journal *r)
{
    return r->rate_seconds > 0 ? r->rate_tokens / r->rate_seconds : 0;
}

static int scalar(struct journal *r, const char *tag, uint64_t step, double value,
                  struct error *error)
{
    if (r->events == NULL)
        return 0;
    return tfevents_scalar(r->events, tag, step, (float)value, error);
}

static void show_progress(struct journal *r, const struct resume_point *at)
{
    struct progress_state state = {.stage = "train",
                                   .unit = "steps",
                                   .done = at->step,
                                   .total = r->total};
    state.resumed = r->resumed;
    (void)snprintf(state.note, sizeof state.note, "loss %.4f  %.0f tok/s", r->loss,
                   journal_tokens_per_s(r));
    if (at->step == r->total)
        progress_finish(r->progress, &state);
    else
        progress_update(r->progress, &state);
}

int journal_step(struct journal *r, const struct resume_point *at, const struct learner_step *step,
                 double seconds, struct error *error)
{
    double per_s = seconds > 0 ? (double)step->tokens / seconds : 0;
    struct json *o;
    int status;
    r->loss = step->loss;
    r->rate_tokens += (double)step->tokens;
    r->rate_seconds += seconds;
    if (r->metrics == NULL)
        return 0;
    o = json_new_object();
    json_put_integer(o, "step", (int64_t)at->step);
    json_put_integer(o, "epoch", (int64_t)at->epoch);
    json_put_number(o, "loss", step->loss);
    json_put_number(o, "gradient_norm", step->gradient);
    json_put_number(o, "learning_rate", step->rate);
    json_put_integer(o, "rows", (int64_t)step->rows);
    json_put_integer(o, "tokens", (int64_t)step->tokens);
    json_put_integer(o, "supervised", (int64_t)step->supervised);
    json_put_number(o, "tokens_per_s", per_s);
    json_put_number(o, "seconds", seconds);
    if (r->distils) {
        json_put_number(o, "soft_loss", step->soft);
        json_put_number(o, "hard_loss", step->hard);
        json_put_number(o, "match_loss", step->match);
        json_put_number(o, "labelled", step->labelled);
    }
    status = metrics_add(r->metrics, o, error);
    json_free(o);
    if (status == 0)
        status = scalar(r, "train/loss", at->step, step->loss, error);
    if (status == 0)
        status = scalar(r, "train/gradient_norm", at->step, step->gradient, error);
    if (status == 0)
        status = scalar(r, "train/learning_rate", at->step, step->rate, error);
    if (status == 0)
        status = scalar(r, "train/tokens_per_s", at->step, per_s, error);
    show_progress(r, at);
    return status;
}

static void say_samples(const struct journal *r, const struct json *samples)
{
    for (const struct json *s = json_first(samples); s != NULL; s = json_next(s)) {
        struct buf line = BUF_MAX(1 << 16);
        buf_str(&line, "  sample ");
        buf_printf(&line, "%.0f: ", json_number(json_get(s, "sample"), 0));
        json_quote(json_string(json_get(s, "reply")), 0, &line);
        journal_say(r, "%s", buf_text(&line));
        buf_free(&line);
    }
}

int journal_measure(struct journal *r, const struct resume_point *at, uint64_t tokens,
                    struct json *samples, struct error *error)
{
    struct json *o;
    int status;
    if (r->metrics == NULL)
        return 0;
    o = json_new_object();
    json_put_integer(o, "step", (int64_t)at->step);
    json_put_number(o, "held_out_loss", at->last);
    json_put_number(o, "held_out_perplexity", exp(at->last));
    json_put_integer(o, "held_out_tokens", (int64_t)tokens);
    journal_say(r, "step %" PRIu64 "  held-out loss %.4f  perplexity %.2f%s", at->step, at->last,
                exp(at->last), at->step != 0 && at->best_step == at->step ? "  (best)" : "");
    if (samples != NULL) {
        say_samples(r, samples);
        json_put(o, "samples", samples);
    }
    status = metrics_add(r->metrics, o, error);
    json_free(o);
    return status == 0 ? scalar(r, "held_out/loss", at->step, at->last, error) : status;
}

int journal_checkpoint(struct journal *r, const struct resume_point *at, const char *path,
                       struct error *error)
{
    struct buf text = BUF_MAX(1 << 12);
    struct json *o;
    int status;
    if (r->run == 0)
        return 0;
    o = json_new_object();
    json_put_integer(o, "step", (int64_t)at->step);
    json_put_number(o, "loss", r->loss);
    json_put_number(o, "held_out_loss", at->last);
    json_put_integer(o, "tokens", (int64_t)at->tokens);
    json_put_number(o, "tokens_per_s", journal_tokens_per_s(r));
    json_write(o, 0, &text);
    status = runs_checkpoint(r->corpus, r->run, (int64_t)at->step, path, buf_text(&text), error);
    json_free(o);
    buf_free(&text);
    return status;
}

void journal_say(const struct journal *r, const char *format, ...)
{
    struct buf text = BUF_MAX(1 << 20);
    va_list ap, again;
    int n;
    if (r->listener == NULL)
        return;
    va_start(ap, format);
    va_copy(again, ap);
    n = vsnprintf(NULL, 0, format, ap);
    va_end(ap);
    if (n >= 0 && buf_reserve(&text, (size_t)n) == 0) {
        (void)vsnprintf(text.data, (size_t)n + 1, format, again);
        r->listener->line(r->listener->context, text.data);
    }
    va_end(again);
    buf_free(&text);
}
