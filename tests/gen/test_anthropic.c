/* A teacher that speaks Anthropic's Messages (tests/server/messages.c, which refuses what the API
 * refuses): every kind of reply becomes a row or a failure with its cause, and the bill is right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/gen/rig.h"

#define ANTHROPIC                                                                                  \
    "teacher.provider=anthropic", "teacher.api_key_env=RETORT_TEST_KEY", "teacher.model=claude",   \
        "teacher.in_flight=4", "gen.retries=3"

static struct rig *rig_messages(void)
{
    struct rig *r = rig_new();
    char bill[96];
    snprintf(bill, sizeof bill, "log=%s/bill", r->folder);
    rig_start(r, "messages", bill, NULL, NULL);
    setenv("RETORT_TEST_KEY", "secret", 1);
    return r;
}

static int64_t failed(struct rig *r, const char *cause)
{
    char query[160];
    snprintf(query, sizeof query,
             "SELECT count(*) FROM request WHERE state = 'failed' AND cause = '%s'", cause);
    return rig_number(r, query);
}

static void test_kinds(void **state)
{
    struct rig *r = rig_messages();
    (void)state;
    rig_file(r, "p.jsonl",
             "{\"id\":\"a\",\"instruction\":\"plain\",\"system\":\"brief\"}\n"
             "{\"id\":\"b\",\"instruction\":\"{{think}}\"}\n"
             "{\"id\":\"c\",\"instruction\":\"{{long}}\"}\n"
             "{\"id\":\"d\",\"instruction\":\"{{refuse}}\"}\n"
             "{\"id\":\"e\",\"instruction\":\"{{empty}}\"}\n"
             "{\"id\":\"f\",\"instruction\":\"{{malformed}}\"}\n"
             "{\"id\":\"g\",\"instruction\":\"{{529}}\"}\n"
             "{\"id\":\"h\",\"instruction\":\"{{429}}\"}\n"
             "{\"id\":\"i\",\"instruction\":\"{{too long}}\"}\n"
             "{\"id\":\"j\",\"messages\":[{\"role\":\"system\",\"content\":\"terse\"},{\"role\":"
             "\"user\",\"content\":\"x\"},{\"role\":\"assistant\",\"content\":\"y\"},{\"role\":"
             "\"user\",\"content\":\"turns\"}]}\n");
    int rc = rig_run(r, ANTHROPIC, "gen.samples=2", "teacher.price.input=1",
                     "teacher.price.output=10", "teacher.price.cached=0.1");
    assert_int_equal(rc, -1);
    assert_int_equal(r->error.code, ERROR_PARTIAL);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM sample"), 12);
    assert_int_equal(failed(r, "refusal"), 2);
    assert_int_equal(failed(r, "empty"), 2);
    assert_int_equal(failed(r, "malformed"), 2);
    assert_int_equal(failed(r, "context-length"), 2);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM request WHERE state = 'waiting'"), 0);
    assert_int_equal(
        rig_number(r, "SELECT count(*) FROM sample WHERE output = 'brief answer to plain'"), 2);
    assert_int_equal(
        rig_number(r, "SELECT count(*) FROM sample WHERE output = 'terse answer to turns'"), 2);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM attempt WHERE cause = 'overloaded'"), 1);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM attempt WHERE cause = 'rate-limit'"), 1);
    /* 10 tokens and 90 from the cache in, 5 out: 10 * 1000 + 90 * 100 + 5 * 10000 nano-USD */
    assert_int_equal(rig_number(r, "SELECT nusd FROM attempt WHERE cause IS NULL LIMIT 1"), 69000);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM attempt WHERE cause = 'refusal' AND "
                                   "nusd = 69000"),
                     2);
    /* again: only what failed without being refused, the two malformed ones, three tries each */
    int64_t attempts = rig_number(r, "SELECT count(*) FROM attempt");
    (void)rig_run(r, ANTHROPIC, "gen.samples=2");
    assert_int_equal(rig_number(r, "SELECT count(*) FROM attempt"), attempts + 6);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM attempt WHERE cause = 'malformed'"), 12);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM sample"), 12);
    rig_free(r);
}

static void test_stops(void **state)
{
    static const struct {
        const char *prompt, *key, *setting, *says;
    } cases[] = {
        {"hi", "wrong", "gen.samples=1", "auth"},
        {"{{credit}}", "secret", "gen.samples=1", "quota"},
        {"hi", "secret", "teacher.body={\"no_such\":1}", "no_such: Extra inputs"},
        {"hi", "secret", "gen.temperature=1.5", "from 0 to 1"},
        {"hi", "secret", "gen.logprobs=3", "no logprobs"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rig *r = rig_messages();
        setenv("RETORT_TEST_KEY", cases[i].key, 1);
        rig_prompts(r, 20, cases[i].prompt);
        assert_int_equal(rig_run(r, ANTHROPIC, cases[i].setting), -1);
        if (!strstr(r->error.text, cases[i].says))
            print_error("\"%s\" does not say \"%s\"\n", r->error.text, cases[i].says);
        assert_non_null(strstr(r->error.text, cases[i].says));
        assert_null(strstr(r->error.text, cases[i].key[0] == 's' ? "secret" : "wrong"));
        assert_int_equal(rig_number(r, "SELECT count(*) FROM sample"), 0);
        assert_int_equal(rig_number(r, "SELECT count(*) FROM request WHERE state = 'failed'"), 0);
        rig_free(r);
    }
}

/* A repair is asked with all that was said: the system message stands apart here. */
static void test_repair(void **state)
{
    struct rig *r = rig_messages();
    (void)state;
    rig_file(r, "s.json", "{\"type\":\"object\"}");
    rig_file(r, "p.jsonl", "{\"instruction\":\"plain\",\"system\":\"brief\"}\n");
    (void)rig_run(r, ANTHROPIC, "gen.schema=s.json", "gen.repairs=1");
    assert_int_equal(failed(r, "schema"), 1);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM reply WHERE status = 200"), 2);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM reply WHERE"
                                   " instr(body, 'brief answer to That reply does not') > 0"),
                     1);
    rig_free(r);
}

/* Writing to the cache may cost twice the price of input: a cap has room for that, or stops. */
static void test_cache_is_reserved(void **state)
{
    static const char prompt[] = "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":"
                                 "\"text\",\"text\":\"x\",%s}]}]}\n";
    static const struct {
        const char *mark, *cap;
        int rc;
    } cases[] = {
        {"\"y\":{\"type\":\"ephemeral\"}", "gen.budget_usd=0.24", 0},
        {"\"cache_control\":{\"type\":\"ephemeral\"}", "gen.budget_usd=0.24", -1},
        {"\"cache_control\":{\"type\":\"ephemeral\"}", "gen.budget_usd=0.48", 0},
    };
    (void)state;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        struct rig *r = rig_messages();
        char line[256];
        snprintf(line, sizeof line, prompt, cases[k].mark);
        rig_file(r, "p.jsonl", line);
        int rc = rig_run(r, ANTHROPIC, "teacher.price.input=1000", "teacher.price.output=1",
                         "gen.max_tokens=1", cases[k].cap);
        print_message("%s %s: %s\n", cases[k].mark, cases[k].cap, rc ? r->error.text : "asked");
        assert_int_equal(rc, cases[k].rc);
        assert_int_equal(rig_number(r, "SELECT count(*) FROM attempt"), rc == 0);
        rig_free(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kinds), cmocka_unit_test(test_repair),
                                       cmocka_unit_test(test_stops),
                                       cmocka_unit_test(test_cache_is_reserved)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
