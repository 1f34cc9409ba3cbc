#include "report/report.h"

#include "report/html.h"
#include "report/number.h"
#include "report/section.h"

#include "core/clock.h"
#include "core/embedded.h"
#include "core/version.h"
#include "corpus/statistics.h"
#include "corpus/status.h"

#include <string.h>

enum { ROWS = 1000 };

static const struct section *const sections[] = {
    &section_funnel,   &section_removed,    &section_texts, &section_scores, &section_teacher,
    &section_training, &section_evaluation, &section_rows,  &section_runs,   NULL,
};

double section_number(const struct report *r, const char *path)
{
    return json_number(json_path(r->status, path), 0);
}

static void embed(struct buf *out, const char *path)
{
    const struct embedded_file *f = embedded_find(path);
    buf_add(out, f->data, f->size);
}

static const char *name_of(const struct report *r, const struct report_options *o)
{
    const char *path = corpus_path(r->c), *slash = strrchr(path, '/');
    return o->title != NULL ? o->title : slash != NULL ? slash + 1 : path;
}

static void head(const struct report *r, const struct report_options *o, struct buf *out)
{
    char now[32];
    clock_iso(clock_wall_ms(), now);
    buf_str(out, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
                 "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                 "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                 "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n"
                 "<meta name=\"color-scheme\" content=\"light dark\">\n");
    if (o->refresh_s > 0)
        buf_printf(out, "<meta http-equiv=\"refresh\" content=\"%d\">\n", o->refresh_s);
    buf_str(out, "<title>");
    html_str(out, name_of(r, o));
    buf_str(out, " \xC2\xB7 retort</title>\n<style>\n");
    embed(out, "schemas/embed/report.css");
    buf_str(out, "</style></head><body>\n<header><h1>");
    html_str(out, name_of(r, o));
    buf_printf(out, "</h1><p>Report of %s, retort %s</p></header>\n<main>\n", now, RETORT_VERSION);
}

static void tile(struct buf *out, const char *name, struct buf *value, struct buf *note)
{
    buf_str(out, "<div class=\"tile\"><span>");
    html_str(out, name);
    buf_str(out, "</span><b>");
    html_text(out, buf_view(value));
    buf_str(out, "</b><small>");
    html_text(out, buf_view(note));
    buf_str(out, "</small></div>\n");
    buf_clear(value);
    buf_clear(note);
}

static void tiles(const struct report *r, struct buf *out)
{
    struct buf value = BUF, note = BUF;
    const struct survey *s = r->survey;
    buf_str(out, "<div class=\"tiles\">\n");
    number_whole(&value, (int64_t)section_number(r, "rows.kept"));
    buf_str(&note, "of ");
    number_whole(&note, (int64_t)section_number(r, "rows.total"));
    buf_str(&note, ", ");
    number_percent(&note, section_number(r, "rows.kept"), section_number(r, "rows.total"));
    tile(out, "Rows kept", &value, &note);
    number_whole(&value, (int64_t)section_number(r, "requests.answered"));
    buf_str(&note, "of ");
    number_whole(&note, (int64_t)section_number(r, "requests.total"));
    buf_str(&note, " requests");
    tile(out, "Replies", &value, &note);
    number_usd(&value, section_number(r, "usd.spent"));
    number_short(&note, section_number(r, "tokens.input"));
    buf_str(&note, " tokens in, ");
    number_short(&note, section_number(r, "tokens.output"));
    buf_str(&note, " out");
    tile(out, "Spent", &value, &note);
    number_whole(&value, s->kept != 0 ? (int64_t)(s->output_sum / s->kept) : 0);
    buf_str(&note, "characters; prompts ");
    number_whole(&note, s->kept != 0 ? (int64_t)(s->prompt_sum / s->kept) : 0);
    tile(out, "Mean reply", &value, &note);
    buf_str(out, "</div>\n");
    buf_free(&value);
    buf_free(&note);
}

static int body(const struct report *r, struct buf *out, struct error *error)
{
    for (const struct section *const *s = sections; *s != NULL; s++) {
        size_t before = out->len;
        int rc;
        buf_printf(out, "<section id=\"%s\"><h2>", (*s)->id);
        html_str(out, (*s)->title);
        buf_str(out, "</h2>\n");
        rc = (*s)->write(r, out, error);
        if (rc < 0)
            return -1;
        if (rc == 1)
            buf_str(out, "</section>\n");
        else
            out->len = before;
    }
    return 0;
}

static int page(const struct report *r, const struct report_options *o, struct buf *out,
                struct error *error)
{
    head(r, o, out);
    tiles(r, out);
    if (body(r, out, error) != 0)
        return -1;
    buf_str(out, "</main>\n<script>\n");
    embed(out, "schemas/embed/report.js");
    buf_str(out, "</script></body></html>\n");
    return out->full ? error_set(error, ERROR_LIMIT,
                                 "the page would be too large; ask for fewer rows with --rows")
                     : 0;
}

int report_html(struct corpus *c, const struct report_options *o, struct progress *progress,
                struct buf *out, struct error *error)
{
    struct survey survey = {0};
    struct json *status = corpus_status(c, error);
    struct json *runs = status != NULL ? statistics_runs(c, error) : NULL;
    const struct report r = {.c = c, .status = status, .runs = runs, .survey = &survey};
    int rc = -1;
    if (runs != NULL && survey_run(c, o->rows != 0 ? o->rows : ROWS, progress, &survey, error) == 0)
        rc = page(&r, o, out, error);
    survey_clear(&survey);
    json_free(runs);
    json_free(status);
    return rc;
}
