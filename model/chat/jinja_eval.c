/* Expressions: tree to value. */
#include "model/chat/jinja.h"

#include "core/unicode.h"

#include <math.h>
#include <string.h>

/* --- arithmetic ------------------------------------------------------------------------- */

static struct jinja_value bad_operands(struct jinja *j, const char *op, struct jinja_value a,
                                       struct jinja_value b)
{
    const struct jinja_value *u = a.kind == JV_UNDEFINED ? &a : b.kind == JV_UNDEFINED ? &b : NULL;
    if (u != NULL)
        return jinja_error(j, "%s", u->as.missing != NULL ? u->as.missing : "a value is undefined");
    return jinja_error(j, "unsupported operand type(s) for %s: '%s' and '%s'", op, jinja_type(a),
                       jinja_type(b));
}

static struct jinja_value joined_lists(struct jinja *j, struct jinja_value a, struct jinja_value b)
{
    struct jinja_value list = jinja_list_new(j);
    for (size_t i = 0; i < a.as.list->n; i++)
        jinja_push(j, list, a.as.list->items[i]);
    for (size_t i = 0; i < b.as.list->n; i++)
        jinja_push(j, list, b.as.list->items[i]);
    list.kind = a.kind;
    return list;
}

static struct jinja_value repeated(struct jinja *j, struct jinja_value v, int64_t times)
{
    struct jinja_value all = jinja_text(j, "");
    if (times > JINJA_RANGE)
        return jinja_error(j, "a string is repeated too often");
    for (int64_t i = 0; i < times && !j->failed; i++)
        all = jinja_concat(j, all, v);
    return all;
}

static int64_t whole(struct jinja_value v)
{
    return v.kind == JV_BOOL ? v.as.truth : v.as.integer;
}

/* Integer arithmetic as Python's, but 64 bits wide: overflow is an error. */
static struct jinja_value integers(struct jinja *j, enum jinja_op op, int64_t a, int64_t b)
{
    int64_t r = 0;
    bool over = false;
    if (op == JO_ADD)
        over = __builtin_add_overflow(a, b, &r);
    else if (op == JO_SUBTRACT)
        over = __builtin_sub_overflow(a, b, &r);
    else if (op == JO_MULTIPLY)
        over = __builtin_mul_overflow(a, b, &r);
    else if (b == 0)
        return jinja_error(j, "division by zero");
    else if (a == INT64_MIN && b == -1)
        over = true;
    else if (op == JO_FLOOR)
        r = a / b - (a % b != 0 && (a % b < 0) != (b < 0));
    else
        r = a % b + (a % b != 0 && (a % b < 0) != (b < 0) ? b : 0);
    return over ? jinja_error(j, "an integer is too large") : jinja_integer(r);
}

static struct jinja_value floats(struct jinja *j, enum jinja_op op, double a, double b)
{
    double r;
    bool zero = !(b < 0) && !(b > 0);
    if ((op == JO_DIVIDE || op == JO_FLOOR || op == JO_MODULO) && zero)
        return jinja_error(j, "division by zero");
    if (op == JO_ADD)
        r = a + b;
    else if (op == JO_SUBTRACT)
        r = a - b;
    else if (op == JO_MULTIPLY)
        r = a * b;
    else if (op == JO_DIVIDE)
        r = a / b;
    else if (op == JO_FLOOR)
        r = floor(a / b);
    else
        r = a - b * floor(a / b);
    return jinja_float(r);
}

static struct jinja_value power(struct jinja *j, struct jinja_value a, struct jinja_value b)
{
    struct jinja_value r = jinja_integer(1);
    if (a.kind == JV_FLOAT || b.kind == JV_FLOAT || whole(b) < 0)
        return jinja_float(pow(jinja_number(a), jinja_number(b)));
    if (whole(b) > 64 && (whole(a) > 1 || whole(a) < -1))
        return jinja_error(j, "an integer is too large");
    for (int64_t i = 0; i < (whole(b) > 64 ? 64 + whole(b) % 2 : whole(b)) && !j->failed; i++)
        r = integers(j, JO_MULTIPLY, r.as.integer, whole(a));
    return r;
}

static struct jinja_value arithmetic(struct jinja *j, enum jinja_op op, struct jinja_value a,
                                     struct jinja_value b)
{
    static const char *const signs[] = {"+", "-", "*", "/", "//", "%", "**"};
    if (op == JO_JOIN)
        return jinja_concat(j, jinja_str(j, a), jinja_str(j, b));
    if (jinja_is_number(a) && jinja_is_number(b)) {
        if (op == JO_POWER)
            return power(j, a, b);
        if (op == JO_DIVIDE || a.kind == JV_FLOAT || b.kind == JV_FLOAT)
            return floats(j, op, jinja_number(a), jinja_number(b));
        return integers(j, op, whole(a), whole(b));
    }
    if (op == JO_ADD && a.kind == JV_STRING && b.kind == JV_STRING)
        return jinja_concat(j, a, b);
    if (op == JO_ADD && (a.kind == JV_LIST || a.kind == JV_TUPLE) && a.kind == b.kind)
        return joined_lists(j, a, b);
    if (op == JO_MULTIPLY && a.kind == JV_STRING && b.kind == JV_INTEGER)
        return repeated(j, a, b.as.integer);
    if (op == JO_MULTIPLY && b.kind == JV_STRING && a.kind == JV_INTEGER)
        return repeated(j, b, a.as.integer);
    return bad_operands(j, signs[op], a, b);
}

static bool compared(struct jinja *j, enum jinja_op op, struct jinja_value a, struct jinja_value b)
{
    if (op == JO_EQUAL || op == JO_UNEQUAL)
        return jinja_equal(a, b) == (op == JO_EQUAL);
    if (op == JO_IN || op == JO_NOT_IN)
        return jinja_contains(j, b, a) == (op == JO_IN);
    if (a.kind == JV_UNDEFINED || b.kind == JV_UNDEFINED) {
        bad_operands(j, "<", a, b);
        return false;
    }
    if (op == JO_LESS)
        return jinja_compare(j, a, b) < 0;
    if (op == JO_LESS_EQUAL)
        return jinja_compare(j, a, b) <= 0;
    if (op == JO_MORE)
        return jinja_compare(j, a, b) > 0;
    return jinja_compare(j, a, b) >= 0;
}

static struct jinja_value negated(struct jinja *j, struct jinja_value v, bool negate)
{
    if (!jinja_is_number(v))
        return jinja_error(j, "bad operand type for unary %c: '%s'", negate ? '-' : '+',
                           jinja_type(v));
    if (v.kind == JV_FLOAT)
        return jinja_float(negate ? -v.as.real : v.as.real);
    return negate ? integers(j, JO_SUBTRACT, 0, whole(v)) : jinja_integer(whole(v));
}

/* --- slices ----------------------------------------------------------------------------- */

/* One bound of a slice, clamped as Python does. */
static int64_t bound(struct jinja *j, const struct jinja_node *node, int64_t missing, int64_t low,
                     int64_t high)
{
    struct jinja_value v = node != NULL ? jinja_eval(j, node) : JINJA_NONE;
    int64_t n = high + (low < 0 ? 1 : 0), i;
    if (v.kind == JV_NONE)
        return missing;
    if (v.kind != JV_INTEGER) {
        jinja_error(j, "slice indices must be integers or None");
        return missing;
    }
    i = v.as.integer < 0 ? v.as.integer + n : v.as.integer;
    return i < low ? low : i > high ? high : i;
}

static struct jinja_value sliced(struct jinja *j, const struct jinja_node *node)
{
    struct jinja_value v = jinja_eval(j, node->kids[0]), list, text;
    struct jinja_value s = node->kids[3] != NULL ? jinja_eval(j, node->kids[3]) : JINJA_NONE;
    int64_t step = s.kind == JV_INTEGER ? s.as.integer : 1, n, from, to;
    const struct jinja_list *items;
    if (v.kind == JV_UNDEFINED)
        return bad_operands(j, "[:]", v, v);
    if (step == 0 || (s.kind != JV_INTEGER && s.kind != JV_NONE))
        return jinja_error(j, "slice step must be an integer other than zero");
    if (v.kind != JV_STRING && v.kind != JV_LIST && v.kind != JV_TUPLE)
        return jinja_error(j, "'%s' object is not subscriptable", jinja_type(v));
    items = jinja_items(j, v);
    if (items == NULL || j->failed)
        return JINJA_UNDEFINED;
    n = (int64_t)items->n;
    from = bound(j, node->kids[1], step > 0 ? 0 : n - 1, step > 0 ? 0 : -1, step > 0 ? n : n - 1);
    to = bound(j, node->kids[2], step > 0 ? n : -1, step > 0 ? 0 : -1, step > 0 ? n : n - 1);
    list = jinja_list_new(j);
    text = jinja_text(j, "");
    for (int64_t i = from; (step > 0 ? i < to : i > to) && !j->failed; i += step) {
        jinja_push(j, list, items->items[i]);
        if (step > n || step < -n)
            break;
    }
    list.kind = v.kind == JV_STRING ? JV_LIST : v.kind;
    if (v.kind != JV_STRING)
        return list;
    if (step == 1 && from < to) { /* keep it one piece */
        const char *first = items->items[from].as.string->data;
        const struct jinja_string *last = items->items[to - 1].as.string;
        size_t begin = (size_t)(first - v.as.string->data);
        return jinja_sub(j, v, begin, (size_t)(last->data + last->len - v.as.string->data));
    }
    for (size_t i = 0; i < list.as.list->n && !j->failed; i++)
        text = jinja_concat(j, text, list.as.list->items[i]);
    return text;
}

/* --- calls ------------------------------------------------------------------------------ */

struct jinja_value jinja_arg(const struct jinja_args *a, size_t i, const char *name)
{
    if (i < a->n)
        return a->items[i];
    for (size_t k = 0; name != NULL && k < a->n_named; k++)
        if (slice_is(jinja_slice(a->named[k].key), name))
            return a->named[k].value;
    return JINJA_UNDEFINED;
}

/* The arguments of a call, filter or test: kids from `first` on. */
static struct jinja_args arguments(struct jinja *j, const struct jinja_node *node, size_t first)
{
    struct jinja_args a = {NULL, 0, NULL, 0};
    size_t n = node->n - first;
    if (n == 0)
        return a;
    a.items = jinja_alloc(j, n * sizeof *a.items);
    a.named = jinja_alloc(j, n * sizeof *a.named);
    for (size_t i = first; i < node->n && !j->failed; i++) {
        const struct jinja_node *kid = node->kids[i];
        if (kid->kind == JN_KEYWORD) {
            a.named[a.n_named].key = jinja_string(j, kid->text);
            a.named[a.n_named++].value = jinja_eval(j, kid->kids[0]);
        } else {
            a.items[a.n++] = jinja_eval(j, kid);
        }
    }
    return a;
}

static struct jinja_value call(struct jinja *j, const struct jinja_node *node)
{
    struct jinja_value f = jinja_eval(j, node->kids[0]);
    struct jinja_args a = arguments(j, node, 1);
    if (j->failed)
        return JINJA_UNDEFINED;
    if (f.kind == JV_FUNCTION)
        return f.as.function->call(j, &a);
    if (f.kind == JV_MACRO)
        return jinja_call_macro(j, f.as.macro, &a);
    if (f.kind == JV_METHOD)
        return jinja_call_method(j, f.as.method, &a);
    if (f.kind == JV_UNDEFINED && f.as.missing != NULL)
        return jinja_error(j, "%s", f.as.missing);
    return jinja_error(j, "'%s' object is not callable", jinja_type(f));
}

/* --- the tree --------------------------------------------------------------------------- */

static struct jinja_value list_of(struct jinja *j, const struct jinja_node *node)
{
    struct jinja_value list = jinja_list_new(j);
    for (size_t i = 0; i < node->n && !j->failed; i++)
        jinja_push(j, list, jinja_eval(j, node->kids[i]));
    list.kind = node->kind == JN_TUPLE ? JV_TUPLE : JV_LIST;
    return list;
}

static struct jinja_value dict_of(struct jinja *j, const struct jinja_node *node)
{
    struct jinja_value dict = jinja_dict_new(j);
    for (size_t i = 0; i + 1 < node->n && !j->failed; i += 2) {
        struct jinja_value key = jinja_eval(j, node->kids[i]);
        jinja_put(j, dict, key, jinja_eval(j, node->kids[i + 1]));
    }
    return dict;
}

static struct jinja_value filtered(struct jinja *j, const struct jinja_node *node)
{
    struct jinja_value v = jinja_eval(j, node->kids[0]);
    struct jinja_args a = arguments(j, node, 1);
    return j->failed ? JINJA_UNDEFINED : jinja_filter(j, node->text, v, &a);
}

static struct jinja_value tested(struct jinja *j, const struct jinja_node *node)
{
    struct jinja_value v = jinja_eval(j, node->kids[0]);
    struct jinja_args a = arguments(j, node, 1);
    return j->failed ? JINJA_UNDEFINED : jinja_bool(jinja_test(j, node->text, v, &a));
}

static struct jinja_value two(struct jinja *j, const struct jinja_node *node)
{
    struct jinja_value a = jinja_eval(j, node->kids[0]), b;
    if (node->kind == JN_AND && !jinja_true(a))
        return a;
    if (node->kind == JN_OR && jinja_true(a))
        return a;
    b = jinja_eval(j, node->kids[1]);
    if (j->failed)
        return JINJA_UNDEFINED;
    if (node->kind == JN_BINARY)
        return arithmetic(j, node->op, a, b);
    if (node->kind == JN_COMPARE)
        return jinja_bool(compared(j, node->op, a, b));
    if (node->kind == JN_ITEM)
        return jinja_item(j, a, b);
    return b;
}

static struct jinja_value choice(struct jinja *j, const struct jinja_node *node)
{
    if (jinja_true(jinja_eval(j, node->kids[1])))
        return jinja_eval(j, node->kids[0]);
    return node->kids[2] != NULL ? jinja_eval(j, node->kids[2]) : JINJA_UNDEFINED;
}

struct jinja_value jinja_eval(struct jinja *j, const struct jinja_node *node)
{
    if (j->failed)
        return JINJA_UNDEFINED;
    j->line = node->line;
    if (++j->steps > JINJA_STEPS) {
        j->failed = true;
        error_set(j->error, ERROR_LIMIT, "line %d: the template does not come to an end",
                  node->line);
        return JINJA_UNDEFINED;
    }
    switch (node->kind) {
    case JN_LITERAL: return node->value;
    case JN_NAME: return jinja_get(j, node->text);
    case JN_LIST:
    case JN_TUPLE: return list_of(j, node);
    case JN_DICT: return dict_of(j, node);
    case JN_ATTRIBUTE: return jinja_attribute(j, jinja_eval(j, node->kids[0]), node->text);
    case JN_SLICE: return sliced(j, node);
    case JN_CALL: return call(j, node);
    case JN_FILTER: return filtered(j, node);
    case JN_TEST: return tested(j, node);
    case JN_NOT: return jinja_bool(!jinja_true(jinja_eval(j, node->kids[0])));
    case JN_NEGATE: return negated(j, jinja_eval(j, node->kids[0]), true);
    case JN_PLUS: return negated(j, jinja_eval(j, node->kids[0]), false);
    case JN_AND:
    case JN_OR:
    case JN_BINARY:
    case JN_COMPARE:
    case JN_ITEM: return two(j, node);
    case JN_IF_ELSE: return choice(j, node);
    case JN_KEYWORD:
    case JN_TEXT:
    case JN_OUTPUT:
    case JN_BLOCK:
    case JN_IF:
    case JN_FOR:
    case JN_SET:
    case JN_SET_BLOCK:
    case JN_MACRO:
    case JN_BREAK:
    case JN_CONTINUE:
    case JN_GENERATION: break;
    }
    return jinja_error(j, "not an expression");
}
