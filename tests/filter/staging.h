/* The filter on a dataset of a test: make one, and what the outcome is without the numbers of rows. */
#ifndef TESTS_FILTER_STAGING_H
#define TESTS_FILTER_STAGING_H

#include "core/hash.h"
#include "corpus/corpus.h"
#include "corpus/samples.h"
#include "corpus/verdicts.h"

#include <stdio.h>
#include <string.h>

static inline struct corpus *make(const char *path)
{
    struct error e = {ERROR_NONE, ""};
    struct corpus *c = corpus_open(path, CORPUS_CREATE, &e);
    if (c == NULL)
        fail_msg("%s", e.text);
    return c;
}

/* What stays, by the texts alone: the sum of the hashes of the kept rows. */
static inline int add_hash(void *context, const struct sample *s, struct error *error)
{
    uint64_t *sum = context;
    (void)error;
    if (s->kept)
        *sum += samples_hash(s).lo;
    return 0;
}

static inline uint64_t kept_digest(struct corpus *c)
{
    uint64_t sum = 0;
    struct error e;
    assert_int_equal(samples_each(c, SAMPLES_ALL, 0, add_hash, &sum, &e), 0);
    return sum;
}

/* All verdicts, as text without the numbers of rows. */
struct listing {
    struct corpus *c;
    uint64_t sum;
};

static inline int name_hash(void *context, const struct sample *s, struct error *error)
{
    (void)error;
    *(uint64_t *)context = samples_hash(s).hi;
    return 0;
}

static inline int add_verdict(void *context, const struct verdict *v, struct error *error)
{
    struct listing *l = context;
    uint64_t own = 0, match = 0;
    struct error e;
    char text[256];
    (void)error;
    assert_int_equal(samples_get(l->c, v->sample_id, name_hash, &own, &e), 1);
    if (v->match_id != 0)
        assert_int_equal(samples_get(l->c, v->match_id, name_hash, &match, &e), 1);
    (void)snprintf(text, sizeof text, "%llx %s %d %.9g %llx", (unsigned long long)own, v->rule,
                   (int)v->action, isnan(v->similarity) ? -1 : v->similarity,
                   (unsigned long long)match);
    l->sum += hash64(text, strlen(text), 0);
    return 0;
}

static inline uint64_t verdict_digest(struct corpus *c)
{
    struct listing l = {c, 0};
    struct error e;
    assert_int_equal(verdicts_each(c, 0, add_verdict, &l, &e), 0);
    return l.sum;
}

#endif
