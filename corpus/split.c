#include "corpus/split.h"

#include "core/buf.h"
#include "core/hash.h"
#include "core/mem.h"

#include <stdlib.h>
#include <string.h>

static const uint64_t seed_instruction =
    0x68656c64ULL;                                   /* "held": fixed, so that every run agrees */
static const uint64_t seed_border = 0x73706c6974ULL; /* "split" */

/* ASCII letters in lower case, runs of ASCII space as one: what makes two texts the same question
 * to a reader; other scripts are compared as they stand. */
static void add_folded(struct buf *out, struct slice s)
{
    bool gap = false;
    s = slice_trim(s);
    for (size_t i = 0; i < s.len; i++) {
        char c = s.data[i];
        if (c == ' ' || c == '\n' || c == '\t' || c == '\r') {
            gap = true;
            continue;
        }
        if (gap)
            buf_char(out, ' ');
        gap = false;
        buf_char(out, c >= 'A' && c <= 'Z' ? (char)(c + 32) : c);
    }
}

struct split_row split_row(const struct sample *s)
{
    struct buf b = BUF;
    struct split_row row;
    add_folded(&b, s->instruction);
    row.instruction = hash64(buf_text(&b), b.len, seed_instruction);
    buf_char(&b, '\0');
    add_folded(&b, s->input);
    buf_char(&b, '\0');
    buf_slice(&b, s->messages);
    row.prompt = hash64(buf_text(&b), b.len, seed_instruction);
    buf_free(&b);
    return row;
}

static int by_value(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static bool is_common(const uint64_t *common, size_t n, uint64_t instruction)
{
    return n != 0 && bsearch(&instruction, common, n, sizeof *common, by_value) != NULL;
}

/* The instructions that carry more than a tenth of the rows, sorted into out. */
static size_t find_common(const struct split_row *rows, size_t n, uint64_t *out)
{
    uint64_t *sorted = mem_alloc(n * sizeof *sorted);
    size_t found = 0;
    for (size_t i = 0; i < n; i++)
        sorted[i] = rows[i].instruction;
    qsort(sorted, n, sizeof *sorted, by_value);
    for (size_t i = 0, j; i < n; i = j) {
        for (j = i; j < n && sorted[j] == sorted[i]; j++)
            continue;
        if (j - i > 3 && j - i > n / 10)
            out[found++] = sorted[i];
    }
    mem_free(sorted);
    return found;
}

/* Turn the empty side's nearest group over: the lowest place when none is held, else the highest. */
static size_t turn_over(const uint64_t *place, size_t n, bool *held, bool to)
{
    uint64_t best = place[0];
    size_t count = 0;
    for (size_t i = 1; i < n; i++)
        if (to ? place[i] < best : place[i] > best)
            best = place[i];
    for (size_t i = 0; i < n; i++) {
        if (place[i] == best)
            held[i] = to;
        count += held[i];
    }
    return count;
}

size_t split_assign(const struct split_row *rows, size_t n, double share, bool *held)
{
    uint64_t common[16], *place;
    size_t n_common, count = 0;
    bool several = false;
    memset(held, 0, n * sizeof *held);
    if (n == 0 || share <= 0.0)
        return 0;
    place = mem_alloc(n * sizeof *place);
    n_common = find_common(rows, n, common);
    for (size_t i = 0; i < n; i++) {
        uint64_t group =
            is_common(common, n_common, rows[i].instruction) ? rows[i].prompt : rows[i].instruction;
        place[i] = hash64(&group, sizeof group, seed_border);
        held[i] = (double)place[i] < share * 18446744073709551616.0;
        count += held[i];
        several = several || place[i] != place[0];
    }
    if (several && count == 0)
        count = turn_over(place, n, held, true);
    else if (several && count == n)
        count = turn_over(place, n, held, false);
    else if (!several && count == n) {
        memset(held, 0, n * sizeof *held);
        count = 0;
    }
    mem_free(place);
    return count;
}
