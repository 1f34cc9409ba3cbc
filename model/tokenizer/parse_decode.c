/* The decoder of a tokenizer.json; a Sequence is laid out flat. */
#include "model/tokenizer/parts.h"

#include "core/json.h"

#include <string.h>

static int parse_decoder_fields(struct decoder *step, const struct json *node, struct error *error)
{
    int64_t start = 0, stop = 0;
    struct slice mark;
    switch (step->kind) {
    case DECODE_REPLACE:
        step->pattern = BUF_MAX(PIECE_MAX);
        buf_slice(&step->pattern, json_string(json_get(json_get(node, "pattern"), "String")));
        buf_slice(&step->text, json_string(json_get(node, "content")));
        if (step->pattern.len == 0)
            return error_set(error, ERROR_INPUT, "decoder Replace: expected a String pattern");
        return 0;
    case DECODE_STRIP:
        (void)json_integer(json_get(node, "start"), &start);
        (void)json_integer(json_get(node, "stop"), &stop);
        if (stop != 0 || start < 0 || start > PIECE_MAX)
            return error_set(error, ERROR_INPUT, "decoder Strip: only a start is supported");
        buf_slice(&step->pattern, json_string(json_get(node, "content")));
        step->start = (size_t)start;
        if (step->pattern.len == 0)
            return error_set(error, ERROR_INPUT, "decoder Strip: has no content");
        return 0;
    case DECODE_METASPACE:
        mark = json_string(json_get(node, "replacement"));
        buf_slice(&step->pattern, mark.len != 0 ? mark : SLICE("\xE2\x96\x81"));
        step->drop_first = json_get(node, "prepend_scheme") != NULL
                               ? !slice_is(json_string(json_get(node, "prepend_scheme")), "never")
                               : json_type(json_get(node, "add_prefix_space")) != JSON_FALSE;
        return 0;
    case DECODE_WORDPIECE:
        buf_slice(&step->text, json_string(json_get(node, "prefix")));
        step->cleanup = json_true(json_get(node, "cleanup"));
        return 0;
    case DECODE_BYTE_LEVEL:
    case DECODE_BYTE_FALLBACK:
    case DECODE_FUSE: break;
    }
    return 0;
}

/* The orders that decode.c knows. */
static bool fits(const struct decoders *d, enum decoder_kind kind)
{
    enum decoder_kind last = d->n != 0 ? d->steps[d->n - 1].kind : DECODE_REPLACE;
    bool fused = false;
    for (size_t i = 0; i < d->n; i++)
        fused = fused || d->steps[i].kind == DECODE_FUSE;
    if (d->n != 0 && (kind == DECODE_BYTE_LEVEL || last == DECODE_BYTE_LEVEL))
        return false;
    if (fused)
        return kind == DECODE_STRIP;
    return last != DECODE_BYTE_FALLBACK || kind == DECODE_FUSE;
}

static int parse_decoder(struct decoders *d, const struct json *node, int depth,
                         struct error *error)
{
    static const char *const names[] = {
        [DECODE_BYTE_LEVEL] = "ByteLevel",
        [DECODE_BYTE_FALLBACK] = "ByteFallback",
        [DECODE_REPLACE] = "Replace",
        [DECODE_STRIP] = "Strip",
        [DECODE_METASPACE] = "Metaspace",
        [DECODE_WORDPIECE] = "WordPiece",
        [DECODE_FUSE] = "Fuse",
    };
    const char *type = step_type(node);
    if (strcmp(type, "Sequence") == 0 && depth < NESTING_MAX) {
        const struct json *list = json_get(node, "decoders");
        for (const struct json *i = json_first(list); i != NULL; i = json_next(i))
            if (parse_decoder(d, i, depth + 1, error) != 0)
                return -1;
        return 0;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct decoder *step = &d->steps[d->n];
        if (strcmp(type, names[i]) != 0)
            continue;
        if (d->n == STEPS_MAX || !fits(d, (enum decoder_kind)i))
            return error_set(error, ERROR_INPUT, "decoder: %s in this place is not supported",
                             type);
        *step = (struct decoder){.kind = (enum decoder_kind)i,
                                 .pattern = BUF_MAX(PIECE_MAX),
                                 .text = BUF_MAX(PIECE_MAX)};
        d->n++;
        return parse_decoder_fields(step, node, error);
    }
    return step_unsupported("decoder", node, error);
}

int tokenizer_parse_decoder(struct decoders *d, const struct json *node, struct error *error)
{
    return step_absent(node) ? 0 : parse_decoder(d, node, 0, error);
}
