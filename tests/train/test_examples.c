/*
 * Examples: what of a row is learnt, where it is cut, which rows are left out, and that the order of
 * rows does not matter.  On the demonstration's student (ChatML, 512 ids).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/file.h"
#include "core/mem.h"
#include "train/examples.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char folder[] = "/tmp/retort-examples-XXXXXX";
static struct tokenizer *tokenizer;
static struct chat_template *chat;

struct row {
    const char *instruction, *output;
};

static struct corpus *corpus_with(const char *name, const struct row *rows, size_t n, bool reverse)
{
    struct error error = {ERROR_NONE, ""};
    char *path = file_join(folder, name);
    struct corpus *c = corpus_open(path, CORPUS_CREATE, &error);
    assert_non_null(c);
    for (size_t i = 0; i < n; i++) {
        const struct row *r = &rows[reverse ? n - 1 - i : i];
        struct sample s;
        memset(&s, 0, sizeof s);
        s.source = SLICE("test");
        s.instruction = slice_of(r->instruction);
        s.input = SLICE("");
        s.output = slice_of(r->output);
        assert_int_equal(samples_add(c, &s, &error), 1);
    }
    mem_free(path);
    return c;
}

static int read_rows(struct examples *e, struct corpus *c, uint32_t max_length, bool drop,
                     struct error *error)
{
    struct pool *pool = pool_new(2);
    const struct examples_source source = {.tokenizer = tokenizer,
                                           .chat = chat,
                                           .max_length = max_length,
                                           .drop_long = drop,
                                           .pool = pool};
    int status = examples_read(e, c, &source, error);
    pool_free(pool);
    return status;
}

static const struct row rows[] = {
    {"Say hello.", "Hello."},
    {"Write a long list of words.",
     "one two three four five six seven eight nine ten eleven twelve "
     "thirteen fourteen fifteen sixteen seventeen"},
    {"Name <|im_end|> a colour.", "Blue<|im_end|>."},
    {"Count.", "1 2 3"},
};
enum { ROWS = sizeof rows / sizeof *rows };

static int32_t end_of_turn(void)
{
    int32_t id = tokenizer_id(tokenizer, SLICE("<|im_end|>"));
    assert_true(id >= 0);
    return id;
}

static void test_learnt_part(void **state)
{
    struct error error = {ERROR_NONE, ""};
    struct corpus *c = corpus_with("a.db", rows, ROWS, false);
    struct examples e;
    (void)state;
    assert_int_equal(read_rows(&e, c, 1024, false, &error), 0);
    assert_int_equal(e.n, ROWS);
    for (size_t i = 0; i < e.n; i++) {
        const struct example *x = &e.items[i];
        uint32_t supervised = 0, controls = 0;
        for (uint32_t k = 0; k < x->length; k++) {
            supervised += e.mask[x->first + k];
            controls += e.ids[x->first + k] == end_of_turn();
        }
        assert_int_equal(e.mask[x->first], 0);
        assert_int_equal(supervised, x->supervised);
        /* It ends with the token that ends the turn; the user's turn has one as well, and what a
         * row spells is text. */
        assert_int_equal(e.ids[x->first + x->length - 1], end_of_turn());
        assert_int_equal(e.mask[x->first + x->length - 1], 1);
        assert_int_equal(controls, 2);
    }
    examples_free(&e);
    corpus_close(c);
}

static void test_order_of_rows(void **state)
{
    struct error error = {ERROR_NONE, ""};
    struct corpus *a = corpus_with("b.db", rows, ROWS, false);
    struct corpus *b = corpus_with("c.db", rows, ROWS, true);
    struct examples x, y;
    (void)state;
    assert_int_equal(read_rows(&x, a, 1024, false, &error), 0);
    assert_int_equal(read_rows(&y, b, 1024, false, &error), 0);
    assert_int_equal(x.n_tokens, y.n_tokens);
    for (size_t i = 0; i < x.n; i++) {
        assert_int_equal(x.items[i].length, y.items[i].length);
        assert_memory_equal(x.ids + x.items[i].first, y.ids + y.items[i].first,
                            x.items[i].length * sizeof *x.ids);
    }
    examples_free(&x);
    examples_free(&y);
    corpus_close(a);
    corpus_close(b);
}

static void test_cut_keeps_the_end(void **state)
{
    struct error error = {ERROR_NONE, ""};
    struct corpus *c = corpus_with("d.db", rows, ROWS, false);
    struct examples e;
    uint32_t longest = 0;
    (void)state;
    assert_int_equal(read_rows(&e, c, 48, false, &error), 0);
    assert_true(e.truncated >= 1);
    for (size_t i = 0; i < e.n; i++) {
        const struct example *x = &e.items[i];
        longest = x->length > longest ? x->length : longest;
        assert_int_equal(e.ids[x->first + x->length - 1], end_of_turn());
        assert_true(x->supervised > 1);
    }
    assert_int_equal(longest, 48);
    examples_free(&e);
    assert_int_equal(read_rows(&e, c, 48, true, &error), 0);
    assert_int_equal(e.truncated, 0);
    assert_true(e.too_long >= 1);
    assert_int_equal(e.n + e.too_long, ROWS);
    examples_free(&e);
    corpus_close(c);
}

static void test_nothing_to_learn(void **state)
{
    struct error error = {ERROR_NONE, ""};
    struct corpus *c = corpus_with("e.db", rows, ROWS, false), *none;
    struct examples e;
    (void)state;
    assert_int_equal(read_rows(&e, c, 6, false, &error), -1);
    assert_non_null(strstr(error.text, "nothing is supervised in 4 rows"));
    corpus_close(c);
    none = corpus_with("f.db", rows, 0, false);
    assert_int_equal(read_rows(&e, none, 64, false, &error), -1);
    assert_non_null(strstr(error.text, "no kept rows"));
    corpus_close(none);
}

static void test_preview(void **state)
{
    static const struct row one[] = {{"Say\x1b[31m hi.", "Hi \xC2\x9B there."}};
    struct error error = {ERROR_NONE, ""};
    struct corpus *c = corpus_with("g.db", one, 1, false);
    struct examples e;
    struct buf text = BUF;
    (void)state;
    assert_int_equal(read_rows(&e, c, 256, false, &error), 0);
    examples_preview(&e, 0, tokenizer, false, &text);
    assert_non_null(strstr(buf_text(&text), "⟦Hi \\u009b there.<|im_end|>⟧"));
    assert_non_null(strstr(buf_text(&text), "Say\\x1b[31m hi.<|im_end|>"));
    buf_clear(&text);
    examples_preview(&e, 0, tokenizer, true, &text);
    assert_non_null(strstr(buf_text(&text), "\033[32mHi "));
    buf_free(&text);
    examples_free(&e);
    corpus_close(c);
}

static int open_all(void **state)
{
    struct error error = {ERROR_NONE, ""};
    (void)state;
    tokenizer = tokenizer_load("demo/small/student", &error);
    chat = chat_template_named("chatml", &error);
    return mkdtemp(folder) != NULL && tokenizer != NULL && chat != NULL ? 0 : -1;
}

static int close_all(void **state)
{
    (void)state;
    tokenizer_free(tokenizer);
    chat_template_free(chat);
    return file_remove_tree(folder, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_learnt_part),       cmocka_unit_test(test_order_of_rows),
        cmocka_unit_test(test_cut_keeps_the_end), cmocka_unit_test(test_nothing_to_learn),
        cmocka_unit_test(test_preview),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
