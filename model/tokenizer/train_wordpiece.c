#include "model/tokenizer/train_wordpiece.h"

#include "core/json.h"
#include "core/mem.h"
#include "core/unicode.h"

#include <stdlib.h>
#include <string.h>

enum { CODES = 0x110000 };

const char *const wordpiece_specials[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", NULL};

static const char steps[] =
    "\"normalizer\":{\"type\":\"BertNormalizer\",\"clean_text\":true,"
    "\"handle_chinese_chars\":true,\"strip_accents\":null,\"lowercase\":true},"
    "\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},"
    "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":["
    "{\"SpecialToken\":{\"id\":\"[CLS]\",\"type_id\":0}},"
    "{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},"
    "{\"SpecialToken\":{\"id\":\"[SEP]\",\"type_id\":0}}],\"pair\":["
    "{\"SpecialToken\":{\"id\":\"[CLS]\",\"type_id\":0}},"
    "{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},"
    "{\"SpecialToken\":{\"id\":\"[SEP]\",\"type_id\":0}},"
    "{\"Sequence\":{\"id\":\"B\",\"type_id\":1}},"
    "{\"SpecialToken\":{\"id\":\"[SEP]\",\"type_id\":1}}],\"special_tokens\":{"
    "\"[CLS]\":{\"id\":\"[CLS]\",\"ids\":[2],\"tokens\":[\"[CLS]\"]},"
    "\"[SEP]\":{\"id\":\"[SEP]\",\"ids\":[3],\"tokens\":[\"[SEP]\"]}}},"
    "\"decoder\":{\"type\":\"WordPiece\",\"prefix\":\"##\",\"cleanup\":true},"
    "\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\","
    "\"continuing_subword_prefix\":\"##\",\"max_input_chars_per_word\":100,\"vocab\":{";

static const char config[] =
    "{\"cls_token\":\"[CLS]\",\"sep_token\":\"[SEP]\",\"pad_token\":\"[PAD]\","
    "\"unk_token\":\"[UNK]\",\"mask_token\":\"[MASK]\",\"do_lower_case\":true}";

struct tokenizer *wordpiece_tokenizer(const struct vocab *v, struct error *error)
{
    struct buf text = BUF;
    struct tokenizer *t;
    buf_str(&text, "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,"
                   "\"added_tokens\":[");
    for (int i = 0; wordpiece_specials[i] != NULL; i++)
        buf_printf(&text,
                   "%s{\"id\":%d,\"content\":\"%s\",\"single_word\":false,\"lstrip\":false,"
                   "\"rstrip\":false,\"normalized\":false,\"special\":true}",
                   i != 0 ? "," : "", i, wordpiece_specials[i]);
    buf_printf(&text, "],%s", steps);
    for (int32_t id = 0; id < v->size; id++) {
        buf_str(&text, id != 0 ? "," : "");
        json_quote(vocab_piece(v, id), 0, &text);
        buf_printf(&text, ":%d", id);
    }
    buf_str(&text, "}}}");
    t = tokenizer_parse(buf_view(&text), slice_of(config), error);
    buf_free(&text);
    return t;
}

/* --- the alphabet --------------------------------------------------------------------------- */

struct wordpiece_alphabet {
    uint64_t counts[CODES];
};

struct wordpiece_alphabet *wordpiece_alphabet_new(void)
{
    return mem_zero(1, sizeof(struct wordpiece_alphabet));
}

void wordpiece_alphabet_free(struct wordpiece_alphabet *a)
{
    mem_free(a);
}

void wordpiece_alphabet_add(struct wordpiece_alphabet *a, struct slice word, uint64_t count)
{
    uint32_t code;
    for (size_t i = 0; i < word.len;) {
        i += utf8_decode(word.data + i, word.len - i, &code);
        if (code < CODES)
            a->counts[code] += count;
    }
}

struct letter {
    uint64_t count;
    uint32_t code;
};

static int by_count(const void *x, const void *y)
{
    const struct letter *a = x, *b = y;
    if (a->count != b->count)
        return a->count > b->count ? -1 : 1;
    return (a->code > b->code) - (a->code < b->code);
}

static int by_code(const void *x, const void *y)
{
    const struct letter *a = x, *b = y;
    return (a->code > b->code) - (a->code < b->code);
}

static int put_letters(const struct letter *letters, size_t n, const char *before, struct vocab *v,
                       struct error *error)
{
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct buf piece = BUF_MAX(16);
        buf_str(&piece, before);
        buf_utf8(&piece, letters[i].code);
        rc = vocab_add(v, buf_view(&piece), v->size, TOKEN_NORMAL, error);
        buf_free(&piece);
    }
    return rc;
}

int wordpiece_alphabet_put(struct wordpiece_alphabet *a, size_t most, struct vocab *v,
                           struct error *error)
{
    struct letter *letters = mem_alloc(CODES * sizeof *letters);
    size_t n = 0;
    int rc;
    for (uint32_t c = 1; c < CODES; c++)
        if (a->counts[c] != 0)
            letters[n++] = (struct letter){a->counts[c], c};
    qsort(letters, n, sizeof *letters, by_count);
    if (n > most)
        n = most;
    qsort(letters, n, sizeof *letters, by_code);
    rc = put_letters(letters, n, "", v, error);
    if (rc == 0)
        rc = put_letters(letters, n, "##", v, error);
    mem_free(letters);
    return rc;
}

/* --- words and pieces ----------------------------------------------------------------------- */

uint32_t wordpiece_ids(const struct vocab *v, struct slice word, int32_t *ids)
{
    uint32_t n = 0, code;
    for (size_t i = 0; i < word.len; n++) {
        const size_t size = utf8_decode(word.data + i, word.len - i, &code);
        char piece[8] = "##";
        memcpy(piece + 2, word.data + i, size);
        ids[n] = vocab_find(v, i == 0 ? (struct slice){piece + 2, size}
                                      : (struct slice){piece, size + 2});
        if (ids[n] < 0)
            return 0;
        i += size;
    }
    return n;
}

void wordpiece_join(struct slice left, struct slice right, struct buf *piece)
{
    buf_slice(piece, left);
    buf_slice(piece, slice_sub(right, 2, right.len - 2));
}
