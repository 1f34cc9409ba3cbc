/* Whatever a teacher sends is a reply or a classified failure; every provider reads it. */
#include "net/logprobs.h"
#include "net/net.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_reply(const struct net_provider *p, struct slice body)
{
    struct net_reply r;
    struct net_failure f;
    if (p->reply(body, &r, &f) == 0) {
        if (!r.n_choices)
            abort();
        for (size_t k = 0; k < r.n_choices; k++) {
            (void)net_choice_cause(&r.choices[k]);
            for (size_t i = 0; i < r.choices[k].logprobs.n; i++)
                if (!(logprobs_tail(&r.choices[k].logprobs, i) >= 0))
                    abort();
        }
    } else if (f.cause == NET_OK || !memchr(f.message, '\0', sizeof f.message)) {
        abort();
    }
    net_reply_free(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = {400, 401, 403, 404, 429, 500, 503, 302};
    struct slice body = slice_from(data, size);
    for (int i = 0; net_providers[i]; i++) {
        struct net_failure f;
        read_reply(net_providers[i], body);
        net_providers[i]->failure(statuses[size % 8], body, &f);
        if (f.cause == NET_OK || net_cause_class(f.cause) == NET_FINE ||
            !memchr(f.message, '\0', sizeof f.message))
            abort();
    }
    return 0;
}
