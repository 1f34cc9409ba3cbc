/*
 * Tokenizers: text to ids and back, exactly as the `tokenizer.json` of a model folder says.
 *
 * Built: byte-level BPE (GPT-2, Qwen2/2.5/3, Llama-3, SmolLM2, MiniMind), SentencePiece-type BPE
 * with byte fallback (Llama-2, TinyLlama, Mistral, Phi-3), WordPiece (BERT), and the vocabularies
 * inside GGUF files of kind "llama" and "gpt2".  Anything a file asks for that is not built
 * (Unigram, a Precompiled normaliser …) is refused by name when it is loaded.
 *
 * A `struct tokenizer` never changes after loading: any number of threads may use it at once,
 * each with a scratch of its own (the word cache and the buffers).
 *
 *     struct tokenizer *t = tokenizer_load("Qwen2.5-0.5B", error);
 *     struct tokenizer_scratch *s = tokenizer_scratch_new(t);
 *     struct tokens ids = TOKENS;
 *     tokenizer_encode(t, s, SLICE("Hello"), 0, &ids, error);
 *     …
 *     tokens_free(&ids); tokenizer_scratch_free(s); tokenizer_free(t);
 *
 * Untrusted text never becomes a control token: without TOKENIZER_PARSE_* a literal such as
 * "<|im_end|>" is ordinary text, spelled in ordinary tokens.
 *
 * Invalid UTF-8 is repaired on the way in: each maximal bad part becomes U+FFFD (Unicode 3.9).
 */
#ifndef MODEL_TOKENIZER_H
#define MODEL_TOKENIZER_H

#include "core/buf.h"
#include "core/error.h"
#include "core/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tokenizer;
struct tokenizer_scratch;

/* --- loading ---------------------------------------------------------------------------- */

/* A model folder (tokenizer.json, and tokenizer_config.json, special_tokens_map.json and
 * generation_config.json where present), a tokenizer.json itself (its neighbours are read too), or
 * a .gguf file.  NULL and ERROR_INPUT or ERROR_IO on failure. */
struct tokenizer *tokenizer_load(const char *path, struct error *error);
/* From text in memory; `config` is the tokenizer_config.json or the absent slice. */
struct tokenizer *tokenizer_parse(struct slice json, struct slice config, struct error *error);
/* The vocabulary inside a GGUF file in memory. */
struct tokenizer *tokenizer_parse_gguf(struct slice file, struct error *error);
void tokenizer_free(struct tokenizer *t);

/* The working memory of one thread. */
struct tokenizer_scratch *tokenizer_scratch_new(const struct tokenizer *t);
void tokenizer_scratch_free(struct tokenizer_scratch *s);

/* --- encoding --------------------------------------------------------------------------- */

/* Where a token came from: bytes [begin, end) of the text that was passed in.  Tokens that share
 * a character (byte-level pieces of one emoji) share its range; tokens that the post-processor
 * adds have an empty one.  Where a normaliser merged or changed characters the range covers all
 * the characters that went into it. */
struct token_range {
    uint32_t begin, end;
};

/* A growing list of ids; the encoders append.  `ranges` is parallel to `ids` once an encoder was
 * asked for TOKENIZER_RANGES, and NULL before. */
struct tokens {
    int32_t *ids;
    size_t n, cap;
    struct token_range *ranges;
    size_t ranges_cap;
};
#define TOKENS ((struct tokens){NULL, 0, 0, NULL, 0})
void tokens_clear(struct tokens *v); /* empty, memory kept */
void tokens_free(struct tokens *v);
void tokens_push(struct tokens *v, int32_t id);

enum tokenizer_flags {
    TOKENIZER_TEMPLATE = 1,      /* add what the post-processor adds (<s>, [CLS] …) */
    TOKENIZER_PARSE_SPECIAL = 2, /* literals of control tokens in the text become their ids */
    TOKENIZER_PARSE_ADDED = 4,   /* so do literals of added tokens that are not control tokens
                                    (<think>, <tool_call>) */
    TOKENIZER_PARSE = TOKENIZER_PARSE_SPECIAL | TOKENIZER_PARSE_ADDED,
    TOKENIZER_RANGES = 8,        /* fill `ranges` */
    TOKENIZER_SKIP_SPECIAL = 16, /* decoding: leave control tokens out */
    TOKENIZER_LITERAL = 32,      /* with PARSE, of a span: tokens are matched as written, before the
                                    normaliser, those marked "normalized" too (a normaliser that
                                    prepends a blank would hide them inside text) */
};

/* The longest text one call accepts; longer ones give ERROR_LIMIT. */
enum { TOKENIZER_MAX_TEXT = 1 << 25 };

/* Append the ids of the text.  0, or -1 with ERROR_LIMIT (text too long, or a split pattern that
 * explodes on it); then nothing was appended. */
int tokenizer_encode(const struct tokenizer *t, struct tokenizer_scratch *s, struct slice text,
                     unsigned flags, struct tokens *out, struct error *error);

/* Text of mixed trust, in one pass: ranges of it in order, each with its own TOKENIZER_PARSE_*
 * flags; a literal counts only if it lies wholly inside ranges that allow it.  The text between
 * control tokens is tokenised as one, across the edges of ranges, as an inference server would
 * tokenise the same string; only an edge marked `cut` is never crossed by a token (the ids before
 * and behind it are those of the two sides alone, with no word marker put in front of the second).
 * `starts[i]` (may be NULL) receives the index in `out` of the first id at or behind the beginning
 * of span i. */
struct tokenizer_span {
    size_t begin, end; /* each begins where the one before ended */
    unsigned parse;    /* TOKENIZER_PARSE_*, TOKENIZER_LITERAL, or 0 */
    bool cut;          /* no token crosses `begin` */
};
struct tokenizer_text {
    struct slice text;
    const struct tokenizer_span *spans; /* covering the text */
    size_t n;
    unsigned flags; /* TOKENIZER_TEMPLATE, TOKENIZER_RANGES */
};
int tokenizer_encode_spans(const struct tokenizer *t, struct tokenizer_scratch *s,
                           const struct tokenizer_text *text, size_t *starts, struct tokens *out,
                           struct error *error);

/* --- decoding --------------------------------------------------------------------------- */

/* Append the text of the ids; bytes that do not make a code point become U+FFFD.  Ids outside the
 * vocabulary are left out.  -1 when the buffer's maximum was reached. */
int tokenizer_decode(const struct tokenizer *t, const int32_t *ids, size_t n, unsigned flags,
                     struct buf *out);

/* Append the bytes that one token adds to decoded text: of a byte-level piece its bytes, perhaps a
 * part of a character; of "<0x0A>" the byte; of "▁the" " the"; of a control token none. */
int tokenizer_bytes(const struct tokenizer *t, int32_t id, struct buf *out);

/* Decoding one id at a time, for printing while a model writes.  What is handed out is final: a
 * code point whose bytes have not all arrived is held back, and the concatenation of all parts
 * is what tokenizer_decode gives for all ids. */
struct tokenizer_stream;
struct tokenizer_stream *tokenizer_stream_new(const struct tokenizer *t, unsigned flags);
int tokenizer_stream_add(struct tokenizer_stream *s, int32_t id, struct buf *out);
int tokenizer_stream_end(struct tokenizer_stream *s, struct buf *out); /* the rest; then empty */
void tokenizer_stream_free(struct tokenizer_stream *s);

/* --- what the vocabulary holds ---------------------------------------------------------- */

enum tokenizer_kind {
    TOKENIZER_BYTE_BPE, /* pieces spell bytes in the GPT-2 alphabet */
    TOKENIZER_SPM_BPE,  /* pieces spell characters, U+2581 is the blank, <0xNN> single bytes */
    TOKENIZER_WORDPIECE,
};

enum token_type { TOKEN_NORMAL, TOKEN_UNKNOWN, TOKEN_CONTROL, TOKEN_ADDED, TOKEN_BYTE, TOKEN_HOLE };

enum tokenizer_kind tokenizer_kind(const struct tokenizer *t);
/* One more than the largest id: an embedding needs at least so many rows. */
int32_t tokenizer_size(const struct tokenizer *t);
/* The id of a piece or of an added token as the file spells it; -1 where there is none. */
int32_t tokenizer_id(const struct tokenizer *t, struct slice piece);
/* The piece as the file spells it ("Ġthe", "▁the", "##ing"); absent for a hole. */
struct slice tokenizer_piece(const struct tokenizer *t, int32_t id);
enum token_type tokenizer_type(const struct tokenizer *t, int32_t id);
bool tokenizer_is_special(const struct tokenizer *t, int32_t id); /* a control token */
/* -1 where the model has none. */
int32_t tokenizer_bos(const struct tokenizer *t);
int32_t tokenizer_eos(const struct tokenizer *t);
int32_t tokenizer_pad(const struct tokenizer *t);
int32_t tokenizer_unk(const struct tokenizer *t);
/* The ranked merges, best first: for writers of other formats.  A pair of pieces. */
size_t tokenizer_merges(const struct tokenizer *t);
void tokenizer_merge(const struct tokenizer *t, size_t rank, struct slice *left,
                     struct slice *right);
/* The name llama.cpp gives the way text is split ("gpt-2", "qwen2", "llama-bpe", "smollm",
 * "default"), for `tokenizer.ggml.pre`. */
const char *tokenizer_split_name(const struct tokenizer *t);
/* XXH3-128 (hex) over all that decides the ids: what a cache of tokenised rows is keyed by. */
const char *tokenizer_digest(const struct tokenizer *t);
/* Bytes this tokenizer holds, without scratches. */
size_t tokenizer_memory(const struct tokenizer *t);

/* --- export ----------------------------------------------------------------------------- */

/* Write tokenizer.json, tokenizer_config.json and special_tokens_map.json into a folder.  The
 * tokenizer.json is the one that was loaded, byte for byte.  The config names
 * PreTrainedTokenizerFast, which loads every tokenizer.json as it stands (LlamaTokenizer rebuilds
 * it and changes ids), the special tokens, and `chat_template` (Jinja; may be the absent slice).
 * A tokenizer that came from a GGUF file is written as the equivalent tokenizer.json. */
int tokenizer_write(const struct tokenizer *t, const char *dir, struct slice chat_template,
                    struct error *error);

#endif
