#include "core/json_scan.h"

#include "core/json.h"
#include "core/mem.h"
#include "core/unicode.h"
#include "core/vec.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* cJSON copies a number into 64 bytes; longer literals are replaced by short ones. */
enum { CJSON_NUMBER = 60, EXACT_DIGITS = 15 };

struct scanner {
    struct json_scan *out;
    struct slice text;
    size_t at;
    size_t copied; /* source bytes that are already in out->copy */
    unsigned flags;
    struct error *error;
    size_t key_at; /* where the key of the coming value stands */
    bool has_key;
    size_t depth;
    char closers[JSON_MAX_DEPTH];
};

void json_scan_walk(struct slice text, size_t from, size_t to, int *line, int *column)
{
    for (size_t i = from; i < to && i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c == '\n') {
            ++*line;
            *column = 1;
        } else if ((c & 0xC0) != 0x80) {
            ++*column;
        }
    }
}

size_t json_scan_plain(const char *data, size_t len)
{
    const uint64_t ones = 0x0101010101010101U, high = 0x8080808080808080U;
    size_t i = 0;
    for (; i + 8 <= len; i += 8) {
        uint64_t w, quote, slash;
        memcpy(&w, data + i, 8);
        quote = w ^ ones * '"';
        slash = w ^ ones * '\\';
        if (((w | (w - ones * 0x20) | (quote - ones) | (slash - ones)) & high) != 0)
            break;
    }
    while (i < len && (unsigned char)data[i] >= 0x20 && (unsigned char)data[i] < 0x80 &&
           data[i] != '"' && data[i] != '\\')
        i++;
    return i;
}

/* Fail at an offset: "line:column: expected WANTED, found …". */
static int fail_at(struct scanner *s, size_t at, const char *wanted)
{
    int line = 1, column = 1;
    char found[32] = "the end of the text";
    if (at < s->text.len) {
        unsigned char c = (unsigned char)s->text.data[at];
        if (c > ' ' && c < 0x7F)
            (void)snprintf(found, sizeof found, c == '"' ? "'%c'" : "\"%c\"", c);
        else
            (void)snprintf(found, sizeof found, "byte 0x%02X", c);
    }
    json_scan_walk(s->text, 0, at, &line, &column);
    return error_set(s->error, ERROR_INPUT, "%d:%d: expected %s, found %s", line, column, wanted,
                     found);
}

static int fail_text(struct scanner *s, size_t at, const char *what)
{
    int line = 1, column = 1;
    json_scan_walk(s->text, 0, at, &line, &column);
    return error_set(s->error, ERROR_INPUT, "%d:%d: %s", line, column, what);
}

static unsigned char peek(const struct scanner *s, size_t at)
{
    return at < s->text.len ? (unsigned char)s->text.data[at] : 0;
}

/* Put `with` in place of the source bytes [from, to) in what cJSON will see. */
static void replace(struct scanner *s, size_t from, size_t to, const char *with)
{
    buf_add(&s->out->copy, s->text.data + s->copied, from - s->copied);
    buf_str(&s->out->copy, with);
    s->copied = to;
}

static void add_patch(struct scanner *s, struct slice digits, size_t length)
{
    struct json_scan *o = s->out;
    o->patches = vec_reserve(o->patches, &o->cap_patches, o->n_patches + 1, sizeof *o->patches);
    o->patches[o->n_patches++] = (struct json_patch){o->n_values - 1, digits, length};
}

/* Space and, where allowed, comments.  With `keep` the comments stay as they are (looking ahead).
 */
static int skip_comment(struct scanner *s, size_t *at, bool keep)
{
    size_t from = *at, to;
    if (peek(s, from + 1) == '/') {
        for (to = from; to < s->text.len && s->text.data[to] != '\n';)
            to++;
    } else if (peek(s, from + 1) == '*') {
        struct slice rest = slice_sub(s->text, from + 2, s->text.len);
        size_t end = slice_find(rest, SLICE("*/"));
        if (end == rest.len)
            return fail_text(s, from, "this comment has no end; close it with */");
        to = from + 2 + end + 2;
    } else {
        return fail_at(s, from, "a value or a comment");
    }
    if (!keep)
        replace(s, from, to, " ");
    *at = to;
    return 0;
}

static int skip_from(struct scanner *s, size_t *at, bool keep)
{
    for (;;) {
        unsigned char c = peek(s, *at);
        while (c == ' ' || c == '\n' || c == '\r' || c == '\t')
            c = peek(s, ++*at);
        if (c != '/' || (s->flags & JSON_COMMENTS) == 0)
            return 0;
        if (skip_comment(s, at, keep) != 0)
            return -1;
    }
}

static int skip_space(struct scanner *s)
{
    if (peek(s, s->at) > '/')
        return 0;
    return skip_from(s, &s->at, false);
}

/* The four hex digits at `at`; -1 when they are not four. */
static int hex4(const struct scanner *s, size_t at)
{
    int value = 0;
    for (size_t i = 0; i < 4; i++) {
        unsigned char c = peek(s, at + i);
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

struct string_state {
    size_t saved; /* source bytes that decoding makes fewer; repairs may make it wrap around */
    bool has_nul;
    bool is_key;
};

static int scan_unicode_escape(struct scanner *s, struct string_state *t)
{
    size_t at = s->at;
    int code = hex4(s, at + 2), low;
    if (code < 0)
        return fail_text(s, at, "\\u needs four hexadecimal digits");
    s->at += 6;
    if (code >= 0xD800 && code <= 0xDBFF && peek(s, s->at) == '\\' && peek(s, s->at + 1) == 'u' &&
        (low = hex4(s, s->at + 2)) >= 0xDC00 && low <= 0xDFFF) {
        s->at += 6;
        t->saved += 8;
        return 0;
    }
    if (code >= 0xD800 && code <= 0xDFFF) {
        if ((s->flags & JSON_REPAIR) == 0)
            return fail_text(s, at, "half of a surrogate pair");
        replace(s, at, at + 6, "\\ufffd");
        code = 0xFFFD;
    }
    if (code == 0 && t->is_key) {
        replace(s, at, at + 6, "\\ufffd");
        code = 0xFFFD;
    }
    t->has_nul |= code == 0;
    t->saved += 6U - (code < 0x80 ? 1U : code < 0x800 ? 2U : 3U);
    return 0;
}

static int scan_escape(struct scanner *s, struct string_state *t)
{
    unsigned char c = peek(s, s->at + 1);
    if (c == 'u')
        return scan_unicode_escape(s, t);
    if (c == 0 || strchr("\"\\/bfnrt", c) == NULL)
        return fail_text(s, s->at, "a backslash must be followed by one of \" \\ / b f n r t u");
    s->at += 2;
    t->saved += 1;
    return 0;
}

static int scan_wide(struct scanner *s)
{
    uint32_t code;
    size_t left = s->text.len - s->at;
    size_t n = utf8_decode(s->text.data + s->at, left, &code);
    if (n == 0)
        return -1;
    s->at += n;
    return 0;
}

static int scan_bad_utf8(struct scanner *s, struct string_state *t)
{
    size_t n = utf8_bad_length(s->text.data + s->at, s->text.len - s->at);
    if ((s->flags & JSON_REPAIR) == 0)
        return fail_text(s, s->at, "invalid UTF-8");
    replace(s, s->at, s->at + n, "\xEF\xBF\xBD");
    s->at += n;
    t->saved += n - 3;
    return 0;
}

static int scan_string(struct scanner *s, bool is_key)
{
    struct string_state t = {0, false, is_key};
    size_t begin = s->at++;
    for (;;) {
        unsigned char c;
        s->at += json_scan_plain(s->text.data + s->at, s->text.len - s->at);
        if (s->at == s->text.len)
            return fail_text(s, begin, "this string has no end");
        c = (unsigned char)s->text.data[s->at];
        if (c == '"')
            break;
        if (c == '\\') {
            if (scan_escape(s, &t) != 0)
                return -1;
        } else if (c < 0x20) {
            return fail_text(s, s->at, "a control character in a string must be escaped");
        } else if (scan_wide(s) != 0 && scan_bad_utf8(s, &t) != 0) {
            return -1;
        }
    }
    s->at++;
    if (t.has_nul)
        add_patch(s, (struct slice){NULL, 0}, s->at - begin - 2 - t.saved);
    return 0;
}

/* Whether a double holds the integer of more than 15 digits: up to 2^53 it does. */
static bool is_safe_integer(const char *digits, size_t n)
{
    uint64_t value = 0;
    if (n > 16)
        return false;
    for (size_t i = 0; i < n; i++)
        value = value * 10 + (uint64_t)(digits[i] - '0');
    return value <= (uint64_t)1 << 53;
}

/* A number that cJSON might not carry: keep its digits, or shorten it. */
static void settle_number(struct scanner *s, size_t begin, size_t n_digits)
{
    struct slice literal = slice_sub(s->text, begin, s->at - begin);
    size_t sign = literal.data[0] == '-';
    char shorter[32];
    if (n_digits + sign == literal.len) {
        if (is_safe_integer(literal.data + sign, n_digits))
            return;
        add_patch(s, literal, 0);
        (void)snprintf(shorter, sizeof shorter, "0");
    } else {
        char *copy = mem_strndup(literal.data, literal.len);
        double value = strtod(copy, NULL);
        mem_free(copy);
        if (isinf(value)) {
            add_patch(s, literal, 0);
            value = 0;
        }
        (void)snprintf(shorter, sizeof shorter, "%.17g", value);
    }
    replace(s, begin, s->at, shorter);
}

static size_t scan_digits(struct scanner *s)
{
    size_t begin = s->at;
    while (peek(s, s->at) >= '0' && peek(s, s->at) <= '9')
        s->at++;
    return s->at - begin;
}

static int scan_number(struct scanner *s)
{
    size_t begin = s->at, n_digits, n_exponent = 0;
    bool integer = true;
    if (peek(s, s->at) == '-')
        s->at++;
    if (peek(s, s->at) == '0') {
        s->at++;
        n_digits = 1;
        if (peek(s, s->at) >= '0' && peek(s, s->at) <= '9')
            return fail_text(s, begin, "a number must not begin with 0");
    } else if ((n_digits = scan_digits(s)) == 0) {
        return fail_at(s, s->at, "a digit");
    }
    if (peek(s, s->at) == '.') {
        s->at++;
        integer = false;
        if (scan_digits(s) == 0)
            return fail_at(s, s->at, "a digit after the point");
    }
    if ((peek(s, s->at) | 0x20) == 'e') {
        s->at++;
        integer = false;
        if (peek(s, s->at) == '+' || peek(s, s->at) == '-')
            s->at++;
        if ((n_exponent = scan_digits(s)) == 0)
            return fail_at(s, s->at, "a digit in the exponent");
    }
    if ((integer && n_digits > EXACT_DIGITS) || n_exponent > 2 || s->at - begin > CJSON_NUMBER)
        settle_number(s, begin, n_digits);
    return 0;
}

static int scan_word(struct scanner *s, const char *word)
{
    struct slice rest = slice_sub(s->text, s->at, s->text.len);
    if (!slice_starts(rest, word))
        return fail_at(s, s->at, "a value");
    s->at += strlen(word);
    return 0;
}

static int scan_scalar(struct scanner *s)
{
    switch (peek(s, s->at)) {
    case '"': return scan_string(s, false);
    case 't': return scan_word(s, "true");
    case 'f': return scan_word(s, "false");
    case 'n': return scan_word(s, "null");
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9': return scan_number(s);
    default: return fail_at(s, s->at, "a value");
    }
}

static void count_value(struct scanner *s)
{
    struct json_scan *o = s->out;
    o->n_values++;
    if (o->want_offsets) {
        o->offsets = vec_reserve(o->offsets, &o->cap_offsets, o->n_offsets + 1, sizeof *o->offsets);
        o->offsets[o->n_offsets++] = s->has_key ? s->key_at : s->at;
    }
    s->has_key = false;
}

static bool in_object(const struct scanner *s)
{
    return s->closers[s->depth - 1] == '}';
}

static int scan_key(struct scanner *s)
{
    if (peek(s, s->at) != '"')
        return fail_at(s, s->at, "a key in double quotes");
    s->key_at = s->at;
    s->has_key = true;
    if (scan_string(s, true) != 0 || skip_space(s) != 0)
        return -1;
    if (peek(s, s->at) != ':')
        return fail_at(s, s->at, "\":\" after the key");
    s->at++;
    return skip_space(s);
}

/* A scalar, or the opening of a container (and its first key).  1: its first child follows. */
static int scan_value(struct scanner *s)
{
    unsigned char c = peek(s, s->at);
    count_value(s);
    if (c != '{' && c != '[')
        return scan_scalar(s);
    if (s->depth == JSON_MAX_DEPTH)
        return fail_text(s, s->at, "nested too deeply (more than 512 levels)");
    s->closers[s->depth++] = c == '{' ? '}' : ']';
    s->at++;
    if (skip_space(s) != 0)
        return -1;
    if (peek(s, s->at) == (unsigned char)s->closers[s->depth - 1]) {
        s->at++;
        s->depth--;
        return 0;
    }
    if (in_object(s) && scan_key(s) != 0)
        return -1;
    return 1;
}

/* Behind a comma: 1 another child follows, 0 it was a comma before the end, -1 failure. */
static int scan_comma(struct scanner *s)
{
    size_t comma = s->at, ahead = s->at + 1;
    bool loose = (s->flags & JSON_COMMENTS) != 0;
    if (loose && skip_from(s, &ahead, true) != 0)
        return -1;
    if (loose && peek(s, ahead) == (unsigned char)s->closers[s->depth - 1])
        replace(s, comma, comma + 1, "");
    s->at++;
    if (skip_space(s) != 0)
        return -1;
    if (loose && peek(s, s->at) == (unsigned char)s->closers[s->depth - 1])
        return 0;
    if (in_object(s) && scan_key(s) != 0)
        return -1;
    return 1;
}

/* What stands behind a value: 1 another child follows, 0 the document is complete. */
static int scan_behind(struct scanner *s)
{
    while (s->depth != 0) {
        unsigned char closer = (unsigned char)s->closers[s->depth - 1];
        if (skip_space(s) != 0)
            return -1;
        if (peek(s, s->at) == ',') {
            int rc = scan_comma(s);
            if (rc != 0)
                return rc;
        }
        if (peek(s, s->at) != closer)
            return fail_at(s, s->at, closer == '}' ? "\",\" or \"}\"" : "\",\" or \"]\"");
        s->at++;
        s->depth--;
    }
    if (skip_space(s) != 0)
        return -1;
    if (s->at != s->text.len)
        return fail_at(s, s->at, "the end of the text");
    return 0;
}

static int scan_document(struct scanner *s)
{
    int more;
    /* A byte-order mark is no JSON, but no reason to lose a reply or a recipe either. */
    if (slice_starts(s->text, "\xEF\xBB\xBF"))
        s->at = s->copied = 3;
    if (skip_space(s) != 0)
        return -1;
    do {
        more = scan_value(s);
        if (more == 0)
            more = scan_behind(s);
    } while (more == 1);
    return more;
}

int json_scan(struct json_scan *out, struct slice text, unsigned flags, bool want_offsets,
              struct error *error)
{
    struct scanner s = {.out = out, .text = text, .flags = flags, .error = error};
    *out = (struct json_scan){.copy = BUF_MAX(SIZE_MAX / 4), .want_offsets = want_offsets};
    if (text.data == NULL)
        s.text = SLICE("");
    if (scan_document(&s) != 0) {
        json_scan_free(out);
        return -1;
    }
    out->ready = slice_sub(s.text, s.copied, s.text.len);
    if (out->copy.len != 0) {
        buf_slice(&out->copy, out->ready);
        out->ready = buf_view(&out->copy);
    }
    return 0;
}

void json_scan_free(struct json_scan *s)
{
    buf_free(&s->copy);
    mem_free(s->patches);
    mem_free(s->offsets);
    *s = (struct json_scan){.copy = BUF};
}
