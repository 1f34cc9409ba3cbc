/*
 * Which model a folder holds, cheaply: a hash of config.json, adapter_config.json, and the name,
 * type, shape and first bytes of every tensor.  Training changes every tensor that learns, so two
 * students differ although not all of their bytes are read.
 */
#ifndef MODEL_DIGEST_H
#define MODEL_DIGEST_H

#include "core/error.h"
#include "core/hash.h"

#include <stdbool.h>

/* weights: false for a folder that has no weights yet (random initialisation). */
int digest_folder(const char *dir, bool weights, struct hash128 *out, struct error *error);

#endif
