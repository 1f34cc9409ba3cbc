/* A suite's line, a NUL, and a reply: read by whatever format takes it, checked, graded. */
#include "core/mem.h"
#include "eval/formats.h"
#include "eval/judge.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void grade(const struct suite_item *item, struct slice reply)
{
    const double scores[64] = {0};
    struct grade_input in = {.item = item, .reply = reply, .scores = scores, .verdict = reply};
    struct grade g = {0, false, BUF_MAX(1 << 16)};
    if (item->grader == NULL || item->grader == &grade_command || json_count(item->choices) > 64)
        return;
    if (item->grader->check != NULL && item->grader->check(item, NULL) != 0)
        return;
    item->grader->grade(&in, &g);
    if (!(g.score >= 0 && g.score <= 1))
        abort();
    json_free(judge_messages(item, item->messages));
    buf_free(&g.why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice all = slice_from(data, size), reply;
    size_t cut = slice_find(all, SLICE("\0"));
    struct json *line = json_parse(slice_sub(all, 0, cut), JSON_REPAIR, NULL);
    if (line == NULL)
        return 0;
    reply = slice_sub(all, cut + (cut < size), size);
    for (size_t f = 0; suite_formats[f] != NULL; f++) {
        struct suite s = {mem_strdup("s"), NULL, 0, 0};
        if (suite_formats[f]->items(line, NULL, &s, NULL) == 0)
            for (size_t i = 0; i < s.n; i++)
                grade(&s.items[i], reply);
        suite_free(&s);
    }
    json_free(line);
    return 0;
}
