#include "eval/subject.h"

#include "core/mem.h"

#include <string.h>

struct subject *subject_open(const struct subject_spec *spec, const struct subject_how *how,
                             struct error *error)
{
    struct subject *s = spec->folder != NULL ? subject_folder(spec, how, error)
                                             : subject_endpoint(spec->teacher, how, error);
    if (s == NULL) {
        error_wrap(error, "eval: model %s", spec->name);
        return NULL;
    }
    s->how = how;
    s->name = mem_strdup(spec->name);
    s->identity = hash128_add(s->identity, &how->temperature, sizeof how->temperature);
    if (how->temperature > 0)
        s->identity = hash128_add(s->identity, &how->seed, sizeof how->seed);
    return s;
}

void subject_close(struct subject *s)
{
    if (s == NULL)
        return;
    mem_free(s->name);
    s->ops->close(s);
}
