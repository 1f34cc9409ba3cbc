#include "eval/metrics.h"

#include "core/mem.h"
#include "core/unicode.h"

#include <math.h>
#include <string.h>

/* --- classes ------------------------------------------------------------------------------ */

static uint64_t row_sum(const uint64_t *c, size_t n, size_t i)
{
    uint64_t sum = 0;
    for (size_t k = 0; k < n; k++)
        sum += c[i * n + k];
    return sum;
}

static uint64_t column_sum(const uint64_t *c, size_t n, size_t k)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += c[i * n + k];
    return sum;
}

double metrics_accuracy(const uint64_t *confusion, size_t n)
{
    uint64_t right = 0, all = 0;
    for (size_t i = 0; i < n; i++) {
        right += confusion[i * n + i];
        all += row_sum(confusion, n, i);
    }
    return all != 0 ? (double)right / (double)all : 0;
}

double metrics_macro_f1(const uint64_t *confusion, size_t n)
{
    double sum = 0;
    size_t classes = 0;
    for (size_t i = 0; i < n; i++) {
        const uint64_t both = row_sum(confusion, n, i) + column_sum(confusion, n, i);
        if (both == 0)
            continue;
        classes++;
        sum += 2 * (double)confusion[i * n + i] / (double)both;
    }
    return classes != 0 ? sum / (double)classes : 0;
}

double metrics_matthews(const uint64_t *confusion, size_t n)
{
    double s = 0, c = 0, tp = 0, tt = 0, pp = 0;
    for (size_t i = 0; i < n; i++) {
        const double t = (double)row_sum(confusion, n, i), p = (double)column_sum(confusion, n, i);
        s += t;
        c += (double)confusion[i * n + i];
        tp += t * p;
        tt += t * t;
        pp += p * p;
    }
    if (!(s * s > tt) || !(s * s > pp))
        return 0;
    return (c * s - tp) / sqrt((s * s - pp) * (s * s - tt));
}

/* --- SQuAD -------------------------------------------------------------------------------- */

static bool is_article(const char *word, size_t n)
{
    return (n == 1 && word[0] == 'a') || (n == 2 && memcmp(word, "an", 2) == 0) ||
           (n == 3 && memcmp(word, "the", 3) == 0);
}

/* \w of Python's expressions. */
static bool is_word(uint32_t c)
{
    return unicode_is_letter(c) || unicode_is_number(c) || c == '_';
}

/* Articles become blanks; runs of blanks become one, none at the ends. */
static void take_words(struct slice text, struct buf *out)
{
    const size_t start = out->len;
    bool blank = false;
    for (size_t i = 0; i < text.len;) {
        size_t end = i, step = 0;
        uint32_t code = 0;
        while (end < text.len) {
            step = utf8_decode(text.data + end, text.len - end, &code);
            if (!is_word(code))
                break;
            end += step;
        }
        if (end > i) {
            if (is_article(text.data + i, end - i)) {
                blank = true;
            } else {
                if (blank && out->len > start)
                    buf_char(out, ' ');
                blank = false;
                buf_add(out, text.data + i, end - i);
            }
            i = end;
            continue;
        }
        if (unicode_is_space(code) || (code >= 0x1C && code <= 0x1F)) { /* str.split's */
            blank = true;
        } else {
            if (blank && out->len > start)
                buf_char(out, ' ');
            blank = false;
            buf_add(out, text.data + i, step);
        }
        i += step;
    }
}

/* Case_Ignorable of Unicode, as far as texts have it. */
static bool is_ignorable(uint32_t c)
{
    static const uint32_t marks[] = {'\'', '.',  ':',  '^',    '`',    0xA8,   0xAF,
                                     0xB4, 0xB7, 0xB8, 0x2018, 0x2019, 0x2024, 0x2027};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (c == marks[i])
            return true;
    return unicode_is_mark(c) || (c >= 0x80 && unicode_is_control(c) && c > 0x9F) ||
           (c >= 0x2B0 && c <= 0x2FF);
}

/* Whether a letter with a case is the next in this direction, but for what is ignored. */
static bool cased_beside(struct slice text, size_t at, int way)
{
    uint32_t c;
    for (;;) {
        if (way > 0) {
            at += utf8_decode(text.data + at, text.len - at, &c);
            if (at >= text.len)
                return false;
        } else {
            if (at == 0)
                return false;
            do
                at--;
            while (at > 0 && ((unsigned char)text.data[at] & 0xC0) == 0x80);
        }
        if (utf8_decode(text.data + at, text.len - at, &c) == 0)
            return false;
        if (!is_ignorable(c))
            return unicode_to_lower(c) != c || unicode_to_upper(c) != c || c == 0xDF ||
                   (c >= 0xFB00 && c <= 0xFB17); /* small letters without a capital */
    }
}

/* Lower case as Python has it: in full (I with a dot is i and a dot), with the sigma of ends. */
static void lower_case(struct slice text, struct buf *out)
{
    uint32_t c;
    for (size_t i = 0, n; i < text.len; i += n) {
        n = utf8_decode(text.data + i, text.len - i, &c);
        if (n == 0) { /* rows are valid; what a model says may not be */
            n = utf8_bad_length(text.data + i, text.len - i);
            c = 0xFFFD;
        }
        if (c == 0x3A3 && n == 2 && cased_beside(text, i, -1) && !cased_beside(text, i, 1))
            c = 0x3C2;
        buf_utf8(out, c == 0x130 ? 'i' : unicode_to_lower(c));
        if (c == 0x130)
            buf_utf8(out, 0x307);
    }
}

void metrics_squad_normalise(struct slice text, struct buf *out)
{
    struct buf lower = BUF, bare = BUF;
    lower_case(text, &lower);
    for (size_t i = 0; i < lower.len; i++) {
        const unsigned char c = (unsigned char)lower.data[i];
        if (c >= 0x80 || c <= ' ' || c == 0x7F || (c >= '0' && c <= '9') ||
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
            buf_char(&bare, (char)c);
    }
    take_words(buf_view(&bare), out);
    buf_free(&lower);
    buf_free(&bare);
}

bool metrics_squad_exact(struct slice said, struct slice wanted)
{
    struct buf a = BUF, b = BUF;
    bool same;
    metrics_squad_normalise(said, &a);
    metrics_squad_normalise(wanted, &b);
    same = a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
    buf_free(&a);
    buf_free(&b);
    return same;
}

static size_t cut_words(struct slice text, struct slice *out)
{
    size_t n = 0, from = 0;
    for (size_t i = 0; i <= text.len; i++) {
        if (i < text.len && text.data[i] != ' ')
            continue;
        if (i > from)
            out[n++] = slice_sub(text, from, i - from);
        from = i + 1;
    }
    return n;
}

double metrics_squad_f1(struct slice said, struct slice wanted)
{
    struct buf a = BUF, b = BUF;
    struct slice *x, *y;
    size_t n, m, common = 0;
    double f1;
    metrics_squad_normalise(said, &a);
    metrics_squad_normalise(wanted, &b);
    x = mem_alloc((a.len + 1) * sizeof *x);
    y = mem_alloc((b.len + 1) * sizeof *y);
    n = cut_words(buf_view(&a), x);
    m = cut_words(buf_view(&b), y);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < m; k++) {
            if (y[k].data == NULL || !slice_equal(x[i], y[k]))
                continue;
            y[k].data = NULL; /* each is found once */
            common++;
            break;
        }
    }
    f1 = n == 0 || m == 0 ? (double)(n == m) : 2 * (double)common / (double)(n + m);
    mem_free(x);
    mem_free(y);
    buf_free(&a);
    buf_free(&b);
    return f1;
}

/* --- entities ----------------------------------------------------------------------------- */

struct tag {
    char place; /* B I E S O */
    struct slice type;
};

static struct tag tag_of(struct slice text)
{
    struct tag t = {'O', {"", 0}};
    if (text.len == 0 || (text.len == 1 && text.data[0] == 'O'))
        return t;
    t.place = text.data[0] == 'L' ? 'E' : text.data[0] == 'U' ? 'S' : text.data[0];
    t.type = slice_sub(text, 2, text.len);
    return t;
}

static bool ends(struct tag a, struct tag b)
{
    if (a.place == 'E' || a.place == 'S')
        return true;
    if (a.place == 'B' || a.place == 'I')
        return b.place == 'B' || b.place == 'S' || b.place == 'O' || !slice_equal(a.type, b.type);
    return false;
}

static bool begins(struct tag a, struct tag b)
{
    if (b.place == 'B' || b.place == 'S')
        return true;
    if (b.place == 'O')
        return false;
    return a.place == 'E' || a.place == 'S' || a.place == 'O' || !slice_equal(a.type, b.type);
}

struct entity {
    size_t first, last;
    struct slice type;
};

static size_t entities_of(const struct slice *tags, size_t n, struct entity *out)
{
    struct tag before = {'O', {"", 0}};
    size_t count = 0, first = 0;
    for (size_t i = 0; i <= n; i++) {
        const struct tag now = i < n ? tag_of(tags[i]) : (struct tag){'O', {"", 0}};
        if (ends(before, now))
            out[count++] = (struct entity){first, i - 1, before.type};
        if (begins(before, now))
            first = i;
        before = now;
    }
    return count;
}

void metrics_entities_add(struct metrics_entities *e, const struct slice *wanted,
                          const struct slice *said, size_t n)
{
    struct entity *a = mem_alloc((n + 1) * sizeof *a), *b = mem_alloc((n + 1) * sizeof *b);
    const size_t x = entities_of(wanted, n, a), y = entities_of(said, n, b);
    e->wanted += x;
    e->said += y;
    for (size_t i = 0, k = 0; i < x; i++) {
        while (k < y && b[k].last < a[i].last)
            k++;
        e->right += k < y && b[k].first == a[i].first && b[k].last == a[i].last &&
                    slice_equal(a[i].type, b[k].type);
    }
    mem_free(a);
    mem_free(b);
}

double metrics_entities_f1(const struct metrics_entities *e)
{
    const uint64_t both = e->wanted + e->said;
    return both != 0 ? 2 * (double)e->right / (double)both : 0;
}
