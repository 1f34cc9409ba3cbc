/* rewrite, evolve, backtranslate, reason: chains of steps against a scripted teacher, what they
 * reject, and a kill in the middle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/clock.h"
#include "tests/gen/rig.h"

static int64_t failed(struct rig *r, const char *cause)
{
    char query[128];
    snprintf(query, sizeof query, "SELECT count(*) FROM request WHERE cause = '%s'", cause);
    return rig_number(r, query);
}

static int64_t rows(struct rig *r)
{
    return rig_number(r, "SELECT count(*) FROM sample");
}

/* ---- rewrite --------------------------------------------------------------------------------- */

static void test_rewrite(void **state)
{
    struct rig *r = rig_new();
    (void)state;
    rig_script(r,
               "{\"when\":[\"Rewrite\",\"copycat\"],\"reply\":\"copycat\"}\n"
               "{\"when\":[\"Rewrite\",\"mute\"],\"reply\":\"...\"}\n"
               "{\"when\":[\"Rewrite\"],\"reply\":\"Rewritten instruction: \\\"say {hash}\\\"\"}\n"
               "{\"when\":[],\"reply\":\"answer to {hash}\"}\n",
               NULL);
    rig_file(r, "p.jsonl",
             "{\"id\":\"a\",\"instruction\":\"Tell me of apples\",\"input\":\"red ones\","
             "\"meta\":{\"k\":1}}\n{\"instruction\":\"copycat\"}\n{\"instruction\":\"mute\"}\n");
    assert_int_equal(rig_run(r, "gen.strategy=rewrite", "gen.rewrite.variants=2"), 0);
    assert_int_equal(rows(r), 2); /* two variants of the first */
    assert_int_equal(failed(r, "rejected"), 4);
    assert_string_equal(rig_text(r, "SELECT input FROM sample"), "red ones");
    assert_int_equal(rig_number(r, "SELECT count(DISTINCT instruction) FROM sample WHERE "
                                   "instruction LIKE 'say %'"),
                     2);
    assert_string_equal(rig_text(r, "SELECT json_extract(meta, '$.rewritten_from') FROM sample"),
                        "Tell me of apples");
    assert_int_equal(rig_number(r, "SELECT json_extract(meta, '$.k') FROM sample"), 1);
    int64_t asked = rig_number(r, "SELECT count(*) FROM attempt");
    assert_int_equal(rig_run(r, "gen.strategy=rewrite", "gen.rewrite.variants=2"), 0);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM attempt"), asked);
    rig_free(r);
}

/* A template of the user's own wins; a field it has not is an error that names it. */
static void test_template(void **state)
{
    struct rig *r = rig_new();
    char folder[96];
    (void)state;
    rig_script(r,
               "{\"when\":[\"MINE of apples\"],\"reply\":\"pears\"}\n"
               "{\"when\":[],\"reply\":\"an answer\"}\n",
               NULL);
    snprintf(folder, sizeof folder, "%s/prompts", r->folder);
    assert_int_equal(file_make_dir(folder, NULL), 0);
    rig_file(r, "prompts/rewrite.txt", "MINE {{ instruction }}\n");
    rig_file(r, "p.jsonl", "{\"instruction\":\"of apples\"}\n");
    assert_int_equal(rig_run(r, "gen.strategy=rewrite"), 0);
    assert_string_equal(rig_text(r, "SELECT instruction FROM sample"), "pears");
    rig_file(r, "prompts/rewrite.txt", "MINE {{instructions}}\n");
    rig_file(r, "p.jsonl", "{\"instruction\":\"of figs\"}\n");
    assert_int_equal(rig_run(r, "gen.strategy=rewrite"), -1);
    assert_non_null(strstr(r->error.text, "instructions"));
    rig_free(r);
}

/* ---- evolve ---------------------------------------------------------------------------------- */

static const char evolving[] =
    "{\"when\":[\"same depth\",\"SAME\"],\"reply\":\"Equal\"}\n"
    "{\"when\":[\"same depth\"],\"reply\":\"Not Equal\"}\n"
    "{\"when\":[\"#Given Prompt#\",\"dull\"],\"reply\":\"And of the what.\"}\n"
    "{\"when\":[\"#Given Prompt#\",\"parrot\"],\"reply\":\"Here is the given prompt\"}\n"
    "{\"when\":[\"#Given Prompt#\",\"twin\"],\"reply\":\"twin SAME {hash}\"}\n"
    "{\"when\":[\"#Given Prompt#\",\"regret\"],\"reply\":\"regret task {hash}\"}\n"
    "{\"when\":[\"#Given Prompt#\"],\"reply\":\"#Rewritten Prompt#: harder task {hash}\"}\n"
    "{\"when\":[\"regret\"],\"reply\":\"I am sorry, no.\"}\n"
    "{\"when\":[],\"reply\":\"answer {hash}\"}\n";

static void test_evolve(void **state)
{
    struct rig *r = rig_new();
    (void)state;
    rig_script(r, evolving, NULL);
    rig_file(
        r, "p.jsonl",
        "{\"id\":\"a\",\"instruction\":\"one\"}\n{\"id\":\"b\",\"instruction\":\"two\"}\n"
        "{\"instruction\":\"dull\"}\n{\"instruction\":\"parrot\"}\n{\"instruction\":\"twin\"}\n"
        "{\"instruction\":\"regret\"}\n");
    assert_int_equal(rig_run(r, "gen.strategy=evolve", "gen.evolve.rounds=3"), 0);
    /* three rounds of the two good ones; an eliminated one is evolved from its old form again */
    assert_int_equal(rows(r), 6);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM sample WHERE instruction LIKE "
                                   "'harder task%' AND output LIKE 'answer %'"),
                     6);
    assert_int_equal(rig_number(r,
                                "SELECT count(DISTINCT json_extract(meta, '$.round')) FROM sample"),
                     3);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM request WHERE step = 'evolve'"), 18);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM request WHERE step = 'judge'"), 12);
    assert_int_equal(failed(r, "rejected"), 3); /* sorry */
    /* the third round began from the second's prompt */
    assert_int_equal(
        rig_number(r,
                   "SELECT count(*) FROM sample x JOIN sample y ON "
                   "y.instruction = json_extract(x.meta, '$.evolved_from') AND "
                   "json_extract(y.meta, '$.round') = 2 WHERE json_extract(x.meta, '$.round') = 3"),
        2);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM prompt WHERE parent > 0"),
                     rig_number(r, "SELECT count(*) - 6 FROM prompt"));
    rig_free(r);
}

/* The same seed gives the same chain, another seed another. */
static void test_evolve_is_deterministic(void **state)
{
    char kinds[3][2000];
    (void)state;
    for (int k = 0; k < 3; k++) {
        struct rig *r = rig_new();
        rig_script(r, evolving, "jitter=10");
        rig_prompts(r, 10, "");
        assert_int_equal(rig_run(r, "gen.strategy=evolve", "gen.evolve.rounds=2",
                                 "gen.evolve.judge=false", k == 2 ? "seed=2" : "seed=1"),
                         0);
        snprintf(kinds[k], sizeof kinds[k], "%.1990s",
                 rig_text(r, "SELECT group_concat(k, ',') FROM (SELECT instruction || "
                             "(json_extract(meta, '$.kind')) AS k FROM sample ORDER BY k)"));
        rig_free(r);
    }
    assert_string_equal(kinds[0], kinds[1]);
    assert_string_not_equal(kinds[0], kinds[2]);
}

/* kill -9 in the middle of chains: the next run goes on there and ends with the same rows. */
static void test_killed_chain(void **state)
{
    struct rig *r = rig_new();
    int status, killed = 0;
    (void)state;
    rig_script(r, evolving, "latency=10");
    rig_prompts(r, 30, "");
    for (int k = 0; k < 5; k++) {
        pid_t child = fork();
        if (child == 0)
            _exit(rig_run(r, "gen.strategy=evolve", "gen.evolve.rounds=4", "teacher.in_flight=8"));
        clock_sleep_ms(60 + 40 * k);
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
        killed += WIFSIGNALED(status);
    }
    assert_true(killed > 0);
    assert_int_equal(rig_run(r, "gen.strategy=evolve", "gen.evolve.rounds=4",
                             "teacher.in_flight=8"),
                     0);
    assert_int_equal(rows(r), 120);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM request"), 360);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM request WHERE state <> 'answered'"), 0);
    /* paid twice: at most what was in flight at the kills */
    int64_t bill = 0;
    char path[96], line[32];
    snprintf(path, sizeof path, "%s/bill", r->folder);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f))
        bill++;
    fclose(f);
    if (bill > 360 + 8 * killed)
        print_error("%lld answers after %d kills\n", (long long)bill, killed);
    assert_true(bill <= 360 + 8 * killed);
    rig_free(r);
}

/* ---- backtranslate --------------------------------------------------------------------------- */

static void test_backtranslate(void **state)
{
    struct rig *r = rig_new();
    (void)state;
    rig_script(r,
               "{\"when\":[\"sonnet\"],\"reply\":\"Instruction: Write a sonnet about {hash}\"}\n"
               "{\"when\":[\"echo\"],\"reply\":\"This is the echo, word for word and more\"}\n"
               "{\"when\":[],\"reply\":\"\\\"Explain it\\\"\"}\n",
               NULL);
    rig_file(r, "p.jsonl",
             "{\"id\":\"s\",\"output\":\"A sonnet of love\"}\n{\"text\":\"Because it is so.\"}\n"
             "{\"output\":\"This is the echo, word for word and more so\"}\n{\"nothing\":1}\n");
    assert_int_equal(rig_run(r, "gen.strategy=backtranslate"), -1); /* a bad line */
    assert_non_null(strstr(r->error.text, "\"output\" or \"text\""));
    assert_int_equal(rows(r), 2);
    assert_string_equal(rig_text(r, "SELECT output FROM sample WHERE name = 's'"),
                        "A sonnet of love");
    assert_int_equal(rig_number(r, "SELECT count(*) FROM sample WHERE instruction LIKE 'Write a "
                                   "sonnet about%'"),
                     1);
    assert_string_equal(rig_text(r, "SELECT instruction FROM sample WHERE name IS NULL"),
                        "Explain it");
    assert_int_equal(failed(r, "rejected"), 1);
    rig_free(r);
}

/* ---- reason ---------------------------------------------------------------------------------- */

static const char thinking[] =
    "{\"when\":[\"Shorten\",\"long\"],\"reply\":\"one two three four five six seven eight\"}\n"
    "{\"when\":[\"Shorten\"],\"reply\":\"2+2\"}\n"
    "{\"when\":[\"native\"],\"reply\":\"4\",\"reasoning\":\"two and two\"}\n"
    "{\"when\":[\"silent\"],\"reply\":\"4\"}\n"
    "{\"when\":[\"wrong\"],\"reply\":\"<think>two and two</think>5\"}\n"
    "{\"when\":[],\"reply\":\"<think>\\ntwo and two is four\\n</think>\\n\\nThe answer is 4.\"}\n";

static void think_prompts(struct rig *r)
{
    rig_script(r, thinking, NULL);
    rig_file(r, "p.jsonl",
             "{\"id\":\"t\",\"instruction\":\"2+2?\",\"meta\":{\"answer\":4}}\n"
             "{\"id\":\"n\",\"instruction\":\"native 2+2?\",\"meta\":{\"answer\":\"4.0\"}}\n"
             "{\"id\":\"s\",\"instruction\":\"silent\",\"meta\":{\"answer\":4}}\n"
             "{\"id\":\"w\",\"instruction\":\"wrong\",\"meta\":{\"answer\":4}}\n");
}

static void test_reason(void **state)
{
    struct rig *r = rig_new();
    (void)state;
    think_prompts(r);
    assert_int_equal(rig_run(r, "gen.strategy=reason", "gen.verify.kind=exact"), 0);
    assert_int_equal(rows(r), 2);
    assert_string_equal(rig_text(r, "SELECT reasoning FROM sample WHERE name = 't'"),
                        "two and two is four");
    assert_string_equal(rig_text(r, "SELECT output FROM sample WHERE name = 't'"),
                        "The answer is 4.");
    assert_string_equal(rig_text(r, "SELECT instruction FROM sample WHERE name = 't'"), "2+2?");
    assert_string_equal(rig_text(r, "SELECT reasoning FROM sample WHERE name = 'n'"),
                        "two and two");
    assert_int_equal(failed(r, "rejected"), 2);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM attempt WHERE message LIKE "
                                   "'the answer is 5, not 4'"),
                     1);
    rig_free(r);
}

static void test_shorten(void **state)
{
    struct rig *r = rig_new();
    (void)state;
    think_prompts(r);
    rig_file(r, "p.jsonl",
             "{\"id\":\"t\",\"instruction\":\"2+2?\"}\n"
             "{\"id\":\"l\",\"instruction\":\"long\"}\n");
    assert_int_equal(rig_run(r, "gen.strategy=reason", "gen.reason.shorten=true",
                             "gen.reason.keep_long=true"),
                     0);
    assert_int_equal(rows(r), 3);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM sample WHERE reasoning = '2+2' AND output "
                                   "= 'The answer is 4.'"),
                     1);
    assert_int_equal(failed(r, "rejected"), 1);
    rig_free(r);
}

/* ---- exactly so many ------------------------------------------------------------------------- */

/* Rejected ones are made up for, and not one row too many is stored. */
/* No more is asked than rows are wanted, where every answer is a row. */
static void test_asks_no_more(void **state)
{
    struct rig *r = rig_new();
    (void)state;
    rig_script(r, "{\"when\":[],\"reply\":\"fine\"}\n", NULL);
    rig_prompts(r, 40, "x");
    assert_int_equal(rig_run(r, "gen.rows=5"), 0);
    assert_int_equal(rows(r), 5);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM attempt"), 5);
    rig_free(r);
}

static void test_exactly(void **state)
{
    struct rig *r = rig_new();
    (void)state;
    rig_script(r,
               "{\"when\":[\"q1\"],\"reply\":\"no trace\"}\n"
               "{\"when\":[],\"reply\":\"<think>so</think>yes\"}\n",
               NULL);
    rig_prompts(r, 60, ""); /* q1, q10 … q19: eleven are rejected */
    assert_int_equal(rig_run(r, "gen.strategy=reason", "gen.rows=40", "teacher.in_flight=4"), 0);
    assert_int_equal(rows(r), 40);
    assert_int_equal(rig_run(r, "gen.strategy=reason", "gen.rows=55"), -1);
    assert_int_equal(r->error.code, ERROR_PARTIAL);
    assert_non_null(strstr(r->error.text, "gen.rows wants 55 rows"));
    /* what came beyond the 40 while they were reached is stored, and no row */
    assert_in_range(rows(r), 41, 49);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rewrite),      cmocka_unit_test(test_template),
        cmocka_unit_test(test_evolve),       cmocka_unit_test(test_evolve_is_deterministic),
        cmocka_unit_test(test_killed_chain), cmocka_unit_test(test_backtranslate),
        cmocka_unit_test(test_reason),       cmocka_unit_test(test_shorten),
        cmocka_unit_test(test_asks_no_more), cmocka_unit_test(test_exactly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
