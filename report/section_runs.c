/* Every start of a stage. */
#include "report/html.h"
#include "report/number.h"
#include "report/section.h"

#include "core/clock.h"

static void one_run(struct buf *out, const struct json *run)
{
    char when[32];
    clock_iso((int64_t)json_number(json_get(run, "started_ms"), 0), when);
    buf_str(out, "<tr><td class=\"n\">");
    json_number_text(json_get(run, "id"), out);
    buf_str(out, "</td><td>");
    html_text(out, json_string(json_get(run, "stage")));
    buf_str(out, "</td><td>");
    html_text(out, json_string(json_get(run, "state")));
    buf_printf(out, "</td><td>%s</td><td class=\"n\">", when);
    if (json_get(run, "seconds") != NULL)
        number_seconds(out, json_number(json_get(run, "seconds"), 0));
    buf_str(out, "</td><td>");
    html_text(out, json_string(json_get(run, "version")));
    buf_str(out, "</td></tr>\n");
}

static int write_section(const struct report *r, struct buf *out, struct error *error)
{
    const struct json *last = NULL;
    struct buf recipe = BUF;
    (void)error;
    if (json_first(r->runs) == NULL)
        return 0;
    buf_str(out, "<div class=\"scroll\"><table><thead><tr><th class=\"n\">Run</th><th>Stage</th>"
                 "<th>State</th><th>Started</th><th class=\"n\">Took</th><th>retort</th></tr>"
                 "</thead><tbody>\n");
    for (const struct json *run = json_first(r->runs); run != NULL; run = json_next(run)) {
        one_run(out, run);
        if (json_type(json_get(run, "recipe")) == JSON_OBJECT)
            last = json_get(run, "recipe");
    }
    buf_str(out, "</tbody></table></div>\n");
    if (last != NULL) {
        json_write(last, JSON_PRETTY, &recipe);
        buf_str(out, "<details><summary>The last recipe, with every default</summary><pre>");
        html_text(out, buf_view(&recipe));
        buf_str(out, "</pre></details>\n");
        buf_free(&recipe);
    }
    return 1;
}

const struct section section_runs = {"runs", "Runs", write_section};
