/*
 * Inside of the folder subject: a whole model, or an adapter whose base it names.
 * subject_folder.c opens it, folder_ask.c generates, folder_loss.c measures.
 */
#ifndef EVAL_FOLDER_H
#define EVAL_FOLDER_H

#include "eval/subject.h"
#include "model/model.h"
#include "model/supervise.h"

enum { FOLDER_STOPS = 8 };

struct folder {
    struct subject subject;
    struct model *model;
    struct tokenizer *tokenizer;
    struct chat_template *chat;
    struct supervise supervise;
    struct supervise_worker worker;
    struct chat_tokens tokens;
    int32_t stops[FOLDER_STOPS], n_stops;
    int64_t stored; /* bytes of the weights on disk */
};

/* The operations of subject_ops. */
int folder_ask(struct subject *s, const struct question *q, size_t n, subject_heard *heard,
               void *context, struct error *error);
int folder_likelihood(struct subject *s, const struct json *messages, const struct json *choices,
                      double *scores, struct error *error);
int folder_measure(struct subject *s, const struct subject_rows *rows, struct subject_measure *out,
                   struct error *error);

#endif
