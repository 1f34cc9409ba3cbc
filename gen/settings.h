/*
 * The recipe's teacher and gen blocks, read once.
 */
#ifndef GEN_SETTINGS_H
#define GEN_SETTINGS_H

#include "core/error.h"
#include "core/recipe.h"
#include "core/schema.h"
#include "gen/strategy.h"
#include "net/endpoint.h"
#include "net/http.h"

#include <stdint.h>

/* What one step of the strategy sends. */
struct gen_step {
    const char *name;
    double temperature, top_p;
    int64_t max_tokens;
    const char *reasoning_effort;
    int logprobs; /* < 0: none */
    int only;     /* number of the teacher that does this step; -1: all by weight */
};

struct settings {
    const struct recipe *recipe;
    uint64_t seed;
    const struct gen_strategy *strategy;
    struct endpoint *teachers;
    int n_teachers;
    double weight;          /* of all teachers */
    struct gen_step *steps; /* as strategy->steps */
    int n_steps;
    int samples, n, retries, repairs;
    bool send_seed;
    const char *system;       /* NULL: none */
    const struct json *stop;  /* NULL: none */
    struct json *schema_tree; /* NULL: free text */
    struct schema *schema;
    int64_t rows; /* 0: no target */
    int64_t patience_ns;
    int64_t budget_nusd, budget_tokens, budget_requests; /* < 0: none */
    struct http_options http;
    char identity[33]; /* of everything that decides what is asked: hex */
};

int settings_open(struct settings *s, const struct recipe *recipe, struct error *error);
void settings_close(struct settings *s);
/* The step of that name, or NULL. */
const struct gen_step *settings_step(const struct settings *s, struct slice name);
/* What a step asks of a teacher: parameters for net_provider.body.  `sample` decides the seed. */
void settings_params(const struct settings *s, const struct gen_step *step,
                     const struct endpoint *teacher, int64_t sample, struct net_params *out);
/* The most tokens one request of the step can be answered with, all its choices together. */
int64_t settings_most_output(const struct settings *s, const struct gen_step *step,
                             const struct endpoint *teacher);

#endif
