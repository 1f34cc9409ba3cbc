/*
 * numeric: the number a reply comes to is the answer's.
 *
 * The number is looked for in this order: inside the last \boxed{}, behind the last "####" (GSM8K),
 * behind the last "answer is" or "answer:", and else it is the last number of the reply.  Read are
 * signs, thousands commas, decimals, exponents, a/b, a currency sign before and % behind.
 * args.tolerance: largest relative difference, 1e-6 unless said.
 */
#include "eval/graders.h"

#include "core/unicode.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Read the number at `at`; 0 when there is none, else how many bytes it takes. */
static size_t read_plain(struct slice s, size_t at, double *value)
{
    char text[64], *end;
    size_t n = 0, i = at;
    bool any = false;
    if (i < s.len && (s.data[i] == '-' || s.data[i] == '+'))
        text[n++] = s.data[i++];
    for (; i < s.len && n < sizeof text - 8; i++) {
        char c = s.data[i];
        if (digit(c))
            any = true;
        else if (c == ',' && any && i + 3 < s.len && digit(s.data[i + 1]) && digit(s.data[i + 2]) &&
                 digit(s.data[i + 3]))
            continue;
        else if (c != '.' || i + 1 >= s.len || !digit(s.data[i + 1]) ||
                 memchr(text, '.', n) != NULL)
            break;
        text[n++] = c;
    }
    if (!any)
        return 0;
    if (i + 1 < s.len && (s.data[i] == 'e' || s.data[i] == 'E') &&
        (digit(s.data[i + 1]) || (s.data[i + 1] == '-' && i + 2 < s.len && digit(s.data[i + 2])))) {
        text[n++] = s.data[i++];
        do
            text[n++] = s.data[i++];
        while (i < s.len && digit(s.data[i]) && n < sizeof text - 1);
    }
    text[n] = '\0';
    *value = strtod(text, &end);
    return i - at;
}

static size_t read_number(struct slice s, size_t at, double *value)
{
    size_t n = read_plain(s, at, value), m;
    double under;
    if (n == 0)
        return 0;
    if (at + n + 1 < s.len && s.data[at + n] == '/' && digit(s.data[at + n + 1]) &&
        (m = read_plain(s, at + n + 1, &under)) != 0 && fabs(under) > 0) {
        *value /= under;
        n += 1 + m;
    }
    return n;
}

static bool last_number(struct slice s, double *value)
{
    bool found = false;
    for (size_t at = 0; at < s.len;) {
        bool inside =
            at > 0 && (digit(s.data[at - 1]) || (s.data[at] == '-' && s.data[at - 1] > ' '));
        size_t n = inside ? 0 : read_number(s, at, value);
        found = found || n != 0;
        at += n != 0 ? n : 1;
    }
    return found;
}

static bool first_number(struct slice s, double *value)
{
    for (size_t at = 0; at < s.len; at++)
        if (read_number(s, at, value) != 0)
            return true;
    return false;
}

/* What stands behind the last occurrence of a word, whatever its case; absent for none. */
static struct slice behind_last(struct slice s, const char *word)
{
    size_t len = strlen(word);
    for (size_t at = s.len; at-- > 0;) {
        size_t i = 0;
        while (i < len && at + i < s.len && (s.data[at + i] | 32) == (word[i] | 32))
            i++;
        if (i == len)
            return slice_sub(s, at + len, s.len);
    }
    return (struct slice){NULL, 0};
}

static bool number_of(struct slice s, double *value)
{
    static const char *const words[] = {"####", "answer is", "answer:"};
    struct slice part = grade_boxed(s);
    if (part.data != NULL && last_number(part, value))
        return true;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        part = behind_last(s, words[i]);
        if (part.data != NULL && first_number(part, value))
            return true;
    }
    return last_number(s, value);
}

struct wanted {
    double value, tolerance;
};

static bool same(void *context, struct slice answer)
{
    const struct wanted *w = context;
    double a;
    return number_of(answer, &a) &&
           fabs(a - w->value) <= w->tolerance * fmax(fmax(fabs(a), fabs(w->value)), 1e-300);
}

static void grade(const struct grade_input *in, struct grade *out)
{
    struct wanted w = {0, json_number(json_get(in->item->args, "tolerance"), 1e-6)};
    if (!number_of(grade_final(in->reply), &w.value)) {
        buf_str(&out->why, "no number in the reply");
        return;
    }
    buf_printf(&out->why, "%.10g", w.value);
    out->score = grade_any_answer(in->item, same, &w) ? 1 : 0;
}

const struct grader grade_numeric = {
    .name = "numeric",
    .summary = "the number the reply comes to is the answer's",
    .check = grade_needs_answer,
    .grade = grade,
};
