/*
 * Samples: the instruction/input/output rows.  Text may hold NUL; slices carry lengths.
 */
#ifndef CORPUS_SAMPLES_H
#define CORPUS_SAMPLES_H

#include "core/error.h"
#include "core/hash.h"
#include "core/slice.h"
#include "corpus/corpus.h"

#include <stdbool.h>
#include <stdint.h>

struct sample {
    int64_t id;            /* 0: not stored yet */
    struct slice name;     /* absent: none given */
    struct slice source;
    int64_t request_id;    /* 0: imported */
    int64_t choice;
    struct slice system;   /* absent: none */
    struct slice instruction, input, output;
    struct slice reasoning;
    struct slice messages; /* JSON array of the turns before the reply; absent: single turn */
    struct slice finish_reason;
    struct slice meta;     /* JSON object */
    int64_t added_ms;
    bool kept;             /* filled by reads */
};

/* Identity of what a sample says: system, instruction, input, messages, output. */
struct hash128 samples_hash(const struct sample *s);
/* 1 stored (s->id set), 0 there already (same name, or same request and choice), -1 failure. */
int samples_add(struct corpus *c, struct sample *s, struct error *error);

enum samples_which { SAMPLES_ALL, SAMPLES_KEPT, SAMPLES_REMOVED };
/* Walk in id order, from `after` (0: all); fn returns 0 to go on, 1 to stop, -1 with the error
 * set.  Slices are valid during the call.  Returns 0, or -1. */
int samples_each(struct corpus *c, enum samples_which which, int64_t after,
                 int (*fn)(void *context, const struct sample *s, struct error *error),
                 void *context, struct error *error);
int64_t samples_count(struct corpus *c, enum samples_which which, struct error *error);
/* Look one up by number or name: 1, 0, -1; fn is called once. */
int samples_find(struct corpus *c, const char *id,
                 int (*fn)(void *context, const struct sample *s, struct error *error),
                 void *context, struct error *error);

#endif
