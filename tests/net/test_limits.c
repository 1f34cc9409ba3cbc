/* Durations, dates, Retry-After, rate limit headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/limits.h"

static int near(double a, double b)
{
    double d = a - b;
    return d < 1e-9 && d > -1e-9;
}

static void test_durations(void **state)
{
    static const struct {
        const char *text;
        double seconds;
    } good[] = {{"12ms", 0.012},    {"1s", 1},    {"6m0s", 360},    {"1h2m3s", 3723}, {"1.5s", 1.5},
                {"250us", 250e-6},  {"3", 3},     {"0", 0},         {" 2s ", 2},      {"1d", 86400},
                {"6m12.5s", 372.5}, {"0.5", 0.5}, {"1m500ms", 60.5}};
    static const char *const bad[] = {
        "",    "s",    "-1s", "1x",    "1s2", "ms",  "1 s",
        "abc", "1e3s", "--",  "1s-1s", "NaN", "inf", "9999999999999999s"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(near(limits_duration(slice_of(good[i].text)), good[i].seconds));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_true(limits_duration(slice_of(bad[i])) < 0);
}

static void test_dates(void **state)
{
    (void)state;
    const int64_t t = 784111777000; /* 1994-11-06 08:49:37 */
    assert_int_equal(limits_date(SLICE("Sun, 06 Nov 1994 08:49:37 GMT")), t);
    assert_int_equal(limits_date(SLICE("Sunday, 06-Nov-94 08:49:37 GMT")), t);
    assert_int_equal(limits_date(SLICE("Sun Nov  6 08:49:37 1994")), t);
    assert_int_equal(limits_date(SLICE("1994-11-06T08:49:37Z")), t);
    assert_int_equal(limits_date(SLICE("1994-11-06T08:49:37.123456Z")), t);
    assert_int_equal(limits_date(SLICE("1994-11-06T09:49:37+01:00")), t);
    assert_int_equal(limits_date(SLICE("2024-02-29T00:00:00Z")), 1709164800000);
    assert_int_equal(limits_date(SLICE("Thu, 29 Feb 2024 00:00:00 GMT")), 1709164800000);
    static const char *const bad[] = {"",
                                      "tomorrow",
                                      "Sun, 06 Foo 1994 08:49:37 GMT",
                                      "Sun, 06 Nov 1994 25:49:37 GMT",
                                      "1994-13-06T08:49:37Z",
                                      "1994-11-06",
                                      "Sun, 06 Nov 1994",
                                      "Sun Nov",
                                      ",",
                                      "Sun,",
                                      "1901-01-01T00:00:00Z",
                                      "1994-11-06T08:49:37"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(limits_date(slice_of(bad[i])), -1);
}

static void test_retry_after(void **state)
{
    (void)state;
    const int64_t now = 784111777000 - 5000;
    assert_true(near(limits_retry_after(SLICE("2"), now), 2));
    assert_true(near(limits_retry_after(SLICE("0.25"), now), 0.25));
    assert_true(near(limits_retry_after(SLICE("Sun, 06 Nov 1994 08:49:37 GMT"), now), 5));
    assert_true(near(limits_retry_after(SLICE("Sun, 06 Nov 1994 08:49:30 GMT"), now), 0));
    assert_true(limits_retry_after(SLICE("soon"), now) < 0);
    assert_true(limits_retry_after(SLICE("-3"), now) < 0);
}

static void test_headers(void **state)
{
    struct net_limits l;
    (void)state;
    limits_read(SLICE("Content-Type: application/json\r\n"
                      "X-RateLimit-Limit-Requests: 6000\r\nx-ratelimit-remaining-requests: 5999\r\n"
                      "x-ratelimit-reset-requests: 12ms\r\nx-ratelimit-limit-tokens: 200000\r\n"
                      "x-ratelimit-remaining-tokens: 0\r\nx-ratelimit-reset-tokens: 6m0s\r\n"),
                0, &l);
    assert_true(near(l.kind[LIMIT_REQUESTS].limit, 6000));
    assert_true(near(l.kind[LIMIT_REQUESTS].remaining, 5999));
    assert_true(near(l.kind[LIMIT_REQUESTS].reset_s, 0.012));
    assert_true(near(l.kind[LIMIT_TOKENS].remaining, 0));
    assert_true(near(l.kind[LIMIT_TOKENS].reset_s, 360));
    assert_true(l.kind[LIMIT_INPUT_TOKENS].limit < 0);
    assert_true(l.retry_after_s < 0);
    assert_int_equal(l.should_retry, -1);
    limits_read(SLICE("anthropic-ratelimit-input-tokens-limit: 50000\n"
                      "anthropic-ratelimit-input-tokens-remaining: 49000\n"
                      "anthropic-ratelimit-input-tokens-reset: 1994-11-06T08:49:37Z\n"
                      "retry-after: 7\nretry-after-ms: 150.5\nx-should-retry: true\n"),
                784111777000 - 9000, &l);
    assert_true(near(l.kind[LIMIT_INPUT_TOKENS].limit, 50000));
    assert_true(near(l.kind[LIMIT_INPUT_TOKENS].remaining, 49000));
    assert_true(near(l.kind[LIMIT_INPUT_TOKENS].reset_s, 9));
    assert_true(near(l.retry_after_s, 0.1505)); /* milliseconds win */
    assert_int_equal(l.should_retry, 1);
    limits_read(SLICE("x-ratelimit-limit-requests: -1\nx-ratelimit-remaining-requests: -1\n"
                      "x-ratelimit-limit-tokens: 0\nx-ratelimit-remaining-tokens: 0\n"
                      "retry-after-ms: x\nretry-after: 3\nx-should-retry: false\n"),
                0, &l);
    assert_true(l.kind[LIMIT_REQUESTS].limit < 0); /* Azure's way to say nothing */
    assert_true(l.kind[LIMIT_TOKENS].remaining < 0);
    assert_true(near(l.retry_after_s, 3));
    assert_int_equal(l.should_retry, 0);
    limits_read(SLICE(""), 0, &l);
    limits_read(SLICE("retry-after"), 0, &l);
    assert_true(l.retry_after_s < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_retry_after),
        cmocka_unit_test(test_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
