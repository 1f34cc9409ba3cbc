/* Prompts that are conversations: every strategy asks with all that was said, or says that it takes
 * single questions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/gen/rig.h"

/* Answers in context only where both the earlier and the last words are there. */
static const char script[] =
    "{\"when\":[\"You play the user\"],\"reply\":\"and then?\"}\n"
    "{\"when\":[\"earlier words\",\"last words\"],\"reply\":\"in context {hash}\","
    "\"reasoning\":\"hm\"}\n"
    "{\"when\":[],\"reply\":\"lost {hash}\",\"reasoning\":\"hm\"}\n";

static struct rig *rig_talk(int n)
{
    struct rig *r = rig_new();
    struct buf b = BUF;
    rig_script(r, script, NULL);
    for (int i = 1; i <= n; i++)
        buf_printf(&b,
                   "{\"id\":\"%d\",\"messages\":[{\"role\":\"user\",\"content\":\"earlier words "
                   "%d\"},{\"role\":\"assistant\",\"content\":\"yes\"},{\"role\":\"user\","
                   "\"content\":\"last words\"}]}\n",
                   i, i);
    rig_file(r, "p.jsonl", buf_text(&b));
    buf_free(&b);
    return r;
}

static int64_t rows(struct rig *r)
{
    return rig_number(r, "SELECT count(*) FROM sample");
}

/* Rows with the whole conversation in front of an answer that knew it. */
static int64_t whole(struct rig *r)
{
    return rig_number(r, "SELECT count(*) FROM sample WHERE output LIKE 'in context%'"
                         " AND json_extract(messages, '$[0].content') LIKE 'earlier%'"
                         " AND json_extract(messages, '$[2].content') = 'last words'");
}

static void test_best_of_n(void **state)
{
    struct rig *r = rig_talk(3);
    (void)state;
    assert_int_equal(rig_run(r, "gen.strategy=best-of-n", "gen.best_of_n.n=20",
                             "gen.verify.kind=regex", "gen.verify.pattern=[13579]$",
                             "gen.send_seed=true"),
                     0);
    assert_int_equal(rows(r), 3);
    assert_int_equal(whole(r), 3);
    rig_free(r);
}

static void test_preference(void **state)
{
    struct rig *r = rig_talk(30);
    (void)state;
    assert_int_equal(rig_run(r, "gen.strategy=preference", "gen.send_seed=true",
                             "gen.verify.kind=regex", "gen.verify.pattern=[13579]$"),
                     0);
    assert_in_range(rows(r), 5, 25);
    assert_int_equal(whole(r), rows(r));
    assert_int_equal(rig_number(r,
                                "SELECT count(*) FROM sample"
                                " WHERE json_extract(meta, '$.rejected') NOT LIKE 'in context%'"),
                     0);
    rig_free(r);
}

static void test_reason(void **state)
{
    struct rig *r = rig_talk(2);
    (void)state;
    assert_int_equal(rig_run(r, "gen.strategy=reason", "gen.reason.plain=true"), 0);
    assert_int_equal(whole(r), 2);
    rig_free(r);
}

/* It goes on from where the conversation stands: so many questions more. */
static void test_multi_turn(void **state)
{
    struct rig *r = rig_talk(1);
    (void)state;
    assert_int_equal(rig_run(r, "gen.strategy=multi-turn", "gen.multi_turn.turns=2"), 0);
    assert_int_equal(whole(r), 1);
    assert_int_equal(rig_number(r, "SELECT json_array_length(messages) FROM sample"), 5);
    rig_free(r);
}

/* One question behind a system message is a question; more is a bad line, named with its number. */
static void test_single_questions(void **state)
{
    static const char *const strategies[] = {"gen.strategy=evolve", "gen.strategy=rewrite",
                                             "gen.strategy=reason"};
    (void)state;
    for (size_t k = 0; k < sizeof strategies / sizeof *strategies; k++) {
        struct rig *r = rig_talk(1);
        assert_int_equal(rig_run(r, strategies[k]), -1);
        assert_int_equal(r->error.code, ERROR_INPUT);
        assert_non_null(strstr(r->error.text, "p.jsonl:1: a conversation"));
        assert_int_equal(rig_number(r, "SELECT count(*) FROM request"), 0);
        rig_file(r, "p.jsonl",
                 "{\"messages\":[{\"role\":\"system\",\"content\":\"be brief\"},"
                 "{\"role\":\"user\",\"content\":\"What is a tide?\"}]}\n");
        (void)rig_run(r, strategies[k], "gen.evolve.judge=false");
        assert_int_equal(rig_number(r, "SELECT count(*) > 0 FROM prompt"
                                       " WHERE instr(instruction, 'What is a tide?') > 0"
                                       " AND json_extract(meta, '$.system') = 'be brief'"),
                         1);
        rig_free(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_best_of_n),        cmocka_unit_test(test_preference),
        cmocka_unit_test(test_reason),           cmocka_unit_test(test_multi_turn),
        cmocka_unit_test(test_single_questions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
