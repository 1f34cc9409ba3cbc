/* Comparison of values, for core/json.h. */
#include "core/json.h"

#include "core/decimal.h"

#include <string.h>

int json_number_compare(const struct json *a, const struct json *b)
{
    struct buf text_a = BUF, text_b = BUF;
    struct decimal x, y;
    int order;
    if (json_is_double(a) && json_is_double(b))
        return (json_number(a, 0) > json_number(b, 0)) - (json_number(a, 0) < json_number(b, 0));
    json_number_text(a, &text_a);
    json_number_text(b, &text_b);
    x = decimal_parse(buf_view(&text_a));
    y = decimal_parse(buf_view(&text_b));
    order = decimal_compare(&x, &y);
    decimal_free(&x);
    decimal_free(&y);
    buf_free(&text_a);
    buf_free(&text_b);
    return order;
}

static bool arrays_equal(const struct json *a, const struct json *b)
{
    const struct json *x = json_first(a), *y = json_first(b);
    while (x != NULL && y != NULL && json_equal(x, y)) {
        x = json_next(x);
        y = json_next(y);
    }
    return x == NULL && y == NULL;
}

/* Whether each member of a is in b; of equal keys the last counts. */
static bool members_in(const struct json *a, const struct json *b, bool compare)
{
    for (const struct json *c = json_first(a); c != NULL; c = json_next(c)) {
        const struct json *other = json_get(b, json_key(c));
        if (other == NULL)
            return false;
        if (compare && json_get(a, json_key(c)) == c && !json_equal(c, other))
            return false;
    }
    return true;
}

static bool objects_equal(const struct json *a, const struct json *b)
{
    enum { FEW = 32 };
    struct buf text_a = BUF, text_b = BUF;
    bool equal;
    if (json_count(a) <= FEW && json_count(b) <= FEW)
        return members_in(a, b, true) && members_in(b, a, false);
    /* Sorting beats looking up: canonical text is equal when the values are. */
    json_write(a, JSON_CANONICAL, &text_a);
    json_write(b, JSON_CANONICAL, &text_b);
    equal = slice_equal(buf_view(&text_a), buf_view(&text_b));
    buf_free(&text_a);
    buf_free(&text_b);
    return equal;
}

bool json_equal(const struct json *a, const struct json *b)
{
    if (json_type(a) != json_type(b))
        return false;
    switch (json_type(a)) {
    case JSON_NUMBER: return json_number_compare(a, b) == 0;
    case JSON_STRING: return slice_equal(json_string(a), json_string(b));
    case JSON_ARRAY: return arrays_equal(a, b);
    case JSON_OBJECT: return objects_equal(a, b);
    case JSON_ABSENT:
    case JSON_NULL:
    case JSON_FALSE:
    case JSON_TRUE: break;
    }
    return true;
}
