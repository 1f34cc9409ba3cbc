/*
 * Template text to tokens, with Jinja's rules of white space: `-` takes all of it; a newline behind
 * a block or a comment goes (trim_blocks); blanks between the beginning of a line and a block or
 * comment go (lstrip_blocks); `+` switches either off; the last newline of the source goes.
 */
#include "model/chat/jinja.h"

#include "core/mem.h"
#include "core/vec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct lexer {
    struct slice s;
    size_t at;
    int line;
    bool line_starting; /* the text before ended in a newline */
    struct arena *arena;
    struct jinja_tokens *out;
    struct error *error;
};

static int fail(const struct lexer *l, const char *what)
{
    return error_set(l->error, ERROR_INPUT, "line %d: %s", l->line, what);
}

static struct jinja_token *push(struct lexer *l, enum jinja_token_kind kind, struct slice text)
{
    struct jinja_tokens *o = l->out;
    o->items = vec_reserve(o->items, &o->cap, o->n + 1, sizeof *o->items);
    o->items[o->n] = (struct jinja_token){.kind = kind, .text = text, .line = l->line};
    return &o->items[o->n++];
}

static bool space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool starts(const struct lexer *l, size_t at, const char *text)
{
    size_t n = strlen(text);
    return l->s.len - at >= n && memcmp(l->s.data + at, text, n) == 0;
}

static void count_lines(struct lexer *l, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        l->line += l->s.data[i] == '\n';
}

/* Move on to `to`, counting lines and remembering whether the last character was a newline. */
static void advance(struct lexer *l, size_t to)
{
    count_lines(l, l->at, to);
    if (to > l->at)
        l->line_starting = l->s.data[to - 1] == '\n';
    l->at = to;
}

/* --- text outside tags ------------------------------------------------------------------ */

static size_t find_tag(const struct lexer *l)
{
    for (size_t i = l->at; i + 1 < l->s.len; i++)
        if (l->s.data[i] == '{' &&
            (l->s.data[i + 1] == '{' || l->s.data[i + 1] == '%' || l->s.data[i + 1] == '#'))
            return i;
    return l->s.len;
}

/* The text in front of a tag, without what the tag takes away. */
static void push_data(struct lexer *l, size_t tag)
{
    size_t end = tag;
    char sign = tag + 2 < l->s.len ? l->s.data[tag + 2] : '\0';
    if (tag < l->s.len && sign == '-') {
        while (end > l->at && space(l->s.data[end - 1]))
            end--;
    } else if (tag < l->s.len && sign != '+' && l->s.data[tag + 1] != '{') {
        size_t begin = tag;
        while (begin > l->at && space(l->s.data[begin - 1]) && l->s.data[begin - 1] != '\n')
            begin--;
        if (begin > l->at ? l->s.data[begin - 1] == '\n' : l->line_starting)
            end = begin;
    }
    if (end > l->at)
        push(l, JT_DATA, (struct slice){l->s.data + l->at, end - l->at});
    advance(l, tag);
}

/* Behind a tag: `-` takes the white space, a block or comment its newline. */
static void after_tag(struct lexer *l, char sign, bool trim)
{
    size_t to = l->at;
    if (sign == '-')
        while (to < l->s.len && space(l->s.data[to]))
            to++;
    else if (trim && sign != '+' && to < l->s.len && l->s.data[to] == '\n')
        to++;
    l->line_starting = false; /* the tag itself ended in a brace */
    advance(l, to);
}

static int comment(struct lexer *l)
{
    for (size_t i = l->at + 2; i + 1 < l->s.len; i++)
        if (l->s.data[i] == '#' && l->s.data[i + 1] == '}') {
            char sign = i > l->at + 2 ? l->s.data[i - 1] : '\0';
            advance(l, i + 2);
            after_tag(l, sign, true);
            return 0;
        }
    return fail(l, "a comment does not end");
}

/* {% raw %} … {% endraw %}: 1 when it was one. */
static size_t raw_tag(const struct lexer *l, size_t at, const char *name, char *sign)
{
    size_t n = strlen(name);
    at += 2;
    if (at < l->s.len && (l->s.data[at] == '-' || l->s.data[at] == '+'))
        at++;
    while (at < l->s.len && space(l->s.data[at]))
        at++;
    if (!starts(l, at, name))
        return 0;
    at += n;
    while (at < l->s.len && space(l->s.data[at]))
        at++;
    *sign = at < l->s.len ? l->s.data[at] : '\0';
    if (*sign == '-' || *sign == '+')
        at++;
    return starts(l, at, "%}") ? at + 2 : 0;
}

static int raw_block(struct lexer *l, size_t behind, char sign)
{
    advance(l, behind);
    after_tag(l, sign, true);
    for (size_t i = l->at; i + 1 < l->s.len; i++) {
        size_t end = starts(l, i, "{%") ? raw_tag(l, i, "endraw", &sign) : 0;
        if (end == 0)
            continue;
        push_data(l, i);
        advance(l, end);
        after_tag(l, sign, true);
        return 0;
    }
    return fail(l, "a raw block does not end");
}

/* --- inside tags ------------------------------------------------------------------------ */

static bool name_char(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (unsigned char)c >= 128 || (!first && c >= '0' && c <= '9');
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* \xhh, \uhhhh, \Uhhhhhhhh: characters used, 0 when it is none. */
static size_t hex_escape(struct slice s, struct buf *out)
{
    size_t digits = s.data[0] == 'x' ? 2 : s.data[0] == 'u' ? 4 : 8;
    uint32_t code = 0;
    if (s.len < 1 + digits)
        return 0;
    for (size_t i = 1; i <= digits; i++) {
        int d = hex_digit(s.data[i]);
        if (d < 0)
            return 0;
        code = code << 4 | (uint32_t)d;
    }
    buf_utf8(out, code);
    return 1 + digits;
}

static size_t octal_escape(struct slice s, struct buf *out)
{
    uint32_t code = 0;
    size_t n = 0;
    while (n < 3 && n < s.len && s.data[n] >= '0' && s.data[n] <= '7')
        code = code * 8 + (uint32_t)(s.data[n++] - '0');
    if (n != 0)
        buf_utf8(out, code);
    return n;
}

/* What stands behind a backslash, as Python reads it: characters used. */
static size_t escape(struct slice s, struct buf *out)
{
    static const char from[] = "\\'\"abfnrtv", to[] = "\\'\"\a\b\f\n\r\t\v";
    const char *known = s.data[0] != '\0' ? strchr(from, s.data[0]) : NULL;
    size_t n = 0;
    if (s.data[0] == '\n')
        return 1;
    if (known != NULL) {
        buf_char(out, to[known - from]);
        return 1;
    }
    if (s.data[0] == 'x' || s.data[0] == 'u' || s.data[0] == 'U')
        n = hex_escape(s, out);
    else
        n = octal_escape(s, out);
    if (n == 0)
        buf_char(out, '\\'); /* an unknown escape stays as it is */
    return n;
}

static int string(struct lexer *l)
{
    char quote = l->s.data[l->at];
    size_t from = l->at + 1, i = from;
    struct buf plain = BUF_MAX(JINJA_SOURCE_MAX);
    struct slice text;
    bool escaped = false;
    while (i < l->s.len && l->s.data[i] != quote) {
        escaped = escaped || l->s.data[i] == '\\';
        i += l->s.data[i] == '\\' ? 2 : 1;
    }
    if (i >= l->s.len)
        return fail(l, "a string does not end");
    text = (struct slice){l->s.data + from, i - from};
    for (size_t k = 0; escaped && k < text.len;) {
        if (text.data[k] == '\\')
            k += 1 + escape(slice_sub(text, k + 1, text.len), &plain);
        else
            buf_char(&plain, text.data[k++]);
    }
    if (escaped)
        text = arena_copy(l->arena, buf_view(&plain));
    buf_free(&plain);
    push(l, JT_STRING, text);
    advance(l, i + 1);
    return 0;
}

static int number(struct lexer *l)
{
    char digits[64];
    size_t n = 0, i = l->at;
    bool real = false;
    struct jinja_token *t;
    while (i < l->s.len) {
        char c = l->s.data[i];
        bool exponent = (c == 'e' || c == 'E') && i + 1 < l->s.len &&
                        (l->s.data[i + 1] == '+' || l->s.data[i + 1] == '-' ||
                         (l->s.data[i + 1] >= '0' && l->s.data[i + 1] <= '9'));
        if (c == '.' &&
            (real || i + 1 >= l->s.len || l->s.data[i + 1] < '0' || l->s.data[i + 1] > '9'))
            break;
        if (!(c >= '0' && c <= '9') && c != '_' && c != '.' && !exponent)
            break;
        real = real || c == '.' || exponent;
        if (n + 2 >= sizeof digits)
            return fail(l, "a number is too long");
        if (c != '_')
            digits[n++] = c;
        i++;
        if (exponent && (l->s.data[i] == '+' || l->s.data[i] == '-'))
            digits[n++] = l->s.data[i++];
    }
    digits[n] = '\0';
    t = push(l, real ? JT_FLOAT : JT_INTEGER, (struct slice){l->s.data + l->at, i - l->at});
    errno = 0;
    t->real = strtod(digits, NULL);
    t->integer = strtoll(digits, NULL, 10);
    if (!real && errno == ERANGE)
        return fail(l, "a number is too large");
    advance(l, i);
    return 0;
}

static int operator(struct lexer *l)
{
    static const char *const operators[] = {"**", "//", "==", "!=", "<=", ">=", "+", "-", "*",
                                            "/",  "%",  "<",  ">",  "=",  "~",  "|", ".", ",",
                                            ":",  "(",  ")",  "[",  "]",  "{",  "}", NULL};
    for (size_t i = 0; operators[i] != NULL; i++)
        if (starts(l, l->at, operators[i])) {
            push(l, JT_OPERATOR, slice_of(operators[i]));
            advance(l, l->at + strlen(operators[i]));
            return 0;
        }
    return fail(l, "an unexpected character inside a tag");
}

/* The end of the tag stands here: its length with the sign, else 0.  Inside brackets `}}` closes
 * two dictionaries. */
static size_t tag_end(const struct lexer *l, const char *end, int brackets, char *sign)
{
    size_t skip;
    *sign = l->s.data[l->at];
    skip = *sign == '-' || *sign == '+';
    if (brackets != 0 || !starts(l, l->at + skip, end))
        return 0;
    return 2 + skip;
}

static int tag(struct lexer *l, bool print)
{
    const char *end = print ? "}}" : "%}";
    int brackets = 0;
    char sign = l->at + 2 < l->s.len ? l->s.data[l->at + 2] : '\0';
    push(l, print ? JT_PRINT : JT_BLOCK, (struct slice){l->s.data + l->at, 2});
    advance(l, l->at + 2 + (sign == '-' || sign == '+'));
    while (l->at < l->s.len) {
        char c = l->s.data[l->at];
        size_t i = l->at, n = tag_end(l, end, brackets, &sign);
        int rc = 0;
        if (n != 0) {
            push(l, print ? JT_PRINT_END : JT_BLOCK_END, (struct slice){l->s.data + i, n});
            advance(l, i + n);
            after_tag(l, sign, !print);
            return 0;
        }
        brackets += c == '(' || c == '[' || c == '{';
        brackets -= (c == ')' || c == ']' || c == '}') && brackets > 0;
        if (space(c)) {
            advance(l, i + 1);
        } else if (name_char(c, true)) {
            while (i < l->s.len && name_char(l->s.data[i], false))
                i++;
            push(l, JT_NAME, (struct slice){l->s.data + l->at, i - l->at});
            advance(l, i);
        } else if (c == '"' || c == '\'') {
            rc = string(l);
        } else {
            rc = c >= '0' && c <= '9' ? number(l) : operator(l);
        }
        if (rc != 0)
            return -1;
    }
    return fail(l, "a tag does not end");
}

/* --- the whole -------------------------------------------------------------------------- */

/* CRLF and CR to LF; one newline at the end goes. */
static struct slice newlines(struct slice s, struct arena *arena)
{
    char *copy = arena_alloc(arena, s.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] == '\r' && i + 1 < s.len && s.data[i + 1] == '\n')
            continue;
        copy[n++] = s.data[i] == '\r' ? '\n' : s.data[i];
    }
    if (n != 0 && copy[n - 1] == '\n')
        n--;
    copy[n] = '\0';
    return (struct slice){copy, n};
}

int jinja_lex(struct slice source, struct arena *arena, struct jinja_tokens *out,
              struct error *error)
{
    struct lexer l = {.line = 1, .line_starting = true, .arena = arena, .out = out, .error = error};
    if (source.len > JINJA_SOURCE_MAX)
        return error_set(error, ERROR_LIMIT, "the template is longer than %d bytes",
                         JINJA_SOURCE_MAX);
    l.s = newlines(source, arena);
    while (l.at < l.s.len) {
        size_t behind, at = find_tag(&l);
        char sign;
        int rc;
        push_data(&l, at);
        if (at == l.s.len)
            break;
        if (l.s.data[at + 1] == '#')
            rc = comment(&l);
        else if (l.s.data[at + 1] == '%' && (behind = raw_tag(&l, at, "raw", &sign)) != 0)
            rc = raw_block(&l, behind, sign);
        else
            rc = tag(&l, l.s.data[at + 1] == '{');
        if (rc != 0)
            return -1;
    }
    push(&l, JT_END, SLICE(""));
    return 0;
}
