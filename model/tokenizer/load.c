/*
 * Loading: files to parts, and the questions a loaded tokenizer answers.
 */
#include "model/tokenizer/parts.h"

#include "core/file.h"
#include "core/hash.h"
#include "core/json.h"
#include "core/mem.h"

#include <stdio.h>
#include <string.h>

enum { FILE_MAX = 256 << 20, CONFIG_MAX = 16 << 20 };

struct tokenizer *tokenizer_new(void)
{
    struct tokenizer *t = mem_zero(1, sizeof *t);
    t->bos = t->eos = t->pad = t->unk = t->bpe.unk = t->wordpiece.unk = -1;
    t->wordpiece.prefix = BUF_MAX(PIECE_MAX);
    t->source = BUF_MAX(FILE_MAX);
    t->config = BUF_MAX(CONFIG_MAX);
    return t;
}

void tokenizer_free(struct tokenizer *t)
{
    if (t == NULL)
        return;
    vocab_free(&t->vocab);
    added_free(&t->added);
    normalizers_free(&t->normalizers);
    normalizers_free(&t->prefix);
    splitters_free(&t->splitters);
    merges_free(&t->bpe.merges);
    buf_free(&t->wordpiece.prefix);
    decoders_free(&t->decoders);
    buf_free(&t->source);
    buf_free(&t->config);
    mem_free(t);
}

/* --- completing ------------------------------------------------------------------------- */

static void find_byte_ids(struct tokenizer *t)
{
    struct bpe *b = &t->bpe;
    b->byte_level = t->kind == TOKENIZER_BYTE_BPE;
    for (int i = 0; i < 256; i++) {
        struct buf piece = BUF_MAX(16);
        if (b->byte_level)
            buf_utf8(&piece, alphabet_char((unsigned char)i));
        else
            buf_printf(&piece, "<0x%02X>", (unsigned)i);
        b->byte_ids[i] = vocab_find(&t->vocab, buf_view(&piece));
        if (!b->byte_level && b->byte_fallback && b->byte_ids[i] >= 0)
            t->vocab.pieces[b->byte_ids[i]].type = TOKEN_BYTE;
        buf_free(&piece);
    }
    for (int i = 0; i < 128; i++) {
        char c = (char)i;
        b->ascii_ids[i] = vocab_find(&t->vocab, (struct slice){&c, 1});
    }
}

/* Does any merge make a piece with U+2581 behind another character?  If none does, no merge ever
 * crosses such a place, and text may be cut there into words. */
static bool blank_begins_pieces(const struct tokenizer *t)
{
    static const char blank[] = "\xE2\x96\x81";
    if (t->kind != TOKENIZER_SPM_BPE || t->bpe.ignore_merges ||
        vocab_find(&t->vocab, SLICE(blank)) < 0)
        return false;
    for (size_t i = 0; i < t->bpe.merges.n; i++) {
        struct slice p = vocab_piece(&t->vocab, t->bpe.merges.list[i].id);
        for (size_t at = 3; at + 3 <= p.len; at++)
            if (memcmp(p.data + at, blank, 3) == 0 && memcmp(p.data + at - 3, blank, 3) != 0)
                return false;
        /* shorter characters in front of the first possible place */
        for (size_t at = 1; at < 3 && at + 3 <= p.len; at++)
            if (memcmp(p.data + at, blank, 3) == 0)
                return false;
    }
    return true;
}

static int fill_tries(struct tokenizer *t, struct error *error)
{
    struct normalize_scratch scratch = {0};
    struct normalize_call how = {.first = true};
    int rc = 0;
    for (size_t i = 0; i < t->added.n && rc == 0; i++) {
        struct added_token *a = &t->added.tokens[i];
        struct aligned content = {buf_view(&a->content), NULL, 0};
        added_trie_put(&t->added.literal, content.text, (int32_t)i);
        if (!a->normalized) {
            added_trie_put(&t->added.plain, content.text, (int32_t)i);
            continue;
        }
        rc = normalizers_apply(&t->normalizers, content, how, &scratch, &content, error);
        if (rc != 0)
            break;
        a->shown = BUF_MAX(PIECE_MAX * 4);
        buf_slice(&a->shown, content.text);
        t->added.rewritten |= !slice_equal(content.text, buf_view(&a->content));
        added_trie_put(&t->added.normalized, content.text, (int32_t)i);
    }
    aligned_free(&scratch.out[0]);
    aligned_free(&scratch.out[1]);
    buf_free(&scratch.unit);
    return rc;
}

int tokenizer_complete(struct tokenizer *t, struct error *error)
{
    struct splitters *s = &t->splitters;
    merges_index(&t->bpe.merges);
    find_byte_ids(t);
    if (blank_begins_pieces(t) && s->n < STEPS_MAX)
        s->steps[s->n++] = (struct splitter){.kind = SPLIT_KNOWN,
                                             .behavior = SPLIT_ISOLATED,
                                             .matcher = split_before_blanks};
    if (s->n >= 2 && s->steps[0].kind == SPLIT_DIGIT && s->name != NULL &&
        strcmp(s->name, "gpt-2") == 0)
        s->name = "smollm";
    if (s->name == NULL)
        s->name = "default";
    return fill_tries(t, error);
}

/* --- roles ------------------------------------------------------------------------------ */

/* "<s>" or {"content": "<s>", …}. */
static int32_t role_of(const struct tokenizer *t, const struct json *root, const char *key)
{
    const struct json *node = json_get(root, key);
    struct slice s = json_string(node);
    if (s.data == NULL)
        s = json_string(json_get(node, "content"));
    return s.data != NULL ? vocab_find(&t->vocab, s) : -1;
}

static void read_roles(struct tokenizer *t, const struct json *root)
{
    int32_t *const ids[] = {&t->bos, &t->eos, &t->pad, &t->unk};
    static const char *const keys[] = {"bos_token", "eos_token", "pad_token", "unk_token"};
    for (size_t i = 0; i < 4; i++)
        if (*ids[i] < 0)
            *ids[i] = role_of(t, root, keys[i]);
}

/* A folder without a config: the names that end a text in well-known vocabularies. */
static void guess_eos(struct tokenizer *t)
{
    static const char *const names[] = {"</s>",  "<|endoftext|>", "<|end_of_text|>",
                                        "<eos>", "[SEP]",         NULL};
    for (size_t i = 0; names[i] != NULL && t->eos < 0; i++) {
        int32_t id = vocab_find(&t->vocab, slice_of(names[i]));
        if (id >= 0 && tokenizer_is_special(t, id))
            t->eos = id;
    }
}

/* --- from text -------------------------------------------------------------------------- */

static int parse_parts(struct tokenizer *t, const struct json *root, struct error *error)
{
    if (json_type(root) != JSON_OBJECT)
        return error_set(error, ERROR_INPUT, "expected an object");
    if (tokenizer_parse_model(t, json_get(root, "model"), error) != 0 ||
        tokenizer_parse_added(t, json_get(root, "added_tokens"), error) != 0 ||
        tokenizer_parse_normalizer(&t->normalizers, json_get(root, "normalizer"), error) != 0 ||
        tokenizer_parse_splitter(t, json_get(root, "pre_tokenizer"), error) != 0 ||
        tokenizer_parse_processor(t, json_get(root, "post_processor"), error) != 0 ||
        tokenizer_parse_decoder(&t->decoders, json_get(root, "decoder"), error) != 0)
        return -1;
    return tokenizer_complete(t, error);
}

static int read_config(struct tokenizer *t, struct slice config, struct error *error)
{
    struct json *root;
    if (config.len == 0)
        return 0;
    root = json_parse(config, 0, error);
    if (root == NULL)
        return error_wrap(error, "tokenizer_config.json");
    read_roles(t, root);
    json_free(root);
    return buf_slice(&t->config, config) == 0
               ? 0
               : error_set(error, ERROR_LIMIT, "tokenizer_config.json: more than %d MB",
                           CONFIG_MAX >> 20);
}

/* Everything but guess_eos, which needs to know all neighbours first. */
static struct tokenizer *parse_text(struct slice json, struct slice config, struct error *error)
{
    struct tokenizer *t = tokenizer_new();
    struct json *root = NULL;
    if (buf_slice(&t->source, json) != 0) {
        error_set(error, ERROR_LIMIT, "tokenizer.json: more than %d MB", FILE_MAX >> 20);
        goto fail;
    }
    root = json_parse(json, 0, error);
    if (root == NULL || parse_parts(t, root, error) != 0) {
        error_wrap(error, "tokenizer.json");
        goto fail;
    }
    json_free(root);
    root = NULL;
    if (read_config(t, config, error) != 0)
        goto fail;
    hash128_hex(hash128(json.data, json.len), t->digest);
    return t;
fail:
    json_free(root);
    tokenizer_free(t);
    return NULL;
}

struct tokenizer *tokenizer_parse(struct slice json, struct slice config, struct error *error)
{
    struct tokenizer *t = parse_text(json, config, error);
    if (t != NULL)
        guess_eos(t);
    return t;
}

/* --- from files ------------------------------------------------------------------------- */

static int read_optional(const char *dir, const char *name, struct buf *out, struct error *error)
{
    char *path = file_join(dir, name);
    int rc = file_exists(path) ? file_read(path, out, error) : 0;
    mem_free(path);
    return rc;
}

static int read_map(struct tokenizer *t, const char *dir, struct error *error)
{
    struct buf text = BUF_MAX(CONFIG_MAX);
    struct json *root = NULL;
    int rc = read_optional(dir, "special_tokens_map.json", &text, error);
    if (rc == 0 && text.len != 0) {
        root = json_parse(buf_view(&text), 0, error);
        rc = root != NULL ? 0 : error_wrap(error, "%s/special_tokens_map.json", dir);
        read_roles(t, root);
    }
    json_free(root);
    buf_free(&text);
    return rc;
}

static struct tokenizer *load_json(const char *dir, const char *path, struct error *error)
{
    struct buf text = BUF_MAX(FILE_MAX), config = BUF_MAX(CONFIG_MAX);
    struct tokenizer *t = NULL;
    if (file_read(path, &text, error) == 0 &&
        read_optional(dir, "tokenizer_config.json", &config, error) == 0) {
        t = parse_text(buf_view(&text), buf_view(&config), error);
        if (t == NULL)
            error_wrap(error, "%s", dir);
    }
    buf_free(&text);
    buf_free(&config);
    if (t != NULL && read_map(t, dir, error) != 0) {
        tokenizer_free(t);
        return NULL;
    }
    if (t != NULL)
        guess_eos(t);
    return t;
}

static struct tokenizer *load_gguf(const char *path, struct error *error)
{
    struct file_map map;
    struct tokenizer *t;
    if (file_map(&map, path, error) != 0)
        return NULL;
    t = tokenizer_parse_gguf((struct slice){(const char *)map.data, map.size}, error);
    if (t == NULL)
        error_wrap(error, "%s", path);
    file_unmap(&map);
    return t;
}

struct tokenizer *tokenizer_load(const char *path, struct error *error)
{
    bool folder = file_is_dir(path);
    char *dir, *file;
    struct tokenizer *t;
    if (!folder && slice_ends(slice_of(path), ".gguf"))
        return load_gguf(path, error);
    dir = folder ? mem_strdup(path) : file_dir(path);
    file = folder ? file_join(path, "tokenizer.json") : mem_strdup(path);
    if (folder && !file_exists(file)) {
        error_set(error, ERROR_INPUT,
                  "%s: has no tokenizer.json; a folder with only vocab.json or "
                  "tokenizer.model has to be converted first",
                  path);
        t = NULL;
    } else {
        t = load_json(dir, file, error);
    }
    mem_free(dir);
    mem_free(file);
    return t;
}
