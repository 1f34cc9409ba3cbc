/*
 * Too short, too long: characters and tokens of the reply, within the limits of the recipe.  A
 * right answer may be one character ("4", "是"), so the default for short ones is to remove none.
 * Tokens are only counted where the characters leave it open: a token has at least one of them.
 */
#include "core/mem.h"
#include "filter/measure.h"
#include "filter/rules.h"

struct limits {
    size_t characters, tokens;
};

static struct limits *limits_new(const struct json *settings, const char *characters,
                                 const char *tokens)
{
    struct limits *l = mem_alloc(sizeof *l);
    l->characters = (size_t)json_number(json_get(settings, characters), 0);
    l->tokens = (size_t)json_number(json_get(settings, tokens), 0);
    return l;
}

static void *open_short(const struct json *settings, const char *folder, struct error *error)
{
    (void)folder;
    (void)error;
    return limits_new(settings, "min_characters", "min_tokens");
}

static void *open_long(const struct json *settings, const char *folder, struct error *error)
{
    (void)folder;
    (void)error;
    return limits_new(settings, "max_characters", "max_tokens");
}

static bool found(struct finding *out, const struct row *row, size_t value, size_t limit,
                  const char *unit)
{
    finding_value(out, (double)value, (double)limit);
    finding_span(out, "output", 0, row->output.len);
    finding_why(out, "%zu %s, the limit is %zu", value, unit, limit);
    return true;
}

static bool too_short(const void *state, const struct row *row, struct finding *out)
{
    const struct limits *l = state;
    if (row->reply.len == 0)
        return false; /* that is rule "empty" */
    if (l->characters > 1 && row->reply.len < 4 * l->characters) {
        const size_t n = measure_characters(row->reply);
        if (n < l->characters)
            return found(out, row, n, l->characters, "characters");
    }
    if (l->tokens > 0) {
        const size_t n = measure_tokens(row->reply);
        if (n < l->tokens)
            return found(out, row, n, l->tokens, "tokens");
    }
    return false;
}

static bool too_long(const void *state, const struct row *row, struct finding *out)
{
    const struct limits *l = state;
    if (row->reply.len > l->characters) {
        const size_t n = measure_characters(row->reply);
        if (n > l->characters)
            return found(out, row, n, l->characters, "characters");
    }
    if (row->reply.len > l->tokens) {
        const size_t n = measure_tokens(row->reply);
        if (n > l->tokens)
            return found(out, row, n, l->tokens, "tokens");
    }
    return false;
}

const struct filter_rule rule_too_short = {
    .name = "too_short",
    .version = 1,
    .usual = true,
    .action = VERDICT_REMOVE,
    .summary = "the reply is too short",
    .open = open_short,
    .close = mem_free,
    .judge = too_short,
};

const struct filter_rule rule_too_long = {
    .name = "too_long",
    .version = 1,
    .usual = true,
    .action = VERDICT_REMOVE,
    .summary = "the reply is too long",
    .open = open_long,
    .close = mem_free,
    .judge = too_long,
};
