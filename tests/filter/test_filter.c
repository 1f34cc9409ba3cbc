/* The stage on a dataset: verdicts, identity over threads and orders, increments, a person's word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/json.h"
#include "core/rng.h"
#include "corpus/corpus.h"
#include "corpus/samples.h"
#include "corpus/sql.h"
#include "corpus/verdicts.h"
#include "filter/filter.h"
#include "tests/corpus/scratch.h"
#include "tests/filter/staging.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BASES = 120, FILE_ROWS = 3 * BASES };

struct text {
    char name[16], instruction[256], output[1024];
};

static const char *const words[] = {"river",  "bridge",  "market", "winter",  "copper", "garden",
                                    "letter", "harbour", "engine", "mirror",  "planet", "silver",
                                    "window", "forest",  "candle", "teacher", "island", "pepper",
                                    "bottle", "thunder", "carpet", "village", "ladder", "needle"};

static void sentence(struct rng *r, char *to, size_t n)
{
    size_t at = 0;
    for (size_t i = 0; i < n; i++)
        at += (size_t)snprintf(to + at, 16, "%s%s", words[rng_below(r, 24)], i + 1 < n ? " " : ".");
}

/* Bases, exact copies of some in capitals, and near copies with one word changed. */
static struct text *make_rows(void)
{
    struct text *t = calloc(FILE_ROWS, sizeof *t);
    struct rng r = rng_new(42, 42);
    for (size_t i = 0; i < FILE_ROWS; i++) {
        (void)snprintf(t[i].name, sizeof t[i].name, "r%zu", i);
        if (i < BASES) {
            sentence(&r, t[i].instruction, 8);
            sentence(&r, t[i].output, 60);
            continue;
        }
        memcpy(t[i].instruction, t[i % BASES].instruction, sizeof t[i].instruction);
        memcpy(t[i].output, t[i % BASES].output, sizeof t[i].output);
        if (i % 3 == 0)
            t[i].output[0] ^= 0x20; /* case alone */
        else if (i % 3 == 1)
            memcpy(strchr(strchr(t[i].output, ' ') + 1, ' '), " q", 2); /* a word edited */
        else
            sentence(&r, t[i].output, 60); /* another answer */
    }
    memcpy(t[5].output, "I cannot provide that information to you.", 42);
    return t;
}

static void add(struct corpus *c, const struct text *t)
{
    struct error e;
    struct sample s = {.name = slice_of(t->name),
                       .source = SLICE("test"),
                       .instruction = slice_of(t->instruction),
                       .output = slice_of(t->output)};
    assert_int_equal(samples_add(c, &s, &e), 1);
}

static struct json *run(struct corpus *c, const char *set, const struct filter_options *o)
{
    const char *sets[] = {"filter.near.threshold=0.8", set};
    struct error e = {ERROR_NONE, ""};
    struct buf report = BUF;
    struct recipe *r = recipe_load(NULL, sets, set != NULL ? 2 : 1, NULL, &e);
    if (r == NULL || filter_run(r, c, o, NULL, &report, &e) != 0)
        fail_msg("%s", e.text);
    struct json *j = json_parse(buf_view(&report), 0, &e);
    assert_non_null(j);
    recipe_free(r);
    buf_free(&report);
    return j;
}

static int64_t removed(const struct json *report)
{
    int64_t n = -1;
    assert_int_equal(json_integer(json_path(report, "rows.removed"), &n), 0);
    return n;
}

static void shuffle(struct text *t, size_t n, uint64_t seed)
{
    struct rng r = rng_new(seed, 0);
    for (size_t i = n; i > 1; i--) {
        const size_t k = rng_below(&r, (uint32_t)i);
        const struct text swap = t[i - 1];
        t[i - 1] = t[k];
        t[k] = swap;
    }
}

/* The same rows in any order, with any number of threads: the same rows stay, with the same
 * verdicts. */
static void test_digest(void **state)
{
    static const char *const threads[] = {"threads=1", "threads=3", "threads=8"};
    struct text *rows = make_rows();
    uint64_t kept = 0, verdicts = 0;
    for (int round = 0; round < 3; round++) {
        char name[16];
        (void)snprintf(name, sizeof name, "d%d.db", round);
        struct corpus *c = make(scratch_path(state, name));
        for (size_t i = 0; i < FILE_ROWS; i++)
            add(c, &rows[i]);
        struct json *j = run(c, threads[round], &(struct filter_options){0});
        assert_true(removed(j) > 50);
        if (round == 0) {
            kept = kept_digest(c);
            verdicts = verdict_digest(c);
        }
        assert_true(kept_digest(c) == kept);
        assert_true(verdict_digest(c) == verdicts);
        json_free(j);
        corpus_close(c);
        shuffle(rows, FILE_ROWS, (uint64_t)round);
    }
    free(rows);
}

/* A dry run writes nothing; a second run changes nothing; new rows are compared with old ones, and
 * the old verdicts stay. */
static void test_increments(void **state)
{
    struct text *rows = make_rows();
    struct corpus *c = make(scratch_path(state, "i.db"));
    struct error e;
    int64_t judged = -1;
    for (size_t i = 0; i < BASES; i++)
        add(c, &rows[i]);
    json_free(run(c, NULL, &(struct filter_options){.dry_run = true}));
    assert_int_equal(samples_count(c, SAMPLES_REMOVED, &e), 0);
    json_free(run(c, NULL, &(struct filter_options){0}));
    const uint64_t before = verdict_digest(c);
    struct json *again = run(c, NULL, &(struct filter_options){0});
    assert_int_equal(json_integer(json_get(again, "judged"), &judged), 0);
    assert_int_equal(judged, 0);
    assert_true(verdict_digest(c) == before);
    assert_int_equal(removed(again), 1); /* the refusal */
    json_free(again);
    for (size_t i = BASES; i < FILE_ROWS; i++)
        add(c, &rows[i]);
    struct json *more = run(c, NULL, &(struct filter_options){0});
    json_integer(json_get(more, "judged"), &judged);
    assert_int_equal(judged, FILE_ROWS - BASES);
    /* Every case-only and edited copy is gone, whichever came first; old rows stay. */
    assert_true(removed(more) > (FILE_ROWS - BASES) / 2);
    assert_int_equal(samples_count(c, SAMPLES_REMOVED, &e), removed(more));
    json_free(more);
    struct json *all = run(c, NULL, &(struct filter_options){.again = true});
    json_integer(json_get(all, "judged"), &judged);
    assert_int_equal(judged, FILE_ROWS);
    json_free(all);
    corpus_close(c);
    free(rows);
}

static bool is_kept(struct corpus *c, const char *name)
{
    bool kept = false;
    struct error e;
    uint64_t sum = 0;
    assert_int_equal(samples_find(c, name, add_hash, &sum, &e), 1);
    kept = sum != 0;
    return kept;
}

/* Other settings judge anew; --keep and --drop outrank the rules and survive. */
static void test_settings_and_decisions(void **state)
{
    struct text *rows = make_rows();
    struct corpus *c = make(scratch_path(state, "h.db"));
    struct error e = {ERROR_NONE, ""};
    for (size_t i = 0; i < BASES; i++)
        add(c, &rows[i]);
    json_free(run(c, NULL, &(struct filter_options){0}));
    assert_false(is_kept(c, "r5"));
    json_free(run(c, "filter.rules=[\"default\",\"-refusal\"]", &(struct filter_options){0}));
    assert_true(is_kept(c, "r5"));
    json_free(run(c, "filter.rule.refusal.action=flag", &(struct filter_options){0}));
    assert_true(is_kept(c, "r5"));
    json_free(run(c, NULL, &(struct filter_options){0}));
    assert_false(is_kept(c, "r5"));
    assert_int_equal(filter_keep(c, "r5", "it is about refusals", &e), 0);
    assert_int_equal(filter_drop(c, "r6", "off topic", &e), 0);
    assert_true(is_kept(c, "r5") && !is_kept(c, "r6"));
    json_free(run(c, NULL, &(struct filter_options){.again = true}));
    assert_true(is_kept(c, "r5") && !is_kept(c, "r6"));
    assert_int_equal(filter_forget(c, "r5", &e), 0);
    assert_int_equal(filter_forget(c, "r6", &e), 0);
    json_free(run(c, NULL, &(struct filter_options){0}));
    assert_true(!is_kept(c, "r5") && is_kept(c, "r6"));
    assert_int_equal(filter_keep(c, "nobody", NULL, &e), -1);
    assert_non_null(strstr(e.text, "nobody"));
    corpus_close(c);
    free(rows);
}

/* A keeper that a person drops does not take its copies along. */
static void test_dropped_keeper(void **state)
{
    struct text *rows = make_rows();
    struct corpus *c = make(scratch_path(state, "k.db"));
    struct error e;
    memcpy(rows[1].instruction, rows[0].instruction, sizeof rows[1].instruction);
    memcpy(rows[1].output, rows[0].output, sizeof rows[1].output);
    add(c, &rows[0]);
    add(c, &rows[1]);
    json_free(run(c, NULL, &(struct filter_options){0}));
    assert_true(is_kept(c, "r0") && !is_kept(c, "r1"));
    assert_int_equal(filter_drop(c, "r0", "", &e), 0);
    json_free(run(c, NULL, &(struct filter_options){0}));
    assert_true(!is_kept(c, "r0") && is_kept(c, "r1"));
    corpus_close(c);
    free(rows);
}

static void test_against(void **state)
{
    struct text *rows = make_rows();
    const char *other = scratch_path(state, "other.db");
    struct corpus *a = make(other), *b = make(scratch_path(state, "mine.db"));
    struct error e;
    for (size_t i = 0; i < 10; i++)
        add(a, &rows[i]);
    for (size_t i = 8; i < 20; i++)
        add(b, &rows[i]);
    corpus_close(a);
    struct json *j = run(b, NULL, &(struct filter_options){.against = other});
    assert_int_equal(removed(j), 2);
    assert_false(is_kept(b, "r8"));
    assert_true(is_kept(b, "r10"));
    assert_int_equal(samples_count(b, SAMPLES_ALL, &e), 12);
    json_free(j);
    corpus_close(b);
    free(rows);
}

static int64_t scalar(struct corpus *c, const char *sql)
{
    struct error e = {ERROR_NONE, ""};
    int64_t n = -1;
    if (sql_scalar(corpus_sql(c), sql, &n, &e) != 0)
        fail_msg("%s", e.text);
    return n;
}

#define NEAR_AT(t) "filter={\"rules\":[\"near_duplicate\"],\"near\":{\"threshold\":" t "}}"

/* A threshold moved up by SQL lets back in the rows that are less like their keepers (which may be
 * more than stay when a run then compares them with each other); and whichever way it moves, no
 * signature is taken again: the blocks, marked by their numbers, are those of the first run. */
static void test_threshold(void **state)
{
    static const char near[] = "SELECT count(*) FROM verdict WHERE rule = 'near_duplicate'";
    struct text *rows = make_rows();
    struct corpus *c = make(scratch_path(state, "moved.db"));
    struct error e;
    for (size_t i = 0; i < FILE_ROWS; i++)
        add(c, &rows[i]);
    json_free(run(c, NEAR_AT("0.6"), &(struct filter_options){0}));
    const int64_t low = scalar(c, near);
    assert_int_equal(sql_exec(corpus_sql(c),
                              "DELETE FROM verdict WHERE rule = 'near_duplicate'"
                              " AND similarity < 0.915; UPDATE signature SET id = id + 1000",
                              &e),
                     0);
    const int64_t moved = scalar(c, near);
    assert_true(moved > 0 && moved < low);
    assert_int_equal(scalar(c, "SELECT count(*) FROM kept"), FILE_ROWS - moved);
    json_free(run(c, NEAR_AT("0.915"), &(struct filter_options){0}));
    const int64_t high = scalar(c, near);
    assert_true(high >= moved && high < low);
    json_free(run(c, NEAR_AT("0.6"), &(struct filter_options){0}));
    assert_int_equal(scalar(c, near), low);
    assert_true(scalar(c, "SELECT min(id) FROM signature") > 1000);
    corpus_close(c);
    free(rows);
}

/* Empty datasets, rows with NUL and broken UTF-8, huge outputs, one row very often. */
static void test_odd_rows(void **state)
{
    struct corpus *c = make(scratch_path(state, "odd.db"));
    struct error e;
    json_free(run(c, NULL, &(struct filter_options){0}));
    char *huge = malloc(3 << 20);
    for (size_t i = 0; i < 3 << 20; i++)
        huge[i] = "abc de\n\xFF"[i % 8];
    const struct slice odd[] = {SLICE("a\0b"), SLICE("\xFF\xFE"), SLICE(""),
                                slice_from(huge, 3 << 20), SLICE("\xF4\xBF\xBF\xBF. \xF0")};
    for (size_t i = 0; i < 5; i++) {
        struct sample s = {.source = SLICE("t"), .instruction = odd[(i + 1) % 5], .output = odd[i]};
        assert_int_equal(samples_add(c, &s, &e), 1);
    }
    assert_int_equal(corpus_begin(c, &e), 0);
    for (int i = 0; i < 3000; i++) {
        struct sample s = {.source = SLICE("t"),
                           .instruction = SLICE("Name a colour."),
                           .output = SLICE("Red.")};
        assert_int_equal(samples_add(c, &s, &e), 1);
    }
    assert_int_equal(corpus_commit(c, &e), 0);
    struct json *j = run(c, NULL, &(struct filter_options){0});
    assert_true(removed(j) >= 2999);
    json_free(j);
    free(huge);
    corpus_close(c);
}

/* The user's SQL expression, and a score that decides which of two copies stays. */
static void test_sql_and_scores(void **state)
{
    const char *sets[] = {"filter.rules=[\"default\",\"sql\"]",
                          "filter.rule.sql.where=instruction LIKE '%colour%'",
                          "filter.prefer=[\"judge\"]"};
    struct corpus *c = make(scratch_path(state, "q.db"));
    struct error e = {ERROR_NONE, ""};
    struct buf report = BUF;
    struct text *rows = make_rows();
    struct text colour = {"c", "Name a colour.", "Red."};
    memcpy(rows[1].instruction, rows[0].instruction, sizeof rows[1].instruction);
    memcpy(rows[1].output, rows[0].output, sizeof rows[1].output);
    rows[1].output[0] ^= 0x20;
    add(c, &rows[0]);
    add(c, &rows[1]);
    add(c, &colour);
    for (int better = 1; better <= 2; better++) {
        assert_int_equal(scores_put(c, better, "judge", 1, 5, &e), 0);
        assert_int_equal(scores_put(c, 3 - better, "judge", 1, 1, &e), 0);
        struct recipe *r = recipe_load(NULL, sets, 3, NULL, &e);
        assert_non_null(r);
        if (filter_run(r, c, &(struct filter_options){.again = true}, NULL, &report, &e) != 0)
            fail_msg("%s", e.text);
        assert_false(is_kept(c, "c"));
        assert_true(is_kept(c, better == 1 ? "r0" : "r1"));
        assert_false(is_kept(c, better == 1 ? "r1" : "r0"));
        recipe_free(r);
    }
    sets[1] = "filter.rule.sql.where=no such column";
    struct recipe *r = recipe_load(NULL, sets, 3, NULL, &e);
    assert_int_equal(filter_run(r, c, &(struct filter_options){.again = true}, NULL, &report, &e),
                     -1);
    assert_non_null(strstr(e.text, "filter.rule.sql.where"));
    recipe_free(r);
    buf_free(&report);
    free(rows);
    corpus_close(c);
}

static void test_errors(void **state)
{
    const char *bad[] = {"filter.rules=[\"default\",\"refusals\"]"};
    struct error e = {ERROR_NONE, ""};
    struct buf report = BUF;
    struct corpus *c = make(scratch_path(state, "e.db"));
    struct recipe *r = recipe_load(NULL, bad, 1, NULL, &e);
    assert_non_null(r);
    assert_int_equal(filter_run(r, c, &(struct filter_options){0}, NULL, &report, &e), -1);
    assert_int_equal(e.code, ERROR_USAGE);
    assert_non_null(strstr(e.text, "did you mean \"refusal\"?"));
    assert_int_equal(filter_run(r, NULL, &(struct filter_options){0}, NULL, &report, &e), -1);
    recipe_free(r);
    buf_free(&report);
    corpus_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_digest),
        scratch_test(test_increments),
        scratch_test(test_settings_and_decisions),
        scratch_test(test_dropped_keeper),
        scratch_test(test_against),
        scratch_test(test_threshold),
        scratch_test(test_odd_rows),
        scratch_test(test_sql_and_scores),
        scratch_test(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
