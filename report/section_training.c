/* Loss and held-out loss by step, speed, checkpoints: a part for each training folder. */
#include "report/chart.h"
#include "report/curves.h"
#include "report/html.h"
#include "report/number.h"
#include "report/section.h"

#include "core/file.h"
#include "core/mem.h"
#include "corpus/statistics.h"

#include <string.h>

static void draw(struct buf *out, const struct curves *c)
{
    const struct chart_series loss[] = {
        {"training loss", c->loss.x, c->loss.y, c->loss.n},
        {"held-out loss", c->held_out.x, c->held_out.y, c->held_out.n},
    };
    const struct chart_series speed = {"tokens a second", c->tokens_per_s.x, c->tokens_per_s.y,
                                       c->tokens_per_s.n};
    size_t first = c->loss.n == 0 ? 1 : 0;
    size_t n = c->loss.n != 0 && c->held_out.n != 0 ? 2 : 1;
    buf_str(out, "<div class=\"grid\">\n");
    chart_lines(out, "Loss", "step", loss + first, n);
    chart_lines(out, "Tokens a second", "step", &speed, 1);
    buf_str(out, "</div>\n");
}

static void metrics_row(struct buf *out, const struct json *point)
{
    buf_str(out, "<tr><td class=\"n\">");
    json_number_text(json_get(point, "run_id"), out);
    buf_str(out, "</td><td class=\"n\">");
    json_number_text(json_get(point, "step"), out);
    buf_str(out, "</td><td>");
    for (const struct json *m = json_first(json_get(point, "metrics")); m != NULL;
         m = json_next(m)) {
        if (json_type(m) != JSON_NUMBER || strcmp(json_key(m), "step") == 0)
            continue;
        buf_str(out, "<span class=\"tag\">");
        html_str(out, json_key(m));
        buf_char(out, ' ');
        number_short(out, json_number(m, 0));
        buf_str(out, "</span> ");
    }
    buf_str(out, "</td><td><code>");
    html_text(out, json_string(json_get(point, "path")));
    buf_str(out, "</code></td></tr>\n");
}

/* The folder that a checkpoint lies in. */
static struct slice folder_of(const struct json *point)
{
    struct slice path = json_string(json_get(point, "path"));
    size_t n = path.len;
    while (n != 0 && path.data[n - 1] != '/')
        n--;
    return slice_sub(path, 0, n);
}

/* Training notes its folders as it was told them: relative ones are looked for beside the dataset,
 * then where this runs. */
static bool find_curves(const struct report *r, const char *path, struct curves *out)
{
    char *folder = file_dir(corpus_path(r->c)), *beside = file_join(folder, path);
    const bool found = curves_read(out, beside) || curves_read(out, path);
    mem_free(beside);
    mem_free(folder);
    return found;
}

/* The part of `first` and of the later checkpoints in the same folder. */
static void one_training(const struct report *r, struct buf *out, const struct json *first)
{
    struct curves curves = {0}, remembered = {0};
    struct slice folder = folder_of(first);
    buf_str(out, "<details><summary>Checkpoints</summary><div class=\"scroll\"><table><thead><tr>"
                 "<th class=\"n\">Run</th><th class=\"n\">Step</th><th>Numbers</th><th>Folder</th>"
                 "</tr></thead><tbody>\n");
    for (const struct json *p = first; p != NULL; p = json_next(p))
        if (slice_equal(folder_of(p), folder)) {
            metrics_row(out, p);
            curves_line(&remembered, json_get(p, "metrics"));
        }
    buf_str(out, "</tbody></table></div></details>\n");
    if (find_curves(r, json_text(json_get(first, "path"), ""), &curves))
        draw(out, &curves);
    else
        draw(out, &remembered);
    curves_clear(&curves);
    curves_clear(&remembered);
}

static bool is_first(const struct json *list, const struct json *point)
{
    for (const struct json *p = json_first(list); p != point; p = json_next(p))
        if (slice_equal(folder_of(p), folder_of(point)))
            return false;
    return true;
}

/* Does a later run train the same folder again? */
static bool is_last(const struct json *run, const char *folder)
{
    for (const struct json *later = json_next(run); later != NULL; later = json_next(later))
        if (strcmp(json_text(json_path(later, "summary.out"), ""), folder) == 0)
            return false;
    return true;
}

/* A run that kept no checkpoints: what its folder tells.  Whether there was something. */
static bool run_without(const struct report *r, const struct json *run, struct buf *out)
{
    const char *folder = json_text(json_path(run, "summary.out"), "");
    struct curves curves = {0};
    bool found = false;
    if (folder[0] != '\0' && is_last(run, folder) && find_curves(r, folder, &curves)) {
        draw(out, &curves);
        found = true;
    }
    curves_clear(&curves);
    return found;
}

static bool has_checkpoints(const struct json *list, const struct json *run)
{
    for (const struct json *p = json_first(list); p != NULL; p = json_next(p))
        if (json_number(json_get(p, "run_id"), 0) == json_number(json_get(run, "id"), -1))
            return true;
    return false;
}

static int write_section(const struct report *r, struct buf *out, struct error *error)
{
    struct json *list = statistics_checkpoints(r->c, error);
    int rc = list == NULL ? -1 : json_first(list) != NULL;
    for (const struct json *run = json_first(r->runs); rc >= 0 && run != NULL; run = json_next(run))
        if (strcmp(json_text(json_get(run, "stage"), ""), "train") == 0 &&
            !has_checkpoints(list, run) && run_without(r, run, out))
            rc = 1;
    for (const struct json *p = json_first(list); p != NULL; p = json_next(p))
        if (is_first(list, p))
            one_training(r, out, p);
    json_free(list);
    return rc;
}

const struct section section_training = {"training", "Training", write_section};
