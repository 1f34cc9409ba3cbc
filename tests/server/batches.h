/* What tests/server/batches.c knows: its options, files and batches, and how a batch ends. */
#ifndef TESTS_SERVER_BATCHES_H
#define TESTS_SERVER_BATCHES_H

#include "core/buf.h"
#include "core/clock.h"
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

enum { MAX_BODY = 300 << 20, QUESTIONS = 1 << 19 };

struct file {
    char id[32];
    struct buf data;
};

struct made {
    char id[32], input[32], tag[128];
    const char *status;
    bool anthropic, foreign;
    int64_t born_ms, lines, shown_at;
    int output, errors; /* files; -1 none */
    struct buf problems;
    bool worked, cancelling;
};

static struct {
    const char *key, *end;
    int64_t ms, share, upload500, create500, createdrop, create503, look, torn, cut, foreign, lines,
        page, most;
    bool twice;
    int log;
    pthread_mutex_t lock;
    struct file *files;
    size_t n_files, cap_files;
    struct made *batches;
    size_t n, cap;
    uint64_t asked[QUESTIONS], once[QUESTIONS];
    int64_t uploads, creates, answered, again, online, lists;
    bool ended_one;
} server = {.key = "secret",
            .end = "completed",
            .ms = 50,
            .share = 50,
            .page = 2,
            .most = 50000,
            .lines = 1,
            .log = -1,
            .lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- answers --------------------------------------------------------------------------------- */

/* Is it in the set?  It is afterwards. */
static bool seen(uint64_t *set, struct slice s)
{
    uint64_t h = hash64(s.data, s.len, 1) | 1;
    size_t at = h % QUESTIONS;
    while (set[at] != 0 && set[at] != h)
        at = (at + 1) % QUESTIONS;
    bool was = set[at] == h;
    set[at] = h;
    return was;
}

static struct slice question_of(const struct json *body)
{
    const struct json *m = json_get(body, "messages");
    return json_string(json_get(json_at(m, json_count(m) - 1), "content"));
}

static bool says(struct slice s, const char *word)
{
    return slice_find(s, slice_of(word)) < s.len;
}

static void bill(struct slice question)
{
    server.answered++;
    server.again += seen(server.asked, question);
    if (server.log >= 0)
        (void)!dprintf(server.log, "%.*s\n", (int)question.len, question.data);
}

/* Of the body alone: the same whichever way it came. */
static void write_text(const struct json *body, struct slice question, struct buf *text)
{
    struct buf whole = BUF;
    json_write(body, JSON_CANONICAL, &whole);
    unsigned long long h = hash64(whole.data, whole.len, 3);
    buf_free(&whole);
    if (says(question, "Come up with")) {
        buf_printf(text, "1. Describe t%llx a%llx b%llx\n2. Compare u%llx c%llx d%llx\n", h, h, h,
                   h, h, h);
    } else if (says(question, "Rewrite")) {
        buf_printf(text, "Rewritten instruction: say %llx", h);
    } else {
        buf_str(text, "answer to ");
        buf_slice(text, question);
    }
}

static void answer(bool anthropic, const struct json *body, struct buf *out)
{
    struct slice question = question_of(body);
    struct buf text = BUF;
    double room = json_number(json_get(body, "max_tokens"), 0) +
                  json_number(json_get(body, "max_completion_tokens"), 0);
    bool cut = says(question, "{{cut}}") && room < 100;
    write_text(body, question, &text);
    if (anthropic)
        buf_str(out, "{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":"
                     "\"m\",\"content\":[{\"type\":\"text\",\"text\":");
    else
        buf_str(out, "{\"id\":\"c1\",\"object\":\"chat.completion\",\"model\":\"m\",\"choices\":"
                     "[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":");
    json_quote(buf_view(&text), 0, out);
    if (anthropic)
        buf_printf(out,
                   "}],\"stop_reason\":\"%s\",\"usage\":{\"input_tokens\":100,"
                   "\"output_tokens\":10}}",
                   cut ? "max_tokens" : "end_turn");
    else
        buf_printf(out,
                   "},\"finish_reason\":\"%s\"}],\"usage\":{\"prompt_tokens\":100,"
                   "\"completion_tokens\":10}}",
                   cut ? "length" : "stop");
    buf_free(&text);
}

static void refusal(bool anthropic, const char *type, const char *message, struct buf *out)
{
    if (anthropic)
        buf_printf(out, "{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":\"%s\"}}", type,
                   message);
    else
        buf_printf(out, "{\"error\":{\"message\":\"%s\",\"type\":\"%s\",\"code\":null}}", message,
                   type);
}

/* ---- a batch works --------------------------------------------------------------------------- */

static int file_new(void)
{
    server.files =
        vec_reserve(server.files, &server.cap_files, server.n_files + 1, sizeof *server.files);
    struct file *f = &server.files[server.n_files];
    *f = (struct file){.data = BUF};
    snprintf(f->id, sizeof f->id, "file-%zu", server.n_files + 1);
    return (int)server.n_files++;
}

static struct file *file_find(const char *id)
{
    for (size_t i = 0; i < server.n_files; i++)
        if (strcmp(server.files[i].id, id) == 0)
            return &server.files[i];
    return NULL;
}

/* One line of the results; false: it belongs into the error file. */
static bool result(const struct made *b, const struct json *line, bool asked, struct buf *out)
{
    const struct json *body = json_get(line, b->anthropic ? "params" : "body");
    struct slice question = question_of(body);
    bool bad = asked && says(question, "{{bad}}");
    bool broken = asked && !bad && says(question, "{{once}}") && !seen(server.once, question);
    buf_str(out, "{\"custom_id\":");
    json_quote(json_string(json_get(line, "custom_id")), 0, out);
    if (b->anthropic) {
        buf_str(out, !asked          ? ",\"result\":{\"type\":\"expired\"}}"
                     : bad || broken ? ",\"result\":{\"type\":\"errored\",\"error\":"
                                     : ",\"result\":{\"type\":\"succeeded\",\"message\":");
    } else {
        buf_str(out, ",\"id\":\"r\"");
        buf_str(out, !asked ? ",\"response\":null,\"error\":{\"code\":\"batch_expired\","
                              "\"message\":\"This request could not be executed\"}}"
                            : ", \"error\": null, \"response\": {\"request_id\":\"req-7\",");
        if (asked)
            buf_printf(out, "\"status_code\": %d, \"body\": ", bad ? 400 : broken ? 500 : 200);
    }
    if (bad)
        refusal(b->anthropic, "invalid_request_error", "messages: this is bad", out);
    else if (broken)
        refusal(b->anthropic, b->anthropic ? "api_error" : "server_error", "oh", out);
    else if (asked)
        answer(b->anthropic, body, out);
    if (asked && !bad && !broken)
        bill(question);
    buf_str(out, asked ? "}}\n" : "\n");
    return asked && !bad && !broken;
}

static struct json *input_of(const struct made *b)
{
    struct file *f = file_find(b->input);
    struct json *lines = json_new_array();
    if (b->anthropic) {
        json_free(lines);
        struct json *root = json_parse(buf_view(&f->data), 0, NULL);
        struct json *all = json_take(root, "requests");
        json_free(root);
        return all;
    }
    for (size_t at = 0; at < f->data.len;) {
        const char *p = f->data.data + at, *eol = memchr(p, '\n', f->data.len - at);
        size_t n = eol ? (size_t)(eol - p) : f->data.len - at;
        struct json *line = n ? json_parse(slice_from(p, n), 0, NULL) : NULL;
        if (line)
            json_push(lines, line);
        at += n + 1;
    }
    return lines;
}

/* Some of a failed batch's lines are named. */
static bool name_lines(struct made *b, const struct json *lines)
{
    int64_t place = 1;
    bool any = false;
    for (const struct json *l = json_first(lines); l; l = json_next(l), place++)
        if (!b->anthropic && says(question_of(json_get(l, "body")), "{{line}}")) {
            buf_printf(&b->problems,
                       "%s{\"code\":\"invalid_request\",\"message\":\"line is bad\",\"param\":"
                       "null,\"line\":%lld}",
                       any ? "," : "", (long long)place);
            any = true;
        }
    return any;
}

/* The lines from last to first: results come in any order. */
static void write_results(struct made *b, const struct json *lines, int64_t asked)
{
    int64_t n = (int64_t)json_count(lines);
    b->output = file_new();
    b->errors = b->anthropic ? -1 : file_new();
    const struct json **all = mem_alloc((size_t)(n + 1) * sizeof *all), **end = all;
    for (const struct json *l = json_first(lines); l; l = json_next(l))
        *end++ = l;
    for (int64_t i = n; i-- > 0;) {
        struct buf line = BUF;
        const struct json *l = all[i];
        if (says(question_of(json_get(l, b->anthropic ? "params" : "body")), "{{empty}}"))
            continue;
        bool good = result(b, l, i < asked, &line);
        int to = good || b->anthropic ? b->output : b->errors;
        for (int k = 0; k < (server.twice ? 2 : 1); k++)
            buf_slice(&server.files[to].data, buf_view(&line));
        buf_free(&line);
    }
    mem_free(all);
    if (b->errors >= 0 && !server.files[b->errors].data.len)
        b->errors = -1;
}

static void work(struct made *b)
{
    bool first = !server.ended_one;
    if (b->worked || b->foreign || clock_wall_ms() < b->born_ms + server.ms)
        return;
    b->worked = true;
    struct json *lines = input_of(b);
    const char *end = first && !b->cancelling ? server.end : "completed";
    server.ended_one = true;
    if (name_lines(b, lines)) {
        b->status = "failed";
    } else if (strcmp(end, "failed") == 0 || strcmp(end, "full") == 0) {
        b->status = "failed";
        buf_printf(&b->problems, "{\"code\":\"%s\",\"message\":\"no\",\"line\":null}",
                   strcmp(end, "full") == 0 ? "token_limit_exceeded" : "mismatched_model");
    } else {
        int64_t n = (int64_t)json_count(lines);
        bool all = strcmp(end, "completed") == 0 && !b->cancelling;
        write_results(b, lines, all ? n : n * server.share / 100);
        b->status = b->cancelling ? "cancelled" : end;
    }
    json_free(lines);
}

/* ---- what is said of a batch ----------------------------------------------------------------- */

static void describe(struct made *b, struct buf *out)
{
    work(b);
    if (b->anthropic) {
        char at[32];
        clock_iso(b->born_ms, at);
        bool over = b->worked || b->foreign;
        buf_printf(out,
                   "{\"id\":\"%s\",\"type\":\"message_batch\",\"processing_status\":\"%s\","
                   "\"request_counts\":{\"processing\":%lld,\"succeeded\":%lld,\"errored\":0,"
                   "\"canceled\":0,\"expired\":0},\"created_at\":\"%s\",\"results_url\":%s}",
                   b->id,
                   over            ? "ended"
                   : b->cancelling ? "canceling"
                                   : "in_progress",
                   (long long)(over ? 0 : b->lines), (long long)(over ? b->lines : 0), at,
                   over ? "\"https://elsewhere.invalid/results\"" : "null");
        return;
    }
    buf_printf(out,
               "{\"id\":\"%s\",\"object\":\"batch\",\"endpoint\":\"/v1/chat/completions\","
               "\"status\":\"%s\",\"input_file_id\":\"%s\",\"created_at\":%lld,\"metadata\":"
               "{\"retort\":\"%s\"},\"request_counts\":{\"total\":%lld}",
               b->id,
               b->worked || b->foreign ? b->status
               : b->cancelling         ? "cancelling"
                                       : "in_progress",
               b->input, (long long)(b->born_ms / 1000), b->tag, (long long)b->lines);
    if (b->worked && b->output >= 0)
        buf_printf(out, ",\"output_file_id\":\"%s\"", server.files[b->output].id);
    if (b->worked && b->errors >= 0)
        buf_printf(out, ",\"error_file_id\":\"%s\"", server.files[b->errors].id);
    buf_str(out, ",\"errors\":{\"object\":\"list\",\"data\":[");
    buf_slice(out, buf_view(&b->problems));
    buf_str(out, "]}}");
}

static struct made *batch_new(bool anthropic)
{
    server.batches = vec_reserve(server.batches, &server.cap, server.n + 1, sizeof *server.batches);
    struct made *b = &server.batches[server.n++];
    *b = (struct made){.status = "completed",
                       .anthropic = anthropic,
                       .born_ms = clock_wall_ms(),
                       .shown_at = server.lists + server.look,
                       .output = -1,
                       .errors = -1,
                       .problems = BUF};
    snprintf(b->id, sizeof b->id, "%s_%zu", anthropic ? "msgbatch" : "batch", server.n);
    return b;
}

static struct made *batch_find(const char *id, size_t len)
{
    for (size_t i = 0; i < server.n; i++)
        if (strlen(server.batches[i].id) == len && memcmp(server.batches[i].id, id, len) == 0)
            return &server.batches[i];
    return NULL;
}

#endif
