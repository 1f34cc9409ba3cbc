/*
 * Anthropic's Message Batches: the requests are the body of the create, the answers are one file of
 * lines {"custom_id", "result": {"type": "succeeded", "message"} | {"type": "errored", "error"} |
 * {"type": "canceled"} | {"type": "expired"}}.
 *
 * A batch carries no mark of ours: after a crash an orphan is known by its age, the number of its
 * requests, and in the end by the keys of its answers.  results_url is not followed: the address is
 * built here, so that the key goes nowhere else.
 */
#include "net/anthropic.h"
#include "net/batches.h"
#include "net/limits.h"

#include <stdio.h>
#include <string.h>

static void line(const char *key, const char *url, struct slice body, struct buf *out)
{
    (void)url;
    buf_printf(out, "{\"custom_id\":\"%s\",\"params\":", key);
    buf_slice(out, body);
    buf_char(out, '}');
}

static int64_t count(const struct json *counts)
{
    static const char *const kinds[] = {"processing", "succeeded", "errored", "canceled",
                                        "expired"};
    int64_t n, all = json_type(counts) == JSON_OBJECT ? 0 : -1;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!json_integer(json_get(counts, kinds[i]), &n) && n > 0 && n < (int64_t)1 << 40)
            all += n;
    return all;
}

static void read_node(const struct json *node, struct net_batch *out)
{
    int64_t created = limits_date(json_string(json_get(node, "created_at")));
    memset(out, 0, sizeof *out);
    (void)batches_id(json_get(node, "id"), out->id);
    net_line(json_string(json_get(node, "processing_status")), out->status, sizeof out->status);
    out->lines = count(json_get(node, "request_counts"));
    out->created_ms = created > 0 ? created : 0;
    out->not_billed = true; /* of what did not succeed nothing is billed */
    if (!strcmp(out->status, "ended")) {
        out->state = NET_BATCH_ENDED;
        memcpy(out->file[0], out->id, sizeof out->id);
    }
}

static int read_batch(struct slice body, struct net_batch *out, struct net_failure *f)
{
    struct json *root = json_parse(body, JSON_REPAIR, NULL);
    read_node(root, out);
    json_free(root);
    return out->id[0] && out->status[0] ? 0 : net_malformed(f, "this is no batch");
}

static int list(struct slice body, void (*fn)(void *context, const struct net_batch *b),
                void *context, char next[BATCHES_ID], struct net_failure *f)
{
    int n = batches_page(body, read_node, fn, context, next);
    return n < 0 ? net_malformed(f, "this is no list of batches") : n;
}

static void read_result(const struct json *result, struct slice text, struct net_batch_line *out)
{
    struct slice type = json_string(json_get(result, "type"));
    if (slice_is(type, "succeeded")) {
        out->status = 200;
        out->body = batches_raw(text, "result.message");
    } else if (slice_is(type, "errored")) {
        int status = anthropic_status(json_string(json_path(result, "error.error.type")));
        out->status = status ? status : 500;
        out->body = batches_raw(text, "result.error");
    } else {
        out->cause = slice_is(type, "expired") || slice_is(type, "canceled") ? NET_EXPIRED
                                                                             : NET_SERVER_ERROR;
        snprintf(out->message, sizeof out->message, "the batch ended before it was asked (%.*s)",
                 (int)(type.len < 40 ? type.len : 40), type.data ? type.data : "");
    }
}

static int answer(struct slice text, struct net_batch_line *out, struct net_failure *f)
{
    struct error error = {0};
    memset(out, 0, sizeof *out);
    struct json *root = json_parse(text, JSON_REPAIR, &error);
    if (!root)
        return net_malformed(f, error.text);
    struct slice key = batches_raw(text, "custom_id");
    if (json_string(json_get(root, "custom_id")).len && key.len > 2)
        out->key = slice_sub(key, 1, key.len - 2);
    read_result(json_get(root, "result"), text, out);
    json_free(root);
    return out->key.len ? 0 : net_malformed(f, "a line without custom_id");
}

const struct net_batches batches_anthropic = {
    .max_lines = 100000,
    .max_bytes = 256000000,
    .path = "/messages/batches",
    .file_head = "/messages/batches/",
    .file_tail = "/results",
    .next = "after_id",
    .head = "{\"requests\":[",
    .between = ",\n",
    .tail = "]}",
    .line = line,
    .read = read_batch,
    .list = list,
    .answer = answer,
};
