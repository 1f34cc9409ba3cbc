#include "corpus/format.h"

#include <string.h>

const struct format *const formats[] = {
    &format_messages,  &format_sharegpt, &format_alpaca, &format_jsonl,
    &format_decisions, &format_soft,     NULL,
};

const struct format *format_find(const char *name, struct error *error)
{
    struct buf names = BUF;
    for (const struct format *const *f = formats; *f != NULL; f++)
        if (strcmp((*f)->name, name) == 0)
            return *f;
    for (const struct format *const *f = formats; *f != NULL; f++)
        buf_printf(&names, "%s%s", f == formats ? "" : ", ", (*f)->name);
    error_set(error, ERROR_USAGE, "no format \"%s\"; there are %s", name, buf_text(&names));
    buf_free(&names);
    return NULL;
}

const struct format *format_of(const struct record *r)
{
    for (const struct format *const *f = formats; *f != NULL; f++)
        if ((*f)->recognises != NULL && (*f)->recognises(r))
            return *f;
    return NULL;
}
