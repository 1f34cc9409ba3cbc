/*
 * OpenAI's Batch API, and servers that imitate it: the input is uploaded as a file of purpose
 * "batch", the batch names it, answers come in an output file and refusals in an error file.
 *
 * An output line is {"custom_id", "response": {"status_code", "request_id", "body"}, "error"}; a
 * request the teacher refused has a 4xx inside `response`.  An error line of a request that was
 * never asked has a null response and an error whose code says batch_expired or batch_cancelled.
 */
#include "net/batches.h"

#include <stdio.h>
#include <string.h>

static void line(const char *key, const char *url, struct slice body, struct buf *out)
{
    buf_printf(out, "{\"custom_id\":\"%s\",\"method\":\"POST\",\"url\":", key);
    json_quote(slice_of(url), 0, out);
    buf_str(out, ",\"body\":");
    buf_slice(out, body);
    buf_char(out, '}');
}

static void create(const struct net_batch_order *o, struct buf *out)
{
    buf_str(out, "{\"input_file_id\":");
    json_quote(o->input, 0, out);
    buf_str(out, ",\"endpoint\":");
    json_quote(slice_of(o->url), 0, out);
    buf_str(out, ",\"completion_window\":");
    json_quote(slice_of(o->window), 0, out);
    buf_str(out, ",\"metadata\":{\"retort\":");
    json_quote(slice_of(o->tag), 0, out);
    buf_str(out, "}}");
}

static int uploaded(struct slice body, char id[BATCHES_ID], struct net_failure *f)
{
    struct json *root = json_parse(body, JSON_REPAIR, NULL);
    int rc = batches_id(json_get(root, "id"), id);
    json_free(root);
    return rc ? net_malformed(f, "the upload was answered without a file number") : 0;
}

static enum net_cause cause_of(struct slice code)
{
    if (slice_is(code, "token_limit_exceeded") || slice_is(code, "request_limit_exceeded"))
        return NET_RATE_LIMIT;
    if (slice_is(code, "model_not_found"))
        return NET_MODEL;
    if (slice_is(code, "billing_hard_limit_reached") || slice_is(code, "insufficient_quota"))
        return NET_QUOTA;
    return NET_PARAMETER;
}

static void read_errors(const struct json *node, struct net_batch *out)
{
    const struct json *first = json_path(node, "errors.data.0");
    struct slice message = json_string(json_get(first, "message"));
    bool of_line = json_type(json_get(first, "line")) == JSON_NUMBER;
    if (strcmp(out->status, "failed") != 0)
        return;
    out->cause = of_line ? NET_BAD_REQUEST : cause_of(json_string(json_get(first, "code")));
    net_line(message.len ? message : SLICE("the teacher refused the batch and does not say why"),
             out->message, sizeof out->message);
}

static void read_node(const struct json *node, struct net_batch *out)
{
    static const char *const ends[] = {"completed", "failed", "expired", "cancelled", "canceled"};
    int64_t seconds;
    memset(out, 0, sizeof *out);
    out->lines = -1;
    (void)batches_id(json_get(node, "id"), out->id);
    net_line(json_string(json_get(node, "status")), out->status, sizeof out->status);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (!strcmp(out->status, ends[i]))
            out->state = NET_BATCH_ENDED;
    out->not_billed = strcmp(out->status, "completed") != 0;
    (void)batches_id(json_get(node, "output_file_id"), out->file[0]);
    (void)batches_id(json_get(node, "error_file_id"), out->file[1]);
    net_line(json_string(json_path(node, "metadata.retort")), out->tag, sizeof out->tag);
    (void)json_integer(json_path(node, "request_counts.total"), &out->lines);
    if (!json_integer(json_get(node, "created_at"), &seconds) && seconds > 0 &&
        seconds < (int64_t)1 << 40)
        out->created_ms = seconds * 1000;
    read_errors(node, out);
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

/* A request that was never asked, or an answer that got lost at the teacher. */
static void read_error(const struct json *error, struct net_batch_line *out)
{
    struct slice code = json_string(json_get(error, "code"));
    struct slice message = json_string(json_get(error, "message"));
    bool never = slice_is(code, "batch_expired") || slice_is(code, "batch_cancelled") ||
                 slice_is(code, "batch_canceled");
    out->cause = never ? NET_EXPIRED : NET_SERVER_ERROR;
    net_line(message.len ? message : code, out->message, sizeof out->message);
}

static int answer(struct slice text, struct net_batch_line *out, struct net_failure *f)
{
    struct error error = {0};
    int64_t status = 0;
    memset(out, 0, sizeof *out);
    struct json *root = json_parse(text, JSON_REPAIR, &error);
    if (!root)
        return net_malformed(f, error.text);
    struct slice key = batches_raw(text, "custom_id");
    if (json_string(json_get(root, "custom_id")).len && key.len > 2)
        out->key = slice_sub(key, 1, key.len - 2);
    if (json_type(json_get(root, "response")) == JSON_OBJECT) {
        (void)json_integer(json_path(root, "response.status_code"), &status);
        out->status = status >= 100 && status < 600 ? (int)status : 500;
        out->body = batches_raw(text, "response.body");
        struct slice id = batches_raw(text, "response.request_id");
        if (id.len > 2 && id.data[0] == '"')
            out->request_id = slice_sub(id, 1, id.len - 2);
    } else {
        read_error(json_get(root, "error"), out);
    }
    json_free(root);
    return out->key.len ? 0 : net_malformed(f, "a line without custom_id");
}

static void refused(struct slice body,
                    void (*fn)(void *context, int64_t line, enum net_cause c, struct slice message),
                    void *context)
{
    struct json *root = json_parse(body, JSON_REPAIR, NULL);
    int64_t at;
    for (const struct json *e = json_first(json_path(root, "errors.data")); e; e = json_next(e))
        if (!json_integer(json_get(e, "line"), &at))
            fn(context, at, NET_BAD_REQUEST, json_string(json_get(e, "message")));
    json_free(root);
}

const struct net_batches batches_openai = {
    .max_lines = 50000,
    .max_bytes = 200000000,
    .upload = "/files",
    .path = "/batches",
    .file_head = "/files/",
    .file_tail = "/content",
    .next = "after",
    .head = "",
    .between = "\n",
    .tail = "\n",
    .tagged = true,
    .line = line,
    .create = create,
    .uploaded = uploaded,
    .read = read_batch,
    .list = list,
    .answer = answer,
    .refused = refused,
};
