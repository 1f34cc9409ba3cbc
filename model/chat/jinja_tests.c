/* Tests: `value is name(arguments)`. */
#include "model/chat/jinja.h"

#include "core/unicode.h"

typedef bool test(struct jinja *j, struct jinja_value v, struct jinja_value arg);

static bool is_defined(struct jinja *j, struct jinja_value v, struct jinja_value arg)
{
    (void)j;
    (void)arg;
    return v.kind != JV_UNDEFINED;
}

static bool is_undefined(struct jinja *j, struct jinja_value v, struct jinja_value arg)
{
    return !is_defined(j, v, arg);
}

#define KIND_TEST(name, condition)                                                                 \
    static bool name(struct jinja *j, struct jinja_value v, struct jinja_value arg)                \
    {                                                                                              \
        (void)j;                                                                                   \
        (void)arg;                                                                                 \
        return condition;                                                                          \
    }

KIND_TEST(is_none, v.kind == JV_NONE)
KIND_TEST(is_string, v.kind == JV_STRING)
KIND_TEST(is_mapping, v.kind == JV_DICT)
KIND_TEST(is_boolean, v.kind == JV_BOOL)
KIND_TEST(is_true, v.kind == JV_BOOL && v.as.truth)
KIND_TEST(is_false, v.kind == JV_BOOL && !v.as.truth)
KIND_TEST(is_integer, v.kind == JV_INTEGER)
KIND_TEST(is_float, v.kind == JV_FLOAT)
KIND_TEST(is_number, jinja_is_number(v))
KIND_TEST(is_callable, v.kind == JV_FUNCTION || v.kind == JV_METHOD || v.kind == JV_MACRO)
KIND_TEST(is_sequence, v.kind == JV_LIST || v.kind == JV_TUPLE || v.kind == JV_STRING ||
                           v.kind == JV_DICT || v.kind == JV_UNDEFINED)
KIND_TEST(is_iterable, v.kind == JV_LIST || v.kind == JV_TUPLE || v.kind == JV_STRING ||
                           v.kind == JV_DICT || v.kind == JV_UNDEFINED)

static bool is_odd(struct jinja *j, struct jinja_value v, struct jinja_value arg)
{
    (void)arg;
    if (v.kind != JV_INTEGER)
        jinja_error(j, "odd needs an integer, not %s", jinja_type(v));
    return v.kind == JV_INTEGER && v.as.integer % 2 != 0;
}

static bool is_even(struct jinja *j, struct jinja_value v, struct jinja_value arg)
{
    return !is_odd(j, v, arg);
}

static bool is_divisible(struct jinja *j, struct jinja_value v, struct jinja_value arg)
{
    if (v.kind != JV_INTEGER || arg.kind != JV_INTEGER || arg.as.integer == 0) {
        jinja_error(j, "divisibleby needs integers");
        return false;
    }
    return arg.as.integer == -1 || v.as.integer % arg.as.integer == 0;
}

static bool is_equal(struct jinja *j, struct jinja_value v, struct jinja_value arg)
{
    (void)j;
    return jinja_equal(v, arg);
}

static bool is_unequal(struct jinja *j, struct jinja_value v, struct jinja_value arg)
{
    (void)j;
    return !jinja_equal(v, arg);
}

static bool is_less(struct jinja *j, struct jinja_value v, struct jinja_value arg)
{
    return jinja_compare(j, v, arg) < 0;
}

static bool is_more(struct jinja *j, struct jinja_value v, struct jinja_value arg)
{
    return jinja_compare(j, v, arg) > 0;
}

static bool is_least(struct jinja *j, struct jinja_value v, struct jinja_value arg)
{
    return jinja_compare(j, v, arg) >= 0;
}

static bool is_most(struct jinja *j, struct jinja_value v, struct jinja_value arg)
{
    return jinja_compare(j, v, arg) <= 0;
}

static bool is_in(struct jinja *j, struct jinja_value v, struct jinja_value arg)
{
    return jinja_contains(j, arg, v);
}

static bool same_case(struct jinja_value v, bool upper)
{
    struct slice s = jinja_slice(v);
    for (size_t i = 0; i < s.len;) {
        uint32_t c;
        size_t n = utf8_decode(s.data + i, s.len - i, &c);
        if (n != 0 && (upper ? unicode_to_upper(c) : unicode_to_lower(c)) != c)
            return false;
        i += n != 0 ? n : 1;
    }
    return s.len != 0;
}

static bool is_upper(struct jinja *j, struct jinja_value v, struct jinja_value arg)
{
    (void)j;
    (void)arg;
    return same_case(v, true);
}

static bool is_lower(struct jinja *j, struct jinja_value v, struct jinja_value arg)
{
    (void)j;
    (void)arg;
    return same_case(v, false);
}

static const struct {
    const char *name;
    test *holds;
} tests[] = {
    {"defined", is_defined},
    {"undefined", is_undefined},
    {"none", is_none},
    {"string", is_string},
    {"mapping", is_mapping},
    {"boolean", is_boolean},
    {"true", is_true},
    {"false", is_false},
    {"integer", is_integer},
    {"float", is_float},
    {"number", is_number},
    {"callable", is_callable},
    {"sequence", is_sequence},
    {"iterable", is_iterable},
    {"odd", is_odd},
    {"even", is_even},
    {"divisibleby", is_divisible},
    {"equalto", is_equal},
    {"eq", is_equal},
    {"sameas", is_equal},
    {"ne", is_unequal},
    {"lt", is_less},
    {"lessthan", is_less},
    {"gt", is_more},
    {"greaterthan", is_more},
    {"ge", is_least},
    {"le", is_most},
    {"in", is_in},
    {"upper", is_upper},
    {"lower", is_lower},
};
enum { TESTS = sizeof tests / sizeof *tests };

bool jinja_known_test(struct slice name)
{
    for (size_t i = 0; i < TESTS; i++)
        if (slice_is(name, tests[i].name))
            return true;
    return false;
}

bool jinja_test(struct jinja *j, struct slice name, struct jinja_value value,
                const struct jinja_args *args)
{
    for (size_t i = 0; i < TESTS; i++)
        if (slice_is(name, tests[i].name))
            return tests[i].holds(j, value, jinja_arg(args, 0, NULL));
    jinja_error(j, "the test \"%.*s\" is not supported", (int)(name.len < 40 ? name.len : 40),
                name.data);
    return false;
}
