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
    int rows, rendered, failures, replies, ids, ids_apart, ids_literal, failed;
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

/* The ids without those of ordinary text. */
static size_t control_ids(const struct golden *g, const struct json *ids, int32_t *out)
{
    size_t n = 0;
    for (const struct json *i = json_first(ids); i != NULL; i = json_next(i))
        if (tokenizer_is_special(g->qwen, (int32_t)json_number(i, -1)) && n < 64)
            out[n++] = (int32_t)json_number(i, -1);
    return n;
}

/* The same control tokens in the same order; the library's sanitising spells literals in content
 * character by character, here they are tokenised as ordinary text is. */
static bool same_controls(const struct golden *g, const struct json *want, const struct tokens *got)
{
    int32_t expected[64];
    size_t n = control_ids(g, want, expected), k = 0;
    for (size_t i = 0; i < got->n; i++)
        if (tokenizer_is_special(g->qwen, got->ids[i]) && (k == n || got->ids[i] != expected[k++]))
            return false;
    return k == n;
}

static bool same_ids(const struct json *want, const struct tokens *got)
{
    bool same = json_count(want) == got->n;
    for (size_t i = 0; same && i < got->n; i++)
        same = (size_t)got->ids[i] == number(want, i);
    return same;
}

static bool same_mask(const struct json *ranges, const struct chat_tokens *got)
{
    size_t supervised = 0;
    for (size_t i = 0; i < json_count(ranges); i++)
        for (size_t k = number(json_at(ranges, i), 0); k < number(json_at(ranges, i), 1); k++) {
            supervised++;
            if (k >= got->tokens.n || got->mask[k] != 1)
                return false;
        }
    return supervised == got->supervised;
}

static void check_ids(struct golden *g, const struct json *row, const struct chat_render *r)
{
    const struct json *sanitized = json_get(row, "qwen2_ids_sanitized");
    struct chat_tokens got = CHAT_TOKENS;
    struct error error = {0};
    if (json_get(row, "qwen2_ids") == NULL)
        return;
    assert_int_equal(chat_encode(g->qwen, g->scratch, r, 0, &got, &error), 0);
    if (sanitized != NULL) {
        g->ids_literal++;
        if (!same_controls(g, sanitized, &got.tokens))
            complain(g, row, "control tokens", "");
    } else if (json_get(row, "qwen2_crossing") != NULL) {
        g->ids_apart++; /* header and reply apart: other ids, by design, for the same text */
        assert_false(same_ids(json_get(row, "qwen2_ids"), &got.tokens));
        assert_true(same_controls(g, json_get(row, "qwen2_ids"), &got.tokens));
    } else {
        g->ids++;
        if (!same_ids(json_get(row, "qwen2_ids"), &got.tokens))
            complain(g, row, "ids", "");
        if (!same_mask(json_get(row, "qwen2_supervised"), &got))
            complain(g, row, "mask", "");
    }
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
                  "apart, %d with literals; %d wrong\n",
                  g.rows, g.rendered, g.failures, g.replies, g.ids, g.ids_apart, g.ids_literal,
                  g.failed);
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
