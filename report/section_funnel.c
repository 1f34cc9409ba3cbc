/* From prompts to what the student was trained on: how many are left behind each step. */
#include "report/chart.h"
#include "report/html.h"
#include "report/number.h"
#include "report/section.h"

#include "corpus/statistics.h"

struct step {
    const char *name, *what;
    double n;
};

static void one_step(struct buf *out, const struct step *s, double most, double before)
{
    buf_str(out, "<tr><th scope=\"row\">");
    html_str(out, s->name);
    buf_str(out, "<small>");
    html_str(out, s->what);
    buf_str(out, "</small></th><td class=\"n\">");
    number_whole(out, (int64_t)s->n);
    buf_str(out, "</td><td class=\"n\">");
    if (before > 0)
        number_percent(out, s->n, before);
    buf_str(out, "</td><td class=\"wide\">");
    chart_bar(out, 'a', s->n, most);
    buf_str(out, "</td></tr>\n");
}

static void say_failures(const struct report *r, struct buf *out)
{
    const struct json *failures = json_get(r->status, "failures");
    if (json_first(failures) == NULL)
        return;
    buf_str(out, "<p>Requests that failed, by cause: ");
    for (const struct json *f = json_first(failures); f != NULL; f = json_next(f)) {
        if (f != json_first(failures))
            buf_str(out, ", ");
        html_str(out, json_key(f));
        buf_char(out, ' ');
        number_whole(out, (int64_t)json_number(f, 0));
    }
    buf_str(out, ".</p>\n");
}

/* Rows that the last training run says it took. */
static double trained_rows(const struct report *r)
{
    double rows = 0;
    for (const struct json *run = json_first(r->runs); run != NULL; run = json_next(run))
        rows = json_number(json_path(run, "summary.rows.trained"), rows);
    return rows;
}

static int write_section(const struct report *r, struct buf *out, struct error *error)
{
    int64_t prompts = statistics_prompts(r->c, error);
    const struct step steps[] = {
        {"Prompts", "to be asked", (double)prompts},
        {"Requests", "sent or waiting", section_number(r, "requests.total")},
        {"Answered", "replies stored", section_number(r, "requests.answered")},
        {"Rows", "generated and imported", section_number(r, "rows.total")},
        {"Kept", "after the filter", section_number(r, "rows.kept")},
        {"Trained on", "in the last run", trained_rows(r)},
    };
    const size_t n = sizeof steps / sizeof *steps;
    double most = 1, before = 0;
    if (prompts < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        most = steps[i].n > most ? steps[i].n : most;
    buf_str(out, "<table class=\"bars\"><thead><tr><th>Step</th><th class=\"n\">Count</th>"
                 "<th class=\"n\">Of before</th><th></th></tr></thead><tbody>\n");
    for (size_t i = 0; i < n; i++) {
        if (steps[i].n == 0 && i != 3 && i != 4)
            continue;
        one_step(out, &steps[i], most, before);
        before = steps[i].n;
    }
    buf_str(out, "</tbody></table>\n");
    say_failures(r, out);
    return 1;
}

const struct section section_funnel = {"funnel", "From prompt to student", write_section};
