/* --dry-run against what the run then asks: where no answer is turned down, they are equal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/json.h"
#include "tests/gen/rig.h"

static const char script[] =
    "{\"when\":[\"same depth\"],\"reply\":\"Not Equal\"}\n"
    "{\"when\":[\"#Given Prompt#\"],\"reply\":\"harder task {hash}\"}\n"
    "{\"when\":[\"Rewrite\"],\"reply\":\"say it {hash}\"}\n"
    "{\"when\":[\"playing\"],\"reply\":\"and then {hash}?\"}\n"
    "{\"when\":[\"[[A]]\"],\"reply\":\"[[A]]\"}\n"
    "{\"when\":[],\"reply\":\"answer {hash}\",\"reasoning\":\"one two three\"}\n";

struct estimate {
    int64_t requests, follow_ups, output_most;
    double likely, most;
};

static int64_t number(const struct json *o, const char *path)
{
    int64_t v = 0;
    return json_integer(json_path(o, path), &v) ? 0 : v;
}

#define SETTINGS                                                                                   \
    "teacher.price.input=1", "teacher.price.output=2", "gen.max_tokens=64", "gen.send_seed=true",  \
        "gen.retries=0"

static struct estimate estimate(struct rig *r, const char *strategy, const char *setting)
{
    struct gen_options options = {.dry_run = true};
    struct error error = {0};
    assert_int_equal(rig_run_with(r, options,
                                  (const char *const[]){SETTINGS, strategy, setting, NULL}),
                     0);
    struct json *o = json_parse(buf_view(&r->report), 0, &error);
    assert_non_null(o);
    struct estimate e = {number(o, "requests"), number(o, "follow_ups_most"),
                         number(o, "tokens.output_most"),
                         json_number(json_path(o, "usd.likely"), -1),
                         json_number(json_path(o, "usd.most"), -1)};
    json_free(o);
    return e;
}

/* Every request of these is asked: nothing is rejected, and conversations go on to their end. */
static void test_strategies(void **state)
{
    static const struct {
        const char *strategy, *setting;
        int64_t requests, follow_ups;
    } cases[] = {
        {"gen.strategy=respond", "gen.samples=2", 6, 0},
        {"gen.strategy=rewrite", "gen.rewrite.variants=2", 6, 6},
        {"gen.strategy=evolve", "gen.evolve.rounds=3", 3, 24},
        {"gen.strategy=multi-turn", "gen.multi_turn.turns=4", 3, 18},
        {"gen.strategy=best-of-n", "gen.best_of_n={\"n\":4,\"pick\":\"vote\"}", 3, 9},
        {"gen.strategy=persona", "gen.persona={\"count\":5,\"attributes\":{\"a\":[\"b\"]}}", 5, 5},
    };
    (void)state;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        struct rig *r = rig_new();
        rig_script(r, script, NULL);
        rig_prompts(r, 3, "of tides and towns");
        struct estimate e = estimate(r, cases[k].strategy, cases[k].setting);
        print_message("%s\n", cases[k].strategy);
        assert_int_equal(e.requests, cases[k].requests);
        assert_int_equal(e.follow_ups, cases[k].follow_ups);
        assert_int_equal(e.output_most, 64 * (e.requests + e.follow_ups));
        assert_true(e.likely > 0 && e.likely < e.most);
        assert_int_equal(rig_number(r, "SELECT count(*) FROM attempt"), 0);
        assert_int_equal(rig_run(r, SETTINGS, cases[k].strategy, cases[k].setting), 0);
        assert_int_equal(rig_number(r, "SELECT count(*) FROM attempt"), e.requests + e.follow_ups);
        assert_int_equal(estimate(r, cases[k].strategy, cases[k].setting).requests, 0);
        rig_free(r);
    }
}

/* Where answers decide how it goes on, it is the most there can be. */
static void test_bounds(void **state)
{
    static const struct {
        const char *strategy, *setting;
        int64_t requests, follow_ups;
    } cases[] = {
        {"gen.strategy=preference", "gen.n=1", 3, 9},
        {"gen.strategy=ground", "gen.ground.questions=4", 3, 12},
        {"gen.strategy=self-instruct", "gen.rows=30", 8, 38},
        {"gen.strategy=reason", "gen.reason.shorten=true", 3, 3},
        {"gen.strategy=respond", "gen.schema=s.json", 3, 6},
    };
    (void)state;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        struct rig *r = rig_new();
        rig_script(r, script, NULL);
        rig_file(r, "s.json", "{\"type\":\"object\"}");
        rig_file(r, "p.jsonl",
                 "{\"text\":\"One.\",\"prompt\":\"a\"}\n{\"text\":\"Two.\",\"prompt\":\"b\"}\n"
                 "{\"text\":\"Three.\",\"prompt\":\"c\"}\n");
        struct estimate e = estimate(r, cases[k].strategy, cases[k].setting);
        print_message("%s\n", cases[k].strategy);
        assert_int_equal(e.requests, cases[k].requests);
        assert_int_equal(e.follow_ups, cases[k].follow_ups);
        (void)rig_run(r, SETTINGS, cases[k].strategy, cases[k].setting);
        assert_true(rig_number(r, "SELECT count(*) FROM attempt") <= e.requests + e.follow_ups);
        rig_free(r);
    }
}

/* A document without a text is a bad line, and not silently nothing. */
static void test_no_document(void **state)
{
    struct rig *r = rig_new();
    (void)state;
    rig_script(r, script, NULL);
    rig_file(r, "p.jsonl", "{\"text\":\"One.\"}\n{\"input\":\"context\"}\n");
    assert_int_equal(rig_run(r, SETTINGS, "gen.strategy=ground"), -1);
    assert_int_equal(r->error.code, ERROR_INPUT);
    assert_non_null(strstr(r->error.text, "p.jsonl:2"));
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strategies),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_no_document),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
