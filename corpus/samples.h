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
    int64_t id;        /* 0: not stored yet */
    struct slice name; /* the id it was given; absent: none */
    bool name_number;  /* given as a number: exported as one */
    struct slice source;
    int64_t request_id; /* 0: imported */
    int64_t choice;
    struct slice system; /* absent: none */
    struct slice instruction, input, output;
    struct slice reasoning;
    struct slice messages; /* JSON array of the turns before the reply; absent: single turn */
    struct slice finish_reason;
    struct slice meta; /* JSON object */
    int64_t added_ms;  /* samples_add: 0 is now */
    bool kept;         /* filled by reads */
};

/* Identity of what a sample says: system, instruction, input, messages, output.  No system prompt
 * and an empty one differ; an absent input is the empty one. */
struct hash128 samples_hash(const struct sample *s);
/* 1 stored (s->id set), 0 there already (same name, or same request and choice: s->id is that
 * one's), -1 failure. */
int samples_add(struct corpus *c, struct sample *s, struct error *error);

/* SAMPLES_KEPT is what goes to training and export: masked texts (corpus/masked.h) stand in the
 * place of their originals. */
enum samples_which { SAMPLES_ALL, SAMPLES_KEPT, SAMPLES_REMOVED };
/* fn returns 0 to go on, 1 to stop, -1 with the error set.  Slices are valid during the call. */
typedef int samples_fn(void *context, const struct sample *s, struct error *error);
/* Walk in id order, from `after` (0: all).  Returns 0, or -1.  Nothing stored after the walk began
 * is seen (one read transaction). */
int samples_each(struct corpus *c, enum samples_which which, int64_t after, samples_fn *fn,
                 void *context, struct error *error);
/* The same over all samples in haste, without name, source, reasoning, times and `kept`; the slices
 * end without a NUL. */
int samples_texts(struct corpus *c, int64_t after, samples_fn *fn, void *context,
                  struct error *error);
/* One of them: 1 and fn called once, 0 there is none, -1. */
int samples_text(struct corpus *c, int64_t id, samples_fn *fn, void *context, struct error *error);
/* -1 on failure. */
int64_t samples_count(struct corpus *c, enum samples_which which, struct error *error);
/* The one of that number: 1 and fn called once, 0 there is none, -1. */
int samples_get(struct corpus *c, int64_t id, samples_fn *fn, void *context, struct error *error);
/* Look one up by name or number (a name wins): 1, 0, -1; fn is called once. */
int samples_find(struct corpus *c, const char *id, samples_fn *fn, void *context,
                 struct error *error);
/* The number of the sample of that name or number, 0 where there is none, -1 on failure. */
int64_t samples_id(struct corpus *c, const char *id, struct error *error);
/* Identity of the set of samples within this file: which there are and, but for SAMPLES_ALL, which
 * of them are removed, and their masked texts.  Cheap: no other text is read. */
int samples_digest(struct corpus *c, enum samples_which which, struct hash128 *out,
                   struct error *error);

/* Compute every identity again; `changed` is told the samples whose stored one differs. */
int samples_verify(struct corpus *c, void (*changed)(void *context, int64_t id), void *context,
                   struct error *error);

#endif
