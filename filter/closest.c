#include "filter/closest.h"

#include "core/mem.h"

#include <stdbool.h>

enum { LEVELS = 16 };
#define NOBODY UINT32_MAX

/* Rows with too many pairs, and how many of these there are of each level of likeness. */
struct crowd {
    uint32_t *number; /* of a row; NOBODY: it has few */
    uint16_t (*count)[LEVELS];
    unsigned char *least; /* the lowest level a row keeps, by number */
    size_t n;
};

static struct crowd crowd_of(const struct pairs *p, size_t rows)
{
    struct crowd c = {.number = mem_zero(rows + 1, sizeof *c.number)};
    for (size_t i = 0; i < p->n; i++) {
        c.number[p->items[i].a]++;
        c.number[p->items[i].b]++;
    }
    for (size_t i = 0; i < rows; i++)
        c.number[i] = c.number[i] > CLOSEST_CROWD ? (uint32_t)c.n++ : NOBODY;
    c.count = mem_zero(c.n + 1, sizeof *c.count);
    c.least = mem_zero(c.n + 1, 1);
    return c;
}

static void add(struct crowd *c, uint32_t row, int level)
{
    if (c->number[row] != NOBODY && c->count[c->number[row]][level] < UINT16_MAX)
        c->count[c->number[row]][level]++;
}

/* From the top down to the level that makes them enough. */
static void find_least(struct crowd *c)
{
    for (size_t i = 0; i < c->n; i++) {
        int level = LEVELS - 1;
        size_t kept = c->count[i][level];
        while (level > 0 && kept < CLOSEST_MOST)
            kept += c->count[i][--level];
        c->least[i] = (unsigned char)level;
    }
}

static bool keeps(const struct crowd *c, uint32_t row, int level)
{
    return c->number[row] == NOBODY || level >= c->least[c->number[row]];
}

static unsigned char *levels_of(const struct pairs *p, const struct index *x, int agree)
{
    unsigned char *levels = mem_alloc(p->n + 1);
    for (size_t i = 0; i < p->n; i++) {
        const struct pair pair = p->items[i];
        const int more = index_agree(&x->entries[pair.a], &x->entries[pair.b]) - agree;
        const int level = more * LEVELS / (MINHASH_PLACES + 1 - agree);
        levels[i] = (unsigned char)(level > 0 ? level : 0);
    }
    return levels;
}

void closest_keep(struct pairs *pairs, const struct index *x, int agree)
{
    struct crowd c = crowd_of(pairs, x->n);
    if (c.n > 0) {
        unsigned char *levels = levels_of(pairs, x, agree);
        size_t kept = 0;
        for (size_t i = 0; i < pairs->n; i++) {
            add(&c, pairs->items[i].a, levels[i]);
            add(&c, pairs->items[i].b, levels[i]);
        }
        find_least(&c);
        for (size_t i = 0; i < pairs->n; i++) {
            const struct pair p = pairs->items[i];
            if (keeps(&c, p.a, levels[i]) || keeps(&c, p.b, levels[i]))
                pairs->items[kept++] = p;
        }
        pairs->left_out += pairs->n - kept;
        pairs->n = kept;
        mem_free(levels);
    }
    mem_free(c.number);
    mem_free(c.count);
    mem_free(c.least);
}
