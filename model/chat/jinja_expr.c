/* Expressions of a template, by recursive descent in Jinja's order of precedence. */
#include "model/chat/jinja.h"

#include <string.h>

static struct jinja_node *unary(struct jinja_parser *p, bool filters);

/* Guards every level of recursion. */
static bool enter(struct jinja_parser *p)
{
    if (p->failed || ++p->depth > JINJA_NESTING) {
        jinja_fail(p, "expressions are nested too deeply");
        return false;
    }
    return true;
}

static struct jinja_node *leave(struct jinja_parser *p, struct jinja_node *node)
{
    p->depth--;
    return node;
}

static struct jinja_node *pair(struct jinja_parser *p, enum jinja_node_kind kind,
                               struct jinja_node *left, struct jinja_node *right)
{
    struct jinja_node *n = jinja_node(p, kind);
    jinja_adopt(p, n, left);
    jinja_adopt(p, n, right);
    return n;
}

static struct jinja_node *binary(struct jinja_parser *p, enum jinja_op op, struct jinja_node *left,
                                 struct jinja_node *right)
{
    struct jinja_node *n = pair(p, JN_BINARY, left, right);
    n->op = op;
    return n;
}

static bool op(struct jinja_parser *p, const char *text)
{
    return jinja_accept(p, JT_OPERATOR, text);
}

static bool word(struct jinja_parser *p, const char *text)
{
    return jinja_accept(p, JT_NAME, text);
}

static bool next_is(const struct jinja_parser *p, enum jinja_token_kind kind, const char *text)
{
    return p->at->kind != JT_END && p->at[1].kind == kind && slice_is(p->at[1].text, text);
}

/* --- literals --------------------------------------------------------------------------- */

static struct jinja_node *literal(struct jinja_parser *p, struct jinja_value value)
{
    struct jinja_node *n = jinja_node(p, JN_LITERAL);
    n->value = value;
    return n;
}

/* Strings side by side are one. */
static struct jinja_node *string_literal(struct jinja_parser *p)
{
    struct buf joined = BUF_MAX(JINJA_SOURCE_MAX);
    struct jinja_string *s = arena_alloc(p->arena, sizeof *s);
    struct slice text;
    while (p->at->kind == JT_STRING)
        buf_slice(&joined, (p->at++)->text);
    text = arena_copy(p->arena, buf_view(&joined));
    buf_free(&joined);
    *s = (struct jinja_string){text.data, text.len, NULL, 0};
    return literal(p, (struct jinja_value){.kind = JV_STRING, .as.string = s});
}

static struct jinja_node *list_literal(struct jinja_parser *p)
{
    struct jinja_node *n = jinja_node(p, JN_LIST);
    while (!p->failed && !op(p, "]")) {
        jinja_adopt(p, n, jinja_expression(p, true));
        if (!jinja_is(p, JT_OPERATOR, "]"))
            jinja_expect(p, JT_OPERATOR, ",");
    }
    return n;
}

static struct jinja_node *dict_literal(struct jinja_parser *p)
{
    struct jinja_node *n = jinja_node(p, JN_DICT);
    while (!p->failed && !op(p, "}")) {
        jinja_adopt(p, n, jinja_expression(p, true));
        jinja_expect(p, JT_OPERATOR, ":");
        jinja_adopt(p, n, jinja_expression(p, true));
        if (!jinja_is(p, JT_OPERATOR, "}"))
            jinja_expect(p, JT_OPERATOR, ",");
    }
    return n;
}

/* ( … ): a grouped expression or a tuple. */
static struct jinja_node *parenthesis(struct jinja_parser *p)
{
    struct jinja_node *n;
    if (op(p, ")"))
        return jinja_node(p, JN_TUPLE);
    n = jinja_tuple(p, true);
    jinja_expect(p, JT_OPERATOR, ")");
    return n;
}

static struct jinja_node *name(struct jinja_parser *p)
{
    struct slice t = p->at->text;
    struct jinja_node *n;
    if (slice_is(t, "true") || slice_is(t, "True") || slice_is(t, "false") || slice_is(t, "False"))
        n = literal(p, (struct jinja_value){.kind = JV_BOOL,
                                            .as.truth = t.data[0] == 't' || t.data[0] == 'T'});
    else if (slice_is(t, "none") || slice_is(t, "None"))
        n = literal(p, JINJA_NONE);
    else {
        n = jinja_node(p, JN_NAME);
        n->text = t;
    }
    p->at++;
    return n;
}

static struct jinja_node *primary(struct jinja_parser *p)
{
    const struct jinja_token *t = p->at;
    if (t->kind == JT_NAME)
        return name(p);
    if (t->kind == JT_STRING)
        return string_literal(p);
    if (t->kind == JT_INTEGER || t->kind == JT_FLOAT) {
        p->at++;
        if (t->kind == JT_INTEGER)
            return literal(p, (struct jinja_value){.kind = JV_INTEGER, .as.integer = t->integer});
        return literal(p, (struct jinja_value){.kind = JV_FLOAT, .as.real = t->real});
    }
    if (op(p, "("))
        return parenthesis(p);
    if (op(p, "["))
        return list_literal(p);
    if (op(p, "{"))
        return dict_literal(p);
    return jinja_fail(p, "an expression is missing");
}

/* --- postfix ---------------------------------------------------------------------------- */

static struct jinja_node *subscript(struct jinja_parser *p, struct jinja_node *of)
{
    struct jinja_node *parts[3] = {NULL, NULL, NULL}, *n;
    bool slice = false;
    for (int i = 0; i < 3 && !p->failed; i++) {
        if (!jinja_is(p, JT_OPERATOR, ":") && !jinja_is(p, JT_OPERATOR, "]"))
            parts[i] = jinja_expression(p, true);
        if (!op(p, ":"))
            break;
        slice = true;
    }
    jinja_expect(p, JT_OPERATOR, "]");
    if (!slice)
        return parts[0] != NULL ? pair(p, JN_ITEM, of, parts[0])
                                : jinja_fail(p, "an index is missing");
    n = jinja_node(p, JN_SLICE);
    jinja_adopt(p, n, of);
    for (int i = 0; i < 3; i++)
        jinja_adopt(p, n, parts[i]);
    return n;
}

static void arguments(struct jinja_parser *p, struct jinja_node *call)
{
    while (!p->failed && !op(p, ")")) {
        if (p->at->kind == JT_NAME && next_is(p, JT_OPERATOR, "=")) {
            struct jinja_node *k = jinja_node(p, JN_KEYWORD);
            k->text = p->at->text;
            p->at += 2;
            jinja_adopt(p, k, jinja_expression(p, true));
            jinja_adopt(p, call, k);
        } else if (jinja_is(p, JT_OPERATOR, "*") || jinja_is(p, JT_OPERATOR, "**")) {
            jinja_fail(p, "* and ** in a call are not supported");
        } else {
            jinja_adopt(p, call, jinja_expression(p, true));
        }
        if (!jinja_is(p, JT_OPERATOR, ")"))
            jinja_expect(p, JT_OPERATOR, ",");
    }
}

static struct jinja_node *attribute(struct jinja_parser *p, struct jinja_node *of)
{
    struct jinja_node *n;
    if (p->at->kind == JT_INTEGER)
        return pair(p, JN_ITEM, of, primary(p));
    if (p->at->kind != JT_NAME)
        return jinja_fail(p, "a name is missing behind the dot");
    n = jinja_node(p, JN_ATTRIBUTE);
    n->text = (p->at++)->text;
    jinja_adopt(p, n, of);
    return n;
}

static struct jinja_node *call(struct jinja_parser *p, struct jinja_node *of)
{
    struct jinja_node *n = jinja_node(p, JN_CALL);
    jinja_adopt(p, n, of);
    arguments(p, n);
    return n;
}

static struct jinja_node *postfix(struct jinja_parser *p, struct jinja_node *n)
{
    while (!p->failed) {
        if (op(p, "."))
            n = attribute(p, n);
        else if (op(p, "["))
            n = subscript(p, n);
        else if (op(p, "("))
            n = call(p, n);
        else
            break;
    }
    return n;
}

static struct jinja_node *filter(struct jinja_parser *p, struct jinja_node *of)
{
    struct jinja_node *n = jinja_node(p, JN_FILTER);
    n->text = p->at->text;
    if (p->at->kind != JT_NAME || !jinja_known_filter(n->text))
        return jinja_fail(p, "the filter \"%.*s\" is not supported",
                          (int)(n->text.len < 40 ? n->text.len : 40), n->text.data);
    p->at++;
    jinja_adopt(p, n, of);
    if (op(p, "("))
        arguments(p, n);
    return n;
}

/* Does an argument without parentheses follow (`is divisibleby 3`)? */
static bool bare_argument(const struct jinja_parser *p)
{
    const struct jinja_token *t = p->at;
    if (t->kind == JT_NAME)
        return !slice_is(t->text, "else") && !slice_is(t->text, "or") &&
               !slice_is(t->text, "and") && !slice_is(t->text, "if") && !slice_is(t->text, "is");
    return t->kind == JT_STRING || t->kind == JT_INTEGER || t->kind == JT_FLOAT ||
           jinja_is(p, JT_OPERATOR, "[") || jinja_is(p, JT_OPERATOR, "{");
}

static struct jinja_node *test(struct jinja_parser *p, struct jinja_node *of)
{
    bool negated = word(p, "not");
    struct jinja_node *n = jinja_node(p, JN_TEST), *not ;
    n->text = p->at->text;
    if ((p->at->kind != JT_NAME) || !jinja_known_test(n->text))
        return jinja_fail(p, "the test \"%.*s\" is not supported",
                          (int)(n->text.len < 40 ? n->text.len : 40), n->text.data);
    p->at++;
    jinja_adopt(p, n, of);
    if (op(p, "("))
        arguments(p, n);
    else if (bare_argument(p))
        jinja_adopt(p, n, postfix(p, primary(p)));
    if (!negated)
        return n;
    not = jinja_node(p, JN_NOT);
    jinja_adopt(p, not, n);
    return not ;
}

static struct jinja_node *filters(struct jinja_parser *p, struct jinja_node *n)
{
    while (!p->failed) {
        if (op(p, "|"))
            n = filter(p, n);
        else if (word(p, "is"))
            n = test(p, n);
        else if (op(p, "("))
            n = call(p, n);
        else
            break;
    }
    return n;
}

/* --- operators -------------------------------------------------------------------------- */

static struct jinja_node *unary_of(struct jinja_parser *p, enum jinja_node_kind kind)
{
    struct jinja_node *n = jinja_node(p, kind);
    jinja_adopt(p, n, unary(p, false));
    return n;
}

static struct jinja_node *unary(struct jinja_parser *p, bool with_filters)
{
    struct jinja_node *n;
    if (!enter(p))
        return NULL;
    if (op(p, "-"))
        n = unary_of(p, JN_NEGATE);
    else if (op(p, "+"))
        n = unary_of(p, JN_PLUS);
    else
        n = primary(p);
    n = postfix(p, n);
    if (with_filters)
        n = filters(p, n);
    return leave(p, n);
}

static struct jinja_node *power(struct jinja_parser *p)
{
    struct jinja_node *n = unary(p, true);
    while (!p->failed && op(p, "**"))
        n = binary(p, JO_POWER, n, unary(p, true));
    return n;
}

static struct jinja_node *product(struct jinja_parser *p)
{
    struct jinja_node *n = power(p);
    while (!p->failed) {
        if (op(p, "*"))
            n = binary(p, JO_MULTIPLY, n, power(p));
        else if (op(p, "/"))
            n = binary(p, JO_DIVIDE, n, power(p));
        else if (op(p, "//"))
            n = binary(p, JO_FLOOR, n, power(p));
        else if (op(p, "%"))
            n = binary(p, JO_MODULO, n, power(p));
        else
            break;
    }
    return n;
}

static struct jinja_node *join(struct jinja_parser *p)
{
    struct jinja_node *n = product(p);
    while (!p->failed && op(p, "~"))
        n = binary(p, JO_JOIN, n, product(p));
    return n;
}

static struct jinja_node *sum(struct jinja_parser *p)
{
    struct jinja_node *n = join(p);
    while (!p->failed) {
        if (op(p, "+"))
            n = binary(p, JO_ADD, n, join(p));
        else if (op(p, "-"))
            n = binary(p, JO_SUBTRACT, n, join(p));
        else
            break;
    }
    return n;
}

static bool comparison(struct jinja_parser *p, enum jinja_op *out)
{
    static const struct {
        const char *text;
        enum jinja_op op;
    } operators[] = {
        {"==", JO_EQUAL},      {"!=", JO_UNEQUAL}, {"<=", JO_LESS_EQUAL},
        {">=", JO_MORE_EQUAL}, {"<", JO_LESS},     {">", JO_MORE},
    };
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        if (op(p, operators[i].text)) {
            *out = operators[i].op;
            return true;
        }
    if (word(p, "in")) {
        *out = JO_IN;
        return true;
    }
    if (jinja_is(p, JT_NAME, "not") && next_is(p, JT_NAME, "in")) {
        p->at += 2;
        *out = JO_NOT_IN;
        return true;
    }
    return false;
}

/* a < b < c is a < b and b < c. */
static struct jinja_node *compare(struct jinja_parser *p)
{
    struct jinja_node *left = sum(p), *all = NULL;
    enum jinja_op o;
    while (!p->failed && comparison(p, &o)) {
        struct jinja_node *right = sum(p), *one = pair(p, JN_COMPARE, left, right);
        one->op = o;
        all = all != NULL ? pair(p, JN_AND, all, one) : one;
        left = right;
    }
    return all != NULL ? all : left;
}

static struct jinja_node *negation(struct jinja_parser *p)
{
    struct jinja_node *n;
    if (!jinja_is(p, JT_NAME, "not"))
        return compare(p);
    if (!enter(p))
        return NULL;
    p->at++;
    n = jinja_node(p, JN_NOT);
    jinja_adopt(p, n, negation(p));
    return leave(p, n);
}

static struct jinja_node *conjunction(struct jinja_parser *p)
{
    struct jinja_node *n = negation(p);
    while (!p->failed && word(p, "and"))
        n = pair(p, JN_AND, n, negation(p));
    return n;
}

static struct jinja_node *disjunction(struct jinja_parser *p)
{
    struct jinja_node *n = conjunction(p);
    while (!p->failed && word(p, "or"))
        n = pair(p, JN_OR, n, conjunction(p));
    return n;
}

struct jinja_node *jinja_expression(struct jinja_parser *p, bool with_condition)
{
    struct jinja_node *n;
    if (!enter(p))
        return NULL;
    n = disjunction(p);
    while (with_condition && !p->failed && word(p, "if")) {
        struct jinja_node *choice = jinja_node(p, JN_IF_ELSE);
        jinja_adopt(p, choice, n);
        jinja_adopt(p, choice, disjunction(p));
        jinja_adopt(p, choice, word(p, "else") ? jinja_expression(p, true) : NULL);
        n = choice;
    }
    return leave(p, n);
}

/* What may stand behind a comma that ends a tuple. */
static bool tuple_ends(const struct jinja_parser *p)
{
    return p->at->kind == JT_BLOCK_END || p->at->kind == JT_PRINT_END || p->at->kind == JT_END ||
           jinja_is(p, JT_OPERATOR, ")");
}

struct jinja_node *jinja_tuple(struct jinja_parser *p, bool with_condition)
{
    struct jinja_node *first = jinja_expression(p, with_condition), *n;
    if (p->failed || !jinja_is(p, JT_OPERATOR, ","))
        return first;
    n = jinja_node(p, JN_TUPLE);
    jinja_adopt(p, n, first);
    while (!p->failed && op(p, ",") && !tuple_ends(p))
        jinja_adopt(p, n, jinja_expression(p, with_condition));
    return n;
}
