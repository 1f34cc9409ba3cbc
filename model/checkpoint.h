/*
 * Model folders on disk, as Hugging Face lays them out:
 *     config.json  generation_config.json  model.safetensors (or shards and their index)
 * and PEFT adapter folders:
 *     adapter_config.json  adapter_model.safetensors
 *
 * Each file is replaced atomically; model files are written first, config.json last, so that a
 * folder with a config.json is whole.
 */
#ifndef MODEL_CHECKPOINT_H
#define MODEL_CHECKPOINT_H

#include "core/error.h"
#include "model/model.h"

struct checkpoint_options {
    enum dtype type;       /* of the stored weights: F32, BF16, F16; I8: the layers' matrices
                              (model/int8.h), one scale a row, and all else BF16 */
    const char *base;      /* adapter: base_model_name_or_path */
    const char *copy_from; /* folder whose tokenizer and template files go along; NULL: none */
    const int32_t *stops;  /* generation_config.json's eos_token_id; NULL: the config's */
    int32_t n_stops;
    const char *chat_template; /* put into tokenizer_config.json; NULL: as it was */
};

/* Write the whole model (an adapter is merged on the way out, in fp32, rounded once; the model
 * in memory stays as it is). */
int checkpoint_write(struct model *m, const char *dir, const struct checkpoint_options *options,
                     struct error *error);
int checkpoint_write_adapter(struct model *m, const char *dir,
                             const struct checkpoint_options *options, struct error *error);
/* Read adapter weights into a MODEL_LORA model whose rank and targets agree. */
int checkpoint_read_adapter(struct model *m, const char *dir, struct error *error);
/* The adapter's settings: what to put into model_options.lora before model_load. */
int checkpoint_adapter_config(const char *dir, struct lora_config *out, struct error *error);

#endif
