/*
 * bench_gen url=URL prompts=FILE [in_flight=64] [model=teacher] [max_tokens=256] : ask the teacher
 * every prompt into a fresh dataset, and end with one JSON line.  CPU counts both threads and
 * everything: plan, key, HTTP, raw reply, compression, parse, row, commit.
 */
#include "bench/words.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/mem.h"
#include "core/recipe.h"
#include "corpus/corpus.h"
#include "corpus/runs.h"
#include "corpus/samples.h"
#include "gen/gen.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const struct error *error)
{
    fprintf(stderr, "bench_gen: %s\n", error->text);
    return 1;
}

static int bench(const char *dataset, const char *const *sets, size_t n)
{
    struct error error = {0};
    struct buf report = BUF;
    struct gen_options options = {0};
    struct recipe *recipe = recipe_load(NULL, sets, n, NULL, &error);
    struct corpus *c = recipe ? corpus_open(dataset, CORPUS_CREATE, &error) : NULL;
    if (!c)
        return fail(&error);
    options.run_id = runs_start(c, "gen", NULL, NULL, &error);
    int64_t wall = clock_ns(), cpu = clock_cpu_ns();
    int rc = gen_run(recipe, c, &options, NULL, &report, &error);
    double seconds = (double)(clock_ns() - wall) / 1e9;
    double us = (double)(clock_cpu_ns() - cpu) / 1e3;
    int64_t rows = samples_count(c, SAMPLES_ALL, NULL);
    if (rc)
        fail(&error);
    printf("{\"rows\":%lld,\"seconds\":%.3f,\"rows_per_s\":%.1f,\"cpu_us_per_row\":%.2f,"
           "\"peak_rss_mb\":%.1f}\n",
           (long long)rows, seconds, (double)rows / seconds, rows ? us / (double)rows : 0,
           (double)mem_peak() / 1e6);
    buf_free(&report);
    corpus_close(c);
    recipe_free(recipe);
    return rc ? 1 : 0;
}

int main(int argc, char **argv)
{
    char folder[] = "/tmp/retort-bench-XXXXXX";
    struct buf b[5] = {BUF, BUF, BUF, BUF, BUF};
    signal(SIGPIPE, SIG_IGN);
    if (!mkdtemp(folder)) {
        perror(folder);
        return 1;
    }
    buf_printf(&b[0], "teacher.base_url=%s",
               words_find(argc, argv, "url", "http://127.0.0.1:8080/v1"));
    buf_printf(&b[1], "gen.prompts=%s", words_find(argc, argv, "prompts", "prompts.jsonl"));
    buf_printf(&b[2], "teacher.in_flight=%s", words_find(argc, argv, "in_flight", "64"));
    buf_printf(&b[3], "teacher.model=%s", words_find(argc, argv, "model", "teacher"));
    buf_printf(&b[4], "gen.max_tokens=%s", words_find(argc, argv, "max_tokens", "256"));
    const char *sets[] = {buf_text(&b[0]), buf_text(&b[1]), buf_text(&b[2]), buf_text(&b[3]),
                          buf_text(&b[4])};
    char *dataset = file_join(folder, "bench.db");
    int rc = bench(dataset, sets, 5);
    mem_free(dataset);
    for (int i = 0; i < 5; i++)
        buf_free(&b[i]);
    file_remove_tree(folder, NULL);
    return rc;
}
