/*
 * A subject: a model under test, a folder on this machine or an endpoint elsewhere.
 *
 * Two kinds plug in (subject_folder.c, subject_endpoint.c).  Questions come many at a time, so that
 * a folder can generate for several and an endpoint can have several in flight; answers come back
 * in any order, each once, through a callback that stores it.
 */
#ifndef EVAL_SUBJECT_H
#define EVAL_SUBJECT_H

#include "core/error.h"
#include "core/hash.h"
#include "core/json.h"
#include "core/pool.h"
#include "corpus/answers.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How every subject is asked. */
struct subject_how {
    struct pool *pool;  /* borrowed */
    double temperature; /* 0: greedy */
    uint64_t seed;
    int32_t slots;              /* sequences a folder generates together */
    uint32_t max_length;        /* tokens of a held-out row */
    const char *template_name;  /* NULL: the folder's own */
    const char *template_other; /* for a folder that has none; NULL: then it is refused */
    bool last_reply_only;
    const char *recipe_folder; /* where relative names of a teacher block start */
    double budget_usd;         /* of one subject in this run; NAN: no limit */
};

/* Who is to be tested: a folder or a teacher block, never both. */
struct subject_spec {
    char *name;
    char *folder;         /* NULL: an endpoint */
    bool int8;            /* the folder's matrices rounded to 8 bits when it is loaded */
    struct json *teacher; /* as endpoint_open reads it; NULL: a folder */
};

struct question {
    const struct json *messages;
    int64_t max_tokens;
    struct hash128 key;
    size_t index; /* the caller's */
};

/* Takes one answer; slices are valid during the call.  -1 stops the asking. */
typedef int subject_heard(void *context, size_t index, const struct answer *a, struct error *error);

/* Held-out rows: conversations that end with a reply. */
struct subject_rows {
    const struct json *const *turns;
    size_t n;
};
struct subject_measure {
    double nll;           /* sum over supervised tokens */
    uint64_t tokens;      /* how many */
    uint64_t rows;        /* that had some */
    uint64_t passed;      /* tokens of the passes, prompts too */
    double seconds;       /* that the passes took */
    int64_t stored, held; /* bytes of the weights in the folder and in memory */
};

struct subject;
struct subject_ops {
    const char *kind;
    /* Ask all; returns 0 when each was answered.  What could not be asked again and again without
     * hope has finish_reason "failed: why" and an empty reply. */
    int (*ask)(struct subject *s, const struct question *q, size_t n, subject_heard *heard,
               void *context, struct error *error);
    /* Log-likelihood of each choice as the reply; NULL where the kind cannot. */
    int (*likelihood)(struct subject *s, const struct json *messages, const struct json *choices,
                      double *scores, struct error *error);
    /* Loss on held-out rows; NULL where the kind cannot. */
    int (*measure)(struct subject *s, const struct subject_rows *rows, struct subject_measure *out,
                   struct error *error);
    void (*close)(struct subject *s);
};

/* What every kind's own struct begins with. */
struct subject {
    const struct subject_ops *ops;
    const struct subject_how *how; /* borrowed */
    char *name;
    struct hash128 identity; /* of the model and of what decides its replies */
};

/* Load or reach it. */
struct subject *subject_open(const struct subject_spec *spec, const struct subject_how *how,
                             struct error *error);
void subject_close(struct subject *s);

/* The two kinds, for subject_open. */
struct subject *subject_folder(const struct subject_spec *spec, const struct subject_how *how,
                               struct error *error);
struct subject *subject_endpoint(const struct json *teacher, const struct subject_how *how,
                                 struct error *error);

#endif
