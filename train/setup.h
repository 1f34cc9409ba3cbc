/*
 * The setup of a run: everything that is known before the first step.
 *
 *     recipe -> settings -> tokenizer, template, config -> examples -> split -> course, identity
 */
#ifndef TRAIN_SETUP_H
#define TRAIN_SETUP_H

#include "core/buf.h"
#include "core/error.h"
#include "core/json.h"
#include "core/pool.h"
#include "core/recipe.h"
#include "corpus/corpus.h"
#include "model/chat.h"
#include "model/config.h"
#include "model/tokenizer.h"
#include "train/course.h"
#include "train/distill/distill.h"
#include "train/examples.h"
#include "train/resume.h"
#include "train/settings.h"

#include <stddef.h>
#include <stdint.h>

enum { SETUP_STOPS = CONFIG_MAX_EOS };

struct setup {
    struct train_settings settings;
    struct pool *pool;
    struct tokenizer *tokenizer;
    struct chat_template *chat;
    struct model_config config;
    struct examples examples;
    struct labelled_set labelled; /* encoders: the rows behind the examples */
    const char **classes;         /* of labelled.labels, what the model is made with */
    uint32_t *train, *held;       /* numbers of examples */
    size_t n_train, n_held;       /* all held-out rows; of them the first n_measured are measured */
    size_t n_measured;
    struct course course;
    struct distill distill;     /* where settings.distill has a source */
    int32_t stops[SETUP_STOPS]; /* end-of-turn and end-of-text ids */
    int32_t n_stops;
    struct buf recipe; /* the identity of the recipe */
    char data[33], student[33];
    struct buf export_as; /* how it is to be written: with the identity, what "finished" means */
};

/* Everything but the model.  -1 with the reason and what to do. */
int setup_open(struct setup *s, const struct recipe *recipe, struct corpus *corpus,
               struct error *error);
void setup_close(struct setup *s);
struct resume_identity setup_identity(const struct setup *s);

/* Load the student or draw it, with its workspace; owned by the caller (model_free). */
struct model *setup_model(const struct setup *s, struct error *error);

/* The student's own replies of this run, or NULL (policy_free). */
struct policy *setup_policy(const struct setup *s);
/* The distillation of this run, or NULL. */
struct distill *setup_distill(struct setup *s);

/* rows: {kept, trained, held_out, cut, too_long, empty, refused}, tokens and steps. */
void setup_describe(const struct setup *s, struct json *report);

#endif
