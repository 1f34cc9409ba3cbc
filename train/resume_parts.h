/*
 * Inside of a checkpoint: what the files of train/resume.h share.
 *
 *     resume.c         folders: written, found, removed
 *     resume_blocks.c  state.safetensors: the flat blocks
 *     resume_state.c   state.json: the point, the identities, the digest of the blocks
 */
#ifndef TRAIN_RESUME_PARTS_H
#define TRAIN_RESUME_PARTS_H

#include "train/resume.h"

/* -- resume_blocks.c -- */

/* Write the learner's blocks (with `best` the values alone) into the folder; their digest. */
int resume_blocks_write(struct learner *l, const char *dir, bool best, uint64_t *digest,
                        struct error *error);
/* Read them back; -1 where a block is missing, of another size, or the digest (in hexadecimal) is
 * not the wanted one: the learner then holds what was read so far. */
int resume_blocks_read(struct learner *l, const char *dir, const char *wanted, bool best,
                       struct error *error);

/* -- resume_state.c -- */

int resume_state_write(const char *dir, const struct resume_point *at,
                       const struct resume_identity *id, uint64_t digest, struct error *error);
/* The state.json of a folder (json_free), or NULL; what it says. */
struct json *resume_state_read(const char *dir, struct error *error);
void resume_state_point(const struct json *o, struct resume_point *p);
const char *resume_state_digest(const struct json *o); /* hexadecimal */
/* 0, or -1 with an error that names what differs. */
int resume_state_check(const struct json *o, const struct resume_identity *id, const char *dir,
                       struct error *error);

#endif
