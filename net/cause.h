/*
 * Why a request has no usable reply: one closed list, used by every provider, stored by name in the
 * dataset (attempt.cause, request.cause) and counted by name in every report.
 */
#ifndef NET_CAUSE_H
#define NET_CAUSE_H

/* What to do about it. */
enum net_class {
    NET_FINE,         /* there is a usable reply */
    NET_TRANSIENT,    /* try this request again, after a growing pause; counts as a try */
    NET_RATE_LIMITED, /* the teacher says wait: try again, does not count as a try */
    NET_ROW_FATAL,    /* this request will never succeed; others may */
    NET_RUN_FATAL,    /* no request will succeed until a person acts: stop at once */
};

enum net_cause {
    NET_OK,
    /* transient */
    NET_CONNECT, /* name not found, refused, unreachable */
    NET_TLS,     /* handshake */
    NET_CONNECT_TIMEOUT,
    NET_FIRST_BYTE_TIMEOUT,
    NET_IDLE_TIMEOUT, /* bytes stopped coming, or drip slower than the total allows */
    NET_TOTAL_TIMEOUT,
    NET_RESET,           /* the connection ended without a whole reply */
    NET_TORN,            /* fewer bytes than announced */
    NET_REQUEST_TIMEOUT, /* 408 */
    NET_CONFLICT,        /* 409 */
    NET_SERVER_ERROR,    /* 5xx */
    NET_MALFORMED,       /* status 200, but not the JSON of this provider */
    NET_LOST,            /* in flight when the process died; what it cost is not known */
    NET_EXPIRED,         /* its batch ended before it was asked; not billed */
    /* rate-limited */
    NET_RATE_LIMIT, /* 429 */
    NET_OVERLOADED, /* 503, 529, slow_down */
    /* row-fatal */
    NET_BAD_REQUEST, /* 400, 422: something of this request */
    NET_CONTEXT_LENGTH,
    NET_CONTENT_FILTER,
    NET_REFUSAL,
    NET_EMPTY,     /* a reply without text */
    NET_TOO_LARGE, /* the reply passed the maximum; what came is kept */
    NET_SCHEMA,    /* structured output still invalid after its repairs */
    NET_REJECTED,  /* the strategy's acceptance checks said no */
    NET_WITHDRAWN, /* the recipe changed before it was asked */
    /* run-fatal */
    NET_QUOTA,
    NET_AUTH,        /* 401, 403 */
    NET_MODEL,       /* no such model or path */
    NET_CERTIFICATE, /* the server's certificate is not trusted */
    NET_PROXY,       /* the proxy refuses */
    NET_PARAMETER,   /* a parameter of the recipe is refused: the same for every request */
    NET_CAUSES,
};

const char *net_cause_name(enum net_cause cause); /* "rate-limit"; NET_OK is "ok" */
enum net_cause net_cause_of(const char *name);    /* NET_CAUSES where unknown */
enum net_class net_cause_class(enum net_cause cause);
/* For run-fatal causes: what a person has to do; "" for the others. */
const char *net_cause_remedy(enum net_cause cause);

#endif
