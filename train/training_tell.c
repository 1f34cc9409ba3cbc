#include "core/mem.h"
#include "train/preflight.h"
#include "train/training.h"

#include <inttypes.h>
#include <math.h>

void training_describe(const struct training *r, struct json *report)
{
    const struct setup *s = &r->setup;
    struct json *held = json_new_object();
    double after = s->settings.keep_best && !isnan(r->at.best) ? r->at.best : r->at.last;
    json_put_integer(report, "trained_parameters", model_trainable(r->model));
    json_put_integer(report, "steps_done", (int64_t)r->at.step);
    json_put_integer(report, "resumed_from_step", (int64_t)r->resumed);
    json_put_integer(report, "tokens", (int64_t)r->at.tokens);
    json_put_number(report, "seconds", r->earlier + training_since(r->started));
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

static void add_preview(const struct setup *s, size_t n, bool colour, struct buf *text)
{
    for (size_t i = 0; i < n && i < s->n_train; i++) {
        if (i != 0)
            buf_str(text, "\n\n");
        examples_preview(&s->examples, s->train[i], s->tokenizer, colour, text);
    }
}

static void say_distill(const struct training *r)
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

int training_preflight(struct training *r, struct json *report, struct error *error)
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
