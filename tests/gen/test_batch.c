/* Batches of both dialects: how they end, what is left over, and that nothing is paid twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/clock.h"
#include "tests/gen/batch_rig.h"

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
        struct rig *r = start(9, "ms=2000", NULL, NULL);
        const char *max = "teacher.batch.max_requests=5", *wait = "teacher.batch.wait=false";
        assert_int_equal(run(r, d, max, wait, "gen.budget_usd=100", NULL), -1);
        assert_int_equal(r->error.code, ERROR_PARTIAL);
        assert_non_null(strstr(r->error.text, "2 batches with 9 requests"));
        assert_true(rig_number(r, "SELECT sum(reserved_nusd) FROM request") > 0);
        clock_sleep_ms(2000);
        assert_int_equal(run(r, d, max, wait, "gen.budget_usd=100", NULL), 0);
        assert_whole(r, 9);
        assert_int_equal(rig_stat(r, "batches"), 2);
        done(r);
    }
}

/* Another recipe meanwhile: its answers are kept unread until the first one is back. */
static void test_other_recipe(void **state)
{
    struct rig *r = start(4, "ms=2000", NULL, NULL);
    (void)state;
    assert_int_equal(run(r, 0, "teacher.batch.wait=false", "gen.temperature=0.3", NULL, NULL), -1);
    clock_sleep_ms(2000);
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

/* Cancelled by the user: what it has comes home, nothing new is asked. */
static void test_cancel(void **state)
{
    (void)state;
    for (int d = 0; d < 2; d++) {
        struct rig *r = start(10, "ms=600", "share=30", NULL);
        char provider[64];
        const char *sets[] = {provider,
                              "teacher.mode=batch",
                              "teacher.batch.poll_s=0.05",
                              "teacher.api_key_env=RETORT_TEST_KEY",
                              "gen.max_tokens=20",
                              NULL};
        snprintf(provider, sizeof provider, "teacher.provider=%s", dialects[d]);
        assert_int_equal(run(r, d, "teacher.batch.wait=false", NULL, NULL, NULL), -1);
        assert_int_equal(rig_run_with(r, (struct gen_options){.cancel = true}, sets), -1);
        assert_int_equal(r->error.code, ERROR_PARTIAL);
        assert_int_equal(rig_number(r, "SELECT count(*) FROM sample"), 3);
        assert_int_equal(rig_number(r, "SELECT count(*) FROM request WHERE state = 'waiting'"), 7);
        assert_int_equal(rig_stat(r, "batches"), 1);
        assert_int_equal(run(r, d, NULL, NULL, NULL, NULL), 0);
        assert_whole(r, 10);
        done(r);
    }
}

/* ---- strategies ------------------------------------------------------------------------------ */

static const char rows_made[] = "SELECT group_concat(k, '|') FROM (SELECT instruction || '>' || "
                                "output AS k FROM sample ORDER BY k)";

/* A run of the strategy, killed on its way and then to its end (way 2); its rows.  How many answers
 * were paid. */
static int64_t make(const char *strategy, int way, char *out, size_t size)
{
    struct rig *r = start(1, "ms=20", NULL, NULL);
    const char *mode = way ? "teacher.mode=batch" : "teacher.mode=online";
    rig_file(r, "p.jsonl",
             "{\"instruction\":\"Name three rivers of Europe\"}\n"
             "{\"instruction\":\"Explain why leaves are green\"}\n"
             "{\"instruction\":\"Translate a proverb into Latin\"}\n");
    for (int ms = 150; way == 2 && ms <= 450; ms += 150) {
        pid_t child = fork();
        if (child == 0)
            _exit(run(r, 0, strategy, mode, "gen.self_instruct.requests=6", "gen.send_seed=true"));
        clock_sleep_ms(ms);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
    assert_int_equal(run(r, 0, strategy, mode, "gen.self_instruct.requests=6",
                         "gen.send_seed=true"),
                     0);
    snprintf(out, size, "%s", rig_text(r, rows_made));
    assert_int_equal(rig_number(r, "SELECT count(*) FROM unread"), 0);
    if (way)
        assert_int_equal(rig_stat(r, "online"), 0);
    int64_t answered = rig_stat(r, "answered");
    done(r);
    return answered;
}

/* An ordered strategy and a chain: the same rows in batches as online, also after kills. */
static void test_strategies(void **state)
{
    static const char *const strategies[] = {"gen.strategy=self-instruct", "gen.strategy=rewrite"};
    char made[3][4096];
    (void)state;
    for (int k = 0; k < 2; k++) {
        int64_t paid[3];
        for (int way = 0; way < 3; way++)
            paid[way] = make(strategies[k], way, made[way], sizeof made[way]);
        assert_int_equal(paid[0], paid[1]);
        assert_int_equal(paid[0], paid[2]);
        assert_true(strlen(made[0]) > 100);
        assert_string_equal(made[0], made[1]);
        assert_string_equal(made[0], made[2]);
    }
}

static void test_redo(void **state)
{
    struct rig *r = start(1, NULL, NULL, NULL);
    const char *sets[] = {"teacher.mode=batch", "teacher.batch.poll_s=0.05",
                          "teacher.api_key_env=RETORT_TEST_KEY", "gen.max_tokens=200", NULL};
    (void)state;
    rig_file(r, "p.jsonl",
             "{\"id\":\"a\",\"instruction\":\"x\"}\n"
             "{\"id\":\"b\",\"instruction\":\"y {{cut}}\"}\n");
    assert_int_equal(run(r, 0, NULL, NULL, NULL, NULL), 0);
    assert_int_equal(rig_run_with(r, (struct gen_options){.redo = "truncated"}, sets), 0);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM sample"), 3);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM kept"), 2);
    assert_int_equal(rig_number(r, "SELECT request_id FROM sample WHERE name = 'b'"), 3);
    assert_int_equal(rig_stat(r, "batches"), 2);
    done(r);
}

/* gen.rows: as many are asked as rows are wanted. */
static void test_rows(void **state)
{
    struct rig *r = start(50, NULL, NULL, NULL);
    (void)state;
    assert_int_equal(run(r, 0, "gen.rows=7", NULL, NULL, NULL), 0);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM sample"), 7);
    assert_int_equal(rig_stat(r, "answered"), 7);
    assert_int_equal(run(r, 0, "gen.rows=12", NULL, NULL, NULL), 0);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM sample"), 12);
    assert_int_equal(rig_stat(r, "answered"), 12);
    done(r);
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
        cmocka_unit_test(test_other_recipe), cmocka_unit_test(test_strategies),
        cmocka_unit_test(test_cancel),       cmocka_unit_test(test_redo),
        cmocka_unit_test(test_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
