/*
 * The rotary table: cos and sin of position times frequency, with the scalings of Llama 3, YaRN
 * and linear interpolation.  Frequencies and angles are rounded to float where transformers does,
 * so that logits at far positions agree.
 */
#ifndef MODEL_ROPE_H
#define MODEL_ROPE_H

#include "model/config.h"

/* table [n, dim], host: row p holds dim/2 cosines, then dim/2 sines, of position p. */
void rope_table(const struct rope_config *r, int32_t dim, int32_t n, float *table);
/* By what each of the dim/2 frequencies was divided (llama.cpp's rope_freqs). */
void rope_factors(const struct rope_config *r, int32_t dim, float *factors);

#endif
