#include "filter/external.h"

#include "core/command.h"
#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXTERNAL_VERSION = 1, MAX_WORDS = 64, ANSWER_BYTES = 4096, ANSWERS_LEAST = 1 << 20 };

/* Set for the program: a filter that it runs itself must not run it again, and so on without end. */
static const char *const inside = "RETORT_FILTER_COMMAND";

struct external {
    const struct wide *w;
    char *argv[MAX_WORDS + 1];
    size_t batch;
    int64_t limit_ms;
    enum verdict_action action;
    struct buf in, out;
    const struct wide_text *rows; /* of the batch, by id */
    size_t n;
    unsigned char *answered;
};

/* ---- asking */

static void put_text(struct buf *b, const char *key, struct slice text)
{
    if (text.data == NULL)
        return;
    buf_printf(b, ",\"%s\":", key);
    (void)json_quote(text, JSON_REPAIR, b);
}

/* What is stored as JSON goes out as it is; the store checked it. */
static void put_json(struct buf *b, const char *key, struct slice json)
{
    struct json *j = json.data != NULL ? json_parse(json, JSON_REPAIR, NULL) : NULL;
    if (j == NULL)
        return;
    buf_printf(b, ",\"%s\":", key);
    (void)json_write(j, 0, b);
    json_free(j);
}

static void put_row(struct buf *b, const struct sample *s)
{
    buf_printf(b, "{\"id\":%lld", (long long)s->id);
    put_text(b, "name", s->name);
    put_text(b, "system", s->system);
    put_text(b, "instruction", s->instruction);
    put_text(b, "input", s->input);
    put_text(b, "output", s->output);
    put_json(b, "messages", s->messages);
    put_text(b, "finish_reason", s->finish_reason);
    put_json(b, "meta", s->meta);
    buf_str(b, "}\n");
}

/* ---- answers */

static size_t row_of(const struct external *x, int64_t id)
{
    for (size_t low = 0, high = x->n; low < high;) {
        const size_t mid = low + (high - low) / 2;
        if (x->rows[mid].sample.id == id)
            return mid;
        if (x->rows[mid].sample.id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return x->n;
}

static int take_verdict(struct external *x, size_t at, const struct json *j, struct error *error)
{
    const struct slice why = json_string(json_get(j, "why"));
    char words[256];
    if (why.len > 0)
        (void)snprintf(words, sizeof words, "%.*s", (int)(why.len < 200 ? why.len : 200), why.data);
    else
        (void)snprintf(words, sizeof words, "%.200s says so", x->argv[0]);
    const struct wide_verdict v = {.rule = "command",
                                   .version = EXTERNAL_VERSION,
                                   .action = x->action,
                                   .row = x->rows[at].row,
                                   .match = WIDE_NONE,
                                   .value = json_number(json_get(j, "value"), (double)NAN),
                                   .threshold = json_number(json_get(j, "threshold"), (double)NAN),
                                   .similarity = (double)NAN,
                                   .words = words};
    return wide_put(x->w, &v, error);
}

static int take_line(struct external *x, struct slice line, size_t number, struct error *error)
{
    struct error why = {ERROR_NONE, ""};
    struct json *j = json_parse(line, JSON_REPAIR, &why);
    const struct json *remove = json_get(j, "remove");
    int64_t id = 0;
    int rc = -1;
    size_t at;
    if (j == NULL)
        error_set(error, ERROR_INPUT, "line %zu of its answers is no JSON: %s", number, why.text);
    else if (json_integer(json_get(j, "id"), &id) != 0)
        error_set(error, ERROR_INPUT, "line %zu of its answers has no number \"id\"", number);
    else if (json_type(remove) != JSON_TRUE && json_type(remove) != JSON_FALSE)
        error_set(error, ERROR_INPUT,
                  "line %zu of its answers: \"remove\" is neither true nor false", number);
    else if ((at = row_of(x, id)) == x->n)
        error_set(error, ERROR_INPUT, "line %zu of its answers: it was not asked about sample %lld",
                  number, (long long)id);
    else if (x->answered[at])
        error_set(error, ERROR_INPUT, "line %zu of its answers: a second one about sample %lld",
                  number, (long long)id);
    else {
        x->answered[at] = 1;
        rc = json_true(remove) ? take_verdict(x, at, j, error) : 0;
    }
    json_free(j);
    return rc;
}

static int take_lines(struct external *x, struct error *error)
{
    const struct slice all = buf_view(&x->out);
    size_t number = 0, missing = 0, first = 0;
    for (size_t at = 0; at < all.len;) {
        const char *end = memchr(all.data + at, '\n', all.len - at);
        const size_t n = end != NULL ? (size_t)(end - all.data) - at : all.len - at;
        const struct slice line = slice_trim(slice_sub(all, at, n));
        number++;
        at += n + 1;
        if (line.len > 0 && take_line(x, line, number, error) != 0)
            return -1;
    }
    for (size_t i = x->n; i-- > 0;)
        if (!x->answered[i]) {
            missing++;
            first = i;
        }
    if (missing == 0)
        return 0;
    return error_set(error, ERROR_INPUT, "it answered %zu of %zu rows; none about sample %lld",
                     x->n - missing, x->n, (long long)x->rows[first].sample.id);
}

/* ---- running */

static int run_part(struct external *x, struct error *error)
{
    int status;
    buf_clear(&x->in);
    x->out.max = ANSWERS_LEAST + x->n * ANSWER_BYTES;
    buf_clear(&x->out);
    for (size_t i = 0; i < x->n; i++)
        put_row(&x->in, &x->rows[i].sample);
    if (x->in.full)
        return error_set(error, ERROR_LIMIT, "a batch of rows is over 1 GB; make `batch` smaller");
    memset(x->answered, 0, x->n);
    (void)setenv(inside, "1", 1);
    status = command_run(x->argv, buf_view(&x->in), x->limit_ms, &x->out, error);
    (void)unsetenv(inside);
    if (x->out.full)
        return error_set(error, ERROR_LIMIT, "%s: more than %zu bytes about %zu rows", x->argv[0],
                         x->out.max, x->n);
    if (status < 0)
        return -1;
    if (status != 0)
        return error_set(error, ERROR_FAILED, "%s: it ended with status %d", x->argv[0], status);
    return take_lines(x, error) == 0 ? 0 : error_wrap(error, "%s", x->argv[0]);
}

static int run_batch(void *context, const struct wide_text *rows, size_t n, struct error *error)
{
    struct external *x = context;
    for (size_t from = 0; from < n; from += x->batch) {
        x->rows = rows + from;
        x->n = n - from < x->batch ? n - from : x->batch;
        if (run_part(x, error) != 0)
            return -1;
    }
    return 0;
}

/* A program named with a slash stands beside the recipe. */
static int read_words(struct external *x, struct error *error)
{
    size_t n = 0;
    for (const struct json *j = json_first(recipe_get(x->w->recipe, "filter.rule.command.argv"));
         j != NULL && n < MAX_WORDS; j = json_next(j)) {
        const char *word = json_text(j, "");
        if (n == 0 && strchr(word, '/') != NULL) {
            char *folder = file_dir(recipe_file(x->w->recipe));
            x->argv[n++] = file_join(folder, word);
            mem_free(folder);
        } else {
            x->argv[n++] = mem_strdup(word);
        }
    }
    return n > 0 ? 0 : error_set(error, ERROR_USAGE, "argv: name the program and its arguments");
}

static int run(struct external *x, struct error *error)
{
    struct wide w = *x->w;
    unsigned char *want = mem_zero(w.x->n + 1, 1);
    int rc;
    w.whole = true;
    for (size_t i = 0; i < w.x->n; i++)
        want[i] = index_lives(&w.x->entries[i]) && !index_settled(&w.x->entries[i]);
    rc = wide_texts(&w, want, run_batch, x, error);
    mem_free(want);
    return rc;
}

int external_check(struct error *error)
{
    return getenv(inside) == NULL
               ? 0
               : error_set(error, ERROR_USAGE,
                           "the program of another filter runs this one, which "
                           "would run a program again; leave the rule out there");
}

int external_run(const struct wide *w, struct error *error)
{
    struct external x = {.w = w, .in = BUF, .out = BUF, .answered = mem_alloc(WIDE_ROWS)};
    int rc = -1;
    x.batch = (size_t)recipe_integer(w->recipe, "filter.rule.command.batch");
    x.limit_ms = recipe_integer(w->recipe, "filter.rule.command.timeout_s") * 1000;
    x.action = wide_action(w, "filter.rule.command.action");
    if (read_words(&x, error) == 0)
        rc = run(&x, error);
    for (size_t i = 0; i < MAX_WORDS; i++)
        mem_free(x.argv[i]);
    mem_free(x.answered);
    buf_free(&x.in);
    buf_free(&x.out);
    return rc == 0 ? 0 : error_wrap(error, "filter.rule.command");
}
