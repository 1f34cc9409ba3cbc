/* persona, magpie: prompts by combination and out of the model itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/gen/rig.h"

static int64_t rows(struct rig *r)
{
    return rig_number(r, "SELECT count(*) FROM sample");
}

static const char people[] = "{\"when\":[\"Imagine\"],\"reply\":\"How do I {hash}?\"}\n"
                             "{\"when\":[],\"reply\":\"So {hash}\"}\n";

static void test_cartesian(void **state)
{
    struct rig *r = rig_new();
    (void)state;
    rig_script(r, people, NULL);
    rig_file(r, "who.jsonl", "{\"persona\":\"a baker\"}\n{\"persona\":\"a nurse\"}\n");
    assert_int_equal(rig_run(r, "gen.strategy=persona", "gen.persona.file=who.jsonl",
                             "gen.persona.mode=cartesian",
                             "gen.persona.attributes={\"level\":[\"low\",\"high\"],\"tongue\":"
                             "[\"en\",\"de\",\"fr\"]}"),
                     0);
    assert_int_equal(rows(r), 12);
    assert_int_equal(rig_number(r, "SELECT count(DISTINCT meta) FROM sample"), 12);
    assert_int_equal(
        rig_number(r,
                   "SELECT count(*) FROM sample WHERE json_extract(meta, '$.persona') = 'a nurse' "
                   "AND json_extract(meta, '$.tongue') = 'fr'"),
        2);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM sample WHERE instruction LIKE 'How do I "
                                   "%' AND output LIKE 'So %'"),
                     12);
    rig_free(r);
}

static void test_weights(void **state)
{
    struct rig *r = rig_new();
    (void)state;
    rig_script(r, people, NULL);
    assert_int_equal(rig_run(r, "gen.strategy=persona", "gen.persona.count=200",
                             "gen.send_seed=true",
                             "gen.persona.attributes={\"x\":{\"often\":3,\"rare\":1,\"never\":0}}"),
                     0);
    assert_int_equal(rows(r), 200);
    assert_in_range(
        rig_number(r, "SELECT count(*) FROM sample WHERE json_extract(meta, '$.x') = 'often'"), 125,
        175);
    assert_int_equal(
        rig_number(r, "SELECT count(*) FROM sample WHERE json_extract(meta, '$.x') = 'never'"), 0);
    assert_int_equal(rig_run(r, "gen.strategy=persona"), -1);
    assert_non_null(strstr(r->error.text, "gen.persona"));
    rig_free(r);
}

/* A real file of personas, where it is. */
static void test_real_personas(void **state)
{
    char here[512], set[600];
    (void)state;
    if (!file_exists("../shared/data/easydistill/persona_5K.jsonl") || !getcwd(here, sizeof here)) {
        print_message("SKIP: ../shared/data/easydistill is not here\n");
        skip();
    }
    struct rig *r = rig_new();
    rig_script(r, people, NULL);
    snprintf(set, sizeof set, "gen.persona.file=%s/../shared/data/easydistill/persona_5K.jsonl",
             here);
    assert_int_equal(rig_run(r, "gen.strategy=persona", set, "gen.rows=100"), 0);
    assert_int_equal(rows(r), 100);
    assert_int_equal(
        rig_number(r, "SELECT count(DISTINCT json_extract(meta, '$.persona')) FROM sample"), 100);
    rig_free(r);
}

static void test_magpie(void **state)
{
    struct rig *r = rig_new();
    (void)state;
    rig_script(r,
               "{\"when\":[\"<|im_start|>assistant\"],\"reply\":\"Answer {hash}<|im_end|>\\nmore\"}"
               "\n{\"when\":[\"<|im_start|>user\"],\"reply\":\"Ask {hash}<|im_end|>\"}\n"
               "{\"when\":[],\"status\":500}\n",
               NULL);
    assert_int_equal(rig_run(r, "gen.strategy=magpie", "teacher.provider=openai-completions",
                             "gen.magpie.count=20", "gen.send_seed=true"),
                     0);
    assert_int_equal(rows(r), 20);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM sample WHERE instruction LIKE 'Ask %' AND "
                                   "output LIKE 'Answer %' AND output NOT LIKE '%im_end%'"),
                     20);
    assert_int_equal(rig_number(r, "SELECT count(DISTINCT instruction) FROM sample"), 20);
    rig_free(r);
}

/* A chat teacher has no raw prompts: refused before anything is asked. */
static void test_magpie_needs_raw(void **state)
{
    struct rig *r = rig_new();
    (void)state;
    rig_script(r, people, NULL);
    assert_int_equal(rig_run(r, "gen.strategy=magpie"), -1);
    assert_non_null(strstr(r->error.text, "raw prompts"));
    assert_int_equal(rig_run(r, "gen.strategy=magpie", "teacher.provider=openai-completions",
                             "gen.magpie.template=custom"),
                     -1);
    assert_non_null(strstr(r->error.text, "gen.magpie.before"));
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cartesian),        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_real_personas),    cmocka_unit_test(test_magpie),
        cmocka_unit_test(test_magpie_needs_raw),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
