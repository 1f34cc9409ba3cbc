/* Status, show, check and queries over a small generated dataset. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/clock.h"
#include "corpus/check.h"
#include "corpus/ledger.h"
#include "corpus/rows.h"
#include "corpus/runs.h"
#include "corpus/samples.h"
#include "corpus/show.h"
#include "corpus/status.h"
#include "corpus/verdicts.h"

#include "tests/corpus/scratch.h"

#include <stdio.h>
#include <string.h>

static void ok(int rc, const struct error *e)
{
    if (rc < 0)
        fail_msg("%s", e->text);
}

static void plan(struct corpus *c, int64_t id, int64_t teacher)
{
    struct error e = {0};
    char text[32];
    struct ledger_prompt p = {.id = id, .source = SLICE("prompts.jsonl:1")};
    struct ledger_request r = {.id = id,
                               .prompt_id = id,
                               .teacher_id = teacher,
                               .key = {7, (uint64_t)id},
                               .strategy = SLICE("respond"),
                               .step = SLICE("")};
    (void)snprintf(text, sizeof text, "question %d", (int)id);
    p.instruction = slice_of(text);
    p.meta = SLICE("{\"topic\":\"t\"}");
    ok(ledger_prompt_add(c, &p, &e), &e);
    ok(ledger_request_add(c, &r, &e), &e);
    ok(ledger_reserve(c, id, 1000000, 100, &e), &e);
}

static void answer(struct corpus *c, struct compressor *z, int64_t id)
{
    struct error e = {0};
    struct buf body = BUF;
    struct ledger_reply y = {.id = id,
                             .request_id = id,
                             .started_ms = clock_wall_ms() - 500,
                             .latency_ms = 400,
                             .status = 200,
                             .headers = SLICE("x-id: 1")};
    struct ledger_attempt a = {.id = id,
                               .request_id = id,
                               .started_ms = y.started_ms,
                               .latency_ms = 400,
                               .status = 200,
                               .input_tokens = 10,
                               .output_tokens = 20,
                               .nusd = 250000};
    struct ledger_end end = {.request_id = id,
                             .from = LEDGER_WAITING,
                             .to = LEDGER_ANSWERED,
                             .tries = 1,
                             .parsed = 1,
                             .reply_id = id};
    struct sample s = {.source = SLICE("gen"),
                       .request_id = id,
                       .instruction = SLICE("question"),
                       .output = SLICE("an answer"),
                       .finish_reason = SLICE("stop")};
    buf_str(&body, "{\"choices\":[\"");
    for (int i = 0; i < 500; i++)
        buf_str(&body, "again and ");
    buf_str(&body, "\"]}");
    y.body = buf_view(&body);
    ok(ledger_reply_put(c, z, &y, &e), &e);
    ok(ledger_attempt_put(c, &a, &e), &e);
    ok(ledger_request_end(c, &end, &e), &e);
    ok(samples_add(c, &s, &e), &e);
    buf_free(&body);
}

static void give_up(struct corpus *c, int64_t id)
{
    struct error e = {0};
    struct ledger_attempt a = {.id = id,
                               .request_id = id,
                               .started_ms = clock_wall_ms(),
                               .latency_ms = 5,
                               .status = 400,
                               .cause = "refused",
                               .message = SLICE("no")};
    struct ledger_end end = {.request_id = id,
                             .from = LEDGER_WAITING,
                             .to = LEDGER_FAILED,
                             .cause = "refused",
                             .tries = 1};
    ok(ledger_attempt_put(c, &a, &e), &e);
    ok(ledger_request_end(c, &end, &e), &e);
}

/* Five requests: three answered, one failed, one waiting with a reservation; two imported rows. */
static struct corpus *generated(void **state)
{
    struct error e = {0};
    struct corpus *c = corpus_open(scratch_path(state, "g.db"), CORPUS_CREATE, &e);
    struct compressor *z = compressor_new(3);
    struct sample s = {.name = SLICE("mine"),
                       .source = SLICE("f"),
                       .instruction = SLICE("q"),
                       .output = SLICE("mail me at a@b.org now")};
    struct sample t = {.source = SLICE("f"), .instruction = SLICE("q2"), .output = SLICE("a")};
    int64_t teacher, run;
    assert_non_null(c);
    run = runs_start(c, "gen", "{\"gen\":{\"budget_usd\":0.5}}", "abc", &e);
    ok(corpus_begin(c, &e), &e);
    teacher = ledger_teacher(c, "openai", "http://127.0.0.1/v1", "big", "mit", &e);
    for (int i = 1; i <= 5; i++)
        plan(c, i, teacher);
    for (int i = 1; i <= 3; i++)
        answer(c, z, i);
    give_up(c, 4);
    ok(samples_add(c, &s, &e), &e);
    ok(samples_add(c, &t, &e), &e);
    ok(corpus_commit(c, &e), &e);
    ok(runs_end(c, run, "partial", "{}", &e), &e);
    compressor_free(z);
    return c;
}

static void judge(struct corpus *c, int64_t id, const char *rule, enum verdict_action action)
{
    struct error e = {0};
    struct verdict v = {.sample_id = id,
                        .rule = rule,
                        .version = 1,
                        .action = action,
                        .value = 0.5,
                        .threshold = (double)NAN,
                        .similarity = (double)NAN};
    if (strcmp(rule, "pii") == 0) {
        v.field = "output";
        v.span_from = 11;
        v.span_to = 18;
        v.match_id = 1;
        v.why = SLICE("an e-mail address");
    }
    ok(verdicts_put(c, &v, &e), &e);
}

static void expect(const struct json *tree, const char *path, const char *want)
{
    struct buf got = BUF;
    json_write(json_path(tree, path), 0, &got);
    if (strcmp(buf_text(&got), want) != 0)
        fail_msg("%s: %s, expected %s", path, buf_text(&got), want);
    buf_free(&got);
}

static void test_status(void **state)
{
    struct error e = {0};
    struct corpus *c = generated(state);
    struct json *s;
    judge(c, 1, "short", VERDICT_REMOVE);
    judge(c, 1, "near", VERDICT_REMOVE);
    judge(c, 2, "short", VERDICT_REMOVE);
    judge(c, 2, "human", VERDICT_KEEP);
    judge(c, 4, "pii", VERDICT_FLAG);
    ok(runs_evaluation(c, 1, "m", "s", "{\"nll\":3}", &e), &e);
    ok(runs_evaluation(c, 1, "m", "s", "{\"nll\":2,\"tasks\":[{\"accuracy\":1}]}", &e), &e);
    s = corpus_status(c, &e);
    assert_non_null(s);
    expect(s, "requests", "{\"total\":5,\"answered\":3,\"failed\":1,\"waiting\":1}");
    expect(s, "failures", "{\"refused\":1}");
    expect(s, "attempts", "4");
    expect(s, "tokens", "{\"input\":30,\"output\":60}");
    expect(s, "usd", "{\"spent\":0.00075,\"reserved\":0.001,\"budget\":0.5}");
    expect(s, "rows", "{\"total\":5,\"kept\":4,\"removed\":1}");
    expect(s, "removed_by_rule", "{\"short\":2,\"near\":1}");
    expect(s, "flagged_by_rule", "{\"pii\":1}");
    expect(s, "gen", "{\"running\":false}");
    expect(s, "teachers.0.model", "\"big\"");
    expect(s, "runs.0.state", "\"partial\"");
    expect(s, "evaluations", "[{\"run_id\":1,\"model\":\"m\",\"suite\":\"s\",\"nll\":2}]");
    json_free(s);
    ok(verdicts_settle(c, &e), &e);
    assert_true(verdicts_settled(c));
    s = corpus_status(c, &e);
    expect(s, "rows", "{\"total\":5,\"kept\":4,\"removed\":1}");
    expect(s, "removed_by_rule", "{\"short\":2,\"near\":1}");
    expect(s, "flagged_by_rule", "{\"pii\":1}");
    json_free(s);
    ok(sql_exec(corpus_sql(c), "DELETE FROM verdict WHERE rule = 'near'", &e), &e);
    assert_false(verdicts_settled(c));
    s = corpus_status(c, &e);
    expect(s, "removed_by_rule", "{\"short\":2}");
    json_free(s);
    ok(corpus_claim(c, "gen", &e), &e);
    s = corpus_status(c, &e);
    expect(s, "gen.running", "true");
    assert_true(json_number(json_path(s, "gen.replies_per_s"), 0) > 0);
    assert_true(json_number(json_path(s, "gen.eta_s"), -1) >= 0);
    json_free(s);
    corpus_close(c);
}

static void test_status_of_nothing(void **state)
{
    struct error e = {0};
    struct corpus *c = corpus_open(scratch_path(state, "n.db"), CORPUS_CREATE, &e);
    struct json *s = corpus_status(c, &e);
    expect(s, "requests.total", "0");
    expect(s, "rows", "{\"total\":0,\"kept\":0,\"removed\":0}");
    expect(s, "usd", "{\"spent\":0,\"reserved\":0}");
    json_free(s);
    corpus_close(c);
}

/* While a writer holds its lock, a reader is not kept waiting. */
static void test_status_while_writing(void **state)
{
    struct error e = {0};
    struct corpus *c = generated(state);
    struct corpus *reader = corpus_open(corpus_path(c), CORPUS_READ, &e);
    struct sample t = {.source = SLICE("f"), .instruction = SLICE("q3"), .output = SLICE("a")};
    struct json *s;
    assert_non_null(reader);
    ok(corpus_begin(c, &e), &e);
    ok(samples_add(c, &t, &e), &e);
    s = corpus_status(reader, &e);
    expect(s, "rows.total", "5");
    json_free(s);
    ok(corpus_commit(c, &e), &e);
    s = corpus_status(reader, &e);
    expect(s, "rows.total", "6");
    json_free(s);
    corpus_close(reader);
    corpus_close(c);
}

static void test_show(void **state)
{
    struct error e = {0};
    struct corpus *c = generated(state);
    struct json *s = NULL;
    struct buf text = BUF;
    judge(c, 4, "pii", VERDICT_REMOVE);
    ok(scores_put(c, 4, "judge", 1, 0.75, &e), &e);
    assert_int_equal(show_sample(c, "mine", &s, &e), 1);
    expect(s, "id", "4");
    expect(s, "kept", "false");
    expect(s, "verdicts.0.quote", "\"a@b.org\"");
    expect(s, "verdicts.0.match_id", "1");
    expect(s, "scores", "{\"judge\":0.75}");
    assert_null(json_get(s, "request"));
    show_text(s, &text);
    assert_non_null(strstr(buf_text(&text), "row 4  name mine  removed"));
    assert_non_null(strstr(buf_text(&text), "remove  pii: an e-mail address  value 0.5"));
    assert_non_null(strstr(buf_text(&text), "in output: \"a@b.org\""));
    json_free(s);
    buf_clear(&text);
    assert_int_equal(show_sample(c, "2", &s, &e), 1);
    expect(s, "kept", "true");
    expect(s, "verdicts", "[]");
    expect(s, "prompt.instruction", "\"question 2\"");
    expect(s, "prompt.meta.topic", "\"t\"");
    expect(s, "teacher.licence", "\"mit\"");
    expect(s, "attempts.0.usd", "0.00025");
    expect(s, "reply.status", "200");
    assert_int_equal(json_string(json_path(s, "reply.body")).len, 5000 + 16);
    show_text(s, &text);
    assert_non_null(strstr(buf_text(&text), "model big"));
    assert_non_null(strstr(buf_text(&text), "again and again"));
    json_free(s);
    buf_free(&text);
    assert_int_equal(show_sample(c, "99", &s, &e), 0);
    corpus_close(c);
}

static void expect_finding(struct corpus *c, const char *damage, const char *words)
{
    struct error e = {0};
    struct buf found = BUF;
    int n;
    ok(sql_exec(corpus_sql(c), damage, &e), &e);
    n = check_run(c, &found, &e);
    if (n <= 0 || strstr(buf_text(&found), words) == NULL)
        fail_msg("%s: %d findings:\n%s", damage, n, buf_text(&found));
    buf_free(&found);
}

static void test_check_finds(void **state)
{
    static const char *const damages[][2] = {
        {"UPDATE request SET state = 'answered' WHERE id = 5",
         "request 5 is answered, but its reply is not stored"},
        {"UPDATE request SET cause = NULL WHERE id = 4", "request 4 failed without a cause"},
        {"UPDATE request SET reserved_nusd = 3 WHERE id = 1", "request 1 is over"},
        {"DELETE FROM attempt WHERE id = 2", "reply 2 is neither accounted for"},
        {"UPDATE attempt SET nusd = nusd + 1 WHERE id = 1",
         "the running total nusd.spent says 750000, counted are 750001"},
        {"INSERT INTO tally VALUES ('failure.odd', 2)", "failure.odd says 2, counted are 0"},
        {"INSERT INTO tally VALUES ('verdicts.removed', 3)",
         "the running total verdicts.removed says 3, counted are 0"},
        {"UPDATE sample SET output = 'x' WHERE id = 3", "row 3: its text was changed"},
        {"UPDATE reply SET body = substr(body, 1, 40) WHERE id = 1", "reply 1 cannot be unpacked"},
        {"INSERT INTO verdict (sample_id, rule, version, action, match_id)"
         " VALUES (1, 'near', 1, 'remove', 1)",
         "row 1 is said to match itself"},
        {"PRAGMA foreign_keys = OFF; UPDATE sample SET request_id = 77 WHERE id = 1",
         "a sample (1) names a missing request"},
    };
    struct error e = {0};
    struct corpus *c = generated(state);
    struct buf found = BUF;
    int n = check_run(c, &found, &e);
    if (n != 0)
        fail_msg("%d findings:\n%s%s", n, buf_text(&found), e.text);
    buf_free(&found);
    corpus_close(c);
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        remove(scratch_path(state, "g.db"));
        c = generated(state);
        expect_finding(c, damages[i][0], damages[i][1]);
        corpus_close(c);
    }
}

/* Bytes overwritten in the middle of the file. */
static void test_check_torn(void **state)
{
    struct error e = {0};
    struct corpus *c = generated(state);
    const char *path = corpus_path(c);
    struct buf found = BUF;
    FILE *f;
    int n;
    path = scratch_path(state, "g.db");
    corpus_close(c);
    f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, 4096 * 10, SEEK_SET), 0);
    for (int i = 0; i < 4096 * 4; i++)
        assert_int_equal(putc(0x5A, f), 0x5A);
    fclose(f);
    c = corpus_open(path, CORPUS_READ, &e);
    assert_non_null(c);
    n = check_run(c, &found, &e);
    assert_true(n > 0 || (n == -1 && strstr(e.text, "damaged") != NULL));
    buf_free(&found);
    corpus_close(c);
}

static int gather(void *context, const struct json *row, struct error *error)
{
    (void)error;
    json_write(row, 0, context);
    return 0;
}

static void test_query(void **state)
{
    struct error e = {0};
    struct corpus *c = generated(state);
    struct buf out = BUF;
    ok(rows_query(c, "SELECT id, unpack(body, packed) LIKE '%again%' AS a, NULL AS n FROM reply",
                  gather, &out, &e),
       &e);
    assert_string_equal(buf_text(&out), "{\"id\":1,\"a\":1,\"n\":null}{\"id\":2,\"a\":1,\"n\":null}"
                                        "{\"id\":3,\"a\":1,\"n\":null}");
    buf_clear(&out);
    ok(rows_query(c, "SELECT hex(key) AS k, key, unpack(NULL, 1) AS u FROM request LIMIT 1", gather,
                  &out, &e),
       &e);
    assert_string_equal(buf_text(&out), "{\"k\":\"00000000000000070000000000000001\",\"key\":"
                                        "\"00000000000000070000000000000001\",\"u\":null}");
    assert_int_equal(rows_query(c, "DELETE FROM sample", gather, &out, &e), -1);
    assert_int_equal(e.code, ERROR_USAGE);
    assert_int_equal(rows_query(c, "SELEC", gather, &out, &e), -1);
    assert_int_equal(rows_query(c, " ", gather, &out, &e), -1);
    assert_int_equal(rows_query(c, "SELECT unpack(x'00', 1)", gather, &out, &e), -1);
    buf_free(&out);
    corpus_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_status),
        scratch_test(test_status_of_nothing),
        scratch_test(test_status_while_writing),
        scratch_test(test_show),
        scratch_test(test_check_finds),
        scratch_test(test_check_torn),
        scratch_test(test_query),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
