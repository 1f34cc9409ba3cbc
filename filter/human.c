/* A person's word on a sample: the verdict "human", which no rule overrides. */
#include "filter/filter.h"

#include "corpus/samples.h"
#include "corpus/verdicts.h"

#include <math.h>

static int64_t find(struct corpus *corpus, const char *id, struct error *error)
{
    const int64_t number = samples_id(corpus, id, error);
    if (number == 0)
        return error_set(error, ERROR_INPUT,
                         "%s: no sample \"%s\"; `retort export DB` lists the ids",
                         corpus_path(corpus), id);
    return number;
}

static int decide(struct corpus *corpus, const char *id, enum verdict_action action,
                  const char *why, struct error *error)
{
    const int64_t number = find(corpus, id, error);
    const struct verdict v = {.sample_id = number,
                              .rule = "human",
                              .version = 1,
                              .action = action,
                              .value = (double)NAN,
                              .threshold = (double)NAN,
                              .similarity = (double)NAN,
                              .why = slice_of(why)};
    return number > 0 ? verdicts_put(corpus, &v, error) : -1;
}

int filter_keep(struct corpus *corpus, const char *id, const char *why, struct error *error)
{
    return decide(corpus, id, VERDICT_KEEP, why, error);
}

int filter_drop(struct corpus *corpus, const char *id, const char *why, struct error *error)
{
    return decide(corpus, id, VERDICT_REMOVE, why, error);
}

int filter_forget(struct corpus *corpus, const char *id, struct error *error)
{
    const int64_t number = find(corpus, id, error);
    return number > 0 ? verdicts_withdraw(corpus, number, "human", error) : -1;
}
