/*
 * math: the final answer of a reply is the same expression (MATH, MATH-500).
 *
 * The answer is what stands in the last \boxed{}, else behind the last "answer is", else in the last
 * $…$, else the last line.  Both sides are written in one way (after Hendrycks et al. 2021,
 * is_equiv): no spacing and sizing commands, no units, \dfrac and a/b as \frac{}{}, \frac12 as
 * \frac{1}{2}, .5 as 0.5; equal texts are right, and so are equal numbers.
 */
#include "eval/graders.h"

#include "core/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- finding ------------------------------------------------------------------------------ */

static struct slice last_dollars(struct slice s)
{
    size_t close = s.len, open;
    while (close > 0 && s.data[close - 1] != '$')
        close--;
    if (close == 0)
        return (struct slice){NULL, 0};
    open = --close;
    while (open > 0 && s.data[open - 1] != '$')
        open--;
    return open == 0 ? (struct slice){NULL, 0} : slice_sub(s, open, close - open);
}

static struct slice last_line(struct slice s)
{
    size_t at;
    s = slice_trim(s);
    at = s.len;
    while (at > 0 && s.data[at - 1] != '\n')
        at--;
    return slice_sub(s, at, s.len);
}

static struct slice behind_answer_is(struct slice s)
{
    struct slice found = {NULL, 0}, rest = s;
    for (;;) {
        size_t at = slice_find(rest, SLICE("nswer is"));
        if (at == rest.len)
            break;
        rest = slice_sub(rest, at + 8, rest.len);
        found = slice_sub(rest, 0, slice_find(rest, SLICE("\n")));
    }
    return found;
}

static struct slice final_answer(struct slice reply)
{
    struct slice s = grade_final(reply), part = grade_boxed(s);
    if (part.data != NULL)
        return part;
    part = behind_answer_is(s);
    if (part.data != NULL) {
        struct slice inside = last_dollars(part);
        return inside.data != NULL ? inside : part;
    }
    part = last_dollars(s);
    return part.data != NULL ? part : last_line(s);
}

/* --- one way of writing ------------------------------------------------------------------- */

static const struct {
    const char *from, *to;
} rewrites[] = {
    {"\\!", ""},
    {"\\,", ""},
    {"\\;", ""},
    {"\\:", ""},
    {"\\ ", ""},
    {"\\left", ""},
    {"\\right", ""},
    {"\\bigl", ""},
    {"\\bigr", ""},
    {"\\big", ""},
    {"\\tfrac", "\\frac"},
    {"\\dfrac", "\\frac"},
    {"\\cfrac", "\\frac"},
    {"\\%", ""},
    {"%", ""},
    {"\\$", ""},
    {"$", ""},
    {"^{\\circ}", ""},
    {"^\\circ", ""},
    {"\\degree", ""},
    {"\\mathrm", "\\text"},
    {"\\textbf", "\\text"},
    {"\\mbox", "\\text"},
    {"\\neq", "\\ne"},
    {"\\leq", "\\le"},
    {"\\geq", "\\ge"},
    {" ", ""},
    {"\n", ""},
    {"~", ""},
    {"\\{", "{"},
    {"\\}", "}"},
};

static bool at_text(const char *s, const char *text)
{
    return strncmp(s, text, strlen(text)) == 0;
}

static void apply_rewrites(struct slice in, struct buf *out)
{
    for (size_t i = 0; i < in.len;) {
        size_t k, n = sizeof rewrites / sizeof *rewrites;
        for (k = 0; k < n; k++) {
            size_t len = strlen(rewrites[k].from);
            if (len <= in.len - i && memcmp(in.data + i, rewrites[k].from, len) == 0)
                break;
        }
        if (k == n) {
            buf_char(out, in.data[i++]);
        } else {
            buf_str(out, rewrites[k].to);
            i += strlen(rewrites[k].from);
        }
    }
}

/* Length of the argument at s: a braced group with its braces, a command, or one character. */
static size_t argument(const char *s)
{
    size_t n = 1;
    int depth = 0;
    if (*s == '\0')
        return 0;
    if (*s == '\\') {
        while ((s[n] >= 'a' && s[n] <= 'z') || (s[n] >= 'A' && s[n] <= 'Z'))
            n++;
        return n;
    }
    if (*s != '{')
        return 1;
    for (n = 0; s[n] != '\0'; n++) {
        depth += s[n] == '{' ? 1 : s[n] == '}' ? -1 : 0;
        if (depth == 0)
            return n + 1;
    }
    return n;
}

static void add_braced(struct buf *out, const char *s, size_t n)
{
    if (n != 0 && *s == '{')
        buf_add(out, s, n);
    else {
        buf_char(out, '{');
        buf_add(out, s, n);
        buf_char(out, '}');
    }
}

/* \frac12 and \frac{1}2 to \frac{1}{2}; \sqrt3 to \sqrt{3}; .5 to 0.5; \text{units} gone unless it
 * is the whole answer (then its inside). */
static void regularise(const char *s, struct buf *out)
{
    const char *whole = s;
    while (*s != '\0') {
        size_t a, b;
        if (at_text(s, "\\frac") || at_text(s, "\\sqrt")) {
            bool two = s[1] == 'f';
            buf_add(out, s, 5);
            s += 5;
            if (*s == '[')
                continue;
            a = argument(s);
            add_braced(out, s, a);
            s += a;
            b = two ? argument(s) : 0;
            if (two)
                add_braced(out, s, b);
            s += b;
        } else if (at_text(s, "\\text{")) {
            a = argument(s + 5);
            if ((s == whole && s[5 + a] == '\0') && a >= 2)
                buf_add(out, s + 6, a - 2);
            s += 5 + a;
        } else if (*s == '.' && (s == whole || strchr("{(,=+-", s[-1]) != NULL)) {
            buf_str(out, "0.");
            s++;
        } else {
            buf_char(out, *s++);
        }
    }
}

static bool digits_only(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] < '0' || s[i] > '9')
            return false;
    return n != 0;
}

/* "x=5" to "5" (a short left side), "3/4" to "\frac{3}{4}", "1,000" to "1000", a full stop at the
 * end away. */
static void finish(struct buf *b, struct buf *out)
{
    const char *s = buf_text(b), *equals = strchr(s, '='), *slash;
    size_t n;
    if (equals != NULL && equals - s <= 2)
        s = equals + 1;
    n = strlen(s);
    while (n != 0 && s[n - 1] == '.')
        n--;
    slash = memchr(s, '/', n);
    if (slash != NULL && digits_only(s, (size_t)(slash - s)) &&
        digits_only(slash + 1, n - (size_t)(slash - s) - 1)) {
        buf_printf(out, "\\frac{%.*s}{%.*s}", (int)(slash - s), s,
                   (int)(n - (size_t)(slash - s) - 1), slash + 1);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        bool thousands = s[i] == ',' && i != 0 && digits_only(s + i - 1, 1) && i + 3 < n &&
                         digits_only(s + i + 1, 3) && (i + 4 >= n || !digits_only(s + i + 4, 1)) &&
                         memchr(s, '(', n) == NULL;
        if (!thousands)
            buf_char(out, s[i]);
    }
}

static void canonical(struct slice answer, struct buf *out)
{
    struct buf a = BUF, b = BUF;
    apply_rewrites(slice_trim(answer), &a);
    regularise(buf_text(&a), &b);
    finish(&b, out);
    buf_free(&a);
    buf_free(&b);
}

/* A plain number or \frac{a}{b} of plain numbers. */
static bool value_of(const char *s, double *value)
{
    char *end;
    double sign = 1, over, under;
    if (*s == '-') {
        sign = -1;
        s++;
    }
    if (at_text(s, "\\frac{")) {
        over = strtod(s + 6, &end);
        if (end == s + 6 || end[0] != '}' || end[1] != '{')
            return false;
        s = end + 2;
        under = strtod(s, &end);
        if (end == s || end[0] != '}' || end[1] != '\0' || !(fabs(under) > 0))
            return false;
        *value = sign * over / under;
        return true;
    }
    *value = sign * strtod(s, &end);
    return end != s && *end == '\0' && isfinite(*value);
}

static bool same(void *context, struct slice answer)
{
    const struct buf *reply = context;
    struct buf b = BUF;
    double x, y;
    bool equal;
    canonical(answer, &b);
    equal = slice_equal(buf_view(&b), buf_view(reply)) ||
            (value_of(buf_text(&b), &x) && value_of(buf_text(reply), &y) &&
             fabs(x - y) <= 1e-9 * fmax(fabs(x), fabs(y)));
    buf_free(&b);
    return equal;
}

static void grade(const struct grade_input *in, struct grade *out)
{
    struct buf reply = BUF;
    canonical(final_answer(in->reply), &reply);
    out->score = grade_any_answer(in->item, same, &reply) ? 1 : 0;
    buf_slice(&out->why, slice_sub(buf_view(&reply), 0, 80));
    buf_free(&reply);
}

const struct grader grade_math = {
    .name = "math",
    .summary = "the final expression is the answer's, written in one way",
    .check = grade_needs_answer,
    .grade = grade,
};
