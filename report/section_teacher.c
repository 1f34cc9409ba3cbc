/* Who was asked, what it cost, how long it took, how attempts ended. */
#include "report/chart.h"
#include "report/html.h"
#include "report/number.h"
#include "report/section.h"

#include "corpus/statistics.h"

#include <math.h>

enum { BINS = 48 };

static double number(const struct json *row, const char *key)
{
    return json_number(json_get(row, key), 0);
}

static void cell_text(struct buf *out, const struct json *row, const char *key)
{
    buf_str(out, "<td>");
    html_text(out, json_string(json_get(row, key)));
    buf_str(out, "</td>");
}

static void cell_whole(struct buf *out, const struct json *row, const char *key)
{
    buf_str(out, "<td class=\"n\">");
    number_whole(out, (int64_t)number(row, key));
    buf_str(out, "</td>");
}

static void teachers_table(struct buf *out, const struct json *teachers)
{
    buf_str(out, "<div class=\"scroll\"><table><thead><tr><th>Model</th><th>Endpoint</th>"
                 "<th>Licence</th><th class=\"n\">Requests</th><th class=\"n\">Answered</th>"
                 "<th class=\"n\">Attempts</th><th class=\"n\">Tokens in</th>"
                 "<th class=\"n\">Tokens out</th><th class=\"n\">Cost</th></tr></thead><tbody>\n");
    for (const struct json *t = json_first(teachers); t != NULL; t = json_next(t)) {
        buf_str(out, "<tr>");
        cell_text(out, t, "model");
        cell_text(out, t, "endpoint");
        cell_text(out, t, "licence");
        cell_whole(out, t, "requests");
        cell_whole(out, t, "answered");
        cell_whole(out, t, "attempts");
        cell_whole(out, t, "input_tokens");
        cell_whole(out, t, "output_tokens");
        buf_str(out, "<td class=\"n\">");
        number_usd(out, number(t, "usd"));
        buf_str(out, "</td></tr>\n");
    }
    buf_str(out, "</tbody></table></div>\n");
}

static double edge(size_t i)
{
    return i == 0 ? 0 : pow(2, (double)(i - 1) / 2);
}

/* The time within which a share of the answers came. */
static double quantile(const struct json *latency, double share)
{
    double total = 0, sum = 0;
    for (const struct json *l = json_first(latency); l != NULL; l = json_next(l))
        total += number(l, "n");
    for (const struct json *l = json_first(latency); l != NULL; l = json_next(l)) {
        sum += number(l, "n");
        if (sum >= share * total)
            return number(l, "ms");
    }
    return 0;
}

static void latency_chart(struct buf *out, const struct json *latency)
{
    double edges[BINS + 1];
    uint64_t bins[BINS] = {0};
    const struct chart_histogram h = {.title = "Time to an answer",
                                      .axis = "from sending to the last byte",
                                      .edges = edges,
                                      .a = bins,
                                      .n = BINS,
                                      .stride = 2,
                                      .phase = 1,
                                      .unit = CHART_MS};
    for (size_t i = 0; i <= BINS; i++)
        edges[i] = edge(i);
    for (const struct json *l = json_first(latency); l != NULL; l = json_next(l)) {
        size_t i = 0;
        while (i + 1 < BINS && number(l, "ms") >= edges[i + 1])
            i++;
        bins[i] += (uint64_t)number(l, "n");
    }
    chart_histogram(out, &h);
}

static void attempts_table(struct buf *out, const struct json *attempts, const struct json *latency)
{
    double most = 1;
    for (const struct json *a = json_first(attempts); a != NULL; a = json_next(a))
        most = fmax(most, number(a, "n"));
    buf_str(out,
            "<figure><figcaption>How attempts ended</figcaption><table class=\"bars\"><tbody>\n");
    for (const struct json *a = json_first(attempts); a != NULL; a = json_next(a)) {
        bool answered = slice_is(json_string(json_get(a, "cause")), "answered");
        buf_str(out, "<tr><th scope=\"row\">");
        html_text(out, json_string(json_get(a, "cause")));
        buf_str(out, "</th>");
        cell_whole(out, a, "n");
        buf_str(out, "<td class=\"wide\">");
        chart_bar(out, answered ? 'a' : 'b', number(a, "n"), most);
        buf_str(out, "</td></tr>\n");
    }
    buf_str(out, "</tbody></table><p>Half of the answers came within ");
    number_seconds(out, quantile(latency, 0.5) / 1e3);
    buf_str(out, ", 95 % within ");
    number_seconds(out, quantile(latency, 0.95) / 1e3);
    buf_str(out, ".</p></figure>\n");
}

static int write_section(const struct report *r, struct buf *out, struct error *error)
{
    struct json *teachers = statistics_teachers(r->c, error);
    struct json *latency = teachers != NULL ? statistics_latency(r->c, error) : NULL;
    struct json *attempts = latency != NULL ? statistics_attempts(r->c, error) : NULL;
    int rc = attempts == NULL ? -1 : json_first(teachers) != NULL;
    if (rc == 1) {
        teachers_table(out, teachers);
        buf_str(out, "<div class=\"grid\">\n");
        latency_chart(out, latency);
        if (json_first(attempts) != NULL)
            attempts_table(out, attempts, latency);
        buf_str(out, "</div>\n");
    }
    json_free(teachers);
    json_free(latency);
    json_free(attempts);
    return rc;
}

const struct section section_teacher = {"teacher", "Teacher, cost and latency", write_section};
