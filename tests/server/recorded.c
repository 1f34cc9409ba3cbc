/*
 * recorded [OPTION=VALUE...] PAIRS.jsonl : a recorded teacher behind the OpenAI protocol.
 *
 * Each line of PAIRS is {"instruction": …, "input": …, "output": …} ("response" for "output" will
 * do).  A chat request whose last user message says the same words as instruction and input (white
 * space aside) is answered with output; any other prompt gets 404 and an error in OpenAI's form.
 *
 *   port=N          0 (the default): any free one; the first line on stdout is "port N"
 *   latency=MS      wait before each answer
 *   log=FILE        one line an answer, the line number of its pair, appended before it is sent:
 *                   what a bill would say, so that a test sees what was paid twice
 *   fault=KIND:N    every N-th request fails: 500, 429, html (a page under status 200), close
 *   finish=N        every N-th pair says finish_reason "length"
 *   prompts=FILE    write the prompts of PAIRS as a prompt file of gen, and end
 */
#include "core/buf.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/vec.h"

#include <fcntl.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

struct pair {
    struct hash128 words;
    char *output;
};

static struct {
    struct pair *pairs;
    size_t n, cap;
    int log;
    int64_t latency_ms;
    char fault[16];
    long fault_every, finish_every;
    long requests;
    FILE *prompts;
    pthread_mutex_t mutex;
} server = {.log = -1, .mutex = PTHREAD_MUTEX_INITIALIZER};

/* A text without its white space: clients differ in how they join instruction and input. */
static struct hash128 words_of(struct slice a, struct slice b)
{
    struct buf text = BUF;
    struct hash128 h;
    for (size_t i = 0; i < a.len + b.len; i++) {
        char c = i < a.len ? a.data[i] : b.data[i - a.len];
        if (strchr(" \t\r\n", c) == NULL || c == '\0')
            buf_char(&text, c);
    }
    h = hash128(buf_text(&text), text.len);
    buf_free(&text);
    return h;
}

/* ---- pairs --------------------------------------------------------------------------------- */

static void prompt_write(const struct json *row)
{
    struct json *prompt = json_new_object();
    struct buf line = BUF;
    buf_printf(&line, "pair-%zu", server.n);
    json_put_text(prompt, "id", buf_text(&line));
    json_put_string(prompt, "instruction", json_string(json_get(row, "instruction")));
    json_put_string(prompt, "input", json_string(json_get(row, "input")));
    buf_clear(&line);
    json_write(prompt, 0, &line);
    fprintf(server.prompts, "%s\n", buf_text(&line));
    json_free(prompt);
    buf_free(&line);
}

static int pair_add(struct slice line, struct error *error)
{
    struct json *row = json_parse(line, 0, error);
    struct pair p;
    if (row == NULL)
        return -1;
    p.words =
        words_of(json_string(json_get(row, "instruction")), json_string(json_get(row, "input")));
    p.output =
        mem_strdup(json_text(json_get(row, "output"), json_text(json_get(row, "response"), "")));
    server.pairs = vec_reserve(server.pairs, &server.cap, server.n + 1, sizeof *server.pairs);
    server.pairs[server.n++] = p;
    if (server.prompts != NULL)
        prompt_write(row);
    json_free(row);
    return 0;
}

static int pairs_read(const char *path, struct error *error)
{
    struct file_lines *lines = file_lines_open(path, (size_t)1 << 20, error);
    struct slice line;
    int rc = lines == NULL ? -1 : 1;
    while (rc == 1 && (rc = file_lines_next(lines, &line, error)) == 1)
        if (pair_add(line, error) != 0)
            rc = -1;
    file_lines_close(lines);
    return rc;
}

static const struct pair *pair_find(const struct json *request)
{
    const struct json *messages = json_get(request, "messages");
    struct slice said = {NULL, 0};
    struct hash128 words;
    for (const struct json *m = json_first(messages); m != NULL; m = json_next(m))
        if (strcmp(json_text(json_get(m, "role"), ""), "user") == 0)
            said = json_string(json_get(m, "content"));
    words = words_of(said, SLICE(""));
    for (size_t i = 0; i < server.n; i++)
        if (hash128_compare(server.pairs[i].words, words) == 0)
            return &server.pairs[i];
    return NULL;
}

/* ---- answers ------------------------------------------------------------------------------- */

static int64_t tokens(const char *text)
{
    return (int64_t)strlen(text) / 4 + 1;
}

static void answer_json(const struct pair *p, const char *model, struct buf *out)
{
    size_t index = (size_t)(p - server.pairs);
    bool cut = server.finish_every > 0 && (index + 1) % (size_t)server.finish_every == 0;
    buf_printf(out, "{\"id\":\"rec-%zu\",\"object\":\"chat.completion\",\"created\":1,\"model\":",
               index + 1);
    json_quote(slice_of(model), 0, out);
    buf_str(out, ",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":");
    json_quote(slice_of(p->output), 0, out);
    buf_printf(out,
               "},\"finish_reason\":\"%s\"}],\"usage\":{\"prompt_tokens\":10,"
               "\"completion_tokens\":%lld,\"total_tokens\":%lld}}",
               cut ? "length" : "stop", (long long)tokens(p->output),
               (long long)tokens(p->output) + 10);
}

static void note_answer(const struct pair *p)
{
    char line[32];
    int n = snprintf(line, sizeof line, "%zu\n", (size_t)(p - server.pairs) + 1);
    if (server.log >= 0)
        (void)!write(server.log, line, (size_t)n);
}

static void error_json(const char *message, const char *code, struct buf *out)
{
    buf_printf(out, "{\"error\":{\"message\":\"%s\",\"type\":\"%s\",\"code\":\"%s\"}}", message,
               code, code);
}

/* The status, or 0 where the connection is to be cut; the body goes to out. */
static unsigned reply_to(struct slice body, struct buf *out)
{
    struct json *request = json_parse(body, 0, NULL);
    const struct pair *p = request == NULL ? NULL : pair_find(request);
    unsigned status = MHD_HTTP_OK;
    bool faulty;
    pthread_mutex_lock(&server.mutex);
    faulty = server.fault_every > 0 && ++server.requests % server.fault_every == 0;
    pthread_mutex_unlock(&server.mutex);
    clock_sleep_ms(server.latency_ms);
    if (faulty && strcmp(server.fault, "html") == 0) {
        buf_str(out, "<html><body>Bad gateway</body></html>");
    } else if (faulty && strcmp(server.fault, "close") == 0) {
        status = 0;
    } else if (faulty) {
        status = (unsigned)strtoul(server.fault, NULL, 10);
        error_json("a planned fault", status == 429 ? "rate_limit_exceeded" : "server_error", out);
    } else if (p == NULL) {
        status = request == NULL ? 400 : 404;
        error_json("no such prompt in the recording", "not_recorded", out);
    } else {
        note_answer(p);
        answer_json(p, json_text(json_get(request, "model"), "recorded"), out);
    }
    json_free(request);
    return status;
}

static enum MHD_Result send_reply(struct MHD_Connection *connection, struct slice body)
{
    struct buf out = BUF;
    unsigned status = reply_to(body, &out);
    struct MHD_Response *response;
    enum MHD_Result rc;
    if (status == 0) {
        buf_free(&out);
        return MHD_NO;
    }
    response = MHD_create_response_from_buffer(out.len, out.data, MHD_RESPMEM_MUST_COPY);
    MHD_add_response_header(response, "Content-Type", "application/json");
    if (status == 429)
        MHD_add_response_header(response, "Retry-After", "0");
    rc = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    buf_free(&out);
    return rc;
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *size, void **state)
{
    struct buf *body = *state;
    (void)context;
    (void)url;
    (void)method;
    (void)version;
    if (body == NULL) {
        body = mem_zero(1, sizeof *body);
        *body = BUF_MAX((size_t)16 << 20);
        *state = body;
        return MHD_YES;
    }
    if (*size > 0) {
        buf_add(body, data, *size);
        *size = 0;
        return MHD_YES;
    }
    return send_reply(connection, buf_view(body));
}

static void completed(void *context, struct MHD_Connection *connection, void **state,
                      enum MHD_RequestTerminationCode code)
{
    struct buf *body = *state;
    (void)context;
    (void)connection;
    (void)code;
    if (body != NULL)
        buf_free(body);
    mem_free(body);
}

/* ---- main ---------------------------------------------------------------------------------- */

static int option(const char *word, uint16_t *port)
{
    const char *value = strchr(word, '=') == NULL ? "" : strchr(word, '=') + 1;
    if (strncmp(word, "port=", 5) == 0)
        *port = (uint16_t)strtoul(value, NULL, 10);
    else if (strncmp(word, "latency=", 8) == 0)
        server.latency_ms = strtol(value, NULL, 10);
    else if (strncmp(word, "finish=", 7) == 0)
        server.finish_every = strtol(value, NULL, 10);
    else if (strncmp(word, "prompts=", 8) == 0)
        server.prompts = fopen(value, "w");
    else if (strncmp(word, "log=", 4) == 0)
        server.log = open(value, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    else if (strncmp(word, "fault=", 6) == 0 && strchr(value, ':') != NULL) {
        (void)snprintf(server.fault, sizeof server.fault, "%.*s", (int)strcspn(value, ":"), value);
        server.fault_every = strtol(strchr(value, ':') + 1, NULL, 10);
    } else
        return -1;
    return 0;
}

int main(int argc, char **argv)
{
    struct error error = {ERROR_NONE, "usage: recorded [OPTION=VALUE...] PAIRS.jsonl"};
    struct MHD_Daemon *daemon;
    uint16_t port = 0;
    int i = 1;
    while (i < argc && option(argv[i], &port) == 0)
        i++;
    if (i + 1 != argc || pairs_read(argv[i], &error) != 0) {
        fprintf(stderr, "recorded: %s\n", error.text);
        return 2;
    }
    if (server.prompts != NULL)
        return fclose(server.prompts) == 0 ? 0 : 1;
    signal(SIGPIPE, SIG_IGN);
    daemon =
        MHD_start_daemon(MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD |
                             MHD_USE_POLL,
                         port, NULL, NULL, handle, NULL, MHD_OPTION_NOTIFY_COMPLETED, completed,
                         NULL, MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_END);
    if (daemon == NULL) {
        fprintf(stderr, "recorded: port %u cannot be opened\n", port);
        return 1;
    }
    printf("port %u\n", (unsigned)MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    for (;;)
        pause();
}
