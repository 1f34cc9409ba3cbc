/*
 * Providers: what a teacher is asked and what it says, independent of the wire.
 *
 * A provider turns a net_request into a JSON body and a JSON body into a net_reply or a classified
 * failure.  It does no I/O (net/http.h does) and keeps no state but the dialect of an endpoint,
 * which the caller owns.  To add one: one file net/NAME.c with a `const struct net_provider`, one
 * line in the table of net/provider.c, its replies as files under tests/net/.
 *
 * Body identity.  `body` written with an all-zero dialect is the *canonical body*: the same request
 * gives the same bytes for ever (tests/net pins them), because hash(endpoint, canonical body,
 * sample) is the key under which a reply was paid.  What an endpoint needs differently
 * (max_tokens for max_completion_tokens) is dialect and never changes the key.
 */
#ifndef NET_NET_H
#define NET_NET_H

#include "core/arena.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/json.h"
#include "core/slice.h"
#include "net/cause.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- asking ---------------------------------------------------------------------------------- */

struct net_message {
    struct slice role; /* system, user, assistant, tool */
    struct slice content;
};

/* What is the same for many requests.  NAN and negative numbers mean "not sent". */
struct net_params {
    const char *model;
    int64_t max_tokens; /* of the reply; required by some providers */
    double temperature, top_p;
    int64_t seed;                 /* < 0: not sent */
    int n;                        /* choices a request; 1 is not sent */
    int top_logprobs;             /* < 0: none; 0: the sampled token only */
    const struct json *stop;      /* string or array; NULL: none */
    const char *reasoning_effort; /* NULL: not sent */
    const struct json *schema;    /* JSON Schema of the reply; NULL: free text */
    const char *schema_name;
    const struct json *extra; /* object: members put into the body as they are */
    bool echo;                /* completions: score the given text */
};

struct net_request {
    const struct net_message *messages; /* chat; or */
    size_t n_messages;
    struct slice messages_json; /* chat, the array as JSON text already (wins when present); or */
    struct slice prompt;        /* completions: raw text (absent for chat); or */
    const int32_t *tokens;      /* completions: token ids */
    size_t n_tokens;
    const struct net_params *params;
};

/* What this endpoint turned out to need.  All zero: the provider's canonical form. */
struct net_dialect {
    bool max_tokens_old; /* it wants max_tokens for max_completion_tokens */
    bool no_schema;      /* it refuses response_format: the schema is checked by us alone */
};

/* ---- hearing --------------------------------------------------------------------------------- */

struct net_usage {
    bool given; /* false: the reply did not say, or not all; what is not known is 0 */
    int64_t input, output, cached, reasoning; /* cached is part of input, reasoning of output */
    int64_t
        surcharge; /* billed beside them, in tokens of input: for writing the provider's cache */
};

/* One token's logprobs.  Bytes may be no UTF-8 by themselves. */
struct net_token {
    struct slice bytes;
    int32_t id;    /* -1: not given */
    float logprob; /* NAN where the server sent its "not computed" sentinel */
};
struct net_position {
    struct net_token sampled;
    uint32_t first, count; /* of net_logprobs.top: as many as came */
};
struct net_logprobs {
    struct net_position *positions;
    size_t n;
    struct net_token *top;
    size_t n_top;
};

struct net_choice {
    int64_t index;
    struct slice text;            /* absent: null or missing */
    struct slice reasoning;       /* absent: none */
    struct slice refusal;         /* absent: none */
    struct slice tool_calls;      /* JSON text; absent: none */
    struct slice finish_reason;   /* in OpenAI's words: stop, length, content_filter, tool_calls */
    struct net_logprobs logprobs; /* n 0: none */
    bool invalid;                 /* set by who checks it against a schema */
};

/* Slices point into the reply's own memory. */
struct net_reply {
    struct net_choice *choices;
    size_t n_choices;
    struct net_usage usage;
    struct slice id, model;  /* as the server names them; absent where it does not */
    const struct json *tree; /* in the arena */
    struct arena arena;
};
void net_reply_free(struct net_reply *r);
/* NET_OK, or why the choice is no answer: NET_REFUSAL, NET_CONTENT_FILTER, NET_EMPTY, NET_SCHEMA. */
enum net_cause net_choice_cause(const struct net_choice *c);

/* A failure of one attempt, read from status and body. */
struct net_failure {
    enum net_cause cause;
    char message[256];  /* what the server said, one line, or what was wrong with its reply */
    char parameter[48]; /* the parameter it names; "" for none */
};

/* For providers. */
int net_malformed(struct net_failure *f, const char *why); /* NET_MALFORMED; returns -1 */
/* One printable line of valid UTF-8, cut to `size` bytes with its NUL. */
void net_line(struct slice s, char *out, size_t size);
bool net_says(struct slice text, const char *words); /* are the words in it, in any ASCII case? */

/* ---- the seam -------------------------------------------------------------------------------- */

enum net_feature {
    NET_CHAT = 1,
    NET_RAW_PROMPT = 2, /* prompt text or token ids as they are */
    NET_CHOICES = 4,    /* params.n */
    NET_SEED = 8,
    NET_TOP_LOGPROBS = 16,
    NET_NATIVE_SCHEMA = 32,
};

enum { NET_MAX_HEADERS = 32 };
struct net_headers {
    char *line[NET_MAX_HEADERS]; /* "name: value", allocated */
    int n;
};
int net_headers_add(struct net_headers *h, const char *name, const char *value,
                    struct error *error);
void net_headers_free(struct net_headers *h); /* wipes before it frees: keys are in here */

struct net_batches; /* net/batches.h */

struct net_provider {
    const char *name;
    const char *about;      /* one line for the manual and doctor */
    unsigned features;      /* net_feature bits */
    const char *path;       /* behind base_url: "/chat/completions" */
    const char *cache_mark; /* in a body: its input may be written to a cache, for twice the price
                               at most; NULL: that costs nothing */
    /* The headers of every request; key NULL: none is sent. */
    int (*headers)(const char *key, struct net_headers *out, struct error *error);
    /* Append the body.  Fails where the provider cannot say what the request wants. */
    int (*body)(const struct net_request *q, const struct net_dialect *d, struct buf *out,
                struct error *error);
    /* Parse the body of a 200.  0, or -1 with *failure filled (NET_MALFORMED, and so on); what was
     * allocated is in *out either way and freed by net_reply_free. */
    int (*reply)(struct slice body, struct net_reply *out, struct net_failure *failure);
    /* Classify any other status. */
    void (*failure)(int status, struct slice body, struct net_failure *out);
    /* May another dialect mend this failure of a request that was sent in dialect `sent`?  true:
     * send it again in *now, which may have changed.  NULL: never. */
    bool (*adapt)(const struct net_failure *f, const struct net_dialect *sent,
                  struct net_dialect *now);
    const struct net_batches *batches; /* NULL: it has none */
};

extern const struct net_provider *const net_providers[]; /* NULL-ended */
const struct net_provider *net_provider_find(const char *name);

#endif
