/* kill -9 at random instants of runs in batches: no batch is made twice, no answer is lost, none is
 * paid twice.  RETORT_KILLS=100 makes it long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/clock.h"
#include "core/rng.h"
#include "tests/gen/batch_rig.h"

enum { A_KILL = 25 }; /* prompts, and requests of a batch */

static int kills(void)
{
    const char *s = getenv("RETORT_KILLS");
    return s ? atoi(s) : 8;
}

/* How long a whole run takes here: the kills fall into all of it. */
static int run_ms(int d, int prompts)
{
    struct rig *r = start(prompts, "ms=30", NULL, NULL);
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
        int n = kills(), prompts = A_KILL * n, whole = run_ms(d, prompts);
        struct rig *r = start(prompts, "ms=30", "createdrop=1", "foreign=1");
        struct rng rng = rng_new(11, (uint64_t)d);
        for (int k = 0; k < n; k++)
            run_and_kill(r, d, 5 + (int)rng_below(&rng, (uint32_t)whole));
        int rc = run(r, d, "teacher.batch.max_requests=25", "gen.budget_usd=1000", NULL, NULL);
        if (rc)
            print_message("%s\n", r->error.text);
        assert_int_equal(rc, 0);
        assert_whole(r, prompts);
        print_message("%s: %d kills, %lld batches, %lld creates, %lld answers, %lld again\n",
                      dialects[d], n, (long long)rig_stat(r, "batches"),
                      (long long)rig_stat(r, "creates"), (long long)rig_stat(r, "answered"),
                      (long long)rig_stat(r, "again"));
        assert_int_equal(rig_stat(r, "answered"), prompts);
        done(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kill)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
