/* The functions that templates may call. */
#include "model/chat/jinja.h"

#include <string.h>
#include <time.h>

static struct jinja_value raise_exception(struct jinja *j, const struct jinja_args *a)
{
    struct jinja_value words = jinja_str(j, jinja_arg(a, 0, "message"));
    if (!j->failed) /* the template's own words, as they are */
        error_set(j->error, ERROR_INPUT, "%.*s", (int)words.as.string->len, words.as.string->data);
    j->failed = true;
    return JINJA_UNDEFINED;
}

static struct jinja_value strftime_now(struct jinja *j, const struct jinja_args *a)
{
    struct jinja_value format = jinja_arg(a, 0, "format");
    struct slice s = jinja_slice(format);
    time_t seconds = (time_t)(j->date_ms / 1000);
    char text[256], pattern[128];
    struct tm tm;
    size_t n;
    if (format.kind != JV_STRING || s.len == 0 || s.len >= sizeof pattern ||
        gmtime_r(&seconds, &tm) == NULL)
        return jinja_error(j, "strftime_now needs a format");
    memcpy(pattern, s.data, s.len);
    pattern[s.len] = '\0';
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    n = strftime(text, sizeof text, pattern, &tm);
#pragma GCC diagnostic pop
    text[n] = '\0';
    return jinja_string(j, slice_of(arena_strdup(&j->arena, text)));
}

static struct jinja_value range(struct jinja *j, const struct jinja_args *a)
{
    int64_t bounds[3] = {0, 0, 1}, i;
    struct jinja_value list = jinja_list_new(j);
    for (size_t k = 0; k < a->n && k < 3; k++) {
        if (a->items[k].kind != JV_INTEGER)
            return jinja_error(j, "range() needs integers");
        bounds[k] = a->items[k].as.integer;
    }
    if (a->n == 1) {
        bounds[1] = bounds[0];
        bounds[0] = 0;
    }
    if (a->n == 0 || bounds[2] == 0)
        return jinja_error(j, "range() needs a stop and a step other than zero");
    for (i = bounds[0]; bounds[2] > 0 ? i < bounds[1] : i > bounds[1];) {
        jinja_push(j, list, jinja_integer(i));
        if (list.as.list->n > JINJA_RANGE)
            return jinja_error(j, "range() is too long");
        if (__builtin_add_overflow(i, bounds[2], &i))
            break;
    }
    return list;
}

static struct jinja_value dict(struct jinja *j, const struct jinja_args *a)
{
    struct jinja_value d = jinja_dict_new(j);
    for (size_t i = 0; a->n != 0 && a->items[0].kind == JV_DICT && i < a->items[0].as.dict->n; i++)
        jinja_put(j, d, a->items[0].as.dict->pairs[i].key, a->items[0].as.dict->pairs[i].value);
    for (size_t i = 0; i < a->n_named; i++)
        jinja_put(j, d, a->named[i].key, a->named[i].value);
    return d;
}

static struct jinja_value namespace(struct jinja *j, const struct jinja_args *a)
{
    struct jinja_value n = dict(j, a);
    n.kind = JV_NAMESPACE;
    return n;
}

const struct jinja_function jinja_functions[] = {
    {"raise_exception", raise_exception},
    {"strftime_now", strftime_now},
    {"range", range},
    {"dict", dict},
    {"namespace", namespace},
    {NULL, NULL},
};
