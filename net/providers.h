/* The providers, one file each; provider.c lists them. */
#ifndef NET_PROVIDERS_H
#define NET_PROVIDERS_H

#include "net/net.h"

extern const struct net_provider provider_openai;
extern const struct net_provider provider_openai_completions;
extern const struct net_provider provider_anthropic;

#endif
