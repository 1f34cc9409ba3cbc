/*
 * Rows into a fresh dataset, out of it, the same import again, and what `status` then takes.
 *
 *     bench_import [rows=1000000] [file=FILE] [keep=FOLDER]
 *
 * Without a file, rows of about 600 bytes are made up, without ids.  The dataset is made in a folder
 * of its own under keep (default /tmp) and removed.  Ends with one JSON line.
 */
#include "bench/words.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/mem.h"
#include "core/rng.h"
#include "corpus/exchange.h"
#include "corpus/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fail(const struct error *error)
{
    fprintf(stderr, "bench_import: %s\n", error->text);
    exit(1);
}

static void words(struct buf *out, struct rng *r, int n)
{
    for (int i = 0; i < n; i++)
        buf_printf(out, "%sword%u", i == 0 ? "" : " ", rng_below(r, 20000));
}

static void make_rows(const char *path, long rows)
{
    struct error e = {0};
    struct file_new f;
    struct buf line = BUF;
    struct rng r = rng_new(1, 1);
    if (file_new_open(&f, path, &e) != 0)
        fail(&e);
    for (long i = 0; i < rows; i++) {
        buf_str(&line, "{\"instruction\":\"");
        words(&line, &r, 15);
        buf_str(&line, "\",\"input\":\"\",\"output\":\"");
        words(&line, &r, 42);
        buf_str(&line, "\"}\n");
        if (line.len > 1 << 20 || i + 1 == rows) {
            if (file_new_write(&f, line.data, line.len, &e) != 0)
                fail(&e);
            buf_clear(&line);
        }
    }
    buf_free(&line);
    if (file_new_commit(&f, &e) != 0)
        fail(&e);
}

static double import_once(const char *db, const char *path, struct import_counts *n)
{
    struct error e = {0};
    struct import_options o = {0};
    int64_t start = clock_ns();
    struct corpus *c = corpus_open(db, CORPUS_CREATE, &e);
    if (c == NULL || import_file(c, path, &o, NULL, n, &e) != 0)
        fail(&e);
    corpus_close(c);
    return (double)(clock_ns() - start) / 1e9;
}

static double export_once(const char *db, const char *path)
{
    struct error e = {0};
    struct export_options o = {.which = SAMPLES_KEPT};
    struct export_counts n;
    int64_t start = clock_ns();
    struct corpus *c = corpus_open(db, CORPUS_READ, &e);
    if (c == NULL || export_file(c, &o, path, NULL, &n, &e) != 0)
        fail(&e);
    corpus_close(c);
    return (double)(clock_ns() - start) / 1e9;
}

static double status_once(const char *db)
{
    struct error e = {0};
    int64_t start = clock_ns();
    struct corpus *c = corpus_open(db, CORPUS_READ, &e);
    struct json *status = c != NULL ? corpus_status(c, &e) : NULL;
    if (status == NULL)
        fail(&e);
    json_free(status);
    corpus_close(c);
    return (double)(clock_ns() - start) / 1e6;
}

int main(int argc, char **argv)
{
    const char *file = words_find(argc, argv, "file", NULL);
    char folder[512];
    char *db, *rows, *out;
    struct import_counts n = {0}, again = {0};
    double in_s, out_s, again_s, cpu_us, peak;
    (void)snprintf(folder, sizeof folder, "%s/retort-bench-XXXXXX",
                   words_find(argc, argv, "keep", "/tmp"));
    if (mkdtemp(folder) == NULL)
        return 1;
    db = file_join(folder, "bench.db");
    rows = file_join(folder, "rows.jsonl");
    out = file_join(folder, "out.jsonl");
    if (file == NULL)
        make_rows(rows, strtol(words_find(argc, argv, "rows", "1000000"), NULL, 10));
    cpu_us = (double)clock_cpu_ns() / -1e3;
    in_s = import_once(db, file != NULL ? file : rows, &n);
    cpu_us += (double)clock_cpu_ns() / 1e3;
    peak = (double)mem_peak() / 1e6;
    out_s = export_once(db, out);
    again_s = import_once(db, file != NULL ? file : rows, &again);
    printf("{\"rows\":%llu,\"rows_per_s\":%.0f,\"cpu_us_per_row\":%.2f,\"peak_rss_mb\":%.1f,"
           "\"export_rows_per_s\":%.0f,\"again_rows_per_s\":%.0f,\"again_added\":%llu,"
           "\"peak_rss_mb_all\":%.1f,\"status_ms\":%.1f,\"db_mb\":%.0f}\n",
           (unsigned long long)n.records, (double)n.records / in_s, cpu_us / (double)n.records,
           peak, (double)n.added / out_s, (double)n.records / again_s,
           (unsigned long long)again.added, (double)mem_peak() / 1e6, status_once(db),
           (double)file_size(db) / 1e6);
    (void)file_remove_tree(folder, NULL);
    mem_free(db);
    mem_free(rows);
    mem_free(out);
    return 0;
}
