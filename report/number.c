#include "report/number.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

void number_whole(struct buf *out, int64_t n)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRIu64, n < 0 ? 0 - (uint64_t)n : (uint64_t)n);
    if (n < 0)
        buf_str(out, "\xE2\x88\x92"); /* minus sign */
    for (int i = 0; i < len; i++) {
        if (i != 0 && (len - i) % 3 == 0)
            buf_char(out, ',');
        buf_char(out, digits[i]);
    }
}

void number_short(struct buf *out, double x)
{
    static const char unit[] = {'\0', 'k', 'M', 'G', 'T'};
    size_t u = 0;
    double a = fabs(x);
    int decimals;
    while (a >= 999.5 && u + 1 < sizeof unit) {
        a /= 1000;
        x /= 1000;
        u++;
    }
    if (a == floor(a) || a >= 100)
        decimals = 0;
    else if (u != 0 || a >= 10)
        decimals = 1;
    else
        decimals = a < 0.1 ? 4 : 2;
    buf_printf(out, "%.*f", decimals, x);
    if (unit[u] != '\0')
        buf_char(out, unit[u]);
}

void number_percent(struct buf *out, double part, double whole)
{
    double p = whole > 0 ? 100 * part / whole : (double)NAN;
    if (isnan(p))
        buf_str(out, "\xE2\x80\x93"); /* en dash */
    else
        buf_printf(out, "%.*f %%", p == 0 || p == 100 ? 0 : p < 10 || p > 90 ? 1 : 0, p);
}

void number_usd(struct buf *out, double usd)
{
    buf_printf(out, "$%.*f", usd != 0 && fabs(usd) < 0.1 ? 4 : 2, usd);
}

void number_seconds(struct buf *out, double s)
{
    if (s < 1)
        buf_printf(out, "%.0f ms", s * 1e3);
    else if (s < 100)
        buf_printf(out, "%.1f s", s);
    else if (s < 3600)
        buf_printf(out, "%d min %02d s", (int)s / 60, (int)s % 60);
    else
        buf_printf(out, "%.0f h %02d min", floor(s / 3600), (int)fmod(s, 3600) / 60);
}

double number_step(double range, int most)
{
    double rough = range / most, power;
    if (!(rough > 0) || !isfinite(rough))
        return 1;
    power = pow(10, floor(log10(rough)));
    return rough <= power       ? power
           : rough <= 2 * power ? 2 * power
           : rough <= 5 * power ? 5 * power
                                : 10 * power;
}
