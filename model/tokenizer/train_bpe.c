/*
 * Learning merges.  Each different word is a run of ids with a count.  A table holds, for each
 * pair of neighbours, how often it occurs and in which words; a heap gives the most frequent one.
 * Only pairs that hold the newest id get more frequent, and those are offered anew; other counts in
 * the heap may be too high, so an entry is put back with its true count when it comes up.
 */
#include "model/tokenizer_train.h"

#include "core/hash.h"
#include "core/mem.h"
#include "core/unicode.h"
#include "core/vec.h"
#include "model/tokenizer/parts.h"
#include "model/tokenizer/train_wordpiece.h"

#include <string.h>

enum { WORD_MAX = 1024, POOL_MAX = 1 << 30 };
#define NO_WORD UINT32_MAX

struct word {
    uint32_t at, len; /* of its bytes, and later of its ids, in the pool */
    uint64_t count;
};

struct pair {
    uint64_t key; /* left << 32 | right */
    uint64_t count;
    uint32_t *words; /* where it may occur; a word may stand twice */
    size_t n, cap;
    int32_t seen; /* the newest id when it was last added to `risen` */
};

struct offer {
    uint64_t count, key;
};

struct tokenizer_trainer {
    int32_t vocab_size, n_specials;
    const char *const *specials;
    const char *bos, *eos, *pad;
    uint64_t min_frequency;
    struct slice split_name; /* how texts are cut into words, here and in the result */
    struct splitters splitters;
    struct normalizers normalizers; /* none, for these splits */
    struct split_scratch scratch;
    struct buf pool; /* bytes of the words */
    struct word *words;
    size_t n, cap;
    uint32_t *index; /* of words by their bytes */
    size_t index_size;
    int32_t *ids; /* of all words, one behind the other */
    struct pair *pairs;
    size_t n_pairs, pairs_cap;
    uint32_t *table; /* of pairs by key */
    size_t table_size;
    struct offer *heap;
    size_t heap_n, heap_cap;
    int32_t newest;  /* the id that is being made */
    uint32_t *risen; /* pairs that hold it */
    size_t risen_n, risen_cap;
    struct buf repaired;
    struct tokenizer *bert; /* WordPiece: how texts are normalised and cut; else NULL */
    struct normalize_scratch normal;
};

/* --- words ------------------------------------------------------------------------------ */

/* BERT's normaliser and splitter, from a tokenizer that has only its control tokens. */
static int open_wordpiece(struct tokenizer_trainer *r, struct error *error)
{
    struct vocab v = {.size = 0};
    int rc = 0;
    r->specials = wordpiece_specials;
    for (r->n_specials = 0; rc == 0 && wordpiece_specials[r->n_specials] != NULL; r->n_specials++)
        rc = vocab_add(&v, slice_of(wordpiece_specials[r->n_specials]), r->n_specials,
                       TOKEN_CONTROL, error);
    if (rc == 0)
        r->bert = wordpiece_tokenizer(&v, error);
    vocab_free(&v);
    if (r->bert != NULL && r->vocab_size < 2 * r->n_specials)
        return error_set(error, ERROR_USAGE, "a vocabulary of %d pieces is too small",
                         r->vocab_size);
    return r->bert != NULL ? 0 : -1;
}

struct tokenizer_trainer *tokenizer_trainer_new(const struct tokenizer_train_options *options,
                                                struct error *error)
{
    struct tokenizer_trainer *r;
    int32_t n = 0;
    while (options->specials != NULL && options->specials[n] != NULL)
        n++;
    if ((!options->wordpiece && options->vocab_size < n + 256) ||
        options->vocab_size > VOCAB_MAX_ID) {
        error_set(error, ERROR_USAGE,
                  "a byte-level vocabulary has at least %d ids (256 bytes and %d control tokens), "
                  "not %d",
                  n + 256, n, options->vocab_size);
        return NULL;
    }
    r = mem_zero(1, sizeof *r);
    r->vocab_size = options->vocab_size;
    r->n_specials = n;
    r->specials = options->specials;
    r->bos = options->bos;
    r->eos = options->eos;
    r->pad = options->pad;
    r->min_frequency = options->min_frequency != 0 ? options->min_frequency : 2;
    r->newest = -1;
    r->pool = BUF_MAX(POOL_MAX);
    r->repaired = BUF_MAX(POOL_MAX);
    r->normal.unit = BUF;
    r->split_name = options->digits ? SLICE("smollm") : SLICE("gpt-2");
    if (splitters_by_name(&r->splitters, &r->normalizers, r->split_name, error) != 0 ||
        (options->wordpiece && open_wordpiece(r, error) != 0)) {
        tokenizer_trainer_free(r);
        return NULL;
    }
    return r;
}

static size_t word_slot(const struct tokenizer_trainer *r, struct slice word)
{
    size_t i = (size_t)hash64(word.data, word.len, 0) & (r->index_size - 1);
    while (r->index[i] != NO_WORD) {
        const struct word *w = &r->words[r->index[i]];
        if (w->len == word.len && memcmp(r->pool.data + w->at, word.data, word.len) == 0)
            break;
        i = (i + 1) & (r->index_size - 1);
    }
    return i;
}

static void index_words(struct tokenizer_trainer *r)
{
    r->index_size = r->index_size != 0 ? 2 * r->index_size : 4096;
    mem_free(r->index);
    r->index = mem_alloc(r->index_size * sizeof *r->index);
    for (size_t i = 0; i < r->index_size; i++)
        r->index[i] = NO_WORD;
    for (size_t i = 0; i < r->n; i++)
        r->index[word_slot(r, (struct slice){r->pool.data + r->words[i].at, r->words[i].len})] =
            (uint32_t)i;
}

static int count_word(struct tokenizer_trainer *r, struct slice word, struct error *error)
{
    size_t slot;
    if (r->index_size < 2 * (r->n + 1))
        index_words(r);
    slot = word_slot(r, word);
    if (r->index[slot] != NO_WORD) {
        r->words[r->index[slot]].count++;
        return 0;
    }
    r->words = vec_reserve(r->words, &r->cap, r->n + 1, sizeof *r->words);
    r->words[r->n] = (struct word){(uint32_t)r->pool.len, (uint32_t)word.len, 1};
    if (buf_slice(&r->pool, word) != 0)
        return error_set(error, ERROR_LIMIT,
                         "training a vocabulary: more than %d MB of different "
                         "words",
                         POOL_MAX >> 20);
    r->index[slot] = (uint32_t)r->n++;
    return 0;
}

int tokenizer_trainer_add(struct tokenizer_trainer *r, struct slice text, struct error *error)
{
    const struct word_list *words;
    if (!utf8_valid(text)) {
        buf_clear(&r->repaired);
        if (utf8_repair(text, &r->repaired) != 0)
            return error_set(error, ERROR_LIMIT, "training a vocabulary: a text is too long");
        text = buf_view(&r->repaired);
    }
    if (r->bert != NULL) {
        struct aligned normal = {.text = text};
        if (normalizers_apply(&r->bert->normalizers, normal, (struct normalize_call){.first = true},
                              &r->normal, &normal, error) != 0)
            return -1;
        text = normal.text;
    }
    if (splitters_apply(r->bert != NULL ? &r->bert->splitters : &r->splitters, text, &r->scratch,
                        &words, error) != 0)
        return -1;
    for (size_t i = 0; i < words->n; i++) {
        const struct word_range w = words->words[i];
        if (w.end - w.begin <= WORD_MAX &&
            count_word(r, slice_sub(text, w.begin, w.end - w.begin), error) != 0)
            return -1;
    }
    return 0;
}

/* --- pairs ------------------------------------------------------------------------------ */

static uint64_t key_of(int32_t left, int32_t right)
{
    return (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
}

static size_t pair_slot(const struct tokenizer_trainer *r, uint64_t key)
{
    size_t i = merge_hash(key) & (r->table_size - 1);
    while (r->table[i] != NO_WORD && r->pairs[r->table[i]].key != key)
        i = (i + 1) & (r->table_size - 1);
    return i;
}

static void index_pairs(struct tokenizer_trainer *r)
{
    r->table_size = r->table_size != 0 ? 2 * r->table_size : 4096;
    mem_free(r->table);
    r->table = mem_alloc(r->table_size * sizeof *r->table);
    for (size_t i = 0; i < r->table_size; i++)
        r->table[i] = NO_WORD;
    for (size_t i = 0; i < r->n_pairs; i++)
        r->table[pair_slot(r, r->pairs[i].key)] = (uint32_t)i;
}

static struct pair *pair_of(struct tokenizer_trainer *r, uint64_t key)
{
    size_t slot;
    if (r->table_size < 2 * (r->n_pairs + 1))
        index_pairs(r);
    slot = pair_slot(r, key);
    if (r->table[slot] == NO_WORD) {
        r->pairs = vec_reserve(r->pairs, &r->pairs_cap, r->n_pairs + 1, sizeof *r->pairs);
        r->pairs[r->n_pairs] = (struct pair){.key = key, .seen = -1};
        r->table[slot] = (uint32_t)r->n_pairs++;
    }
    return &r->pairs[r->table[slot]];
}

static void note_rise(struct tokenizer_trainer *r, struct pair *p, int32_t left, int32_t right)
{
    if ((left != r->newest && right != r->newest) || p->seen == r->newest)
        return;
    p->seen = r->newest;
    r->risen = vec_reserve(r->risen, &r->risen_cap, r->risen_n + 1, sizeof *r->risen);
    r->risen[r->risen_n++] = (uint32_t)(p - r->pairs);
}

/* Add the word's pairs to the counts, or take them away. */
static void count_pairs(struct tokenizer_trainer *r, uint32_t word, bool add)
{
    const struct word *w = &r->words[word];
    const int32_t *ids = r->ids + w->at;
    for (uint32_t i = 0; i + 1 < w->len; i++) {
        struct pair *p = pair_of(r, key_of(ids[i], ids[i + 1]));
        p->count = add ? p->count + w->count : p->count - w->count;
        if (add)
            note_rise(r, p, ids[i], ids[i + 1]);
        if (!add || (p->n != 0 && p->words[p->n - 1] == word))
            continue;
        p->words = vec_reserve(p->words, &p->cap, p->n + 1, sizeof *p->words);
        p->words[p->n++] = word;
    }
}

/* --- the heap: most frequent first, of equals the smaller key ------------------------------ */

static bool before(struct offer a, struct offer b)
{
    return a.count != b.count ? a.count > b.count : a.key < b.key;
}

static void heap_push(struct tokenizer_trainer *r, struct offer o)
{
    size_t i = r->heap_n++;
    r->heap = vec_reserve(r->heap, &r->heap_cap, r->heap_n, sizeof *r->heap);
    while (i > 0 && before(o, r->heap[(i - 1) / 2])) {
        r->heap[i] = r->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    r->heap[i] = o;
}

static struct offer heap_pop(struct tokenizer_trainer *r)
{
    struct offer top = r->heap[0], last = r->heap[--r->heap_n];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= r->heap_n)
            break;
        if (child + 1 < r->heap_n && before(r->heap[child + 1], r->heap[child]))
            child++;
        if (!before(r->heap[child], last))
            break;
        r->heap[i] = r->heap[child];
        i = child;
    }
    r->heap[i] = last;
    return top;
}

/* --- learning --------------------------------------------------------------------------- */

/* Each word's bytes as ids; of WordPiece its characters, where all are in the alphabet. */
static void first_ids(struct tokenizer_trainer *r, const struct vocab *v,
                      const int32_t byte_ids[256])
{
    r->ids = mem_alloc((r->pool.len + 1) * sizeof *r->ids);
    for (size_t i = 0; i < r->pool.len && r->bert == NULL; i++)
        r->ids[i] = byte_ids[(unsigned char)r->pool.data[i]];
    for (size_t i = 0; i < r->n && r->bert != NULL; i++) {
        struct word *w = &r->words[i];
        w->len = wordpiece_ids(v, (struct slice){r->pool.data + w->at, w->len}, r->ids + w->at);
    }
    for (size_t i = 0; i < r->n; i++)
        count_pairs(r, (uint32_t)i, true);
    for (size_t i = 0; i < r->n_pairs; i++)
        heap_push(r, (struct offer){r->pairs[i].count, r->pairs[i].key});
}

/* Join the pair everywhere in one word; false where it does not occur (any more). */
static bool join_in(struct tokenizer_trainer *r, uint32_t word, uint64_t key, int32_t id)
{
    struct word *w = &r->words[word];
    int32_t *ids = r->ids + w->at;
    uint32_t n = 0;
    bool found = false;
    for (uint32_t i = 0; i + 1 < w->len && !found; i++)
        found = key_of(ids[i], ids[i + 1]) == key;
    if (!found)
        return false;
    count_pairs(r, word, false);
    for (uint32_t i = 0; i < w->len; n++) {
        bool here = i + 1 < w->len && key_of(ids[i], ids[i + 1]) == key;
        ids[n] = here ? id : ids[i];
        i += here ? 2 : 1;
    }
    w->len = n;
    count_pairs(r, word, true);
    return true;
}

static void join(struct tokenizer_trainer *r, uint64_t key, int32_t id)
{
    struct pair joined = *pair_of(r, key);
    r->newest = id;
    r->risen_n = 0;
    pair_of(r, key)->words = NULL; /* the list is walked here; count_pairs may move the pairs */
    pair_of(r, key)->n = pair_of(r, key)->cap = 0;
    for (size_t i = 0; i < joined.n; i++)
        join_in(r, joined.words[i], key, id);
    for (size_t i = 0; i < r->risen_n; i++) {
        struct pair *p = &r->pairs[r->risen[i]];
        p->seen = -1;
        if (p->count != 0)
            heap_push(r, (struct offer){p->count, p->key});
    }
    mem_free(joined.words);
}

/* The id of the pair, which may be spelt by another pair already; -1 on failure. */
static int32_t add_piece(struct tokenizer *t, uint64_t key, struct error *error)
{
    struct buf piece = BUF_MAX(2 * PIECE_MAX);
    int32_t id;
    int rc = 0;
    wordpiece_join(vocab_piece(&t->vocab, (int32_t)(key >> 32)),
                   vocab_piece(&t->vocab, (int32_t)(key & 0xFFFFFFFFu)), &piece);
    id = vocab_find(&t->vocab, buf_view(&piece));
    if (id < 0) {
        id = t->vocab.size;
        rc = vocab_add(&t->vocab, buf_view(&piece), id, TOKEN_NORMAL, error);
    }
    buf_free(&piece);
    return rc == 0 ? id : -1;
}

static int add_merge(struct tokenizer *t, uint64_t key, struct error *error)
{
    struct slice left = vocab_piece(&t->vocab, (int32_t)(key >> 32));
    struct slice right = vocab_piece(&t->vocab, (int32_t)(key & 0xFFFFFFFFu));
    struct buf piece = BUF_MAX(2 * PIECE_MAX);
    int rc = 0;
    buf_slice(&piece, left);
    buf_slice(&piece, right);
    /* two pairs may spell the same piece; then the second becomes the same id */
    if (vocab_find(&t->vocab, buf_view(&piece)) < 0)
        rc = vocab_add(&t->vocab, buf_view(&piece), t->vocab.size, TOKEN_NORMAL, error);
    buf_free(&piece);
    if (rc != 0)
        return -1;
    left = vocab_piece(&t->vocab, (int32_t)(key >> 32)); /* the pool may have moved */
    right = vocab_piece(&t->vocab, (int32_t)(key & 0xFFFFFFFFu));
    return merges_add(&t->bpe.merges, &t->vocab, left, right, (uint32_t)t->bpe.merges.n, error);
}

static int learn(struct tokenizer_trainer *r, struct tokenizer *t, struct error *error)
{
    while (t->vocab.size < r->vocab_size && r->heap_n != 0) {
        struct offer top = heap_pop(r);
        uint64_t count = pair_of(r, top.key)->count;
        if (count != top.count) {
            if (count != 0)
                heap_push(r, (struct offer){count, top.key});
            continue;
        }
        if (count < r->min_frequency)
            break;
        if (r->bert != NULL) {
            const int32_t id = add_piece(t, top.key, error);
            if (id < 0)
                return -1;
            join(r, top.key, id);
            continue;
        }
        if (add_merge(t, top.key, error) != 0)
            return -1;
        join(r, top.key, t->bpe.merges.list[t->bpe.merges.n - 1].id);
    }
    return 0;
}

/* --- the tokenizer ---------------------------------------------------------------------- */

static int32_t role(const struct tokenizer *t, const char *name)
{
    return name != NULL ? vocab_find(&t->vocab, slice_of(name)) : -1;
}

/* Control tokens, then the alphabet in the order of its characters. */
static int first_pieces(const struct tokenizer_trainer *r, struct tokenizer *t, struct error *error)
{
    for (int32_t i = 0; i < r->n_specials; i++) {
        struct added_token a = {.id = i, .special = true, .content = BUF_MAX(PIECE_MAX)};
        if (vocab_add(&t->vocab, slice_of(r->specials[i]), i, TOKEN_CONTROL, error) != 0)
            return -1;
        t->vocab.pieces[i].special = true;
        buf_str(&a.content, r->specials[i]);
        added_push(&t->added, &a);
    }
    for (uint32_t c = 0; c < 0x144; c++) {
        struct buf piece = BUF_MAX(16);
        int rc = 0;
        buf_utf8(&piece, c);
        if (alphabet_byte(c) >= 0)
            rc = vocab_add(&t->vocab, buf_view(&piece), t->vocab.size, TOKEN_NORMAL, error);
        buf_free(&piece);
        if (rc != 0)
            return -1;
    }
    return 0;
}

static struct tokenizer *finish_wordpiece(struct tokenizer_trainer *r, struct error *error)
{
    struct tokenizer *t = tokenizer_new(), *made = NULL;
    struct wordpiece_alphabet *a = wordpiece_alphabet_new();
    int rc = 0;
    for (int32_t i = 0; i < r->n_specials && rc == 0; i++)
        rc = vocab_add(&t->vocab, slice_of(r->specials[i]), i, TOKEN_CONTROL, error);
    for (size_t i = 0; i < r->n; i++)
        wordpiece_alphabet_add(a, (struct slice){r->pool.data + r->words[i].at, r->words[i].len},
                               r->words[i].count);
    if (rc == 0)
        rc = wordpiece_alphabet_put(a, (size_t)(r->vocab_size - r->n_specials) / 4, &t->vocab,
                                    error);
    if (rc == 0) {
        first_ids(r, &t->vocab, NULL);
        rc = learn(r, t, error);
    }
    if (rc == 0)
        made = wordpiece_tokenizer(&t->vocab, error);
    wordpiece_alphabet_free(a);
    tokenizer_free(t);
    if (made == NULL)
        error_wrap(error, "training a vocabulary");
    return made;
}

struct tokenizer *tokenizer_trainer_finish(struct tokenizer_trainer *r, struct error *error)
{
    struct tokenizer *t;
    int32_t byte_ids[256];
    if (r->bert != NULL)
        return finish_wordpiece(r, error);
    t = tokenizer_new();
    if (first_pieces(r, t, error) != 0)
        goto fail;
    for (int i = 0; i < 256; i++) {
        struct buf piece = BUF_MAX(16);
        buf_utf8(&piece, alphabet_char((unsigned char)i));
        byte_ids[i] = vocab_find(&t->vocab, buf_view(&piece));
        buf_free(&piece);
    }
    first_ids(r, &t->vocab, byte_ids);
    if (learn(r, t, error) != 0)
        goto fail;
    t->kind = TOKENIZER_BYTE_BPE;
    t->decoders.steps[t->decoders.n++] = (struct decoder){.kind = DECODE_BYTE_LEVEL};
    t->bos = role(t, r->bos);
    t->eos = role(t, r->eos);
    t->pad = role(t, r->pad);
    if (splitters_by_name(&t->splitters, &t->normalizers, r->split_name, error) == 0 &&
        tokenizer_complete(t, error) == 0) {
        tokenizer_digest_parts(t);
        return t;
    }
fail:
    error_wrap(error, "training a vocabulary");
    tokenizer_free(t);
    return NULL;
}

void tokenizer_trainer_free(struct tokenizer_trainer *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->n_pairs; i++)
        mem_free(r->pairs[i].words);
    buf_free(&r->pool);
    buf_free(&r->repaired);
    splitters_free(&r->splitters);
    normalizers_free(&r->normalizers);
    split_scratch_free(&r->scratch);
    mem_free(r->words);
    mem_free(r->index);
    mem_free(r->ids);
    mem_free(r->pairs);
    mem_free(r->table);
    mem_free(r->heap);
    mem_free(r->risen);
    tokenizer_free(r->bert);
    for (int i = 0; i < 2; i++)
        aligned_free(&r->normal.out[i]);
    buf_free(&r->normal.unit);
    mem_free(r);
}
