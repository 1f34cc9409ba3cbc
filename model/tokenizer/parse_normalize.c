/* The normaliser of a tokenizer.json; a Sequence is laid out flat. */
#include "model/tokenizer/parts.h"

#include "core/json.h"

#include <string.h>

const char *step_type(const struct json *node)
{
    return json_text(json_get(node, "type"), "");
}

bool step_absent(const struct json *node)
{
    return json_type(node) == JSON_ABSENT || json_type(node) == JSON_NULL;
}

int step_unsupported(const char *what, const struct json *node, struct error *error)
{
    return error_set(error, ERROR_INPUT, "%s.type \"%.40s\" is not supported", what,
                     step_type(node));
}

/* {"String": "…"} or {"Regex": "…"}: the literal in `pattern`, or the compiled expression. */
int step_pattern(const struct json *node, const char *what, struct buf *pattern,
                 struct regex **regex, struct error *error)
{
    struct slice literal = json_string(json_get(node, "String"));
    struct slice expression = json_string(json_get(node, "Regex"));
    *pattern = BUF_MAX(PIECE_MAX);
    *regex = NULL;
    if (literal.data != NULL && literal.len != 0) {
        buf_slice(pattern, literal);
    } else if (expression.data != NULL && expression.len != 0) {
        buf_slice(pattern, expression);
        *regex = regex_compile(buf_text(pattern), 0, error);
        if (*regex == NULL)
            return error_wrap(error, "%s", what);
    } else {
        return error_set(error, ERROR_INPUT, "%s: the pattern is neither String nor Regex", what);
    }
    return pattern->full ? error_set(error, ERROR_LIMIT, "%s: the pattern is too long", what) : 0;
}

struct normalizer *normalizer_add(struct normalizers *n, enum normalizer_kind kind,
                                  struct error *error)
{
    struct normalizer *step = &n->steps[n->n];
    if (n->n == STEPS_MAX) {
        error_set(error, ERROR_INPUT, "normalizer: more than %d steps", STEPS_MAX);
        return NULL;
    }
    n->n++;
    *step = (struct normalizer){.kind = kind,
                                .text = BUF_MAX(PIECE_MAX),
                                .pattern = BUF_MAX(PIECE_MAX)};
    return step;
}

/* clean, ideographs apart; then accents off; then lower case. */
static int parse_bert(struct normalizers *n, const struct json *node, struct error *error)
{
    const struct json *accents = json_get(node, "strip_accents");
    bool lower = json_true(json_get(node, "lowercase"));
    struct normalizer *step;
    step = normalizer_add(n, NORMALIZE_BERT, error);
    if (step == NULL)
        return -1;
    step->clean = json_true(json_get(node, "clean_text"));
    step->chinese = json_true(json_get(node, "handle_chinese_chars"));
    if (step_absent(accents) ? lower : json_true(accents)) {
        if (normalizer_add(n, NORMALIZE_NFD, error) == NULL)
            return -1;
        step = normalizer_add(n, NORMALIZE_STRIP_ACCENTS, error);
        if (step == NULL)
            return -1;
        step->nonspacing = true;
    }
    return !lower || normalizer_add(n, NORMALIZE_LOWERCASE, error) != NULL ? 0 : -1;
}

static int parse_replace(struct normalizers *n, const struct json *node, struct error *error)
{
    struct slice content = json_string(json_get(node, "content"));
    struct normalizer *step;
    step = normalizer_add(n, NORMALIZE_REPLACE, error);
    if (step == NULL || step_pattern(json_get(node, "pattern"), "normalizer Replace",
                                     &step->pattern, &step->regex, error) != 0)
        return -1;
    if (content.data == NULL)
        return error_set(error, ERROR_INPUT, "normalizer Replace: has no content");
    if (step->regex != NULL)
        step->kind = NORMALIZE_REPLACE_REGEX;
    return buf_slice(&step->text, content);
}

static int parse_normalizer(struct normalizers *n, const struct json *node, int depth,
                            struct error *error)
{
    static const struct {
        const char *name;
        enum normalizer_kind kind;
    } simple[] = {
        {"NFC", NORMALIZE_NFC},
        {"NFD", NORMALIZE_NFD},
        {"NFKC", NORMALIZE_NFKC},
        {"NFKD", NORMALIZE_NFKD},
        {"Lowercase", NORMALIZE_LOWERCASE},
        {"StripAccents", NORMALIZE_STRIP_ACCENTS},
    };
    const char *type = step_type(node);
    struct normalizer *step;
    for (size_t i = 0; i < sizeof simple / sizeof *simple; i++)
        if (strcmp(type, simple[i].name) == 0)
            return normalizer_add(n, simple[i].kind, error) != NULL ? 0 : -1;
    if (strcmp(type, "Sequence") == 0 && depth < NESTING_MAX) {
        const struct json *list = json_get(node, "normalizers");
        for (const struct json *i = json_first(list); i != NULL; i = json_next(i))
            if (parse_normalizer(n, i, depth + 1, error) != 0)
                return -1;
        return 0;
    }
    if (strcmp(type, "BertNormalizer") == 0)
        return parse_bert(n, node, error);
    if (strcmp(type, "Replace") == 0)
        return parse_replace(n, node, error);
    if (strcmp(type, "Prepend") == 0) {
        step = normalizer_add(n, NORMALIZE_PREPEND, error);
        if (step == NULL)
            return -1;
        return buf_slice(&step->text, json_string(json_get(node, "prepend")));
    }
    if (strcmp(type, "Strip") == 0) {
        step = normalizer_add(n, NORMALIZE_STRIP, error);
        if (step == NULL)
            return -1;
        step->left = json_true(json_get(node, "strip_left"));
        step->right = json_true(json_get(node, "strip_right"));
        return 0;
    }
    return step_unsupported("normalizer", node, error);
}

int tokenizer_parse_normalizer(struct normalizers *n, const struct json *node, struct error *error)
{
    return step_absent(node) ? 0 : parse_normalizer(n, node, 0, error);
}
