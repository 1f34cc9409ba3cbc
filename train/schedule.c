#include "train/schedule.h"

#include "core/buf.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

static const double pi = 3.14159265358979323846;

static double shape_cosine(double x, double decay)
{
    (void)decay;
    return 0.5 * (1.0 + cos(pi * x));
}

static double shape_linear(double x, double decay)
{
    (void)decay;
    return 1.0 - x;
}

static double shape_constant(double x, double decay)
{
    (void)x;
    (void)decay;
    return 1.0;
}

static double shape_wsd(double x, double decay)
{
    if (x <= 1.0 - decay)
        return 1.0;
    return (1.0 - x) / decay;
}

static const struct schedule_kind cosine = {"cosine", shape_cosine};
static const struct schedule_kind linear = {"linear", shape_linear};
static const struct schedule_kind constant = {"constant", shape_constant};
static const struct schedule_kind wsd = {"wsd", shape_wsd};

const struct schedule_kind *const schedule_kinds[] = {&cosine, &linear, &constant, &wsd, NULL};

const struct schedule_kind *schedule_find(const char *name, struct error *error)
{
    struct buf names = BUF_MAX(256);
    for (size_t i = 0; schedule_kinds[i] != NULL; i++)
        if (strcmp(schedule_kinds[i]->name, name) == 0)
            return schedule_kinds[i];
    for (size_t i = 0; schedule_kinds[i] != NULL; i++)
        buf_printf(&names, "%s%s", i != 0 ? ", " : "", schedule_kinds[i]->name);
    error_set(error, ERROR_USAGE, "unknown schedule \"%s\"; choose one of %s", name,
              buf_text(&names));
    buf_free(&names);
    return NULL;
}

double schedule_rate(const struct schedule *s, uint64_t step)
{
    double x;
    if (step < s->warmup)
        return s->peak * (double)(step + 1) / (double)s->warmup;
    if (s->total <= s->warmup)
        return s->peak;
    if (step >= s->total)
        step = s->total - 1;
    x = (double)(step - s->warmup) / (double)(s->total - s->warmup);
    return s->floor + (s->peak - s->floor) * s->kind->shape(x, s->decay);
}
