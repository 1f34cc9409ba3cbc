/* What the tests of batches share. */
#ifndef TESTS_GEN_BATCH_RIG_H
#define TESTS_GEN_BATCH_RIG_H

#include "tests/gen/rig.h"

static const char *const dialects[] = {"openai", "anthropic"};

/* Run in batch mode with up to four more settings. */
static inline int run(struct rig *r, int dialect, const char *a, const char *b, const char *c,
                      const char *d)
{
    char provider[64];
    const char *sets[16] = {provider,
                            "teacher.mode=batch",
                            "teacher.batch.poll_s=0.05",
                            "teacher.api_key_env=RETORT_TEST_KEY",
                            "teacher.price.input=1000",
                            "teacher.price.output=2000",
                            "gen.max_tokens=20"};
    const char *more[] = {a, b, c, d};
    size_t n = 7;
    snprintf(provider, sizeof provider, "teacher.provider=%s", dialects[dialect]);
    for (int i = 0; i < 4; i++)
        if (more[i])
            sets[n++] = more[i];
    return rig_run_with(r, (struct gen_options){0}, sets);
}

static inline struct rig *start(int prompts, const char *a, const char *b, const char *c)
{
    struct rig *r = rig_new();
    setenv("RETORT_TEST_KEY", "secret", 1);
    rig_start(r, "batches", a, b, c);
    rig_prompts(r, prompts, "");
    return r;
}

/* Everything is answered, once. */
static inline void assert_whole(struct rig *r, int64_t n)
{
    assert_int_equal(rig_number(r, "SELECT count(*) FROM request WHERE state = 'answered'"), n);
    assert_int_equal(rig_number(r, "SELECT count(DISTINCT instruction) FROM sample"), n);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM unread"), 0);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM batch_line WHERE settled = 0"), 0);
    assert_int_equal(
        rig_number(r, "SELECT count(*) FROM batch WHERE state NOT IN ('done', 'dropped')"), 0);
    assert_int_equal(rig_number(r, "SELECT ifnull(sum(reserved_tokens), 0) FROM request"), 0);
    assert_int_equal(rig_stat(r, "again"), 0);
}

static inline void done(struct rig *r)
{
    rig_stop_server(r);
    rig_free(r);
}

#endif
