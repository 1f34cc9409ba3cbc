/* Labelled texts: TSV and JSONL, as GLUE has them. */
#include "corpus/labelled.h"

#include "core/json.h"

#include <math.h>
#include <string.h>

enum { COLUMNS_MAX = 64, TEXT_MAX = 1 << 20 };

static const char *const texts[] = {"sentence", "text", "sentence1", "premise", "question", NULL};
static const char *const pairs[] = {"sentence2", "text_pair", "hypothesis", "question2", NULL};
static const char *const labels[] = {"gold_label", "label", NULL};

static bool among(struct slice name, const char *const *names)
{
    for (size_t i = 0; names[i] != NULL; i++)
        if (slice_is(name, names[i]))
            return true;
    return false;
}

/* The next line without its end; false behind the last. */
static bool next_line(struct slice *rest, struct slice *line)
{
    const char *end;
    if (rest->len == 0)
        return false;
    end = memchr(rest->data, '\n', rest->len);
    line->data = rest->data;
    line->len = end != NULL ? (size_t)(end - rest->data) : rest->len;
    *rest = slice_sub(*rest, line->len + (end != NULL), rest->len);
    if (line->len > 0 && line->data[line->len - 1] == '\r')
        line->len--;
    return true;
}

static size_t cut_columns(struct slice line, struct slice *out)
{
    size_t n = 0;
    for (;;) {
        const char *tab = line.len > 0 ? memchr(line.data, '\t', line.len) : NULL;
        out[n].data = line.data;
        out[n++].len = tab != NULL ? (size_t)(tab - line.data) : line.len;
        if (tab == NULL || n == COLUMNS_MAX)
            return n;
        line = slice_sub(line, out[n - 1].len + 1, line.len);
    }
}

/* Where the columns are; pair -1: none. */
struct layout {
    int text, pair, label;
};

/* True when the line is a header. */
static bool read_header(const struct slice *columns, size_t n, struct layout *l)
{
    *l = (struct layout){-1, -1, -1};
    for (size_t i = 0; i < n; i++) {
        if (l->text < 0 && among(columns[i], texts))
            l->text = (int)i;
        if (l->pair < 0 && among(columns[i], pairs))
            l->pair = (int)i;
        if (among(columns[i], labels))
            l->label = (int)i;
    }
    if (l->text >= 0 && l->label >= 0)
        return true;
    *l = n == 2   ? (struct layout){0, -1, 1}
         : n == 3 ? (struct layout){0, 1, 2}
                  : (struct layout){-1, -1, -1};
    return false;
}

static int add_text(struct labelled_set *s, struct slice text, struct slice pair,
                    struct slice label, struct error *error)
{
    struct labelled *x;
    int32_t number;
    if (slice_is(label, "-")) { /* MNLI: the judges did not agree */
        s->left_out++;
        return 0;
    }
    if (text.len > TEXT_MAX || pair.len > TEXT_MAX)
        return error_set(error, ERROR_LIMIT, "a text of more than 1 MB");
    if (label.len == 0)
        return error_set(error, ERROR_INPUT, "an empty label");
    number = labelled_label(s, label);
    if (number < 0)
        return error_set(error, ERROR_INPUT,
                         "label \"%.*s\" is none of train.encoder.labels (or they are too many)",
                         (int)(label.len < 60 ? label.len : 60), label.data);
    x = labelled_add(s);
    x->text = arena_copy(&s->arena, text);
    if (pair.data != NULL)
        x->pair = arena_copy(&s->arena, pair);
    x->label = number;
    return 0;
}

int labelled_tsv(struct labelled_set *s, struct slice text, const char *where, struct error *error)
{
    struct slice rest = text, line, columns[COLUMNS_MAX];
    struct layout at = {-1, -1, -1};
    for (unsigned long number = 1; next_line(&rest, &line); number++) {
        const size_t n = cut_columns(line, columns);
        if (slice_trim(line).len == 0)
            continue;
        if (number == 1 && read_header(columns, n, &at))
            continue;
        if (at.text < 0)
            return error_set(error, ERROR_INPUT,
                             "%s:1: expected a header with sentence and label (or sentence1, "
                             "sentence2, gold_label), or two or three columns",
                             where);
        if ((size_t)at.text >= n || (size_t)at.label >= n || (at.pair >= 0 && (size_t)at.pair >= n))
            return error_set(error, ERROR_INPUT, "%s:%lu: %zu columns; its label is missing", where,
                             number, n);
        if (add_text(s, columns[at.text], at.pair >= 0 ? columns[at.pair] : (struct slice){NULL, 0},
                     columns[at.label], error) != 0)
            return error_wrap(error, "%s:%lu", where, number);
    }
    return 0;
}

static const struct json *member(const struct json *o, const char *const *names)
{
    for (size_t i = 0; names[i] != NULL; i++)
        if (json_get(o, names[i]) != NULL)
            return json_get(o, names[i]);
    return NULL;
}

/* "probabilities": {label: p}; what is not named has none. */
static int read_soft(struct labelled_set *s, const struct json *o, struct error *error)
{
    struct labelled *x = &s->items[s->n - 1];
    float *soft;
    double sum = 0;
    if (json_type(o) == JSON_ABSENT)
        return 0;
    if (!s->fixed)
        return error_set(error, ERROR_INPUT,
                         "probabilities want the labels known: set train.encoder.labels");
    soft = arena_alloc(&s->arena, (size_t)s->n_labels * sizeof *soft);
    memset(soft, 0, (size_t)s->n_labels * sizeof *soft);
    for (const struct json *p = json_first(o); p != NULL; p = json_next(p)) {
        const int32_t label = labelled_label(s, slice_of(json_key(p)));
        const double value = json_number(p, -1);
        if (label < 0 || !(value >= 0) || !isfinite(value))
            return error_set(error, ERROR_INPUT,
                             "probabilities: \"%.60s\" is no label or no "
                             "probability",
                             json_key(p));
        soft[label] = (float)value;
        sum += value;
    }
    if (!(sum > 0))
        return error_set(error, ERROR_INPUT, "probabilities that are all zero");
    for (int32_t i = 0; i < s->n_labels; i++)
        soft[i] = (float)((double)soft[i] / sum);
    x->soft = soft;
    s->soft++;
    return 0;
}

static int add_object(struct labelled_set *s, const struct json *o, struct error *error)
{
    const struct json *text = member(o, texts), *pair = member(o, pairs);
    const struct json *label = member(o, labels);
    const size_t before = s->n;
    struct buf number = BUF_MAX(32);
    struct slice name = json_string(label);
    int64_t value;
    int status;
    if (json_type(text) != JSON_STRING)
        return error_set(error, ERROR_INPUT, "no text: expected \"sentence\" or \"text\"");
    if (json_type(label) == JSON_NUMBER && json_integer(label, &value) == 0) {
        buf_printf(&number, "%lld", (long long)value);
        name = buf_view(&number);
    }
    if (name.data == NULL)
        status = error_set(error, ERROR_INPUT, "no \"label\"");
    else
        status = add_text(s, json_string(text), json_string(pair), name, error);
    if (status == 0 && s->n > before)
        status = read_soft(s, json_get(o, "probabilities"), error);
    buf_free(&number);
    return status;
}

int labelled_jsonl(struct labelled_set *s, struct slice text, const char *where,
                   struct error *error)
{
    struct slice rest = text, line;
    for (unsigned long number = 1; next_line(&rest, &line); number++) {
        struct json *o;
        int status;
        if (slice_trim(line).len == 0)
            continue;
        o = json_parse(line, JSON_REPAIR, error);
        status = o != NULL ? add_object(s, o, error) : -1;
        json_free(o);
        if (status != 0)
            return error_wrap(error, "%s:%lu", where, number);
    }
    return 0;
}
