/*
 * A tokenizer as the files of a model folder.
 *
 * What was loaded from a tokenizer.json is written back byte for byte.  A vocabulary out of a GGUF
 * file is written as the tokenizer.json that the same model has elsewhere: GPT-2's byte-level form
 * or Llama 2's (Prepend and Replace, byte fallback).
 */
#include "model/tokenizer/parts.h"

#include "core/file.h"
#include "core/hash.h"
#include "core/json.h"
#include "core/mem.h"

#include <string.h>

/* --- a tokenizer.json out of the parts ---------------------------------------------------- */

static void quote_piece(const struct tokenizer *t, int32_t id, struct buf *out)
{
    json_quote(vocab_piece(&t->vocab, id), 0, out);
}

static void write_added(const struct tokenizer *t, struct buf *out)
{
    buf_str(out, "\"added_tokens\":[");
    for (size_t i = 0; i < t->added.n; i++) {
        const struct added_token *a = &t->added.tokens[i];
        buf_printf(out, "%s{\"id\":%d,\"content\":", i != 0 ? "," : "", a->id);
        quote_piece(t, a->id, out);
        buf_printf(out,
                   ",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,"
                   "\"normalized\":false,\"special\":%s}",
                   a->special ? "true" : "false");
    }
    buf_str(out, "],");
}

static void write_model(const struct tokenizer *t, struct buf *out)
{
    bool spm = t->kind == TOKENIZER_SPM_BPE;
    buf_str(out, "\"model\":{\"type\":\"BPE\",\"dropout\":null,\"unk_token\":");
    if (t->bpe.unk >= 0)
        quote_piece(t, t->bpe.unk, out);
    else
        buf_str(out, "null");
    buf_printf(out,
               ",\"continuing_subword_prefix\":null,\"end_of_word_suffix\":null,\"fuse_unk\":%s,"
               "\"byte_fallback\":%s,\"ignore_merges\":false,\"vocab\":{",
               spm ? "true" : "false", spm ? "true" : "false");
    for (int32_t id = 0, n = 0; id < t->vocab.size; id++) {
        if (t->vocab.pieces[id].type == TOKEN_HOLE)
            continue;
        buf_str(out, n++ != 0 ? "," : "");
        quote_piece(t, id, out);
        buf_printf(out, ":%d", id);
    }
    buf_str(out, "},\"merges\":[");
    for (size_t i = 0; i < t->bpe.merges.n; i++) {
        uint64_t key = t->bpe.merges.list[i].key;
        buf_str(out, i != 0 ? ",[" : "[");
        quote_piece(t, (int32_t)(key >> 32), out);
        buf_char(out, ',');
        quote_piece(t, (int32_t)(key & 0xFFFFFFFFu), out);
        buf_char(out, ']');
    }
    buf_str(out, "]}}");
}

/* One id on each side at most: what GGUF's add_bos_token and add_eos_token ask for. */
static void write_processor(const struct tokenizer *t, struct buf *out)
{
    const int32_t ids[2] = {t->n_before != 0 ? t->before[0] : -1,
                            t->n_after != 0 ? t->after[0] : -1};
    buf_str(out, "\"post_processor\":");
    if (ids[0] < 0 && ids[1] < 0) {
        buf_str(out, "null,");
        return;
    }
    buf_str(out, "{\"type\":\"TemplateProcessing\",\"single\":[");
    for (int side = 0; side < 2; side++) {
        if (ids[side] >= 0) {
            buf_printf(out, "%s{\"SpecialToken\":{\"id\":", side == 1 ? "," : "");
            quote_piece(t, ids[side], out);
            buf_printf(out, ",\"type_id\":0}}%s", side == 0 ? "," : "");
        }
        if (side == 0)
            buf_str(out, "{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}");
    }
    buf_str(out, "],\"pair\":[{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},"
                 "{\"Sequence\":{\"id\":\"B\",\"type_id\":1}}],\"special_tokens\":{");
    for (int side = 0; side < 2; side++) {
        if (ids[side] < 0 || (side == 1 && ids[1] == ids[0]))
            continue;
        if (side == 1 && ids[0] >= 0)
            buf_char(out, ',');
        quote_piece(t, ids[side], out);
        buf_str(out, ":{\"id\":");
        quote_piece(t, ids[side], out);
        buf_printf(out, ",\"ids\":[%d],\"tokens\":[", ids[side]);
        quote_piece(t, ids[side], out);
        buf_str(out, "]}");
    }
    buf_str(out, "}},");
}

static void write_steps(const struct tokenizer *t, struct buf *out)
{
    static const char replace[] =
        "{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"\xE2\x96\x81\"}";
    if (t->kind == TOKENIZER_SPM_BPE) {
        bool prepend = t->normalizers.n == 2;
        buf_printf(out, "\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[%s%s]},",
                   prepend ? "{\"type\":\"Prepend\",\"prepend\":\"\xE2\x96\x81\"}," : "", replace);
        buf_printf(out,
                   "\"pre_tokenizer\":null,\"decoder\":{\"type\":\"Sequence\",\"decoders\":["
                   "{\"type\":\"Replace\",\"pattern\":{\"String\":\"\xE2\x96\x81\"},"
                   "\"content\":\" \"},{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"}%s]},",
                   prepend ? ",{\"type\":\"Strip\",\"content\":\" \",\"start\":1,\"stop\":0}" : "");
        return;
    }
    buf_printf(out,
               "\"normalizer\":%s,\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[",
               t->normalizers.n != 0 ? "{\"type\":\"NFC\"}" : "null");
    if (t->splitters.steps[0].kind == SPLIT_DIGIT)
        buf_str(out, "{\"type\":\"Digits\",\"individual_digits\":true},");
    buf_str(out, "{\"type\":\"Split\",\"pattern\":{\"Regex\":");
    json_quote(buf_view(&t->splitters.steps[t->splitters.n - 1].pattern), 0, out);
    buf_str(out, "},\"behavior\":\"Isolated\",\"invert\":false},{\"type\":\"ByteLevel\","
                 "\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":false}]},"
                 "\"decoder\":{\"type\":\"ByteLevel\",\"add_prefix_space\":true,"
                 "\"trim_offsets\":true,\"use_regex\":true},");
}

static void write_json(const struct tokenizer *t, struct buf *out)
{
    buf_str(out, "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,");
    write_added(t, out);
    write_steps(t, out);
    write_processor(t, out);
    write_model(t, out);
}

void tokenizer_digest_parts(struct tokenizer *t)
{
    struct buf text = BUF;
    write_json(t, &text);
    hash128_hex(hash128(buf_text(&text), text.len), t->digest);
    buf_free(&text);
}

/* --- the configs ------------------------------------------------------------------------ */

static void put_roles(const struct tokenizer *t, struct json *root)
{
    const struct {
        const char *key;
        int32_t id;
    } roles[] = {
        {"bos_token", t->bos},
        {"eos_token", t->eos},
        {"pad_token", t->pad},
        {"unk_token", t->unk},
    };
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (roles[i].id >= 0)
            json_put_string(root, roles[i].key, vocab_piece(&t->vocab, roles[i].id));
}

static int write_file(const char *dir, const char *name, struct slice data, struct error *error)
{
    char *path = file_join(dir, name);
    int rc = file_replace(path, data, error);
    mem_free(path);
    return rc;
}

static int write_tree(const char *dir, const char *name, const struct json *root,
                      struct error *error)
{
    struct buf text = BUF;
    int rc = json_write(root, JSON_PRETTY, &text);
    rc = rc == 0 ? write_file(dir, name, buf_view(&text), error)
                 : error_set(error, ERROR_LIMIT, "%s: too long", name);
    buf_free(&text);
    return rc;
}

static int write_config(const struct tokenizer *t, const char *dir, struct slice chat_template,
                        struct error *error)
{
    struct json *root =
        t->config.len != 0 ? json_parse(buf_view(&t->config), 0, error) : json_new_object();
    int rc;
    if (root == NULL)
        return -1;
    json_put_string(root, "tokenizer_class", SLICE("PreTrainedTokenizerFast"));
    json_remove(root, "auto_map"); /* code that is not in the folder */
    json_remove(root, "legacy");   /* of the slow tokenizer: makes the library convert anew */
    put_roles(t, root);
    if (json_get(root, "clean_up_tokenization_spaces") == NULL)
        json_put_bool(root, "clean_up_tokenization_spaces", false);
    if (chat_template.data != NULL)
        json_put_string(root, "chat_template", chat_template);
    rc = write_tree(dir, "tokenizer_config.json", root, error);
    json_free(root);
    return rc;
}

int tokenizer_write(const struct tokenizer *t, const char *dir, struct slice chat_template,
                    struct error *error)
{
    struct buf made = BUF;
    struct json *map = json_new_object();
    int rc = -1;
    if (t->source.len == 0)
        write_json(t, &made);
    put_roles(t, map);
    if (write_file(dir, "tokenizer.json", buf_view(t->source.len != 0 ? &t->source : &made),
                   error) == 0 &&
        write_config(t, dir, chat_template, error) == 0)
        rc = write_tree(dir, "special_tokens_map.json", map, error);
    json_free(map);
    buf_free(&made);
    return rc == 0 ? 0 : error_wrap(error, "writing the tokenizer to %s", dir);
}
