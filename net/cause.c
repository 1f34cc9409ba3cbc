#include "net/cause.h"

#include <stddef.h>
#include <string.h>

static const struct {
    const char *name;
    enum net_class class;
    const char *remedy;
} causes[NET_CAUSES] = {
    [NET_OK] = {"ok", NET_FINE, ""},
    [NET_CONNECT] = {"connect", NET_TRANSIENT, ""},
    [NET_TLS] = {"tls", NET_TRANSIENT, ""},
    [NET_CONNECT_TIMEOUT] = {"connect-timeout", NET_TRANSIENT, ""},
    [NET_FIRST_BYTE_TIMEOUT] = {"first-byte-timeout", NET_TRANSIENT, ""},
    [NET_IDLE_TIMEOUT] = {"idle-timeout", NET_TRANSIENT, ""},
    [NET_TOTAL_TIMEOUT] = {"total-timeout", NET_TRANSIENT, ""},
    [NET_RESET] = {"reset", NET_TRANSIENT, ""},
    [NET_TORN] = {"torn", NET_TRANSIENT, ""},
    [NET_REQUEST_TIMEOUT] = {"request-timeout", NET_TRANSIENT, ""},
    [NET_CONFLICT] = {"conflict", NET_TRANSIENT, ""},
    [NET_SERVER_ERROR] = {"server-error", NET_TRANSIENT, ""},
    [NET_MALFORMED] = {"malformed", NET_TRANSIENT, ""},
    [NET_LOST] = {"lost", NET_TRANSIENT, ""},
    [NET_EXPIRED] = {"expired", NET_TRANSIENT, ""},
    [NET_RATE_LIMIT] = {"rate-limit", NET_RATE_LIMITED, ""},
    [NET_OVERLOADED] = {"overloaded", NET_RATE_LIMITED, ""},
    [NET_BAD_REQUEST] = {"bad-request", NET_ROW_FATAL, ""},
    [NET_CONTEXT_LENGTH] = {"context-length", NET_ROW_FATAL, ""},
    [NET_CONTENT_FILTER] = {"content-filter", NET_ROW_FATAL, ""},
    [NET_REFUSAL] = {"refusal", NET_ROW_FATAL, ""},
    [NET_EMPTY] = {"empty", NET_ROW_FATAL, ""},
    [NET_TOO_LARGE] = {"too-large", NET_ROW_FATAL, ""},
    [NET_SCHEMA] = {"schema", NET_ROW_FATAL, ""},
    [NET_REJECTED] = {"rejected", NET_ROW_FATAL, ""},
    [NET_WITHDRAWN] = {"withdrawn", NET_ROW_FATAL, ""},
    [NET_QUOTA] = {"quota", NET_RUN_FATAL,
                   "the account has no credit or passed its spending limit: top it up or raise the "
                   "limit at the provider, then run the same command again"},
    [NET_AUTH] =
        {"auth", NET_RUN_FATAL,
         "the key was refused: check teacher.api_key_env or teacher.api_key_file, then run "
         "the same command again"},
    [NET_MODEL] = {"model", NET_RUN_FATAL,
                   "check teacher.model and teacher.base_url (it ends in /v1 for most servers)"},
    [NET_CERTIFICATE] = {"certificate", NET_RUN_FATAL,
                         "the server's certificate is not trusted: if it is your own server, name "
                         "its CA in teacher.ca_file, and use a name in teacher.base_url that the "
                         "certificate has"},
    [NET_PROXY] = {"proxy", NET_RUN_FATAL,
                   "the proxy lets nothing through: check teacher.proxy and "
                   "teacher.proxy_auth_env, or https_proxy in the environment"},
    [NET_PARAMETER] = {"parameter", NET_RUN_FATAL,
                       "the teacher refuses a setting that every request has: change or remove it "
                       "in the recipe"},
};

const char *net_cause_name(enum net_cause cause)
{
    return cause < NET_CAUSES ? causes[cause].name : "unknown";
}

enum net_cause net_cause_of(const char *name)
{
    for (int i = 0; name && i < NET_CAUSES; i++)
        if (!strcmp(causes[i].name, name))
            return (enum net_cause)i;
    return NET_CAUSES;
}

enum net_class net_cause_class(enum net_cause cause)
{
    return cause < NET_CAUSES ? causes[cause].class : NET_ROW_FATAL;
}

const char *net_cause_remedy(enum net_cause cause)
{
    return cause < NET_CAUSES ? causes[cause].remedy : "";
}
