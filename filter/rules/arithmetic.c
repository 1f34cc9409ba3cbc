/*
 * Wrong sums in the reply: "a op b = c" with + - * x / and two or more numbers, worked out by the
 * usual precedence and compared within rounding.  Algebra (a letter beside an operator), dates and
 * chains of which only a part can be read are passed over.  Flagged unless the recipe says
 * "remove".
 */
#include "filter/rules.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t blanks(struct slice s, size_t at)
{
    while (at < s.len && s.data[at] == ' ')
        at++;
    return at;
}

/* A number at `at`, "$1,200.50" too; false where there is none. */
static bool take_number(struct slice s, size_t *at, double *value, int *places)
{
    char text[32];
    size_t n = 0, i = *at;
    *places = 0;
    if (i < s.len && s.data[i] == '$')
        i++;
    if (i >= s.len || !digit(s.data[i]))
        return false;
    bool point = false;
    for (; i < s.len && n + 1 < sizeof text; i++) {
        if (digit(s.data[i])) {
            text[n++] = s.data[i];
            *places += point;
        } else if (s.data[i] == '.' && !point && i + 1 < s.len && digit(s.data[i + 1])) {
            point = true;
            text[n++] = '.';
        } else if (s.data[i] != ',' || i + 3 >= s.len || !digit(s.data[i + 1]) ||
                   !digit(s.data[i + 2]) || !digit(s.data[i + 3])) {
            break;
        }
    }
    text[n] = '\0';
    *value = strtod(text, NULL);
    *at = i;
    return n < 18 && !(i < s.len && ((s.data[i] | 0x20) >= 'a' && (s.data[i] | 0x20) <= 'z'));
}

static char take_operator(struct slice s, size_t *at)
{
    const size_t i = blanks(s, *at);
    if (i >= s.len)
        return '\0';
    const char c = s.data[i];
    if (strchr("+-*/", c) != NULL && c != '\0') {
        *at = i + 1;
        return c;
    }
    if (s.len - i > 1 && (memcmp(s.data + i, "×", 2) == 0 || memcmp(s.data + i, "÷", 2) == 0)) {
        *at = i + 2;
        return s.data[i + 1] == '\x97' ? '*' : '/';
    }
    if ((c == 'x' || c == 'X') && i > *at && i + 1 < s.len && s.data[i + 1] == ' ') {
        *at = i + 1;
        return '*';
    }
    return '\0';
}

struct claim {
    double value, stated;
    size_t from, to;
};

/* A chain of operations that starts at `at` and ends in "= number". */
static bool take_claim(struct slice s, size_t at, struct claim *c)
{
    double sum = 0, term, x, stated;
    int places = 0, operations = 0;
    char op;
    c->from = at;
    if (!take_number(s, &at, &term, &places))
        return false;
    while ((op = take_operator(s, &at)) != '\0') {
        at = blanks(s, at);
        if (!take_number(s, &at, &x, &places) || (op == '/' && !(fabs(x) > 0)))
            return false;
        operations++;
        if (op == '*' || op == '/') {
            term = op == '*' ? term * x : term / x;
        } else {
            sum += term;
            term = op == '+' ? x : -x;
        }
    }
    at = blanks(s, at);
    if (operations == 0 || at >= s.len || s.data[at] != '=')
        return false;
    if (operations == 1 && memchr(s.data + c->from, '/', at - c->from) != NULL &&
        memchr(s.data + c->from, ' ', at - c->from) == NULL)
        return false; /* "1/2 = …": a fraction of something named before */
    at = blanks(s, at + 1);
    const bool negative = at < s.len && s.data[at] == '-';
    at += negative;
    if (!take_number(s, &at, &stated, &places))
        return false;
    const size_t next = blanks(s, at);
    if (next < s.len && strchr("+*/^%", s.data[next]) != NULL && s.data[next] != '\0')
        return false; /* the stated side is no plain number */
    c->to = at;
    c->value = sum + term;
    c->stated = negative ? -stated : stated;
    return fabs(c->value - c->stated) > 0.51 * pow(10, -places) + 1e-9 * fabs(c->value);
}

static bool judge(const void *state, const struct row *row, struct finding *out)
{
    const struct slice s = row->output;
    struct claim c;
    (void)state;
    if (s.len == 0 || memchr(s.data, '=', s.len) == NULL)
        return false;
    for (size_t at = 0; at < s.len; at++) {
        size_t back = at;
        if (!digit(s.data[at]) ||
            (at > 0 && (digit(s.data[at - 1]) || s.data[at - 1] == '.' || s.data[at - 1] == ',')))
            continue;
        while (back > 0 && (s.data[back - 1] == ' ' || s.data[back - 1] == '$'))
            back--;
        if (back > 0 && strchr("+-*/^=(%)", s.data[back - 1]) != NULL)
            continue; /* the middle of a longer chain */
        if (back > 1 && ((unsigned char)s.data[back - 1] >= 0x80 || s.data[back - 1] == 'x'))
            continue;
        if (!take_claim(s, at, &c))
            continue;
        finding_value(out, c.stated, c.value);
        finding_span(out, "output", c.from, c.to);
        finding_why(out, "\"%.*s\", but it is %.6g", (int)(c.to - c.from < 80 ? c.to - c.from : 80),
                    s.data + c.from, c.value);
        return true;
    }
    return false;
}

const struct filter_rule rule_arithmetic = {
    .name = "arithmetic",
    .version = 1,
    .action = VERDICT_FLAG,
    .summary = "a sum in the reply is wrong",
    .judge = judge,
};
