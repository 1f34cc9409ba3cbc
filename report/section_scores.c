/* One histogram a score. */
#include "report/chart.h"
#include "report/html.h"
#include "report/section.h"

#include "corpus/statistics.h"

enum { BINS = 24 };

static int one_score(const struct report *r, const struct json *score, struct buf *out,
                     struct error *error)
{
    const char *name = json_text(json_get(score, "name"), "");
    double low = json_number(json_get(score, "min"), 0),
           high = json_number(json_get(score, "max"), 0);
    double edges[BINS + 1];
    uint64_t kept[BINS] = {0}, removed[BINS] = {0};
    bool any_removed = false;
    struct chart_histogram h = {.title = name,
                                .axis = "score",
                                .edges = edges,
                                .a = kept,
                                .name_a = "kept",
                                .name_b = "removed",
                                .n = BINS};
    struct json *bins;
    if (high <= low)
        high = low + 1;
    bins = statistics_score_bins(r->c, name, low, high, BINS, error);
    if (bins == NULL)
        return -1;
    for (const struct json *b = json_first(bins); b != NULL; b = json_next(b)) {
        double i = json_number(json_get(b, "bin"), -1);
        if (i < 0 || i >= BINS)
            continue;
        kept[(size_t)i] = (uint64_t)json_number(json_get(b, "kept"), 0);
        removed[(size_t)i] = (uint64_t)json_number(json_get(b, "removed"), 0);
        any_removed |= removed[(size_t)i] != 0;
    }
    for (size_t i = 0; i <= BINS; i++)
        edges[i] = low + (high - low) * (double)i / BINS;
    h.b = any_removed ? removed : NULL;
    chart_histogram(out, &h);
    json_free(bins);
    return 0;
}

static int write_section(const struct report *r, struct buf *out, struct error *error)
{
    struct json *scores = statistics_scores(r->c, error);
    int rc = scores == NULL ? -1 : json_first(scores) != NULL;
    if (rc == 1)
        buf_str(out, "<div class=\"grid\">\n");
    for (const struct json *s = json_first(scores); rc == 1 && s != NULL; s = json_next(s))
        if (one_score(r, s, out, error) != 0)
            rc = -1;
    if (rc == 1)
        buf_str(out, "</div>\n");
    json_free(scores);
    return rc;
}

const struct section section_scores = {"scores", "Scores", write_section};
