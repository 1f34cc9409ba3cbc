/*
 * Stored logprobs become soft labels: by bytes, whichever tokenizer the server has; nothing a server
 * can send does harm.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/buf.h"
#include "core/file.h"
#include "core/mem.h"
#include "train/distill/align.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static struct tokenizer *tokenizer;
static struct vocabulary *vocabulary;

/* The student's ids of a text. */
static struct tokens encode(const char *text)
{
    struct tokens ids = TOKENS;
    struct tokenizer_scratch *s = tokenizer_scratch_new(tokenizer);
    assert_int_equal(tokenizer_encode(tokenizer, s, slice_of(text), 0, &ids, NULL), 0);
    tokenizer_scratch_free(s);
    return ids;
}

/* A reply as a server sends it: the texts of its tokens, each with two alternatives beside it. */
struct reply {
    struct softlabels soft;
    struct soft_position positions[64];
    struct soft_token top[256];
};

static void add(struct reply *r, struct slice bytes, float logprob)
{
    struct soft_position *p = &r->positions[r->soft.n++];
    r->soft.positions = r->positions;
    r->soft.top = r->top;
    p->sampled = (struct soft_token){bytes, -1, logprob};
    p->first = (uint32_t)r->soft.n_top;
    p->count = 3;
    r->top[r->soft.n_top++] = p->sampled;
    r->top[r->soft.n_top++] = (struct soft_token){SLICE(" the"), -1, -3};
    r->top[r->soft.n_top++] = (struct soft_token){SLICE("no such token \x01"), -1, -4};
}

static struct slice bytes_of(int32_t id, struct buf *room)
{
    const size_t at = room->len;
    tokenizer_bytes(tokenizer, id, room);
    return slice_from(room->data + at, room->len - at);
}

static struct labels align(const struct softlabels *soft, const int32_t *ids, size_t n,
                           struct align_count *count)
{
    struct example item = {.length = (uint32_t)n, .supervised = (uint32_t)n};
    struct examples e = {.items = &item, .n = 1};
    struct labels l;
    memset(count, 0, sizeof *count);
    labels_open(&l, &e, 1);
    align_reply(vocabulary, soft, ids, n, &l, count);
    assert_int_equal(l.n_rows, n);
    return l;
}

static const char text[] = "The capital of Peru is Lima, and the river is the Rimac.";

static void test_same_tokenizer(void **state)
{
    struct tokens ids = encode(text);
    struct buf room = BUF;
    struct reply *r = mem_zero(1, sizeof *r);
    struct align_count count;
    struct labels l;
    (void)state;
    assert_int_equal(buf_reserve(&room, 4096), 0);
    for (size_t i = 0; i < ids.n; i++)
        add(r, bytes_of(ids.ids[i], &room), -0.1F);
    l = align(&r->soft, ids.ids, ids.n, &count);
    print_message("same tokenizer: %llu of %llu aligned\n", (unsigned long long)count.aligned,
                  (unsigned long long)count.tokens);
    assert_int_equal(count.aligned, ids.n);
    for (size_t i = 0; i < ids.n; i++) {
        const struct soft_top t = labels_row(&l, i);
        assert_true(t.n >= 1 && t.n <= 2); /* " the" is a token of the student, the other is none */
        assert_int_equal(t.ids[0], ids.ids[i]);
        assert_true(fabsf(t.logprobs[0] + 0.1F) < 1e-6F);
    }
    labels_close(&l);
    tokens_free(&ids);
    buf_free(&room);
    mem_free(r);
}

/* A server that cuts at words: tokens of the student that are whole words get its labels. */
static void test_other_tokenizer(void **state)
{
    struct tokens ids = encode(text);
    struct reply *r = mem_zero(1, sizeof *r);
    struct align_count count;
    struct labels l;
    size_t from = 0, aligned = 0;
    (void)state;
    for (size_t i = 1; i <= strlen(text); i++)
        if (text[i] == ' ' || text[i] == '\0') {
            add(r, slice_from(text + from, i - from), -0.2F);
            from = i;
        }
    l = align(&r->soft, ids.ids, ids.n, &count);
    for (size_t i = 0; i < ids.n; i++)
        aligned += labels_row(&l, i).n > 0;
    print_message("other tokenizer: %zu of %zu aligned\n", aligned, ids.n);
    assert_int_equal(aligned, count.aligned);
    assert_true(aligned > 0 && aligned < ids.n);
    labels_close(&l);
    tokens_free(&ids);
    mem_free(r);
}

/* A reply that was trimmed, or is a part of what was said; and one that is not in it at all. */
static void test_parts(void **state)
{
    struct tokens ids = encode("is the");
    struct reply *r = mem_zero(1, sizeof *r);
    struct buf room = BUF;
    struct align_count count;
    struct labels l;
    (void)state;
    assert_int_equal(buf_reserve(&room, 4096), 0);
    add(r, SLICE("\n\n  "), -1);
    for (size_t i = 0; i < ids.n; i++)
        add(r, bytes_of(ids.ids[i], &room), -0.3F);
    add(r, SLICE(" end"), -1);
    l = align(&r->soft, ids.ids, ids.n, &count);
    assert_int_equal(count.aligned, ids.n);
    labels_close(&l);
    tokens_free(&ids);
    ids = encode("something else");
    l = align(&r->soft, ids.ids, ids.n, &count);
    assert_int_equal(count.aligned, 0);
    assert_int_equal(count.rows_aligned, 0);
    labels_close(&l);
    tokens_free(&ids);
    buf_free(&room);
    mem_free(r);
}

static void test_hostile(void **state)
{
    static const float values[] = {NAN, -9999, INFINITY, -INFINITY, 50, -1e30F, -800};
    struct tokens ids = encode("Lima");
    struct buf room = BUF;
    (void)state;
    assert_int_equal(buf_reserve(&room, 4096), 0);
    for (size_t v = 0; v < sizeof values / sizeof *values + 2; v++) {
        struct reply *r = mem_zero(1, sizeof *r);
        struct align_count count;
        struct labels l;
        room.len = 0;
        for (size_t i = 0; i < ids.n; i++)
            add(r, bytes_of(ids.ids[i], &room), -0.5F);
        for (size_t i = 0; i < r->soft.n_top && v < sizeof values / sizeof *values; i++)
            r->top[i].logprob = values[v];
        for (size_t i = 0; i < r->soft.n; i++) {
            r->positions[i].sampled.logprob = v < sizeof values / sizeof *values ? values[v] : -1;
            if (v == sizeof values / sizeof *values)
                r->positions[i].count = 0; /* k = 0: the sampled token alone */
        }
        if (v == sizeof values / sizeof *values + 1)
            r->soft.n = 0; /* nothing at all */
        l = align(&r->soft, ids.ids, ids.n, &count);
        assert_int_equal(count.aligned, 0); /* all of it is tail */
        assert_int_equal(l.n_labels, 0);
        labels_close(&l);
        mem_free(r);
    }
    tokens_free(&ids);
    buf_free(&room);
}

/* A token that came twice counts once; a logprob a little above 0 is 0; the most likely is first. */
static void test_order(void **state)
{
    struct tokens ids = encode(" the");
    struct reply *r = mem_zero(1, sizeof *r);
    struct align_count count;
    struct labels l;
    struct soft_top t;
    (void)state;
    if (ids.n != 1) {
        tokens_free(&ids);
        mem_free(r);
        skip();
    }
    add(r, SLICE(" the"), -2);
    r->top[2] = (struct soft_token){SLICE("a"), -1, 1e-6F};
    l = align(&r->soft, ids.ids, 1, &count);
    t = labels_row(&l, 0);
    assert_int_equal(t.n, 2);
    assert_int_equal(t.ids[0], vocabulary_find(vocabulary, SLICE("a")));
    assert_true(t.logprobs[0] <= 0 && t.logprobs[0] >= -1e-9F);
    assert_true(fabsf(t.logprobs[1] + 2) < 1e-6F);
    labels_close(&l);
    tokens_free(&ids);
    mem_free(r);
}

static int open_all(void **state)
{
    struct error error = {ERROR_NONE, ""};
    (void)state;
    tokenizer =
        tokenizer_load(file_is_dir("demo/small") ? "demo/small/student" : "demo/student", &error);
    if (tokenizer == NULL) {
        print_message("%s\n", error.text);
        return -1;
    }
    vocabulary = vocabulary_new(tokenizer);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    vocabulary_free(vocabulary);
    tokenizer_free(tokenizer);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_tokenizer), cmocka_unit_test(test_other_tokenizer),
        cmocka_unit_test(test_parts),          cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_order),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
