/*
 * How a family calls its tensors in a Hugging Face checkpoint.  Layer names hold one %d.  ".weight"
 * and ".bias" are appended.  A NULL name: the family has no such tensor.
 */
#ifndef MODEL_NAMING_H
#define MODEL_NAMING_H

#include <stdbool.h>

struct tensor_naming {
    const char *prefix; /* may be missing in front of every name in a file ("transformer.") */
    const char *embed, *positions, *final_norm, *head;
    const char *norm1, *norm2, *q_norm, *k_norm;
    const char *q, *k, *v; /* three matrices ... */
    const char *qkv;       /* ... or one */
    const char *out, *gate, *up, *down;
    const char *types, *embed_norm, *pooler, *classifier; /* encoders */
    bool transposed;                                      /* linear layers are stored [in, out] */
};

extern const struct tensor_naming naming_llama, naming_gpt2;

#endif
