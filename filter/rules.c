#include "filter/rules.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

extern const struct filter_rule rule_arithmetic;
extern const struct filter_rule rule_constraints;
extern const struct filter_rule rule_contaminated;
extern const struct filter_rule rule_pattern;
extern const struct filter_rule rule_pii;
extern const struct filter_rule rule_words;
extern const struct filter_rule rule_broken_fence;
extern const struct filter_rule rule_echo;
extern const struct filter_rule rule_empty;
extern const struct filter_rule rule_encoding;
extern const struct filter_rule rule_identity;
extern const struct filter_rule rule_invalid_json;
extern const struct filter_rule rule_invalid_schema;
extern const struct filter_rule rule_invalid_xml;
extern const struct filter_rule rule_merged_turns;
extern const struct filter_rule rule_noinput;
extern const struct filter_rule rule_partial_refusal;
extern const struct filter_rule rule_refusal;
extern const struct filter_rule rule_repetition;
extern const struct filter_rule rule_template_leak;
extern const struct filter_rule rule_too_long;
extern const struct filter_rule rule_too_short;
extern const struct filter_rule rule_truncated;
extern const struct filter_rule rule_wrong_language;

const struct filter_rule *const filter_rules[] = {
    /* clang-format off */
    &rule_empty,
    &rule_too_short,
    &rule_too_long,
    &rule_truncated,
    &rule_refusal,
    &rule_partial_refusal,
    &rule_identity,
    &rule_noinput,
    &rule_echo,
    &rule_template_leak,
    &rule_merged_turns,
    &rule_broken_fence,
    &rule_invalid_json,
    &rule_invalid_xml,
    &rule_invalid_schema,
    &rule_repetition,
    &rule_wrong_language,
    &rule_encoding,
    &rule_words,
    &rule_pii,
    &rule_pattern,
    &rule_contaminated,
    &rule_constraints,
    &rule_arithmetic,
    NULL,
    /* clang-format on */
};

const struct filter_rule *filter_rule_find(const char *name)
{
    for (size_t i = 0; filter_rules[i] != NULL; i++)
        if (strcmp(filter_rules[i]->name, name) == 0)
            return filter_rules[i];
    return NULL;
}

void finding_value(struct finding *f, double value, double threshold)
{
    f->value = value;
    f->threshold = threshold;
}

void finding_span(struct finding *f, const char *field, size_t from, size_t to)
{
    f->field = field;
    f->from = from;
    f->to = to;
}

/* Cut back to whole characters: the text may have been cut by its length. */
static void whole_characters(char *text)
{
    size_t n = strlen(text), back = 0;
    while (back < n && back < 4 && ((unsigned char)text[n - 1 - back] & 0xC0) == 0x80)
        back++;
    if (back < n && (unsigned char)text[n - 1 - back] >= 0xC0) {
        const unsigned char lead = (unsigned char)text[n - 1 - back];
        const size_t need = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
        if (need > back)
            text[n - 1 - back] = '\0';
    }
}

void finding_why(struct finding *f, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(f->why, sizeof f->why, format, args);
    va_end(args);
    whole_characters(f->why);
}

void finding_quote(struct finding *f, const char *words, struct slice text)
{
    char part[124];
    const size_t n = text.len < 120 ? text.len : 120;
    memcpy(part, text.data, n);
    part[n] = '\0';
    for (size_t i = 0; i < n; i++)
        if (part[i] == '\n' || part[i] == '\0')
            part[i] = ' ';
    whole_characters(part);
    finding_why(f, "%s: \"%s%s\"", words, part, text.len > n ? "…" : "");
}
