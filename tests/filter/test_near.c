/* Candidates against brute force, oversized buckets, clusters without chaining, normalised text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/rng.h"
#include "filter/cluster.h"
#include "filter/near.h"
#include "filter/normal.h"

#include <stdlib.h>
#include <string.h>

enum { SET = 60 };

static void random_set(struct rng *r, uint64_t *set)
{
    for (int i = 0; i < SET; i++)
        set[i] = rng_u64(r);
}

static void append(struct index *x, const uint64_t *set, int64_t id)
{
    struct minhash_signature s;
    struct error e;
    minhash_sign(NULL, set, SET, &s);
    assert_int_equal(index_append(x, &(struct index_entry){.id = id, .skeleton = (uint64_t)id}, &s,
                                  "/tmp", &e),
                     0);
}

static bool has_pair(const struct pairs *p, uint32_t a, uint32_t b)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->items[i].a == a && p->items[i].b == b)
            return true;
    return false;
}

/* Families of 3: an original and two copies with a tenth of the shingles replaced. */
static void test_families(void **state)
{
    struct rng r = rng_new(1, 2);
    struct index x;
    struct pairs one = {.items = NULL}, four = {.items = NULL};
    struct error e;
    size_t missed = 0;
    (void)state;
    index_init(&x, (size_t)1 << 30);
    for (int family = 0; family < 300; family++) {
        uint64_t set[SET], copy[SET];
        random_set(&r, set);
        append(&x, set, 3 * family + 1);
        for (int k = 0; k < 2; k++) {
            memcpy(copy, set, sizeof copy);
            for (int i = 0; i < SET / 10; i++)
                copy[rng_below(&r, SET)] = rng_u64(&r);
            append(&x, copy, 3 * family + 2 + k);
        }
    }
    unsigned char *take = test_malloc(x.n);
    memset(take, 1, x.n);
    struct pool *pool = pool_new(4);
    assert_int_equal(near_candidates(&x, &(struct near_options){take, 0.7, NULL, NULL}, NULL, &one,
                                     &e),
                     0);
    assert_int_equal(near_candidates(&x, &(struct near_options){take, 0.7, NULL, NULL}, pool, &four,
                                     &e),
                     0);
    assert_int_equal(one.n, four.n); /* threads change nothing */
    assert_memory_equal(one.items, four.items, one.n * sizeof *one.items);
    for (uint32_t f = 0; f < 900; f += 3)
        missed += (size_t)!has_pair(&one, f, f + 1) + (size_t)!has_pair(&one, f, f + 2);
    assert_true(missed <= 2);
    assert_true(one.n < 950); /* and hardly any stranger */
    pairs_free(&one);
    pairs_free(&four);
    pool_free(pool);
    test_free(take);
    index_free(&x);
}

/* 5,000 rows that share half of their text: the work stays far from 12.5 million pairs, and the
 * copies among them are found. */
static void test_oversized(void **state)
{
    struct rng r = rng_new(4, 4);
    struct index x;
    struct pairs p = {.items = NULL};
    struct error e;
    uint64_t shared[SET], set[SET];
    size_t found = 0;
    (void)state;
    index_init(&x, (size_t)1 << 30);
    random_set(&r, shared);
    for (int i = 0; i < 5000; i++) {
        if (i % 50 != 49)
            for (int k = 0; k < SET; k++)
                set[k] = k < SET / 2 ? shared[k] : rng_u64(&r);
        else
            set[SET - 1] = rng_u64(&r); /* a copy of the row before */
        append(&x, set, i + 1);
    }
    unsigned char *take = test_malloc(x.n);
    memset(take, 1, x.n);
    assert_int_equal(near_candidates(&x, &(struct near_options){take, 0.8, NULL, NULL}, NULL, &p,
                                     &e),
                     0);
    for (uint32_t i = 49; i < 5000; i += 50)
        found += has_pair(&p, i - 1, i);
    assert_true(p.split > 0);
    assert_true(p.met < 4000000);
    assert_true(found >= 98);
    pairs_free(&p);
    test_free(take);
    index_free(&x);
}

/* Old rows are not compared with each other. */
static void test_settled(void **state)
{
    struct rng r = rng_new(8, 8);
    struct index x;
    struct pairs p = {.items = NULL};
    struct error e;
    uint64_t set[SET];
    unsigned char take[4] = {1, 1, 1, 1};
    (void)state;
    index_init(&x, (size_t)1 << 30);
    random_set(&r, set);
    for (int i = 0; i < 4; i++)
        append(&x, set, i + 1);
    x.entries[0].flags |= INDEX_OLD;
    x.entries[1].flags |= INDEX_FOREIGN;
    x.entries[2].flags |= INDEX_GONE;
    assert_int_equal(near_candidates(&x, &(struct near_options){take, 0.8, NULL, NULL}, NULL, &p,
                                     &e),
                     0);
    assert_int_equal(p.n, 2);
    assert_true(has_pair(&p, 0, 3) && has_pair(&p, 1, 3));
    pairs_free(&p);
    index_free(&x);
}

/* a~b~c, but not a~c: with a preferred b goes and c stays; with b preferred both go to b. */
static void test_chain(void **state)
{
    const struct cluster_edge ends[] = {{0, 1, 0.8F}, {1, 2, 0.9F}},
                              middle[] = {{0, 1, 0.8F}, {0, 2, 0.9F}};
    const unsigned char yes[3] = {1, 1, 1}, no[3] = {0, 0, 0}, last[3] = {0, 0, 1};
    uint32_t keeper[3];
    float similarity[3];
    struct cluster c = {ends, 2, 3, yes, no, keeper, similarity};
    (void)state;
    cluster_resolve(&c);
    assert_true(keeper[0] == CLUSTER_NONE && keeper[1] == 0 && keeper[2] == CLUSTER_NONE);
    c.edges = middle;
    cluster_resolve(&c);
    assert_true(keeper[0] == CLUSTER_NONE && keeper[1] == 0 && keeper[2] == 0);
    c.never = last; /* never removed */
    cluster_resolve(&c);
    assert_true(keeper[1] == 0 && keeper[2] == CLUSTER_NONE);
    c.never = no;
    c.may_keep = no; /* nobody may keep: nobody goes */
    cluster_resolve(&c);
    assert_true(keeper[1] == CLUSTER_NONE && keeper[2] == CLUSTER_NONE);
}

/* Of two keepers the more similar one is named. */
static void test_best_keeper(void **state)
{
    const struct cluster_edge edges[] = {{0, 2, 0.8F}, {1, 2, 0.9F}};
    const unsigned char yes[3] = {1, 1, 1}, no[3] = {0, 0, 0};
    uint32_t keeper[3];
    float similarity[3];
    (void)state;
    cluster_resolve(&(struct cluster){edges, 2, 3, yes, no, keeper, similarity});
    assert_true(keeper[2] == 1 && similarity[2] > 0.89F);
}

static void expect_normal(const char *in, struct normal_options how, const char *want)
{
    struct buf scratch = BUF, out = BUF;
    normal_text(slice_of(in), &how, &scratch, &out);
    assert_string_equal(buf_text(&out), want);
    buf_free(&scratch);
    buf_free(&out);
}

static void test_normal(void **state)
{
    const struct normal_options usual = {true, true, true, false},
                                bare = {false, false, false, false},
                                words = {true, true, true, true},
                                cased = {true, false, true, false},
                                spaced = {true, true, false, false};
    (void)state;
    expect_normal("  Hello,\n\n  WORLD \t", usual, "hello, world");
    expect_normal("ＡＢＣ　１２３", usual, "abc 123");
    expect_normal("Straße ﬁn", usual, "strasse fin"); /* becomes several: the slow path */
    expect_normal("e\xCC\x81 É", usual, "é é");       /* joins its neighbour: the slow path */
    expect_normal("a\xE2\x80\x8B b", usual, "a b");
    expect_normal("Hello, World!", bare, "Hello, World!");
    expect_normal("Hello , World!", words, "hello world");
    expect_normal("ＡB c", cased, "AB c");
    expect_normal("A  b", spaced, "a  b");
    expect_normal("", usual, "");
    expect_normal("a\xFF"
                  "b",
                  usual,
                  "a\xFF"
                  "b"); /* what is no UTF-8 stands for itself */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_families),    cmocka_unit_test(test_oversized),
        cmocka_unit_test(test_settled),     cmocka_unit_test(test_chain),
        cmocka_unit_test(test_best_keeper), cmocka_unit_test(test_normal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
