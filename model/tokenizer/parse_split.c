/* The pre-tokeniser of a tokenizer.json; a Sequence is laid out flat. */
#include "model/tokenizer/parts.h"

#include "core/json.h"

#include <string.h>

static struct splitter *new_splitter(struct splitters *s, enum split_kind kind,
                                     enum split_behavior behavior, struct error *error)
{
    struct splitter *step = &s->steps[s->n];
    if (s->n == STEPS_MAX) {
        error_set(error, ERROR_INPUT, "pre_tokenizer: more than %d steps", STEPS_MAX);
        return NULL;
    }
    s->n++;
    *step = (struct splitter){.kind = kind, .behavior = behavior, .pattern = BUF_MAX(PIECE_MAX)};
    return step;
}

static int parse_behavior(const struct json *node, enum split_behavior *out, struct error *error)
{
    static const char *const names[] = {
        [SPLIT_REMOVED] = "Removed",
        [SPLIT_ISOLATED] = "Isolated",
        [SPLIT_MERGED_PREVIOUS] = "MergedWithPrevious",
        [SPLIT_MERGED_NEXT] = "MergedWithNext",
        [SPLIT_CONTIGUOUS] = "Contiguous",
    };
    const char *name = json_text(node, "");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0) {
            *out = (enum split_behavior)i;
            return 0;
        }
    return error_set(error, ERROR_INPUT, "pre_tokenizer: behavior \"%.40s\" is not supported",
                     name);
}

/* A pattern as a step: by its own matcher where there is one. */
static int add_pattern(struct splitters *s, struct splitter *step, const char *pattern)
{
    const char *name = NULL;
    split_matcher *matcher = split_known(pattern, &name);
    if (matcher == NULL || step->invert)
        return 0;
    step->kind = SPLIT_KNOWN;
    step->matcher = matcher;
    if (s->name == NULL)
        s->name = name;
    return 0;
}

static int parse_split(struct splitters *s, const struct json *node, struct error *error)
{
    struct splitter *step;
    step = new_splitter(s, SPLIT_LITERAL, SPLIT_ISOLATED, error);
    if (step == NULL ||
        step_pattern(json_get(node, "pattern"), "pre_tokenizer Split", &step->pattern, &step->regex,
                     error) != 0 ||
        parse_behavior(json_get(node, "behavior"), &step->behavior, error) != 0)
        return -1;
    step->invert = json_true(json_get(node, "invert"));
    if (step->regex == NULL)
        return 0;
    step->kind = SPLIT_REGEX;
    return add_pattern(s, step, buf_text(&step->pattern));
}

static int regex_step(struct splitters *s, const char *pattern, enum split_behavior behavior,
                      struct error *error)
{
    struct splitter *step;
    step = new_splitter(s, SPLIT_REGEX, behavior, error);
    if (step == NULL)
        return -1;
    buf_str(&step->pattern, pattern);
    step->regex = regex_compile(pattern, 0, error);
    return step->regex != NULL ? add_pattern(s, step, pattern) : -1;
}

static int parse_byte_level(struct tokenizer *t, const struct json *node, struct error *error)
{
    const struct json *use = json_get(node, "use_regex");
    struct normalizer *prefix;
    if (t->kind == TOKENIZER_WORDPIECE)
        return error_set(error, ERROR_INPUT,
                         "pre_tokenizer: ByteLevel with a WordPiece model is not "
                         "supported");
    t->kind = TOKENIZER_BYTE_BPE;
    if (json_true(json_get(node, "add_prefix_space"))) {
        if (t->splitters.n != 0)
            return error_set(error, ERROR_INPUT,
                             "pre_tokenizer: ByteLevel with add_prefix_space "
                             "behind other steps is not supported");
        prefix = normalizer_add(&t->prefix, NORMALIZE_PREFIX, error);
        if (prefix == NULL)
            return -1;
        buf_str(&prefix->text, " ");
    }
    if (use != NULL && !json_true(use))
        return 0;
    return regex_step(&t->splitters, split_known_gpt2, SPLIT_ISOLATED, error);
}

/* Blanks become the mark, one is put in front, and the text is cut before each. */
static int parse_metaspace(struct tokenizer *t, const struct json *node, struct error *error)
{
    struct slice mark = json_string(json_get(node, "replacement"));
    const struct json *old = json_get(node, "add_prefix_space"), *split = json_get(node, "split");
    const char *scheme = json_text(json_get(node, "prepend_scheme"),
                                   old != NULL && !json_true(old) ? "never" : "always");
    struct normalizer *step;
    struct splitter *cut;
    if (mark.data == NULL)
        mark = SLICE("\xE2\x96\x81");
    if (t->splitters.n != 0 || mark.len == 0)
        return error_set(error, ERROR_INPUT,
                         "pre_tokenizer: Metaspace behind other steps is not "
                         "supported");
    step = normalizer_add(&t->prefix, NORMALIZE_REPLACE, error);
    if (step == NULL)
        return -1;
    buf_str(&step->pattern, " ");
    buf_slice(&step->text, mark);
    if (strcmp(scheme, "never") != 0) {
        step = normalizer_add(&t->prefix, NORMALIZE_PREFIX, error);
        if (step == NULL)
            return -1;
        buf_slice(&step->text, mark);
        step->first_only = strcmp(scheme, "first") == 0;
    }
    if (split != NULL && !json_true(split))
        return 0;
    cut = new_splitter(&t->splitters, SPLIT_LITERAL, SPLIT_MERGED_NEXT, error);
    if (cut == NULL)
        return -1;
    return buf_slice(&cut->pattern, mark);
}

static int parse_simple_splitter(struct splitters *s, const struct json *node, struct error *error)
{
    const char *type = step_type(node);
    enum split_behavior behavior = SPLIT_ISOLATED;
    if (strcmp(type, "Digits") == 0) {
        if (!json_true(json_get(node, "individual_digits")))
            behavior = SPLIT_CONTIGUOUS;
        return new_splitter(s, SPLIT_DIGIT, behavior, error) != NULL ? 0 : -1;
    }
    if (strcmp(type, "Punctuation") == 0) {
        if (json_get(node, "behavior") != NULL &&
            parse_behavior(json_get(node, "behavior"), &behavior, error) != 0)
            return -1;
        return new_splitter(s, SPLIT_PUNCTUATION, behavior, error) != NULL ? 0 : -1;
    }
    if (strcmp(type, "WhitespaceSplit") == 0)
        return new_splitter(s, SPLIT_SPACE, SPLIT_REMOVED, error) != NULL ? 0 : -1;
    if (strcmp(type, "BertPreTokenizer") == 0) {
        if (new_splitter(s, SPLIT_SPACE, SPLIT_REMOVED, error) == NULL)
            return -1;
        return new_splitter(s, SPLIT_PUNCTUATION, SPLIT_ISOLATED, error) != NULL ? 0 : -1;
    }
    if (strcmp(type, "Whitespace") == 0) {
        /* \w as the regex crate has it, and what is neither that nor white space */
        int rc = regex_step(
            s, "[\\p{L}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}]+|[^\\p{L}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}\\s]+",
            SPLIT_REMOVED, error);
        if (rc == 0)
            s->steps[s->n - 1].invert = true;
        return rc;
    }
    return step_unsupported("pre_tokenizer", node, error);
}

static int parse_splitter(struct tokenizer *t, const struct json *node, int depth,
                          struct error *error)
{
    const char *type = step_type(node);
    if (t->kind == TOKENIZER_BYTE_BPE)
        return error_set(error, ERROR_INPUT,
                         "pre_tokenizer: %.40s behind ByteLevel is not supported", type);
    if (strcmp(type, "Sequence") == 0 && depth < NESTING_MAX) {
        const struct json *list = json_get(node, "pretokenizers");
        for (const struct json *i = json_first(list); i != NULL; i = json_next(i))
            if (parse_splitter(t, i, depth + 1, error) != 0)
                return -1;
        return 0;
    }
    if (strcmp(type, "Split") == 0)
        return parse_split(&t->splitters, node, error);
    if (strcmp(type, "ByteLevel") == 0)
        return parse_byte_level(t, node, error);
    if (strcmp(type, "Metaspace") == 0)
        return parse_metaspace(t, node, error);
    return parse_simple_splitter(&t->splitters, node, error);
}

int tokenizer_parse_splitter(struct tokenizer *t, const struct json *node, struct error *error)
{
    return step_absent(node) ? 0 : parse_splitter(t, node, 0, error);
}

/* Names of llama.cpp: the pattern, or the digits step in front of GPT-2's. */
int splitters_by_name(struct splitters *s, struct normalizers *n, struct slice name,
                      struct error *error)
{
    const char *pattern = split_pattern_named(name);
    if (slice_is(name, "smollm")) {
        if (new_splitter(s, SPLIT_DIGIT, SPLIT_ISOLATED, error) == NULL)
            return -1;
        pattern = split_known_gpt2;
    }
    if (pattern == NULL)
        return error_set(error, ERROR_INPUT,
                         "GGUF: tokenizer.ggml.pre \"%.*s\" is not supported (gpt-2, qwen2, "
                         "llama-bpe and smollm are)",
                         (int)(name.len < 40 ? name.len : 40), name.data != NULL ? name.data : "");
    if (slice_is(name, "qwen2") && normalizer_add(n, NORMALIZE_NFC, error) == NULL)
        return -1;
    return regex_step(s, pattern, SPLIT_ISOLATED, error);
}
