/*
 * kill -9 at random instants, again and again, and then a last run to the end: no answer is lost,
 * and none is paid twice but those that were in flight at a kill.  RETORT_KILLS=100 makes it long.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/clock.h"
#include "core/rng.h"
#include "tests/gen/rig.h"

enum { IN_FLIGHT = 8, PROMPTS_A_KILL = 40, LATENCY_MS = 10 };

static int kills(void)
{
    const char *s = getenv("RETORT_KILLS");
    return s ? atoi(s) : 8;
}

/* One run in a process of its own, killed after `ms`.  true: it had finished before. */
static bool run_and_kill(struct rig *r, int ms, const char *set)
{
    pid_t child = fork();
    int status;
    if (child == 0) {
        int rc = rig_run(r, "teacher.in_flight=8", "teacher.price.input=1000",
                         "teacher.price.output=2000", "gen.max_tokens=200", set);
        _exit(rc ? 1 : 0);
    }
    clock_sleep_ms(ms);
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* What the server still writes to a dead client counts as paid: until nothing more comes. */
static int64_t paid_in_the_end(struct rig *r)
{
    int64_t before = -1, now = rig_stat(r, "answered");
    while (now != before) {
        clock_sleep_ms(3 * LATENCY_MS);
        before = now;
        now = rig_stat(r, "answered");
    }
    return now;
}

/* Answers the server gave that are not in the file. */
static int64_t paid_and_gone(struct rig *r)
{
    int64_t stored = rig_number(r, "SELECT count(*) FROM reply WHERE status = 200");
    return paid_in_the_end(r) - (stored > 0 ? stored : 0);
}

/* again: what the server calls an answer given twice. */
static void kill_often(struct rig *r, const char *again)
{
    struct rng rng = rng_new(7, 1);
    int n = kills(), prompts = n * PROMPTS_A_KILL, done = 0;
    int64_t gone = 0, worst = 0;
    rig_prompts(r, prompts, "");
    corpus_close(corpus_open(r->dataset, CORPUS_CREATE, NULL)); /* there is a file to ask */
    for (int i = 0; i < n; i++) {
        done += run_and_kill(r, 10 + (int)rng_below(&rng, 90), "seed=1");
        int64_t now = paid_and_gone(r);
        worst = now - gone > worst ? now - gone : worst;
        gone = now;
    }
    int rc = rig_run(r, "teacher.in_flight=8", "teacher.price.input=1000",
                     "teacher.price.output=2000", "gen.max_tokens=200", "seed=1");
    int64_t twice = rig_stat(r, again);
    print_message("%d kills (%d runs were over), %lld requests for %d prompts, %lld paid twice; "
                  "the costliest kill took %lld answers, %d in flight\n",
                  n, done, (long long)rig_stat(r, "requests"), prompts, (long long)twice,
                  (long long)worst, IN_FLIGHT);
    assert_int_equal(rc, 0);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM sample"), prompts);
    assert_int_equal(rig_number(r, "SELECT count(DISTINCT instruction) FROM sample"), prompts);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM request WHERE state = 'answered'"),
                     prompts);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM unread"), 0);
    assert_int_equal(twice, gone);
    assert_true(worst <= IN_FLIGHT);
}

static void test_kill(void **state)
{
    struct rig *r = rig_new();
    (void)state;
    rig_server(r, "latency=10", NULL, NULL);
    kill_often(r, "again");
    assert_int_equal(rig_stat(r, "prompts"), kills() * PROMPTS_A_KILL);
    rig_free(r);
}

/* The same before a server of others: RETORT_JUDGE is ../shared/peers/gen/fault_teacher, built. */
static void test_kill_before_a_judge(void **state)
{
    const char *judge = getenv("RETORT_JUDGE");
    (void)state;
    if (!judge) {
        print_message("SKIP: RETORT_JUDGE names no server; bench/gen-kills.sh gives one\n");
        skip();
    }
    struct rig *r = rig_new();
    rig_judge(r, judge, "--latency", "2");
    kill_often(r, "answered_again");
    rig_free(r);
}

/* Under a budget what was in flight at a kill counts at its worst case: the cap holds for what the
 * server really did, over all crashes. */
static void test_kill_under_budget(void **state)
{
    struct rig *r = rig_new();
    struct rng rng = rng_new(8, 1);
    int n = kills();
    (void)state;
    rig_server(r, "latency=10", NULL, NULL);
    rig_prompts(r, 2000, "");
    for (int i = 0; i < n; i++)
        run_and_kill(r, 10 + (int)rng_below(&rng, 90), "gen.budget_requests=300");
    int rc = rig_run(r, "teacher.in_flight=8", "gen.max_tokens=200", "gen.budget_requests=300");
    int64_t sent = rig_stat(r, "requests");
    int64_t lost = rig_number(r, "SELECT count(*) FROM attempt WHERE cause = 'lost'");
    print_message("budget of 300 requests: the server saw %lld, %lld counted as lost\n",
                  (long long)sent, (long long)lost);
    assert_int_equal(rc, -1);
    assert_int_equal(r->error.code, ERROR_PARTIAL);
    assert_true(sent <= 300);
    assert_true(sent >= 100);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM attempt"), 300);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM request WHERE reserved_tokens > 0"), 0);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kill),
        cmocka_unit_test(test_kill_before_a_judge),
        cmocka_unit_test(test_kill_under_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
