#include "net/logprobs.h"

#include <math.h>
#include <string.h>

/* No reply is longer; a guard against sizes that overflow. */
enum { MAX_POSITIONS = 1 << 22, MAX_TOP = 1024 };

static float logprob_of(const struct json *node)
{
    double v = json_number(node, (double)NAN);
    return v <= -9998 || !(v <= 0.001) ? NAN : (float)v;
}

/* After sampling llama.cpp gives probabilities ("prob"). */
static float of_node(const struct json *node)
{
    double p = json_number(json_get(node, "prob"), (double)NAN);
    if (json_get(node, "logprob") || isnan(p))
        return logprob_of(json_get(node, "logprob"));
    return p > 0 && p <= 1.001 ? (float)fmin(log(p), 0) : (float)NAN;
}

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "bytes:\\xe2\\x80": how a token that is no whole UTF-8 stands in a completion. */
static struct slice bytes_named(struct slice text, struct arena *arena)
{
    size_t n = (text.len - 6) / 4;
    char *data = arena_alloc(arena, n + 1);
    if (text.len == 6 || (text.len - 6) % 4)
        return text;
    for (size_t i = 0; i < n; i++) {
        const char *c = text.data + 6 + 4 * i;
        if (c[0] != '\\' || c[1] != 'x' || hex(c[2]) < 0 || hex(c[3]) < 0)
            return text;
        data[i] = (char)(hex(c[2]) << 4 | hex(c[3]));
    }
    data[n] = '\0';
    return slice_from(data, n);
}

/* A token known by its text alone; "token_id:12" is an id. */
static struct net_token named(struct slice text, float logprob, struct arena *arena)
{
    struct net_token t = {.bytes = text, .id = -1, .logprob = logprob};
    int64_t id = 0;
    size_t i = 9;
    if (slice_starts(text, "bytes:"))
        t.bytes = bytes_named(text, arena);
    if (!slice_starts(text, "token_id:") || text.len == i)
        return t;
    for (; i < text.len && text.data[i] >= '0' && text.data[i] <= '9' && id <= INT32_MAX; i++)
        id = id * 10 + (text.data[i] - '0');
    if (i < text.len || id > INT32_MAX)
        return t;
    t.id = (int32_t)id;
    t.bytes = SLICE("");
    return t;
}

/* The token's bytes: the array where there is one, else its text. */
static void set_token(const struct json *node, struct arena *arena, struct net_token *out)
{
    const struct json *bytes = json_get(node, "bytes");
    struct slice text = json_string(json_get(node, "token"));
    int64_t id;
    *out = named(text, of_node(node), arena);
    if (!json_integer(json_get(node, "id"), &id) && id >= 0 && id <= INT32_MAX)
        out->id = (int32_t)id;
    if (json_type(bytes) != JSON_ARRAY)
        return;
    size_t n = json_count(bytes), i = 0;
    char *data = arena_alloc(arena, n + 1);
    for (const struct json *b = json_first(bytes); b; b = json_next(b)) {
        int64_t v;
        if (json_integer(b, &v) || v < 0 || v > 255)
            return; /* not bytes: the text stays */
        data[i++] = (char)v;
    }
    data[i] = '\0';
    if (out->id < 0 || !slice_starts(text, "token_id:") || !slice_equal(slice_from(data, i), text))
        out->bytes = slice_from(data, i); /* else vLLM spelt out the name */
}

static bool room(struct arena *arena, struct net_logprobs *out, size_t positions, size_t top)
{
    if (positions > MAX_POSITIONS || top > (size_t)MAX_POSITIONS * 64)
        return false;
    out->positions = arena_alloc(arena, (positions + 1) * sizeof *out->positions);
    out->top = arena_alloc(arena, (top + 1) * sizeof *out->top);
    return true;
}

static const struct json *top_of(const struct json *position)
{
    const struct json *top = json_get(position, "top_logprobs");
    return top ? top : json_get(position, "top_probs");
}

/* An array with one object a position. */
static int read_objects(const struct json *array, struct arena *arena, struct net_logprobs *out)
{
    size_t top = 0;
    for (const struct json *p = json_first(array); p; p = json_next(p)) {
        size_t k = json_count(top_of(p));
        if (json_type(p) != JSON_OBJECT || k > MAX_TOP)
            return -1;
        top += k;
    }
    if (!room(arena, out, json_count(array), top))
        return -1;
    for (const struct json *p = json_first(array); p; p = json_next(p)) {
        struct net_position *at = &out->positions[out->n++];
        set_token(p, arena, &at->sampled);
        at->first = (uint32_t)out->n_top;
        for (const struct json *t = json_first(top_of(p)); t; t = json_next(t))
            set_token(t, arena, &out->top[out->n_top++]);
        at->count = (uint32_t)out->n_top - at->first;
    }
    return 0;
}

/* Parallel arrays; the top of a position is a map from text to logprob. */
static int read_arrays(const struct json *node, struct arena *arena, struct net_logprobs *out)
{
    const struct json *tokens = json_get(node, "tokens");
    const struct json *lp = json_first(json_get(node, "token_logprobs"));
    const struct json *tops = json_get(node, "top_logprobs");
    const struct json *top = json_first(tops);
    size_t n_top = 0;
    for (const struct json *t = top; t; t = json_next(t)) {
        if (json_count(t) > MAX_TOP)
            return -1;
        n_top += json_count(t);
    }
    if (!room(arena, out, json_count(tokens), n_top))
        return -1;
    for (const struct json *t = json_first(tokens); t; t = json_next(t)) {
        if (json_type(t) != JSON_STRING)
            return -1;
        struct net_position *at = &out->positions[out->n++];
        at->sampled = named(json_string(t), lp ? logprob_of(lp) : (float)NAN, arena);
        at->first = (uint32_t)out->n_top;
        for (const struct json *e = json_first(top); e; e = json_next(e))
            out->top[out->n_top++] = named(slice_of(json_key(e)), logprob_of(e), arena);
        at->count = (uint32_t)out->n_top - at->first;
        lp = lp ? json_next(lp) : NULL;
        top = top ? json_next(top) : NULL;
    }
    return 0;
}

int logprobs_read(const struct json *node, struct arena *arena, struct net_logprobs *out)
{
    const struct json *content = json_get(node, "content");
    memset(out, 0, sizeof *out);
    int rc = -1;
    if (json_type(content) == JSON_ARRAY)
        rc = read_objects(content, arena, out);
    else if (json_type(node) == JSON_ARRAY)
        rc = read_objects(node, arena, out);
    else if (json_type(json_get(node, "tokens")) == JSON_ARRAY)
        rc = read_arrays(node, arena, out);
    if (rc)
        memset(out, 0, sizeof *out);
    return rc;
}

static bool same_token(const struct net_token *a, const struct net_token *b)
{
    return a->id >= 0 && b->id >= 0 ? a->id == b->id : slice_equal(a->bytes, b->bytes);
}

double logprobs_tail(const struct net_logprobs *l, size_t position)
{
    const struct net_position *p = &l->positions[position];
    bool listed = false;
    double mass = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        const struct net_token *t = &l->top[p->first + i];
        listed |= same_token(t, &p->sampled);
        if (!isnan(t->logprob))
            mass += exp((double)t->logprob);
    }
    if (!listed && !isnan(p->sampled.logprob))
        mass += exp((double)p->sampled.logprob);
    return mass >= 1 ? 0 : 1 - mass;
}
