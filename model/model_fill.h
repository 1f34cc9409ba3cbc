/* Inside of a model: filling its parameters from a checkpoint or at random. */
#ifndef MODEL_MODEL_FILL_H
#define MODEL_MODEL_FILL_H

#include "model/model.h"
#include "model/safetensors.h"

/* Copy every parameter but the adapter's from the file, in parallel.  Missing tensors, wrong
 * shapes, tensors that nobody asked for and numbers that are not finite are named. */
int model_fill_from(struct model *m, const struct safetensors *file, struct error *error);

/* Random values: matrices N(0, init_range), norms 1, biases 0; adapters: A uniform within
 * 1/sqrt(in) (PEFT's kaiming_uniform with a = sqrt 5), B zero.  With `adapters` only those. */
void model_fill_random(struct model *m, bool adapters);

#endif
