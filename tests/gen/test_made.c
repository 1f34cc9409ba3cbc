/* self-instruct, ground, multi-turn: prompts that a teacher makes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/clock.h"
#include "core/rouge.h"
#include "tests/gen/rig.h"

static int64_t rows(struct rig *r)
{
    return rig_number(r, "SELECT count(*) FROM sample");
}

/* ---- self-instruct --------------------------------------------------------------------------- */

static const char seeds[] = "{\"instruction\":\"Name three rivers of Europe\"}\n"
                            "{\"instruction\":\"Explain why leaves are green\"}\n"
                            "{\"instruction\":\"Translate a proverb into Latin\"}\n";

/* Each list: two new tasks, a seed again, one too short, one for the blacklist. */
static const char tasks[] =
    "{\"when\":[\"Come up with\"],\"reply\":\"1. Describe t{hash} a{hash} b{hash}\\n"
    "2. Compare u{hash} c{hash} d{hash} e{hash}\\n3. Name three rivers of Europe\\n4. Go on\\n"
    "5. Draw an image of k{hash} l{hash}\\n\"}\n"
    "{\"when\":[],\"reply\":\"done {hash}\"}\n";

static void test_self_instruct(void **state)
{
    struct rig *r = rig_new();
    (void)state;
    rig_script(r, tasks, "jitter=15");
    rig_file(r, "p.jsonl", seeds);
    assert_int_equal(rig_run(r, "gen.strategy=self-instruct", "gen.rows=25", "gen.send_seed=true"),
                     0);
    assert_int_equal(rows(r), 25);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM sample WHERE output LIKE 'done %'"), 25);
    assert_int_equal(rig_number(r, "SELECT count(DISTINCT instruction) FROM sample"), 25);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM sample WHERE instruction LIKE '%rivers%' "
                                   "OR instruction LIKE '%image%' OR length(instruction) < 8"),
                     0);
    assert_true(rig_number(r, "SELECT count(*) FROM prompt WHERE instruction LIKE '%Describe t%' "
                              "AND instruction LIKE '%Come up%'") > 0); /* model shots */
    rig_free(r);
}

/* The same asks whatever the order of the answers, and the same after kills. */
static void test_order(void **state)
{
    static const char query[] = "SELECT group_concat(k, '|') FROM (SELECT instruction AS k FROM "
                                "sample ORDER BY k)";
    char made[3][4000];
    (void)state;
    for (int k = 0; k < 3; k++) {
        struct rig *r = rig_new();
        rig_script(r, tasks, k ? "jitter=30" : "latency=1");
        rig_file(r, "p.jsonl", seeds);
        for (int kills = 0; k == 2 && kills < 4; kills++) {
            pid_t child = fork();
            if (child == 0)
                _exit(rig_run(r, "gen.strategy=self-instruct", "gen.self_instruct.requests=12",
                              "gen.send_seed=true", "gen.self_instruct.ahead=3"));
            clock_sleep_ms(50 + 30 * kills);
            kill(child, SIGKILL);
            waitpid(child, NULL, 0);
        }
        assert_int_equal(rig_run(r, "gen.strategy=self-instruct", "gen.self_instruct.requests=12",
                                 "gen.send_seed=true", "gen.self_instruct.ahead=3"),
                         0);
        assert_true(rows(r) >= 20);
        snprintf(made[k], sizeof made[k], "%.3990s", rig_text(r, query));
        rig_free(r);
    }
    assert_string_equal(made[0], made[1]);
    assert_string_equal(made[0], made[2]);
}

static void test_together(void **state)
{
    struct rig *r = rig_new();
    (void)state;
    rig_script(r,
               "{\"when\":[],\"finish\":\"length\",\"reply\":\"1. Instruction: Sort x{hash} "
               "y{hash} z{hash}\\n1. Input: <noinput>\\n1. Output: sorted\\n###\\n2. Instruction: "
               "Count v{hash} w{hash} q{hash}\\n2. Input: a b\\n2. Output: two\\nlines\\n###\\n3. "
               "Instruction: Cut off n{hash} m{hash} k{hash}\\n3. Output: not wh\"}\n",
               NULL);
    rig_file(r, "p.jsonl", seeds);
    assert_int_equal(rig_run(r, "gen.strategy=self-instruct", "gen.self_instruct.together=true",
                             "gen.self_instruct.requests=3", "gen.send_seed=true"),
                     0);
    assert_int_equal(rows(r), 6);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM sample WHERE input = 'a b' AND output = "
                                   "'two' || char(10) || 'lines'"),
                     3);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM sample WHERE input = ''"), 3);
    rig_free(r);
}

/* A teacher that has nothing new: a stated bound ends it, and it says so. */
static void test_nothing_new(void **state)
{
    struct rig *r = rig_new();
    (void)state;
    rig_script(r,
               "{\"when\":[\"Come up with\"],\"reply\":\"- Name three rivers of Europe\"}\n"
               "{\"when\":[],\"reply\":\"x\"}\n",
               NULL);
    rig_file(r, "p.jsonl", seeds);
    assert_int_equal(rig_run(r, "gen.strategy=self-instruct", "gen.rows=8"), -1);
    assert_int_equal(r->error.code, ERROR_PARTIAL);
    assert_non_null(strstr(r->error.text, "0 were accepted"));
    assert_int_equal(rig_number(r, "SELECT count(*) FROM request"), 8);
    rig_free(r);
}

/* ---- ground ---------------------------------------------------------------------------------- */

static void test_ground(void **state)
{
    struct rig *r = rig_new();
    (void)state;
    rig_script(
        r,
        "{\"when\":[\"Write 3 questions\"],\"reply\":\"1. Who found it?\\n2. When was it?\\n3. "
        "Where is it?\\n4. One too many?\"}\n"
        "{\"when\":[\"Who found it\"],\"reply\":\"```json\\n{\\\"answer\\\":\\\"Ann "
        "did\\\",\\\"quote\\\":\\\"Ann found the old   well\\\"}\\n```\"}\n"
        "{\"when\":[\"When was it\"],\"reply\":\"{\\\"answer\\\":\\\"1900\\\",\\\"quote\\\":"
        "\\\"found in the year 1900\\\"}\"}\n"
        "{\"when\":[],\"reply\":\"{\\\"answer\\\":\\\"\\\",\\\"quote\\\":\\\"\\\"}\"}\n",
        NULL);
    rig_file(r, "p.jsonl",
             "{\"id\":\"d\",\"text\":\"It is told that Ann found the\\nold well in a wood.\"}\n");
    assert_int_equal(rig_run(r, "gen.strategy=ground"), 0);
    assert_int_equal(rows(r), 1);
    assert_string_equal(rig_text(r, "SELECT instruction FROM sample"), "Who found it?");
    assert_string_equal(rig_text(r, "SELECT output FROM sample"), "Ann did");
    assert_int_equal(rig_number(r, "SELECT json_extract(meta, '$.quote_from') FROM sample"), 16);
    assert_int_equal(rig_number(r, "SELECT json_extract(meta, '$.quote_to') FROM sample"), 38);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM attempt WHERE message LIKE '%not occur%'"),
                     1);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM attempt WHERE message LIKE '%no answer'"),
                     1);
    rig_free(r);
}

/* A long document falls into pieces that are the whole of it. */
static void test_pieces(void **state)
{
    struct rig *r = rig_new();
    struct buf b = BUF;
    (void)state;
    rig_script(r, "{\"when\":[],\"reply\":\"?\"}\n", NULL);
    buf_str(&b, "{\"text\":\"");
    for (int k = 0; k < 300; k++)
        buf_printf(&b, "Sentence %d has some words.%s", k, k % 7 ? " " : "\\n\\n");
    buf_str(&b, "\"}\n");
    rig_file(r, "p.jsonl", buf_text(&b));
    assert_int_equal(rig_run(r, "gen.strategy=ground", "gen.ground.chunk=500"), 0);
    assert_int_equal(rig_number(r, "SELECT sum(length(json_extract(meta, '$.piece'))) FROM prompt"),
                     rig_number(r, "SELECT max((json_extract(meta, '$.offset')) + "
                                   "length(json_extract(meta, '$.piece'))) FROM "
                                   "prompt"));
    assert_true(rig_number(r, "SELECT count(*) FROM prompt") >= 16);
    assert_int_equal(
        rig_number(r, "SELECT max(length(json_extract(meta, '$.piece'))) <= 500 FROM prompt"), 1);
    buf_free(&b);
    rig_free(r);
}

/* ---- multi-turn ------------------------------------------------------------------------------ */

static void test_multi_turn(void **state)
{
    struct rig *r = rig_new();
    (void)state;
    rig_script(r,
               "{\"when\":[\"You play the user\",\"brief\"],\"reply\":\"[END]\"}\n"
               "{\"when\":[\"You play the user\"],\"reply\":\"and what of {hash}?\"}\n"
               "{\"when\":[],\"reply\":\"well {hash}\"}\n",
               NULL);
    rig_file(r, "p.jsonl",
             "{\"id\":\"a\",\"instruction\":\"Hello\",\"input\":\"there\"}\n"
             "{\"id\":\"b\",\"instruction\":\"brief\"}\n");
    assert_int_equal(rig_run(r, "gen.strategy=multi-turn"), 0);
    assert_int_equal(rows(r), 2);
    assert_int_equal(rig_number(r, "SELECT json_array_length(messages) FROM sample WHERE name = "
                                   "'a'"),
                     5);
    assert_int_equal(rig_number(r, "SELECT json_array_length(messages) FROM sample WHERE name = "
                                   "'b'"),
                     1);
    assert_int_equal(
        rig_number(r, "SELECT json_extract(messages, '$[0].content') = 'Hello' || char(10) || "
                      "char(10) || 'there' FROM sample WHERE name = 'a'"),
        1);
    assert_string_equal(
        rig_text(r, "SELECT json_extract(messages, '$[3].role') FROM sample WHERE name = 'a'"),
        "assistant");
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_self_instruct), cmocka_unit_test(test_order),
        cmocka_unit_test(test_together),      cmocka_unit_test(test_nothing_new),
        cmocka_unit_test(test_ground),        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_multi_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
