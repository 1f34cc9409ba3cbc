/* best-of-n, preference, judge: choosing among replies and scoring them, with every verifier. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/gen/rig.h"

#include <sys/stat.h>

static int64_t rows(struct rig *r)
{
    return rig_number(r, "SELECT count(*) FROM sample");
}

static int64_t requests(struct rig *r)
{
    return rig_number(r, "SELECT count(*) FROM request");
}

/* ---- best-of-n ------------------------------------------------------------------------------- */

/* {hash} depends on the seed that is sent, so every sample is another reply. */
static void test_first_right(void **state)
{
    struct rig *r = rig_new();
    (void)state;
    rig_script(r,
               "{\"when\":[\"hopeless\"],\"reply\":\"never\"}\n"
               "{\"when\":[],\"reply\":\"it is {hash}\"}\n",
               NULL);
    rig_file(r, "p.jsonl",
             "{\"id\":\"a\",\"instruction\":\"odd?\"}\n{\"instruction\":\"odd 2?\"}\n"
             "{\"instruction\":\"hopeless\"}\n");
    assert_int_equal(rig_run(r, "gen.strategy=best-of-n", "gen.best_of_n.n=20",
                             "gen.verify.kind=regex", "gen.verify.pattern=[13579]$",
                             "gen.send_seed=true"),
                     0);
    assert_int_equal(rows(r), 2);
    assert_int_equal(rig_number(r,
                                "SELECT count(*) FROM sample WHERE output GLOB 'it is *[13579]'"),
                     2);
    assert_true(requests(r) >= 22 && requests(r) < 60);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM request WHERE state = 'answered'"), 2);
    assert_string_equal(rig_text(r, "SELECT instruction FROM sample WHERE name = 'a'"), "odd?");
    rig_free(r);
}

static void vote(const char *script, const char *agreement, int64_t want_rows, int64_t want_asked)
{
    struct rig *r = rig_new();
    rig_script(r, script, NULL);
    rig_file(r, "p.jsonl", "{\"id\":\"a\",\"instruction\":\"how many?\"}\n");
    assert_int_equal(rig_run(r, "gen.strategy=best-of-n", "gen.best_of_n.n=5",
                             "gen.best_of_n.pick=vote", "gen.send_seed=true", agreement),
                     0);
    assert_int_equal(rows(r), want_rows);
    assert_int_equal(requests(r), want_asked);
    if (want_rows) {
        assert_string_equal(rig_text(r, "SELECT output FROM sample"),
                            "I count them. The answer is 1,200.");
        assert_string_equal(rig_text(r, "SELECT json_extract(meta, '$.voted_answer') FROM sample"),
                            "1200");
    }
    rig_free(r);
}

static void test_vote(void **state)
{
    static const char same[] = "{\"when\":[],\"reply\":\"I count them. The answer is 1,200.\"}\n";
    static const char other[] = "{\"when\":[],\"reply\":\"The answer is {hash}.\"}\n";
    (void)state;
    vote(same, "gen.best_of_n.agreement=0.5", 1, 3);  /* three of five: decided */
    vote(same, "gen.best_of_n.agreement=1", 1, 5);    /* all five have to agree */
    vote(other, "gen.best_of_n.agreement=0.5", 0, 4); /* after four, three alike cannot be */
}

static void test_needs_verifier(void **state)
{
    struct rig *r = rig_new();
    (void)state;
    rig_script(r, "{\"when\":[],\"reply\":\"x\"}\n", NULL);
    rig_prompts(r, 1, "");
    assert_int_equal(rig_run(r, "gen.strategy=best-of-n"), -1);
    assert_non_null(strstr(r->error.text, "gen.verify"));
    assert_int_equal(rig_run(r, "gen.strategy=best-of-n", "gen.verify.kind=regex"), -1);
    assert_non_null(strstr(r->error.text, "gen.verify.pattern"));
    assert_int_equal(rig_run(r, "gen.strategy=best-of-n", "gen.best_of_n.tries=3"), -1);
    assert_non_null(strstr(r->error.text, "tries")); /* unknown settings are refused */
    assert_int_equal(rig_run(r, "gen.strategy=best-of-n", "gen.verify.kind=exact"), -1);
    assert_non_null(strstr(r->error.text, "meta.answer"));
    rig_free(r);
}

static void test_schema(void **state)
{
    struct rig *r = rig_new();
    (void)state;
    rig_script(r,
               "{\"when\":[\"q1 \"],\"reply\":\"Here: ```json\\n{\\\"n\\\":3}\\n```\"}\n"
               "{\"when\":[\"q2 \"],\"reply\":\"{\\\"n\\\":\\\"3\\\"}\"}\n"
               "{\"when\":[],\"reply\":\"no JSON\"}\n",
               NULL);
    rig_prompts(r, 3, "x");
    rig_file(r, "s.json", "{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\"}}}");
    assert_int_equal(rig_run(r, "gen.strategy=best-of-n", "gen.best_of_n.n=2",
                             "gen.verify.kind=schema", "gen.verify.schema=s.json"),
                     0);
    assert_int_equal(rows(r), 1);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM attempt WHERE message LIKE 'n: %'"), 2);
    rig_free(r);
}

/* A program without a shell: right, wrong with its reason, no end, and one that fails. */
static void test_command(void **state)
{
    struct rig *r = rig_new();
    char path[96];
    (void)state;
    rig_script(r,
               "{\"when\":[\"q1 \"],\"reply\":\"GOOD\"}\n"
               "{\"when\":[\"q2 \"],\"reply\":\"SLEEP\"}\n"
               "{\"when\":[\"q4 \"],\"reply\":\"CRASH\"}\n"
               "{\"when\":[],\"reply\":\"bad; $(touch /tmp/x)\"}\n",
               NULL);
    rig_file(r, "check.sh",
             "#!/bin/sh\nread -r line\ncase $line in *GOOD*) exit 0;; *SLEEP*) sleep 60;;\n"
             "*CRASH*) exit 7;; *) echo 'not good'; exit 1;; esac\n");
    snprintf(path, sizeof path, "%s/check.sh", r->folder);
    assert_int_equal(chmod(path, 0755), 0);
    rig_prompts(r, 3, "x");
    assert_int_equal(rig_run(r, "gen.strategy=best-of-n", "gen.best_of_n.n=1",
                             "gen.verify.kind=command", "gen.verify.command=[\"./check.sh\"]",
                             "gen.verify.timeout_s=0.3"),
                     0);
    assert_int_equal(rows(r), 1);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM attempt WHERE message = 'not good'"), 1);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM attempt WHERE message LIKE '%no end%'"),
                     1);
    rig_prompts(r, 4, "x");
    assert_int_equal(rig_run(r, "gen.strategy=best-of-n", "gen.best_of_n.n=1",
                             "gen.verify.kind=command", "gen.verify.command=[\"./check.sh\"]",
                             "gen.verify.timeout_s=0.3"),
                     -1);
    assert_non_null(strstr(r->error.text, "status 7"));
    rig_free(r);
}

/* A check that ends only when all other questions were answered: it is not waited for. */
static void test_checks_beside_the_loop(void **state)
{
    struct rig *r = rig_new();
    char path[96], command[256];
    (void)state;
    rig_script(r, "{\"when\":[],\"reply\":\"fine {hash}\"}\n", NULL);
    rig_file(r, "check.sh",
             "#!/bin/sh\nread -r line\n"
             "while [ \"$(wc -l <\"$1\")\" -lt 40 ]; do sleep 0.02; done\n");
    snprintf(path, sizeof path, "%s/check.sh", r->folder);
    snprintf(command, sizeof command, "gen.verify.command=[\"./check.sh\",\"%s/bill\"]", r->folder);
    assert_int_equal(chmod(path, 0755), 0);
    rig_prompts(r, 40, "x");
    assert_int_equal(rig_run(r, "gen.strategy=best-of-n", "gen.best_of_n.n=1",
                             "gen.verify.kind=command", command, "gen.verify.timeout_s=20",
                             "teacher.in_flight=2"),
                     0);
    assert_int_equal(rows(r), 40);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM attempt"), 40);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM unread"), 0);
    rig_free(r);
}

/* Two checks for one answer: told again for each. */
static void test_checks_of_a_pair(void **state)
{
    struct rig *r = rig_new();
    char path[96];
    (void)state;
    rig_script(r,
               "{\"when\":[\"q1 \"],\"reply\":\"GOOD {hash}\"}\n"
               "{\"when\":[],\"reply\":\"bad {hash}\"}\n",
               NULL);
    rig_file(r, "check.sh",
             "#!/bin/sh\nread -r line\n"
             "case $line in *GOOD*) exit 0;; *) exit 1;; esac\n");
    snprintf(path, sizeof path, "%s/check.sh", r->folder);
    assert_int_equal(chmod(path, 0755), 0);
    rig_prompts(r, 5, "x");
    assert_int_equal(rig_run(r, "gen.strategy=preference", "gen.send_seed=true",
                             "gen.steps.second.temperature=1.2", "gen.verify.kind=command",
                             "gen.verify.command=[\"./check.sh\"]"),
                     0);
    assert_int_equal(rows(r), 0); /* both right, or both wrong */
    assert_int_equal(rig_number(r,
                                "SELECT count(*) FROM attempt WHERE cause = 'rejected' AND "
                                "message IN ('both answers are right', 'both answers are wrong')"),
                     5);
    rig_free(r);
}

/* ---- preference ------------------------------------------------------------------------------ */

static void test_preference(void **state)
{
    struct rig *r = rig_new();
    (void)state;
    rig_script(r,
               "{\"when\":[\"Answer A\",\"fickle\"],\"reply\":\"[[A]]\"}\n"
               "{\"when\":[\"Answer A\",\"even\"],\"reply\":\"No [[A]] but [[C]]\"}\n"
               "{\"when\":[\"Answer A#:\\nshort\"],\"reply\":\"B is better. [[B]]\"}\n"
               "{\"when\":[\"Answer A\"],\"reply\":\"[[A]]\"}\n"
               "{\"when\":[\"same\"],\"reply\":\"alike\"}\n"
               "{\"when\":[],\"reply\":\"long {hash}\"}\n",
               NULL);
    rig_file(r, "p.jsonl",
             "{\"id\":\"f\",\"instruction\":\"fickle\"}\n{\"instruction\":\"even\"}\n"
             "{\"instruction\":\"same\"}\n");
    assert_int_equal(rig_run(r, "gen.strategy=preference", "gen.send_seed=true"), 0);
    assert_int_equal(rows(r), 0);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM attempt WHERE message LIKE '%order'"), 1);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM attempt WHERE message LIKE '%no better%'"),
                     1);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM attempt WHERE message LIKE '%the same'"),
                     1);
    rig_free(r);
}

/* Chosen is the one both orders name, wherever it stands. */
static void test_chosen(void **state)
{
    struct rig *r = rig_new();
    (void)state;
    rig_script(r,
               "{\"when\":[\"Answer A#:\\nweak\"],\"reply\":\"[[B]]\"}\n"
               "{\"when\":[\"Answer A#:\\nstrong\"],\"reply\":\"[[A]]\"}\n"
               "{\"when\":[\"be weak\"],\"reply\":\"weak\"}\n"
               "{\"when\":[],\"reply\":\"strong\"}\n",
               NULL);
    rig_file(r, "p.jsonl", "{\"id\":\"a\",\"instruction\":\"Go\"}\n");
    assert_int_equal(rig_run(r, "gen.strategy=preference",
                             "gen.steps.first={\"teacher\":\"weakling\"}",
                             "gen.teachers=[{\"model\":\"weakling\",\"base_url\":\"http://"
                             "127.0.0.1:1/v1\"}]",
                             "gen.retries=0"),
                     -1); /* the first teacher is not there: nothing is made up */
    assert_int_equal(rows(r), 0);
    rig_free(r);
}

static void test_preference_by_verifier(void **state)
{
    struct rig *r = rig_new();
    (void)state;
    rig_script(r, "{\"when\":[],\"reply\":\"{hash}\"}\n", NULL);
    rig_prompts(r, 30, "x");
    assert_int_equal(rig_run(r, "gen.strategy=preference", "gen.send_seed=true",
                             "gen.verify.kind=regex", "gen.verify.pattern=[13579]$"),
                     0);
    assert_in_range(rows(r), 5, 25);
    assert_int_equal(requests(r), 60); /* no judge is asked */
    assert_int_equal(rig_number(r, "SELECT count(*) FROM sample WHERE output % 2 = 1 AND "
                                   "(json_extract(meta, '$.rejected')) % 2 = 0"),
                     rows(r));
    rig_free(r);
}

/* ---- judge ----------------------------------------------------------------------------------- */

static void test_judge(void **state)
{
    struct rig *r = rig_new();
    (void)state;
    rig_script(
        r,
        "{\"when\":[\"Judge the answer\",\"answer 1.\"],\"reply\":\"{\\\"quality\\\": 7.5}\"}\n"
        "{\"when\":[\"Judge the answer\",\"answer 2.\"],\"reply\":\"**quality**: 3/10\"}\n"
        "{\"when\":[\"Judge the answer\",\"answer 3.\"],\"reply\":\"{\\\"quality\\\": 11}\"}\n"
        "{\"when\":[\"Judge the answer\"],\"reply\":\"no idea\"}\n"
        "{\"when\":[],\"reply\":\"answer {after:q}.\"}\n",
        NULL);
    rig_prompts(r, 4, "");
    assert_int_equal(rig_run(r, "seed=1"), 0);
    assert_int_equal(rows(r), 4);
    assert_int_equal(rig_run(r, "gen.strategy=judge"), 0);
    assert_int_equal(rows(r), 4);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM score WHERE name = 'judge.quality'"), 2);
    assert_int_equal(rig_number(r, "SELECT 10 * value FROM score ORDER BY value DESC"), 75);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM request WHERE cause = 'rejected'"), 2);
    rig_prompts(r, 5, "");
    assert_int_equal(rig_run(r, "seed=1"), 0);
    assert_int_equal(rig_run(r, "gen.strategy=judge"), 0); /* the new row alone is asked about */
    assert_int_equal(requests(r), 10);
    rig_free(r);
}

/* ---- compare --------------------------------------------------------------------------------- */

static void change(struct rig *r, const char *text)
{
    struct corpus *c = corpus_open(r->dataset, CORPUS_WRITE, NULL);
    assert_non_null(c);
    assert_int_equal(sql_exec(corpus_sql(c), text, NULL), 0);
    corpus_close(c);
}

/* A judge that always names A changes its mind with the order; one that names a text does not. */
static void test_compare(void **state)
{
    struct rig *r = rig_new();
    (void)state;
    rig_script(r,
               "{\"when\":[\"Answer A\",\"fickle\"],\"reply\":\"[[A]]\"}\n"
               "{\"when\":[\"Answer A\",\"even\"],\"reply\":\"[[C]]\"}\n"
               "{\"when\":[\"Answer A\",\"mute\"],\"reply\":\"hm\"}\n"
               "{\"when\":[\"Answer A#:\\nweak\"],\"reply\":\"[[B]]\"}\n"
               "{\"when\":[\"Answer A\"],\"reply\":\"[[A]]\"}\n"
               "{\"when\":[],\"reply\":\"strong\"}\n",
               NULL);
    rig_file(r, "p.jsonl",
             "{\"instruction\":\"fickle\"}\n{\"instruction\":\"even\"}\n"
             "{\"instruction\":\"mute\"}\n{\"instruction\":\"Go\"}\n"
             "{\"instruction\":\"same\"}\n");
    assert_int_equal(rig_run(r, "gen.samples=2", "gen.send_seed=true"), 0);
    change(
        r,
        "UPDATE sample SET output = 'weak' WHERE instruction != 'same' AND id IN (SELECT max(id) "
        "FROM sample GROUP BY instruction)");
    rig_file(r, "p.jsonl", "{\"instruction\":\"lonely\"}\n");
    assert_int_equal(rig_run(r, "gen.samples=1"), 0);
    int64_t before = requests(r);
    for (int k = 0; k < 2; k++) { /* the second time nothing is asked */
        assert_int_equal(rig_run(r, "gen.strategy=compare"), 0);
        assert_int_equal(requests(r) - before, 2 + 1 + 1 + 2);
    }
    assert_int_equal(rig_number(r, "SELECT count(*) FROM score WHERE name = 'judge.preferred'"), 6);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM score WHERE value = .5"), 4);
    assert_int_equal(rig_number(r,
                                "SELECT count(*) FROM score c JOIN sample s ON s.id = c.sample_id "
                                "WHERE value = 1 AND output = 'strong'"),
                     1);
    assert_int_equal(rig_number(r,
                                "SELECT count(*) FROM score c JOIN sample s ON s.id = c.sample_id "
                                "WHERE value = 0 AND output = 'weak'"),
                     1);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM request WHERE cause = 'rejected'"), 1);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_right),
        cmocka_unit_test(test_vote),
        cmocka_unit_test(test_needs_verifier),
        cmocka_unit_test(test_schema),
        cmocka_unit_test(test_command),
        cmocka_unit_test(test_checks_beside_the_loop),
        cmocka_unit_test(test_checks_of_a_pair),
        cmocka_unit_test(test_preference),
        cmocka_unit_test(test_chosen),
        cmocka_unit_test(test_preference_by_verifier),
        cmocka_unit_test(test_judge),
        cmocka_unit_test(test_compare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
