/*
 * Static embeddings of texts (Model2Vec, and StaticEmbedding of sentence-transformers): the mean of
 * the vectors of a text's tokens, made unit length where the model says so.
 *
 * A folder holds tokenizer.json, config.json ("normalize") and model.safetensors with `embeddings`
 * [tokens, width] of F32, F16, BF16, F64 or I8; `weights` [tokens] and `mapping` [tokens] of
 * quantised vocabularies are read where present.  Unknown tokens do not count, special tokens are
 * not added, and nothing is cut off.
 */
#ifndef MODEL_EMBEDDER_H
#define MODEL_EMBEDDER_H

#include "core/error.h"
#include "core/hash.h"
#include "core/slice.h"

#include <stdbool.h>

struct embedder;

struct embedder *embedder_open(const char *dir, struct error *error);
void embedder_close(struct embedder *e);
int embedder_width(const struct embedder *e);
/* Of the table, the tokenizer and the settings. */
struct hash128 embedder_identity(const struct embedder *e);
/* The working memory of one thread. */
struct embedder_scratch;
struct embedder_scratch *embedder_scratch_new(const struct embedder *e);
void embedder_scratch_free(struct embedder_scratch *s);
/* out[width]; all zero where the text has no known token.  *known (may be NULL): which share of its
 * tokens the model knows; little of a text in a script it was not made for. */
int embedder_text(const struct embedder *e, struct embedder_scratch *scratch, struct slice text,
                  float *out, double *known, struct error *error);

#endif
