/*
 * The user's own patterns: PCRE expressions over the chosen field.  One that matches fires.
 */
#include "core/mem.h"
#include "core/regex.h"
#include "filter/rules.h"

#include <string.h>

enum { MAX_PATTERNS = 64 };

struct patterns {
    struct regex *items[MAX_PATTERNS];
    char *text[MAX_PATTERNS];
    size_t n;
    bool prompt, output;
};

static void close_patterns(void *state)
{
    struct patterns *p = state;
    for (size_t i = 0; i < p->n; i++) {
        regex_free(p->items[i]);
        mem_free(p->text[i]);
    }
    mem_free(p);
}

static void *open_patterns(const struct json *settings, const char *folder, struct error *error)
{
    struct patterns *p = mem_zero(1, sizeof *p);
    const struct slice field = json_string(json_get(settings, "field"));
    (void)folder;
    p->prompt = slice_is(field, "prompt") || slice_is(field, "all");
    p->output = !slice_is(field, "prompt");
    for (const struct json *j = json_first(json_get(settings, "patterns"));
         j != NULL && p->n < MAX_PATTERNS; j = json_next(j)) {
        const char *text = json_text(j, "");
        struct regex *r = regex_compile(text, REGEX_CASELESS | REGEX_MULTILINE, error);
        if (r == NULL) {
            error_wrap(error, "patterns: \"%s\"", text);
            close_patterns(p);
            return NULL;
        }
        p->text[p->n] = mem_strdup(text);
        p->items[p->n++] = r;
    }
    if (p->n == 0) {
        error_set(error, ERROR_USAGE, "patterns: give at least one regular expression");
        close_patterns(p);
        return NULL;
    }
    return p;
}

static bool match(const struct patterns *p, struct slice text, const char *field,
                  struct finding *out)
{
    bool fired = false;
    for (size_t i = 0; i < p->n && !fired; i++) {
        struct regex_match *m = regex_match_new(p->items[i]);
        size_t from = 0, to = 0;
        if (regex_find(p->items[i], text, 0, m, NULL) == 1 && regex_group(m, 0, &from, &to)) {
            finding_span(out, field, from, to);
            finding_why(out, "it matches /%.120s/", p->text[i]);
            fired = true;
        }
        regex_match_free(m);
    }
    return fired;
}

static bool judge(const void *state, const struct row *row, struct finding *out)
{
    const struct patterns *p = state;
    if (p->output && match(p, row->output, "output", out))
        return true;
    return p->prompt && (match(p, row->sample->instruction, "instruction", out) ||
                         match(p, row->sample->input, "input", out));
}

const struct filter_rule rule_pattern = {
    .name = "pattern",
    .version = 1,
    .action = VERDICT_REMOVE,
    .summary = "it matches a pattern of the recipe",
    .open = open_patterns,
    .close = close_patterns,
    .judge = judge,
};
