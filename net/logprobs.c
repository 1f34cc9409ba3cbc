#include "net/logprobs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* No reply is longer; a guard against sizes that overflow. */
enum { MAX_POSITIONS = 1 << 22, MAX_TOP = 1024 };

static float logprob_of(const struct json *node)
{
    double v = json_number(node, (double)NAN);
    return v <= -9998 || !(v <= 0.001) ? NAN : (float)v;
}

/* The token's bytes: the array where there is one, else its text; "token_id:12" is an id. */
static void set_token(const struct json *node, struct arena *arena, struct net_token *out)
{
    const struct json *bytes = json_get(node, "bytes");
    struct slice text = json_string(json_get(node, "token"));
    int64_t id;
    *out = (struct net_token){.bytes = text,
                              .id = -1,
                              .logprob = logprob_of(json_get(node, "logprob"))};
    if (!json_integer(json_get(node, "id"), &id) && id >= 0 && id <= INT32_MAX)
        out->id = (int32_t)id;
    if (slice_starts(text, "token_id:")) {
        long v = strtol(text.data + 9, NULL, 10);
        out->id = v >= 0 && v <= INT32_MAX ? (int32_t)v : -1;
        out->bytes = SLICE("");
    }
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
    out->bytes = slice_from(data, i);
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
        struct net_position *at = &out->positions[out->n++];
        at->sampled = (struct net_token){json_string(t), -1, lp ? logprob_of(lp) : NAN};
        at->first = (uint32_t)out->n_top;
        for (const struct json *e = json_first(top); e; e = json_next(e))
            out->top[out->n_top++] = (struct net_token){slice_of(json_key(e)), -1, logprob_of(e)};
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
    return a->id == b->id && slice_equal(a->bytes, b->bytes);
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
