/*
 * What a loaded tokenizer is made of.  Private to model/tokenizer/.
 *
 *   text ─ added tokens (as written) ─ normalise ─ added tokens (normalised) ─ split ─ model ─ ids
 *          added.c                     normalize.c                             split.c   bpe.c
 *                                                                                        wordpiece.c
 */
#ifndef MODEL_TOKENIZER_PARTS_H
#define MODEL_TOKENIZER_PARTS_H

#include "core/buf.h"
#include "core/regex.h"
#include "core/slice.h"
#include "model/tokenizer.h"

enum {
    VOCAB_MAX_ID = (1 << 22) - 1, /* a larger id in a file is a mistake or an attack */
    PIECE_MAX = 1 << 16,          /* bytes of one piece */
    STEPS_MAX = 16,               /* normalisers, splitters, decoders each */
    NESTING_MAX = 4,              /* a Sequence in a Sequence */
    PROCESSOR_MAX = 16,           /* ids a post-processor adds on one side */
};

/* --- vocabulary (vocab.c) --------------------------------------------------------------- */

struct vocab {
    char *pool; /* all pieces, one behind the other */
    size_t pool_len, pool_cap;
    struct piece {
        uint32_t at, len;
        enum token_type type;
        bool special; /* a control token: added with "special": true */
    } * pieces;       /* by id; TOKEN_HOLE where the file has none */
    size_t cap;
    int32_t size; /* largest id + 1 */
    struct vocab_slot {
        int32_t id; /* -1 empty */
        uint32_t hash;
    } * table;         /* open addressing */
    size_t table_size; /* a power of two */
    size_t used;
};

/* -1 with ERROR_INPUT where the id is out of range or the id or piece is taken. */
int vocab_add(struct vocab *v, struct slice piece, int64_t id, enum token_type type,
              struct error *error);
void vocab_expect(struct vocab *v, size_t pieces);             /* make room in the table */
int32_t vocab_find(const struct vocab *v, struct slice piece); /* -1 none */
struct slice vocab_piece(const struct vocab *v, int32_t id);   /* absent for a hole */
void vocab_free(struct vocab *v);

/* --- merges (merges.c) ------------------------------------------------------------------ */

struct merge {
    uint64_t key;  /* left id << 32 | right id; MERGE_EMPTY in a free slot */
    uint32_t rank; /* smaller merges first; equal ranks: the leftmost first */
    int32_t id;    /* what the pair becomes */
};
#define MERGE_EMPTY UINT64_MAX

struct merges {
    struct merge *table;
    size_t mask;        /* table size - 1 */
    struct merge *list; /* in file order, for writers */
    size_t n, cap;
};
int merges_add(struct merges *m, const struct vocab *v, struct slice left, struct slice right,
               uint32_t rank, struct error *error);
void merges_index(struct merges *m); /* build the table: after the last merges_add */
void merges_free(struct merges *m);

static inline uint64_t merge_hash(uint64_t key)
{
    key *= 0x9E3779B97F4A7C15u;
    return key ^ key >> 32;
}

/* The merge of a pair, or NULL. */
static inline const struct merge *merges_find(const struct merges *m, int32_t left, int32_t right)
{
    uint64_t key = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
    for (size_t i = merge_hash(key) & m->mask;; i = (i + 1) & m->mask) {
        if (m->table[i].key == key)
            return &m->table[i];
        if (m->table[i].key == MERGE_EMPTY)
            return NULL;
    }
}

/* --- text with its origin (aligned.c) --------------------------------------------------- */

/* Text and, for each of its bytes, the range of the caller's text it came from; without a map
 * byte i came from base + i. */
struct aligned {
    struct slice text;
    const struct token_range *map;
    uint32_t base;
};
/* The origin of bytes [from, to). */
struct token_range aligned_range(const struct aligned *a, size_t from, size_t to);
struct aligned aligned_sub(const struct aligned *a, size_t from, size_t to);

/* A buffer that rewriting steps append to. */
struct aligned_out {
    struct buf text;
    struct token_range *map;
    size_t map_n, map_cap;
    bool mapped; /* keep the map */
};
void aligned_begin(struct aligned_out *o, bool mapped);
void aligned_emit(struct aligned_out *o, const char *data, size_t len, struct token_range from);
/* Copy bytes [from, to) of a with their origin. */
void aligned_copy(struct aligned_out *o, const struct aligned *a, size_t from, size_t to);
struct aligned aligned_view(const struct aligned_out *o);
void aligned_free(struct aligned_out *o);

/* --- normalisers (normalize.c, normalize_unicode.c) --------------------------------------- */

enum normalizer_kind {
    NORMALIZE_NFC,
    NORMALIZE_NFD,
    NORMALIZE_NFKC,
    NORMALIZE_NFKD,
    NORMALIZE_LOWERCASE,
    NORMALIZE_STRIP,
    NORMALIZE_STRIP_ACCENTS,
    NORMALIZE_PREPEND,
    NORMALIZE_REPLACE, /* a literal */
    NORMALIZE_REPLACE_REGEX,
    NORMALIZE_BERT,
    NORMALIZE_PREFIX, /* prepend `text` unless the text begins with it (pre-tokenisers) */
};

struct normalizer {
    enum normalizer_kind kind;
    struct buf text; /* what is prepended; what a replacement puts */
    struct buf pattern;
    struct regex *regex;
    bool left, right;    /* STRIP */
    bool first_only;     /* PREFIX: only at the beginning of the whole text */
    bool nonspacing;     /* STRIP_ACCENTS: category Mn only, as BERT; else all of M */
    bool clean, chinese; /* BERT: remove control characters; blanks around ideographs */
};

struct normalizers {
    struct normalizer steps[STEPS_MAX];
    size_t n;
};
void normalizers_free(struct normalizers *n);

struct normalize_scratch {
    struct aligned_out out[2];
    struct buf unit;
};
struct normalize_call {
    bool mapped;
    bool inner; /* not the beginning of a stretch: nothing is prepended */
    bool first; /* the beginning of the whole text */
};
/* The normalised text: `in` itself where nothing changes, else inside the scratch, valid until the
 * next call.  -1 on ERROR_LIMIT. */
int normalizers_apply(const struct normalizers *n, struct aligned in, struct normalize_call how,
                      struct normalize_scratch *s, struct aligned *out, struct error *error);
/* One step on its own (normalize_unicode.c).  Returns false where the text does not change. */
bool normalize_unicode_form(enum normalizer_kind kind, const struct aligned *in, struct buf *unit,
                            struct aligned_out *out);
bool normalize_strip_accents(const struct aligned *in, bool nonspacing, struct aligned_out *out);
bool normalize_lowercase(const struct aligned *in, struct aligned_out *out);
bool normalize_bert_clean(const struct aligned *in, bool chinese, bool clean,
                          struct aligned_out *out);

/* --- classes of characters (classes.c) --------------------------------------------------- */

enum char_class {
    CLASS_LETTER = 1,
    CLASS_NUMBER = 2,
    CLASS_SPACE = 4,
    CLASS_PUNCTUATION = 8, /* ASCII punctuation and category P */
    CLASS_MARK = 16,
    CLASS_WORD = 32,  /* \w: letters, marks, numbers, connectors */
    CLASS_INERT = 64, /* NFC leaves it alone, whatever stands before it */
};
unsigned class_of(uint32_t c);
extern const uint8_t class_ascii[128];

/* Decode a code point of text known to be valid; returns its length. */
static inline size_t char_decode(const char *p, uint32_t *c)
{
    const unsigned char *u = (const unsigned char *)p;
    if (u[0] < 0x80) {
        *c = u[0];
        return 1;
    }
    if (u[0] < 0xE0) {
        *c = (uint32_t)(u[0] & 0x1F) << 6 | (u[1] & 0x3Fu);
        return 2;
    }
    if (u[0] < 0xF0) {
        *c = (uint32_t)(u[0] & 0x0F) << 12 | (uint32_t)(u[1] & 0x3F) << 6 | (u[2] & 0x3Fu);
        return 3;
    }
    *c = (uint32_t)(u[0] & 0x07) << 18 | (uint32_t)(u[1] & 0x3F) << 12 |
         (uint32_t)(u[2] & 0x3F) << 6 | (u[3] & 0x3Fu);
    return 4;
}

static inline size_t char_len(unsigned char lead)
{
    return lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

/* --- splitting into words (split.c, split_known.c) ---------------------------------------- */

struct word_range {
    uint32_t begin, end;
};
struct word_list {
    struct word_range *words;
    size_t n, cap;
};

enum split_kind {
    SPLIT_KNOWN, /* a pattern with a hand-written matcher */
    SPLIT_REGEX,
    SPLIT_LITERAL,
    SPLIT_DIGIT, /* these match single characters: category N, punctuation, white space */
    SPLIT_PUNCTUATION,
    SPLIT_SPACE,
};
enum split_behavior {
    SPLIT_REMOVED,
    SPLIT_ISOLATED,
    SPLIT_MERGED_PREVIOUS,
    SPLIT_MERGED_NEXT,
    SPLIT_CONTIGUOUS,
};

/* Length of the first word of valid, non-empty text; the words cover it. */
typedef size_t split_matcher(const char *text, size_t len);

struct splitter {
    enum split_kind kind;
    enum split_behavior behavior;
    bool invert;
    split_matcher *matcher;
    struct regex *regex;
    struct buf pattern;
};
struct splitters {
    struct splitter steps[STEPS_MAX];
    size_t n;
    const char *name; /* llama.cpp's name of the way of splitting */
};
void splitters_free(struct splitters *s);
/* The matcher of a known pattern and its llama.cpp name, or NULL. */
split_matcher *split_known(const char *pattern, const char **name);
const char *split_pattern_named(struct slice name); /* the pattern of that name, or NULL */
/* SentencePiece vocabularies whose pieces never hold U+2581 behind another character: words are
 * blanks and what follows. */
split_matcher split_before_blanks;
extern const char *const split_known_gpt2; /* the pattern that ByteLevel has built in */

struct split_scratch {
    struct word_list lists[2];
    struct split_part { /* a range that the pattern matched, or one between matches */
        uint32_t begin, end;
        bool match;
    } * parts;
    size_t parts_n, parts_cap;
    struct regex_match *matches[STEPS_MAX];
};
/* The words of the text as ranges, in `*out` (inside the scratch). */
int splitters_apply(const struct splitters *s, struct slice text, struct split_scratch *scratch,
                    const struct word_list **out, struct error *error);
void split_scratch_free(struct split_scratch *s);

/* --- models ----------------------------------------------------------------------------- */

/* A model turns one word into ids. */
struct symbols {
    int32_t *ids;
    uint32_t *lens; /* bytes of the word each id stands for */
    size_t n, cap;
};
void symbols_push(struct symbols *s, int32_t id, size_t len);

struct bpe {
    struct merges merges;
    int32_t byte_ids[256];  /* byte-level: of a byte; byte fallback: of <0xNN>; -1 missing */
    int32_t ascii_ids[128]; /* character-level: ids of ASCII characters, -1 missing */
    int32_t unk;            /* -1: unknown characters are left out */
    bool byte_level, byte_fallback, fuse_unk, ignore_merges;
};
struct wordpiece {
    struct buf prefix; /* "##" */
    int32_t unk;
    size_t max_chars;
};

struct bpe_scratch {
    struct symbols word;
    struct buf spelled; /* the word in the GPT-2 alphabet, for ignore_merges */
    uint32_t *prev, *next;
    size_t links_cap;
    struct candidate {
        uint64_t order;      /* rank << 32 | position */
        int32_t left, right; /* ids when the candidate was made */
    } * heap;
    size_t heap_n, heap_cap;
};
/* Fill s->word.  `text` is valid UTF-8 (bytes of it, for byte-level). */
void bpe_word(const struct bpe *b, const struct vocab *v, struct slice text, struct bpe_scratch *s);
void bpe_scratch_free(struct bpe_scratch *s);
void wordpiece_word(const struct wordpiece *w, const struct vocab *v, struct slice text,
                    struct bpe_scratch *s);

/* --- the GPT-2 alphabet (alphabet.c) ------------------------------------------------------ */

uint32_t alphabet_char(unsigned char byte);
int alphabet_byte(uint32_t c); /* -1: not of the alphabet */
/* Append the bytes a piece spells; a piece with other characters stands for itself. */
void alphabet_bytes(struct slice piece, struct buf *out);
void alphabet_spell(struct slice bytes, struct buf *out);

/* --- added tokens (added.c) --------------------------------------------------------------- */

struct added_token {
    int32_t id;
    bool special, normalized, lstrip, rstrip, single_word;
    struct buf content;
    struct buf shown; /* normalised, where `normalized` */
};

/* A trie over the contents; node 0 is the root. */
struct added_trie {
    struct trie_node {
        uint32_t child, sibling; /* 0 none */
        int32_t token;           /* index of the added token that ends here, -1 none */
        unsigned char byte;
    } * nodes;
    size_t n, cap;
    bool first[256];
};
struct added {
    struct added_token *tokens;
    size_t n, cap;
    struct added_trie plain, normalized, literal; /* literal: all, as written */
    bool rewritten; /* the normaliser changes the content of some token */
};
void added_trie_put(struct added_trie *trie, struct slice content, int32_t token);
/* The longest token that text[from…] begins with: its index, or -1; *end behind it. */
int32_t added_trie_match(const struct added_trie *trie, struct slice text, size_t from,
                         size_t *end);
void added_push(struct added *a, const struct added_token *token); /* takes its content */
void added_free(struct added *a);

/* A stretch of the text: a token, or text (token -1). */
struct stretch {
    size_t begin, end;
    int32_t token; /* index in added.tokens */
};
struct stretches {
    struct stretch *items;
    size_t n, cap;
};
/* What to do with a literal at bytes [begin, end): take it; go on behind it (a token that is
 * not wanted is passed over whole, as the library does); or go on one byte further (it lies
 * across text that may not hold it, and another may begin inside it). */
enum gate { GATE_OPEN, GATE_PASS, GATE_SHUT };
struct added_gate {
    enum gate (*open)(const void *context, const struct added_token *token, size_t begin,
                      size_t end);
    /* How far a token that takes up white space may reach: the nearest edges. */
    size_t (*floor)(const void *context, size_t at);
    size_t (*ceiling)(const void *context, size_t at);
    const void *context;
};
void added_split(const struct added *a, const struct added_trie *trie, struct slice text,
                 const struct added_gate *gate, struct stretches *out);

/* --- decoders (decode.c) ------------------------------------------------------------------ */

enum decoder_kind {
    DECODE_BYTE_LEVEL,
    DECODE_BYTE_FALLBACK,
    DECODE_REPLACE,
    DECODE_STRIP,
    DECODE_METASPACE,
    DECODE_WORDPIECE,
    DECODE_FUSE,
};
struct decoder {
    enum decoder_kind kind;
    struct buf pattern, text; /* REPLACE; STRIP: pattern; WORDPIECE: the prefix */
    size_t start, stop;       /* STRIP */
    bool cleanup;             /* WORDPIECE */
    bool drop_first;          /* METASPACE: the first token's blanks go */
};
struct decoders {
    struct decoder steps[STEPS_MAX];
    size_t n;
};
void decoders_free(struct decoders *d);
/* The byte that "<0xNN>" names, or -1. */
int piece_byte(struct slice piece);

/* --- the whole ---------------------------------------------------------------------------- */

struct tokenizer {
    enum tokenizer_kind kind;
    struct vocab vocab;
    struct added added;
    struct normalizers normalizers;
    struct normalizers prefix; /* what pre-tokenisers rewrite before they split */
    struct splitters splitters;
    struct bpe bpe;
    struct wordpiece wordpiece;
    int32_t before[PROCESSOR_MAX], after[PROCESSOR_MAX]; /* the post-processor */
    size_t n_before, n_after;
    struct decoders decoders;
    int32_t bos, eos, pad, unk;
    struct buf source; /* the tokenizer.json; empty for a GGUF vocabulary */
    struct buf config; /* the tokenizer_config.json, may be empty */
    char digest[33];
};

/* parse.c: the components of a tokenizer.json. */
struct json;
int tokenizer_parse_model(struct tokenizer *t, const struct json *model, struct error *error);
int tokenizer_parse_normalizer(struct normalizers *n, const struct json *node, struct error *error);
int tokenizer_parse_splitter(struct tokenizer *t, const struct json *node, struct error *error);
int tokenizer_parse_processor(struct tokenizer *t, const struct json *node, struct error *error);
int tokenizer_parse_decoder(struct decoders *d, const struct json *node, struct error *error);
int tokenizer_parse_added(struct tokenizer *t, const struct json *list, struct error *error);
/* The way of splitting that llama.cpp has a name for. */
int splitters_by_name(struct splitters *s, struct normalizers *n, struct slice name,
                      struct error *error);
/* Shared by the step lists. */
const char *step_type(const struct json *node);
bool step_absent(const struct json *node);
int step_unsupported(const char *what, const struct json *node, struct error *error);
/* {"String": …} or {"Regex": …}: the text in `pattern`, and the expression compiled. */
int step_pattern(const struct json *node, const char *what, struct buf *pattern,
                 struct regex **regex, struct error *error);
struct normalizer *normalizer_add(struct normalizers *n, enum normalizer_kind kind,
                                  struct error *error);
struct tokenizer *tokenizer_new(void);
/* write.c: the digest of a tokenizer that did not come from a file: of what is written for it. */
void tokenizer_digest_parts(struct tokenizer *t);
/* Once the parts are in place: byte ids, cut_at_blank, the tries. */
int tokenizer_complete(struct tokenizer *t, struct error *error);

struct tokenizer_scratch {
    struct normalize_scratch normal, prefix;
    struct split_scratch split;
    struct bpe_scratch bpe;
    struct stretches plain, normalized;
    struct aligned_out repaired;
    struct tokenizer_span *spans; /* of the repaired text */
    size_t spans_cap;
    struct cache_entry *cache;
};

#endif
