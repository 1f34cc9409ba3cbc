/*
 * A new student from nothing: a folder with a tokenizer (trained on texts, or an existing one), a
 * config.json and random weights, ready for `retort train` and for Hugging Face's libraries.
 *
 * The vocabulary is byte-level BPE with ChatML's control tokens <|endoftext|>, <|im_start|> and
 * <|im_end|>; the folder carries the ChatML template.  For an encoder (BERT) it is WordPiece, and
 * the folder has no head: train.task gives it one.
 */
#ifndef TRAIN_CREATE_H
#define TRAIN_CREATE_H

#include "core/error.h"

#include <stddef.h>
#include <stdint.h>

struct create_options {
    const char *dir;       /* must not hold a model yet */
    const char *config;    /* a config.json to take the shape from; vocab_size is replaced */
    const char *tokenizer; /* a folder to take the tokenizer from; NULL: train one */
    const char *const
        *texts; /* files to train it on: .jsonl (every text in every object) or lines */
    size_t n_texts;
    int32_t vocab; /* ids of the new tokenizer */
    uint64_t seed;
};

struct create_result {
    int32_t vocab;
    int64_t parameters;
};

int create_run(const struct create_options *options, struct create_result *result,
               struct error *error);

#endif
