/*
 * Labelled rows, what an encoder learns and is measured on: texts with a class (or a pair of them),
 * questions with an answer inside of a text, or words with tags.  They come from a dataset, where
 * the teacher's answer is the label and its logprobs over the label words the soft label, or from
 * files:
 *
 *     NAME.tsv            SST-2 ("sentence  label"), MNLI ("sentence1 … sentence2 … gold_label"), or
 *                         two columns text, label, or three: text, text, label
 *     NAME.jsonl          the same names as members; "probabilities": {label: p} is a soft label
 *     NAME.json           SQuAD 1.1 and 2.0
 *     NAME.conll, .txt    CoNLL: a word a line, its tag in the last column, a blank line after each
 *                         sentence
 */
#ifndef CORPUS_LABELLED_H
#define CORPUS_LABELLED_H

#include "core/arena.h"
#include "core/error.h"
#include "core/hash.h"
#include "corpus/corpus.h"
#include "corpus/split.h"

#include <stddef.h>
#include <stdint.h>

enum labelled_task { LABELLED_NONE, LABELLED_CLASSIFY, LABELLED_TAG, LABELLED_ANSWER };

struct labelled_word {
    struct slice text;
    int32_t tag;
};
struct labelled_answer {
    struct slice text;
    size_t begin; /* byte in the context */
};

struct labelled {
    struct slice text, pair; /* the question and its context; a text and, maybe, a second one */
    int32_t label;           /* of a text */
    const float *soft;       /* [n_labels], sums to 1; NULL: none */
    const struct labelled_word *words;
    size_t n_words;
    const struct labelled_answer *answers; /* none: it cannot be answered */
    size_t n_answers;
    struct slice id;
    int64_t sample; /* number in the dataset, or place in the file from 1 */
    struct split_row split;
    struct hash128 hash;
};

struct labelled_set {
    enum labelled_task task;
    struct labelled *items;
    size_t n, cap;
    struct slice *labels; /* classes or tags, sorted where none were given */
    int32_t n_labels;
    size_t cap_labels;
    bool fixed;       /* the labels were given: another one is a mistake */
    size_t soft;      /* of n, how many have a soft label */
    size_t left_out;  /* dataset rows whose reply is no label, MNLI rows without one */
    struct slice odd; /* the first such reply */
    struct arena arena;
};

/* task, and the labels where they are known (NULL: they are those that occur). */
void labelled_open(struct labelled_set *s, enum labelled_task task, const char *const *labels,
                   size_t n);
void labelled_close(struct labelled_set *s);

/* Which part of a dataset's row is the text. */
enum labelled_text { LABELLED_INPUT, LABELLED_PROMPT };

/* -1 names file and line.  A file of the wrong kind for the task is refused. */
int labelled_read_file(struct labelled_set *s, const char *path, struct error *error);
/* Kept rows: text and label; rows whose reply is none of the labels are left out and counted. */
int labelled_read_corpus(struct labelled_set *s, struct corpus *c, enum labelled_text which,
                         struct error *error);
/* Sort labels where none were given, and rows by what they say; -1 where there is nothing to learn (no rows, one class). */
int labelled_finish(struct labelled_set *s, const char *where, struct error *error);

/* The formats, for labelled_read_file; `where` names the text in errors. */
int labelled_tsv(struct labelled_set *s, struct slice text, const char *where, struct error *error);
int labelled_jsonl(struct labelled_set *s, struct slice text, const char *where,
                   struct error *error);
int labelled_squad(struct labelled_set *s, struct slice text, const char *where,
                   struct error *error);
int labelled_conll(struct labelled_set *s, struct slice text, const char *where,
                   struct error *error);

/* Inside: the number of a label, added where labels are not fixed; -1 unknown. */
int32_t labelled_label(struct labelled_set *s, struct slice name);
/* A new row at the end. */
struct labelled *labelled_add(struct labelled_set *s);

#endif
