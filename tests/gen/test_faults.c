/*
 * Every fault a teacher can do, each to a prompt of its own, all in one run: what becomes of the
 * request, with which cause, after how many attempts, and with how many rows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/gen/rig.h"

/* Under the thread sanitizer both sides need their time for a reply of megabytes. */
#ifdef __SANITIZE_THREAD__
#define DRIP      "drip=150"
#define DEADLINES "gen.first_byte_timeout_s=5", "gen.idle_timeout_s=5", "gen.timeout_s=10"
#else
#define DRIP      "drip=30"
#define DEADLINES "gen.first_byte_timeout_s=1", "gen.idle_timeout_s=1", "gen.timeout_s=2"
#endif

struct expectation {
    const char *fault;  /* directive */
    const char *cause;  /* of the request; NULL: it is answered */
    int attempts;       /* in all */
    const char *first;  /* cause of its first attempt; NULL: answered */
    const char *output; /* of its row; NULL: not looked at */
};

/* gen.retries is 2: three tries. */
static const struct expectation cases[] = {
    {"", NULL, 1, NULL, NULL},
    {"{{429 4}}", NULL, 5, "rate-limit", NULL}, /* refusals use up no tries */
    {"{{429s 1}}", NULL, 2, "rate-limit", NULL},
    {"{{429ms 2}}", NULL, 3, "rate-limit", NULL},
    {"{{429date 1}}", NULL, 2, "rate-limit", NULL},
    {"{{408 2}}", NULL, 3, "request-timeout", NULL},
    {"{{409 1}}", NULL, 2, "conflict", NULL},
    {"{{500 2}}", NULL, 3, "server-error", NULL},
    {"{{500}}", "server-error", 3, "server-error", NULL},
    {"{{500never}}", "server-error", 1, "server-error", NULL},
    {"{{502 1}}", NULL, 2, "server-error", NULL},
    {"{{503 2}}", NULL, 3, "overloaded", NULL},
    {"{{529 1}}", NULL, 2, "overloaded", NULL},
    {"{{400parse 1}}", NULL, 2, "server-error", NULL},
    {"{{400}}", "bad-request", 1, "bad-request", NULL},
    {"{{400retry 1}}", NULL, 2, "bad-request", NULL},
    {"{{context}}", "context-length", 1, "context-length", NULL},
    {"{{413}}", "context-length", 1, "context-length", NULL},
    {"{{filter400}}", "content-filter", 1, "content-filter", NULL},
    {"{{422}}", "bad-request", 1, "bad-request", NULL},
    {"{{badjson 2}}", NULL, 3, "malformed", NULL},
    {"{{badjson}}", "malformed", 3, "malformed", NULL},
    {"{{html 1}}", NULL, 2, "malformed", NULL},
    {"{{empty 1}}", NULL, 2, "malformed", NULL},
    {"{{nochoices 1}}", NULL, 2, "malformed", NULL},
    {"{{wrongtype 1}}", NULL, 2, "malformed", NULL},
    {"{{wrongchoice}}", "malformed", 3, "malformed", NULL},
    {"{{error200 1}}", NULL, 2, "rate-limit", NULL},
    {"{{choice502 1}}", NULL, 2, "server-error", NULL},
    {"{{refusal}}", "refusal", 1, "refusal", NULL},
    {"{{null}}", "empty", 1, "empty", NULL},
    {"{{blank}}", "empty", 1, "empty", NULL},
    {"{{filter}}", "content-filter", 1, "content-filter", NULL},
    {"{{length}}", NULL, 1, NULL, "cut sho"},
    {"{{parts}}", NULL, 1, NULL, "one two"},
    {"{{reasoning}}", NULL, 1, NULL, "42"},
    {"{{reasoningold}}", NULL, 1, NULL, "42"},
    {"{{lone}}", NULL, 1, NULL,
     "a\xEF\xBF\xBD"
     "b"},
    {"{{latin1}}", NULL, 1, NULL, "caf\xEF\xBF\xBD"},
    {"{{nul}}", NULL, 1, NULL, NULL},
    {"{{nousage}}", NULL, 1, NULL, "ok"},
    {"{{badusage}}", NULL, 1, NULL, "ok"},
    {"{{torn 1}}", NULL, 2, "torn", NULL},
    {"{{reset 1}}", NULL, 2, "reset", NULL},
    {"{{reset0 1}}", NULL, 2, "reset", NULL},
    {"{{close0 1}}", NULL, 2, "reset", NULL},
    {"{{close0}}", "reset", 3, "reset", NULL},
    {"{{hang 1}}", NULL, 2, "first-byte-timeout", NULL},
    {"{{stall 1}}", NULL, 2, "idle-timeout", NULL},
    {"{{drip 1}}", NULL, 2, "total-timeout", NULL},
    {"{{chunked}}", NULL, 1, NULL, NULL},
    {"{{garbage 1}}", NULL, 2, "malformed", NULL},
    {"{{huge}}", "too-large", 1, "too-large", NULL},
    {"{{deep 1}}", NULL, 2, "malformed", NULL},
    {"{{rawnul 1}}", NULL, 2, "malformed", NULL},
    {"{{headers}}", NULL, 1, NULL, NULL},
    {"{{gzip}}", NULL, 1, NULL, NULL}, /* nobody asked for it */
    {"{{gzipchunks}}", NULL, 1, NULL, NULL},
    {"{{gzipbroken 1}}", NULL, 2, "malformed", NULL},
    {"{{bomb}}", "too-large", 1, "too-large", NULL},
};
enum { CASES = sizeof cases / sizeof *cases };

/* A question about one case: SELECT `what`, of its request, its attempts or its row. */
static const char *ask(struct rig *r, const char *what, const char *of, int i)
{
    char text[512];
    snprintf(text, sizeof text, "SELECT %s %s '%d'", what, of, i);
    return rig_text(r, text);
}

#define REQUEST "FROM request r JOIN prompt p ON p.id = r.prompt_id WHERE p.name ="
#define ATTEMPT                                                                                    \
    "FROM attempt a JOIN request r ON r.id = a.request_id JOIN prompt p ON p.id = r.prompt_id"     \
    " WHERE p.name ="
#define FIRST                                                                                      \
    "FROM attempt a JOIN request r ON r.id = a.request_id JOIN prompt p ON p.id = r.prompt_id"     \
    " WHERE a.id = (SELECT min(id) FROM attempt WHERE request_id = r.id) AND p.name ="
#define SAMPLE "FROM sample WHERE name ="

static void check_case(struct rig *r, int i)
{
    const struct expectation *e = &cases[i];
    print_message("%-16s ", *e->fault ? e->fault : "(none)");
    print_message("%s, ", ask(r, "ifnull(cause, 'answered')", REQUEST, i));
    print_message("%s attempts\n", ask(r, "count(*)", ATTEMPT, i));
    assert_string_equal(ask(r, "state", REQUEST, i), e->cause ? "failed" : "answered");
    assert_string_equal(ask(r, "cause", REQUEST, i), e->cause ? e->cause : "");
    assert_int_equal(atoi(ask(r, "count(*)", ATTEMPT, i)), e->attempts);
    assert_string_equal(ask(r, "a.cause", FIRST, i), e->first ? e->first : "");
    assert_int_equal(atoi(ask(r, "count(*)", SAMPLE, i)), e->cause ? 0 : 1);
    if (e->output)
        assert_string_equal(ask(r, "output", SAMPLE, i), e->output);
}

/* The sums that must hold after any run. */
static void check_books(struct rig *r)
{
    int64_t all = rig_number(r, "SELECT count(*) FROM request");
    int64_t answered = rig_number(r, "SELECT count(*) FROM request WHERE state = 'answered'");
    int64_t failed = rig_number(r, "SELECT count(*) FROM request WHERE state = 'failed'");
    int64_t waiting = rig_number(r, "SELECT count(*) FROM request WHERE state = 'waiting'");
    assert_int_equal(all, answered + failed + waiting);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM request WHERE state = 'failed'"
                                   " AND cause IS NULL"),
                     0);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM sample"), answered);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM unread"), 0);
    assert_int_equal(rig_number(r, "SELECT n FROM tally WHERE key = 'request.answered'"), answered);
    assert_int_equal(rig_number(r, "SELECT n FROM tally WHERE key = 'request.waiting'"), waiting);
    assert_int_equal(rig_number(r, "SELECT sum(n) FROM tally WHERE key LIKE 'failure.%'"), failed);
}

static void test_every_fault(void **state)
{
    struct rig *r = rig_new();
    struct buf b = BUF;
    (void)state;
    rig_server(r, DRIP, NULL, NULL);
    for (int i = 0; i < CASES; i++)
        buf_printf(&b, "{\"id\":\"%d\",\"instruction\":\"q%d %s\"}\n", i, i, cases[i].fault);
    rig_file(r, "p.jsonl", buf_text(&b));
    buf_free(&b);
    int rc = rig_run(r, "gen.retries=2", "gen.max_reply_mb=1", DEADLINES);
    print_message("%s\n", r->error.text);
    assert_int_equal(rc, -1);
    assert_int_equal(r->error.code, ERROR_PARTIAL); /* some failures may pass */
    for (int i = 0; i < CASES; i++)
        check_case(r, i);
    check_books(r);
    assert_int_equal(rig_stat(r, "again"), 0);
    assert_int_equal(rig_stat(r, "early"), 0);
    /* evidence: what came of a broken reply is kept */
    assert_int_equal(rig_number(r, "SELECT count(*) FROM attempt a JOIN reply y ON y.id = a.id"
                                   " WHERE a.cause = 'too-large' AND length(y.body) > 100"),
                     1);
    assert_true(rig_number(r, "SELECT count(*) FROM attempt a JOIN reply y ON y.id = a.id"
                              " WHERE a.cause IN ('malformed', 'torn')") > 5);
    assert_int_equal(rig_number(r, "SELECT length(CAST(output AS BLOB)) FROM sample"
                                   " WHERE instruction LIKE '%{{nul}}'"),
                     3);
    rig_free(r);
}

/* A second run asks just those that failed for a passing reason. */
static void test_second_run(void **state)
{
    struct rig *r = rig_new();
    (void)state;
    rig_server(r, NULL, NULL, NULL);
    rig_file(
        r, "p.jsonl",
        "{\"id\":\"a\",\"instruction\":\"x {{500 2}}\"}\n"
        "{\"id\":\"b\",\"instruction\":\"y {{400}}\"}\n{\"id\":\"c\",\"instruction\":\"z\"}\n");
    assert_int_equal(rig_run(r, "gen.retries=0"), -1);
    assert_int_equal(r->error.code, ERROR_PARTIAL);
    assert_int_equal(rig_stat(r, "requests"), 3);
    assert_int_equal(rig_run(r, "gen.retries=1"), 0);
    assert_int_equal(rig_stat(r, "requests"), 5);
    assert_string_equal(rig_text(r, "SELECT min(name) || max(name) FROM sample"), "ac");
    assert_int_equal(rig_run(r, "gen.retries=1"), 0);
    assert_int_equal(rig_stat(r, "requests"), 5);
    assert_int_equal(rig_stat(r, "again"), 0);
    check_books(r);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_fault),
        cmocka_unit_test(test_second_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
