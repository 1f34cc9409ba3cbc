/* --redo and --reparse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/gen/rig.h"

static int redo(struct rig *r, const char *what, const char *set)
{
    const char *const sets[] = {set, "teacher.name=t", NULL};
    return rig_run_with(r, (struct gen_options){.redo = what}, sets);
}

static int reparse(struct rig *r, const char *set)
{
    const char *const sets[] = {set, "teacher.name=t", NULL};
    return rig_run_with(r, (struct gen_options){.reparse = true}, sets);
}

static void check_tallies(struct rig *r)
{
    assert_int_equal(rig_number(r,
                                "SELECT ifnull(sum(n), 0) FROM tally WHERE key LIKE 'failure.%'"),
                     rig_number(r, "SELECT count(*) FROM request WHERE state = 'failed'"));
    assert_int_equal(rig_number(r, "SELECT n FROM tally WHERE key = 'request.answered'"),
                     rig_number(r, "SELECT count(*) FROM request WHERE state = 'answered'"));
}

static void test_truncated(void **state)
{
    struct rig *r = rig_new();
    (void)state;
    rig_server(r, NULL, NULL, NULL);
    rig_file(r, "p.jsonl",
             "{\"id\":\"a\",\"instruction\":\"x\"}\n"
             "{\"id\":\"b\",\"instruction\":\"y {{length}}\"}\n"
             "{\"id\":\"c\",\"instruction\":\"z\"}\n");
    assert_int_equal(rig_run(r, "gen.max_tokens=50", "teacher.name=t"), 0);
    assert_int_equal(redo(r, "truncated", "gen.max_tokens=50"), -1);
    assert_int_equal(r->error.code, ERROR_USAGE); /* nothing would change */
    assert_int_equal(rig_stat(r, "requests"), 3);
    assert_int_equal(redo(r, "truncated", "gen.max_tokens=200"), 0);
    assert_int_equal(rig_stat(r, "requests"), 4); /* that one only */
    assert_int_equal(rig_stat(r, "most_tokens"), 200);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM sample"), 4);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM kept"), 3);
    assert_int_equal(rig_number(r, "SELECT request_id FROM sample WHERE name = 'b'"), 4);
    assert_int_equal(rig_number(r, "SELECT request_id FROM sample WHERE name = 'b.cut.2'"), 2);
    /* cut again: with more room once more, and then no more */
    assert_int_equal(redo(r, "truncated", "gen.max_tokens=200"), -1);
    assert_int_equal(redo(r, "truncated", "gen.max_tokens=800"), 0);
    assert_int_equal(rig_stat(r, "requests"), 5);
    assert_int_equal(rig_run(r, "gen.max_tokens=50", "teacher.name=t"),
                     0); /* the recipe as it was: nothing to do */
    assert_int_equal(rig_stat(r, "requests"), 5);
    check_tallies(r);
    rig_free(r);
}

static void test_failed(void **state)
{
    struct rig *r = rig_new();
    (void)state;
    rig_server(r, NULL, NULL, NULL);
    rig_file(r, "p.jsonl",
             "{\"id\":\"a\",\"instruction\":\"x {{refusal 1}}\"}\n"
             "{\"id\":\"b\",\"instruction\":\"y {{400 2}}\"}\n");
    assert_int_equal(rig_run(r, "seed=1", "teacher.name=t"), 0);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM request WHERE state = 'failed'"), 2);
    assert_int_equal(redo(r, "refusal", "seed=1"), 0);
    assert_int_equal(rig_stat(r, "requests"), 3);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM sample"), 1);
    assert_int_equal(redo(r, "failed", "seed=1"), 0);
    assert_int_equal(redo(r, "failed", "seed=1"), 0);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM sample"), 2);
    assert_int_equal(redo(r, "nonsense", "seed=1"), -1);
    assert_int_equal(r->report.len, 0); /* and no counts that nobody made */
    assert_int_equal(r->error.code, ERROR_USAGE);
    check_tallies(r);
    rig_free(r);
}

/* With other settings just those are asked, and not the whole plan anew. */
static void test_failed_otherwise(void **state)
{
    static const char attempts[] = "SELECT count(*) FROM attempt";
    struct rig *r = rig_new();
    (void)state;
    rig_script(r,
               "{\"when\":[\"z\"],\"status\":400,\"reply\":\"no\"}\n"
               "{\"when\":[],\"reply\":\"good\"}\n",
               NULL);
    rig_file(r, "p.jsonl",
             "{\"id\":\"a\",\"instruction\":\"x\"}\n{\"id\":\"b\",\"instruction\":\"y\"}\n"
             "{\"id\":\"c\",\"instruction\":\"z\"}\n");
    assert_int_equal(rig_run(r, "gen.temperature=0.5", "teacher.name=t"), 0);
    assert_int_equal(rig_number(r, attempts), 3);
    assert_int_equal(redo(r, "bad-request", "gen.temperature=0.9"), 0);
    assert_int_equal(rig_number(r, attempts), 4);
    assert_int_equal(rig_number(r, "SELECT id FROM request WHERE cause = 'withdrawn'"), 3);
    assert_int_equal(rig_number(r, "SELECT id FROM request WHERE cause = 'bad-request'"), 4);
    check_tallies(r);
    assert_int_equal(redo(r, "bad-request", "gen.temperature=0.9"), -1); /* it was asked so */
    assert_int_equal(r->error.code, ERROR_USAGE);
    assert_int_equal(rig_number(r, attempts), 4);
    rig_stop_server(r);
    rig_script(r, "{\"when\":[],\"reply\":\"fine\"}\n", NULL);
    assert_int_equal(redo(r, "failed", "teacher.model=other"), -1);
    assert_int_equal(r->error.code, ERROR_USAGE); /* of this one nothing was asked */
    assert_int_equal(redo(r, "failed", "gen.temperature=0.1"), 0);
    assert_int_equal(rig_number(r, attempts), 5);
    assert_string_equal(rig_text(r, "SELECT output FROM kept WHERE name = 'c'"), "fine");
    assert_int_equal(rig_number(r, "SELECT count(*) FROM kept"), 3);
    assert_int_equal(redo(r, "failed", "gen.temperature=0.1"), 0); /* nothing is left */
    assert_int_equal(rig_run(r, "gen.temperature=0.5", "teacher.name=t"),
                     0); /* the recipe as it was: neither */
    assert_int_equal(rig_number(r, attempts), 5);
    check_tallies(r);
    rig_free(r);
}

/* Another reading of the same replies: rows change, vanish by a verdict, come back; nobody is asked. */
static void test_reparse(void **state)
{
    struct rig *r = rig_new();
    (void)state;
    rig_server(r, NULL, NULL, NULL);
    rig_file(r, "s.json", "{\"type\":\"object\",\"required\":[\"n\"]}");
    rig_file(r, "p.jsonl",
             "{\"id\":\"a\",\"instruction\":\"x {{valid}}\"}\n"
             "{\"id\":\"b\",\"instruction\":\"y\"}\n"
             "{\"id\":\"c\",\"instruction\":\"z {{refusal}}\"}\n");
    assert_int_equal(rig_run(r, "seed=1", "teacher.name=t"), 0);
    int64_t asked = rig_stat(r, "requests");
    assert_int_equal(reparse(r, "seed=1"), 0);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM kept"), 2);
    assert_non_null(strstr(rig_text(r, "SELECT output FROM sample WHERE name = 'a'"), "```"));
    assert_int_equal(reparse(r, "gen.schema=s.json"), 0);
    assert_string_equal(rig_text(r, "SELECT output FROM sample WHERE name = 'a'"), "{\"n\": 7}");
    assert_int_equal(rig_number(r, "SELECT count(*) FROM sample"), 2);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM kept"), 1);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM request WHERE cause = 'schema'"), 1);
    check_tallies(r);
    assert_int_equal(reparse(r, "seed=1"), 0);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM kept"), 2);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM request WHERE state = 'answered'"), 2);
    assert_int_equal(rig_stat(r, "requests"), asked);
    check_tallies(r);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_failed),
        cmocka_unit_test(test_failed_otherwise),
        cmocka_unit_test(test_reparse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
