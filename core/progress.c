#include "core/progress.h"

#include "core/clock.h"
#include "core/unicode.h"

#include <stdio.h>

static void draw(struct progress *p, const struct progress_state *state, bool last)
{
    p->drawn_ns = clock_ns();
    p->draw(p->context, state, last);
}

void progress_update(struct progress *p, const struct progress_state *state)
{
    int64_t now;
    if (p == NULL || p->draw == NULL)
        return;
    now = clock_ns();
    if (p->started_ns == 0)
        p->started_ns = now;
    if (p->drawn_ns == 0 || now - p->drawn_ns >= p->every_ns)
        draw(p, state, false);
}

void progress_finish(struct progress *p, const struct progress_state *state)
{
    if (p == NULL || p->draw == NULL)
        return;
    if (p->started_ns == 0)
        p->started_ns = clock_ns();
    draw(p, state, true);
}

/* 1234567 as "1,234,567". */
static void add_count(uint64_t n, struct buf *out)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
    for (int i = 0; i < len; i++) {
        if (i != 0 && (len - i) % 3 == 0)
            buf_char(out, ',');
        buf_char(out, digits[i]);
    }
}

static void add_rate(double rate, struct buf *out)
{
    if (rate >= 1000)
        add_count((uint64_t)(rate + 0.5), out);
    else if (rate >= 10)
        buf_printf(out, "%.0f", rate);
    else if (rate >= 1 || rate * 60 < 0.1)
        buf_printf(out, "%.1f", rate);
    else {
        buf_printf(out, "%.1f/min", rate * 60);
        return;
    }
    buf_str(out, "/s");
}

/* Seconds as "0:12", "1:02:03" or "3 d 4 h". */
static void add_duration(double seconds, struct buf *out)
{
    const double longest = 1e9;
    long s = (long)(seconds < longest ? seconds + 0.5 : longest);
    if (s >= 48 * 3600)
        buf_printf(out, "%ld d %ld h", s / 86400, s / 3600 % 24);
    else if (s >= 3600)
        buf_printf(out, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else
        buf_printf(out, "%ld:%02ld", s / 60, s % 60);
}

/* All that stands to the right of the bar. */
static void add_figures(const struct progress_state *s, double seconds, struct buf *out)
{
    double rate = 0;
    if (s->done > s->resumed && seconds > 0)
        rate = (double)(s->done - s->resumed) / seconds;
    add_count(s->done, out);
    if (s->total != 0) {
        uint64_t percent =
            s->done >= s->total ? 100 : (uint64_t)(100.0 * (double)s->done / (double)s->total);
        buf_char(out, '/');
        add_count(s->total, out);
        buf_printf(out, "  %llu %%", (unsigned long long)percent);
    } else if (s->unit != NULL) {
        buf_printf(out, " %s", s->unit);
    }
    if (rate > 0) {
        buf_str(out, "  ");
        add_rate(rate, out);
    }
    if (rate > 0 && s->total > s->done) {
        buf_str(out, "  ETA ");
        add_duration((double)(s->total - s->done) / rate, out);
    }
    if (s->note[0] != '\0')
        buf_printf(out, "  %s", s->note);
}

static int width_of(struct slice s)
{
    int width = 0;
    uint32_t c = 0;
    for (size_t i = 0, n; i < s.len; i += n) {
        n = utf8_decode(s.data + i, s.len - i, &c);
        width += n != 0 ? unicode_width(c) : 1;
        n += n == 0;
    }
    return width;
}

/* Append as much of the text as fits. */
static void add_cut(struct slice s, int columns, struct buf *out)
{
    uint32_t c = 0;
    for (size_t i = 0, n; i < s.len; i += n) {
        n = utf8_decode(s.data + i, s.len - i, &c);
        columns -= n != 0 ? unicode_width(c) : 1;
        n += n == 0;
        if (columns < 0)
            return;
        buf_add(out, s.data + i, n);
    }
}

static void add_bar(const struct progress_state *s, int width, struct buf *out)
{
    int inner = width - 2;
    int full =
        (int)((double)inner * (double)(s->done < s->total ? s->done : s->total) / (double)s->total);
    buf_char(out, '[');
    for (int i = 0; i < inner; i++)
        buf_char(out, i < full ? '=' : i == full ? '>' : ' ');
    buf_char(out, ']');
}

void progress_format(const struct progress_state *state, double seconds, int columns, bool bar,
                     struct buf *out)
{
    enum { LEAST_BAR = 10, MOST_BAR = 40 };
    struct buf head = BUF, figures = BUF;
    int room;
    buf_printf(&head, "%-5s ", state->stage != NULL ? state->stage : "");
    add_figures(state, seconds, &figures);
    room = columns - width_of(buf_view(&head)) - width_of(buf_view(&figures)) - 2;
    if (bar && columns > 0 && state->total != 0 && room >= LEAST_BAR) {
        add_bar(state, room < MOST_BAR ? room : MOST_BAR, &head);
        buf_str(&head, "  ");
    }
    buf_slice(&head, buf_view(&figures));
    if (columns > 0)
        add_cut(buf_view(&head), columns, out);
    else
        buf_slice(out, buf_view(&head));
    buf_free(&head);
    buf_free(&figures);
}
