/* Which rules removed how many rows, alone and together, with a few of them to look at. */
#include "report/chart.h"
#include "report/html.h"
#include "report/number.h"
#include "report/section.h"

#include "corpus/statistics.h"

enum { SAMPLES = 3 };

static void field(struct buf *out, const struct json *row, const char *key)
{
    struct slice text = json_string(json_get(row, key));
    if (text.len == 0)
        return;
    buf_printf(out, "<dt>%s</dt><dd><pre>", key);
    html_text(out, text);
    buf_str(out, "</pre></dd>");
}

static void measured(struct buf *out, const struct json *row, const char *key)
{
    if (json_get(row, key) == NULL)
        return;
    buf_printf(out, " <span class=\"tag\">%s ", key);
    number_short(out, json_number(json_get(row, key), 0));
    buf_str(out, "</span>");
}

static void one_sample(struct buf *out, const struct json *row)
{
    buf_str(out, "<article><p><b>row ");
    json_number_text(json_get(row, "id"), out);
    buf_str(out, "</b> ");
    html_text(out, json_string(json_get(row, "why")));
    measured(out, row, "value");
    measured(out, row, "threshold");
    measured(out, row, "similarity");
    buf_str(out, "</p><dl>");
    field(out, row, "instruction");
    field(out, row, "input");
    field(out, row, "output");
    buf_str(out, "</dl></article>\n");
}

static int one_rule(const struct report *r, const struct json *rule, double most, struct buf *out,
                    struct error *error)
{
    const char *name = json_text(json_get(rule, "rule"), "");
    double n = json_number(json_get(rule, "n"), 0);
    double flagged = json_number(json_get(rule, "flagged"), 0);
    struct json *samples = statistics_removed(r->c, name, SAMPLES, error);
    if (samples == NULL)
        return -1;
    buf_str(out, "<details><summary><span class=\"rule\">");
    html_str(out, name);
    buf_str(out, "</span><span class=\"n\">");
    number_whole(out, (int64_t)(n > 0 ? n : flagged));
    buf_str(out, n > 0 ? "" : " flagged");
    buf_str(out, "</span>");
    chart_bar(out, n > 0 ? 'b' : 'c', n > 0 ? n : flagged, most);
    buf_str(out, "</summary>\n<p>");
    number_whole(out, (int64_t)json_number(json_get(rule, "alone"), 0));
    buf_str(out, " of them by this rule alone");
    if (n > 0 && flagged > 0) {
        buf_str(out, "; ");
        number_whole(out, (int64_t)flagged);
        buf_str(out, " more only flagged");
    }
    buf_str(out, ".</p>\n");
    for (const struct json *s = json_first(samples); s != NULL; s = json_next(s))
        one_sample(out, s);
    buf_str(out, "</details>\n");
    json_free(samples);
    return 0;
}

static int write_section(const struct report *r, struct buf *out, struct error *error)
{
    struct json *rules = statistics_rules(r->c, error);
    double most = 1;
    int rc = 1;
    if (rules == NULL)
        return -1;
    for (const struct json *k = json_first(rules); k != NULL; k = json_next(k)) {
        double n = json_number(json_get(k, "n"), 0), f = json_number(json_get(k, "flagged"), 0);
        most = n > most ? n : n == 0 && f > most ? f : most;
    }
    if (json_first(rules) == NULL)
        rc = 0;
    else
        buf_str(out, "<p>A row may fall to several rules. Open one to see some of its rows.</p>\n");
    for (const struct json *k = json_first(rules); rc == 1 && k != NULL; k = json_next(k))
        if (one_rule(r, k, most, out, error) != 0)
            rc = -1;
    json_free(rules);
    return rc;
}

const struct section section_removed = {"removed", "What the filter removed, and why",
                                        write_section};
