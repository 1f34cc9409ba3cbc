/* What a request asks to be continued: messages through the chat template, texts, token ids. */
#ifndef SERVE_REQUEST_PROMPT_H
#define SERVE_REQUEST_PROMPT_H

#include "serve/request.h"

/* Fill r->prompts from its body; -1 with the problem filled: a wrong shape, a conversation that the
 * template refuses, a prompt that is empty or longer than the context. */
int request_prompt_read(struct request *r, const struct served *served,
                        struct api_problem *problem);

#endif
