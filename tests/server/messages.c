/*
 * messages [OPTION=VALUE...] : a teacher that speaks Anthropic's Messages, and is as strict as the
 * API: version and key in the headers, max_tokens, only members it knows, no system role among the
 * messages, turns that alternate.
 *
 *   key=TEXT      the key it wants (default "secret")
 *   log=FILE      a line an answered request: its first question
 *   port=N
 *
 * Words in the last message ask for something else than an answer: {{think}}, {{tool}}, {{long}},
 * {{refuse}}, {{empty}}, {{malformed}}, {{529}}, {{429}} (both once a question), {{credit}},
 * {{too long}}.
 * Every reply has the anthropic-ratelimit headers.
 */
#include "core/buf.h"
#include "core/json.h"
#include "core/mem.h"

#include <fcntl.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

enum { MAX_SEEN = 4096 };

static struct {
    const char *key;
    int log;
    pthread_mutex_t lock;
    char *seen[MAX_SEEN]; /* questions that were put off once */
    size_t n_seen;
} server = {.key = "secret", .log = -1, .lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- what the API refuses -------------------------------------------------------------------- */

static int refuse(struct buf *out, int status, const char *type, const char *message)
{
    buf_printf(out,
               "{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":\"%s\"},"
               "\"request_id\":\"req_1\"}",
               type, message);
    return status;
}

static int invalid(struct buf *out, const char *message)
{
    return refuse(out, 400, "invalid_request_error", message);
}

static bool known(const char *member)
{
    static const char *const members[] = {"model",          "messages", "max_tokens", "system",
                                          "temperature",    "top_p",    "top_k",      "thinking",
                                          "stop_sequences", NULL};
    for (int i = 0; members[i] != NULL; i++)
        if (strcmp(members[i], member) == 0)
            return true;
    return false;
}

/* 0, or the status of a refusal. */
static int check_turns(const struct json *messages, struct buf *out)
{
    const char *want = "user";
    if (json_type(messages) != JSON_ARRAY || json_count(messages) == 0)
        return invalid(out, "messages: at least one message is required");
    for (const struct json *m = json_first(messages); m != NULL; m = json_next(m)) {
        if (!slice_is(json_string(json_get(m, "role")), want) || json_count(m) != 2)
            return invalid(out, "messages: roles must alternate, Unexpected role");
        if (json_string(json_get(m, "content")).len == 0)
            return invalid(out, "messages: text content blocks must be non-empty");
        want = strcmp(want, "user") == 0 ? "assistant" : "user";
    }
    return 0;
}

static int check_body(const struct json *request, struct buf *out)
{
    int64_t n;
    if (json_type(request) != JSON_OBJECT)
        return invalid(out, "the body is no JSON object");
    for (const struct json *m = json_first(request); m != NULL; m = json_next(m))
        if (!known(json_key(m))) {
            char text[128];
            snprintf(text, sizeof text, "%.60s: Extra inputs are not permitted", json_key(m));
            return invalid(out, text);
        }
    if (json_integer(json_get(request, "max_tokens"), &n) != 0 || n < 1)
        return invalid(out, "max_tokens: Field required");
    if (json_number(json_get(request, "temperature"), 0) > 1)
        return invalid(out, "temperature: range: 0..1");
    return check_turns(json_get(request, "messages"), out);
}

static int check_headers(struct MHD_Connection *connection, const char *url, struct buf *out)
{
    const char *key = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "x-api-key");
    const char *version =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "anthropic-version");
    if (strcmp(url, "/v1/messages") != 0)
        return refuse(out, 404, "not_found_error", "Not found");
    if (key == NULL || strcmp(key, server.key) != 0)
        return refuse(out, 401, "authentication_error", "invalid x-api-key");
    if (version == NULL || strcmp(version, "2023-06-01") != 0)
        return invalid(out, "anthropic-version: header is required");
    return 0;
}

/* ---- answers --------------------------------------------------------------------------------- */

/* Has this question not been here before? */
static bool first_time(const char *question)
{
    bool first = true;
    pthread_mutex_lock(&server.lock);
    for (size_t i = 0; i < server.n_seen && first; i++)
        first = strcmp(server.seen[i], question) != 0;
    if (first && server.n_seen < MAX_SEEN)
        server.seen[server.n_seen++] = mem_strdup(question);
    pthread_mutex_unlock(&server.lock);
    return first;
}

static void answer(const char *question, const char *system, struct buf *out)
{
    bool refused = strstr(question, "{{refuse}}") != NULL;
    bool tool = strstr(question, "{{tool}}") != NULL;
    struct buf text = BUF;
    buf_str(out, "{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":"
                 "\"claude-test\",\"content\":[");
    if (strstr(question, "{{think}}") != NULL)
        buf_str(out, "{\"type\":\"thinking\",\"thinking\":\"hmm\",\"signature\":\"x\"},");
    if (!refused && strstr(question, "{{empty}}") == NULL) {
        buf_printf(&text, "%s answer to %s", system, question);
        buf_str(out, "{\"type\":\"text\",\"text\":");
        json_quote(buf_view(&text), 0, out);
        buf_char(out, '}');
    }
    if (tool)
        buf_str(out, ",{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{}}");
    const char *stop = refused                                ? "refusal"
                       : tool                                 ? "tool_use"
                       : strstr(question, "{{long}}") != NULL ? "max_tokens"
                                                              : "end_turn";
    buf_printf(out,
               "],\"stop_reason\":\"%s\",\"stop_sequence\":null,\"usage\":{\"input_tokens\":10,"
               "\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":90,"
               "\"output_tokens\":5}}",
               stop);
    buf_free(&text);
}

static int reply_to(const struct json *request, struct buf *out)
{
    const struct json *messages = json_get(request, "messages");
    const struct json *last = json_at(messages, json_count(messages) - 1);
    const char *question = json_text(json_get(last, "content"), "");
    if (strstr(question, "{{529}}") != NULL && first_time(question))
        return refuse(out, 529, "overloaded_error", "Overloaded");
    if (strstr(question, "{{429}}") != NULL && first_time(question))
        return refuse(out, 429, "rate_limit_error", "This request would exceed your rate limit");
    if (strstr(question, "{{credit}}") != NULL)
        return invalid(out, "Your credit balance is too low to access the Anthropic API.");
    if (strstr(question, "{{too long}}") != NULL)
        return invalid(out, "prompt is too long: 204535 tokens > 200000 maximum");
    if (strstr(question, "{{malformed}}") != NULL) {
        buf_str(out, "{\"type\":\"message\",\"content\":[{\"type\":\"text\",\"text\":7}]}");
        return 200;
    }
    answer(question, json_text(json_get(request, "system"), "plain"), out);
    if (server.log >= 0)
        (void)!dprintf(server.log, "%s\n", question);
    return 200;
}

/* ---- the wire -------------------------------------------------------------------------------- */

static enum MHD_Result send_reply(struct MHD_Connection *connection, int status, struct buf *out)
{
    static const char *const headers[][2] = {
        {"Content-Type", "application/json"},
        {"anthropic-ratelimit-requests-limit", "4000"},
        {"anthropic-ratelimit-requests-remaining", "3999"},
        {"anthropic-ratelimit-requests-reset", "2026-01-02T03:04:05Z"},
        {"anthropic-ratelimit-output-tokens-limit", "80000"},
        {"anthropic-ratelimit-output-tokens-remaining", "80000"},
        {"anthropic-ratelimit-output-tokens-reset", "2026-01-02T03:04:05Z"}};
    struct MHD_Response *response =
        MHD_create_response_from_buffer(out->len, out->data, MHD_RESPMEM_MUST_COPY);
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        MHD_add_response_header(response, headers[i][0], headers[i][1]);
    if (status == 429 || status == 529)
        MHD_add_response_header(response, "retry-after", "0.05");
    enum MHD_Result rc = MHD_queue_response(connection, (unsigned)status, response);
    MHD_destroy_response(response);
    return rc;
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *size, void **state)
{
    struct buf *body = *state, out = BUF;
    (void)context;
    (void)method;
    (void)version;
    if (body == NULL) {
        *state = body = mem_zero(1, sizeof *body);
        *body = BUF_MAX((size_t)16 << 20);
        return MHD_YES;
    }
    if (*size > 0) {
        buf_add(body, data, *size);
        *size = 0;
        return MHD_YES;
    }
    struct json *request = json_parse(buf_view(body), 0, NULL);
    int status = check_headers(connection, url, &out);
    if (status == 0)
        status = check_body(request, &out);
    if (status == 0)
        status = reply_to(request, &out);
    enum MHD_Result rc = send_reply(connection, status, &out);
    json_free(request);
    buf_free(&out);
    return rc;
}

static void completed(void *context, struct MHD_Connection *connection, void **state,
                      enum MHD_RequestTerminationCode code)
{
    (void)context;
    (void)connection;
    (void)code;
    if (*state != NULL)
        buf_free(*state);
    mem_free(*state);
}

int main(int argc, char **argv)
{
    uint16_t port = 0;
    for (int i = 1; i < argc; i++) {
        const char *value = strchr(argv[i], '=') == NULL ? "" : strchr(argv[i], '=') + 1;
        if (strncmp(argv[i], "key=", 4) == 0)
            server.key = value;
        else if (strncmp(argv[i], "log=", 4) == 0)
            server.log = open(value, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        else if (strncmp(argv[i], "port=", 5) == 0)
            port = (uint16_t)strtoul(value, NULL, 10);
    }
    signal(SIGPIPE, SIG_IGN);
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD |
                             MHD_USE_POLL,
                         port, NULL, NULL, handle, NULL, MHD_OPTION_NOTIFY_COMPLETED, completed,
                         NULL, MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_END);
    if (daemon == NULL)
        return 1;
    printf("port %u\n", (unsigned)MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    for (;;)
        pause();
}
