/*
 * Charts as inline SVG.  Each is a figure of its own, drawn for the width of a phone; colours come
 * from the page's style (--a, --b, …), so that light and dark both work; each mark says its value
 * in words when pointed at (<title>).
 */
#ifndef REPORT_CHART_H
#define REPORT_CHART_H

#include "core/buf.h"

#include <stddef.h>
#include <stdint.h>

enum chart_unit { CHART_NUMBER, CHART_MS };

/* Bars of equal width over n bins; edges[n + 1].  b NULL: one series.  Empty bins at both ends are
 * left out. */
struct chart_histogram {
    const char *title, *axis;
    const double *edges;
    const uint64_t *a, *b;
    const char *name_a, *name_b;
    size_t n;
    size_t stride, phase; /* edges worth a label: index % stride == phase; stride 0: any */
    enum chart_unit unit;
};
void chart_histogram(struct buf *out, const struct chart_histogram *h);

struct chart_series {
    const char *name;
    const double *x, *y; /* x ascends; y may hold NAN (a gap) */
    size_t n;
};
enum { CHART_SERIES = 4 };
/* At most CHART_SERIES lines.  Many points are thinned to what can be seen. */
void chart_lines(struct buf *out, const char *title, const char *axis,
                 const struct chart_series *series, size_t n);

/* One dot with its interval a row, on a scale from 0 to 1. */
struct chart_interval {
    const char *label;
    double value, low, high; /* low NAN: no interval */
};
void chart_intervals(struct buf *out, const char *title, const struct chart_interval *rows,
                     size_t n);

/* A horizontal bar of the page (no SVG): `part` of `whole`, in the colour of series 'a', 'b' … */
void chart_bar(struct buf *out, char series, double part, double whole);

#endif
