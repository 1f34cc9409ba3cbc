/* Logprobs in the forms that servers document, body by body. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/logprobs.h"

#include <math.h>

static struct arena arena;
static struct json *tree;

static struct net_logprobs read_text(const char *text)
{
    struct net_logprobs l;
    arena = ARENA;
    tree = json_parse(slice_of(text), 0, NULL);
    assert_non_null(tree);
    assert_int_equal(logprobs_read(tree, &arena, &l), 0);
    return l;
}

static void done(void)
{
    json_free(tree);
    arena_free(&arena);
}

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-6;
}

/* Half a character: its text is U+FFFD, its bytes are what counts. */
static void test_openai(void **state)
{
    (void)state;
    struct net_logprobs l = read_text(
        "{\"content\":[{\"token\":\"\\\\xf0\\\\x9f\",\"bytes\":[240,159],\"logprob\":-0.25,"
        "\"top_logprobs\":[{\"token\":\"\\\\xf0\\\\x9f\",\"bytes\":[240,159],\"logprob\":-0.25},"
        "{\"token\":\"<|end|>\",\"bytes\":null,\"logprob\":-9999.0}]}],\"refusal\":null}");
    assert_int_equal(l.n, 1);
    assert_true(slice_is(l.positions[0].sampled.bytes, "\xF0\x9F"));
    assert_int_equal(l.positions[0].sampled.id, -1);
    assert_true(slice_is(l.top[1].bytes, "<|end|>"));
    assert_true(isnan(l.top[1].logprob));
    assert_true(near(logprobs_tail(&l, 0), 1 - exp(-0.25)));
    done();
}

/* return_tokens_as_token_ids: the bytes of a candidate spell its name. */
static void test_vllm_ids(void **state)
{
    (void)state;
    struct net_logprobs l = read_text(
        "{\"content\":[{\"token\":\"token_id:42\",\"logprob\":-0.5,\"bytes\":[72,105],"
        "\"top_logprobs\":[{\"token\":\"token_id:42\",\"logprob\":-0.5,\"bytes\":"
        "[116,111,107,101,110,95,105,100,58,52,50]},{\"token\":\"token_id:7\",\"logprob\":-1.5,"
        "\"bytes\":[116,111,107,101,110,95,105,100,58,55]}]}]}");
    assert_int_equal(l.positions[0].sampled.id, 42);
    assert_true(slice_is(l.positions[0].sampled.bytes, "Hi"));
    assert_int_equal(l.top[0].id, 42);
    assert_int_equal(l.top[0].bytes.len, 0);
    assert_int_equal(l.top[1].id, 7);
    assert_int_equal(l.top[1].bytes.len, 0);
    assert_true(near(logprobs_tail(&l, 0), 1 - exp(-0.5) - exp(-1.5))); /* 42 once */
    done();
}

/* A text that only looks like an id is a text. */
static void test_not_an_id(void **state)
{
    (void)state;
    struct net_logprobs l =
        read_text("{\"content\":[{\"token\":\"token_id:x\",\"logprob\":-0.5,"
                  "\"bytes\":[116],\"top_logprobs\":[]},{\"token\":"
                  "\"token_id:99999999999\",\"logprob\":-0.5,\"bytes\":null}]}");
    assert_int_equal(l.positions[0].sampled.id, -1);
    assert_true(slice_is(l.positions[0].sampled.bytes, "t"));
    assert_int_equal(l.positions[1].sampled.id, -1);
    assert_true(slice_is(l.positions[1].sampled.bytes, "token_id:99999999999"));
    done();
}

/* completion_probabilities of /completion, and the chat's content, which has ids too. */
static void test_llama(void **state)
{
    static const char *const forms[] = {
        "[{\"id\":1378,\"token\":\" two\",\"bytes\":[32,116,119,111],\"logprob\":-0.5,"
        "\"top_logprobs\":[{\"id\":1378,\"token\":\" two\",\"bytes\":[32,116,119,111],\"logprob\":"
        "-0.5},{\"id\":3026,\"token\":\"\",\"bytes\":[240,159],\"logprob\":-1.75}]}]",
        "{\"content\":[{\"id\":1378,\"token\":\" two\",\"bytes\":[32,116,119,111],\"logprob\":-0.5,"
        "\"top_logprobs\":[{\"id\":1378,\"token\":\" two\",\"bytes\":[32,116,119,111],\"logprob\":"
        "-0.5},{\"id\":3026,\"token\":\"\",\"bytes\":[240,159],\"logprob\":-1.75}]}]}"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct net_logprobs l = read_text(forms[i]);
        assert_int_equal(l.n, 1);
        assert_int_equal(l.positions[0].sampled.id, 1378);
        assert_int_equal(l.top[1].id, 3026);
        assert_true(slice_is(l.top[1].bytes, "\xF0\x9F"));
        assert_true(near(logprobs_tail(&l, 0), 1 - exp(-0.5) - exp(-1.75)));
        done();
    }
}

static void test_llama_probs(void **state)
{
    (void)state;
    struct net_logprobs l = read_text("[{\"id\":5,\"token\":\"a\",\"bytes\":[97],\"prob\":0.75,"
                                      "\"top_probs\":[{\"id\":5,\"token\":"
                                      "\"a\",\"bytes\":[97],\"prob\":0.75},{\"id\":6,\"token\":"
                                      "\"b\",\"bytes\":[98],\"prob\":0.0}]}]");
    assert_true(near((double)l.positions[0].sampled.logprob, log(0.75)));
    assert_true(isnan(l.top[1].logprob));
    assert_true(near(logprobs_tail(&l, 0), 0.25));
    done();
}

/* More and fewer candidates than asked for; distinct ids of one text. */
static void test_completions(void **state)
{
    (void)state;
    struct net_logprobs l = read_text(
        "{\"text_offset\":[0,1],\"tokens\":[\"token_id:3\",\"token_id:4\"],\"token_logprobs\":"
        "[null,-0.125],\"top_logprobs\":[null,{\"token_id:4\":-0.125,\"token_id:5\":-3,"
        "\"token_id:6\":-9999.0}]}");
    assert_int_equal(l.n, 2);
    assert_true(isnan(l.positions[0].sampled.logprob));
    assert_int_equal(l.positions[0].count, 0);
    assert_int_equal(l.positions[1].count, 3);
    assert_int_equal(l.top[1].id, 5);
    assert_true(isnan(l.top[2].logprob));
    done();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_openai),      cmocka_unit_test(test_vllm_ids),
        cmocka_unit_test(test_not_an_id),   cmocka_unit_test(test_llama),
        cmocka_unit_test(test_llama_probs), cmocka_unit_test(test_completions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
