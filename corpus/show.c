#include "corpus/show.h"

#include "core/clock.h"
#include "core/unicode.h"
#include "corpus/rows.h"
#include "corpus/samples.h"

#include <string.h>

enum { MAX_BODY = 64 << 20, MAX_QUOTE = 200 };

/* ---- gathering ---- */

static void put_time(struct json *row, const char *from, const char *to)
{
    int64_t ms;
    char text[32];
    if (json_integer(json_get(row, from), &ms) != 0)
        return;
    clock_iso(ms, text);
    json_remove(row, from);
    json_put_text(row, to, text);
}

/* What a span points at, cut at whole characters. */
static void put_quote(const struct json *sample, struct json *verdict)
{
    struct slice text = json_string(json_get(sample, json_text(json_get(verdict, "field"), "")));
    struct slice quote;
    struct buf valid = BUF;
    int64_t from, to;
    if (text.data == NULL || json_integer(json_get(verdict, "span_from"), &from) != 0 ||
        json_integer(json_get(verdict, "span_to"), &to) != 0 || from < 0 || to < from)
        return;
    quote = slice_sub(text, (size_t)from, (size_t)(to - from));
    quote = slice_sub(quote, 0, MAX_QUOTE);
    utf8_repair(quote, &valid);
    json_put_string(verdict, "quote", buf_view(&valid));
    buf_free(&valid);
}

static int put_verdicts(struct corpus *c, int64_t id, struct json *out, struct error *error)
{
    struct json *list =
        rows_array(c,
                   "SELECT v.rule, v.action, v.value, v.threshold, v.field, v.span_from, v.span_to,"
                   " v.match_id, m.name AS match, v.similarity, v.why, v.version"
                   " FROM verdict v LEFT JOIN sample m ON m.id = v.match_id"
                   " WHERE v.sample_id = ?1 ORDER BY v.rule",
                   id, error);
    if (list == NULL)
        return -1;
    for (struct json *v = json_edit_first(list); v != NULL; v = json_edit_next(v))
        put_quote(out, v);
    json_put(out, "verdicts", list);
    return 0;
}

static int put_scores(struct corpus *c, int64_t id, struct json *out, struct error *error)
{
    struct json *list =
        rows_array(c, "SELECT name, value FROM score WHERE sample_id = ?1 ORDER BY name", id,
                   error);
    struct json *scores;
    if (list == NULL)
        return -1;
    scores = json_new_object();
    for (const struct json *s = json_first(list); s != NULL; s = json_next(s))
        json_put(scores, json_text(json_get(s, "name"), ""), json_copy(json_get(s, "value")));
    json_free(list);
    json_put(out, "scores", scores);
    return 0;
}

static int put_reply(struct corpus *c, int64_t request, struct json *out, struct error *error)
{
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c),
                    "SELECT y.id, y.status, y.started_ms, y.latency_ms, y.headers, y.packed, y.body"
                    " FROM reply y JOIN request r ON r.reply_id = y.id WHERE r.id = ?1",
                    error);
    struct buf body = BUF_MAX(MAX_BODY), valid = BUF_MAX(MAX_BODY * 3u);
    struct json *reply;
    int rc;
    if (q == NULL)
        return -1;
    sql_bind_int(q, 1, request);
    rc = sql_step(q, error);
    if (rc != 1)
        return rc;
    reply = json_new_object();
    json_put_integer(reply, "id", sql_int(q, 0));
    json_put_integer(reply, "status", sql_int(q, 1));
    json_put_integer(reply, "started_ms", sql_int(q, 2));
    json_put_integer(reply, "latency_ms", sql_int(q, 3));
    put_time(reply, "started_ms", "started");
    if (!sql_is_null(q, 4))
        json_put_string(reply, "headers", sql_text(q, 4));
    rc = rows_unpack(sql_text(q, 6), sql_int(q, 5) != 0, &body, error);
    utf8_repair(buf_view(&body), &valid);
    json_put_string(reply, "body", buf_view(&valid));
    json_put(out, "reply", reply);
    sql_reset(q);
    buf_free(&body);
    buf_free(&valid);
    return rc;
}

static int put_first(struct corpus *c, struct json *out, const char *key, const char *query,
                     int64_t id, struct error *error)
{
    struct json *row = NULL;
    int rc = rows_first(c, query, id, &row, error);
    if (rc != 1)
        return rc;
    rows_expand(row, "messages");
    rows_expand(row, "meta");
    json_put(out, key, row);
    return 0;
}

/* Where it came from: nothing to add for an imported one. */
static int put_origin(struct corpus *c, int64_t request, struct json *out, struct error *error)
{
    struct json *attempts;
    if (put_first(c, out, "prompt",
                  "SELECT p.id, p.name, p.source, p.system, p.instruction, p.input, p.messages,"
                  " p.raw, p.meta, p.parent FROM prompt p JOIN request r ON r.prompt_id = p.id"
                  " WHERE r.id = ?1",
                  request, error) != 0 ||
        put_first(c, out, "request",
                  "SELECT id, hex(key) AS key, strategy, step, sample, state, cause, tries"
                  " FROM request WHERE id = ?1",
                  request, error) != 0 ||
        put_first(c, out, "teacher",
                  "SELECT t.provider, t.endpoint, t.model, t.licence FROM teacher t"
                  " JOIN request r ON r.teacher_id = t.id WHERE r.id = ?1",
                  request, error) != 0)
        return -1;
    attempts = rows_array(c,
                          "SELECT id, run_id, started_ms, latency_ms, status, cause, message,"
                          " input_tokens, output_tokens, cached_tokens, reasoning_tokens,"
                          " nusd / 1e9 AS usd, assumed FROM attempt WHERE request_id = ?1"
                          " ORDER BY started_ms, id",
                          request, error);
    if (attempts == NULL)
        return -1;
    for (struct json *a = json_edit_first(attempts); a != NULL; a = json_edit_next(a))
        put_time(a, "started_ms", "started");
    json_put(out, "attempts", attempts);
    return put_reply(c, request, out, error);
}

static int gather(struct corpus *c, int64_t id, struct json *out, struct error *error)
{
    int64_t request;
    put_time(out, "added_ms", "added");
    rows_expand(out, "messages");
    rows_expand(out, "meta");
    json_put_bool(out, "kept", json_number(json_get(out, "kept"), 0) != 0);
    if (put_verdicts(c, id, out, error) != 0 || put_scores(c, id, out, error) != 0)
        return -1;
    if (json_integer(json_get(out, "request_id"), &request) != 0)
        return 0;
    json_remove(out, "request_id");
    return put_origin(c, request, out, error);
}

int show_number(struct corpus *c, int64_t id, struct json **out, struct error *error)
{
    struct json *shown = NULL;
    int rc = rows_first(c,
                        "SELECT s.id, s.name, d.kept, s.source, s.request_id, s.choice, s.added_ms,"
                        " s.system, s.instruction, s.input, s.output, s.reasoning, s.messages,"
                        " s.finish_reason, s.meta"
                        " FROM sample s JOIN decision d ON d.sample_id = s.id WHERE s.id = ?1",
                        id, &shown, error);
    if (rc != 1)
        return rc;
    if (gather(c, id, shown, error) != 0) {
        json_free(shown);
        return -1;
    }
    *out = shown;
    return 1;
}

int show_sample(struct corpus *c, const char *id, struct json **out, struct error *error)
{
    int64_t number = samples_id(c, id, error);
    return number > 0 ? show_number(c, number, out, error) : (int)number;
}

/* ---- telling ---- */

static void add_text(struct buf *out, const char *title, const struct json *value)
{
    if (value == NULL)
        return;
    buf_printf(out, "\n%s\n", title);
    if (json_type(value) == JSON_STRING)
        buf_slice(out, json_string(value));
    else
        json_write(value, JSON_PRETTY, out);
    if (out->data[out->len - 1] != '\n')
        buf_char(out, '\n');
}

static void add_member(struct buf *out, const struct json *row, const char *key)
{
    const struct json *value = json_get(row, key);
    if (value == NULL)
        return;
    buf_printf(out, "  %s ", key);
    if (json_type(value) == JSON_STRING)
        buf_slice(out, json_string(value));
    else
        json_write(value, 0, out);
}

static void add_verdict(struct buf *out, const struct json *v)
{
    static const char *const numbers[] = {"value", "threshold", "similarity", NULL};
    buf_printf(out, "  %-7s %s", json_text(json_get(v, "action"), "?"),
               json_text(json_get(v, "rule"), "?"));
    if (json_get(v, "why") != NULL) {
        buf_str(out, ": ");
        buf_slice(out, json_string(json_get(v, "why")));
    }
    for (size_t i = 0; numbers[i] != NULL; i++)
        add_member(out, v, numbers[i]);
    if (json_get(v, "match_id") != NULL) {
        buf_str(out, "  matches row ");
        json_number_text(json_get(v, "match_id"), out);
        if (json_get(v, "match") != NULL)
            buf_printf(out, " (%s)", json_text(json_get(v, "match"), ""));
    }
    if (json_get(v, "quote") != NULL) {
        buf_printf(out, "\n          in %s: ", json_text(json_get(v, "field"), ""));
        json_quote(json_string(json_get(v, "quote")), 0, out);
    }
    buf_char(out, '\n');
}

static void add_attempt(struct buf *out, const struct json *a)
{
    static const char *const keys[] = {"latency_ms",   "status",        "cause", "message",
                                       "input_tokens", "output_tokens", "usd",   NULL};
    buf_printf(out, "  %s", json_text(json_get(a, "started"), ""));
    for (size_t i = 0; keys[i] != NULL; i++)
        add_member(out, a, keys[i]);
    buf_char(out, '\n');
}

static void add_head(struct buf *out, const struct json *s)
{
    buf_str(out, "row ");
    json_number_text(json_get(s, "id"), out);
    add_member(out, s, "name");
    buf_printf(out, "  %s", json_true(json_get(s, "kept")) ? "kept" : "removed");
    add_member(out, s, "source");
    add_member(out, s, "added");
    add_member(out, s, "finish_reason");
    buf_char(out, '\n');
}

static void add_origin(struct buf *out, const struct json *s)
{
    const struct json *teacher = json_get(s, "teacher"), *request = json_get(s, "request");
    if (request == NULL)
        return;
    buf_str(out, "\nasked\n");
    add_member(out, teacher, "model");
    add_member(out, teacher, "endpoint");
    add_member(out, request, "strategy");
    add_member(out, request, "step");
    add_member(out, request, "sample");
    add_member(out, json_get(s, "prompt"), "source");
    buf_str(out, "\n\nattempts\n");
    for (const struct json *a = json_first(json_get(s, "attempts")); a != NULL; a = json_next(a))
        add_attempt(out, a);
    add_text(out, "reply as it came", json_path(s, "reply.body"));
}

void show_text(const struct json *s, struct buf *out)
{
    static const char *const fields[] = {"system",    "messages", "instruction", "input",
                                         "reasoning", "output",   "meta",        NULL};
    add_head(out, s);
    if (json_first(json_get(s, "verdicts")) != NULL)
        buf_str(out, "\nverdicts\n");
    for (const struct json *v = json_first(json_get(s, "verdicts")); v != NULL; v = json_next(v))
        add_verdict(out, v);
    if (json_first(json_get(s, "scores")) != NULL)
        add_text(out, "scores", json_get(s, "scores"));
    for (size_t i = 0; fields[i] != NULL; i++) {
        const struct json *value = json_get(s, fields[i]);
        if (json_type(value) != JSON_STRING || json_string(value).len != 0)
            add_text(out, fields[i], value);
    }
    add_origin(out, s);
}
