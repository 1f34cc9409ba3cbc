/* The openai-completions provider: bodies byte for byte, the replies of three servers, scoring. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <cmocka.h>

#include "net/logprobs.h"
#include "tests/net/replies.h"

static const struct net_params plain = {.model = "m",
                                        .temperature = (double)NAN,
                                        .top_p = (double)NAN,
                                        .seed = -1,
                                        .n = 1,
                                        .top_logprobs = -1};

static const struct net_provider *provider(void)
{
    return net_provider_find("openai-completions");
}

static const char *body_of(struct net_request q)
{
    static const struct net_dialect canonical = {0};
    static struct buf out;
    static struct error error;
    buf_free(&out);
    out = BUF;
    return provider()->body(&q, &canonical, &out, &error) ? error.text : buf_text(&out);
}

static void test_bodies(void **state)
{
    struct net_params p = plain;
    struct net_request q = {.prompt = SLICE("<|user|>\n\"\xC3\xA9\""), .params = &p};
    (void)state;
#define HEAD "{\"model\":\"m\",\"prompt\":\"<|user|>\\n\\\"\xC3\xA9\\\"\""
    assert_string_equal(body_of(q), HEAD "}");
    struct json *stop = json_parse(SLICE("[\"\\n\\n\"]"), 0, NULL);
    struct json *extra = json_parse(SLICE("{\"return_tokens_as_token_ids\":true}"), 0, NULL);
    p = (struct net_params){.model = "m",
                            .max_tokens = 9,
                            .temperature = 0.5,
                            .top_p = 0.9,
                            .seed = 3,
                            .n = 2,
                            .top_logprobs = 5,
                            .stop = stop,
                            .extra = extra};
    assert_string_equal(body_of(q),
                        HEAD ",\"max_tokens\":9,\"temperature\":0.5,\"top_p\":0.9,\"seed\":3,"
                             "\"n\":2,\"stop\":[\"\\n\\n\"],\"logprobs\":5,"
                             "\"return_tokens_as_token_ids\":true}");
    json_free(stop);
    json_free(extra);
    p = plain;
    p.echo = true; /* score what stands there */
    p.top_logprobs = 0;
    assert_string_equal(body_of(q), HEAD ",\"max_tokens\":0,\"logprobs\":0,\"echo\":true}");
    static const int32_t tokens[] = {1, 29871, 0};
    q = (struct net_request){.tokens = tokens, .n_tokens = 3, .params = &p};
    p = plain;
    assert_string_equal(body_of(q), "{\"model\":\"m\",\"prompt\":[1,29871,0]}");
    q.n_tokens = 0;
    assert_non_null(strstr(body_of(q), "no tokens"));
    static const int32_t negative[] = {4, -1};
    q = (struct net_request){.tokens = negative, .n_tokens = 2, .params = &p};
    assert_non_null(strstr(body_of(q), "token 1 of the prompt is -1"));
}

static void test_what_it_cannot_say(void **state)
{
    struct net_params p = plain;
    struct net_message turn = {SLICE("user"), SLICE("hi")};
    struct net_request q = {.messages = &turn, .n_messages = 1, .params = &p};
    (void)state;
    assert_non_null(strstr(body_of(q), "for messages use openai"));
    p.reasoning_effort = "low";
    q = (struct net_request){.prompt = SLICE("x"), .params = &p};
    assert_non_null(strstr(body_of(q), "reasoning_effort"));
    assert_true(provider()->features & NET_RAW_PROMPT);
    assert_false(provider()->features & NET_CHAT);
}

static void read_file(const char *name, struct buf *text, struct net_reply *r)
{
    struct net_failure f;
    *text = reply_file(name);
    assert_int_equal(provider()->reply(buf_view(text), r, &f), 0);
}

static void test_token_ids(void **state)
{
    struct buf text;
    struct net_reply r;
    (void)state;
    read_file("completions_vllm.json", &text, &r);
    const struct net_logprobs *l = &r.choices[0].logprobs;
    assert_true(slice_is(r.choices[0].text, " Paris\xE2\x80\x94"));
    assert_true(slice_is(r.choices[0].finish_reason, "length"));
    assert_int_equal(l->n, 2);
    assert_int_equal(l->positions[0].sampled.id, 12095);
    assert_int_equal(l->positions[0].sampled.bytes.len, 0);
    assert_int_equal(l->positions[1].first, 2);
    assert_int_equal(l->positions[1].count, 3);
    assert_int_equal(l->top[3].id, 2293);
    assert_true(isnan(l->top[4].logprob)); /* -9999: not computed */
    assert_true(fabs(logprobs_tail(l, 0) - (1 - exp(-0.105) - exp(-3.5))) < 1e-6);
    assert_int_equal(r.usage.input, 6);
    assert_int_equal(r.usage.output, 2);
    net_reply_free(&r);
    buf_free(&text);
}

static void test_scoring(void **state)
{
    struct buf text;
    struct net_reply r;
    (void)state;
    read_file("completions_echo.json", &text, &r);
    const struct net_logprobs *l = &r.choices[0].logprobs;
    assert_int_equal(l->n, 4);
    assert_true(isnan(l->positions[0].sampled.logprob)); /* nothing stands before it */
    assert_int_equal(l->positions[0].count, 0);
    assert_true(slice_is(l->positions[1].sampled.bytes, " caf"));
    assert_true(fabsf(l->positions[1].sampled.logprob + 7.5f) < 1e-6f);
    assert_true(slice_is(l->positions[2].sampled.bytes, "\xC3\xA9"));
    assert_true(slice_is(l->top[l->positions[2].first + 2].bytes, "\xC3")); /* half a character */
    assert_int_equal(l->positions[3].count, 2); /* two ids of one text: both are kept */
    assert_true(r.usage.given);
    assert_int_equal(r.usage.output, 0);
    net_reply_free(&r);
    buf_free(&text);
}

static void test_llama(void **state)
{
    struct buf text;
    struct net_reply r;
    (void)state;
    read_file("completions_llama.json", &text, &r);
    const struct net_logprobs *l = &r.choices[0].logprobs;
    assert_int_equal(r.n_choices, 2);
    assert_int_equal(l->positions[0].sampled.id, 1378);
    assert_int_equal(l->top[1].id, 3026);
    assert_int_equal(l->top[1].bytes.len, 2);
    assert_int_equal(net_choice_cause(&r.choices[0]), NET_OK);
    assert_int_equal(net_choice_cause(&r.choices[1]), NET_EMPTY);
    assert_int_equal(r.choices[1].logprobs.n, 0);
    net_reply_free(&r);
    buf_free(&text);
}

static void test_malformed(void **state)
{
    static const char *const wrong[] = {"",
                                        " \n",
                                        "null",
                                        "[]",
                                        "{}",
                                        "\"x\"",
                                        "<html>",
                                        "{\"choices\":{}}",
                                        "{\"choices\":[]}",
                                        "{\"choices\":[3]}",
                                        "{\"choices\":[{\"text\":\"a\"},{\"text\":7}]}",
                                        "{\"choices\":[{\"message\":{\"content\":\"a\"}}]}",
                                        "{\"choices\":[{\"text\":[\"a\"]}]}",
                                        "{\"choices\":[{\"text\":\"a\"}]} x",
                                        "{\"choices\":[{\"text\":\"a\"}"};
    struct net_reply r;
    struct net_failure f;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(provider()->reply(slice_of(wrong[i]), &r, &f), -1);
        assert_int_equal(f.cause, NET_MALFORMED);
        assert_true(f.message[0] != '\0');
        net_reply_free(&r);
    }
    /* a null text is an empty answer; a NUL in it is text; broken UTF-8 is mended */
    assert_int_equal(provider()->reply(SLICE("{\"choices\":[{\"text\":null}]}"), &r, &f), 0);
    assert_int_equal(net_choice_cause(&r.choices[0]), NET_EMPTY);
    net_reply_free(&r);
    assert_int_equal(provider()->reply(SLICE("{\"choices\":[{\"text\":\"a\\u0000\xC3\"}]}"), &r,
                                       &f),
                     0);
    assert_int_equal(r.choices[0].text.len, 5);
    net_reply_free(&r);
}

/* Logprobs that make no sense cost the logprobs, never the answer that was paid. */
static void test_malformed_logprobs(void **state)
{
    static const char *const wrong[] = {"7",
                                        "[3]",
                                        "{\"tokens\":[\"a\",5]}",
                                        "{\"content\":[\"a\"]}",
                                        "{\"tokens\":{}}",
                                        "{\"content\":null}"};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct buf text = BUF;
        struct net_reply r;
        struct net_failure f;
        buf_printf(&text, "{\"choices\":[{\"text\":\"a\",\"logprobs\":%s}]}", wrong[i]);
        assert_int_equal(provider()->reply(buf_view(&text), &r, &f), 0);
        assert_true(slice_is(r.choices[0].text, "a"));
        assert_int_equal(r.choices[0].logprobs.n, 0);
        net_reply_free(&r);
        buf_free(&text);
    }
    static const char odd[] =
        "{\"choices\":[{\"text\":\"a\",\"logprobs\":{\"tokens\":[\"token_id:\",\"token_id:9x\","
        "\"token_id:99999999999\",\"bytes:\\\\xzz\",\"bytes:\",\"bytes:\\\\xc3\\\\x\"],"
        "\"token_logprobs\":[-1,\"x\",7],\"top_logprobs\":[5,{\"a\":\"b\"}]}}]}";
    struct net_reply r;
    struct net_failure f;
    assert_int_equal(provider()->reply(slice_of(odd), &r, &f), 0);
    const struct net_logprobs *l = &r.choices[0].logprobs;
    assert_int_equal(l->n, 6);
    for (size_t i = 0; i < l->n; i++)
        assert_int_equal(l->positions[i].sampled.id, -1);
    assert_true(slice_is(l->positions[3].sampled.bytes, "bytes:\\xzz"));
    assert_true(isnan(l->positions[1].sampled.logprob));
    assert_true(isnan(l->positions[2].sampled.logprob)); /* more than certain */
    assert_int_equal(l->positions[1].count, 1);
    net_reply_free(&r);
}

static void test_damaged(void **state)
{
    static const char *const files[] = {"completions_vllm.json", "completions_echo.json",
                                        "completions_llama.json"};
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct buf text = reply_file(files[i]);
        assert_true(reply_damage(provider(), slice_trim(buf_view(&text))) > text.len - 3);
        buf_free(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies),    cmocka_unit_test(test_what_it_cannot_say),
        cmocka_unit_test(test_token_ids), cmocka_unit_test(test_scoring),
        cmocka_unit_test(test_llama),     cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_damaged),   cmocka_unit_test(test_malformed_logprobs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
