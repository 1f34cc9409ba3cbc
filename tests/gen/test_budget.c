/*
 * Budgets as a property: whatever the cap, the number in flight, the faults and the kills, what is
 * spent and reserved never passes the cap, and the teacher never sees more than it allows.
 * RETORT_ROUNDS=200 makes it long.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/clock.h"
#include "core/rng.h"
#include "tests/gen/rig.h"

enum { PROMPTS = 120 };

struct round {
    char set[3][64]; /* cap, in flight, retries */
    const char *spent;
    int64_t cap;
    bool counts_requests;
};

static struct round draw(struct rng *rng)
{
    static const char *const spent[] = {
        ("SELECT ifnull(sum(nusd), 0) + (SELECT sum(reserved_nusd) FROM request) FROM attempt"),
        ("SELECT ifnull(sum(input_tokens + output_tokens), 0) +"
         " (SELECT sum(reserved_tokens) FROM request) FROM attempt"),
        ("SELECT count(*) + (SELECT count(*) FROM request WHERE reserved_tokens > 0) FROM attempt"),
    };
    struct round x = {0};
    uint64_t kind = rng_below(rng, 3);
    x.spent = spent[kind];
    x.counts_requests = kind == 2;
    x.cap = kind == 0   ? (int64_t)(1 + rng_below(rng, 30)) * 100000000
            : kind == 1 ? 200 + (int64_t)rng_below(rng, 8000)
                        : 5 + (int64_t)rng_below(rng, 150);
    if (kind == 0)
        snprintf(x.set[0], sizeof x.set[0], "gen.budget_usd=%.9f", (double)x.cap / 1e9);
    else
        snprintf(x.set[0], sizeof x.set[0], "gen.budget_%s=%lld", kind == 1 ? "tokens" : "requests",
                 (long long)x.cap);
    snprintf(x.set[1], sizeof x.set[1], "teacher.in_flight=%d", 1 + (int)rng_below(rng, 64));
    snprintf(x.set[2], sizeof x.set[2], "gen.retries=%d", (int)rng_below(rng, 4));
    return x;
}

static int run(struct rig *r, const struct round *x)
{
    return rig_run(r, "teacher.price.input=1000", "teacher.price.output=2000", "gen.max_tokens=20",
                   x->set[0], x->set[1], x->set[2]);
}

static void prompts(struct rig *r, struct rng *rng)
{
    static const char *const faults[] = {
        "", "", "", "{{500 1}}", "{{429ms 1}}", "{{torn 1}}", "{{reset 1}}", "{{badjson 1}}"};
    struct buf b = BUF;
    for (int i = 0; i < PROMPTS; i++)
        buf_printf(&b, "{\"instruction\":\"q%d %s\"}\n", i,
                   faults[rng_below(rng, sizeof faults / sizeof *faults)]);
    rig_file(r, "p.jsonl", buf_text(&b));
    buf_free(&b);
}

static void test_budget_property(void **state)
{
    const char *s = getenv("RETORT_ROUNDS");
    int rounds = s ? atoi(s) : 12, killed = 0, checks = 0, reached = 0;
    struct rng rng = rng_new(11, 1);
    (void)state;
    for (int k = 0; k < rounds; k++) {
        struct rig *r = rig_new();
        struct round x = draw(&rng);
        rig_server(r, "latency=4", NULL, NULL);
        prompts(r, &rng);
        corpus_close(corpus_open(r->dataset, CORPUS_CREATE, NULL));
        for (int kills = (int)rng_below(&rng, 3); kills > 0; kills--) {
            int ms = 10 + (int)rng_below(&rng, 80), status;
            pid_t child = fork();
            if (child == 0) {
                run(r, &x);
                _exit(0);
            }
            clock_sleep_ms(ms);
            kill(child, SIGKILL);
            waitpid(child, &status, 0);
            killed += WIFSIGNALED(status);
            assert_true(rig_number(r, x.spent) <= x.cap);
            checks++;
        }
        reached += run(r, &x) != 0;
        assert_true(rig_number(r, x.spent) <= x.cap);
        assert_int_equal(rig_number(r, "SELECT sum(reserved_nusd + reserved_tokens) FROM request"),
                         0);
        assert_true(!x.counts_requests || rig_stat(r, "requests") <= x.cap);
        checks++;
        rig_free(r);
    }
    print_message("budget property: %d rounds, %d runs killed, %d checks of spent + reserved <= "
                  "cap, %d runs stopped, 0 violations\n",
                  rounds, killed, checks, reached);
    assert_true(reached > 0);
}

/* A picture of a few bytes costs as much as its provider counts for it: the cap holds with that. */
static void test_pictures(void **state)
{
    static const char *const part[] = {
        "{\"type\":\"image_url\",\"image_url\":{\"url\":\"http://x/a.png\"}}",
        "{\"type\":\"tool_result\",\"content\":[{\"type\":\"image\",\"source\":{}}]}",
        "{\"type\":\"file\",\"file\":{\"file_id\":\"f1\"}}",
    };
    static const struct {
        int part;
        const char *cap, *bound;
        enum error_code code; /* ERROR_NONE: it is asked */
    } cases[] = {
        {0, "gen.budget_tokens=65000", "teacher.weight=1", ERROR_PARTIAL},
        {0, "gen.budget_tokens=66000", "teacher.weight=1", ERROR_NONE},
        {0, "gen.budget_usd=65", "teacher.weight=1", ERROR_PARTIAL},
        {0, "gen.budget_tokens=2000", "teacher.part_tokens=1600", ERROR_NONE},
        {0, "gen.budget_tokens=1500", "teacher.part_tokens=1600", ERROR_PARTIAL},
        {1, "gen.budget_tokens=65000", "teacher.weight=1", ERROR_PARTIAL},
        {2, "gen.budget_tokens=100000000", "teacher.weight=1", ERROR_USAGE},
        {2, "gen.budget_requests=5", "teacher.weight=1", ERROR_NONE},
        {2, "gen.budget_tokens=9000", "teacher.part_tokens=8000", ERROR_NONE},
    };
    (void)state;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        struct rig *r = rig_new();
        char line[400];
        rig_server(r, NULL, NULL, NULL);
        snprintf(line, sizeof line,
                 "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":"
                 "\"what is it?\"},%s]}]}\n",
                 part[cases[k].part]);
        rig_file(r, "p.jsonl", line);
        int rc = rig_run(r, "teacher.price.input=1000", "teacher.price.output=1000",
                         "gen.max_tokens=20", cases[k].cap, cases[k].bound);
        assert_int_equal(rc, cases[k].code ? -1 : 0);
        assert_int_equal(r->error.code, cases[k].code);
        assert_int_equal(rig_stat(r, "requests"), !cases[k].code);
        if (cases[k].code == ERROR_USAGE) {
            print_message("%s\n", r->error.text);
            assert_non_null(strstr(r->error.text, "p.jsonl:1"));
            assert_non_null(strstr(r->error.text, "teacher.part_tokens"));
        }
        rig_free(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_budget_property),
                                       cmocka_unit_test(test_pictures)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
