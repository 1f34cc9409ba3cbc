/* Tokenizer files that are wrong: each is refused in words that name the thing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/buf.h"
#include "model/tokenizer.h"

#include <stdio.h>
#include <string.h>

static void refused(const char *json, const char *words)
{
    struct error error = {0};
    struct tokenizer *t = tokenizer_parse(slice_of(json), (struct slice){NULL, 0}, &error);
    if (t != NULL)
        fail_msg("%.100s was accepted", json);
    if (strstr(error.text, words) == NULL)
        fail_msg("\"%s\" lacks \"%s\"", error.text, words);
    tokenizer_free(t);
}

static void accepted(const char *json)
{
    struct error error = {0};
    struct tokenizer *t = tokenizer_parse(slice_of(json), (struct slice){NULL, 0}, &error);
    if (t == NULL)
        fail_msg("%s", error.text);
    tokenizer_free(t);
}

#define BPE(vocab, merges)                                                                         \
    "{\"model\":{\"type\":\"BPE\",\"vocab\":{" vocab "},\"merges\":[" merges "]}}"
#define WITH(part, value)                                                                          \
    "{\"" part "\":" value                                                                         \
    ",\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1},\"merges\":[]}}"

static void test_model(void **state)
{
    (void)state;
    refused("", "1:1");
    refused("[]", "expected an object");
    refused("{}", "model: expected an object");
    refused("{\"model\":{\"type\":\"Unigram\",\"vocab\":[]}}", "\"Unigram\" is not supported");
    refused(BPE("", ""), "is empty");
    refused(BPE("\"a\":-1", ""), "id -1");
    refused(BPE("\"a\":99999999999", ""), "id 99999999999");
    refused(BPE("\"a\":1.5", ""), "not an integer");
    refused(BPE("\"a\":\"x\"", ""), "not an integer");
    refused(BPE("\"a\":0,\"b\":0", ""), "both have id 0");
    refused(BPE("\"a\":0", "\"a b\""), "\"b\" is not in the vocabulary");
    refused(BPE("\"a\":0,\"b\":1", "\"a b\""), "what they make is not in the vocabulary");
    refused(BPE("\"a\":0", "\"a\""), "is neither");
    refused(BPE("\"a\":0,\"\":1", "\" a\""), "empty side"); /* a + "" = a: would never end */
    refused(BPE("\"a\":0,\"\":1", "[\"a\",\"\"]"), "empty side");
    refused(BPE("\"a\":0", "[\"a\"]"), "is neither");
    refused(BPE("\"a\":0", "5"), "is neither");
    refused("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0}}}", "model.merges");
    refused("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[],\"unk_token\":\"u\"}}",
            "unk_token");
    refused("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[],\"dropout\":0.1}}",
            "dropout");
    refused("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[],"
            "\"end_of_word_suffix\":\"</w>\"}}",
            "end_of_word_suffix");
    refused("{\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"a\":0}}}",
            "WordPiece model needs one");
    refused("{\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"a\":0},\"unk_token\":\"a\","
            "\"max_input_chars_per_word\":1000000}}",
            "max_input_chars_per_word");
    accepted(BPE("\"a\":0,\"b\":900", ""));                            /* holes are fine */
    accepted(BPE("\"a\":0,\"aa\":1,\"aaaa\":2", "\"a a\",\"aa aa\"")); /* repeats are no cycle */
}

static void test_parts(void **state)
{
    (void)state;
    refused(WITH("normalizer", "{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"\"}"),
            "\"Precompiled\" is not supported");
    refused(WITH("normalizer", "{\"type\":\"Replace\",\"pattern\":{},\"content\":\"\"}"),
            "pattern");
    refused(WITH("normalizer",
                 "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"(\"},\"content\":\"\"}"),
            "regular expression");
    refused(WITH("pre_tokenizer", "{\"type\":\"UnicodeScripts\"}"), "UnicodeScripts");
    refused(WITH("pre_tokenizer",
                 "{\"type\":\"Split\",\"pattern\":{\"String\":\"x\"},\"behavior\":\"Odd\"}"),
            "Odd");
    refused(WITH("pre_tokenizer",
                 "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"ByteLevel\"},"
                 "{\"type\":\"Digits\"}]}"),
            "behind ByteLevel");
    refused(WITH("post_processor",
                 "{\"type\":\"BertProcessing\",\"cls\":[\"a\",7],\"sep\":[\"b\",1]}"),
            "outside the vocabulary");
    refused(WITH("post_processor", "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":"
                                   "{\"id\":\"x\"}}],\"special_tokens\":{}}"),
            "no \"x\"");
    refused(WITH("post_processor", "{\"type\":\"TemplateProcessing\",\"single\":[]}"), "once");
    refused(WITH("decoder", "{\"type\":\"CTC\"}"), "CTC");
    refused(WITH("decoder", "{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Fuse\"},"
                            "{\"type\":\"ByteLevel\"}]}"),
            "in this place");
    refused(WITH("added_tokens", "[{\"id\":0,\"content\":\"x\"}]"), "both have id 0");
    refused(WITH("added_tokens", "[{\"id\":5,\"content\":\"a\"}]"), "but 0 in the vocabulary");
    refused(WITH("added_tokens", "[{\"content\":\"x\"}]"), "lacks id");
    accepted(WITH("added_tokens", "[{\"id\":0,\"content\":\"a\"},{\"id\":7,\"content\":\"x\"}]"));
}

/* Sequences inside Sequences, without end. */
static void test_nesting(void **state)
{
    struct buf b = BUF;
    (void)state;
    buf_str(&b, "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[]},\"normalizer\":");
    for (int i = 0; i < 100; i++)
        buf_str(&b, "{\"type\":\"Sequence\",\"normalizers\":[");
    buf_str(&b, "{\"type\":\"NFC\"}");
    for (int i = 0; i < 100; i++)
        buf_str(&b, "]}");
    buf_str(&b, "}");
    refused(buf_text(&b), "\"Sequence\" is not supported");
    buf_free(&b);
}

static void test_files(void **state)
{
    struct error error = {0};
    (void)state;
    assert_null(tokenizer_load("no/such/folder", &error));
    assert_non_null(strstr(error.text, "no/such/folder"));
    assert_null(tokenizer_load("tests/model", &error));
    assert_non_null(strstr(error.text, "has no tokenizer.json"));
}

/* --- GGUF ------------------------------------------------------------------------------- */

static void put_number(struct buf *b, uint64_t x, int bytes)
{
    for (int i = 0; i < bytes; i++)
        buf_char(b, (char)(x >> 8 * i & 0xFF));
}

static void put_text(struct buf *b, const char *text)
{
    put_number(b, strlen(text), 8);
    buf_str(b, text);
}

static void gguf_head(struct buf *b, uint64_t version, uint64_t pairs)
{
    buf_clear(b);
    buf_str(b, "GGUF");
    put_number(b, version, 4);
    put_number(b, 0, 8);
    put_number(b, pairs, 8);
}

static void put_tokens(struct buf *b, int n)
{
    put_text(b, "tokenizer.ggml.tokens");
    put_number(b, 9, 4);
    put_number(b, 8, 4);
    put_number(b, (uint64_t)n, 8);
    for (int i = 0; i < n; i++) {
        char piece[2] = {(char)('a' + i), '\0'};
        put_text(b, piece);
    }
}

static void put_model(struct buf *b, const char *name)
{
    put_text(b, "tokenizer.ggml.model");
    put_number(b, 8, 4);
    put_text(b, name);
}

static void gguf_refused(const struct buf *b, const char *words)
{
    struct error error = {0};
    assert_null(tokenizer_parse_gguf(buf_view(b), &error));
    if (strstr(error.text, words) == NULL)
        fail_msg("\"%s\" lacks \"%s\"", error.text, words);
}

static void test_gguf(void **state)
{
    struct buf b = BUF;
    struct error error = {0};
    (void)state;
    buf_str(&b, "GGUX");
    gguf_refused(&b, "not a GGUF file");
    gguf_head(&b, 9, 0);
    gguf_refused(&b, "version 9");
    gguf_head(&b, 3, 0);
    gguf_refused(&b, "no tokenizer.ggml.tokens");
    gguf_head(&b, 3, UINT64_MAX);
    gguf_refused(&b, "torn");
    gguf_head(&b, 3, 1);
    put_number(&b, UINT64_MAX, 8); /* a key longer than anything */
    gguf_refused(&b, "torn");
    gguf_head(&b, 3, 1);
    put_text(&b, "x");
    put_number(&b, 9, 4);
    put_number(&b, 5, 4);
    put_number(&b, UINT64_MAX / 2, 8); /* an array whose size overflows */
    gguf_refused(&b, "torn");
    gguf_head(&b, 3, 2);
    put_tokens(&b, 3);
    put_model(&b, "t5");
    gguf_refused(&b, "\"t5\" is not supported");
    gguf_head(&b, 3, 2);
    put_tokens(&b, 3);
    put_model(&b, "llama");
    gguf_refused(&b, "needs a score");
    gguf_head(&b, 3, 2);
    put_tokens(&b, 3);
    put_model(&b, "gpt2");
    gguf_refused(&b, "tokenizer.ggml.pre");
    for (size_t cut = b.len; cut > 24; cut -= 7)
        assert_null(tokenizer_parse_gguf((struct slice){b.data, cut}, &error));
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model), cmocka_unit_test(test_parts), cmocka_unit_test(test_nesting),
        cmocka_unit_test(test_files), cmocka_unit_test(test_gguf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
