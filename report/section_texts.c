/* How long the texts are, how replies ended, where rows came from. */
#include "report/chart.h"
#include "report/html.h"
#include "report/number.h"
#include "report/section.h"

static void lengths(struct buf *out, const char *title, const uint64_t bins[2][SURVEY_BINS],
                    bool any_removed)
{
    double edges[SURVEY_BINS + 1];
    struct chart_histogram h = {
        .title = title,
        .axis = "characters",
        .edges = edges,
        .a = bins[0],
        .b = any_removed ? bins[1] : NULL,
        .name_a = "kept",
        .name_b = "removed",
        .n = SURVEY_BINS,
        .stride = 2,
        .phase = 1,
    };
    for (size_t i = 0; i <= SURVEY_BINS; i++)
        edges[i] = survey_edge(i);
    chart_histogram(out, &h);
}

static void counts(struct buf *out, const char *title, const struct survey_count *list, size_t n)
{
    uint64_t most = 1;
    for (size_t i = 0; i < n; i++)
        most = list[i].n > most ? list[i].n : most;
    buf_str(out, "<figure><figcaption>");
    html_str(out, title);
    buf_str(out, "</figcaption><table class=\"bars\"><thead><tr><th></th><th class=\"n\">Rows</th>"
                 "<th class=\"n\">Kept</th><th></th></tr></thead><tbody>\n");
    for (size_t i = 0; i < n; i++) {
        buf_str(out, "<tr><th scope=\"row\">");
        html_str(out, list[i].name);
        buf_str(out, "</th><td class=\"n\">");
        number_whole(out, (int64_t)list[i].n);
        buf_str(out, "</td><td class=\"n\">");
        number_percent(out, (double)list[i].kept, (double)list[i].n);
        buf_str(out, "</td><td class=\"wide\">");
        chart_bar(out, 'a', (double)list[i].n, (double)most);
        buf_str(out, "</td></tr>\n");
    }
    buf_str(out, "</tbody></table></figure>\n");
}

static int write_section(const struct report *r, struct buf *out, struct error *error)
{
    const struct survey *s = r->survey;
    (void)error;
    if (s->total == 0)
        return 0;
    buf_str(out, "<div class=\"grid\">\n");
    lengths(out, "Length of prompts (instruction and input)", s->prompt, s->kept != s->total);
    lengths(out, "Length of replies", s->output, s->kept != s->total);
    counts(out, "Where rows came from", s->sources, s->n_sources);
    counts(out, "How replies ended", s->reasons, s->n_reasons);
    buf_str(out, "</div>\n");
    return 1;
}

const struct section section_texts = {"texts", "The rows", write_section};
