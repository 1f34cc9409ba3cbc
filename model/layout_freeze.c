/* Weights that do not learn, by patterns of their names. */
#include "model/layout.h"

#include <fnmatch.h>

static bool matches(const char *pattern, const char *name)
{
    return fnmatch(pattern, name, 0) == 0;
}

/* How many parts of a unit do the patterns name? */
static int named(const struct layout_unit *u, const struct model_options *o)
{
    int n = 0;
    for (int k = 0; k < u->n_parts; k++) {
        bool hit = false;
        for (int32_t i = 0; i < o->n_freeze; i++)
            hit = hit || matches(o->freeze[i], u->parts[k].name);
        n += hit;
    }
    return n;
}

void layout_freeze(struct layout *l, const struct model_options *o)
{
    for (size_t i = 0; i < l->n_units; i++)
        if (!l->units[i].adapter && named(&l->units[i], o) == l->units[i].n_parts)
            l->units[i].trainable = false;
}

/* A pattern that names no weight is a mistake, and so is one that names some of the tensors that
 * are one product here. */
static int check_pattern(const struct layout *l, const char *pattern, struct error *error)
{
    bool any = false;
    for (size_t i = 0; i < l->n_units; i++)
        for (int k = 0; k < l->units[i].n_parts; k++)
            any = any || matches(pattern, l->units[i].parts[k].name);
    if (!any)
        return error_set(error, ERROR_USAGE,
                         "train.freeze: no weight is named \"%s\"; a name is \"%s\", and * stands "
                         "for anything (retort show-model lists them)",
                         pattern, l->n_units > 0 ? l->units[l->n_units - 1].parts[0].name : "");
    return 0;
}

int layout_check_freeze(const struct layout *l, const struct model_options *o, struct error *error)
{
    bool learns = o->n_freeze == 0;
    for (int32_t i = 0; i < o->n_freeze; i++)
        if (check_pattern(l, o->freeze[i], error) != 0)
            return -1;
    for (size_t i = 0; i < l->n_units && o->n_freeze > 0; i++) {
        const struct layout_unit *u = &l->units[i];
        const int n = u->adapter ? 0 : named(u, o);
        if (n > 0 && n < u->n_parts)
            return error_set(error, ERROR_USAGE,
                             "train.freeze: %s and %s are one product here and are frozen together "
                             "or not at all",
                             u->parts[0].name, u->parts[u->n_parts - 1].name);
        learns = learns || u->trainable;
    }
    if (!learns)
        return error_set(error, ERROR_USAGE, "train.freeze: nothing is left that learns");
    return 0;
}
