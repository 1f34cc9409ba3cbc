#include "core/nearest.h"

#include <stdint.h>
#include <string.h>

enum { LONGEST = 63 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t nearest_distance(const char *a, const char *b)
{
    size_t rows[3][LONGEST + 1];
    size_t m = strlen(a), n = strlen(b);
    if (m > LONGEST || n > LONGEST)
        return m > n ? m : n;
    for (size_t j = 0; j <= n; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= m; i++) {
        size_t *now = rows[i % 3], *above = rows[(i + 2) % 3], *two = rows[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= n; j++) {
            now[j] = least(least(above[j], now[j - 1]) + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = least(now[j], two[j - 2] + 1);
        }
    }
    return rows[m % 3][n];
}

struct nearest nearest_start(const char *given)
{
    return (struct nearest){given, NULL, SIZE_MAX};
}

void nearest_try(struct nearest *n, const char *candidate)
{
    size_t distance = nearest_distance(n->given, candidate);
    size_t longer = strlen(n->given) > strlen(candidate) ? strlen(n->given) : strlen(candidate);
    if (distance > least(3, longer / 3) || distance >= n->distance)
        return;
    n->best = candidate;
    n->distance = distance;
}

const char *nearest_word(const struct nearest *n)
{
    return n->best;
}
