/*
 * faults [OPTION=VALUE...] : a teacher behind the OpenAI protocol that does what each prompt says.
 *
 * A prompt may hold one directive "{{NAME}}" or "{{NAME COUNT}}": the fault NAME befalls its first
 * COUNT attempts (without COUNT all of them), then it is answered "answer: PROMPT".  Faults: see
 * the tables below.  One thread a connection, HTTP/1.1 keep-alive.
 *
 *   port=N      0 (the default): any free one; the first line on stdout is "port N"
 *   latency=MS  before each reply
 *   key=KEY     401 without "Authorization: Bearer KEY"
 *   old=1       refuses max_completion_tokens, as servers do that know max_tokens only
 *   new=1       refuses max_tokens, as reasoning models do
 *   quota=N     after N answers: 429 insufficient_quota for ever
 *   schema=1    refuses response_format
 *   drip=MS     between two bytes of a drip
 *   path=PATH   only this path is known (default /v1/chat/completions)
 *
 * GET /stats: {"requests", "answered", "again", "prompts", "redirected", "keys_elsewhere",
 * "most_tokens_seen", "early"}: `again` counts prompts answered more than once (paid twice),
 * `early` requests of a prompt before its Retry-After was over.
 */
#include "core/buf.h"
#include "core/clock.h"
#include "core/hash.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/vec.h"
#include "tests/server/gzip.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum delivery { WHOLE, TORN, RESET, RESET_AT_ONCE, CLOSE_AT_ONCE, HANG, STALL, DRIP, CHUNKED };

/* A fixed reply. */
static const struct fault {
    const char *name;
    int status;
    const char *headers, *body;
    enum delivery delivery;
} faults[] = {
#define ERR(type, code, param, text)                                                               \
    "{\"error\":{\"message\":\"" text "\",\"type\":\"" type "\",\"param\":" param                  \
    ",\"code\":" code "}}"
#define OKAY(message, reason)                                                                      \
    "{\"id\":\"x\",\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":" message                 \
    ",\"finish_reason\":\"" reason "\"}],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":5}}"
    {"429", 429, "", ERR("requests", "\"rate_limit_exceeded\"", "null", "slow"), WHOLE},
    {"429s", 429, "Retry-After: 1\r\n", ERR("requests", "null", "null", "slow"), WHOLE},
    {"429ms", 429, "retry-after-ms: 150\r\n", ERR("requests", "null", "null", "slow"), WHOLE},
    {"429date", 429, "Retry-After: @\r\n", "", WHOLE},
    {"408", 408, "", ERR("timeout", "null", "null", "late"), WHOLE},
    {"409", 409, "", "", WHOLE},
    {"500", 500, "", ERR("server_error", "null", "null", "oops"), WHOLE},
    {"500never", 500, "x-should-retry: false\r\n", "", WHOLE},
    {"502", 502, "Content-Type: text/html\r\n", "<html>Bad Gateway</html>", WHOLE},
    {"503", 503, "", ERR("server_error", "\"slow_down\"", "null", "busy"), WHOLE},
    {"529", 529, "", ERR("overloaded_error", "null", "null", "busy"), WHOLE},
    {"400parse", 400, "",
     ERR("e", "null", "null", "We could not parse the JSON body of your request."), WHOLE},
    {"400", 400, "", ERR("invalid_request_error", "null", "null", "no"), WHOLE},
    {"400retry", 400, "x-should-retry: true\r\n", ERR("e", "null", "null", "no"), WHOLE},
    {"context", 400, "", ERR("e", "\"context_length_exceeded\"", "\"messages\"", "too long"),
     WHOLE},
    {"413", 413, "", "", WHOLE},
    {"filter400", 400, "", ERR("e", "\"content_filter\"", "null", "filtered"), WHOLE},
    {"422", 422, "", "{\"detail\":[{\"msg\":\"field required\"}]}", WHOLE},
    {"badjson", 200, "", "{\"choices\":[{\"message\":{\"content\":\"half", WHOLE},
    {"html", 200, "Content-Type: text/html\r\n", "<html>hello</html>", WHOLE},
    {"empty", 200, "", "", WHOLE},
    {"nochoices", 200, "", "{\"choices\":[]}", WHOLE},
    {"wrongtype", 200, "", "{\"choices\":{\"message\":1}}", WHOLE},
    {"wrongchoice", 200, "", "{\"choices\":[7]}", WHOLE},
    {"error200", 200, "", ERR("e", "429", "null", "upstream is busy"), WHOLE},
    {"choice502", 200, "",
     "{\"choices\":[{\"error\":{\"code\":502,\"message\":\"Provider returned error\"},\"message\":{"
     "\"content\":\"\"},\"finish_reason\":\"error\"}]}",
     WHOLE},
    {"refusal", 200, "", OKAY("{\"content\":null,\"refusal\":\"I cannot.\"}", "stop"), WHOLE},
    {"null", 200, "", OKAY("{\"content\":null}", "length"), WHOLE},
    {"blank", 200, "", OKAY("{\"content\":\" \\n\"}", "stop"), WHOLE},
    {"filter", 200, "", OKAY("{\"content\":\"par\"}", "content_filter"), WHOLE},
    {"length", 200, "", OKAY("{\"content\":\"cut sho\"}", "length"), WHOLE},
    {"parts", 200, "",
     OKAY("{\"content\":[{\"type\":\"text\",\"text\":\"one "
          "\"},{\"type\":\"text\",\"text\":\"two\"}]}",
          "stop"),
     WHOLE},
    {"reasoning", 200, "", OKAY("{\"content\":\"42\",\"reasoning\":\"hm\"}", "stop"), WHOLE},
    {"reasoningold", 200, "", OKAY("{\"content\":\"42\",\"reasoning_content\":\"hm\"}", "stop"),
     WHOLE},
    {"lone", 200, "", OKAY("{\"content\":\"a\\ud83db\"}", "stop"), WHOLE},
    {"nul", 200, "", OKAY("{\"content\":\"a\\u0000b\"}", "stop"), WHOLE},
    {"latin1", 200, "", OKAY("{\"content\":\"caf\xe9\"}", "stop"), WHOLE},
    {"nousage", 200, "",
     "{\"choices\":[{\"message\":{\"content\":\"ok\"},\"finish_reason\":\"stop\"}]}", WHOLE},
    {"badusage", 200, "",
     "{\"choices\":[{\"message\":{\"content\":\"ok\"},\"finish_reason\":\"stop\"}],\"usage\":{"
     "\"prompt_tokens\":-5,\"completion_tokens\":1e300}}",
     WHOLE},
    {"401", 401, "", ERR("e", "\"invalid_api_key\"", "null", "Incorrect API key"), WHOLE},
    {"402", 402, "", "", WHOLE},
    {"403", 403, "", ERR("e", "null", "null", "not allowed"), WHOLE},
    {"404", 404, "", ERR("e", "\"model_not_found\"", "null", "The model does not exist"), WHOLE},
    {"param", 400, "", ERR("e", "\"unsupported_value\"", "\"temperature\"", "temperature is fixed"),
     WHOLE},
    {"quota", 429, "",
     ERR("insufficient_quota", "\"insufficient_quota\"", "null", "You exceeded your quota"), WHOLE},
    {"redirect", 302, "Location: http://127.0.0.1:1/elsewhere\r\n", "", WHOLE},
    {"torn", 200, "", NULL, TORN},
    {"reset", 200, "", NULL, RESET},
    {"reset0", 0, "", NULL, RESET_AT_ONCE},
    {"close0", 0, "", NULL, CLOSE_AT_ONCE},
    {"hang", 0, "", NULL, HANG},
    {"stall", 200, "", NULL, STALL},
    {"drip", 200, "", NULL, DRIP},
    {"chunked", 200, "", NULL, CHUNKED},
    {"garbage", -1, "", "this is not HTTP\r\n\r\n", WHOLE},
    {"huge", 200, "", NULL, WHOLE},
    {"deep", 200, "", NULL, WHOLE},
    {"rawnul", 200, "", NULL, WHOLE},
    {"headers", 200, "", NULL, WHOLE},
    {"gzip", 200, "Content-Encoding: gzip\r\n", NULL, WHOLE},
    {"gzipchunks", 200, "Content-Encoding: gzip\r\n", NULL, CHUNKED},
    {"gzipbroken", 200, "Content-Encoding: gzip\r\n", "this is no gzip", WHOLE},
    {"bomb", 200, "Content-Encoding: gzip\r\n", NULL, WHOLE},
    {"invalid", 200, "", OKAY("{\"content\":\"{\\\"n\\\": \\\"seven\\\"}\"}", "stop"), WHOLE},
    {"valid", 200, "", OKAY("{\"content\":\"```json\\n{\\\"n\\\": 7}\\n```\"}", "stop"), WHOLE},
};

static struct {
    int port, quota;
    long latency, drip;
    bool old, new, schema;
    const char *key, *path;
} opt = {.drip = 30, .path = "/v1/chat/completions"};

struct prompt {
    uint64_t id;
    int attempts, answered;
    int64_t not_before_ns;
};

static struct {
    pthread_mutex_t lock;
    struct prompt *prompts;
    size_t n, cap;
    long requests, answered, again, redirected, early;
    int64_t most_tokens;
} seen = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct prompt *look(uint64_t id)
{
    for (size_t i = 0; i < seen.n; i++)
        if (seen.prompts[i].id == id)
            return &seen.prompts[i];
    seen.prompts = vec_reserve(seen.prompts, &seen.cap, seen.n + 1, sizeof *seen.prompts);
    seen.prompts[seen.n] = (struct prompt){.id = id};
    return &seen.prompts[seen.n++];
}

/* ---- sockets --------------------------------------------------------------------------------- */

static bool send_all(int fd, const char *data, size_t n)
{
    while (n) {
        ssize_t sent = send(fd, data, n, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        data += sent;
        n -= (size_t)sent;
    }
    return true;
}

static void hang(int fd) /* until the client goes away */
{
    char byte;
    while (recv(fd, &byte, 1, 0) > 0) {
    }
}

static void reset_on_close(int fd)
{
    struct linger l = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
}

static bool send_chunks(int fd, const char *body, size_t n)
{
    char size[32];
    for (size_t i = 0, k; i < n; i += k) {
        k = n - i < 13 ? n - i : 13;
        int m = snprintf(size, sizeof size, "%zx;x=1\r\n", k);
        if (!send_all(fd, size, (size_t)m) || !send_all(fd, body + i, k) ||
            !send_all(fd, "\r\n", 2))
            return false;
    }
    return send_all(fd, "0\r\nx-trailer: 1\r\n\r\n", 19);
}

static bool send_reply(int fd, const struct fault *f, const char *headers, struct slice body)
{
    struct buf head = BUF;
    bool alive;
    if (f->status < 0) {
        send_all(fd, body.data, body.len);
        return false;
    }
    pthread_mutex_lock(&seen.lock);
    long number = seen.requests;
    pthread_mutex_unlock(&seen.lock);
    buf_printf(&head, "HTTP/1.1 %d X\r\nx-request-id: r%ld\r\n%s", f->status, number, headers);
    if (!strcmp(f->name, "headers"))
        for (int i = 0; i < 3000; i++)
            buf_printf(&head, "x-noise-%d: %040d\r\n", i, i);
    if (f->delivery == CHUNKED)
        buf_str(&head, "Transfer-Encoding: chunked\r\nTrailer: x-trailer\r\n\r\n");
    else
        buf_printf(&head, "Content-Length: %zu\r\n\r\n", body.len);
    alive = send_all(fd, head.data, head.len);
    buf_free(&head);
    size_t n = f->delivery == WHOLE ? body.len : body.len / 2;
    if (f->delivery == CHUNKED)
        return alive && send_chunks(fd, body.data, body.len);
    if (f->delivery == DRIP) {
        for (size_t i = 0; alive && i < body.len; i++) {
            alive = send_all(fd, body.data + i, 1);
            clock_sleep_ms(opt.drip);
        }
        return alive;
    }
    alive = alive && send_all(fd, body.data, n);
    if (f->delivery == STALL)
        hang(fd);
    if (f->delivery == RESET) {
        clock_sleep_ms(20); /* let the half arrive */
        reset_on_close(fd);
    }
    return alive && f->delivery == WHOLE;
}

/* ---- replies --------------------------------------------------------------------------------- */

static void answer(struct buf *out, struct slice prompt, const struct json *asked)
{
    int64_t n = 1;
    struct buf text = BUF;
    (void)json_integer(json_get(asked, "n"), &n);
    buf_str(&text, "answer: ");
    buf_slice(&text, prompt);
    buf_str(out, "{\"id\":\"a\",\"model\":\"mock\",\"choices\":[");
    for (int64_t i = 0; i < n; i++) {
        buf_printf(out,
                   "%s{\"index\":%d,\"message\":{\"role\":\"assistant\",\"content\":", i ? "," : "",
                   (int)i);
        json_quote(buf_view(&text), 0, out);
        buf_str(out, "},\"finish_reason\":\"stop\"}");
    }
    buf_printf(out, "],\"usage\":{\"prompt_tokens\":%zu,\"completion_tokens\":%zu}}",
               prompt.len / 4 + 1, text.len / 4 + 1);
    buf_free(&text);
}

static void special_body(const char *name, struct buf *out, struct slice prompt,
                         const struct json *asked)
{
    if (!strcmp(name, "huge")) {
        buf_str(out, "{\"choices\":[{\"message\":{\"content\":\"");
        for (int i = 0; i < 3 << 17; i++)
            buf_str(out, "gibberish ");
        buf_str(out, "\"},\"finish_reason\":\"stop\"}]}");
    } else if (!strcmp(name, "deep")) {
        buf_str(out, "{\"choices\":");
        for (int i = 0; i < 200000; i++)
            buf_char(out, '[');
    } else if (!strcmp(name, "rawnul")) {
        answer(out, prompt, asked);
        out->data[out->len / 2] = '\0';
    } else if (!strcmp(name, "bomb")) {
        gzip_bomb(1 << 17, out);
    } else if (!strncmp(name, "gzip", 4)) {
        struct buf plain = BUF;
        answer(&plain, prompt, asked);
        gzip_stored(buf_view(&plain), out);
        buf_free(&plain);
    } else {
        answer(out, prompt, asked);
    }
}

static const struct fault *find(const char *name)
{
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        if (!strcmp(faults[i].name, name))
            return &faults[i];
    return NULL;
}

/* The last user message's text. */
static struct slice prompt_of(const struct json *asked)
{
    struct slice text = {NULL, 0};
    for (const struct json *m = json_first(json_get(asked, "messages")); m; m = json_next(m))
        if (slice_is(json_string(json_get(m, "role")), "user"))
            text = json_string(json_get(m, "content"));
    return text;
}

static const struct fault *refused_parameter(const struct json *asked)
{
    static const struct fault old = {"old", 400, "",
                                     ERR("e", "\"unsupported_parameter\"",
                                         "\"max_completion_tokens\"",
                                         "Unrecognized request argument: max_completion_tokens"),
                                     WHOLE},
                              new = {"new", 400, "",
                                     ERR("e", "\"unsupported_parameter\"", "\"max_tokens\"",
                                         "Use 'max_completion_tokens' instead of 'max_tokens'."),
                                     WHOLE},
                              schema = {"schema", 400, "",
                                        ERR("e", "null", "\"response_format\"",
                                            "response_format is not supported"),
                                        WHOLE};
    if (opt.old && json_get(asked, "max_completion_tokens"))
        return &old;
    if (opt.new &&json_get(asked, "max_tokens"))
        return &new;
    return opt.schema && json_get(asked, "response_format") ? &schema : NULL;
}

/* What this attempt of this prompt comes to; counts it. */
static const struct fault *decide(const struct json *asked, struct slice body, struct slice prompt)
{
    static const struct fault fine = {"ok", 200, "", NULL, WHOLE};
    char name[32] = "", text[64] = "";
    int count = 0;
    const struct fault *f = refused_parameter(asked);
    size_t at = slice_find(prompt, SLICE("{{"));
    if (at < prompt.len) {
        size_t n = prompt.len - at < sizeof text - 1 ? prompt.len - at : sizeof text - 1;
        memcpy(text, prompt.data + at, n);
        if (sscanf(text, "{{%31[^ }] %d", name, &count) < 2)
            count = 1 << 30;
    }
    if (slice_find(prompt, SLICE("corrected JSON")) < prompt.len) /* the second repair is good */
        snprintf(name, sizeof name, "%s",
                 json_count(json_get(asked, "messages")) >= 5 ? "valid" : "invalid");
    count = *name && !count ? 1 << 30 : count;
    pthread_mutex_lock(&seen.lock);
    struct prompt *p = look(hash64(body.data, body.len, 1));
    int64_t now = clock_ns();
    seen.early += now + 2000000 < p->not_before_ns;
    if (!f && name[0] && p->attempts < count)
        f = find(name);
    if (!f && opt.quota && seen.answered >= opt.quota)
        f = find("quota");
    f = f ? f : &fine;
    p->attempts++;
    p->not_before_ns = !strcmp(f->name, "429s")    ? now + 1000000000
                       : !strcmp(f->name, "429ms") ? now + 150000000
                                                   : 0;
    bool broken = !strcmp(f->name, "huge") || !strcmp(f->name, "deep") ||
                  !strcmp(f->name, "rawnul") || !strcmp(f->name, "bomb");
    if (f->status == 200 && !f->body && !broken &&
        (f->delivery == WHOLE || f->delivery == CHUNKED)) {
        seen.answered++;
        seen.again += p->answered++ > 0;
    }
    int64_t most = 0;
    if (json_integer(json_get(asked, "max_completion_tokens"), &most))
        (void)json_integer(json_get(asked, "max_tokens"), &most);
    seen.most_tokens = most > seen.most_tokens ? most : seen.most_tokens;
    pthread_mutex_unlock(&seen.lock);
    return f;
}

static bool chat(int fd, struct slice body)
{
    static const struct fault bad = {"bad", 400, "", ERR("e", "null", "null", "not JSON"), WHOLE};
    struct json *asked = json_parse(body, 0, NULL);
    struct slice prompt = prompt_of(asked);
    const struct fault *f = asked ? decide(asked, body, prompt) : &bad;
    struct buf out = BUF;
    char headers[256];
    snprintf(headers, sizeof headers, "%s", f->headers);
    if (opt.latency)
        clock_sleep_ms(opt.latency);
    if (strchr(headers, '@')) {
        char date[64];
        time_t at = time(NULL) + 1;
        struct tm tm;
        strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&at, &tm));
        snprintf(headers, sizeof headers, "Retry-After: %s\r\n", date);
    }
    if (f->body)
        buf_str(&out, f->body);
    else
        special_body(f->name, &out, prompt, asked);
    bool alive = false;
    if (f->delivery == RESET_AT_ONCE)
        reset_on_close(fd);
    else if (f->delivery == HANG)
        hang(fd);
    else if (f->delivery != CLOSE_AT_ONCE)
        alive = send_reply(fd, f, headers, buf_view(&out));
    buf_free(&out);
    json_free(asked);
    return alive;
}

static bool stats(int fd)
{
    static const struct fault plain = {"stats", 200, "", NULL, WHOLE};
    struct buf b = BUF;
    pthread_mutex_lock(&seen.lock);
    buf_printf(&b,
               "{\"requests\":%ld,\"answered\":%ld,\"again\":%ld,\"prompts\":%zu,"
               "\"redirected\":%ld,\"early\":%ld,\"most_tokens\":%lld}",
               seen.requests, seen.answered, seen.again, seen.n, seen.redirected, seen.early,
               (long long)seen.most_tokens);
    pthread_mutex_unlock(&seen.lock);
    bool alive = send_reply(fd, &plain, "", buf_view(&b));
    buf_free(&b);
    return alive;
}

/* ---- one connection -------------------------------------------------------------------------- */

static bool authorised(const char *head)
{
    char want[512];
    if (!opt.key)
        return true;
    snprintf(want, sizeof want, "Authorization: Bearer %s\r\n", opt.key);
    return strstr(head, want) != NULL;
}

static bool serve(int fd, const char *head, struct slice body)
{
    char path[256] = "", method[16] = "";
    sscanf(head, "%15s %255s", method, path);
    if (!strcmp(path, "/stats"))
        return stats(fd);
    pthread_mutex_lock(&seen.lock);
    seen.requests++;
    seen.redirected += strstr(path, "elsewhere") != NULL;
    pthread_mutex_unlock(&seen.lock);
    if (!authorised(head))
        return send_reply(fd, find("401"), "", slice_of(find("401")->body));
    if (strcmp(path, opt.path) != 0)
        return send_reply(fd, find("404"), "", SLICE("{\"detail\":\"Not Found\"}"));
    return chat(fd, body);
}

static void *connection(void *arg)
{
    int fd = *(int *)arg;
    struct buf in = BUF;
    bool alive = true;
    mem_free(arg);
    while (alive) {
        char chunk[16384];
        char *end = in.len ? strstr(in.data, "\r\n\r\n") : NULL;
        size_t head = end ? (size_t)(end - in.data) + 4 : 0, length = 0;
        char *field = end ? strstr(in.data, "Content-Length: ") : NULL;
        if (field && field < end)
            length = strtoul(field + 16, NULL, 10);
        if (end && in.len >= head + length) {
            struct slice body = slice_from(in.data + head, length);
            end[2] = '\0';
            alive = serve(fd, in.data, body);
            memmove(in.data, in.data + head + length, in.len - head - length);
            in.len -= head + length;
            in.data[in.len] = '\0';
            continue;
        }
        ssize_t n = recv(fd, chunk, sizeof chunk, 0);
        if (n <= 0 || buf_add(&in, chunk, (size_t)n))
            break;
    }
    buf_free(&in);
    close(fd);
    return NULL;
}

static void read_option(const char *a)
{
    const char *v = strchr(a, '=');
    static const struct {
        const char *name;
        int *i;
        long *l;
        bool *b;
        const char **s;
    } table[] = {{"port", &opt.port, 0, 0, 0},       {"quota", &opt.quota, 0, 0, 0},
                 {"latency", 0, &opt.latency, 0, 0}, {"drip", 0, &opt.drip, 0, 0},
                 {"old", 0, 0, &opt.old, 0},         {"new", 0, 0, &opt.new, 0},
                 {"schema", 0, 0, &opt.schema, 0},   {"key", 0, 0, 0, &opt.key},
                 {"path", 0, 0, 0, &opt.path}};
    for (size_t i = 0; v && i < sizeof table / sizeof *table; i++) {
        if (strncmp(a, table[i].name, (size_t)(v - a)) != 0)
            continue;
        if (table[i].i)
            *table[i].i = atoi(v + 1);
        if (table[i].l)
            *table[i].l = atol(v + 1);
        if (table[i].b)
            *table[i].b = v[1] == '1';
        if (table[i].s)
            *table[i].s = v + 1;
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof at;
    int on = 1, s = socket(AF_INET, SOCK_STREAM, 0);
    for (int i = 1; i < argc; i++)
        read_option(argv[i]);
    signal(SIGPIPE, SIG_IGN);
    at.sin_port = htons((uint16_t)opt.port);
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (s < 0 || bind(s, (struct sockaddr *)&at, sizeof at) || listen(s, 1024) ||
        getsockname(s, (struct sockaddr *)&at, &len)) {
        perror("faults");
        return 1;
    }
    printf("port %d\n", ntohs(at.sin_port));
    fflush(stdout);
    pid_t parent = getppid();
    while (getppid() == parent) { /* a test that died leaves nothing behind */
        struct pollfd p = {.fd = s, .events = POLLIN};
        int fd = poll(&p, 1, 500) == 1 ? accept(s, NULL, NULL) : -1;
        pthread_t t;
        if (fd < 0)
            continue;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        int *arg = mem_alloc(sizeof *arg);
        *arg = fd;
        if (pthread_create(&t, NULL, connection, arg)) {
            close(fd);
            mem_free(arg);
            continue;
        }
        pthread_detach(t);
    }
    return 0;
}
