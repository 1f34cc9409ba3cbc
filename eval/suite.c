#include "eval/suite.h"

#include "core/file.h"
#include "core/mem.h"
#include "core/vec.h"
#include "eval/formats.h"

#include <stdio.h>
#include <string.h>

enum { LINE_MAX_BYTES = 1 << 24 };

/* retort's own comes last: its keys are the most general. */
const struct suite_format *const suite_formats[] = {
    &format_ifeval, &format_mtbench, &format_gsm8k, &format_math500, &format_retort, NULL,
};

struct suite_item *suite_add(struct suite *s)
{
    s->items = vec_reserve(s->items, &s->cap, s->n + 1, sizeof *s->items);
    memset(&s->items[s->n], 0, sizeof *s->items);
    return &s->items[s->n++];
}

struct json *suite_messages(struct slice system, struct slice prompt)
{
    struct json *messages = json_new_array(), *m;
    if (system.data != NULL) {
        m = json_new_object();
        json_put_text(m, "role", "system");
        json_put_string(m, "content", system);
        json_push(messages, m);
    }
    m = json_new_object();
    json_put_text(m, "role", "user");
    json_put_string(m, "content", prompt);
    json_push(messages, m);
    return messages;
}

char *suite_text(const struct json *node, const char *fallback, size_t number)
{
    struct slice s = json_string(node);
    struct buf b = BUF_MAX(1 << 16);
    if (s.data != NULL)
        buf_slice(&b, s);
    else if (json_type(node) == JSON_NUMBER)
        json_number_text(node, &b);
    else
        buf_printf(&b, "%s%zu", fallback, number);
    return buf_take(&b);
}

static const struct suite_format *format_of(const struct json *line, const char *name,
                                            struct error *error)
{
    for (size_t i = 0; suite_formats[i] != NULL; i++)
        if (name != NULL ? strcmp(suite_formats[i]->name, name) == 0
                         : suite_formats[i]->recognise(line))
            return suite_formats[i];
    if (name != NULL)
        error_set(error, ERROR_USAGE,
                  "unknown suite format \"%s\"; there are retort, gsm8k, math500, ifeval, mtbench",
                  name);
    else
        error_set(error, ERROR_INPUT,
                  "no suite format has such lines; retort's own needs \"prompt\" and \"answer\"");
    return NULL;
}

/* What every format's items need: a grader that takes them, an id, a task. */
static int complete(struct suite *s, size_t from, const struct suite_options *options,
                    struct error *error)
{
    for (size_t i = from; i < s->n; i++) {
        struct suite_item *item = &s->items[i];
        if (item->grader == NULL) {
            if (options->grader == NULL)
                return error_set(error, ERROR_INPUT,
                                 "the line names no grader and eval.grader is not set");
            item->grader = grader_find(options->grader, error);
            if (item->grader == NULL)
                return -1;
        }
        if (item->id == NULL)
            item->id = suite_text(NULL, "", i + 1);
        if (item->task == NULL)
            item->task = mem_strdup(s->name);
        if (item->grader->check != NULL && item->grader->check(item, error) != 0)
            return -1;
    }
    return 0;
}

struct reader {
    struct suite *suite;
    const char *path;
    const struct suite_options *options;
    const struct suite_format *format; /* NULL before the first line */
    struct json *beside;
};

static int read_line(struct reader *r, struct slice text, struct error *error)
{
    struct json *line = json_parse(text, JSON_REPAIR, error);
    size_t from = r->suite->n;
    int status = -1;
    if (line == NULL)
        return -1;
    if (r->format == NULL) {
        r->format = format_of(line, r->options->format, error);
        if (r->format != NULL && r->format->beside != NULL)
            r->beside = r->format->beside(r->path);
    }
    if (r->format != NULL)
        status = r->format->items(line, r->beside, r->suite, error);
    if (status == 0)
        status = complete(r->suite, from, r->options, error);
    json_free(line);
    return status;
}

/* "folder/heldout.jsonl" -> "heldout" */
static char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/'), *base = slash != NULL ? slash + 1 : path;
    const char *dot = strrchr(base, '.');
    return mem_strndup(base, dot != NULL && dot != base ? (size_t)(dot - base) : strlen(base));
}

static int read_all(struct reader *r, struct file_lines *lines, struct error *error)
{
    const uint64_t limit = r->options->limit;
    struct slice text;
    int more = 1, status = 0;
    while (status == 0 && (limit == 0 || r->suite->n < limit) &&
           (more = file_lines_next(lines, &text, error)) == 1) {
        if (slice_trim(text).len == 0)
            continue;
        status = read_line(r, text, error);
        if (status != 0)
            error_wrap(error, "%s:%llu", r->path, (unsigned long long)file_lines_number(lines));
    }
    if (status == 0 && more < 0)
        status = -1;
    if (status == 0 && r->suite->n == 0)
        status = error_set(error, ERROR_INPUT, "%s: no items", r->path);
    return status;
}

int suite_read(struct suite *s, const char *path, const struct suite_options *options,
               struct error *error)
{
    struct file_lines *lines = file_lines_open(path, LINE_MAX_BYTES, error);
    struct reader r = {s, path, options, NULL, NULL};
    int status;
    memset(s, 0, sizeof *s);
    if (lines == NULL)
        return -1;
    s->name = name_of(path);
    status = read_all(&r, lines, error);
    json_free(r.beside);
    file_lines_close(lines);
    if (status != 0)
        suite_free(s);
    return status;
}

void suite_free(struct suite *s)
{
    for (size_t i = 0; i < s->n; i++) {
        struct suite_item *item = &s->items[i];
        mem_free(item->id);
        mem_free(item->task);
        json_free(item->messages);
        json_free(item->turns);
        json_free(item->answer);
        json_free(item->choices);
        json_free(item->args);
    }
    mem_free(s->items);
    mem_free(s->name);
    memset(s, 0, sizeof *s);
}
