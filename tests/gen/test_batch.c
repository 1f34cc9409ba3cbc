/* Batches of both dialects: how they end, what is left over, and that nothing is paid twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/clock.h"
#include "core/rng.h"
#include "core/signals.h"
#include "tests/gen/rig.h"

static const char *const dialects[] = {"openai", "anthropic"};

/* Run in batch mode with up to four more settings. */
static int run(struct rig *r, int dialect, const char *a, const char *b, const char *c,
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

static struct rig *start(int prompts, const char *a, const char *b, const char *c)
{
    struct rig *r = rig_new();
    setenv("RETORT_TEST_KEY", "secret", 1);
    rig_start(r, "batches", a, b, c);
    rig_prompts(r, prompts, "");
    return r;
}

/* Everything is answered, once. */
static void assert_whole(struct rig *r, int64_t n)
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

static void done(struct rig *r)
{
    rig_stop_server(r);
    rig_free(r);
}

/* ---- a plain one ----------------------------------------------------------------------------- */

static void test_plain(void **state)
{
    (void)state;
    for (int d = 0; d < 2; d++) {
        struct rig *r = start(7, NULL, NULL, NULL);
        assert_int_equal(run(r, d, "teacher.batch.max_requests=3", NULL, NULL, NULL), 0);
        assert_whole(r, 7);
        assert_int_equal(rig_stat(r, "batches"), 3);
        assert_int_equal(rig_stat(r, "online"), 0);
        /* half the price: 100 tokens at 1000 and 10 at 2000 a million are 0.12 USD */
        assert_int_equal(rig_number(r, "SELECT sum(nusd) FROM attempt"), 7 * 60000000);
        assert_int_equal(
            rig_number(r, "SELECT count(*) FROM reply WHERE CAST(body AS TEXT) LIKE '{\"id\":%'"),
            7);
        /* the same recipe again asks nothing; nor does it online */
        assert_int_equal(run(r, d, NULL, NULL, NULL, NULL), 0);
        assert_int_equal(run(r, d, "teacher.mode=online", NULL, NULL, NULL), 0);
        assert_int_equal(rig_stat(r, "batches"), 3);
        assert_int_equal(rig_stat(r, "online"), 0);
        done(r);
    }
}

static void test_online_first(void **state)
{
    (void)state;
    for (int d = 0; d < 2; d++) {
        struct rig *r = start(3, NULL, NULL, NULL);
        assert_int_equal(run(r, d, "teacher.mode=online", NULL, NULL, NULL), 0);
        rig_prompts(r, 5, "");
        assert_int_equal(run(r, d, NULL, NULL, NULL, NULL), 0);
        assert_int_equal(rig_stat(r, "online"), 3);
        assert_int_equal(rig_number(r, "SELECT sum(lines) FROM batch"), 2);
        assert_whole(r, 5);
        done(r);
    }
}

static void test_bytes(void **state)
{
    (void)state;
    for (int d = 0; d < 2; d++) {
        struct rig *r = start(40, NULL, NULL, NULL);
        assert_int_equal(run(r, d, "teacher.batch.max_mb=0.002", NULL, NULL, NULL), 0);
        assert_true(rig_stat(r, "batches") > 3);
        assert_whole(r, 40);
        done(r);
    }
}

/* ---- ends ------------------------------------------------------------------------------------ */

static void test_ends(void **state)
{
    static const char *const ends[] = {"end=expired", "end=cancelled"};
    (void)state;
    for (int d = 0; d < 2; d++)
        for (int e = 0; e < 2; e++)
            for (int online = 0; online < 2; online++) {
                struct rig *r = start(10, ends[e], "share=40", NULL);
                assert_int_equal(run(r, d, online ? "teacher.batch.leftovers=online" : "seed=1",
                                     "gen.budget_usd=100", NULL, NULL),
                                 0);
                assert_whole(r, 10);
                assert_int_equal(rig_stat(r, "online"), online ? 6 : 0);
                assert_int_equal(rig_stat(r, "batches"), online ? 1 : 2);
                assert_int_equal(rig_number(r,
                                            "SELECT count(*) FROM attempt WHERE cause = 'expired'"),
                                 6);
                assert_int_equal(rig_number(r, "SELECT sum(nusd) FROM attempt"),
                                 (online ? 4 + 2 * 6 : 10) * 60000000);
                done(r);
            }
}

static void test_refused(void **state)
{
    struct rig *r = start(5, "end=failed", NULL, NULL);
    (void)state;
    assert_int_equal(run(r, 0, NULL, NULL, NULL, NULL), -1);
    assert_int_equal(r->error.code, ERROR_FAILED);
    assert_non_null(strstr(r->error.text, "the batch was refused"));
    assert_int_equal(run(r, 0, NULL, NULL, NULL, NULL), 0); /* the next one is taken */
    assert_whole(r, 5);
    done(r);
    r = start(5, "end=full", NULL, NULL); /* no room for its tokens: the same again later */
    assert_int_equal(run(r, 0, NULL, NULL, NULL, NULL), 0);
    assert_whole(r, 5);
    assert_int_equal(rig_stat(r, "uploads"), 1);
    assert_int_equal(rig_stat(r, "creates"), 2);
    done(r);
}

/* Single lines are refused: those fail with a cause, the others are asked. */
static void test_lines(void **state)
{
    (void)state;
    for (int d = 0; d < 2; d++) {
        struct rig *r = start(1, NULL, NULL, NULL);
        rig_file(r, "p.jsonl",
                 "{\"instruction\":\"a\"}\n{\"instruction\":\"b {{bad}}\"}\n"
                 "{\"instruction\":\"c {{once}}\"}\n{\"instruction\":\"d\"}\n"
                 "{\"instruction\":\"e {{line}}\"}\n");
        assert_int_equal(run(r, d, NULL, NULL, NULL, NULL), 0);
        assert_int_equal(rig_number(r, "SELECT count(*) FROM sample"), d == 0 ? 3 : 4);
        assert_int_equal(rig_number(r, "SELECT count(*) FROM request WHERE state = 'failed'"
                                       " AND cause = 'bad-request'"),
                         d == 0 ? 2 : 1);
        assert_int_equal(rig_number(r, "SELECT count(*) FROM attempt WHERE cause = 'server-error'"
                                       " AND status = 500"),
                         1);
        assert_int_equal(rig_number(r, "SELECT count(*) FROM reply WHERE status = 400"
                                       " AND CAST(body AS TEXT) LIKE '%this is bad%'"),
                         1);
        assert_int_equal(rig_stat(r, "again"), 0);
        done(r);
    }
}

/* ---- the wire -------------------------------------------------------------------------------- */

static void test_wire(void **state)
{
    static const char *const faults[][3] = {
        {"twice=1", NULL, NULL},
        {"torn=1", NULL, NULL}, /* fetched again */
        {"cut=2", NULL, NULL},
        {"upload500=2", "create503=2", NULL},
        {"create500=1", "look=2", "foreign=3"},
        {"createdrop=1", "foreign=5", "page=3"},
    };
    (void)state;
    for (int d = 0; d < 2; d++)
        for (size_t f = 0; f < sizeof faults / sizeof *faults; f++) {
            struct rig *r = start(6, faults[f][0], faults[f][1], faults[f][2]);
            int rc = run(r, d, "gen.budget_usd=100", NULL, NULL, NULL);
            if (rc)
                print_message("%s %s: %s\n", dialects[d], faults[f][0], r->error.text);
            assert_int_equal(rc, 0);
            assert_whole(r, 6);
            assert_int_equal(rig_stat(r, "batches"), 1);
            assert_int_equal(rig_number(r, "SELECT count(*) FROM attempt"), 6);
            done(r);
        }
}

/* A line that stays torn is counted at its worst case and asked again. */
static void test_torn_twice(void **state)
{
    (void)state;
    for (int d = 0; d < 2; d++) {
        struct rig *r = start(4, "torn=2", NULL, NULL);
        assert_int_equal(run(r, d, NULL, NULL, NULL, NULL), 0);
        assert_int_equal(rig_number(r, "SELECT count(*) FROM sample"), 4);
        assert_int_equal(rig_stat(r, "again"), 1);
        assert_int_equal(rig_number(r, "SELECT count(*) FROM attempt WHERE cause IN"
                                       " ('lost', 'expired')"),
                         1);
        done(r);
    }
}

/* Somebody else's batches of the same size: told from ours by their answers. */
static void test_foreign(void **state)
{
    struct rig *r = start(6, "createdrop=1", "foreign=2", "lines=6");
    (void)state;
    assert_int_equal(run(r, 1, NULL, NULL, NULL, NULL), 0);
    assert_whole(r, 6);
    assert_int_equal(rig_stat(r, "batches"), 1);
    done(r);
}

static void test_no_batches(void **state)
{
    struct rig *r = rig_new();
    (void)state;
    setenv("RETORT_TEST_KEY", "secret", 1);
    rig_start(r, "messages", NULL, NULL, NULL);
    rig_prompts(r, 2, "");
    assert_int_equal(run(r, 0, NULL, NULL, NULL, NULL), -1);
    assert_non_null(strstr(r->error.text, "teacher.mode"));
    rig_free(r);
}

/* ---- money ----------------------------------------------------------------------------------- */

/* Worst case of one request at the batch price, some 0.11 USD: three batches of two fit at once;
 * what they really cost leaves room for more. */
static void test_budget(void **state)
{
    (void)state;
    for (int d = 0; d < 2; d++) {
        struct rig *r = start(50, NULL, NULL, NULL);
        assert_int_equal(run(r, d, "gen.budget_usd=1.0", NULL, NULL, NULL), -1);
        assert_int_equal(r->error.code, ERROR_PARTIAL);
        assert_non_null(strstr(r->error.text, "budget_usd"));
        int64_t spent = rig_number(r, "SELECT sum(nusd) FROM attempt");
        assert_true(spent <= 1000000000);
        assert_true(spent >= 780000000);
        assert_int_equal(rig_stat(r, "answered"), rig_number(r, "SELECT count(*) FROM sample"));
        assert_int_equal(run(r, d, "gen.budget_usd=100", NULL, NULL, NULL), 0);
        assert_whole(r, 50);
        done(r);
    }
}

/* ---- going away and coming back -------------------------------------------------------------- */

static void test_no_wait(void **state)
{
    (void)state;
    for (int d = 0; d < 2; d++) {
        struct rig *r = start(9, "ms=700", NULL, NULL);
        const char *max = "teacher.batch.max_requests=5", *wait = "teacher.batch.wait=false";
        assert_int_equal(run(r, d, max, wait, "gen.budget_usd=100", NULL), -1);
        assert_int_equal(r->error.code, ERROR_PARTIAL);
        assert_non_null(strstr(r->error.text, "2 batches with 9 requests"));
        assert_true(rig_number(r, "SELECT sum(reserved_nusd) FROM request") > 0);
        clock_sleep_ms(700);
        assert_int_equal(run(r, d, max, wait, "gen.budget_usd=100", NULL), 0);
        assert_whole(r, 9);
        assert_int_equal(rig_stat(r, "batches"), 2);
        done(r);
    }
}

/* Another recipe meanwhile: its answers are kept unread until the first one is back. */
static void test_other_recipe(void **state)
{
    struct rig *r = start(4, "ms=300", NULL, NULL);
    (void)state;
    assert_int_equal(run(r, 0, "teacher.batch.wait=false", "gen.temperature=0.3", NULL, NULL), -1);
    clock_sleep_ms(300);
    assert_int_equal(run(r, 0, "gen.temperature=0.5", NULL, NULL, NULL), 0);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM sample"), 4);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM unread"), 4);
    assert_int_equal(run(r, 0, "gen.temperature=0.3", NULL, NULL, NULL), 0);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM sample"), 8);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM unread"), 0);
    assert_int_equal(rig_stat(r, "answered"), 8);
    assert_int_equal(rig_stat(r, "batches"), 2);
    done(r);
}

/* ---- kill -9 --------------------------------------------------------------------------------- */

static int kills(void)
{
    const char *s = getenv("RETORT_KILLS");
    return s ? atoi(s) : 8;
}

/* How long a whole run takes here: the kills fall into all of it. */
static int run_ms(int d)
{
    struct rig *r = start(200, "ms=30", NULL, NULL);
    int64_t from = clock_ns();
    run(r, d, "teacher.batch.max_requests=25", "gen.budget_usd=1000", NULL, NULL);
    int ms = (int)((clock_ns() - from) / 1000000);
    done(r);
    return ms;
}

static void run_and_kill(struct rig *r, int d, int ms)
{
    pid_t child = fork();
    if (child == 0) {
        int rc = run(r, d, "teacher.batch.max_requests=25", "gen.budget_usd=1000", NULL, NULL);
        _exit(rc ? 1 : 0);
    }
    clock_sleep_ms(ms);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

/* Killed again and again: no batch is made twice, no answer is lost, none is paid twice. */
static void test_kill(void **state)
{
    (void)state;
    for (int d = 0; d < 2; d++) {
        struct rig *r = start(200, "ms=30", "createdrop=1", "foreign=1");
        struct rng rng = rng_new(11, (uint64_t)d);
        int n = kills(), whole = run_ms(d);
        for (int k = 0; k < n; k++)
            run_and_kill(r, d, 5 + (int)rng_below(&rng, (uint32_t)whole));
        int rc = run(r, d, "teacher.batch.max_requests=25", "gen.budget_usd=1000", NULL, NULL);
        if (rc)
            print_message("%s\n", r->error.text);
        assert_int_equal(rc, 0);
        assert_whole(r, 200);
        print_message("%s: %d kills, %lld batches, %lld creates, %lld answers, %lld again\n",
                      dialects[d], n, (long long)rig_stat(r, "batches"),
                      (long long)rig_stat(r, "creates"), (long long)rig_stat(r, "answered"),
                      (long long)rig_stat(r, "again"));
        assert_int_equal(rig_stat(r, "answered"), 200);
        done(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),        cmocka_unit_test(test_online_first),
        cmocka_unit_test(test_bytes),        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_refused),      cmocka_unit_test(test_lines),
        cmocka_unit_test(test_wire),         cmocka_unit_test(test_torn_twice),
        cmocka_unit_test(test_foreign),      cmocka_unit_test(test_no_batches),
        cmocka_unit_test(test_budget),       cmocka_unit_test(test_no_wait),
        cmocka_unit_test(test_other_recipe), cmocka_unit_test(test_kill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
