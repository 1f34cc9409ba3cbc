/*
 * Degenerate repetition in the reply:
 *   character  one character (or a pattern of up to four bytes) over and over, not as a ruler;
 *   loop       the same words, up to 256 of them, five times and more in a row;
 *   lines      half of the lines and more are repeats, and one line stands there six times;
 *   share      most of the trigrams have been there before.
 * A refrain or a table repeats less.  Requests for repetition are left alone.
 */
#include "core/mem.h"
#include "core/vec.h"
#include "filter/letters.h"
#include "filter/rules.h"
#include "filter/text.h"

#include <stdlib.h>
#include <string.h>

enum { RUN = 64, PERIOD = 256, COPIES = 5, LOOP_TOKENS = 12, SHARE_TOKENS = 60, TABLE = 1024 };
#define SHARE 0.75

TEXT_LIST(wants_repetition, "repeat", "repeated", "repeatedly", "chant", "song", "lyrics",
          "palindrome", "ascii", "over and over", "重复", "歌词", "wiederhole", "répète", "repite");

static bool found(struct finding *out, size_t from, size_t to, double value, double threshold,
                  const char *why)
{
    finding_value(out, value, threshold);
    finding_span(out, "output", from, to);
    finding_why(out, "%s", why);
    return true;
}

/* A line of "-----", "|----|" and the like is a ruler, not a defect. */
static bool ruler(struct slice s, size_t at)
{
    size_t from = at;
    if (strchr("-=_*~#.+ \t\n", s.data[at]) == NULL || s.data[at] == '\0')
        return false;
    while (from > 0 && s.data[from - 1] != '\n')
        from--;
    for (; from < s.len && s.data[from] != '\n'; from++)
        if (strchr("-=_*~#.+|: \t\r", s.data[from]) == NULL || s.data[from] == '\0')
            return false;
    return true;
}

/* The length of the run of period k around `at`. */
static size_t run_length(struct slice s, size_t at, size_t k, size_t *from)
{
    size_t to = at + k;
    *from = at;
    while (*from > 0 && s.data[*from - 1] == s.data[*from - 1 + k])
        --*from;
    while (to < s.len && s.data[to] == s.data[to - k])
        to++;
    return to - *from;
}

/* A run of 64 characters covers a whole window of 32 bytes. */
static bool character_run(struct slice s, struct finding *out)
{
    for (size_t at = 0; at + 36 <= s.len; at += 32)
        for (size_t k = 1; k <= 4; k++) {
            size_t from = 0;
            if (s.data[at] != s.data[at + k] || s.data[at + 31 - k] != s.data[at + 31] ||
                memcmp(s.data + at, s.data + at + k, 32 - k) != 0)
                continue;
            const size_t n = run_length(s, at, k, &from);
            if (n < RUN * k)
                continue;
            if (!ruler(s, from))
                return found(out, from, from + n, (double)(n / k), RUN,
                             "one character over and over");
            at = from + n - 32; /* on behind it: a ruler may be as long as the text */
            break;
        }
    return false;
}

/* Trigrams met before, and runs in which each equals the one a period before it.  The table holds
 * places + 1; 0 is empty. */
static bool loops(const uint64_t *items, size_t n, struct finding *out, size_t len)
{
    uint32_t small[TABLE], *table = small;
    size_t cap = 64, repeats = 0, run = 0, period = 0;
    bool bad = false;
    while (cap < 2 * n)
        cap *= 2;
    if (cap > TABLE)
        table = mem_zero(cap, sizeof *table);
    else
        memset(small, 0, cap * sizeof *small);
    for (size_t i = 0; i < n && !bad; i++) {
        size_t k = (size_t)(items[i] >> 20) & (cap - 1);
        while (table[k] != 0 && items[table[k] - 1] != items[i])
            k = (k + 1) & (cap - 1);
        const size_t distance = table[k] != 0 ? i + 1 - table[k] : 0;
        repeats += distance != 0;
        if (period != 0 && i >= period && items[i] == items[i - period]) {
            run++;
        } else {
            run = distance != 0;
            period = distance;
        }
        table[k] = (uint32_t)i + 1;
        if (period != 0 && period <= PERIOD && run >= LOOP_TOKENS && run >= (COPIES - 1) * period)
            bad = found(out, 0, len, (double)(run / period + 1), COPIES,
                        "the same words over and over");
    }
    if (!bad && n >= SHARE_TOKENS && (double)repeats >= SHARE * (double)n)
        bad = found(out, 0, len, (double)repeats / (double)n, SHARE,
                    "most of it has been said before");
    if (table != small)
        mem_free(table);
    return bad;
}

static int by_slice(const void *a, const void *b)
{
    return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

static bool repeated_lines(struct slice s, struct finding *out)
{
    struct slice line, *lines = NULL;
    size_t n = 0, cap = 0, at = 0, most = 0, repeats = 0;
    while (text_line(s, &at, &line)) {
        line = slice_trim(line);
        while (line.len > 0 && strchr("-*0123456789.) \t", line.data[0]) != NULL) {
            line.data++;
            line.len--;
        }
        if (line.len < 8)
            continue;
        lines = vec_reserve(lines, &cap, n + 1, sizeof *lines);
        lines[n++] = line;
    }
    if (n >= 8)
        qsort(lines, n, sizeof *lines, by_slice);
    for (size_t i = 0, k; n >= 8 && i < n; i = k) {
        for (k = i + 1; k < n && slice_equal(lines[k], lines[i]); k++)
            ;
        most = k - i > most ? k - i : most;
        repeats += k - i - 1;
    }
    mem_free(lines);
    return most >= 6 && 2 * repeats >= n &&
           found(out, 0, s.len, (double)most, 6, "the same line over and over");
}

static bool judge(const void *state, const struct row *row, struct finding *out)
{
    const struct slice s = row->output;
    bool bad;
    (void)state;
    if (s.len < RUN)
        return false;
    bad = character_run(s, out) || loops(row->shingles, row->n_shingles, out, s.len) ||
          (memchr(s.data, '\n', s.len) != NULL && repeated_lines(s, out));
    return bad && !text_has_any(row->request, &wants_repetition);
}

const struct filter_rule rule_repetition = {
    .name = "repetition",
    .version = 1,
    .usual = true,
    .action = VERDICT_REMOVE,
    .summary = "the reply repeats itself",
    .judge = judge,
};
