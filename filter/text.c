#include "filter/text.h"

#include "core/mem.h"
#include "filter/kernels/literals.h"

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

static inline unsigned char lower(char c)
{
    const unsigned char u = (unsigned char)c;
    return u >= 'A' && u <= 'Z' ? u | 0x20 : u;
}

static inline bool alnum(char c)
{
    const unsigned char u = lower(c);
    return (u >= 'a' && u <= 'z') || (u >= '0' && u <= '9');
}

/* Do the bytes at s[at] spell the literal, with word boundaries where they are called for? */
static bool matches(struct slice s, size_t at, const char *literal, size_t n)
{
    if (s.len - at < n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (lower(s.data[at + i]) != (unsigned char)literal[i])
            return false;
    if (alnum(literal[0]) && at > 0 && alnum(s.data[at - 1]))
        return false;
    return !(alnum(literal[n - 1]) && at + n < s.len && alnum(s.data[at + n]));
}

bool text_starts(struct slice s, const char *literal)
{
    return s.len > 0 && lower(s.data[0]) == (unsigned char)literal[0] &&
           matches(s, 0, literal, strlen(literal));
}

/* The literals by first byte: those of byte c are items[first[c]] up to items[first[c + 1]]. */
struct text_item {
    const char *literal;
    uint32_t len, head, mask; /* the first four bytes, each | 0x20, as in memory: to tell apart */
};

#define FOLD UINT32_C(0x20202020)

static struct text_item item_of(const char *literal)
{
    unsigned char head[4] = {0}, mask[4] = {0};
    struct text_item item = {.literal = literal, .len = (uint32_t)strlen(literal)};
    for (uint32_t i = 0; i < 4 && i < item.len; i++) {
        head[i] = (unsigned char)literal[i] | 0x20;
        mask[i] = 0xFF;
    }
    memcpy(&item.head, head, 4);
    memcpy(&item.mask, mask, 4);
    return item;
}

struct text_index {
    unsigned first[257];
    struct literals literals;
    literals_fn *next; /* the first place that may begin one */
    struct text_item items[];
};

static struct text_index *build(struct text_list *list)
{
    struct text_index *x, *seen = NULL;
    size_t n = 0;
    while (list->literals[n] != NULL)
        n++;
    x = mem_zero(1, sizeof *x + n * sizeof *x->items);
    for (size_t i = 0; i < n; i++) {
        const unsigned char c = (unsigned char)list->literals[i][0];
        x->first[c + 1]++;
    }
    literals_make(&x->literals, list->literals);
    x->next = literals_best()->next;
    for (size_t c = 1; c <= 256; c++)
        x->first[c] += x->first[c - 1];
    for (size_t i = n;
         i-- > 0;) { /* from the back, so that each byte keeps the order of the list */
        const unsigned c = (unsigned char)list->literals[i][0];
        size_t at = x->first[c + 1];
        while (at > x->first[c] && x->items[at - 1].literal != NULL)
            at--;
        x->items[at - 1] = item_of(list->literals[i]);
    }
    if (atomic_compare_exchange_strong(&list->index, &seen, x))
        return x;
    mem_free(x);
    return seen;
}

static const struct text_index *index_of(struct text_list *list)
{
    struct text_index *x = atomic_load_explicit(&list->index, memory_order_acquire);
    return x != NULL ? x : build(list);
}

void text_list_release(struct text_list *list)
{
    mem_free(atomic_load(&list->index));
    atomic_store(&list->index, NULL);
}

/* The literal of the index at that place of the text, 0 for none. */
static size_t matches_any(const struct text_index *x, struct slice s, size_t at)
{
    const unsigned char c = lower(s.data[at]);
    uint32_t v = 0;
    memcpy(&v, s.data + at, s.len - at < 4 ? s.len - at : 4);
    v |= FOLD;
    for (unsigned i = x->first[c]; i < x->first[c + 1]; i++) {
        const struct text_item *item = &x->items[i];
        if (((v ^ item->head) & item->mask) == 0 && matches(s, at, item->literal, item->len))
            return item->len;
    }
    return 0;
}

size_t text_starts_any(struct slice s, struct text_list *list)
{
    return s.len > 0 ? matches_any(index_of(list), s, 0) : 0;
}

/* The next place where either form of the first letter stands. */
static size_t next_first(struct slice s, size_t from, char a, char b)
{
    const char *x = memchr(s.data + from, a, s.len - from), *y = NULL;
    if (a != b)
        y = memchr(s.data + from, b, x != NULL ? (size_t)(x - s.data) - from : s.len - from);
    if (y != NULL)
        x = y;
    return x != NULL ? (size_t)(x - s.data) : s.len;
}

size_t text_find(struct slice s, const char *literal, size_t from)
{
    const size_t n = strlen(literal);
    const char a = literal[0];
    const char b = a >= 'a' && a <= 'z' ? (char)(a - 32) : a;
    while (from < s.len) {
        from = next_first(s, from, a, b);
        if (from < s.len && matches(s, from, literal, n))
            return from;
        from++;
    }
    return s.len;
}

bool text_has(struct slice s, const char *literal)
{
    return text_find(s, literal, 0) < s.len;
}

bool text_has_any(struct slice s, struct text_list *list)
{
    const struct text_index *x = index_of(list);
    const unsigned char *p = (const unsigned char *)s.data;
    for (size_t i = 0; (i = x->next(&x->literals, p, s.len, i)) < s.len; i++)
        if (matches_any(x, s, i) > 0)
            return true;
    return false;
}

bool text_asked_for(const struct row *row, const char *literal)
{
    for (size_t i = 0; i < row->n_prompt; i++)
        if (text_has(row->prompt[i], literal))
            return true;
    return false;
}

bool text_asked(const struct row *row, struct text_list *list)
{
    for (size_t i = 0; i < row->n_prompt; i++)
        if (text_has_any(row->prompt[i], list))
            return true;
    return false;
}

bool text_line(struct slice s, size_t *at, struct slice *line)
{
    const char *end;
    if (*at >= s.len)
        return false;
    end = memchr(s.data + *at, '\n', s.len - *at);
    line->data = s.data + *at;
    line->len = end != NULL ? (size_t)(end - line->data) : s.len - *at;
    *at += line->len + (end != NULL);
    if (line->len > 0 && line->data[line->len - 1] == '\r')
        line->len--;
    return true;
}

struct slice text_skip_space(struct slice s)
{
    while (s.len > 0 && (*s.data == ' ' || (*s.data >= '\t' && *s.data <= '\r'))) {
        s.data++;
        s.len--;
    }
    return s;
}

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

size_t text_ascii_prefix(struct slice s)
{
    size_t i = 0;
    uint64_t v;
    for (; i + 8 <= s.len; i += 8) {
        memcpy(&v, s.data + i, 8);
        if (v & EACH(0x80))
            break;
    }
    while (i < s.len && (unsigned char)s.data[i] < 0x80)
        i++;
    return i;
}

/* Bit 7 of the bytes that are zero. */
static inline uint64_t zero_bytes(uint64_t v)
{
    return ~(((v & EACH(0x7F)) + EACH(0x7F)) | v | EACH(0x7F));
}

size_t text_plain_prefix(struct slice s, size_t from)
{
    uint64_t v;
    for (;;) {
        for (; from + 8 <= s.len; from += 8) {
            memcpy(&v, s.data + from, 8);
            /* bit 7 where a byte is above 0x7E, below 0x20, or the neighbour of such a one */
            if (((v | (v + EACH(1)) | (v - EACH(0x20))) & EACH(0x80)) == 0)
                continue;
            const uint64_t feed = zero_bytes(v ^ EACH('\n')); /* as blanks */
            v = (v & ~(feed | (feed - (feed >> 7)))) | feed >> 2;
            if ((v | (v + EACH(1)) | (v - EACH(0x20))) & EACH(0x80))
                break;
        }
        while (from < s.len && (unsigned char)s.data[from] >= 0x20 &&
               (unsigned char)s.data[from] < 0x7F)
            from++;
        if (from == s.len || s.data[from] != '\n')
            return from;
        from++;
    }
}

/* Backticks before the place on its line: an odd number says it is inside. */
static bool in_backticks(struct slice s, size_t at)
{
    bool in = false;
    while (at > 0 && s.data[at - 1] != '\n') {
        at--;
        if (s.data[at] == '`' && (at == 0 || s.data[at - 1] != '`'))
            in = !in;
    }
    return in;
}

bool text_in_code(struct slice s, size_t at)
{
    struct slice line;
    bool in = false;
    size_t from = 0;
    if (s.len == 0 || memchr(s.data, '`', s.len) == NULL)
        return s.len > 0 && text_find(s, "~~~", 0) < at && text_find(s, "~~~", at) < s.len;
    while (from <= at && text_line(s, &from, &line)) {
        const struct slice t = text_skip_space(line);
        if (from > at && (size_t)(line.data - s.data) + line.len >= at)
            break;
        if (t.len >= 3 && (memcmp(t.data, "```", 3) == 0 || memcmp(t.data, "~~~", 3) == 0))
            in = !in;
    }
    return in || in_backticks(s, at);
}
