/*
 * Standard output and standard error of the program: results, notes, errors, colour.
 * Results go to stdout; everything else to stderr.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include "cli/arguments.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/progress.h"

#include <stdbool.h>

/* Reads --json, --quiet, --no-progress, --color and the environment, once. */
void output_configure(const struct arguments *args);
bool output_json(void);
bool output_quiet(void);
bool output_color_on(int fd); /* whether to colour what goes to that descriptor */

/* Results to stdout.  A failed write (a full disk, a closed pipe) is an error. */
int output_write(struct slice text, struct error *error);
/* One stage's report, a JSON object: as it is with --json, else as tables (cli/table.h). */
int output_report(const struct buf *report, struct error *error);

/* A heading between reports, bold on a terminal; not with --json or --quiet. */
void output_heading(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A line to stderr, "retort: ..."; not with --quiet. */
void output_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A line of a running stage to stderr, as it is; not with --quiet. */
void output_line(const char *text);
/* Text to stderr without a newline, where a person is to type; not with --quiet. */
void output_prompt(const char *text);
/* "retort: text" to stderr, control characters made visible; always. */
void output_problem(const char *text);
/* Every line of the buffer as a problem. */
void output_problems(const struct buf *lines);
enum exit_status output_status(const struct error *error);

/* A sink for progress: a bar on a terminal, a plain line every five seconds otherwise, or NULL
 * where none is wanted.  One at a time. */
struct progress *output_progress(void);

#endif
