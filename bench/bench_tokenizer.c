/*
 * Tokenisation speed on one thread.
 *
 *     bench_tokenizer corpus=texts.jsonl vocab=FOLDER [repeats=5] [parse=0] [decode=1]
 *
 * The corpus is one JSON string a line (shared/tokenizers/bench_tokenizers.py corpus writes one).
 * Ends with one JSON line: MB a second (1 MB = 1e6 bytes) of wall and of CPU time (medians), ids,
 * load time, memory of the tokenizer and of a scratch.
 */
#include "bench/words.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/vec.h"
#include "model/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct corpus {
    struct buf bytes;
    size_t *ends;
    size_t n, cap;
};

static int read_corpus(const char *path, struct corpus *c, struct error *error)
{
    struct file_lines *lines = file_lines_open(path, (size_t)1 << 28, error);
    struct slice line;
    int got;
    c->bytes = BUF;
    if (lines == NULL)
        return -1;
    while ((got = file_lines_next(lines, &line, error)) == 1) {
        struct json *text = json_parse(line, 0, error);
        if (text == NULL)
            break;
        buf_slice(&c->bytes, json_string(text));
        json_free(text);
        c->ends = vec_reserve(c->ends, &c->cap, c->n + 1, sizeof *c->ends);
        c->ends[c->n++] = c->bytes.len;
    }
    file_lines_close(lines);
    return got == 0 ? 0 : -1;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

struct rates {
    double wall[64], cpu[64];
    int n;
};

static void add_rate(struct rates *r, size_t bytes, int64_t wall, int64_t cpu)
{
    r->wall[r->n] = (double)bytes / 1e6 / ((double)wall / 1e9);
    r->cpu[r->n++] = (double)bytes / 1e6 / ((double)cpu / 1e9);
}

static double median(double *x, int n)
{
    qsort(x, (size_t)n, sizeof *x, by_size);
    return x[n / 2];
}

static int encode_all(const struct tokenizer *t, struct tokenizer_scratch *s,
                      const struct corpus *c, unsigned flags, size_t *ids, struct error *error)
{
    struct tokens kept = TOKENS, *out = &kept;
    size_t at = 0;
    *ids = 0;
    for (size_t i = 0; i < c->n; i++) {
        tokens_clear(out);
        if (tokenizer_encode(t, s, (struct slice){c->bytes.data + at, c->ends[i] - at}, flags, out,
                             error) != 0)
            return -1;
        *ids += out->n;
        at = c->ends[i];
    }
    tokens_free(out);
    return 0;
}

static int run(int argc, char **argv, struct error *error)
{
    struct corpus c = {.n = 0};
    struct rates rates = {.n = 0};
    int repeats = atoi(words_find(argc, argv, "repeats", "5"));
    unsigned flags =
        atoi(words_find(argc, argv, "parse", "0")) != 0 ? (unsigned)TOKENIZER_PARSE : 0;
    struct tokenizer *t;
    struct tokenizer_scratch *s;
    int64_t start;
    double load, load_cpu, first;
    size_t ids = 0, before;
    if (read_corpus(words_find(argc, argv, "corpus", "corpus.jsonl"), &c, error) != 0)
        return -1;
    before = mem_peak();
    start = clock_ns();
    load_cpu = (double)clock_cpu_ns();
    t = tokenizer_load(words_find(argc, argv, "vocab", "../shared/tokenizers/gpt2"), error);
    if (t == NULL)
        return -1;
    load = (double)(clock_ns() - start) / 1e9;
    load_cpu = ((double)clock_cpu_ns() - load_cpu) / 1e9;
    s = tokenizer_scratch_new(t);
    for (int i = 0; i < repeats && i < 64; i++) {
        int64_t wall = clock_ns(), cpu = clock_cpu_ns();
        if (encode_all(t, s, &c, flags, &ids, error) != 0)
            return -1;
        add_rate(&rates, c.bytes.len, clock_ns() - wall, clock_cpu_ns() - cpu);
    }
    first = rates.cpu[0];
    printf("{\"mb_s\": %.2f, \"mb_cpu_s\": %.2f, \"first_mb_cpu_s\": %.2f, \"tokens\": %zu, "
           "\"bytes\": %zu, \"load_s\": %.3f, \"load_cpu_s\": %.3f, \"tokenizer_mb\": %.1f, "
           "\"peak_mb_over_corpus\": %.1f}\n",
           median(rates.wall, rates.n), median(rates.cpu, rates.n), first, ids, c.bytes.len, load,
           load_cpu, (double)tokenizer_memory(t) / 1e6, (double)(mem_peak() - before) / 1e6);
    tokenizer_scratch_free(s);
    tokenizer_free(t);
    buf_free(&c.bytes);
    mem_free(c.ends);
    return 0;
}

int main(int argc, char **argv)
{
    struct error error = {0};
    if (run(argc, argv, &error) == 0)
        return 0;
    fprintf(stderr, "bench_tokenizer: %s\n", error.text);
    return 1;
}
