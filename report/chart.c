#include "report/chart.h"

#include "report/html.h"
#include "report/number.h"

#include <math.h>
#include <stdbool.h>

/*
 *  ┌ 0 ──────────────────────────────── WIDTH ┐
 *  │ LEFT ┌────────── plot ───────────┐ RIGHT │ TOP
 *  │      │                           │       │
 *  │      └───────────────────────────┘       │ HEIGHT - BOTTOM
 *  │        labels of x                       │
 */
enum { WIDTH = 360, HEIGHT = 190, LEFT = 40, RIGHT = 16, TOP = 10, BOTTOM = 34 };
enum { ROW = 30, SEEN = 240 };

static const double plot_width = WIDTH - LEFT - RIGHT, plot_height = HEIGHT - TOP - BOTTOM;

static void open_figure(struct buf *out, const char *title, int height)
{
    buf_str(out, "<figure><figcaption>");
    html_str(out, title);
    buf_printf(out, "</figcaption><svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", WIDTH,
               height);
    html_str(out, title);
    buf_str(out, "\">\n");
}

static void close_figure(struct buf *out)
{
    buf_str(out, "</svg></figure>\n");
}

static void legend(struct buf *out, const char *const *names, size_t n)
{
    buf_str(out, "<p class=\"legend\">");
    for (size_t i = 0; i < n; i++) {
        buf_printf(out, "<span><i class=\"%c\"></i>", (char)('a' + i));
        html_str(out, names[i]);
        buf_str(out, "</span>");
    }
    buf_str(out, "</p>");
}

static void write_value(struct buf *out, double x, enum chart_unit unit)
{
    if (unit == CHART_MS)
        number_seconds(out, x / 1e3);
    else
        number_short(out, x);
}

static void label(struct buf *out, double x, double y, const char *anchor, double value,
                  enum chart_unit unit)
{
    buf_printf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor);
    write_value(out, value, unit);
    buf_str(out, "</text>");
}

static void axis_name(struct buf *out, const char *name)
{
    buf_printf(out, "<text class=\"axis\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">",
               LEFT + (int)plot_width / 2, HEIGHT - 4);
    html_str(out, name);
    buf_str(out, "</text>");
}

/* Lines across and their values, from low to high. */
static void grid(struct buf *out, double low, double high)
{
    double step = number_step(high - low, 4);
    for (double v = ceil(low / step) * step; v <= high + step * 1e-9; v += step) {
        double y = TOP + plot_height * (1 - (v - low) / (high - low));
        buf_printf(out, "<path class=\"grid\" d=\"M%d %.1fH%d\"/>", LEFT, y, WIDTH - RIGHT);
        label(out, LEFT - 5, y + 3.5, "end", fabs(v) < step * 1e-9 ? 0 : v, CHART_NUMBER);
    }
    buf_char(out, '\n');
}

/* ---- histograms ---- */

static uint64_t height_of(const struct chart_histogram *h, size_t i)
{
    return h->a[i] + (h->b != NULL ? h->b[i] : 0);
}

static void one_bar(struct buf *out, char series, double x, double width, double top, double bottom)
{
    if (bottom - top <= 0)
        return;
    buf_printf(out, "<rect class=\"%c\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>",
               series, x, top, width, bottom - top);
}

static void one_bin(struct buf *out, const struct chart_histogram *h, size_t i, double x,
                    double width, double scale)
{
    double base = TOP + plot_height;
    double middle = base - (double)h->a[i] * scale, top = base - (double)height_of(h, i) * scale;
    buf_str(out, "<g><title>");
    write_value(out, h->edges[i], h->unit);
    buf_str(out, " to ");
    write_value(out, h->edges[i + 1], h->unit);
    buf_str(out, ": ");
    number_whole(out, (int64_t)h->a[i]);
    if (h->b != NULL) {
        buf_char(out, ' ');
        html_str(out, h->name_a);
        buf_str(out, ", ");
        number_whole(out, (int64_t)h->b[i]);
        buf_char(out, ' ');
        html_str(out, h->name_b);
    }
    buf_printf(out,
               "</title><rect class=\"hit\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%.1f\"/>",
               x, TOP, width, plot_height);
    one_bar(out, 'a', x + 0.75, width - 1.5, middle, base);
    one_bar(out, 'b', x + 0.75, width - 1.5, top, middle - (h->a[i] != 0 ? 1 : 0));
    buf_str(out, "</g>\n");
}

static void draw_bins(struct buf *out, const struct chart_histogram *h, size_t from, size_t to)
{
    double width = plot_width / (double)(to - from), step;
    uint64_t most = 1;
    size_t stride = h->stride, every = (to - from + 5) / 6;
    if (stride != 0)
        every = (every + stride - 1) / stride * stride;
    for (size_t i = from; i < to; i++)
        most = height_of(h, i) > most ? height_of(h, i) : most;
    step = number_step((double)most, 4);
    step = ceil((double)most / step) * step; /* the top line */
    grid(out, 0, step);
    for (size_t i = from; i < to; i++)
        if (height_of(h, i) != 0)
            one_bin(out, h, i, LEFT + width * (double)(i - from), width, plot_height / step);
    for (size_t i = from; i <= to; i++)
        if (i % every == (stride != 0 ? h->phase : from % every))
            label(out, LEFT + width * (double)(i - from), HEIGHT - BOTTOM + 14, "middle",
                  h->edges[i], h->unit);
    axis_name(out, h->axis);
}

void chart_histogram(struct buf *out, const struct chart_histogram *h)
{
    const char *const names[] = {h->name_a, h->name_b};
    size_t from = 0, to = h->n;
    while (from < to && height_of(h, from) == 0)
        from++;
    while (to > from && height_of(h, to - 1) == 0)
        to--;
    if (from == to)
        return;
    open_figure(out, h->title, HEIGHT);
    draw_bins(out, h, from, to);
    close_figure(out);
    if (h->b != NULL) {
        out->len -= sizeof "</figure>\n" - 1; /* the legend belongs inside */
        legend(out, names, 2);
        buf_str(out, "</figure>\n");
    }
}

/* ---- lines ---- */

struct range {
    double x0, x1, y0, y1;
};

static struct range range_of(const struct chart_series *s, size_t n)
{
    struct range r = {(double)INFINITY, -(double)INFINITY, (double)INFINITY, -(double)INFINITY};
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < s[k].n; i++) {
            if (!isfinite(s[k].x[i]) || !isfinite(s[k].y[i]))
                continue;
            r.x0 = fmin(r.x0, s[k].x[i]);
            r.x1 = fmax(r.x1, s[k].x[i]);
            r.y0 = fmin(r.y0, s[k].y[i]);
            r.y1 = fmax(r.y1, s[k].y[i]);
        }
    if (r.x1 <= r.x0)
        r.x1 = r.x0 + 1;
    if (r.y0 > 0 && r.y0 < 0.4 * r.y1)
        r.y0 = 0;
    if (r.y1 <= r.y0)
        r.y1 = r.y0 + (fabs(r.y0) > 0 ? 0.1 * fabs(r.y0) : 1);
    return r;
}

static double place_x(const struct range *r, double x)
{
    return LEFT + plot_width * (x - r->x0) / (r->x1 - r->x0);
}

static double place_y(const struct range *r, double y)
{
    return TOP + plot_height * (1 - (y - r->y0) / (r->y1 - r->y0));
}

/* Points of one line: each the mean of as many neighbours as share a place. */
static void one_line(struct buf *out, char series, const struct chart_series *s,
                     const struct range *r)
{
    size_t each = (s->n + SEEN - 1) / SEEN;
    bool pen = false;
    buf_printf(out, "<path class=\"line %c\" d=\"", series);
    for (size_t i = 0; i < s->n; i += each) {
        double x = 0, y = 0, n = 0;
        for (size_t k = i; k < i + each && k < s->n; k++)
            if (isfinite(s->y[k])) {
                x += s->x[k];
                y += s->y[k];
                n++;
            }
        if (n > 0)
            buf_printf(out, "%c%.1f %.1f", pen ? 'L' : 'M', place_x(r, x / n), place_y(r, y / n));
        pen = n > 0;
    }
    buf_str(out, "\"/>\n");
}

/* Dots to point at: a few of a long line, all of a short one. */
static void dots(struct buf *out, char series, const struct chart_series *s, const struct range *r)
{
    size_t each = (s->n + 39) / 40;
    for (size_t i = 0; i < s->n; i += each) {
        if (!isfinite(s->y[i]))
            continue;
        buf_printf(out, "<circle class=\"%c%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"%s\"><title>", series,
                   s->n > 40 ? " faint" : "", place_x(r, s->x[i]), place_y(r, s->y[i]),
                   s->n > 40 ? "5" : "3");
        html_str(out, s->name);
        buf_str(out, " ");
        number_short(out, s->y[i]);
        buf_str(out, " at ");
        number_short(out, s->x[i]);
        buf_str(out, "</title></circle>");
    }
    buf_char(out, '\n');
}

void chart_lines(struct buf *out, const char *title, const char *axis,
                 const struct chart_series *series, size_t n)
{
    const char *names[CHART_SERIES];
    struct range r = range_of(series, n);
    double step;
    if (!isfinite(r.x0) || n > CHART_SERIES)
        return;
    open_figure(out, title, HEIGHT);
    grid(out, r.y0, r.y1);
    step = number_step(r.x1 - r.x0, 5);
    for (double x = ceil(r.x0 / step) * step; x <= r.x1 + step * 1e-9; x += step)
        label(out, place_x(&r, x), HEIGHT - BOTTOM + 14, "middle", x, CHART_NUMBER);
    for (size_t i = 0; i < n; i++) {
        names[i] = series[i].name;
        one_line(out, (char)('a' + i), &series[i], &r);
        dots(out, (char)('a' + i), &series[i], &r);
    }
    axis_name(out, axis);
    close_figure(out);
    if (n > 1) {
        out->len -= sizeof "</figure>\n" - 1;
        legend(out, names, n);
        buf_str(out, "</figure>\n");
    }
}

/* ---- intervals ---- */

static void one_interval(struct buf *out, const struct chart_interval *v, double y)
{
    double left = 8, width = WIDTH - 16 - 44;
    buf_printf(out, "<text class=\"name\" x=\"%.0f\" y=\"%.0f\">", left, y - 9);
    html_str(out, v->label);
    buf_printf(out, "</text><path class=\"grid\" d=\"M%.0f %.1fh%.0f\"/>", left, y, width);
    if (!isnan(v->low))
        buf_printf(out, "<path class=\"interval a\" d=\"M%.1f %.1fH%.1f\"/>", left + width * v->low,
                   y, left + width * v->high);
    buf_printf(out, "<circle class=\"a\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"><title>",
               left + width * v->value, y);
    number_percent(out, v->value, 1);
    if (!isnan(v->low)) {
        buf_str(out, ", 95 % between ");
        number_percent(out, v->low, 1);
        buf_str(out, " and ");
        number_percent(out, v->high, 1);
    }
    buf_printf(out,
               "</title></circle><text class=\"value\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">",
               WIDTH - 4, y + 4);
    number_percent(out, v->value, 1);
    buf_str(out, "</text>\n");
}

void chart_intervals(struct buf *out, const char *title, const struct chart_interval *rows,
                     size_t n)
{
    if (n == 0)
        return;
    open_figure(out, title, (int)n * ROW + 6);
    for (size_t i = 0; i < n; i++)
        one_interval(out, &rows[i], 22 + (double)i * ROW);
    close_figure(out);
}

void chart_bar(struct buf *out, char series, double part, double whole)
{
    double percent = whole > 0 ? 100 * part / whole : 0;
    if (percent > 0 && percent < 0.4)
        percent = 0.4; /* what is there is seen */
    buf_printf(out, "<div class=\"bar\"><div class=\"%c\" style=\"width:%.2f%%\"></div></div>",
               series, fmin(percent, 100));
}
