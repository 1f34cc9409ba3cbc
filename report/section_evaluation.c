/* What evaluations found: accuracy with its interval, and every other number. */
#include "report/chart.h"
#include "report/html.h"
#include "report/number.h"
#include "report/section.h"

#include "core/arena.h"
#include "corpus/statistics.h"

#include <math.h>
#include <string.h>

enum { MOST = 128 };

struct gathered {
    struct chart_interval rows[MOST];
    size_t n;
    struct arena arena;
};

/* Any object with an "accuracy" is a result; its name is its "task", "name" or "suite", or its key. */
static struct slice name_of(const struct json *node)
{
    struct slice name = json_string(json_get(node, "task"));
    if (name.data == NULL)
        name = json_string(json_get(node, "name"));
    if (name.data == NULL)
        name = json_string(json_get(node, "suite"));
    return name.data != NULL ? name : slice_of(json_key(node));
}

static void add(struct gathered *g, const struct json *node, struct slice model)
{
    struct slice name = name_of(node);
    struct buf label = BUF;
    if (name.data != NULL) {
        buf_slice(&label, name);
        buf_str(&label, " \xC2\xB7 ");
    }
    buf_slice(&label, model);
    g->rows[g->n++] = (struct chart_interval){
        .label = arena_strdup(&g->arena, buf_text(&label)),
        .value = json_number(json_get(node, "accuracy"), 0),
        .low = json_number(json_get(node, "low"), (double)NAN),
        .high = json_number(json_get(node, "high"), (double)NAN),
    };
    buf_free(&label);
}

static void gather(struct gathered *g, const struct json *node, struct slice model)
{
    if (json_type(json_get(node, "accuracy")) == JSON_NUMBER && g->n < MOST)
        add(g, node, model);
    for (const struct json *child = json_first(node); child != NULL; child = json_next(child))
        gather(g, child, model);
}

/* Tasks together, the models in the order they were evaluated. */
static void group_tasks(struct gathered *g)
{
    for (size_t i = 1; i < g->n; i++) {
        struct chart_interval row = g->rows[i];
        size_t k = i, len = strcspn(row.label, "\xC2");
        while (k > 0 && strncmp(g->rows[k - 1].label, row.label, len) > 0) {
            g->rows[k] = g->rows[k - 1];
            k--;
        }
        g->rows[k] = row;
    }
}

/* Replies that were drawn are another measurement than greedy ones. */
static void gather_one(struct gathered *g, const struct json *evaluation)
{
    const double temperature = json_number(json_path(evaluation, "metrics.temperature"), 0);
    struct buf model = BUF;
    buf_slice(&model, json_string(json_get(evaluation, "model")));
    if (temperature > 0) {
        buf_str(&model, " at ");
        number_short(&model, temperature);
    }
    gather(g, json_get(evaluation, "metrics"), buf_view(&model));
    buf_free(&model);
}

static void write_numbers(struct buf *out, const struct json *metrics)
{
    for (const struct json *m = json_first(metrics); m != NULL; m = json_next(m)) {
        if (json_type(m) != JSON_NUMBER || json_key(m) == NULL)
            continue;
        buf_str(out, "<span class=\"tag\">");
        html_str(out, json_key(m));
        buf_char(out, ' ');
        number_short(out, json_number(m, 0));
        buf_str(out, "</span> ");
    }
}

static void write_table(struct buf *out, const struct json *evaluations)
{
    buf_str(out, "<div class=\"scroll\"><table><thead><tr><th>Model</th><th>Suite</th>"
                 "<th>Numbers</th></tr></thead><tbody>\n");
    for (const struct json *e = json_first(evaluations); e != NULL; e = json_next(e)) {
        buf_str(out, "<tr><td>");
        html_text(out, json_string(json_get(e, "model")));
        buf_str(out, "</td><td>");
        html_text(out, json_string(json_get(e, "suite")));
        buf_str(out, "</td><td>");
        write_numbers(out, json_get(e, "metrics"));
        buf_str(out, "</td></tr>\n");
    }
    buf_str(out, "</tbody></table></div>\n");
}

static int write_section(const struct report *r, struct buf *out, struct error *error)
{
    struct json *evaluations = statistics_evaluations(r->c, error);
    struct gathered g = {.n = 0, .arena = ARENA};
    int rc = evaluations == NULL ? -1 : json_first(evaluations) != NULL;
    if (rc != 1) {
        json_free(evaluations);
        return rc;
    }
    for (const struct json *e = json_first(evaluations); e != NULL; e = json_next(e))
        gather_one(&g, e);
    write_table(out, evaluations);
    group_tasks(&g);
    if (g.n != 0) {
        buf_str(out, "<div class=\"grid\">\n");
        chart_intervals(out, "Accuracy, with 95 % intervals", g.rows, g.n);
        buf_str(out, "</div>\n");
    }
    arena_free(&g.arena);
    json_free(evaluations);
    return 1;
}

const struct section section_evaluation = {"evaluation", "Evaluation", write_section};
