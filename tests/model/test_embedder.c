/* Static embeddings: the values of the model2vec library, and folders that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/embedder.h"
#include "model/safetensors.h"
#include "tests/corpus/scratch.h"

#include <math.h>
#include <string.h>

static const char folder[] = "../shared/models/potion-base-4m";

/* The first eight of 128 values by model2vec 0.10, encode(text, max_length=None). */
static const struct golden {
    const char *text;
    double v[8];
} golden[] = {
    {"Name three colours of the rainbow.",
     {0.218312979, -0.215617776, -0.0889423341, -0.0862471089, -0.0862471089, 0.150932431,
      0.0296474416, -0.0377331078}},
    {"def f(x):\n    return x ** 2  # na\xc3\xaf"
     "ve",
     {-0.217980728, -0.144530699, -0.331709802, -0.177701682, 0.0971435905, 0, 0.0094774235,
      -0.106621012}},
    {"\xc3\x9c"
     "ber die Br\xc3\xbc"
     "cke gehen 1,234 Menschen!",
     {-0.00160086912, -0.236928612, -0.0768417194, -0.0256139059, 0.0960521474, 0.046425201,
      0.148880824, -0.0256139059}},
};

static void test_values(void **state)
{
    struct error e = {ERROR_NONE, ""};
    float v[128];
    double known = 0;
    (void)state;
    if (!file_is_dir(folder)) {
        print_message("SKIP: %s is absent\n", folder);
        skip();
    }
    struct embedder *m = embedder_open(folder, &e);
    assert_non_null(m);
    assert_int_equal(embedder_width(m), 128);
    struct embedder_scratch *s = embedder_scratch_new(m);
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) {
        double norm = 0;
        assert_int_equal(embedder_text(m, s, slice_of(golden[i].text), v, &known, &e), 0);
        assert_true(known > 0.9);
        for (int k = 0; k < 128; k++)
            norm += (double)v[k] * (double)v[k];
        assert_true(fabs(norm - 1) < 1e-5);
        for (int k = 0; k < 8; k++)
            assert_true(fabs((double)v[k] - golden[i].v[k]) < 2e-7);
    }
    assert_int_equal(embedder_text(m, s, SLICE(""), v, &known, &e), 0);
    assert_true(known == 0 && v[0] == 0 && v[127] == 0);
    assert_int_equal(embedder_text(m, s, SLICE("\xe7\xbd\x91\xe5\xa4\x9a\xe8\xbd\xac\xe5\x8c\x96"),
                                   v, &known, &e),
                     0);
    assert_true(known < 0.9);
    embedder_scratch_free(s);
    embedder_close(m);
}

static void put(const char *dir, const char *name, struct slice text)
{
    char *path = file_join(dir, name);
    assert_int_equal(file_replace(path, text, NULL), 0);
    mem_free(path);
}

static void put_tensor(const char *dir, const char *name, int64_t rows, int64_t cols)
{
    char *path = file_join(dir, "model.safetensors");
    const float v[64] = {1};
    const struct safetensors_spec spec = {.name = name,
                                          .type = DTYPE_F32,
                                          .dims = cols ? 2 : 1,
                                          .shape = {rows, cols}};
    struct safetensors_writer *w = safetensors_create(path, &spec, 1, NULL);
    assert_non_null(w);
    assert_int_equal(safetensors_put(w, v, (size_t)(rows * (cols ? cols : 1)), NULL), 0);
    assert_int_equal(safetensors_commit(w, NULL), 0);
    mem_free(path);
}

/* Each thing that is missing is named; more tokens than vectors are no crash. */
static void test_folders(void **state)
{
    const char *dir = scratch_folder(state);
    struct error e = {ERROR_NONE, ""};
    float v[4];
    double known = 0;
    assert_null(embedder_open(scratch_path(state, "none"), &e));
    assert_non_null(strstr(e.text, "no such folder"));
    assert_null(embedder_open(dir, &e));
    assert_non_null(strstr(e.text, "config.json"));
    put(dir, "config.json", SLICE("{\"normalize\":false}"));
    assert_null(embedder_open(dir, &e));
    assert_non_null(strstr(e.text, "tokenizer.json"));
    put(dir, "tokenizer.json",
        SLICE(
            "{\"version\":\"1.0\",\"added_tokens\":[],\"normalizer\":null,\"pre_tokenizer\":"
            "{\"type\":\"BertPreTokenizer\"},\"post_processor\":null,\"decoder\":null,\"model\":"
            "{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"continuing_subword_prefix\":\"##\","
            "\"max_input_chars_per_word\":100,\"vocab\":{\"[UNK]\":0,\"a\":1,\"b\":2,\"c\":3}}}"));
    assert_null(embedder_open(dir, &e));
    put_tensor(dir, "weight", 3, 4);
    assert_null(embedder_open(dir, &e));
    assert_non_null(strstr(e.text, "embeddings"));
    put_tensor(dir, "embeddings", 3, 0);
    assert_null(embedder_open(dir, &e));
    put_tensor(dir, "embeddings", 3, 4);
    struct embedder *m = embedder_open(dir, &e);
    assert_non_null(m);
    struct embedder_scratch *s = embedder_scratch_new(m);
    assert_int_equal(embedder_text(m, s, SLICE("a b c zzz"), v, &known, &e), 0);
    assert_true(known == 0.5); /* c has no vector, zzz no token */
    assert_true(v[0] == 0);
    embedder_scratch_free(s);
    embedder_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        scratch_test(test_folders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
