#include "net/limits.h"

#include <math.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

/* ---- numbers and durations ------------------------------------------------------------------- */

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A plain decimal at *p: digits, perhaps a point and digits.  false where there is none. */
static bool decimal(const char **p, const char *end, double *out)
{
    const char *s = *p;
    double v = 0, scale = 1;
    bool any = false;
    for (; s < end && digit(*s); s++, any = true)
        v = v * 10 + (*s - '0');
    if (s < end && *s == '.')
        for (s++; s < end && digit(*s); s++, any = true)
            v += (*s - '0') * (scale /= 10);
    *p = s;
    *out = v;
    return any && v < 1e12;
}

static double whole_decimal(struct slice text)
{
    struct slice t = slice_trim(text);
    const char *p = t.data;
    double v;
    if (!t.len || !decimal(&p, t.data + t.len, &v) || p != t.data + t.len)
        return -1;
    return v;
}

double limits_duration(struct slice text)
{
    static const struct {
        const char *unit;
        double seconds;
    } units[] = {{"ms", 1e-3}, {"us", 1e-6}, {"ns", 1e-9}, {"s", 1},
                 {"m", 60},    {"h", 3600},  {"d", 86400}};
    struct slice t = slice_trim(text);
    const char *p = t.data, *end = t.data + t.len;
    double sum = 0, v;
    if (!t.len)
        return -1;
    while (p < end) {
        size_t u = 0;
        if (!decimal(&p, end, &v))
            return -1;
        if (p == end) /* a bare number: seconds, and nothing before it */
            return sum > 0 ? -1 : v;
        for (; u < sizeof units / sizeof *units; u++)
            if ((size_t)(end - p) >= strlen(units[u].unit) &&
                !memcmp(p, units[u].unit, strlen(units[u].unit)))
                break;
        if (u == sizeof units / sizeof *units)
            return -1;
        p += strlen(units[u].unit);
        sum += v * units[u].seconds;
    }
    return sum;
}

/* ---- dates ----------------------------------------------------------------------------------- */

/* Days since 1970 of a date of the Gregorian calendar (Hinnant's algorithm). */
static int64_t days_of(int64_t y, int64_t m, int64_t d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400, yoe = y - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

struct date {
    int64_t year, month, day, hour, minute, second, zone_minutes;
};

/* Up to `most` digits. */
static bool number(const char **p, const char *end, int most, int64_t *out)
{
    int n = 0;
    *out = 0;
    for (; *p < end && digit(**p) && n < most; (*p)++, n++)
        *out = *out * 10 + (**p - '0');
    return n > 0;
}

static bool month(const char **p, const char *end, int64_t *out)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    if (end - *p < 3)
        return false;
    for (int i = 0; i < 12; i++)
        if (!strncasecmp(*p, names + (ptrdiff_t)i * 3, 3)) {
            *p += 3;
            *out = i + 1;
            return true;
        }
    return false;
}

static bool letter(const char **p, const char *end, char c)
{
    if (*p < end && **p == c) {
        (*p)++;
        return true;
    }
    return false;
}

static bool clock_time(const char **p, const char *end, struct date *d)
{
    return number(p, end, 2, &d->hour) && letter(p, end, ':') && number(p, end, 2, &d->minute) &&
           letter(p, end, ':') && number(p, end, 2, &d->second);
}

/* "2026-03-01T12:00:00Z", with a fraction and +hh:mm too. */
static bool rfc3339(const char *p, const char *end, struct date *d)
{
    int64_t h = 0, m = 0, fraction;
    if (!number(&p, end, 4, &d->year) || !letter(&p, end, '-') || !number(&p, end, 2, &d->month) ||
        !letter(&p, end, '-') || !number(&p, end, 2, &d->day) || p >= end ||
        (*p != 'T' && *p != 't' && *p != ' '))
        return false;
    p++;
    if (!clock_time(&p, end, d))
        return false;
    if (letter(&p, end, '.') && !number(&p, end, 12, &fraction))
        return false;
    if (p < end && (*p == 'Z' || *p == 'z'))
        return p + 1 == end;
    if (p >= end || (*p != '+' && *p != '-'))
        return false;
    int64_t sign = *p++ == '-' ? -1 : 1;
    if (!number(&p, end, 2, &h) || !letter(&p, end, ':') || !number(&p, end, 2, &m))
        return false;
    d->zone_minutes = sign * (h * 60 + m);
    return p == end;
}

/* The three forms of RFC 9110: "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
 * "Sun Nov  6 08:49:37 1994". */
static bool http_date(const char *p, const char *end, struct date *d)
{
    const char *comma = memchr(p, ',', (size_t)(end - p));
    if (!comma) {
        if (end - p < 4 || p[3] != ' ')
            return false;
        p += 4;
        if (!month(&p, end, &d->month))
            return false;
        while (letter(&p, end, ' ')) {
        }
        return number(&p, end, 2, &d->day) && letter(&p, end, ' ') && clock_time(&p, end, d) &&
               letter(&p, end, ' ') && number(&p, end, 4, &d->year) && p == end;
    }
    p = comma + 1;
    while (letter(&p, end, ' ')) {
    }
    if (!number(&p, end, 2, &d->day) || p >= end || (*p != ' ' && *p != '-'))
        return false;
    char between = *p++;
    if (!month(&p, end, &d->month) || !letter(&p, end, between) || !number(&p, end, 4, &d->year))
        return false;
    if (d->year < 100)
        d->year += d->year < 70 ? 2000 : 1900;
    if (!letter(&p, end, ' ') || !clock_time(&p, end, d) || !letter(&p, end, ' '))
        return false;
    return end - p >= 3 && (!strncasecmp(p, "GMT", 3) || !strncasecmp(p, "UTC", 3));
}

int64_t limits_date(struct slice text)
{
    struct slice t = slice_trim(text);
    struct date d = {0};
    if (!t.len)
        return -1;
    const char *end = t.data + t.len;
    if (!rfc3339(t.data, end, &d)) {
        d = (struct date){0};
        if (!http_date(t.data, end, &d))
            return -1;
    }
    if (d.year < 1970 || d.month < 1 || d.month > 12 || d.day < 1 || d.day > 31 || d.hour > 23 ||
        d.minute > 59 || d.second > 60)
        return -1;
    int64_t s = days_of(d.year, d.month, d.day) * 86400 + d.hour * 3600 +
                (d.minute - d.zone_minutes) * 60 + d.second;
    return s < 0 ? -1 : s * 1000;
}

double limits_retry_after(struct slice text, int64_t now_ms)
{
    double v = whole_decimal(text);
    if (v >= 0)
        return v;
    int64_t at = limits_date(text);
    if (at < 0)
        return -1;
    return at > now_ms ? (double)(at - now_ms) / 1e3 : 0;
}

/* ---- headers --------------------------------------------------------------------------------- */

enum field { FIELD_LIMIT, FIELD_REMAINING, FIELD_RESET, FIELDS };

static bool name_is(struct slice a, const char *b)
{
    return a.len == strlen(b) && !strncasecmp(a.data, b, a.len);
}

/* x-ratelimit-limit-requests (OpenAI) and anthropic-ratelimit-requests-limit. */
static bool limit_name(struct slice name, int *kind, enum field *field)
{
    static const char *const kinds[LIMIT_KINDS] = {"requests", "tokens", "input-tokens",
                                                   "output-tokens"};
    static const char *const fields[FIELDS] = {"limit", "remaining", "reset"};
    static const char openai[] = "x-ratelimit-", anthropic[] = "anthropic-ratelimit-";
    bool first = name.len > sizeof openai && !strncasecmp(name.data, openai, sizeof openai - 1);
    size_t skip = first ? sizeof openai - 1 : sizeof anthropic - 1;
    if (!first &&
        !(name.len > sizeof anthropic && !strncasecmp(name.data, anthropic, sizeof anthropic - 1)))
        return false;
    struct slice rest = slice_sub(name, skip, name.len);
    for (int k = 0; k < LIMIT_KINDS; k++)
        for (int f = 0; f < FIELDS; f++) {
            const char *head = first ? fields[f] : kinds[k], *tail = first ? kinds[k] : fields[f];
            size_t n = strlen(head);
            if (rest.len == n + 1 + strlen(tail) && rest.data[n] == '-' &&
                !strncasecmp(rest.data, head, n) &&
                !strncasecmp(rest.data + n + 1, tail, strlen(tail))) {
                *kind = k;
                *field = (enum field)f;
                return true;
            }
        }
    return false;
}

static double reset_value(struct slice value, int64_t now_ms)
{
    double v = limits_duration(value);
    if (v >= 0)
        return v;
    int64_t at = limits_date(value);
    return at < 0 ? -1 : at > now_ms ? (double)(at - now_ms) / 1e3 : 0;
}

struct waits {
    double ms, s;
};

static void read_line(struct slice name, struct slice value, int64_t now_ms, struct waits *waits,
                      struct net_limits *out)
{
    int kind;
    enum field field;
    if (name_is(name, "retry-after-ms")) {
        double v = whole_decimal(value);
        waits->ms = v >= 0 ? v / 1e3 : -1;
    } else if (name_is(name, "retry-after")) {
        waits->s = limits_retry_after(value, now_ms);
    } else if (name_is(name, "x-should-retry")) {
        out->should_retry = name_is(value, "true") ? 1 : name_is(value, "false") ? 0 : -1;
    } else if (limit_name(name, &kind, &field)) {
        struct net_limit *l = &out->kind[kind];
        if (field == FIELD_LIMIT)
            l->limit = whole_decimal(value);
        else if (field == FIELD_REMAINING)
            l->remaining = whole_decimal(value);
        else
            l->reset_s = reset_value(value, now_ms);
    }
}

void limits_read(struct slice headers, int64_t now_ms, struct net_limits *out)
{
    const char *p = headers.data, *end = headers.data + headers.len;
    struct waits waits = {-1, -1};
    for (int k = 0; k < LIMIT_KINDS; k++)
        out->kind[k] = (struct net_limit){-1, -1, -1};
    out->should_retry = -1;
    while (headers.len && p < end) {
        const char *eol = memchr(p, '\n', (size_t)(end - p));
        const char *stop = eol ? eol : end;
        const char *colon = memchr(p, ':', (size_t)(stop - p));
        /* only names that begin with one of "xXrRaA" can matter */
        if (colon && memchr("xXrRaA", *p, 6))
            read_line(slice_from(p, (size_t)(colon - p)),
                      slice_trim(slice_from(colon + 1, (size_t)(stop - colon - 1))), now_ms, &waits,
                      out);
        p = eol ? eol + 1 : end;
    }
    /* A limit of zero is Azure's way to say nothing. */
    for (int k = 0; k < LIMIT_KINDS; k++)
        if (out->kind[k].limit <= 0)
            out->kind[k] = (struct net_limit){-1, -1, -1};
    out->retry_after_s = waits.ms >= 0 ? waits.ms : waits.s;
}
