#include "report/survey.h"

#include "core/mem.h"
#include "core/signals.h"
#include "core/unicode.h"
#include "corpus/samples.h"

#include <math.h>
#include <string.h>

struct walk {
    struct survey *s;
    struct progress *progress;
    size_t quota[2]; /* how many kept, removed rows to choose */
    uint64_t of[2];  /* how many there are */
    uint64_t met[2]; /* so far */
};

double survey_edge(size_t i)
{
    return i == 0 ? 0 : floor(pow(2, (double)(i - 1) / 2));
}

static size_t bin_of(size_t length)
{
    size_t i = 0;
    while (i + 1 < SURVEY_BINS && (double)length >= survey_edge(i + 1))
        i++;
    return i;
}

static size_t characters(struct slice s)
{
    return s.data != NULL ? utf8_count(s) : 0;
}

static void count_name(struct survey_count *list, size_t *n, struct slice name, bool kept)
{
    size_t i = 0;
    name = slice_sub(name, 0, sizeof list->name - 1);
    while (i < *n && !slice_is(name, list[i].name))
        i++;
    if (i == *n && *n < SURVEY_NAMES) {
        if (*n == SURVEY_NAMES - 1)
            name = SLICE("others");
        memcpy(list[i].name, name.data, name.len);
        ++*n;
    } else if (i == SURVEY_NAMES) {
        i--;
    }
    list[i].n++;
    list[i].kept += kept;
}

/* Every of/quota-th of its kind. */
static bool is_chosen(struct walk *w, bool removed)
{
    uint64_t i = w->met[removed]++, quota = w->quota[removed], of = w->of[removed];
    return of != 0 && (i + 1) * quota / of != i * quota / of;
}

static int one_row(void *context, const struct sample *r, struct error *error)
{
    struct walk *w = context;
    struct survey *s = w->s;
    size_t prompt = characters(r->instruction) + characters(r->input);
    size_t output = characters(r->output);
    s->total++;
    s->prompt[!r->kept][bin_of(prompt)]++;
    s->output[!r->kept][bin_of(output)]++;
    if (r->kept) {
        s->kept++;
        s->prompt_sum += prompt;
        s->output_sum += output;
    }
    count_name(s->sources, &s->n_sources, r->source, r->kept);
    count_name(s->reasons, &s->n_reasons,
               r->finish_reason.data != NULL ? r->finish_reason : SLICE("not known"), r->kept);
    if (is_chosen(w, !r->kept))
        s->chosen[s->n_chosen++] = r->id;
    if (s->total % 4096 == 0) {
        struct progress_state state = {.stage = "report",
                                       .unit = "rows",
                                       .done = s->total,
                                       .total = w->of[0] + w->of[1]};
        progress_update(w->progress, &state);
        if (signals_draining())
            return error_set(error, ERROR_INTERRUPTED, "report interrupted");
    }
    return 0;
}

static void share(struct walk *w, size_t choose)
{
    uint64_t kept = w->of[0], removed = w->of[1];
    if (kept + removed <= choose) {
        w->quota[0] = (size_t)kept;
        w->quota[1] = (size_t)removed;
        return;
    }
    w->quota[1] = removed < choose / 2 ? (size_t)removed : choose / 2;
    w->quota[0] = kept < choose - w->quota[1] ? (size_t)kept : choose - w->quota[1];
    w->quota[1] = removed < choose - w->quota[0] ? (size_t)removed : choose - w->quota[0];
}

int survey_run(struct corpus *c, size_t choose, struct progress *progress, struct survey *out,
               struct error *error)
{
    struct walk w = {.s = out, .progress = progress};
    int64_t kept = samples_count(c, SAMPLES_KEPT, error);
    int64_t removed = kept >= 0 ? samples_count(c, SAMPLES_REMOVED, error) : -1;
    memset(out, 0, sizeof *out);
    if (removed < 0)
        return -1;
    w.of[0] = (uint64_t)kept;
    w.of[1] = (uint64_t)removed;
    share(&w, choose);
    out->chosen = mem_zero(w.quota[0] + w.quota[1] + 2, sizeof *out->chosen);
    return samples_each(c, SAMPLES_ALL, 0, one_row, &w, error);
}

void survey_clear(struct survey *s)
{
    mem_free(s->chosen);
    memset(s, 0, sizeof *s);
}
