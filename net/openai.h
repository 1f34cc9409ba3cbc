/* What OpenAI's protocols share: chat, completions, batches. */
#ifndef NET_OPENAI_H
#define NET_OPENAI_H

#include "net/net.h"

int openai_headers(const char *api_key, struct net_headers *out, struct error *error);
/* Members of the body behind messages or prompt: `,"max_completion_tokens":…` and so on. */
void openai_body_params(const struct net_params *p, const struct net_dialect *d, struct buf *out);
void openai_usage(const struct json *root, struct net_usage *out);
int openai_reply(struct slice text, struct net_reply *out, struct net_failure *failure);
void openai_failure(int status, struct slice body, struct net_failure *out);
bool openai_adapt(const struct net_failure *f, const struct net_dialect *sent,
                  struct net_dialect *now);

#endif
