#include "core/decimal.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST_POINT    INT64_C(1000000000000000)
#define LARGEST_EXPONENT INT64_C(1000000000000000000)

static int64_t parse_exponent(const char *p, const char *end)
{
    bool negative = p < end && *p == '-';
    int64_t value = 0;
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    for (; p < end && value < LARGEST_EXPONENT / 10; p++)
        value = value * 10 + (*p - '0');
    return negative ? -value : value;
}

struct decimal decimal_parse(struct slice literal)
{
    struct decimal d = {false, BUF, 0};
    const char *p = literal.data, *end = p + literal.len;
    bool fraction = false;
    if (p < end && *p == '-') {
        d.negative = true;
        p++;
    }
    for (; p < end && *p != 'e' && *p != 'E'; p++) {
        if (*p == '.') {
            fraction = true;
        } else if (*p == '0' && d.digits.len == 0) {
            d.point -= fraction;
        } else {
            buf_char(&d.digits, *p);
            d.point += !fraction;
        }
    }
    if (p < end)
        d.point += parse_exponent(p + 1, end);
    if (d.point > LARGEST_POINT || d.point < -LARGEST_POINT)
        d.point = d.point > 0 ? LARGEST_POINT : -LARGEST_POINT;
    while (d.digits.len != 0 && d.digits.data[d.digits.len - 1] == '0')
        d.digits.len--;
    if (d.digits.len == 0) {
        d.negative = false;
        d.point = 0;
    }
    return d;
}

void decimal_free(struct decimal *d)
{
    buf_free(&d->digits);
}

static int compare_size(const struct decimal *a, const struct decimal *b)
{
    if (a->digits.len == 0 || b->digits.len == 0)
        return (a->digits.len != 0) - (b->digits.len != 0);
    if (a->point != b->point)
        return a->point < b->point ? -1 : 1;
    return slice_compare(buf_view(&a->digits), buf_view(&b->digits));
}

int decimal_compare(const struct decimal *a, const struct decimal *b)
{
    if (a->negative != b->negative)
        return a->negative ? -1 : 1;
    return a->negative ? compare_size(b, a) : compare_size(a, b);
}

bool decimal_is_integer(const struct decimal *d)
{
    return d->digits.len == 0 || d->point >= (int64_t)d->digits.len;
}

bool decimal_is_multiple(const struct decimal *a, const struct decimal *b)
{
    /* a = A * 10^i and b = B * 10^j with integers A, B that do not end in 0.  Then a / b can only
     * be an integer if i >= j, and is one if B divides A * 10^(i-j). */
    int64_t zeros = (a->point - (int64_t)a->digits.len) - (b->point - (int64_t)b->digits.len);
    uint64_t divisor = 0, rest = 0;
    if (a->digits.len == 0)
        return true;
    if (zeros < 0)
        return false;
    for (size_t i = 0; i < b->digits.len && i < DECIMAL_MAX_DIVISOR; i++)
        divisor = divisor * 10 + (uint64_t)(b->digits.data[i] - '0');
    for (size_t i = 0; i < a->digits.len; i++)
        rest = (rest * 10 + (uint64_t)(a->digits.data[i] - '0')) % divisor;
    /* A divisor below 10^18 has at most 59 factors 2 or 5; more zeros change nothing. */
    for (int64_t i = 0; i < zeros && i < 60; i++)
        rest = rest * 10 % divisor;
    return rest == 0;
}

static void add_zeros(struct buf *out, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        buf_char(out, '0');
}

/* 0.DIGITS * 10^point as JSON: plain where that is readable, else with an exponent. */
static int write_layout(const char *digits, size_t n, int64_t point, struct buf *out)
{
    int64_t count = (int64_t)n;
    if (count <= point && point <= 21) {
        buf_add(out, digits, n);
        add_zeros(out, point - count);
    } else if (point > 0 && point <= 21) {
        buf_add(out, digits, (size_t)point);
        buf_char(out, '.');
        buf_add(out, digits + point, n - (size_t)point);
    } else if (point > -6 && point <= 0) {
        buf_str(out, "0.");
        add_zeros(out, -point);
        buf_add(out, digits, n);
    } else {
        buf_char(out, digits[0]);
        if (n > 1) {
            buf_char(out, '.');
            buf_add(out, digits + 1, n - 1);
        }
        buf_printf(out, "e%+lld", (long long)point - 1);
    }
    return out->full ? -1 : 0;
}

/* Whether a reader that makes a double of the number would keep its value. */
static bool survives_double(const struct decimal *d)
{
    struct buf text = BUF;
    struct decimal back;
    double x;
    bool same = false;
    write_layout(d->digits.data, d->digits.len, d->point, &text);
    x = strtod(buf_text(&text), NULL);
    buf_clear(&text);
    if (isfinite(x)) {
        decimal_write_double(d->negative ? -x : x, &text);
        back = decimal_parse(buf_view(&text));
        same = decimal_compare(&back, d) == 0;
        decimal_free(&back);
    }
    buf_free(&text);
    return same;
}

int decimal_write(const struct decimal *d, struct buf *out)
{
    enum { PAST_DOUBLE = 310 };
    if (d->digits.len == 0)
        return buf_char(out, '0');
    if (d->negative)
        buf_char(out, '-');
    if (decimal_is_integer(d) && d->point <= PAST_DOUBLE && !survives_double(d)) {
        /* With an exponent it would be read as a double. */
        buf_slice(out, buf_view(&d->digits));
        add_zeros(out, d->point - (int64_t)d->digits.len);
        return out->full ? -1 : 0;
    }
    return write_layout(d->digits.data, d->digits.len, d->point, out);
}

static int write_integer(uint64_t x, struct buf *out)
{
    char digits[24];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + x % 10);
        x /= 10;
    } while (x != 0);
    return buf_add(out, digits + at, sizeof digits - at);
}

/* The fewest digits of x > 0 that read back to it, as "d.ddde+xx" in `text`. */
static void shortest(double x, char text[40])
{
    int precision = x < DBL_MIN ? 0 : 14; /* 15 digits always survive, but for subnormal numbers */
    for (; precision < 17; precision++) {
        (void)snprintf(text, 40, "%.*e", precision, x);
        if (strtod(text, NULL) == x) /* exact on purpose */
            return;
    }
}

int decimal_write_double(double x, struct buf *out)
{
    char text[40], digits[20];
    size_t n = 0;
    const char *p;
    if (signbit(x)) {
        buf_char(out, '-');
        x = -x;
    }
    if (x < 9007199254740992.0 && x == (double)(uint64_t)x)
        return write_integer((uint64_t)x, out);
    if (x >= 9007199254740992.0 && x < 1e21)
        return buf_printf(out, "%.0f", x);
    shortest(x, text);
    for (p = text; *p != 'e'; p++)
        if (*p != '.')
            digits[n++] = *p;
    while (n > 1 && digits[n - 1] == '0')
        n--;
    return write_layout(digits, n, strtoll(p + 1, NULL, 10) + 1, out);
}
