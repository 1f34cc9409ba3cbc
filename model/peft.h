/* PEFT's adapter_config.json, both ways; adapter weights in. */
#ifndef MODEL_PEFT_H
#define MODEL_PEFT_H

#include "core/json.h"
#include "model/model.h"

/* What PEFT needs to load the adapter; base may be NULL.  Owned by the caller. */
struct json *peft_config(const struct model_config *c, const struct lora_config *l,
                         const char *base);
/* Read the settings; variants that compute something else (DoRA, biases, rank patterns, extra
 * modules) are refused by name. */
int peft_read_config(const struct json *j, struct lora_config *out, struct error *error);

#endif
