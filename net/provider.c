#include "net/net.h"
#include "net/providers.h"

#include <string.h>

const struct net_provider *const net_providers[] = {
    &provider_openai,
    &provider_openai_completions,
    &provider_anthropic,
    NULL,
};

const struct net_provider *net_provider_find(const char *name)
{
    for (int i = 0; net_providers[i]; i++)
        if (!strcmp(net_providers[i]->name, name))
            return net_providers[i];
    return NULL;
}
