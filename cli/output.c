#include "cli/output.h"

#include "cli/table.h"
#include "core/clock.h"
#include "core/json.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum color { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

static struct {
    bool json, quiet, no_progress, drawn; /* drawn: an unfinished bar stands on the terminal */
    enum color color;
} out;

void output_configure(const struct arguments *args)
{
    const char *when = arguments_text(args, "color");
    const char *no_color = getenv("NO_COLOR");
    out.json = arguments_flag(args, "json");
    out.quiet = arguments_flag(args, "quiet");
    out.no_progress = out.quiet || arguments_flag(args, "no-progress");
    out.color = COLOR_AUTO;
    if (strcmp(when, "always") == 0)
        out.color = COLOR_ALWAYS;
    else if (strcmp(when, "never") == 0 || (no_color != NULL && no_color[0] != '\0'))
        out.color = COLOR_NEVER;
}

bool output_json(void)
{
    return out.json;
}

bool output_quiet(void)
{
    return out.quiet;
}

bool output_color_on(int fd)
{
    const char *term = getenv("TERM");
    if (out.color != COLOR_AUTO)
        return out.color == COLOR_ALWAYS;
    return isatty(fd) && term != NULL && strcmp(term, "dumb") != 0;
}

static int columns_of(int fd)
{
    struct winsize size;
    if (!isatty(fd))
        return 0;
    if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return 80;
    return size.ws_col;
}

/* ---- stdout -------------------------------------------------------------------------------- */

int output_write(struct slice text, struct error *error)
{
    while (text.len > 0) {
        ssize_t n = write(STDOUT_FILENO, text.data, text.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EPIPE) { /* the reader has seen enough: end as other tools do */
            signal(SIGPIPE, SIG_DFL);
            raise(SIGPIPE);
        }
        if (n < 0)
            return error_system(error, errno, "standard output");
        text = slice_sub(text, (size_t)n, text.len);
    }
    return 0;
}

int output_report(const struct buf *report, struct error *error)
{
    struct buf text = BUF;
    struct json *root = NULL;
    int rc = 0;
    if (report->len == 0)
        return 0;
    if (out.json) {
        buf_slice(&text, slice_trim(buf_view(report)));
        buf_char(&text, '\n');
    } else if ((root = json_parse(buf_view(report), JSON_REPAIR, error)) == NULL) {
        rc = error_wrap(error, "the report of the stage");
    } else {
        table_report(root, columns_of(STDOUT_FILENO), output_color_on(STDOUT_FILENO), &text);
    }
    if (rc == 0 && !(out.quiet && !out.json))
        rc = output_write(buf_view(&text), error);
    json_free(root);
    buf_free(&text);
    return rc;
}

void output_heading(const char *format, ...)
{
    char line[256];
    struct buf text = BUF;
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    buf_printf(&text, output_color_on(STDOUT_FILENO) ? "\x1b[1m== %s\x1b[0m\n" : "== %s\n", line);
    if (!out.json && !out.quiet)
        (void)output_write(buf_view(&text), NULL);
    buf_free(&text);
}

/* ---- stderr -------------------------------------------------------------------------------- */

/* Outside data may stand in a message: no byte of it may steer the terminal or end the line. */
static void visible(struct buf *b, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c < 0x20 || c == 0x7F)
            buf_printf(b, "\\x%02X", c);
        else
            buf_char(b, (char)c);
    }
}

/* An unfinished bar gives way to a line. */
static void wipe_bar(struct buf *b)
{
    if (out.drawn)
        buf_str(b, "\r\x1b[K");
    out.drawn = false;
}

static void to_stderr(struct slice line, bool problem)
{
    struct buf b = BUF;
    bool red = problem && output_color_on(STDERR_FILENO);
    wipe_bar(&b);
    buf_str(&b, red ? "\x1b[31mretort:\x1b[0m " : "retort: ");
    visible(&b, line);
    buf_char(&b, '\n');
    (void)!write(STDERR_FILENO, b.data, b.len);
    buf_free(&b);
}

void output_note(const char *format, ...)
{
    char line[1024];
    va_list ap;
    if (out.quiet)
        return;
    va_start(ap, format);
    (void)vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    to_stderr(slice_of(line), false);
}

void output_line(const char *text)
{
    struct buf b = BUF;
    if (out.quiet)
        return;
    wipe_bar(&b);
    buf_printf(&b, "%s\n", text);
    (void)!write(STDERR_FILENO, b.data, b.len);
    buf_free(&b);
}

void output_prompt(const char *text)
{
    if (!out.quiet)
        (void)!write(STDERR_FILENO, text, strlen(text));
}

void output_problem(const char *text)
{
    to_stderr(slice_of(text), true);
}

void output_problems(const struct buf *lines)
{
    struct slice rest = buf_view(lines);
    while (rest.len > 0) {
        size_t n = slice_find(rest, SLICE("\n"));
        if (n > 0)
            to_stderr(slice_sub(rest, 0, n), true);
        rest = slice_sub(rest, n + 1, rest.len);
    }
}

enum exit_status output_status(const struct error *error)
{
    if (error->code == ERROR_USAGE)
        return STATUS_USAGE;
    if (error->code == ERROR_PARTIAL)
        return STATUS_PARTIAL;
    if (error->code == ERROR_INTERRUPTED)
        return STATUS_INTERRUPTED;
    return STATUS_FAILED;
}

/* ---- progress ------------------------------------------------------------------------------ */

static void draw_bar(void *context, const struct progress_state *state, bool last)
{
    struct buf b = BUF;
    const struct progress *p = context;
    double seconds = (double)(clock_ns() - p->started_ns) * 1e-9;
    buf_char(&b, '\r');
    progress_format(state, seconds, columns_of(STDERR_FILENO), true, &b);
    buf_str(&b, last ? "\x1b[K\n" : "\x1b[K");
    out.drawn = !last;
    (void)!write(STDERR_FILENO, b.data, b.len);
    buf_free(&b);
}

static void draw_line(void *context, const struct progress_state *state, bool last)
{
    struct buf b = BUF;
    const struct progress *p = context;
    double seconds = (double)(clock_ns() - p->started_ns) * 1e-9;
    if (last && seconds < 2) /* over before anybody could wonder: the report says it all */
        return;
    progress_format(state, seconds, 0, false, &b);
    buf_char(&b, '\n');
    (void)!write(STDERR_FILENO, b.data, b.len);
    buf_free(&b);
}

struct progress *output_progress(void)
{
    static struct progress p;
    bool bar = isatty(STDERR_FILENO) && output_color_on(STDERR_FILENO);
    if (out.no_progress)
        return NULL;
    p = (struct progress){
        .draw = bar ? draw_bar : draw_line,
        .context = &p,
        .started_ns = clock_ns(),
        .drawn_ns = bar ? 0 : clock_ns(), /* plain lines: the first after its time */
        .every_ns = bar ? 100000000 : 5000000000,
    };
    return &p;
}
