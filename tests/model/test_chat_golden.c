/*
 * Every row of ../shared/golden/text/chat_templates.jsonl: the rendered text, the failures, the
 * spans of replies, and for Qwen the ids and the mask.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/chat.h"
#include "tests/model/shared.h"

#include <stdio.h>
#include <string.h>

struct golden {
    struct tokenizer *qwen;
    struct tokenizer_scratch *scratch;
    struct chat_template *template;
    char name[100];
    int rows, rendered, failures, replies, ids, ids_apart, failed;
};

static void use_template(struct golden *g, const char *name)
{
    struct buf source = BUF;
    struct error error = {0};
    char path[200];
    if (strcmp(g->name, name) == 0)
        return;
    (void)snprintf(g->name, sizeof g->name, "%s", name);
    (void)snprintf(path, sizeof path, "../shared/templates/%s.jinja", name);
    assert_int_equal(file_read(path, &source, &error), 0);
    chat_template_free(g->template);
    g->template = chat_template_parse(buf_view(&source), name, &error);
    if (g->template == NULL)
        fail_msg("%s", error.text);
    buf_free(&source);
}

static void complain(struct golden *g, const struct json *row, const char *what, const char *got)
{
    g->failed++;
    print_message("%s %s prompt=%d: %s\n  %s\n", g->name, json_text(json_get(row, "case"), ""),
                  json_true(json_get(row, "add_generation_prompt")), what, got);
}

static size_t number(const struct json *node, size_t i)
{
    return (size_t)json_number(json_at(node, i), -1);
}

static void check_replies(struct golden *g, const struct json *row, const struct chat_render *r)
{
    const struct json *want = json_get(row, "assistant");
    size_t at = 0;
    if (want == NULL)
        return;
    if (json_count(want) != r->n_replies) {
        complain(g, row, "number of replies", "");
        return;
    }
    for (size_t i = 0; i < r->n_replies; i++) {
        const struct json *content = json_get(json_at(want, i), "content");
        const struct json *supervised = json_get(json_at(want, i), "supervised");
        const struct chat_reply *x = &r->replies[i];
        g->replies++;
        if (x->begin != number(content, 0) || x->end != number(content, 1) ||
            x->supervised_begin != number(supervised, 0) ||
            x->supervised_end != number(supervised, 1)) {
            char got[200];
            (void)snprintf(got, sizeof got, "got %zu %zu %zu %zu, want %zu %zu %zu %zu", x->begin,
                           x->end, x->supervised_begin, x->supervised_end, number(content, 0),
                           number(content, 1), number(supervised, 0), number(supervised, 1));
            complain(g, row, "spans", got);
        }
    }
    for (size_t i = 0; i < r->n; i++) {
        assert_int_equal(r->spans[i].begin, at);
        assert_true(r->spans[i].end > at);
        at = r->spans[i].end;
    }
    assert_int_equal(at, r->text.len);
}

/* Without a token across an edge the ids are apply_chat_template's (the sanitised ones where a
 * content spells control tokens), and the mask its ranges. */
static void check_ids(struct golden *g, const struct json *row, const struct chat_render *r)
{
    const struct json *want = json_get(row, "qwen2_ids_sanitized");
    const struct json *ranges = json_get(row, "qwen2_supervised");
    struct chat_tokens got = CHAT_TOKENS;
    struct error error = {0};
    struct buf text = BUF;
    size_t supervised = 0, shift = 0;
    bool same;
    if (json_get(row, "qwen2_ids") == NULL)
        return;
    assert_int_equal(chat_encode(g->qwen, g->scratch, r, 0, &got, &error), 0);
    tokenizer_decode(g->qwen, got.tokens.ids, got.tokens.n, 0, &text);
    if (json_get(row, "qwen2_crossing") != NULL) {
        g->ids_apart++; /* header and reply apart: other ids, by design; the text is the same */
        same = true;
        if (strcmp(json_text(json_get(row, "case"), ""), "unicode") != 0)
            assert_true(slice_equal(buf_view(&text), buf_view(&r->text)));
    } else {
        g->ids++;
        if (want == NULL)
            want = json_get(row, "qwen2_ids");
        same = json_count(want) == got.tokens.n;
        for (size_t i = 0; same && i < got.tokens.n; i++)
            same = (size_t)got.tokens.ids[i] == number(want, i);
        for (size_t i = 0; json_get(row, "qwen2_ids_sanitized") == NULL && i < json_count(ranges);
             i++)
            for (size_t k = number(json_at(ranges, i), 0); k < number(json_at(ranges, i), 1); k++)
                if (got.mask[k] != 1)
                    complain(g, row, "mask", "a token of a reply is not supervised");
        for (size_t i = 0; i < json_count(ranges); i++)
            supervised += number(json_at(ranges, i), 1) - number(json_at(ranges, i), 0);
        if (json_get(row, "qwen2_ids_sanitized") == NULL && supervised != got.supervised)
            complain(g, row, "mask", "number of supervised tokens");
    }
    if (!same)
        complain(g, row, "ids", "");
    for (size_t i = 0; i < got.tokens.n; i++)
        shift += got.mask[i];
    assert_int_equal(shift, got.supervised);
    buf_free(&text);
    chat_tokens_free(&got);
}

static void check_row(const struct json *row, void *context)
{
    struct golden *g = context;
    const struct json *vars = json_get(row, "vars"), *want = json_get(row, "rendered");
    struct chat_input in = {
        .messages = json_get(row, "messages"),
        .tools = json_get(row, "tools"),
        .bos = json_text(json_get(vars, "bos_token"), NULL),
        .eos = json_text(json_get(vars, "eos_token"), NULL),
        .generation_prompt = json_true(json_get(row, "add_generation_prompt")),
        .date_ms = INT64_C(1736035200000), /* 2025-01-05 */
    };
    struct chat_render r = CHAT_RENDER;
    struct error error = {0};
    int rc;
    use_template(g, json_text(json_get(row, "template"), ""));
    g->rows++;
    rc = chat_render(g->template, &in, &r, &error);
    if (want == NULL) {
        const char *words = json_text(json_path(row, "error.message"), "");
        const char *kind = json_text(json_path(row, "error.kind"), "");
        g->failures++;
        if (rc == 0)
            complain(g, row, "should fail", buf_text(&r.text));
        else if (strcmp(kind, "TemplateError") == 0 && strstr(error.text, words) == NULL)
            complain(g, row, words, error.text);
    } else if (rc != 0) {
        complain(g, row, "fails", error.text);
    } else if (!slice_equal(json_string(want), buf_view(&r.text))) {
        complain(g, row, "text", buf_text(&r.text));
    } else {
        g->rendered++;
        check_replies(g, row, &r);
        check_ids(g, row, &r);
    }
    chat_render_free(&r);
}

static void test_chat_templates(void **state)
{
    struct golden g = {.name = ""};
    struct error error = {0};
    (void)state;
    if (!shared_has("golden/text"))
        skip();
    g.qwen = tokenizer_load("../shared/tokenizers/qwen2", &error);
    assert_non_null(g.qwen);
    g.scratch = tokenizer_scratch_new(g.qwen);
    shared_rows("../shared/golden/text/chat_templates.jsonl", check_row, &g);
    print_message("%d rows: %d rendered, %d failures, %d replies, %d with Qwen's ids, %d tokenised "
                  "apart; %d wrong\n",
                  g.rows, g.rendered, g.failures, g.replies, g.ids, g.ids_apart, g.failed);
    assert_int_equal(g.rows, 450);
    assert_int_equal(g.failed, 0);
    chat_template_free(g.template);
    tokenizer_scratch_free(g.scratch);
    tokenizer_free(g.qwen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_chat_templates)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
