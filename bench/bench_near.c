/*
 * The near-duplicate stage alone, on texts in memory: what rensa's README usage is given, and what
 * it answers, but verified.
 *
 *     bench_near corpus=rows.jsonl [threads=0] [repeats=5] [threshold=0.7]
 *
 * Timed: normalise, hash, shingle and sign every row; exact duplicates; bands, candidates, exact
 * verification of every edge on the texts, variants, clusters, verdicts in memory.  Not timed:
 * reading the file.  Nothing is stored.  Ends with one JSON line: rows, rows_per_s (the median),
 * cpu_us_per_row (of all threads), seconds of the two phases, removed, pairs_verified, peak_rss_mb.
 */
#include "bench/words.h"
#include "core/arena.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/vec.h"
#include "filter/dedup.h"
#include "filter/identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_REPEATS = 99, TASK_ROWS = 64 };

static void stop(const char *what, const struct error *e)
{
    fprintf(stderr, "bench_near: %s: %s\n", what, e->text);
    exit(1);
}

/* ---- the rows, in memory */

struct rows {
    struct arena arena;
    struct sample *items;
    size_t n, cap;
};

static struct slice field(struct rows *r, const struct json *j, const char *key)
{
    const struct slice s = json_string(json_get(j, key));
    return s.data != NULL ? arena_copy(&r->arena, s) : SLICE("");
}

static void load(struct rows *r, const char *path)
{
    struct error e = {ERROR_NONE, ""};
    struct file_lines *f = file_lines_open(path, 64 << 20, &e);
    struct slice line;
    if (f == NULL)
        stop(path, &e);
    while (file_lines_next(f, &line, &e) == 1) {
        struct json *j = json_parse(line, JSON_REPAIR, &e);
        if (j == NULL)
            stop(path, &e);
        r->items = vec_reserve(r->items, &r->cap, r->n + 1, sizeof *r->items);
        r->items[r->n] = (struct sample){.id = (int64_t)r->n + 1,
                                         .system = SLICE(""),
                                         .instruction = field(r, j, "instruction"),
                                         .input = field(r, j, "input"),
                                         .output = field(r, j, "output")};
        r->n++;
        json_free(j);
    }
    file_lines_close(f);
}

static int text_of(void *context, const struct index_entry *e, uint32_t row, samples_fn *fn,
                   void *to, struct error *error)
{
    const struct rows *r = context;
    (void)e;
    return fn(to, &r->items[row], error);
}

static int hold(void *context, struct error *error)
{
    (void)context;
    (void)error;
    return 0;
}

static void release(void *context)
{
    (void)context;
}

/* ---- the stage */

struct worker {
    struct identity identity;
    struct row row;
};

struct signing {
    const struct chosen *chosen;
    const struct rows *rows;
    struct index *index;
    struct worker *workers;
};

static void sign_task(void *context, size_t task, int worker)
{
    struct signing *s = context;
    struct worker *w = &s->workers[worker];
    const size_t to = (task + 1) * TASK_ROWS < s->rows->n ? (task + 1) * TASK_ROWS : s->rows->n;
    for (size_t i = task * TASK_ROWS; i < to; i++) {
        struct index_entry e;
        struct minhash_signature signature;
        row_set(&w->row, &s->rows->items[i]);
        row_shingle(&w->row, &w->identity.shingler);
        const bool any = identity_of(&w->identity, s->chosen, &w->row, &e, &signature);
        index_set(s->index, i, &e, any ? &signature : NULL);
    }
}

static void sign(struct signing *s, struct pool *pool)
{
    const int threads = pool_threads(pool);
    struct error e;
    if (index_grow(s->index, s->rows->n, ".", &e) != 0)
        stop("index", &e);
    s->workers = mem_zero((size_t)threads, sizeof *s->workers);
    for (int i = 0; i < threads; i++) {
        identity_init(&s->workers[i].identity);
        s->workers[i].row = ROW;
    }
    pool_run(pool, (s->rows->n + TASK_ROWS - 1) / TASK_ROWS, sign_task, s);
    for (int i = 0; i < threads; i++) {
        identity_free(&s->workers[i].identity);
        row_free(&s->workers[i].row);
    }
    mem_free(s->workers);
}

struct lap {
    double seconds, cpu, signing;
    struct dedup_counts counts;
};

static struct lap judge(const struct chosen *chosen, struct rows *rows, struct pool *pool)
{
    struct index index;
    struct ledger ledger;
    struct error e;
    struct lap l = {.counts = {0}};
    const struct source source = {text_of, hold, release, rows};
    const int64_t wall = clock_ns(), cpu = clock_cpu_ns();
    index_init(&index, (size_t)1 << 30);
    ledger_init(&ledger);
    sign(&(struct signing){.chosen = chosen, .rows = rows, .index = &index}, pool);
    l.signing = (double)(clock_ns() - wall) / 1e9;
    const struct dedup d = {
        .chosen = chosen, .x = &index, .source = &source, .pool = pool, .ledger = &ledger};
    if (dedup_run(&d, &l.counts, &e) != 0)
        stop("duplicates", &e);
    l.seconds = (double)(clock_ns() - wall) / 1e9;
    l.cpu = (double)(clock_cpu_ns() - cpu) / 1e9;
    ledger_free(&ledger);
    index_free(&index);
    return l;
}

static int by_time(const void *a, const void *b)
{
    const double x = ((const struct lap *)a)->seconds, y = ((const struct lap *)b)->seconds;
    return (x > y) - (x < y);
}

static void print(const struct lap *l, size_t n)
{
    struct json *j = json_new_object();
    struct buf out = BUF;
    const double rows = n > 0 ? (double)n : 1;
    json_put_integer(j, "rows", (int64_t)n);
    json_put_number(j, "rows_per_s", rows / l->seconds);
    json_put_number(j, "cpu_us_per_row", l->cpu * 1e6 / rows);
    json_put_number(j, "peak_rss_mb", (double)(mem_peak() >> 20));
    json_put_number(j, "signing", l->signing);
    json_put_number(j, "comparing", l->seconds - l->signing);
    json_put_integer(j, "removed", (int64_t)(l->counts.exact + l->counts.near));
    json_put_integer(j, "pairs_verified", (int64_t)l->counts.candidates);
    (void)json_write(j, 0, &out);
    puts(buf_text(&out));
    buf_free(&out);
    json_free(j);
}

int main(int argc, char **argv)
{
    const char *corpus = words_find(argc, argv, "corpus", NULL);
    const size_t repeats = (size_t)strtoul(words_find(argc, argv, "repeats", "5"), NULL, 10);
    struct rows rows = {.arena = ARENA};
    struct buf threshold = BUF;
    struct chosen chosen;
    struct error e;
    struct lap laps[MOST_REPEATS];
    if (corpus == NULL || repeats < 1 || repeats > MOST_REPEATS) {
        fputs("bench_near: corpus=FILE is needed, and repeats from 1 to 99\n", stderr);
        return 2;
    }
    mem_keep_freed(); /* as the filter does */
    buf_printf(&threshold, "filter.near.threshold=%s", words_find(argc, argv, "threshold", "0.7"));
    const char *sets[] = {"filter.rules=[\"exact_duplicate\",\"near_duplicate\"]",
                          buf_text(&threshold)};
    struct recipe *recipe = recipe_load(NULL, sets, 2, NULL, &e);
    if (recipe == NULL || chosen_open(&chosen, recipe, &e) != 0)
        stop("recipe", &e);
    struct pool *pool = pool_new(atoi(words_find(argc, argv, "threads", "0")));
    load(&rows, corpus);
    for (size_t i = 0; i < repeats; i++)
        laps[i] = judge(&chosen, &rows, pool);
    qsort(laps, repeats, sizeof *laps, by_time);
    print(&laps[repeats / 2], rows.n);
    pool_free(pool);
    chosen_close(&chosen);
    recipe_free(recipe);
    buf_free(&threshold);
    arena_free(&rows.arena);
    mem_free(rows.items);
    return 0;
}
