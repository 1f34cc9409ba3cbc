/*
 * The filter over a corpus, from the dataset file to stored verdicts.
 *
 *     bench_filter corpus=rows.jsonl [threads=0] [repeats=3] [rules=default] [threshold=0.8]
 *     bench_filter made=distinct|same|template rows=N [words=80] …
 *
 * Imports the rows (instruction, input, output, id) into a fresh dataset in a temporary folder, or
 * makes N: all of other words, one row over and over, or one template with other words at three
 * places, no two alike;
 * judges them anew `repeats` times and ends with one JSON line: rows, rows_per_s (the median),
 * cpu_us_per_row (of all threads), peak_rss_mb (of the whole process), seconds of the phases, and
 * signatures_per_s (tokenise, shingle, sign; one thread, texts in memory).
 */
#include "bench/words.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "corpus/samples.h"
#include "filter/filter.h"
#include "filter/minhash.h"
#include "filter/shingle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_REPEATS = 99, SIGN_ROWS = 20000 };

static void stop(const char *what, const struct error *e)
{
    fprintf(stderr, "bench_filter: %s: %s\n", what, e->text);
    exit(1);
}

static struct slice field(const struct json *j, const char *key)
{
    const struct slice s = json_string(json_get(j, key));
    return s.data != NULL ? s : SLICE("");
}

static size_t import(struct corpus *c, const char *path)
{
    struct error e = {ERROR_NONE, ""};
    struct file_lines *f = file_lines_open(path, 64 << 20, &e);
    struct slice line;
    size_t n = 0;
    if (f == NULL || corpus_begin(c, &e) != 0)
        stop(path, &e);
    while (file_lines_next(f, &line, &e) == 1) {
        struct json *j = json_parse(line, JSON_REPAIR, &e);
        struct sample s = {.source = SLICE("bench"),
                           .instruction = field(j, "instruction"),
                           .input = field(j, "input"),
                           .output = field(j, "output")};
        if (j == NULL || samples_add(c, &s, &e) < 0)
            stop(path, &e);
        json_free(j);
        n++;
    }
    if (corpus_commit(c, &e) != 0)
        stop(path, &e);
    file_lines_close(f);
    return n;
}

/* ---- rows that are made */

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 31) * UINT64_C(0x7FB5D329728EA185);
    x = (x ^ x >> 27) * UINT64_C(0x81DADEF4BC2DD44D);
    return x ^ x >> 33;
}

/* A word of three syllables, one of 64,000. */
static void put_word(struct buf *b, uint64_t n)
{
    static const char head[] = "bdfgklmnprstvz", tail[] = "aeiou";
    for (int i = 0; i < 3; i++, n /= 70) {
        buf_char(b, head[n % 14]);
        buf_char(b, tail[n / 14 % 5]);
    }
}

/* So many words in sentences of ten; `fixed` leaves only three places to the number of the row. */
static void put_text(struct buf *b, uint64_t row, uint64_t words, bool fixed)
{
    buf_clear(b);
    for (uint64_t i = 0; i < words; i++) {
        const bool own = !fixed || (i % (words / 4 + (words < 4)) == 0 && i > 0);
        buf_str(b, i % 10 == 0 ? "So " : " ");
        put_word(b, mix(own ? row * 128 + i + 1 : i) % 64000);
        if (i % 10 == 9)
            buf_str(b, ". ");
    }
}

static size_t make_rows(struct corpus *c, const char *kind, size_t n, uint64_t words)
{
    const bool same = strcmp(kind, "same") == 0, fixed = strcmp(kind, "template") == 0;
    struct error e = {ERROR_NONE, ""};
    struct buf output = BUF, prompt = BUF;
    if (corpus_begin(c, &e) != 0)
        stop(kind, &e);
    for (size_t i = 0; i < n; i++) {
        const uint64_t row = same ? 0 : i;
        put_text(&output, row, words, fixed);
        buf_clear(&prompt);
        buf_str(&prompt, "Tell me of ");
        put_word(&prompt, mix(fixed ? 7 : row) % 64000);
        struct sample s = {.source = SLICE("bench"),
                           .instruction = buf_view(&prompt),
                           .input = SLICE(""),
                           .output = buf_view(&output)};
        if (samples_add(c, &s, &e) < 0)
            stop(kind, &e);
    }
    if (corpus_commit(c, &e) != 0)
        stop(kind, &e);
    buf_free(&output);
    buf_free(&prompt);
    return n;
}

/* ---- signatures alone */

struct texts {
    char *text[SIGN_ROWS];
    size_t part[SIGN_ROWS][3], n;
};

static int keep_text(void *context, const struct sample *s, struct error *error)
{
    struct texts *t = context;
    const struct slice p[3] = {s->instruction, s->input, s->output};
    char *to = mem_alloc(p[0].len + p[1].len + p[2].len + 1);
    (void)error;
    t->text[t->n] = to;
    for (int i = 0; i < 3; i++) {
        memcpy(to, p[i].data, p[i].len);
        to += p[i].len;
        t->part[t->n][i] = p[i].len;
    }
    return ++t->n == SIGN_ROWS;
}

static double signatures(struct corpus *c)
{
    struct texts *t = mem_zero(1, sizeof *t);
    struct shingler s;
    struct minhash_signature out;
    struct error e;
    double best = 0;
    shingle_init(&s, NULL);
    if (samples_each(c, SAMPLES_ALL, 0, keep_text, t, &e) != 0)
        stop("signatures", &e);
    for (int round = 0; round < 5; round++) {
        const int64_t since = clock_cpu_ns();
        for (size_t i = 0; i < t->n; i++) {
            const char *at = t->text[i];
            shingle_start(&s);
            for (int k = 0; k < 3; k++) {
                shingle_add(&s, slice_from(at, t->part[i][k]));
                at += t->part[i][k];
            }
            shingle_end(&s);
            if (s.n > 0)
                minhash_sign(NULL, s.items, s.n, &out);
        }
        const double speed = (double)t->n * 1e9 / (double)(clock_cpu_ns() - since + 1);
        best = speed > best ? speed : best;
    }
    for (size_t i = 0; i < t->n; i++)
        mem_free(t->text[i]);
    mem_free(t);
    shingle_free(&s);
    return best;
}

/* ---- the stage */

struct lap {
    double seconds, cpu;
    struct json *report;
};

static struct lap judge(struct corpus *c, const struct recipe *r)
{
    struct error e = {ERROR_NONE, ""};
    struct buf report = BUF;
    const int64_t wall = clock_ns(), cpu = clock_cpu_ns();
    if (filter_run(r, c, &(struct filter_options){.again = true}, NULL, &report, &e) != 0)
        stop("filter", &e);
    const struct lap l = {(double)(clock_ns() - wall) / 1e9, (double)(clock_cpu_ns() - cpu) / 1e9,
                          json_parse(buf_view(&report), 0, NULL)};
    buf_free(&report);
    return l;
}

static int by_time(const void *a, const void *b)
{
    const double x = ((const struct lap *)a)->seconds, y = ((const struct lap *)b)->seconds;
    return (x > y) - (x < y);
}

static struct recipe *recipe_of(int argc, char **argv)
{
    struct buf rules = BUF, threads = BUF, threshold = BUF;
    struct error e = {ERROR_NONE, ""};
    buf_str(&rules, "filter.rules=[\"");
    for (const char *w = words_find(argc, argv, "rules", "default"); *w != '\0'; w++)
        buf_str(&rules, *w == ',' ? "\",\"" : (const char[]){*w, '\0'});
    buf_str(&rules, "\"]");
    buf_printf(&threads, "threads=%s", words_find(argc, argv, "threads", "0"));
    buf_printf(&threshold, "filter.near.threshold=%s", words_find(argc, argv, "threshold", "0.8"));
    const char *sets[] = {buf_text(&rules), buf_text(&threads), buf_text(&threshold)};
    struct recipe *r = recipe_load(NULL, sets, 3, NULL, &e);
    if (r == NULL)
        stop("recipe", &e);
    buf_free(&rules);
    buf_free(&threads);
    buf_free(&threshold);
    return r;
}

static void print(struct corpus *c, struct lap *laps, size_t repeats, size_t n)
{
    struct json *j = json_new_object();
    struct buf out = BUF;
    qsort(laps, repeats, sizeof *laps, by_time);
    const struct lap *l = &laps[repeats / 2];
    const double rows = n > 0 ? (double)n : 1;
    json_put_integer(j, "rows", (int64_t)n);
    json_put_integer(j, "rows_per_s", (int64_t)(rows / l->seconds));
    json_put_number(j, "cpu_us_per_row", (double)(int64_t)(l->cpu * 1e8 / rows) / 100);
    json_put_number(j, "peak_rss_mb", (double)(mem_peak() >> 20));
    json_put(j, "phases", json_copy(json_get(l->report, "seconds")));
    json_put(j, "counts", json_copy(json_get(l->report, "rows")));
    json_put_integer(j, "signatures_per_s", (int64_t)signatures(c));
    json_write(j, 0, &out);
    puts(buf_text(&out));
    buf_free(&out);
    json_free(j);
}

int main(int argc, char **argv)
{
    const char *corpus = words_find(argc, argv, "corpus", "");
    char folder[] = "/tmp/retort-bench-XXXXXX";
    struct error e = {ERROR_NONE, ""};
    struct lap laps[MOST_REPEATS];
    const int asked = atoi(words_find(argc, argv, "repeats", "3"));
    const size_t repeats = asked < 1 ? 1 : asked > MOST_REPEATS ? MOST_REPEATS : (size_t)asked;
    const char *made = words_find(argc, argv, "made", "");
    if (corpus[0] == '\0' && made[0] == '\0') {
        fprintf(stderr, "usage: bench_filter corpus=rows.jsonl|made=KIND rows=N [threads=0] "
                        "[repeats=3] [rules=default] [threshold=0.8]\n");
        return 2;
    }
    if (mkdtemp(folder) == NULL)
        return 1;
    char *path = file_join(folder, "bench.db");
    struct corpus *c = corpus_open(path, CORPUS_CREATE, &e);
    if (c == NULL)
        stop(path, &e);
    const size_t n =
        made[0] == '\0'
            ? import(c, corpus)
            : make_rows(c, made, strtoul(words_find(argc, argv, "rows", "10000"), NULL, 10),
                        strtoul(words_find(argc, argv, "words", "80"), NULL, 10));
    struct recipe *r = recipe_of(argc, argv);
    for (size_t i = 0; i < repeats; i++)
        laps[i] = judge(c, r);
    print(c, laps, repeats, n);
    for (size_t i = 0; i < repeats; i++)
        json_free(laps[i].report);
    recipe_free(r);
    corpus_close(c);
    mem_free(path);
    return file_remove_tree(folder, &e) == 0 ? 0 : 1;
}
