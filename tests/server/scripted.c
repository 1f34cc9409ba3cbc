/*
 * scripted [OPTION=VALUE...] : a teacher that follows a script, behind OpenAI's chat and
 * completions.
 *
 *   rules=FILE    one object a line: {"when": [texts], "reply": …, "reasoning": …, "finish": …,
 *                 "logprobs": as they are to stand there, "status": N}.  The first rule whose texts all occur in what was asked (all
 *                 messages joined, or the raw prompt) answers.  In a reply {hash} becomes a number
 *                 that depends on the question and the seed of the request alone, {after:TEXT} what
 *                 stands behind TEXT in the question to the end of its line.
 *   log=FILE      a line an answer: the number of its rule
 *   latency=MS    wait before each answer
 *   jitter=MS     wait up to so long, by the question: answers come in another order than asked
 *   port=N
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
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static struct {
    struct json **rules;
    size_t n, cap;
    int log;
    int64_t latency_ms, jitter_ms;
} server = {.log = -1};

static int rules_read(const char *path, struct error *error)
{
    struct file_lines *lines = file_lines_open(path, (size_t)1 << 20, error);
    struct slice line;
    int rc = lines == NULL ? -1 : 1;
    while (rc == 1 && (rc = file_lines_next(lines, &line, error)) == 1) {
        struct json *rule = json_parse(line, 0, error);
        if (rule == NULL)
            return -1;
        server.rules = vec_reserve(server.rules, &server.cap, server.n + 1, sizeof(struct json *));
        server.rules[server.n++] = rule;
    }
    file_lines_close(lines);
    return rc;
}

/* ---- the question ---------------------------------------------------------------------------- */

static void question_of(const struct json *request, struct buf *out)
{
    const struct json *messages = json_get(request, "messages");
    buf_slice(out, json_string(json_get(request, "prompt")));
    for (const struct json *m = json_first(messages); m != NULL; m = json_next(m)) {
        buf_slice(out, json_string(json_get(m, "content")));
        buf_char(out, '\n');
    }
}

static bool holds(const struct json *rule, struct slice question)
{
    for (const struct json *w = json_first(json_get(rule, "when")); w != NULL; w = json_next(w))
        if (slice_find(question, json_string(w)) == question.len)
            return false;
    return true;
}

/* The number of the rule; server.n where none holds. */
static size_t rule_for(struct slice question)
{
    size_t k = 0;
    while (k < server.n && !holds(server.rules[k], question))
        k++;
    return k;
}

static void put_after(struct slice question, struct slice words, struct buf *out)
{
    size_t at = slice_find(question, words);
    struct slice rest = slice_sub(question, at + words.len, question.len);
    if (at < question.len)
        buf_slice(out, slice_trim(slice_sub(rest, 0, slice_find(rest, SLICE("\n")))));
}

static void fill(struct slice text, struct slice question, uint64_t number, struct buf *out)
{
    for (size_t i = 0; i < text.len;) {
        struct slice rest = slice_sub(text, i, text.len);
        if (slice_starts(rest, "{hash}")) {
            buf_printf(out, "%llu", (unsigned long long)(number % 1000003));
            i += 6;
        } else if (slice_starts(rest, "{after:")) {
            size_t end = slice_find(rest, SLICE("}"));
            put_after(question, slice_sub(rest, 7, end - 7), out);
            i += end + 1;
        } else {
            buf_char(out, text.data[i++]);
        }
    }
}

/* ---- answers --------------------------------------------------------------------------------- */

static void answer_json(const struct json *rule, const struct json *request, struct slice question,
                        struct buf *out)
{
    bool raw = json_get(request, "prompt") != NULL;
    int64_t seed = 0;
    struct buf text = BUF;
    (void)json_integer(json_get(request, "seed"), &seed);
    fill(json_string(json_get(rule, "reply")), question,
         hash64(question.data, question.len, (uint64_t)seed), &text);
    buf_str(out, "{\"id\":\"s\",\"model\":\"scripted\",\"choices\":[{\"index\":0,");
    buf_str(out, raw ? "\"text\":" : "\"message\":{\"role\":\"assistant\",\"content\":");
    json_quote(buf_view(&text), 0, out);
    if (!raw && json_get(rule, "reasoning") != NULL) {
        buf_str(out, ",\"reasoning_content\":");
        json_quote(json_string(json_get(rule, "reasoning")), 0, out);
    }
    if (!raw)
        buf_char(out, '}');
    if (json_get(rule, "logprobs") != NULL) {
        buf_str(out, ",\"logprobs\":");
        json_write(json_get(rule, "logprobs"), 0, out);
    }
    buf_printf(out, ",\"finish_reason\":\"%s\"}],\"usage\":{\"prompt_tokens\":10,",
               json_text(json_get(rule, "finish"), "stop"));
    buf_printf(out, "\"completion_tokens\":%zu}}", text.len / 4 + 1);
    buf_free(&text);
}

static void note(size_t rule)
{
    char line[32];
    int n = snprintf(line, sizeof line, "%zu\n", rule + 1);
    if (server.log >= 0)
        (void)!write(server.log, line, (size_t)n);
}

static unsigned reply_to(struct slice body, struct buf *out)
{
    struct json *request = json_parse(body, 0, NULL);
    struct buf question = BUF;
    int64_t status = 200;
    question_of(request, &question);
    uint64_t h = hash64(question.data, question.len, 7);
    size_t k = rule_for(buf_view(&question));
    clock_sleep_ms(server.latency_ms +
                   (server.jitter_ms > 0 ? (int64_t)(h % (uint64_t)server.jitter_ms) : 0));
    if (k == server.n) {
        status = 400;
        buf_str(out, "{\"error\":{\"message\":\"the script has no rule for this\"}}");
    } else {
        (void)json_integer(json_get(server.rules[k], "status"), &status);
        note(k);
        if (status == 200)
            answer_json(server.rules[k], request, buf_view(&question), out);
        else
            buf_str(out, "{\"error\":{\"message\":\"as the script says\"}}");
    }
    buf_free(&question);
    json_free(request);
    return (unsigned)status;
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *size, void **state)
{
    struct buf *body = *state, out = BUF;
    (void)context;
    (void)url;
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
    unsigned status = reply_to(buf_view(body), &out);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(out.len, out.data, MHD_RESPMEM_MUST_COPY);
    MHD_add_response_header(response, "Content-Type", "application/json");
    enum MHD_Result rc = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
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
    struct error error = {ERROR_NONE, "usage: scripted rules=FILE [OPTION=VALUE...]"};
    const char *rules = NULL;
    uint16_t port = 0;
    for (int i = 1; i < argc; i++) {
        const char *value = strchr(argv[i], '=') == NULL ? "" : strchr(argv[i], '=') + 1;
        if (strncmp(argv[i], "rules=", 6) == 0)
            rules = value;
        else if (strncmp(argv[i], "log=", 4) == 0)
            server.log = open(value, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        else if (strncmp(argv[i], "latency=", 8) == 0)
            server.latency_ms = strtol(value, NULL, 10);
        else if (strncmp(argv[i], "jitter=", 7) == 0)
            server.jitter_ms = strtol(value, NULL, 10);
        else if (strncmp(argv[i], "port=", 5) == 0)
            port = (uint16_t)strtoul(value, NULL, 10);
    }
    if (rules == NULL || rules_read(rules, &error) != 0) {
        fprintf(stderr, "scripted: %s\n", error.text);
        return 2;
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
