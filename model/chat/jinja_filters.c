/* Filters: `value | name(arguments)`. */
#include "model/chat/jinja.h"

#include "model/chat/jinja_strings.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct jinja_value filter(struct jinja *j, struct jinja_value v,
                                  const struct jinja_args *a);

static bool given(struct jinja_value v)
{
    return v.kind != JV_UNDEFINED;
}

static int64_t integer_arg(const struct jinja_args *a, size_t i, const char *name, int64_t fallback)
{
    struct jinja_value v = jinja_arg(a, i, name);
    return v.kind == JV_INTEGER ? v.as.integer : fallback;
}

/* The value as text, as filters on strings see it. */
static struct jinja_value soft(struct jinja *j, struct jinja_value v)
{
    struct jinja_value s = jinja_str(j, v);
    return s.kind == JV_STRING ? s : jinja_text(j, "");
}

/* --- strings ---------------------------------------------------------------------------- */

static struct jinja_value f_trim(struct jinja *j, struct jinja_value v, const struct jinja_args *a)
{
    return jinja_strip(j, soft(j, v), jinja_arg(a, 0, "chars"), true, true);
}

static struct jinja_value f_string(struct jinja *j, struct jinja_value v,
                                   const struct jinja_args *a)
{
    (void)a;
    return soft(j, v);
}

static struct jinja_value f_upper(struct jinja *j, struct jinja_value v, const struct jinja_args *a)
{
    (void)a;
    return jinja_recase(j, soft(j, v), CASE_UPPER);
}

static struct jinja_value f_lower(struct jinja *j, struct jinja_value v, const struct jinja_args *a)
{
    (void)a;
    return jinja_recase(j, soft(j, v), CASE_LOWER);
}

static struct jinja_value f_title(struct jinja *j, struct jinja_value v, const struct jinja_args *a)
{
    (void)a;
    return jinja_recase(j, soft(j, v), CASE_TITLE);
}

static struct jinja_value f_capitalize(struct jinja *j, struct jinja_value v,
                                       const struct jinja_args *a)
{
    (void)a;
    return jinja_recase(j, soft(j, v), CASE_CAPITALIZE);
}

static struct jinja_value f_replace(struct jinja *j, struct jinja_value v,
                                    const struct jinja_args *a)
{
    return jinja_replace(j, soft(j, v), soft(j, jinja_arg(a, 0, "old")),
                         soft(j, jinja_arg(a, 1, "new")), integer_arg(a, 2, "count", -1));
}

static struct jinja_value f_indent(struct jinja *j, struct jinja_value v,
                                   const struct jinja_args *a)
{
    return jinja_indent(j, soft(j, v), integer_arg(a, 0, "width", 4),
                        jinja_true(jinja_arg(a, 1, "first")), jinja_true(jinja_arg(a, 2, "blank")));
}

static struct jinja_value f_join(struct jinja *j, struct jinja_value v, const struct jinja_args *a)
{
    const struct jinja_list *items = jinja_items(j, v);
    struct jinja_value attribute = jinja_arg(a, 1, "attribute"), list = jinja_list_new(j);
    if (items == NULL)
        return JINJA_UNDEFINED;
    for (size_t i = 0; i < items->n && !j->failed; i++)
        jinja_push(j, list,
                   given(attribute) ? jinja_item(j, items->items[i], attribute) : items->items[i]);
    return jinja_join(j, list.as.list, soft(j, jinja_arg(a, 0, "d")));
}

static struct jinja_value f_tojson(struct jinja *j, struct jinja_value v,
                                   const struct jinja_args *a)
{
    struct jinja_value separators = jinja_arg(a, 2, "separators");
    struct jinja_json_form form = {
        .indent = integer_arg(a, 1, "indent", -1),
        .ascii = jinja_true(jinja_arg(a, 0, "ensure_ascii")),
        .sorted = jinja_true(jinja_arg(a, 3, "sort_keys")),
        .item = SLICE(", "),
        .colon = SLICE(": "),
    };
    /* `tojson(4)` is Jinja's own signature: the indent first */
    if (a->n == 1 && a->items[0].kind == JV_INTEGER) {
        form.indent = a->items[0].as.integer;
        form.ascii = false;
    }
    if (form.indent > 100)
        return jinja_error(j, "tojson: the indent is too large");
    if (form.indent >= 0)
        form.item = SLICE(",");
    if ((separators.kind == JV_TUPLE || separators.kind == JV_LIST) && separators.as.list->n == 2) {
        form.item = jinja_slice(separators.as.list->items[0]);
        form.colon = jinja_slice(separators.as.list->items[1]);
    }
    return jinja_dumps(j, v, &form);
}

/* --- numbers ---------------------------------------------------------------------------- */

static struct jinja_value f_int(struct jinja *j, struct jinja_value v, const struct jinja_args *a)
{
    char text[64] = "";
    char *end;
    long long n;
    (void)j;
    if (v.kind == JV_FLOAT && v.as.real > -9e18 && v.as.real < 9e18)
        return jinja_integer((int64_t)v.as.real);
    if (v.kind == JV_INTEGER || v.kind == JV_BOOL)
        return jinja_integer(v.kind == JV_BOOL ? v.as.truth : v.as.integer);
    if (v.kind == JV_STRING && v.as.string->len < sizeof text) {
        memcpy(text, v.as.string->data, v.as.string->len);
        n = strtoll(text, &end, 10);
        if (end != text && *end == '\0')
            return jinja_integer(n);
    }
    return given(jinja_arg(a, 0, "default")) ? jinja_arg(a, 0, "default") : jinja_integer(0);
}

static struct jinja_value f_float(struct jinja *j, struct jinja_value v, const struct jinja_args *a)
{
    char text[64] = "";
    char *end;
    double x;
    (void)j;
    if (jinja_is_number(v))
        return jinja_float(jinja_number(v));
    if (v.kind == JV_STRING && v.as.string->len < sizeof text) {
        memcpy(text, v.as.string->data, v.as.string->len);
        x = strtod(text, &end);
        if (end != text && *end == '\0')
            return jinja_float(x);
    }
    return given(jinja_arg(a, 0, "default")) ? jinja_arg(a, 0, "default") : jinja_float(0);
}

static struct jinja_value f_abs(struct jinja *j, struct jinja_value v, const struct jinja_args *a)
{
    (void)a;
    if (v.kind == JV_INTEGER && v.as.integer != INT64_MIN)
        return jinja_integer(v.as.integer < 0 ? -v.as.integer : v.as.integer);
    return jinja_is_number(v) ? jinja_float(fabs(jinja_number(v)))
                              : jinja_error(j, "bad operand type for abs()");
}

static struct jinja_value f_round(struct jinja *j, struct jinja_value v, const struct jinja_args *a)
{
    double scale = pow(10, (double)integer_arg(a, 0, "precision", 0));
    if (!jinja_is_number(v))
        return jinja_error(j, "round needs a number");
    return jinja_float(rint(jinja_number(v) * scale) / scale);
}

/* --- lists ------------------------------------------------------------------------------ */

static struct jinja_value f_length(struct jinja *j, struct jinja_value v,
                                   const struct jinja_args *a)
{
    (void)a;
    return jinja_integer(jinja_length(j, v));
}

static struct jinja_value f_list(struct jinja *j, struct jinja_value v, const struct jinja_args *a)
{
    const struct jinja_list *items = jinja_items(j, v);
    struct jinja_value list = jinja_list_new(j);
    (void)a;
    for (size_t i = 0; items != NULL && i < items->n; i++)
        jinja_push(j, list, items->items[i]);
    return list;
}

static struct jinja_value f_first(struct jinja *j, struct jinja_value v, const struct jinja_args *a)
{
    const struct jinja_list *items = jinja_items(j, v);
    (void)a;
    return items != NULL && items->n != 0 ? items->items[0] : JINJA_UNDEFINED;
}

static struct jinja_value f_last(struct jinja *j, struct jinja_value v, const struct jinja_args *a)
{
    const struct jinja_list *items = jinja_items(j, v);
    (void)a;
    return items != NULL && items->n != 0 ? items->items[items->n - 1] : JINJA_UNDEFINED;
}

static struct jinja_value f_reverse(struct jinja *j, struct jinja_value v,
                                    const struct jinja_args *a)
{
    const struct jinja_list *items = jinja_items(j, v);
    struct jinja_value list = jinja_list_new(j), none = jinja_text(j, "");
    (void)a;
    for (size_t i = items != NULL ? items->n : 0; i-- > 0;)
        jinja_push(j, list, items->items[i]);
    return v.kind == JV_STRING ? jinja_join(j, list.as.list, none) : list;
}

static struct jinja_value f_unique(struct jinja *j, struct jinja_value v,
                                   const struct jinja_args *a)
{
    const struct jinja_list *items = jinja_items(j, v);
    struct jinja_value list = jinja_list_new(j);
    (void)a;
    for (size_t i = 0; items != NULL && i < items->n && !j->failed; i++)
        if (!jinja_contains(j, list, items->items[i]))
            jinja_push(j, list, items->items[i]);
    return list;
}

/* An insertion sort, stable; bounded because it is quadratic. */
static struct jinja_value sorted(struct jinja *j, struct jinja_value list,
                                 struct jinja_value attribute, bool reverse)
{
    struct jinja_list *l = list.as.list;
    if (l->n > 4096)
        return jinja_error(j, "sort: more than 4096 items");
    for (size_t i = 1; i < l->n && !j->failed; i++)
        for (size_t k = i; k > 0 && !j->failed; k--) {
            struct jinja_value a = l->items[k - 1], b = l->items[k];
            int order = given(attribute) ? jinja_compare(j, jinja_item(j, a, attribute),
                                                         jinja_item(j, b, attribute))
                                         : jinja_compare(j, a, b);
            if (reverse ? order >= 0 : order <= 0)
                break;
            l->items[k - 1] = b;
            l->items[k] = a;
        }
    return list;
}

static struct jinja_value f_sort(struct jinja *j, struct jinja_value v, const struct jinja_args *a)
{
    return sorted(j, f_list(j, v, a), jinja_arg(a, 2, "attribute"),
                  jinja_true(jinja_arg(a, 0, "reverse")));
}

static struct jinja_value f_items(struct jinja *j, struct jinja_value v, const struct jinja_args *a)
{
    const struct jinja_method m = {v, SLICE("items")};
    const struct jinja_args none = {NULL, 0, NULL, 0};
    (void)a;
    if (v.kind == JV_UNDEFINED)
        return jinja_list_new(j);
    if (v.kind != JV_DICT)
        return jinja_error(j, "Can only get item pairs from a mapping.");
    return jinja_call_method(j, &m, &none);
}

static struct jinja_value f_dictsort(struct jinja *j, struct jinja_value v,
                                     const struct jinja_args *a)
{
    return sorted(j, f_items(j, v, a), JINJA_UNDEFINED, jinja_true(jinja_arg(a, 2, "reverse")));
}

static struct jinja_value f_default(struct jinja *j, struct jinja_value v,
                                    const struct jinja_args *a)
{
    struct jinja_value fallback = jinja_arg(a, 0, "default_value");
    bool falsy = jinja_true(jinja_arg(a, 1, "boolean"));
    if (given(v) && !(falsy && !jinja_true(v)))
        return v;
    return given(fallback) ? fallback : jinja_text(j, "");
}

static struct jinja_value f_same(struct jinja *j, struct jinja_value v, const struct jinja_args *a)
{
    (void)j;
    (void)a;
    return v;
}

/* --- select, reject, map ---------------------------------------------------------------- */

/* Arguments from the i-th on. */
static struct jinja_args rest(const struct jinja_args *a, size_t i)
{
    struct jinja_args r = *a;
    r.items = i < a->n ? a->items + i : NULL;
    r.n = i < a->n ? a->n - i : 0;
    return r;
}

/* select/reject(test, …), selectattr/rejectattr(attribute, test, …) */
static struct jinja_value chosen(struct jinja *j, struct jinja_value v, const struct jinja_args *a,
                                 bool by_attribute, bool keep)
{
    const struct jinja_list *items = jinja_items(j, v);
    struct jinja_value list = jinja_list_new(j), attribute = jinja_arg(a, 0, NULL);
    size_t at = by_attribute ? 1 : 0;
    struct jinja_value name = jinja_arg(a, at, NULL);
    struct jinja_args more = rest(a, at + 1);
    for (size_t i = 0; items != NULL && i < items->n && !j->failed; i++) {
        struct jinja_value x = items->items[i];
        if (by_attribute)
            x = jinja_item(j, x, attribute);
        if ((name.kind == JV_STRING ? jinja_test(j, jinja_slice(name), x, &more) : jinja_true(x)) ==
            keep)
            jinja_push(j, list, items->items[i]);
    }
    return list;
}

static struct jinja_value f_select(struct jinja *j, struct jinja_value v,
                                   const struct jinja_args *a)
{
    return chosen(j, v, a, false, true);
}

static struct jinja_value f_reject(struct jinja *j, struct jinja_value v,
                                   const struct jinja_args *a)
{
    return chosen(j, v, a, false, false);
}

static struct jinja_value f_selectattr(struct jinja *j, struct jinja_value v,
                                       const struct jinja_args *a)
{
    return chosen(j, v, a, true, true);
}

static struct jinja_value f_rejectattr(struct jinja *j, struct jinja_value v,
                                       const struct jinja_args *a)
{
    return chosen(j, v, a, true, false);
}

static struct jinja_value f_map(struct jinja *j, struct jinja_value v, const struct jinja_args *a)
{
    const struct jinja_list *items = jinja_items(j, v);
    struct jinja_value list = jinja_list_new(j), attribute = jinja_arg(a, SIZE_MAX, "attribute");
    struct jinja_value fallback = jinja_arg(a, SIZE_MAX, "default");
    struct jinja_args more = rest(a, 1);
    for (size_t i = 0; items != NULL && i < items->n && !j->failed; i++) {
        struct jinja_value x = items->items[i];
        if (given(attribute)) {
            x = jinja_item(j, x, attribute);
            x = given(x) ? x : fallback;
        } else {
            x = jinja_filter(j, jinja_slice(jinja_arg(a, 0, NULL)), x, &more);
        }
        jinja_push(j, list, x);
    }
    return list;
}

/* --- the table -------------------------------------------------------------------------- */

static const struct {
    const char *name;
    filter *call;
} filters[] = {
    {"trim", f_trim},
    {"string", f_string},
    {"upper", f_upper},
    {"lower", f_lower},
    {"title", f_title},
    {"capitalize", f_capitalize},
    {"replace", f_replace},
    {"indent", f_indent},
    {"join", f_join},
    {"tojson", f_tojson},
    {"int", f_int},
    {"float", f_float},
    {"abs", f_abs},
    {"round", f_round},
    {"length", f_length},
    {"count", f_length},
    {"list", f_list},
    {"first", f_first},
    {"last", f_last},
    {"reverse", f_reverse},
    {"unique", f_unique},
    {"sort", f_sort},
    {"items", f_items},
    {"dictsort", f_dictsort},
    {"default", f_default},
    {"d", f_default},
    {"safe", f_same},
    {"select", f_select},
    {"reject", f_reject},
    {"selectattr", f_selectattr},
    {"rejectattr", f_rejectattr},
    {"map", f_map},
};
enum { FILTERS = sizeof filters / sizeof *filters };

bool jinja_known_filter(struct slice name)
{
    for (size_t i = 0; i < FILTERS; i++)
        if (slice_is(name, filters[i].name))
            return true;
    return false;
}

struct jinja_value jinja_filter(struct jinja *j, struct slice name, struct jinja_value value,
                                const struct jinja_args *args)
{
    if (++j->steps > JINJA_STEPS)
        return jinja_error(j, "the template does not come to an end");
    for (size_t i = 0; i < FILTERS; i++)
        if (slice_is(name, filters[i].name))
            return filters[i].call(j, value, args);
    return jinja_error(j, "the filter \"%.*s\" is not supported",
                       (int)(name.len < 40 ? name.len : 40), name.data);
}
