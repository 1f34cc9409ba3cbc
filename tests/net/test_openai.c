/* The openai provider: bodies byte for byte (they are the key of what was paid), replies, errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "net/net.h"

static const struct net_params plain = {.model = "m",
                                        .temperature = (double)NAN,
                                        .top_p = (double)NAN,
                                        .seed = -1,
                                        .n = 1,
                                        .top_logprobs = -1};

static const char *body_of(const struct net_params *p, struct net_dialect d)
{
    static struct buf out;
    struct net_message turns[] = {{SLICE("system"), SLICE("be brief")},
                                  {SLICE("user"), SLICE("say \"hi\"\n\xC3\xA9")}};
    struct net_request q = {.messages = turns, .n_messages = 2, .params = p};
    struct error error = {0};
    buf_free(&out);
    out = BUF;
    assert_int_equal(net_provider_find("openai")->body(&q, &d, &out, &error), 0);
    return buf_text(&out);
}

#define TURNS                                                                                      \
    "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"be brief\"},"               \
    "{\"role\":\"user\",\"content\":\"say \\\"hi\\\"\\n\xC3\xA9\"}]"

static void test_bodies(void **state)
{
    struct net_params p = plain;
    struct net_dialect canonical = {0}, old = {.max_tokens_old = true}, bare = {.no_schema = true};
    (void)state;
    assert_string_equal(body_of(&p, canonical), TURNS "}");
    p.max_tokens = 99;
    p.temperature = 0.7;
    p.top_p = 1;
    p.seed = 5;
    p.n = 3;
    p.top_logprobs = 4;
    p.reasoning_effort = "low";
    assert_string_equal(body_of(&p, canonical),
                        TURNS ",\"max_completion_tokens\":99,\"temperature\":0.7,\"top_p\":1,"
                              "\"seed\":5,\"n\":3,\"logprobs\":true,\"top_logprobs\":4,"
                              "\"reasoning_effort\":\"low\"}");
    p = plain;
    p.max_tokens = 99;
    assert_string_equal(body_of(&p, old), TURNS ",\"max_tokens\":99}");
    struct json *schema = json_parse(SLICE("{\"type\":\"object\"}"), 0, NULL);
    p = plain;
    p.schema = schema;
    assert_string_equal(body_of(&p, canonical),
                        TURNS ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":"
                              "{\"name\":\"reply\",\"schema\":{\"type\":\"object\"},"
                              "\"strict\":true}}}");
    assert_string_equal(body_of(&p, bare), TURNS "}");
    json_free(schema);
    struct json *extra = json_parse(SLICE("{\"top_k\":40,\"temperature\":0}"), 0, NULL);
    struct json *stop = json_parse(SLICE("[\"a\",\"b\"]"), 0, NULL);
    p = plain;
    p.temperature = 0.7;
    p.extra = extra;
    p.stop = stop;
    assert_string_equal(body_of(&p, canonical),
                        TURNS ",\"stop\":[\"a\",\"b\"],\"top_k\":40,\"temperature\":0}");
    json_free(extra);
    json_free(stop);
}

static enum net_cause classify(int status, const char *body)
{
    struct net_failure f;
    net_provider_find("openai")->failure(status, slice_of(body), &f);
    assert_true(strlen(f.message) < sizeof f.message);
    return f.cause;
}

static void test_errors(void **state)
{
    (void)state;
#define E(type, code, param)                                                                       \
    "{\"error\":{\"message\":\"m\",\"type\":\"" type "\",\"param\":" param ",\"code\":" code "}}"
    assert_int_equal(classify(429, E("requests", "\"rate_limit_exceeded\"", "null")),
                     NET_RATE_LIMIT);
    assert_int_equal(classify(429, E("insufficient_quota", "null", "null")), NET_QUOTA);
    assert_int_equal(classify(429, E("x", "\"project_spend_limit_exceeded\"", "null")), NET_QUOTA);
    assert_int_equal(classify(429, "{\"error\":{\"message\":\"Request too large for m\"}}"),
                     NET_CONTEXT_LENGTH);
    assert_int_equal(classify(402, ""), NET_QUOTA);
    assert_int_equal(classify(401, "<html>"), NET_AUTH);
    assert_int_equal(classify(403, "{\"error\":{\"message\":\"Input was flagged\"}}"),
                     NET_CONTENT_FILTER);
    assert_int_equal(classify(404, "not json"), NET_MODEL);
    assert_int_equal(classify(307, ""), NET_MODEL);
    assert_int_equal(classify(503, ""), NET_OVERLOADED);
    assert_int_equal(classify(500, E("x", "\"slow_down\"", "null")), NET_OVERLOADED);
    assert_int_equal(classify(502, "<html>"), NET_SERVER_ERROR);
    assert_int_equal(classify(400, E("x", "\"context_length_exceeded\"", "\"messages\"")),
                     NET_CONTEXT_LENGTH);
    assert_int_equal(classify(400,
                              "{\"object\":\"error\",\"message\":\"This model's maximum context "
                              "length is 4096\",\"code\":400}"),
                     NET_CONTEXT_LENGTH);
    assert_int_equal(classify(400, "{\"error\":{\"type\":\"exceed_context_size_error\"}}"),
                     NET_CONTEXT_LENGTH);
    assert_int_equal(classify(400, E("x", "\"content_filter\"", "null")), NET_CONTENT_FILTER);
    assert_int_equal(classify(400, E("x", "\"unsupported_parameter\"", "\"logprobs\"")),
                     NET_PARAMETER);
    assert_int_equal(classify(400, E("x", "null", "\"messages.0.content\"")), NET_BAD_REQUEST);
    assert_int_equal(classify(400, E("x", "null", "null")), NET_BAD_REQUEST);
    assert_int_equal(classify(422, "{\"detail\":\"x\"}"), NET_BAD_REQUEST);
    char long_body[3000];
    memset(long_body, 0xc3, sizeof long_body - 1); /* no UTF-8 */
    long_body[sizeof long_body - 1] = '\0';
    assert_int_equal(classify(500, long_body), NET_SERVER_ERROR);
}

/* Half an account is none: a budget counts the worst case then. */
static void test_usage(void **state)
{
    static const struct {
        const char *usage;
        bool given;
        int64_t input, output;
    } cases[] = {
        {"{\"prompt_tokens\":7,\"completion_tokens\":5}", true, 7, 5},
        {"{\"prompt_tokens\":7,\"total_tokens\":12}", true, 7, 5},
        {"{\"prompt_tokens\":7}", false, 7, 0},
        {"{\"completion_tokens\":5}", false, 0, 5},
        {"{\"prompt_tokens\":-5,\"completion_tokens\":5}", false, 0, 5},
        {"{\"prompt_tokens\":7,\"completion_tokens\":1e300}", false, 7, 0},
        {"{\"prompt_tokens\":7,\"completion_tokens\":\"5\"}", false, 7, 0},
        {"null", false, 0, 0},
        {"[]", false, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf text = BUF;
        struct net_reply r;
        struct net_failure f;
        buf_printf(&text, "{\"choices\":[{\"message\":{\"content\":\"a\"}}],\"usage\":%s}",
                   cases[i].usage);
        assert_int_equal(net_provider_find("openai")->reply(buf_view(&text), &r, &f), 0);
        assert_int_equal(r.usage.given, cases[i].given);
        assert_int_equal(r.usage.input, cases[i].input);
        assert_int_equal(r.usage.output, cases[i].output);
        net_reply_free(&r);
        buf_free(&text);
    }
}

static void test_reply(void **state)
{
    static const char text[] =
        "{\"id\":\"x1\",\"model\":\"m-7\",\"choices\":["
        "{\"index\":1,\"message\":{\"content\":null,\"refusal\":\"no\"},\"finish_reason\":\"stop\"}"
        ","
        "{\"message\":{\"content\":\"yes\",\"reasoning\":\"because\",\"tool_calls\":[]},"
        "\"finish_reason\":\"length\",\"logprobs\":{\"content\":[{\"token\":\"yes\",\"bytes\":[121,"
        "101,115],\"logprob\":-0.5,\"top_logprobs\":[{\"token\":\"yes\",\"bytes\":[121,101,115],"
        "\"logprob\":-0.5},{\"token\":\"no\",\"bytes\":null,\"logprob\":-9999.0}]}]}}],"
        "\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":4,\"prompt_tokens_details\":"
        "{\"cached_tokens\":8},\"completion_tokens_details\":{\"reasoning_tokens\":2}}}";
    struct net_reply r;
    struct net_failure f;
    (void)state;
    assert_int_equal(net_provider_find("openai")->reply(slice_of(text), &r, &f), 0);
    assert_int_equal(r.n_choices, 2);
    assert_int_equal(net_choice_cause(&r.choices[0]), NET_REFUSAL);
    assert_int_equal(r.choices[0].index, 1);
    const struct net_choice *c = &r.choices[1];
    assert_int_equal(net_choice_cause(c), NET_OK);
    assert_true(slice_is(c->text, "yes"));
    assert_true(slice_is(c->reasoning, "because"));
    assert_true(slice_is(c->finish_reason, "length"));
    assert_int_equal(c->logprobs.n, 1);
    assert_int_equal(c->logprobs.n_top, 2);
    assert_true(slice_is(c->logprobs.positions[0].sampled.bytes, "yes"));
    assert_true(isnan(c->logprobs.top[1].logprob));
    assert_true(slice_is(c->logprobs.top[1].bytes, "no"));
    assert_true(r.usage.given);
    assert_int_equal(r.usage.input, 10);
    assert_int_equal(r.usage.cached, 8);
    assert_int_equal(r.usage.reasoning, 2);
    assert_true(slice_is(r.model, "m-7"));
    net_reply_free(&r);
    /* damaged at every byte: an answer or a failure, never a crash */
    char cut[sizeof text];
    for (size_t i = 0; i < sizeof text - 1; i++) {
        memcpy(cut, text, sizeof text);
        cut[i] = (char)(cut[i] ^ 0x15);
        (void)net_provider_find("openai")->reply(slice_from(cut, sizeof text - 1), &r, &f);
        net_reply_free(&r);
        (void)net_provider_find("openai")->reply(slice_from(text, i), &r, &f);
        net_reply_free(&r);
    }
}

static void test_adapt(void **state)
{
    const struct net_provider *p = net_provider_find("openai");
    struct net_dialect sent = {0}, now = {0};
    struct net_failure f = {NET_PARAMETER, "unknown", "max_completion_tokens"};
    (void)state;
    assert_true(p->adapt(&f, &sent, &now));
    assert_true(now.max_tokens_old);
    assert_true(p->adapt(&f, &sent, &now)); /* another of the same time: already adapted */
    assert_true(now.max_tokens_old);
    struct net_failure other = {NET_PARAMETER, "no", "temperature"};
    assert_false(p->adapt(&other, &sent, &now));
    struct net_failure limited = {NET_RATE_LIMIT, "max_completion_tokens", ""};
    assert_false(p->adapt(&limited, &sent, &now));
}

static void test_headers(void **state)
{
    struct net_headers h = {.n = 0};
    struct error error = {0};
    (void)state;
    assert_int_equal(net_provider_find("openai")->headers("k", &h, &error), 0);
    assert_string_equal(h.line[1], "Authorization: Bearer k");
    assert_int_equal(net_headers_add(&h, "x", "a\r\nInjected: 1", &error), -1);
    assert_int_equal(net_headers_add(&h, "a:b", "c", &error), -1);
    net_headers_free(&h);
    assert_int_equal(h.n, 0);
}

static void test_causes(void **state)
{
    (void)state;
    for (int c = 0; c < NET_CAUSES; c++)
        assert_int_equal(net_cause_of(net_cause_name((enum net_cause)c)), c);
    assert_int_equal(net_cause_of("nonsense"), NET_CAUSES);
    for (int c = 0; c < NET_CAUSES; c++)
        if (net_cause_class((enum net_cause)c) == NET_RUN_FATAL)
            assert_true(strlen(net_cause_remedy((enum net_cause)c)) > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies), cmocka_unit_test(test_errors),
        cmocka_unit_test(test_usage),  cmocka_unit_test(test_reply),
        cmocka_unit_test(test_adapt),  cmocka_unit_test(test_headers),
        cmocka_unit_test(test_causes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
