/* The writer: order, grouping, durability only on commit, failure handed back; and the ledger. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/clock.h"
#include "corpus/ledger.h"
#include "corpus/writer.h"
#include "tests/corpus/scratch.h"

#include <poll.h>
#include <stdbool.h>

struct note {
    struct writer_job job;
    int number;
    bool bad;
};

static int apply_note(struct corpus *c, struct writer_job *job, struct error *error)
{
    struct note *n = (struct note *)job;
    char key[32];
    struct buf b = BUF;
    if (n->bad)
        return error_set(error, ERROR_FAILED, "no");
    buf_printf(&b, "k%d", n->number);
    memcpy(key, b.data, b.len + 1);
    buf_free(&b);
    return corpus_meta_set(c, key, SLICE("v"), error);
}

static struct corpus *make(const char *path)
{
    struct error error = {0};
    struct corpus *c = corpus_open(path, CORPUS_CREATE, &error);
    assert_non_null(c);
    return c;
}

static int64_t notes(struct corpus *c)
{
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c), "SELECT count(*) FROM meta WHERE key LIKE 'k%'", NULL);
    assert_int_equal(sql_step(q, NULL), 1);
    int64_t n = sql_int(q, 0);
    sql_reset(q);
    return n;
}

static void test_order_and_groups(void **state)
{
    enum { N = 20000 };
    const char *path = scratch_path(state, "d.db");
    struct corpus *c = make(path);
    struct writer *w = writer_open(path, NULL, NULL);
    static struct note all[N];
    assert_non_null(w);
    for (int i = 0; i < N; i++) {
        all[i] = (struct note){.job = {.apply = apply_note}, .number = i % 500};
        writer_post(w, &all[i].job);
    }
    int next = 0;
    while (next < N) {
        struct pollfd p = {.fd = writer_fd(w), .events = POLLIN};
        assert_true(poll(&p, 1, 10000) == 1); /* readable whenever something came back */
        for (struct writer_job *j = writer_take(w); j; j = j->next)
            assert_int_equal(((struct note *)j)->number, next++ % 500);
    }
    struct pollfd quiet = {.fd = writer_fd(w), .events = POLLIN};
    assert_int_equal(poll(&quiet, 1, 0), 0);
    assert_true(writer_commits(w) < N / 20);
    assert_int_equal(notes(c), 500);
    assert_int_equal(writer_queued(w), 0);
    assert_int_equal(writer_close(w, NULL), 0);
    corpus_close(c);
}

static _Atomic bool held;

static int apply_held(struct corpus *c, struct writer_job *job, struct error *error)
{
    while (held)
        clock_sleep_ms(1);
    return apply_note(c, job, error);
}

/* What somebody waits for goes before what is queued already, in its own order; nothing is lost. */
static void test_prompt_first(void **state)
{
    enum { N = 400, PROMPT = 40 };
    const char *path = scratch_path(state, "d.db");
    struct corpus *c = make(path);
    struct writer *w = writer_open(path, NULL, NULL);
    static struct note all[N + PROMPT];
    held = true;
    for (int i = 0; i < N + PROMPT; i++) {
        all[i] = (struct note){.job = {.apply = i ? apply_note : apply_held, .prompt = i >= N},
                               .number = i};
        writer_post(w, &all[i].job);
    }
    held = false;
    assert_int_equal(writer_flush(w, NULL), 0);
    int place = 0, others = 0, prompt = 0;
    for (struct writer_job *j = writer_take(w); j; j = j->next, place++)
        if (j->prompt) {
            assert_int_equal(((struct note *)j)->number, N + prompt++);
            assert_true(place < 100);
        } else {
            assert_int_equal(((struct note *)j)->number, others++);
        }
    assert_int_equal(prompt, PROMPT);
    assert_int_equal(others, N);
    assert_int_equal(notes(c), N + PROMPT);
    writer_close(w, NULL);
    corpus_close(c);
}

/* Stored when taken back: another connection sees it at once. */
static void test_taken_is_stored(void **state)
{
    const char *path = scratch_path(state, "d.db");
    struct corpus *c = make(path);
    struct writer *w = writer_open(path, NULL, NULL);
    for (int i = 0; i < 20; i++) {
        struct note n = {.job = {.apply = apply_note}, .number = i};
        writer_post(w, &n.job);
        while (!writer_take(w))
            clock_sleep_ms(1);
        assert_int_equal(notes(c), i + 1);
    }
    writer_close(w, NULL);
    corpus_close(c);
}

/* A job that fails takes its transaction with it; everything after comes back failed too. */
static void test_failure_is_sticky(void **state)
{
    const char *path = scratch_path(state, "d.db");
    struct corpus *c = make(path);
    struct writer *w = writer_open(path, NULL, NULL);
    struct error error = {0};
    struct note good = {.job = {.apply = apply_note}, .number = 1};
    struct note bad = {.job = {.apply = apply_note}, .number = 2, .bad = true};
    struct note late = {.job = {.apply = apply_note}, .number = 3};
    writer_post(w, &good.job);
    assert_int_equal(writer_flush(w, &error), 0);
    writer_post(w, &bad.job);
    assert_int_equal(writer_flush(w, &error), -1);
    assert_string_equal(error.text, "no");
    writer_post(w, &late.job);
    assert_int_equal(writer_close(w, &error), -1);
    assert_int_equal(notes(c), 1);
    assert_false(good.job.failed);
    assert_true(bad.job.failed && late.job.failed);
    corpus_close(c);
}

/* ---- the ledger ------------------------------------------------------------------------------ */

static struct ledger_request request(int64_t id, int64_t prompt, int64_t teacher)
{
    return (struct ledger_request){.id = id,
                                   .prompt_id = prompt,
                                   .teacher_id = teacher,
                                   .key = {7, (uint64_t)id},
                                   .strategy = SLICE("respond"),
                                   .step = SLICE("respond")};
}

static int count_items(void *context, const struct ledger_item *item, struct error *error)
{
    (void)error;
    assert_true(slice_is(item->prompt.instruction, "ask"));
    assert_true(slice_is(item->prompt.input, ""));
    assert_null(item->prompt.system.data);
    ++*(int *)context;
    return 0;
}

static int check_body(void *context, const struct ledger_heard *h, struct error *error)
{
    (void)error;
    assert_true(slice_equal(h->body, *(struct slice *)context));
    assert_int_equal(h->item.request.id, 1);
    return 0;
}

static void check_totals(struct corpus *c, int64_t waiting, int64_t answered, int64_t failed)
{
    struct ledger_totals t;
    ledger_totals(c, &t);
    assert_int_equal(t.waiting, waiting);
    assert_int_equal(t.answered, answered);
    assert_int_equal(t.failed, failed);
}

/* Two requests of one prompt; both are in flight, one has its reply. */
static int64_t fill(struct corpus *c, struct compressor *z, struct slice body)
{
    struct error error = {0};
    struct ledger_prompt p = {.id = 1, .instruction = SLICE("ask"), .input = SLICE("")};
    assert_int_equal(corpus_begin(c, &error), 0);
    int64_t teacher = ledger_teacher(c, "openai", "http://x", "m", NULL, &error);
    assert_int_equal(teacher, ledger_teacher(c, "openai", "http://x", "m", "mit", &error));
    struct ledger_request r1 = request(1, 1, teacher), r2 = request(2, 1, teacher);
    assert_int_equal(ledger_prompt_add(c, &p, &error), 1);
    assert_int_equal(ledger_prompt_add(c, &p, &error), 0);
    assert_int_equal(ledger_request_add(c, &r1, &error), 0);
    assert_int_equal(ledger_request_add(c, &r2, &error), 0);
    struct ledger_request twice = r1;
    twice.id = 77;
    assert_int_equal(ledger_request_add(c, &twice, &error), 1);
    assert_int_equal(twice.id, 1);
    assert_int_equal(ledger_reserve(c, 1, 1000, 50, &error), 0);
    assert_int_equal(ledger_reserve(c, 2, 500, 25, &error), 0);
    struct ledger_reply y = {.id = 1, .request_id = 1, .status = 200, .body = body};
    assert_int_equal(ledger_reply_put(c, z, &y, &error), 0);
    assert_int_equal(corpus_commit(c, &error), 0);
    return teacher;
}

/* Request 2 was in flight and nobody knows: lost, at its worst; 1 has its reply. */
static void recover(struct corpus *c, struct slice *body)
{
    struct error error = {0};
    struct ledger_ids ids;
    struct ledger_totals t;
    assert_int_equal(ledger_next(c, &ids, &error), 0);
    assert_int_equal(ids.request, 3);
    assert_int_equal(corpus_begin(c, &error), 0);
    assert_int_equal(ledger_recover(c, 0, &ids.reply, 1, &error), 1);
    struct ledger_attempt a = {.id = 1, .request_id = 1, .status = 200, .nusd = 300};
    assert_int_equal(ledger_attempt_put(c, &a, &error), 0);
    struct ledger_end e = {
        .request_id = 1, .from = LEDGER_WAITING, .to = LEDGER_ANSWERED, .parsed = 1, .reply_id = 1};
    assert_int_equal(ledger_request_end(c, &e, &error), 0);
    assert_int_equal(corpus_commit(c, &error), 0);
    ledger_totals(c, &t);
    assert_int_equal(t.nusd, 800);
    assert_int_equal(t.reserved_nusd, 0);
    assert_int_equal(t.attempts, 2);
    assert_int_equal(ledger_unread(c, check_body, body, &error), 0);
    assert_int_equal(ledger_answer(c, 1, check_body, body, &error), 1);
    check_totals(c, 1, 1, 0);
}

static void test_ledger(void **state)
{
    struct corpus *c = make(scratch_path(state, "d.db"));
    struct compressor *z = compressor_new(1);
    struct error error = {0};
    char big[5000];
    struct slice body = slice_from(big, sizeof big);
    int waiting = 0;
    memset(big, 'x', sizeof big);
    int64_t teacher = fill(c, z, body);
    check_totals(c, 2, 0, 0);
    assert_int_equal(ledger_waiting(c, 0, 10, count_items, &waiting, &error), 2);
    assert_int_equal(waiting, 2);
    assert_int_equal(ledger_unread(c, check_body, &body, &error), 1);
    recover(c, &body);

    /* withdrawn by another plan, and taken up again by a third */
    struct ledger_request r1 = request(1, 1, teacher), r2 = request(2, 1, teacher);
    assert_int_equal(ledger_withdraw(c, &error), 1);
    check_totals(c, 0, 1, 1);
    assert_int_equal(ledger_request_add(c, &r2, &error), 2);
    check_totals(c, 1, 1, 0);
    struct ledger_end e = {.request_id = 2,
                           .from = LEDGER_WAITING,
                           .to = LEDGER_FAILED,
                           .cause = "reset"};
    assert_int_equal(ledger_request_end(c, &e, &error), 0);
    assert_int_equal(ledger_reopen(c, "torn", &error), 0);
    assert_int_equal(ledger_reopen(c, "reset", &error), 1);
    check_totals(c, 1, 1, 0);
    assert_int_equal(ledger_answered(c, r1.key, &error), 1);
    assert_int_equal(ledger_answered(c, r2.key, &error), 0);
    compressor_free(z);
    corpus_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_order_and_groups), scratch_test(test_prompt_first),
        scratch_test(test_taken_is_stored),  scratch_test(test_failure_is_sticky),
        scratch_test(test_ledger),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
