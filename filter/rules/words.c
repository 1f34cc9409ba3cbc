/*
 * The user's word lists (toxicity, competitors, brand names): one word or phrase a line, lines
 * that begin with '#' aside.  Fires from `least` different ones on; words match whole, without
 * case.
 */
#include "core/file.h"
#include "core/mem.h"
#include "core/unicode.h"
#include "core/vec.h"
#include "filter/rules.h"
#include "filter/text.h"

#include <string.h>

enum { MAX_LIST = 64 << 20 };

struct list {
    char **words; /* NULL-ended */
    size_t n, cap, least;
    struct text_list *any; /* of all of them */
};

static void close_list(void *state)
{
    struct list *l = state;
    for (size_t i = 0; i < l->n; i++)
        mem_free(l->words[i]);
    text_list_release(l->any);
    mem_free(l->any);
    mem_free(l->words);
    mem_free(l);
}

static int read_list(struct list *l, const char *path, struct error *error)
{
    struct file_lines *f = file_lines_open(path, 4096, error);
    struct slice line;
    int rc;
    if (f == NULL)
        return -1;
    while ((rc = file_lines_next(f, &line, error)) == 1) {
        struct buf low = BUF;
        line = slice_trim(line);
        if (line.len == 0 || line.data[0] == '#')
            continue;
        if (!utf8_valid(line) || memchr(line.data, '\0', line.len) != NULL) {
            rc = error_set(error, ERROR_INPUT, "%s:%llu: no UTF-8 text; give a list of words", path,
                           (unsigned long long)file_lines_number(f));
            break;
        }
        unicode_lower(line, &low);
        l->words = vec_reserve(l->words, &l->cap, l->n + 2, sizeof *l->words);
        l->words[l->n++] = buf_take(&low);
        l->words[l->n] = NULL;
    }
    file_lines_close(f);
    return rc;
}

static void *open_list(const struct json *settings, const char *folder, struct error *error)
{
    struct list *l = mem_zero(1, sizeof *l);
    l->any = mem_zero(1, sizeof *l->any);
    l->least = (size_t)json_number(json_get(settings, "least"), 1);
    for (const struct json *j = json_first(json_get(settings, "files")); j != NULL;
         j = json_next(j)) {
        char *path = file_join(folder, json_text(j, ""));
        const int rc = read_list(l, path, error);
        mem_free(path);
        if (rc != 0) {
            close_list(l);
            return NULL;
        }
    }
    if (l->n == 0) {
        error_set(error, ERROR_USAGE, "files: name a file of words, one a line; there are none");
        close_list(l);
        return NULL;
    }
    l->any->literals = (const char *const *)l->words;
    return l;
}

static bool judge(const void *state, const struct row *row, struct finding *out)
{
    const struct list *l = state;
    size_t n = 0, first = 0, at = 0;
    if (!text_has_any(row->output, l->any))
        return false;
    for (size_t i = 0; i < l->n && n < l->least; i++) {
        const size_t place = text_find(row->output, l->words[i], 0);
        if (place == row->output.len)
            continue;
        if (n++ == 0) {
            first = i;
            at = place;
        }
    }
    if (n == 0 || n < l->least)
        return false;
    finding_value(out, (double)n, (double)l->least);
    finding_span(out, "output", at, at + strlen(l->words[first]));
    finding_quote(out, "it holds a listed word", slice_of(l->words[first]));
    return true;
}

const struct filter_rule rule_words = {
    .name = "words",
    .version = 1,
    .action = VERDICT_REMOVE,
    .summary = "it holds listed words",
    .open = open_list,
    .close = close_list,
    .judge = judge,
};
