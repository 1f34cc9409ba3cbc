/*
 * Helpers for tests that read ../shared: where it is absent they say so and skip.
 */
#ifndef TESTS_MODEL_SHARED_H
#define TESTS_MODEL_SHARED_H

#include "core/buf.h"
#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"

#include <stdio.h>

/* True where ../shared/<path> is there; else prints why the test is skipped. */
static inline int shared_has(const char *path)
{
    char *full = file_join("../shared", path);
    int there = file_exists(full);
    if (!there)
        printf("SKIP %s is not there\n", full);
    mem_free(full);
    return there;
}

/* Call `row` for each line of a JSON Lines file; returns the number of lines. */
static inline int shared_rows(const char *path, void (*row)(const struct json *row, void *context),
                              void *context)
{
    struct error error = {0};
    struct file_lines *lines = file_lines_open(path, (size_t)1 << 24, &error);
    struct slice line;
    int n = 0;
    assert_non_null(lines);
    while (file_lines_next(lines, &line, &error) == 1) {
        struct json *root = json_parse(line, 0, &error);
        if (root == NULL)
            fail_msg("%s:%d: %s", path, n + 1, error.text);
        row(root, context);
        json_free(root);
        n++;
    }
    file_lines_close(lines);
    return n;
}

#endif
