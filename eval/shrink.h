/*
 * A model leaves: loaded, its adapter merged, pruned, rounded, written, read back, and compared
 * with what it was.  An export whose loss is higher than the original's by more than the bound is
 * taken back.
 */
#ifndef EVAL_SHRINK_H
#define EVAL_SHRINK_H

#include "core/error.h"
#include "core/json.h"
#include "core/pool.h"
#include "model/prune.h"

struct shrink {
    const char *dir;     /* a model folder */
    const char *adapter; /* to be merged into it; NULL: none */
    const char *out;     /* a folder, or a file that ends in .gguf */
    const char *type;    /* "f32", "f16", "bf16", "q8_0" */
    bool int8;
    const struct prune *prunes; /* done in this order */
    size_t n_prunes;
    const char *rows; /* see eval/fidelity.h */
    double bound;     /* nats a token; NAN: SHRINK_BOUND or, pruned, SHRINK_BOUND_PRUNED */
    struct pool *pool;
};

#define SHRINK_BOUND        0.05
#define SHRINK_BOUND_PRUNED 1.0

/* `report` gets objects "model", "pruned" and "check". */
int shrink_run(const struct shrink *s, struct json *report, struct error *error);

#endif
