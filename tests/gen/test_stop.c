/* What stops a run: failures that only a person can mend, budgets, an interrupt; and that nothing
 * is lost or paid twice by it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/clock.h"
#include "core/signals.h"
#include "tests/gen/rig.h"

#include <pthread.h>
#include <sys/stat.h>

static void says(struct rig *r, const char *words)
{
    if (!strstr(r->error.text, words))
        print_error("\"%s\" does not say \"%s\"\n", r->error.text, words);
    assert_non_null(strstr(r->error.text, words));
}

/* Run-fatal replies: stop at once, nothing failed, the remedy in words. */
static void test_run_fatal(void **state)
{
    static const struct {
        const char *fault, *cause, *remedy;
    } cases[] = {
        {"{{401}}", "auth", "teacher.api_key_env"},
        {"{{402}}", "quota", "top it up"},
        {"{{403}}", "auth", "not allowed"},
        {"{{404}}", "model", "teacher.model"},
        {"{{redirect}}", "model", "teacher.base_url"},
        {"{{quota}}", "quota", "run the same command"},
        {"{{param}}", "parameter", "temperature is fixed"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rig *r = rig_new();
        rig_server(r, NULL, NULL, NULL);
        rig_prompts(r, 50, cases[i].fault);
        assert_int_equal(rig_run(r, "teacher.in_flight=4"), -1);
        says(r, cases[i].cause);
        says(r, cases[i].remedy);
        assert_true(rig_stat(r, "requests") <= 8);
        assert_int_equal(rig_stat(r, "redirected"), 0);
        assert_int_equal(rig_number(r, "SELECT count(*) FROM request WHERE state = 'failed'"), 0);
        assert_true(rig_number(r, "SELECT count(*) FROM request WHERE state = 'waiting'") >= 8);
        rig_free(r);
    }
}

static void test_quota_in_the_middle(void **state)
{
    struct rig *r = rig_new();
    (void)state;
    rig_server(r, "quota=20", "latency=5", NULL);
    rig_prompts(r, 100, "");
    assert_int_equal(rig_run(r, "teacher.in_flight=4"), -1);
    assert_int_equal(r->error.code, ERROR_PARTIAL);
    says(r, "quota");
    assert_true(rig_stat(r, "requests") <= 28);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM sample"), rig_stat(r, "answered"));
    rig_free(r);
}

/* Every request refused for a reason of its own: the recipe is wrong, stop before a million. */
static void test_all_refused(void **state)
{
    struct rig *r = rig_new();
    (void)state;
    rig_server(r, NULL, NULL, NULL);
    rig_prompts(r, 500, "{{400}}");
    assert_int_equal(rig_run(r, "teacher.in_flight=4"), -1);
    says(r, "all refused");
    assert_true(rig_stat(r, "requests") < 40);
    rig_free(r);
}

/* Nobody is there: the run stops, and no request has failed for it. */
static void test_unreachable(void **state)
{
    struct rig *r = rig_new();
    (void)state;
    r->port = 1; /* nobody listens */
    rig_prompts(r, 20, "");
    assert_int_equal(rig_run(r, "gen.retries=1"), -1);
    says(r, "cannot be reached");
    assert_int_equal(rig_number(r, "SELECT count(*) FROM request WHERE state = 'waiting'"), 20);
    assert_true(rig_number(r, "SELECT count(*) FROM attempt WHERE cause = 'connect'") >= 20);
    rig_free(r);
}

/* Nothing but 429: the patience ends the run, no request has failed, tries are not used up. */
static void test_patience(void **state)
{
    struct rig *r = rig_new();
    (void)state;
    rig_server(r, NULL, NULL, NULL);
    rig_prompts(r, 30, "{{429}}");
    assert_int_equal(rig_run(r, "gen.retries=0", "gen.patience_s=1"), -1);
    assert_int_equal(r->error.code, ERROR_PARTIAL);
    says(r, "no good reply");
    assert_int_equal(rig_number(r, "SELECT count(*) FROM request WHERE state = 'waiting'"), 30);
    rig_free(r);
}

/* A server that knows max_tokens only, one that knows max_completion_tokens only, one without
 * response_format: found out once, remembered, no request fails. */
static void test_dialects(void **state)
{
    static const char *const servers[] = {"old=1", "new=1", "schema=1"};
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct rig *r = rig_new();
        rig_server(r, servers[i], NULL, NULL);
        rig_prompts(r, 40, i == 2 ? "{{valid}}" : "");
        rig_file(r, "s.json", "{\"type\":\"object\",\"required\":[\"n\"]}");
        assert_int_equal(rig_run(r, "teacher.in_flight=4", "gen.max_tokens=77",
                                 i == 2 ? "gen.schema=s.json" : "seed=1"),
                         0);
        assert_int_equal(rig_number(r, "SELECT count(*) FROM sample"), 40);
        assert_true(rig_stat(r, "requests") <= 44 + 4);
        assert_int_equal(rig_stat(r, "most_tokens"), 77);
        rig_free(r);
    }
}

/* The same key whatever the dialect: a second run with the field named in the recipe asks nothing. */
static void test_key_ignores_dialect(void **state)
{
    struct rig *r = rig_new();
    (void)state;
    rig_server(r, NULL, NULL, NULL);
    rig_prompts(r, 10, "");
    assert_int_equal(rig_run(r, "seed=1"), 0);
    assert_int_equal(rig_run(r, "teacher.max_tokens_field=max_tokens"), 0);
    assert_int_equal(rig_stat(r, "requests"), 10);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM sample"), 10);
    rig_free(r);
}

static int folder_holds(const char *folder, const char *words)
{
    char command[400];
    snprintf(command, sizeof command, "grep -rqa -e '%s' '%s'", words, folder);
    return system(command) == 0;
}

/* The key is sent, and is nowhere in what the run leaves behind. */
static void test_key_is_secret(void **state)
{
    struct rig *r = rig_new();
    (void)state;
    rig_server(r, "key=sk-very-secret-4711", NULL, NULL);
    rig_prompts(r, 10, "");
    assert_int_equal(rig_run(r, "seed=1"), -1);
    says(r, "auth");
    setenv("RIG_KEY", "sk-very-secret-4711", 1);
    assert_int_equal(rig_run(r, "teacher.api_key_env=RIG_KEY"), 0);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM sample"), 10);
    assert_false(folder_holds(r->folder, "very-secret"));
    rig_file(r, "key", "sk-very-secret-4711\n");
    rig_prompts(r, 20, "");
    assert_int_equal(rig_run(r, "teacher.api_key_file=key"), 0);
    unsetenv("RIG_KEY");
    assert_int_equal(rig_run(r, "teacher.api_key_env=RIG_KEY"), -1);
    says(r, "RIG_KEY");
    rig_free(r);
}

static void test_no_key_in_the_recipe(void **state)
{
    struct rig *r = rig_new();
    (void)state;
    r->port = 1;
    rig_prompts(r, 1, "");
    assert_int_equal(rig_run(r, "teacher.headers={\"authorization\":\"Bearer sk-very-secret\"}"),
                     -1);
    says(r, "teacher.headers");
    assert_false(file_exists(r->dataset)); /* refused before anything is stored */
    assert_null(strstr(r->error.text, "very-secret"));
    rig_free(r);
}

/* ---- budgets --------------------------------------------------------------------------------- */

static void check_budget(const char *set, const char *spent, int64_t cap, const char *cause)
{
    struct rig *r = rig_new();
    rig_server(r, "latency=3", NULL, NULL);
    rig_prompts(r, 200, "{{500 1}}");
    int rc = rig_run(r, "teacher.price.input=1000", "teacher.price.output=2000",
                     "gen.max_tokens=20", "teacher.in_flight=16", set);
    assert_int_equal(rc, -1);
    assert_int_equal(r->error.code, ERROR_PARTIAL);
    says(r, cause);
    int64_t used = rig_number(r, spent);
    print_message("%s: %lld of %lld, %lld rows\n", cause, (long long)used, (long long)cap,
                  (long long)rig_number(r, "SELECT count(*) FROM sample"));
    assert_true(used <= cap);
    assert_true(used > cap / 2);
    assert_int_equal(rig_number(r, "SELECT sum(reserved_nusd + reserved_tokens) FROM request"), 0);
    assert_int_equal(rig_number(r, "SELECT n FROM tally WHERE key = 'nusd.reserved'"), 0);
    assert_true(rig_number(r, "SELECT count(*) FROM request WHERE state = 'waiting'") > 0);
    rig_free(r);
}

static void test_budgets(void **state)
{
    (void)state;
    check_budget("gen.budget_usd=1", "SELECT sum(nusd) FROM attempt", 1000000000, "budget_usd");
    check_budget("gen.budget_tokens=900", "SELECT sum(input_tokens + output_tokens) FROM attempt",
                 900, "budget_tokens");
    check_budget("gen.budget_requests=77", "SELECT count(*) FROM attempt", 77, "budget_requests");
}

static void test_budget_needs_price(void **state)
{
    struct rig *r = rig_new();
    (void)state;
    r->port = 1;
    rig_prompts(r, 1, "");
    assert_int_equal(rig_run(r, "gen.budget_usd=1"), -1);
    assert_int_equal(r->error.code, ERROR_USAGE);
    says(r, "teacher.price");
    rig_free(r);
}

/* teacher.body can change what a reply may cost at most: budgets count with what goes out. */
static void test_budget_heeds_the_body(void **state)
{
    static const char *const bodies[] = {"teacher.body.max_tokens=1000", "teacher.body.n=50",
                                         "teacher.body.max_completion_tokens=1000"};
    struct rig *r = rig_new();
    (void)state;
    rig_server(r, NULL, NULL, NULL);
    rig_prompts(r, 3, "");
    for (size_t k = 0; k < sizeof bodies / sizeof *bodies; k++) {
        assert_int_equal(rig_run(r, "gen.max_tokens=20", "gen.budget_tokens=900", bodies[k]), -1);
        says(r, "gen.budget_tokens is reached");
        assert_int_equal(rig_stat(r, "requests"), 0);
    }
    assert_int_equal(rig_run(r, "gen.budget_tokens=900", "teacher.body.max_tokens=null"), -1);
    assert_int_equal(r->error.code, ERROR_USAGE);
    says(r, "teacher.body.max_tokens");
    rig_free(r);
}

/* ---- interrupts ------------------------------------------------------------------------------ */

/* Interrupts once the teacher has answered some, however slow the machine is. */
static void *interrupt_soon(void *rig)
{
    for (int i = 0; i < 6000 && rig_stat(rig, "answered") < 10; i++)
        clock_sleep_ms(10);
    signals_raise(SIGINT);
    return NULL;
}

static void test_interrupt(void **state)
{
    struct rig *r = rig_new();
    pthread_t t;
    (void)state;
    rig_server(r, "latency=20", NULL, NULL);
    rig_prompts(r, 300, "");
    signals_install();
    pthread_create(&t, NULL, interrupt_soon, r);
    assert_int_equal(rig_run(r, "teacher.in_flight=8"), -1);
    pthread_join(t, NULL);
    signals_reset();
    assert_int_equal(r->error.code, ERROR_INTERRUPTED);
    int64_t rows = rig_number(r, "SELECT count(*) FROM sample");
    assert_true(rows > 0 && rows < 300);
    assert_int_equal(rows, rig_stat(r, "answered")); /* what was in the air came home */
    assert_int_equal(rig_run(r, "teacher.in_flight=8"), 0);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM sample"), 300);
    assert_int_equal(rig_stat(r, "again"), 0);
    rig_free(r);
}

/* ---- bad prompt files ------------------------------------------------------------------------ */

static void test_bad_lines(void **state)
{
    struct rig *r = rig_new();
    (void)state;
    rig_server(r, NULL, NULL, NULL);
    rig_file(r, "p.jsonl",
             "{\"instruction\":\"good\"}\n\n{\"instruction\":7}\nnot json\n"
             "{\"messages\":[{\"role\":\"user\"}]}\n{\"prompt\":\"good too\"}\n");
    assert_int_equal(rig_run(r, "seed=1"), -1);
    assert_int_equal(r->error.code, ERROR_INPUT);
    says(r, "p.jsonl:3");
    says(r, "3 lines");
    assert_int_equal(rig_number(r, "SELECT count(*) FROM sample"), 2);
    assert_int_equal(rig_run(r, "gen.prompts=missing.jsonl"), -1);
    says(r, "missing.jsonl");
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_fatal),
        cmocka_unit_test(test_quota_in_the_middle),
        cmocka_unit_test(test_all_refused),
        cmocka_unit_test(test_unreachable),
        cmocka_unit_test(test_patience),
        cmocka_unit_test(test_dialects),
        cmocka_unit_test(test_key_ignores_dialect),
        cmocka_unit_test(test_key_is_secret),
        cmocka_unit_test(test_no_key_in_the_recipe),
        cmocka_unit_test(test_budgets),
        cmocka_unit_test(test_budget_needs_price),
        cmocka_unit_test(test_budget_heeds_the_body),
        cmocka_unit_test(test_interrupt),
        cmocka_unit_test(test_bad_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
