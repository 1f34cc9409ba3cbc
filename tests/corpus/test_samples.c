/* Samples, verdicts, scores, runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "corpus/corpus.h"
#include "corpus/runs.h"
#include "corpus/samples.h"
#include "corpus/verdicts.h"

#include "tests/corpus/scratch.h"

#include <stdio.h>
#include <string.h>

static struct corpus *make(void **state)
{
    struct error e = {0};
    struct corpus *c = corpus_open(scratch_path(state, "s.db"), CORPUS_CREATE, &e);
    if (c == NULL)
        fail_msg("%s", e.text);
    return c;
}

static const struct sample full = {
    .name = {"r\0w", 3},
    .source = {"here", 4},
    .choice = 2,
    .system = {"", 0},
    .instruction = {"\0\0", 2},
    .input = {"in\xF0\x9F\x98\x80", 6},
    .output = {"out\0put", 7},
    .reasoning = {"why", 3},
    .messages = {"[]", 2},
    .finish_reason = {"stop", 4},
    .meta = {"{\"n\":123456789012345678901234567890}", 36},
    .added_ms = 1234,
};

static bool same(struct slice a, struct slice b)
{
    return (a.data == NULL) == (b.data == NULL) && slice_equal(a, b);
}

static int compare(void *context, const struct sample *s, struct error *error)
{
    const struct sample *want = context;
    (void)error;
    assert_true(same(s->name, want->name));
    assert_true(same(s->source, want->source));
    assert_int_equal(s->choice, want->choice);
    assert_true(same(s->system, want->system));
    assert_true(same(s->instruction, want->instruction));
    assert_true(same(s->input, want->input));
    assert_true(same(s->output, want->output));
    assert_true(same(s->reasoning, want->reasoning));
    assert_true(same(s->messages, want->messages));
    assert_true(same(s->finish_reason, want->finish_reason));
    assert_true(same(s->meta, want->meta));
    assert_int_equal(s->added_ms, want->added_ms);
    assert_true(s->kept);
    return 0;
}

static void test_exact(void **state)
{
    struct error e = {0};
    struct corpus *c = make(state);
    struct sample s = full;
    assert_int_equal(samples_add(c, &s, &e), 1);
    assert_int_equal(s.id, 1);
    assert_int_equal(samples_each(c, SAMPLES_ALL, 0, compare, &s, &e), 0);
    assert_int_equal(samples_find(c, "1", compare, &s, &e), 1);
    assert_int_equal(samples_find(c, "2", compare, &s, &e), 0);
    corpus_close(c);
}

static void test_hash_tells_fields_apart(void **state)
{
    struct sample a = {.instruction = SLICE("ab"), .input = SLICE("c")};
    struct sample b = {.instruction = SLICE("a"), .input = SLICE("bc")};
    struct sample d = {.instruction = SLICE("ab"), .input = SLICE("c"), .system = SLICE("")};
    (void)state;
    assert_int_not_equal(hash128_compare(samples_hash(&a), samples_hash(&b)), 0);
    assert_int_not_equal(hash128_compare(samples_hash(&a), samples_hash(&d)), 0);
    assert_int_equal(hash128_compare(samples_hash(&a), samples_hash(&a)), 0);
}

static void test_same_name(void **state)
{
    struct error e = {0};
    struct corpus *c = make(state);
    struct sample s = {.name = SLICE("7"), .instruction = SLICE("q"), .output = SLICE("a")};
    struct sample t = s, plain = {.instruction = SLICE("q"), .output = SLICE("a")};
    assert_int_equal(samples_add(c, &plain, &e), 1);
    assert_int_equal(samples_add(c, &s, &e), 1);
    t.output = SLICE("other");
    assert_int_equal(samples_add(c, &t, &e), 0);
    assert_int_equal(t.id, s.id);
    assert_int_equal(samples_count(c, SAMPLES_ALL, &e), 2);
    for (int i = 0; i < 6; i++)
        assert_int_equal(samples_add(c, &plain, &e), 1);
    assert_int_equal(samples_id(c, "7", &e), s.id); /* the name, not the number */
    assert_int_equal(samples_id(c, "8", &e), 8);
    assert_int_equal(samples_id(c, "9", &e), 0);
    assert_int_equal(samples_id(c, "08", &e), 8);
    assert_int_equal(samples_id(c, "", &e), 0);
    corpus_close(c);
}

static int64_t add(struct corpus *c, int i)
{
    struct error e = {0};
    char text[32];
    struct sample s = {.output = SLICE("a")};
    (void)snprintf(text, sizeof text, "q%d", i);
    s.instruction = slice_of(text);
    assert_int_equal(samples_add(c, &s, &e), 1);
    return s.id;
}

static void judge(struct corpus *c, int64_t id, const char *rule, enum verdict_action action)
{
    struct error e = {0};
    struct verdict v = {.sample_id = id, .rule = rule, .version = 1, .action = action};
    v.value = v.threshold = v.similarity = (double)NAN;
    assert_int_equal(verdicts_put(c, &v, &e), 0);
}

static int gather(void *context, const struct sample *s, struct error *error)
{
    (void)error;
    buf_printf(context, "%d%c", (int)s->id, s->kept ? '+' : '-');
    return 0;
}

static void expect_walk(struct corpus *c, enum samples_which which, const char *want)
{
    struct error e = {0};
    struct buf got = BUF;
    assert_int_equal(samples_each(c, which, 0, gather, &got, &e), 0);
    assert_string_equal(buf_text(&got), want);
    assert_int_equal(samples_count(c, which, &e), strlen(want) / 2);
    buf_free(&got);
}

static void test_kept_and_removed(void **state)
{
    struct error e = {0};
    struct hash128 before, after, all;
    struct corpus *c = make(state);
    for (int i = 1; i <= 6; i++)
        add(c, i);
    samples_digest(c, SAMPLES_KEPT, &before, &e);
    samples_digest(c, SAMPLES_ALL, &all, &e);
    judge(c, 2, "short", VERDICT_REMOVE);
    judge(c, 3, "short", VERDICT_REMOVE);
    judge(c, 3, "human", VERDICT_KEEP);
    judge(c, 4, "pii", VERDICT_FLAG);
    judge(c, 5, "human", VERDICT_REMOVE);
    expect_walk(c, SAMPLES_ALL, "1+2-3+4+5-6+");
    expect_walk(c, SAMPLES_KEPT, "1+3+4+6+");
    expect_walk(c, SAMPLES_REMOVED, "2-5-");
    samples_digest(c, SAMPLES_KEPT, &after, &e);
    assert_int_not_equal(hash128_compare(before, after), 0);
    samples_digest(c, SAMPLES_ALL, &after, &e);
    assert_int_equal(hash128_compare(all, after), 0);
    assert_int_equal(verdicts_clear(c, NULL, &e), 0);
    expect_walk(c, SAMPLES_REMOVED, "5-");
    assert_int_equal(verdicts_clear(c, "human", &e), 0); /* a person's word stays */
    expect_walk(c, SAMPLES_REMOVED, "5-");
    assert_int_equal(verdicts_withdraw(c, 5, "human", &e), 0);
    expect_walk(c, SAMPLES_REMOVED, "");
    corpus_close(c);
}

static int one_verdict(void *context, const struct verdict *v, struct error *error)
{
    int *calls = context;
    (void)error;
    ++*calls;
    if (strcmp(v->rule, "near") == 0) {
        assert_true(v->value == 0.85 && v->threshold == 0.8 && v->similarity == 0.85);
        assert_string_equal(v->field, "output");
        assert_int_equal(v->span_from, 3);
        assert_int_equal(v->span_to, 9);
        assert_int_equal(v->match_id, 1);
        assert_true(slice_is(v->why, "as row 1"));
    } else {
        assert_string_equal(v->rule, "empty");
        assert_true(isnan(v->value) && isnan(v->similarity));
        assert_null(v->field);
        assert_null(v->why.data);
    }
    return 0;
}

static void test_verdicts(void **state)
{
    struct error e = {0};
    struct corpus *c = make(state);
    struct verdict v = {.sample_id = 2,
                        .rule = "near",
                        .version = 3,
                        .action = VERDICT_REMOVE,
                        .value = 0.85,
                        .threshold = 0.8,
                        .field = "output",
                        .span_from = 3,
                        .span_to = 9,
                        .match_id = 1,
                        .similarity = 0.85,
                        .why = SLICE("as row 1")};
    int calls = 0;
    add(c, 1);
    add(c, 2);
    assert_int_equal(verdicts_put(c, &v, &e), 0);
    assert_int_equal(verdicts_put(c, &v, &e), 0);
    judge(c, 2, "empty", VERDICT_FLAG);
    assert_int_equal(verdicts_each(c, 2, one_verdict, &calls, &e), 0);
    assert_int_equal(verdicts_each(c, 0, one_verdict, &calls, &e), 0);
    assert_int_equal(verdicts_each(c, 1, one_verdict, &calls, &e), 0);
    assert_int_equal(calls, 4);
    v.sample_id = 99; /* no such sample */
    assert_int_equal(verdicts_put(c, &v, &e), -1);
    assert_int_equal(scores_put(c, 1, "judge", 1, 0.25, &e), 0);
    assert_int_equal(scores_put(c, 1, "judge", 1, 0.5, &e), 0);
    assert_true(scores_get(c, 1, "judge") == 0.5);
    assert_true(isnan(scores_get(c, 2, "judge")));
    assert_int_equal(scores_clear(c, "judge", &e), 0);
    assert_true(isnan(scores_get(c, 1, "judge")));
    corpus_close(c);
}

struct nested {
    struct corpus *c;
    int pairs;
};

static int inner(void *context, const struct sample *s, struct error *error)
{
    struct nested *n = context;
    (void)s, (void)error;
    n->pairs++;
    return 0;
}

static int outer(void *context, const struct sample *s, struct error *error)
{
    struct nested *n = context;
    return samples_each(n->c, SAMPLES_ALL, s->id, inner, n, error);
}

static void test_walks_nest(void **state)
{
    struct error e = {0};
    struct nested n = {.c = make(state)};
    for (int i = 0; i < 10; i++)
        add(n.c, i);
    assert_int_equal(samples_each(n.c, SAMPLES_ALL, 0, outer, &n, &e), 0);
    assert_int_equal(n.pairs, 45);
    corpus_close(n.c);
}

static int stop_at_3(void *context, const struct sample *s, struct error *error)
{
    *(int64_t *)context = s->id;
    if (s->id == 4)
        return error_set(error, ERROR_FAILED, "no four");
    return s->id == 3;
}

static void test_walk_stops(void **state)
{
    struct error e = {0};
    struct corpus *c = make(state);
    int64_t last = 0;
    for (int i = 0; i < 10; i++)
        add(c, i);
    assert_int_equal(samples_each(c, SAMPLES_ALL, 0, stop_at_3, &last, &e), 0);
    assert_int_equal(last, 3);
    assert_int_equal(samples_each(c, SAMPLES_ALL, 3, stop_at_3, &last, &e), -1);
    assert_string_equal(e.text, "no four");
    corpus_close(c);
}

static int one_run(void *context, const struct run *r, struct error *error)
{
    (void)error;
    *(struct run *)context = (struct run){.id = r->id, .ended_ms = r->ended_ms};
    return 0;
}

static void test_runs(void **state)
{
    struct error e = {0};
    struct corpus *c = make(state);
    struct run r = {0};
    int64_t a = runs_start(c, "train", "{}", "abc", &e), b, d;
    assert_true(a > 0);
    assert_int_equal(runs_end(c, a, "done", "{\"loss\":1}", &e), 0);
    b = runs_start(c, "train", NULL, NULL, &e);
    d = runs_start(c, "eval", NULL, NULL, &e);
    assert_int_equal(runs_last(c, "train", NULL, one_run, &r, &e), 1);
    assert_int_equal(r.id, b);
    assert_int_equal(r.ended_ms, 0);
    assert_int_equal(runs_last(c, "train", "done", one_run, &r, &e), 1);
    assert_int_equal(r.id, a);
    assert_true(r.ended_ms > 0);
    assert_int_equal(runs_last(c, "gen", NULL, one_run, &r, &e), 0);
    assert_int_equal(runs_each(c, NULL, one_run, &r, &e), 0);
    assert_int_equal(r.id, d);
    assert_int_equal(runs_last(c, "eval", "killed", one_run, &r, &e), 0);
    (void)runs_start(c, "eval", NULL, NULL, &e);
    assert_int_equal(runs_last(c, "eval", "killed", one_run, &r, &e), 1);
    assert_int_equal(r.id, d);
    assert_int_equal(runs_checkpoint(c, b, 10, "out", "{}", &e), 0);
    assert_int_equal(runs_evaluation(c, d, "m", "s", "{}", &e), 0);
    assert_int_equal(runs_evaluation(c, 99, "m", "s", "{}", &e), -1);
    corpus_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_exact),      scratch_test(test_hash_tells_fields_apart),
        scratch_test(test_same_name),  scratch_test(test_kept_and_removed),
        scratch_test(test_verdicts),   scratch_test(test_walks_nest),
        scratch_test(test_walk_stops), scratch_test(test_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
