/*
 * Tokenizers without outside files: spans of mixed trust, cuts, ranges, long texts, threads,
 * export and training.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/pool.h"
#include "core/rng.h"
#include "core/unicode.h"
#include "model/tokenizer_train.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char lessons[] =
    "The quick brown fox jumps over the lazy dog. The dog sleeps; the fox doesn't.\n"
    "In 2024 there were 365 days and one more. caf\xC3\xA9 na\xC3\xAFve \xE4\xBD\xA0\xE5\xA5\xBD\n";

static struct tokenizer *train(int32_t size)
{
    static const char *const specials[] = {"<s>", "</s>", "<|end|>", NULL};
    const struct tokenizer_train_options options = {
        .vocab_size = size, .specials = specials, .bos = "<s>", .eos = "</s>", .pad = "</s>"};
    struct error error = {0};
    struct tokenizer_trainer *r = tokenizer_trainer_new(&options, &error);
    struct tokenizer *t;
    assert_non_null(r);
    for (int i = 0; i < 4; i++)
        assert_int_equal(tokenizer_trainer_add(r, SLICE(lessons), &error), 0);
    t = tokenizer_trainer_finish(r, &error);
    if (t == NULL)
        fail_msg("%s", error.text);
    tokenizer_trainer_free(r);
    return t;
}

static struct tokenizer *spm(void)
{
    static const char json[] =
        "{\"added_tokens\":[{\"id\":1,\"content\":\"<s>\",\"special\":true}],"
        "\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\",\"prepend\":"
        "\"\\u2581\"},{\"type\":\"Replace\",\"pattern\":{\"String\":\" "
        "\"},\"content\":\"\\u2581\"}]},"
        "\"model\":{\"type\":\"BPE\",\"unk_token\":\"<unk>\",\"vocab\":{\"<unk>\":0,\"<s>\":1,"
        "\"\\u2581\":2,\"h\":3,\"i\":4,\"hi\":5,\"\\u2581hi\":6,\":\":7},"
        "\"merges\":[\"h i\",\"\\u2581 hi\"]}}";
    struct error error = {0};
    struct tokenizer *t = tokenizer_parse(SLICE(json), (struct slice){NULL, 0}, &error);
    if (t == NULL)
        fail_msg("%s", error.text);
    return t;
}

static void encode(const struct tokenizer *t, struct slice text, unsigned flags, struct tokens *out)
{
    struct tokenizer_scratch *s = tokenizer_scratch_new(t);
    struct error error = {0};
    if (tokenizer_encode(t, s, text, flags, out, &error) != 0)
        fail_msg("%s", error.text);
    tokenizer_scratch_free(s);
}

static void assert_ids(const struct tokens *v, const int32_t *want, size_t n)
{
    assert_int_equal(v->n, n);
    assert_memory_equal(v->ids, want, n * sizeof *want);
}

/* --- spans ------------------------------------------------------------------------------ */

static void test_spans(void **state)
{
    static const char text[] = "<|end|>a<|end|>b<|end|>";
    struct tokenizer *t = train(300);
    struct tokenizer_scratch *s = tokenizer_scratch_new(t);
    struct error error = {0};
    struct tokens v = TOKENS;
    size_t starts[4];
    struct tokenizer_span spans[] = {
        {0, 7, TOKENIZER_PARSE, false},
        {7, 12, 0, true},                 /* a<|en : a literal may not reach into trust */
        {12, 16, TOKENIZER_PARSE, false}, /* d|>b */
        {16, sizeof text - 1, TOKENIZER_PARSE, true},
    };
    const struct tokenizer_text whole = {SLICE(text), spans, 4, 0};
    int controls = 0;
    (void)state;
    assert_int_equal(tokenizer_encode_spans(t, s, &whole, starts, &v, &error), 0);
    for (size_t i = 0; i < v.n; i++)
        controls += v.ids[i] == 2;
    assert_int_equal(controls, 2);
    assert_int_equal(starts[0], 0);
    assert_int_equal(starts[1], 1);
    assert_int_equal(starts[3], v.n - 1);
    spans[1].begin = 8;
    assert_int_equal(tokenizer_encode_spans(t, s, &whole, starts, &v, &error), -1);
    assert_non_null(strstr(error.text, "span 1 begins at 8"));
    tokens_free(&v);
    tokenizer_scratch_free(s);
    tokenizer_free(t);
}

/* A cut keeps the two sides apart and puts no word marker in front of the second. */
static void test_cut(void **state)
{
    static const int32_t joined[] = {2, 2, 6}, apart[] = {2, 2, 2, 3, 4}, blank[] = {6, 6};
    struct tokenizer *t = spm();
    struct tokenizer_scratch *s = tokenizer_scratch_new(t);
    struct error error = {0};
    struct tokens v = TOKENS;
    size_t starts[2];
    struct tokenizer_span spans[] = {{0, 3, 0, false}, {3, 4, 0, true}};
    struct tokenizer_text text = {SLICE("  hi"), spans, 2, 0};
    (void)state;
    encode(t, text.text, 0, &v);
    assert_ids(&v, joined, 3);
    tokens_clear(&v);
    assert_int_equal(tokenizer_encode_spans(t, s, &text, starts, &v, &error), 0);
    assert_ids(&v, apart, 5); /* "  h" | "i" */
    assert_int_equal(starts[1], 4);
    tokens_clear(&v);
    spans[0].end = spans[1].begin = 2;
    spans[1].end = 5;
    text.text = SLICE("hi hi");
    assert_int_equal(tokenizer_encode_spans(t, s, &text, starts, &v, &error), 0);
    assert_ids(&v, blank, 2); /* the blank before the second word is its own marker */
    tokens_free(&v);
    tokenizer_scratch_free(s);
    tokenizer_free(t);
}

static void test_ranges(void **state)
{
    struct tokenizer *t = train(260);
    struct tokens v = TOKENS;
    (void)state;
    encode(t, SLICE("a\xE4\xBD\xA0<|end|>\xFF"), TOKENIZER_PARSE | TOKENIZER_RANGES, &v);
    assert_int_equal(v.n, 8); /* a, three bytes, the token, U+FFFD in three bytes */
    assert_int_equal(v.ranges[0].end, 1);
    for (int i = 1; i < 4; i++) {
        assert_int_equal(v.ranges[i].begin, 1);
        assert_int_equal(v.ranges[i].end, 4);
    }
    assert_int_equal(v.ids[4], 2);
    assert_int_equal(v.ranges[4].begin, 4);
    assert_int_equal(v.ranges[4].end, 11);
    assert_int_equal(v.ranges[7].begin, 11);
    assert_int_equal(v.ranges[7].end, 12);
    tokens_free(&v);
    tokenizer_free(t);
}

/* --- long texts ------------------------------------------------------------------------- */

/* One piece of a megabyte, without a blank: the heap, not the quadratic search. */
static void test_long(void **state)
{
    struct tokenizer *t = train(400), *u = spm();
    struct buf text = BUF, back = BUF;
    struct tokens v = TOKENS;
    (void)state;
    for (int i = 0; i < 1 << 20; i++)
        buf_char(&text, i % 3 == 0 ? 'T' : i % 3 == 1 ? 'h' : 'e');
    encode(t, buf_view(&text), 0, &v);
    tokenizer_decode(t, v.ids, v.n, 0, &back);
    assert_true(slice_equal(buf_view(&text), buf_view(&back)));
    tokens_clear(&v);
    buf_clear(&text);
    for (int i = 0; i < 1 << 20; i++)
        buf_char(&text, 'h');
    encode(u, buf_view(&text), 0, &v);
    assert_int_equal(v.n, (1 << 20) + 1);
    tokens_free(&v);
    buf_free(&text);
    buf_free(&back);
    tokenizer_free(t);
    tokenizer_free(u);
}

static void test_too_long(void **state)
{
    struct tokenizer *t = train(260);
    struct tokenizer_scratch *s = tokenizer_scratch_new(t);
    struct tokens v = TOKENS;
    struct error error = {0};
    char *text = calloc(1, (size_t)TOKENIZER_MAX_TEXT + 1);
    (void)state;
    assert_non_null(text);
    assert_int_equal(tokenizer_encode(t, s, (struct slice){text, (size_t)TOKENIZER_MAX_TEXT + 1}, 0,
                                      &v, &error),
                     -1);
    assert_int_equal(error.code, ERROR_LIMIT);
    assert_int_equal(v.n, 0);
    free(text);
    tokens_free(&v);
    tokenizer_scratch_free(s);
    tokenizer_free(t);
}

/* --- round trips ------------------------------------------------------------------------ */

static void random_bytes(struct rng *rng, struct buf *out)
{
    uint32_t n = rng_below(rng, 60);
    struct buf raw = BUF;
    buf_clear(out);
    for (uint32_t i = 0; i < n; i++) {
        if (rng_below(rng, 4) == 0)
            buf_utf8(&raw, rng_below(rng, 0x30000));
        else
            buf_char(&raw, (char)rng_below(rng, rng_below(rng, 8) == 0 ? 256 : 127));
    }
    utf8_repair(buf_view(&raw), out);
    buf_free(&raw);
}

static void test_round_trip(void **state)
{
    struct tokenizer *t = train(420);
    struct tokenizer_scratch *s = tokenizer_scratch_new(t);
    struct rng rng = rng_new(11, 2);
    struct buf text = BUF, back = BUF, bytes = BUF;
    struct tokens v = TOKENS;
    struct error error = {0};
    (void)state;
    for (int i = 0; i < 3000; i++) {
        random_bytes(&rng, &text);
        tokens_clear(&v);
        buf_clear(&back);
        buf_clear(&bytes);
        assert_int_equal(tokenizer_encode(t, s, buf_view(&text), 0, &v, &error), 0);
        tokenizer_decode(t, v.ids, v.n, 0, &back);
        for (size_t k = 0; k < v.n; k++)
            tokenizer_bytes(t, v.ids[k], &bytes);
        assert_true(slice_equal(buf_view(&text), buf_view(&back)));
        assert_true(slice_equal(buf_view(&text), buf_view(&bytes)));
    }
    tokens_free(&v);
    buf_free(&text);
    buf_free(&back);
    buf_free(&bytes);
    tokenizer_scratch_free(s);
    tokenizer_free(t);
}

/* --- threads ---------------------------------------------------------------------------- */

struct job {
    const struct tokenizer *t;
    struct tokenizer_scratch *scratch[4];
    uint64_t sums[64];
};

static void encode_task(void *context, size_t task, int worker)
{
    struct job *job = context;
    struct rng rng = rng_new(5, task);
    struct buf text = BUF;
    struct tokens v = TOKENS;
    struct error error = {0};
    uint64_t sum = 0;
    for (int i = 0; i < 50; i++) {
        random_bytes(&rng, &text);
        tokens_clear(&v);
        (void)tokenizer_encode(job->t, job->scratch[worker], buf_view(&text), 0, &v, &error);
        for (size_t k = 0; k < v.n; k++)
            sum = sum * 31 + (uint64_t)v.ids[k];
    }
    job->sums[task] = sum;
    tokens_free(&v);
    buf_free(&text);
}

static void test_threads(void **state)
{
    struct tokenizer *t = train(420);
    struct job one = {.t = t}, four = {.t = t};
    struct pool *pool = pool_new(4);
    (void)state;
    for (int i = 0; i < 4; i++) {
        one.scratch[i] = tokenizer_scratch_new(t);
        four.scratch[i] = tokenizer_scratch_new(t);
    }
    pool_run(NULL, 64, encode_task, &one);
    pool_run(pool, 64, encode_task, &four);
    assert_memory_equal(one.sums, four.sums, sizeof one.sums);
    for (int i = 0; i < 4; i++) {
        tokenizer_scratch_free(one.scratch[i]);
        tokenizer_scratch_free(four.scratch[i]);
    }
    pool_free(pool);
    tokenizer_free(t);
}

/* --- training and export ---------------------------------------------------------------- */

static void test_train(void **state)
{
    struct tokenizer *a = train(320), *b = train(320);
    struct tokens v = TOKENS;
    struct error error = {0};
    const struct tokenizer_train_options small = {.vocab_size = 255};
    (void)state;
    assert_int_equal(tokenizer_size(a), 320);
    assert_string_equal(tokenizer_digest(a), tokenizer_digest(b));
    assert_int_equal(tokenizer_bos(a), 0);
    assert_int_equal(tokenizer_eos(a), 1);
    assert_int_equal(tokenizer_id(a, SLICE("<|end|>")), 2);
    assert_true(tokenizer_id(a, SLICE("\xC4\xA0the")) > 0);
    assert_string_equal(tokenizer_split_name(a), "gpt-2");
    assert_null(tokenizer_trainer_new(&small, &error));
    assert_int_equal(error.code, ERROR_USAGE);
    /* one text, too few pairs for more: it stops */
    tokenizer_free(b);
    b = train(100000);
    assert_true(tokenizer_size(b) < 1000);
    encode(b, SLICE(" the quick brown fox"), 0, &v);
    assert_int_equal(v.n, 4);
    tokens_free(&v);
    tokenizer_free(a);
    tokenizer_free(b);
}

static void test_write(void **state)
{
    struct tokenizer *t = train(320), *back, *again;
    struct tokens v = TOKENS, w = TOKENS;
    struct error error = {0};
    char dir[] = "build/tokenizer-XXXXXX";
    struct buf config = BUF;
    struct json *root;
    char *path;
    (void)state;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(tokenizer_write(t, dir, SLICE("{{ 'x' }}"), &error), 0);
    back = tokenizer_load(dir, &error);
    if (back == NULL)
        fail_msg("%s", error.text);
    assert_string_equal(tokenizer_digest(back), tokenizer_digest(t));
    assert_int_equal(tokenizer_eos(back), tokenizer_eos(t));
    assert_int_equal(tokenizer_pad(back), tokenizer_pad(t));
    encode(t, SLICE(lessons), 0, &v);
    encode(back, SLICE(lessons), 0, &w);
    assert_ids(&w, v.ids, v.n);
    path = file_join(dir, "tokenizer_config.json");
    assert_int_equal(file_read(path, &config, &error), 0);
    root = json_parse(buf_view(&config), 0, &error);
    assert_string_equal(json_text(json_get(root, "tokenizer_class"), ""),
                        "PreTrainedTokenizerFast");
    assert_string_equal(json_text(json_get(root, "chat_template"), ""), "{{ 'x' }}");
    assert_string_equal(json_text(json_get(root, "eos_token"), ""), "</s>");
    /* written again without a template: the one it has stays */
    assert_int_equal(tokenizer_write(back, dir, (struct slice){NULL, 0}, &error), 0);
    again = tokenizer_load(dir, &error);
    assert_non_null(again);
    assert_string_equal(tokenizer_digest(again), tokenizer_digest(t));
    file_remove_tree(dir, &error);
    json_free(root);
    buf_free(&config);
    mem_free(path);
    tokens_free(&v);
    tokens_free(&w);
    tokenizer_free(t);
    tokenizer_free(back);
    tokenizer_free(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spans),    cmocka_unit_test(test_cut),
        cmocka_unit_test(test_ranges),   cmocka_unit_test(test_long),
        cmocka_unit_test(test_too_long), cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_threads),  cmocka_unit_test(test_train),
        cmocka_unit_test(test_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
