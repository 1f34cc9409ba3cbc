/*
 * The components of a tokenizer.json: model, added tokens, post-processor.  Normalisers,
 * pre-tokenisers and decoders are in parse_steps.c.
 */
#include "model/tokenizer/parts.h"

#include "core/json.h"

#include <string.h>

/* --- vocabulary ------------------------------------------------------------------------- */

static int parse_vocab(struct vocab *v, const struct json *vocab, struct error *error)
{
    if (json_type(vocab) != JSON_OBJECT)
        return error_set(error, ERROR_INPUT, "model.vocab: expected an object of piece: id");
    vocab_expect(v, json_count(vocab));
    for (const struct json *item = json_first(vocab); item != NULL; item = json_next(item)) {
        int64_t id;
        if (json_integer(item, &id) != 0)
            return error_set(error, ERROR_INPUT,
                             "model.vocab: the id of \"%.60s\" is not an integer", json_key(item));
        if (vocab_add(v, slice_of(json_key(item)), id, TOKEN_NORMAL, error) != 0)
            return -1;
    }
    if (v->size == 0)
        return error_set(error, ERROR_INPUT, "model.vocab: is empty");
    return 0;
}

/* "a b" or ["a","b"]. */
static int merge_sides(const struct json *item, struct slice *left, struct slice *right)
{
    struct slice text = json_string(item);
    const char *blank;
    if (text.data != NULL) {
        blank = memchr(text.data, ' ', text.len);
        if (blank == NULL)
            return -1;
        *left = (struct slice){text.data, (size_t)(blank - text.data)};
        *right = slice_sub(text, left->len + 1, text.len);
        return memchr(right->data, ' ', right->len) == NULL ? 0 : -1;
    }
    if (json_type(item) != JSON_ARRAY || json_count(item) != 2)
        return -1;
    *left = json_string(json_at(item, 0));
    *right = json_string(json_at(item, 1));
    return left->data != NULL && right->data != NULL ? 0 : -1;
}

static int parse_merges(struct tokenizer *t, const struct json *merges, struct error *error)
{
    uint32_t rank = 0;
    if (json_type(merges) != JSON_ARRAY)
        return error_set(error, ERROR_INPUT, "model.merges: expected an array");
    for (const struct json *item = json_first(merges); item != NULL; item = json_next(item)) {
        struct slice left, right;
        if (merge_sides(item, &left, &right) != 0)
            return error_set(error, ERROR_INPUT,
                             "model.merges: number %u is neither \"a b\" nor "
                             "[\"a\",\"b\"]",
                             rank);
        if (merges_add(&t->bpe.merges, &t->vocab, left, right, rank, error) != 0)
            return -1;
        rank++;
    }
    return 0;
}

/* --- model ------------------------------------------------------------------------------ */

static bool set(const struct json *node)
{
    struct slice s = json_string(node);
    return s.data != NULL ? s.len != 0
                          : json_type(node) != JSON_ABSENT && json_type(node) != JSON_NULL &&
                                json_type(node) != JSON_FALSE && json_number(node, 1) != 0;
}

/* The id of the piece that a field names; -1 where it is null. */
static int find_unk(const struct tokenizer *t, const struct json *model, int32_t *id,
                    struct error *error)
{
    struct slice unk = json_string(json_get(model, "unk_token"));
    *id = -1;
    if (unk.data == NULL)
        return 0;
    *id = vocab_find(&t->vocab, unk);
    if (*id < 0)
        return error_set(error, ERROR_INPUT, "model.unk_token: \"%.*s\" is not in the vocabulary",
                         (int)(unk.len < 60 ? unk.len : 60), unk.data);
    t->vocab.pieces[*id].type = TOKEN_UNKNOWN;
    return 0;
}

static int parse_bpe(struct tokenizer *t, const struct json *model, struct error *error)
{
    static const char *const unbuilt[] = {"dropout", "continuing_subword_prefix",
                                          "end_of_word_suffix", NULL};
    for (size_t i = 0; unbuilt[i] != NULL; i++)
        if (set(json_get(model, unbuilt[i])))
            return error_set(error, ERROR_INPUT, "model.%s is not supported", unbuilt[i]);
    if (parse_vocab(&t->vocab, json_get(model, "vocab"), error) != 0 ||
        find_unk(t, model, &t->bpe.unk, error) != 0 ||
        parse_merges(t, json_get(model, "merges"), error) != 0)
        return -1;
    t->bpe.fuse_unk = json_true(json_get(model, "fuse_unk"));
    t->bpe.byte_fallback = json_true(json_get(model, "byte_fallback"));
    t->bpe.ignore_merges = json_true(json_get(model, "ignore_merges"));
    t->unk = t->bpe.unk;
    t->kind = TOKENIZER_SPM_BPE; /* until a ByteLevel step says otherwise */
    return 0;
}

static int parse_wordpiece(struct tokenizer *t, const struct json *model, struct error *error)
{
    struct slice prefix = json_string(json_get(model, "continuing_subword_prefix"));
    int64_t max = 100;
    if (parse_vocab(&t->vocab, json_get(model, "vocab"), error) != 0 ||
        find_unk(t, model, &t->wordpiece.unk, error) != 0)
        return -1;
    if (t->wordpiece.unk < 0)
        return error_set(error, ERROR_INPUT, "model.unk_token: a WordPiece model needs one");
    if (json_get(model, "max_input_chars_per_word") != NULL &&
        (json_integer(json_get(model, "max_input_chars_per_word"), &max) != 0 || max < 1 ||
         max > 10000))
        return error_set(error, ERROR_INPUT, "model.max_input_chars_per_word: expected 1..10000");
    buf_slice(&t->wordpiece.prefix, prefix.data != NULL ? prefix : SLICE("##"));
    t->wordpiece.max_chars = (size_t)max;
    t->unk = t->wordpiece.unk;
    t->kind = TOKENIZER_WORDPIECE;
    return 0;
}

int tokenizer_parse_model(struct tokenizer *t, const struct json *model, struct error *error)
{
    const char *type = json_text(json_get(model, "type"), NULL);
    if (json_type(model) != JSON_OBJECT)
        return error_set(error, ERROR_INPUT, "model: expected an object");
    if (type == NULL) /* old files do not say */
        type = json_get(model, "merges") != NULL ? "BPE" : "WordPiece";
    if (strcmp(type, "BPE") == 0)
        return parse_bpe(t, model, error);
    if (strcmp(type, "WordPiece") == 0)
        return parse_wordpiece(t, model, error);
    return error_set(error, ERROR_INPUT,
                     "model.type \"%.40s\" is not supported (BPE and WordPiece "
                     "are)",
                     type);
}

/* --- added tokens ----------------------------------------------------------------------- */

static int add_token(struct tokenizer *t, const struct json *item, struct error *error)
{
    struct slice content = json_string(json_get(item, "content"));
    struct added_token a = {.content = BUF_MAX(PIECE_MAX)};
    int64_t id;
    int32_t there;
    if (content.data == NULL || content.len == 0 || json_integer(json_get(item, "id"), &id) != 0)
        return error_set(error, ERROR_INPUT, "added_tokens: an entry lacks id or content");
    there = vocab_find(&t->vocab, content);
    a.special = json_true(json_get(item, "special"));
    if (there < 0 && vocab_add(&t->vocab, content, id, TOKEN_ADDED, error) != 0)
        return error_wrap(error, "added_tokens");
    if (there >= 0 && there != id)
        return error_set(error, ERROR_INPUT,
                         "added_tokens: \"%.*s\" has id %lld, but %d in the "
                         "vocabulary",
                         (int)(content.len < 60 ? content.len : 60), content.data, (long long)id,
                         there);
    a.id = (int32_t)id;
    if (t->vocab.pieces[id].type != TOKEN_UNKNOWN)
        t->vocab.pieces[id].type = a.special ? TOKEN_CONTROL : TOKEN_ADDED;
    t->vocab.pieces[id].special = t->vocab.pieces[id].special || a.special;
    a.normalized = json_true(json_get(item, "normalized"));
    a.lstrip = json_true(json_get(item, "lstrip"));
    a.rstrip = json_true(json_get(item, "rstrip"));
    a.single_word = json_true(json_get(item, "single_word"));
    buf_slice(&a.content, content);
    added_push(&t->added, &a);
    return 0;
}

int tokenizer_parse_added(struct tokenizer *t, const struct json *list, struct error *error)
{
    for (const struct json *item = json_first(list); item != NULL; item = json_next(item))
        if (add_token(t, item, error) != 0)
            return -1;
    return 0;
}

/* --- post-processor --------------------------------------------------------------------- */

/* Ids of one side: a processor that comes later writes outside of those before it. */
static int put_ids(int32_t *ids, size_t *n, const int32_t *more, size_t count, bool front,
                   struct error *error)
{
    if (*n + count > PROCESSOR_MAX)
        return error_set(error, ERROR_INPUT, "post_processor: adds more than %d tokens",
                         PROCESSOR_MAX);
    if (front)
        memmove(ids + count, ids, *n * sizeof *ids);
    memcpy(ids + (front ? 0 : *n), more, count * sizeof *ids);
    *n += count;
    return 0;
}

static int check_id(const struct tokenizer *t, const struct json *node, int32_t *out,
                    struct error *error)
{
    int64_t id;
    if (json_integer(node, &id) != 0 || id < 0 || id >= t->vocab.size)
        return error_set(error, ERROR_INPUT, "post_processor: names an id outside the vocabulary");
    *out = (int32_t)id;
    return 0;
}

/* The ids of a special token of a template: special_tokens[name].ids. */
static int template_ids(const struct tokenizer *t, const struct json *node, const char *name,
                        int32_t *ids, size_t *n, struct error *error)
{
    const struct json *list = json_get(json_get(json_get(node, "special_tokens"), name), "ids");
    for (const struct json *i = json_first(list); i != NULL; i = json_next(i)) {
        if (*n == PROCESSOR_MAX)
            return error_set(error, ERROR_INPUT, "post_processor: adds more than %d tokens",
                             PROCESSOR_MAX);
        if (check_id(t, i, &ids[*n], error) != 0)
            return -1;
        (*n)++;
    }
    if (json_type(list) != JSON_ARRAY)
        return error_set(error, ERROR_INPUT, "post_processor: special_tokens has no \"%.60s\"",
                         name);
    return 0;
}

static int parse_template(struct tokenizer *t, const struct json *node, struct error *error)
{
    int32_t ids[2][PROCESSOR_MAX];
    size_t n[2] = {0, 0};
    int side = 0, sequences = 0;
    const struct json *single = json_get(node, "single");
    for (const struct json *item = json_first(single); item != NULL; item = json_next(item)) {
        const struct json *special = json_get(item, "SpecialToken");
        if (special == NULL) {
            side = 1;
            sequences += json_get(item, "Sequence") != NULL;
            continue;
        }
        if (template_ids(t, node, json_text(json_get(special, "id"), ""), ids[side], &n[side],
                         error) != 0)
            return -1;
    }
    if (sequences != 1)
        return error_set(error, ERROR_INPUT,
                         "post_processor: the template for one text must hold it "
                         "once");
    if (put_ids(t->before, &t->n_before, ids[0], n[0], true, error) != 0)
        return -1;
    return put_ids(t->after, &t->n_after, ids[1], n[1], false, error);
}

/* BertProcessing and RobertaProcessing: "cls": ["[CLS]", 101], "sep": ["[SEP]", 102]. */
static int parse_cls_sep(struct tokenizer *t, const struct json *node, struct error *error)
{
    int32_t cls = -1, sep = -1;
    if (check_id(t, json_at(json_get(node, "cls"), 1), &cls, error) != 0 ||
        check_id(t, json_at(json_get(node, "sep"), 1), &sep, error) != 0 ||
        put_ids(t->before, &t->n_before, &cls, 1, true, error) != 0)
        return -1;
    return put_ids(t->after, &t->n_after, &sep, 1, false, error);
}

int tokenizer_parse_processor(struct tokenizer *t, const struct json *node, struct error *error)
{
    const char *type = json_text(json_get(node, "type"), "");
    if (json_type(node) == JSON_ABSENT || json_type(node) == JSON_NULL ||
        strcmp(type, "ByteLevel") == 0) /* ByteLevel trims offsets only */
        return 0;
    if (strcmp(type, "Sequence") == 0) {
        const struct json *list = json_get(node, "processors");
        for (const struct json *i = json_first(list); i != NULL; i = json_next(i)) {
            if (strcmp(json_text(json_get(i, "type"), ""), "Sequence") == 0)
                return error_set(error, ERROR_INPUT,
                                 "post_processor: a Sequence in a Sequence is "
                                 "not supported");
            if (tokenizer_parse_processor(t, i, error) != 0)
                return -1;
        }
        return 0;
    }
    if (strcmp(type, "TemplateProcessing") == 0)
        return parse_template(t, node, error);
    if (strcmp(type, "BertProcessing") == 0 || strcmp(type, "RobertaProcessing") == 0)
        return parse_cls_sep(t, node, error);
    return error_set(error, ERROR_INPUT, "post_processor.type \"%.40s\" is not supported", type);
}
