/* Pacing against a simulated server: nothing over the limit once the headers were seen, no stall,
 * and the limit is used. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "net/pace.h"

static const int64_t MS = 1000000;

/* A server with a token bucket, answering each request after a latency. */
struct server {
    double cap, level, per_ms;
    int64_t at, latency;
    int violations, answered;
};

struct flight {
    int64_t back;
    struct pace_ticket ticket;
    enum net_cause cause;
};

static void refill(struct server *s, int64_t now)
{
    s->level += (double)(now - s->at) / (double)MS * s->per_ms;
    s->level = s->level > s->cap ? s->cap : s->level;
    s->at = now;
}

static struct net_limits limits_of(struct server *s, int64_t now)
{
    struct net_limits l;
    refill(s, now);
    for (int k = 0; k < LIMIT_KINDS; k++)
        l.kind[k] = (struct net_limit){-1, -1, -1};
    l.kind[LIMIT_REQUESTS] =
        (struct net_limit){s->per_ms * 60000, s->level < 0 ? 0 : (double)(long)s->level,
                           (s->cap - s->level) / s->per_ms / 1000};
    l.retry_after_s = -1;
    l.should_retry = -1;
    return l;
}

/* Run for `ms`; headers: whether the server says its limits. */
static void simulate(struct server *s, struct pace *p, int64_t ms, int headers)
{
    static struct flight air[1024];
    int n = 0;
    s->level = s->cap;
    for (int64_t now = 0; now < ms * MS; now += MS) {
        for (int i = 0; i < n;) {
            if (air[i].back > now) {
                i++;
                continue;
            }
            struct net_limits l = limits_of(s, now);
            if (!headers)
                l.kind[LIMIT_REQUESTS] = (struct net_limit){-1, -1, -1};
            s->answered += air[i].cause == NET_OK;
            pace_done(p, &air[i].ticket, air[i].cause, &l, now);
            air[i] = air[--n];
        }
        while (n < 1024 && pace_wait(p, 10, 10, now) == 0) {
            refill(s, now);
            air[n].ticket = pace_sent(p, 10, 10, now);
            air[n].back = now + s->latency * MS;
            air[n].cause = s->level >= 1 ? NET_OK : NET_RATE_LIMIT;
            s->violations += s->level < 1;
            s->level -= s->level >= 1 ? 1 : 0;
            n++;
        }
    }
}

static void test_headers_are_kept(void **state)
{
    struct pace p;
    struct pace_config c = {.in_flight = 64};
    (void)state;
    /* 100 a second, a minute's burst, and one of a second only */
    struct server minute = {.cap = 6000, .per_ms = 0.1, .latency = 200};
    pace_init(&p, &c, 0);
    simulate(&minute, &p, 120000, 1);
    assert_int_equal(minute.violations, 0);
    assert_true(minute.answered > 6000 + 11000); /* the burst, and 95 % of the rate */
    struct server second = {.cap = 100, .per_ms = 0.1, .latency = 20};
    pace_init(&p, &c, 0);
    simulate(&second, &p, 60000, 1);
    assert_int_equal(second.violations, 0);
    assert_true(second.answered > 5000);
}

static void test_configured_limits(void **state)
{
    struct pace p;
    struct pace_config c = {.in_flight = 1000, .requests_per_minute = 600};
    struct server s = {.cap = 10, .per_ms = 0.01, .latency = 300};
    (void)state;
    pace_init(&p, &c, 0);
    simulate(&s, &p, 60000, 0);
    assert_int_equal(s.violations, 0);
    assert_true(s.answered >= 590);
    /* tokens: 20 a request, 1,200 a minute are 60 requests */
    c = (struct pace_config){.in_flight = 1000, .tokens_per_minute = 1200};
    s = (struct server){.cap = 1e9, .per_ms = 1e9, .latency = 5};
    pace_init(&p, &c, 0);
    simulate(&s, &p, 60000, 0);
    assert_in_range(s.answered, 55, 62);
    /* larger than the whole bucket: goes, one at a time */
    c = (struct pace_config){.in_flight = 10, .output_tokens_per_minute = 6};
    pace_init(&p, &c, 0);
    assert_int_equal(pace_wait(&p, 1, 100, 0), 0);
    (void)pace_sent(&p, 1, 100, 0);
    assert_true(pace_wait(&p, 1, 100, MS) > 0);
}

/* No headers, refusals: the window shrinks but never to nothing, and grows back. */
static void test_window(void **state)
{
    struct pace p;
    struct pace_config c = {.in_flight = 64};
    struct net_limits none;
    int64_t now = 0;
    (void)state;
    limits_read(SLICE(""), 0, &none);
    pace_init(&p, &c, 0);
    for (int i = 0; i < 2000; i++, now += MS) { /* a storm: never 0 */
        assert_int_equal(pace_wait(&p, 1, 1, now), 0);
        struct pace_ticket t = pace_sent(&p, 1, 1, now);
        pace_done(&p, &t, NET_RATE_LIMIT, &none, now);
    }
    assert_true(p.window >= 1 && p.window < 2);
    for (int i = 0; i < 5000; i++, now += MS) {
        struct pace_ticket t = pace_sent(&p, 1, 1, now);
        pace_done(&p, &t, NET_OK, &none, now);
    }
    assert_true(p.window >= 63);
    for (int i = 0; i < 5000; i++, now += MS) { /* one refusal in twenty is no reason */
        struct pace_ticket t = pace_sent(&p, 1, 1, now);
        pace_done(&p, &t, i % 20 ? NET_OK : NET_RATE_LIMIT, &none, now);
    }
    assert_true(p.window >= 63);
    for (int i = 0; i < 5000;
         i++, now += MS) { /* one in five, whatever we do: slower, not one by one */
        struct pace_ticket t = pace_sent(&p, 1, 1, now);
        pace_done(&p, &t, i % 5 ? NET_OK : NET_RATE_LIMIT, &none, now);
    }
    assert_true(p.window >= 6 && p.window <= 16);
}

/* Retry-After of one reply holds nobody else; of many in a row it holds the endpoint. */
static void test_hold(void **state)
{
    struct pace p;
    struct pace_config c = {.in_flight = 64};
    struct net_limits said;
    (void)state;
    limits_read(SLICE("retry-after: 2\n"), 0, &said);
    pace_init(&p, &c, 0);
    struct pace_ticket t = pace_sent(&p, 1, 1, 0);
    pace_done(&p, &t, NET_RATE_LIMIT, &said, 0);
    assert_int_equal(pace_wait(&p, 1, 1, MS), 0);
    for (int i = 0; i < 8; i++) {
        t = pace_sent(&p, 1, 1, 0);
        pace_done(&p, &t, NET_OVERLOADED, &said, 0);
    }
    assert_true(pace_wait(&p, 1, 1, MS) > 1900 * MS);
    assert_int_equal(pace_wait(&p, 1, 1, 2001 * MS), 0);
}

static void test_backoff(void **state)
{
    (void)state;
    for (int tries = 1; tries < 100; tries++) {
        assert_true(pace_backoff_ns(tries, 60, -1, 0) == 0);
        assert_true(pace_backoff_ns(tries, 60, -1, 0.999) <= 60000 * MS);
        assert_true(pace_backoff_ns(tries, 60, 1, 0) >= 1000 * MS); /* never early */
        assert_true(pace_backoff_ns(tries, 60, 1, 0.999) < 1200 * MS);
    }
    assert_true(pace_backoff_ns(1, 60, -1, 0.5) == 250 * MS);
    assert_true(pace_backoff_ns(3, 60, -1, 0.5) == 1000 * MS);
    assert_true(pace_backoff_ns(30, 1, -1, 0.999) < 1000 * MS);
    assert_true(pace_backoff_ns(30, 1, 2, 0) >= 2000 * MS);
    assert_true(pace_backoff_ns(1, 60, 1e300, 0.5) < 100000000 * MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers_are_kept), cmocka_unit_test(test_configured_limits),
        cmocka_unit_test(test_window),           cmocka_unit_test(test_hold),
        cmocka_unit_test(test_backoff),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
