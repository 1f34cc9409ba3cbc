#include "filter/rules.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

extern const struct filter_rule rule_empty;
extern const struct filter_rule rule_too_long;
extern const struct filter_rule rule_too_short;
extern const struct filter_rule rule_truncated;

const struct filter_rule *const filter_rules[] = {
    &rule_empty, &rule_too_short, &rule_too_long, &rule_truncated, NULL,
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

void finding_why(struct finding *f, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(f->why, sizeof f->why, format, args);
    va_end(args);
}
