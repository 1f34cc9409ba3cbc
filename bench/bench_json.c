/*
 * JSON on one thread: what a chat reply costs to parse and a body to write.
 *
 *     bench_json [reply=FILE] [repeats=9]
 *
 * Without a file the reply is made up (about 1 KB).  Ends with one JSON line: bytes, microseconds
 * to parse, to write plainly and canonically (medians over the repeats).
 */
#include "bench/words.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 20000, MOST_REPEATS = 99 };

static void make_reply(struct buf *out)
{
    buf_str(out, "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":1720000000,"
                 "\"model\":\"big\",\"choices\":[{\"index\":0,\"message\":{\"role\":"
                 "\"assistant\",\"content\":\"");
    for (int i = 0; i < 12; i++)
        buf_str(out, "A line of the reply with some \\\"quoted\\\" text and a number, 42.\\n");
    buf_str(out,
            "\"},\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":25,"
            "\"completion_tokens\":180,\"total_tokens\":205}}");
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *times, size_t n)
{
    qsort(times, n, sizeof *times, by_size);
    return times[n / 2];
}

/* Microseconds of one round. */
static double time_parse(struct slice text)
{
    int64_t start = clock_ns();
    for (int i = 0; i < ROUNDS; i++)
        json_free(json_parse(text, 0, NULL));
    return (double)(clock_ns() - start) / 1e3 / ROUNDS;
}

static double time_write(const struct json *node, unsigned flags)
{
    struct buf out = BUF;
    int64_t start = clock_ns();
    for (int i = 0; i < ROUNDS; i++) {
        buf_clear(&out);
        json_write(node, flags, &out);
    }
    buf_free(&out);
    return (double)(clock_ns() - start) / 1e3 / ROUNDS;
}

int main(int argc, char **argv)
{
    const char *path = words_find(argc, argv, "reply", NULL);
    size_t repeats = (size_t)strtoul(words_find(argc, argv, "repeats", "9"), NULL, 10);
    double parse[MOST_REPEATS], plain[MOST_REPEATS], canonical[MOST_REPEATS];
    struct buf text = BUF;
    struct error error;
    struct json *node;
    if (repeats == 0 || repeats > MOST_REPEATS)
        repeats = 9;
    if (path == NULL)
        make_reply(&text);
    else if (file_read(path, &text, &error) != 0) {
        fprintf(stderr, "bench_json: %s\n", error.text);
        return 1;
    }
    node = json_parse(buf_view(&text), 0, &error);
    if (node == NULL) {
        fprintf(stderr, "bench_json: %s\n", error.text);
        return 1;
    }
    for (size_t i = 0; i < repeats; i++) {
        parse[i] = time_parse(buf_view(&text));
        plain[i] = time_write(node, 0);
        canonical[i] = time_write(node, JSON_CANONICAL);
    }
    printf("{\"bytes\":%zu,\"parse_us\":%.2f,\"write_us\":%.2f,\"canonical_us\":%.2f}\n", text.len,
           median(parse, repeats), median(plain, repeats), median(canonical, repeats));
    json_free(node);
    buf_free(&text);
    return 0;
}
