/*
 * Rows to read, with where they came from and what was said of them.  They stand in the page as
 * JSON; report.js shows, searches and pages them.
 */
#include "report/html.h"
#include "report/number.h"
#include "report/section.h"

#include "corpus/show.h"
#include "corpus/statistics.h"

enum { MAX_TEXT = 4000 };

/* Cut behind a whole character. */
static void cut(struct json *row, const char *key)
{
    struct slice text = json_string(json_get(row, key));
    struct buf shorter = BUF;
    size_t n = MAX_TEXT;
    if (text.len <= MAX_TEXT)
        return;
    while (n != 0 && ((unsigned char)text.data[n] & 0xC0) == 0x80)
        n--;
    buf_add(&shorter, text.data, n);
    buf_printf(&shorter, " \xE2\x80\xA6 (%zu bytes more)", text.len - n);
    json_put_string(row, key, buf_view(&shorter));
    buf_free(&shorter);
}

/* What is said in other words, or too long for a page. */
static int slim(const struct report *r, struct json *row, struct error *error)
{
    static const char *const dropped[] = {"reply",   "attempts", "prompt",
                                          "request", "teacher",  NULL};
    static const char *const texts[] = {"system", "instruction", "input",
                                        "output", "reasoning",   NULL};
    struct json *origin = NULL;
    int64_t request;
    if (json_integer(json_path(row, "request.id"), &request) == 0) {
        origin = statistics_origin(r->c, request, error);
        if (origin == NULL)
            return -1;
    }
    for (size_t i = 0; dropped[i] != NULL; i++)
        json_remove(row, dropped[i]);
    for (size_t i = 0; texts[i] != NULL; i++)
        cut(row, texts[i]);
    if (origin != NULL)
        json_put(row, "origin", origin);
    return 0;
}

static int one_row(const struct report *r, int64_t id, struct buf *out, struct error *error)
{
    struct json *row = NULL;
    int rc = show_number(r->c, id, &row, error);
    if (rc <= 0)
        return rc;
    rc = slim(r, row, error);
    if (rc == 0)
        html_json(out, row);
    json_free(row);
    return rc;
}

static const char *const controls =
    "<form id=\"find\" hidden><input type=\"search\" id=\"words\" placeholder=\"Search the rows\" "
    "aria-label=\"Search the rows\"><select id=\"which\" aria-label=\"Which rows\">"
    "<option value=\"\">all rows</option><option value=\"kept\">kept</option>"
    "<option value=\"removed\">removed</option></select><select id=\"rule\" aria-label=\"Rule\">"
    "<option value=\"\">any rule</option></select><output id=\"hits\"></output></form>\n"
    "<div id=\"list\"><noscript><p>Reading the rows needs scripts; the page loads nothing from "
    "elsewhere.</p></noscript></div>\n<p id=\"pager\" hidden><button type=\"button\" id=\"before\">"
    "Before</button> <span id=\"page\"></span> <button type=\"button\" "
    "id=\"next\">Next</button></p>\n";

static int write_section(const struct report *r, struct buf *out, struct error *error)
{
    const struct survey *s = r->survey;
    if (s->total == 0)
        return 0;
    if (s->n_chosen < s->total) {
        buf_str(out, "<p>An even choice of ");
        number_whole(out, (int64_t)s->n_chosen);
        buf_str(out, " of ");
        number_whole(out, (int64_t)s->total);
        buf_str(out, " rows; <code>retort show</code> shows any other.</p>\n");
    }
    buf_str(out, controls);
    buf_str(out, "<script type=\"application/json\" id=\"rows-data\">[");
    for (size_t i = 0; i < s->n_chosen; i++) {
        if (i != 0)
            buf_str(out, ",\n");
        if (one_row(r, s->chosen[i], out, error) < 0)
            return -1;
    }
    buf_str(out, "]</script>\n");
    return 1;
}

const struct section section_rows = {"rows", "Reading the rows", write_section};
