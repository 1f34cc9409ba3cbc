#include "filter/blocks.h"

#include "core/mem.h"

#include <string.h>

void block_open(struct block *to, const struct blocks *b)
{
    *to = (struct block){.reader = SOURCE_READER(b->of.source, b->of.x),
                         .workers = b->of.pool != NULL ? pool_threads(b->of.pool) : 1};
    to->scratch = mem_alloc((size_t)to->workers * sizeof *to->scratch);
    for (int i = 0; i < to->workers; i++)
        similar_open(&to->scratch[i]);
}

static void forget_rows(struct block *b)
{
    for (int i = 0; i < b->workers; i++)
        similar_reset(&b->scratch[i]);
    arena_reset(&b->reader.arena);
    b->key = b->n = 0;
}

void block_close(struct block *b)
{
    for (int i = 0; i < b->workers; i++)
        similar_close(&b->scratch[i]);
    mem_free(b->scratch);
    mem_free(b->entries);
    mem_free(b->places);
    source_close(&b->reader);
}

void blocks_open(struct blocks *b, const struct blocks_of *of)
{
    b->of = *of;
    block_open(&b->ahead, b);
}

void blocks_close(struct blocks *b)
{
    block_close(&b->ahead);
}

static void read_rows(const struct blocks *b, struct block *to, const struct block_want *want)
{
    forget_rows(to);
    to->entries = mem_grow(to->entries, want->rows + 1, sizeof *to->entries);
    to->places = mem_grow(to->places, want->n + 1, sizeof *to->places);
    memcpy(to->places, want->places, want->n * sizeof *to->places);
    to->key = want->key;
    to->first = want->first;
    to->rc = 0;
    for (; to->n < want->n && to->rc == 0; to->n++) {
        const uint32_t place = want->places[to->n];
        struct block_entry *e = &to->entries[place - to->first];
        *e = (struct block_entry){.tokens = false};
        to->rc = source_read(&to->reader, b->of.rows[place], &e->row, &to->error);
    }
}

struct loading {
    struct blocks *blocks;
    struct block *now;
    const struct block_want *next;
};

static void load_task(void *context, size_t task, int worker)
{
    const struct loading *l = context;
    struct blocks *b = l->blocks;
    if (task-- == 0) { /* the first to start: only one task may read */
        if (l->next != NULL)
            read_rows(b, &b->ahead, l->next);
        return;
    }
    struct block_entry *e = &l->now->entries[l->now->places[task] - l->now->first];
    similar_shingles(&e->text, &l->now->scratch[worker], b->of.fields, &e->row);
}

int blocks_load(struct blocks *b, struct block *to, const struct block_want *want,
                const struct block_want *next, struct error *error)
{
    struct loading l = {b, to, next};
    if (b->ahead.key == want->key) {
        const struct block was = *to;
        *to = b->ahead;
        b->ahead = was;
    } else {
        read_rows(b, to, want);
    }
    if (to->rc != 0) {
        if (error != NULL)
            *error = to->error;
        return -1;
    }
    pool_run(b->of.pool, to->n + 1, load_task, &l);
    return 0;
}

struct telling {
    struct block *of;
    struct block_entry **entries;
};

static void tokens_task(void *context, size_t task, int worker)
{
    const struct telling *t = context;
    struct block_entry *e = t->entries[task];
    similar_tokens(&e->text, &t->of->scratch[worker], &e->row);
}

void blocks_tokens(struct blocks *b, struct block *of, struct block_entry **entries, size_t n)
{
    struct telling t = {of, entries};
    pool_run(b->of.pool, n, tokens_task, &t);
}
