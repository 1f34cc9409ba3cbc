/*
 * The recipe's block train.distill, read and checked against itself.
 */
#ifndef TRAIN_DISTILL_OPTIONS_H
#define TRAIN_DISTILL_OPTIONS_H

#include "core/error.h"
#include "core/recipe.h"
#include "model/soft/soft.h"
#include "model/tensor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DISTILL_TEACHERS = 8, DISTILL_MATCHES = 32 };

enum distill_source {
    DISTILL_NONE,
    DISTILL_STORED, /* "labels": logprobs that gen stored with the rows */
    DISTILL_LOCAL,  /* model folders */
    DISTILL_ECHO,   /* "endpoint": the recipe's teacher scores rows over HTTP */
};

enum weight_schedule { WEIGHT_CONSTANT, WEIGHT_DECAY, WEIGHT_GROWTH };

struct distill_teacher {
    char *folder;
    double weight;
    enum dtype type; /* of its weights in memory: F32 or BF16 */
};

struct match_kind;
enum match_activation { MATCH_NONE, MATCH_LINEAR, MATCH_RELU, MATCH_TANH };
struct distill_match {
    int32_t teacher_layer, student_layer;
    const struct match_kind *kind;
    double weight;
    enum match_activation projection;
    double rate; /* of the projection */
};

struct distill_policy {
    double share; /* of rows, each step; 0: none */
    const struct soft_loss *loss;
    int32_t max_tokens;
    double temperature, top_p;
};

struct distill_options {
    enum distill_source source;
    struct distill_teacher teachers[DISTILL_TEACHERS];
    size_t n_teachers;
    const struct json *endpoint; /* the recipe's teacher block, borrowed */
    char *beside;                /* the recipe's folder */
    struct soft_how how;
    int32_t top_k; /* of a local teacher; 0: the whole vocabulary */
    char *cache;   /* file of a local teacher's values; NULL: computed in each pass */
    enum weight_schedule soft_schedule, hard_schedule;
    struct distill_match matches[DISTILL_MATCHES];
    size_t n_matches;
    struct distill_policy policy;
};

int distill_options_read(struct distill_options *o, const struct recipe *r, struct error *error);
void distill_options_clear(struct distill_options *o);
/* The factor of a weight at progress x in [0, 1]. */
double weight_factor(enum weight_schedule schedule, double x);

#endif
