#include "gen/verify.h"

#include "core/file.h"
#include "core/mem.h"
#include "core/regex.h"
#include "core/schema.h"
#include "core/unicode.h"
#include "gen/chain.h"
#include "gen/checks.h"
#include "gen/reply_list.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { SHORT = 40, MAX_ARGS = 64, MAX_SCHEMA = 4 << 20, MAX_OUTPUT = 1 << 16 };

struct verify_kind {
    const char *name;
    int (*open)(struct verify *v, struct gen *g, struct error *error);
    int (*check)(struct verify *v, const struct verify_case *c, struct buf *why,
                 struct error *error);
};

struct verify {
    const struct verify_kind *kind;
    struct gen *g;
    const char *member; /* of meta: the reference answer */
    struct regex *regex;
    struct regex_match *match;
    struct json *tree;
    struct schema *schema;
    char *argv[MAX_ARGS + 1];
    int64_t limit_ms;
};

/* ---- final answers --------------------------------------------------------------------------- */

static struct slice boxed(struct slice s)
{
    static const char mark[] = "\\boxed{";
    struct slice found = {NULL, 0};
    for (size_t i = 0; i + sizeof mark - 1 <= s.len; i++) {
        int depth = 1;
        size_t from = i + sizeof mark - 1, k = from;
        if (memcmp(s.data + i, mark, sizeof mark - 1))
            continue;
        for (; k < s.len && depth; k++)
            depth += s.data[k] == '{' ? 1 : s.data[k] == '}' ? -1 : 0;
        if (!depth)
            found = slice_sub(s, from, k - 1 - from);
    }
    return found;
}

/* What stands behind the last of these words, to the end of its line. */
static struct slice behind_mark(struct slice s)
{
    static const char *const marks[] = {"####", "answer is", "answer:", "answer**:", "answer:**"};
    size_t best = 0;
    for (size_t i = 0; i < s.len; i++)
        for (size_t k = 0; k < sizeof marks / sizeof *marks; k++) {
            size_t n = strlen(marks[k]);
            if (i + n <= s.len && !strncasecmp(s.data + i, marks[k], n) && i + n > best)
                best = i + n;
        }
    if (!best)
        return (struct slice){NULL, 0};
    struct slice rest = slice_sub(s, best, s.len);
    while (rest.len && (isspace((unsigned char)rest.data[0]) || strchr(":*", rest.data[0])))
        rest = slice_sub(rest, 1, rest.len);
    return slice_trim(slice_sub(rest, 0, slice_find(rest, SLICE("\n"))));
}

static bool of_number(char c)
{
    return isdigit((unsigned char)c) || c == ',' || c == '.';
}

static struct slice last_number(struct slice s)
{
    size_t end = s.len;
    while (end && !isdigit((unsigned char)s.data[end - 1]))
        end--;
    size_t from = end;
    while (from && of_number(s.data[from - 1]))
        from--;
    if (from && from < end && s.data[from - 1] == '-')
        from--;
    return slice_sub(s, from, end - from);
}

/* "$1,200.50." and "1200.5" are equal; other texts by their words in lower case. */
static void normalise(struct slice s, struct buf *out)
{
    char digits[64], *end;
    size_t n = 0;
    s = slice_trim(s);
    while (s.len && strchr("$*\"'`( ", s.data[0]))
        s = slice_sub(s, 1, s.len);
    while (s.len && strchr(".!*\"'`)$% ", s.data[s.len - 1]))
        s.len--;
    for (size_t i = 0; i < s.len && n < sizeof digits - 1; i++)
        if (s.data[i] != ',')
            digits[n++] = s.data[i];
    digits[n] = '\0';
    double x = strtod(digits, &end);
    if (n && n < sizeof digits - 1 && !*end && (isdigit((unsigned char)digits[0]) || n > 1)) {
        buf_printf(out, "%.12g", x);
        return;
    }
    struct buf lower = BUF;
    unicode_lower(s, &lower);
    for (size_t i = 0; i < lower.len; i++)
        if (!isspace((unsigned char)lower.data[i]))
            buf_char(out, lower.data[i]);
        else if (out->len && out->data[out->len - 1] != ' ')
            buf_char(out, ' ');
    buf_free(&lower);
}

void verify_answer(struct slice reply, struct buf *out)
{
    struct slice s = boxed(reply);
    reply = slice_trim(reply);
    if (!s.len)
        s = behind_mark(reply);
    if (!s.len && reply.len <= SHORT)
        s = reply;
    if (!s.len)
        s = last_number(reply);
    normalise(s, out);
}

/* ---- kinds ----------------------------------------------------------------------------------- */

static int check_none(struct verify *v, const struct verify_case *c, struct buf *why,
                      struct error *error)
{
    (void)v;
    (void)c;
    (void)why;
    (void)error;
    return 1;
}

static const struct json *reference(const struct verify *v, const struct verify_case *c)
{
    return json_get(json_get(c->state, "meta"), v->member);
}

static int check_exact(struct verify *v, const struct verify_case *c, struct buf *why,
                       struct error *error)
{
    const struct json *want = reference(v, c);
    struct buf a = BUF, b = BUF, text = BUF;
    int same = 0;
    if (!want || (json_type(want) != JSON_STRING && json_type(want) != JSON_NUMBER))
        return error_set(error, ERROR_INPUT,
                         "gen.verify exact: a prompt has no meta.%s to compare with", v->member);
    if (json_type(want) == JSON_STRING)
        buf_slice(&text, json_string(want));
    else
        json_number_text(want, &text);
    verify_answer(buf_view(&text), &a);
    verify_answer(c->reply, &b);
    same = a.len && slice_equal(buf_view(&a), buf_view(&b));
    if (!same)
        buf_printf(why, "the answer is %.60s, not %.60s", buf_text(&b), buf_text(&a));
    buf_free(&a);
    buf_free(&b);
    buf_free(&text);
    return same;
}

static int open_regex(struct verify *v, struct gen *g, struct error *error)
{
    const char *pattern = json_text(gen_setting(g, "verify.pattern"), NULL);
    if (!pattern)
        return error_set(error, ERROR_USAGE, "gen.verify regex needs gen.verify.pattern");
    v->regex = regex_compile(pattern, 0, error);
    if (!v->regex)
        return error_wrap(error, "gen.verify.pattern");
    v->match = regex_match_new(v->regex);
    return 0;
}

static int check_regex(struct verify *v, const struct verify_case *c, struct buf *why,
                       struct error *error)
{
    int rc = regex_find(v->regex, c->reply, 0, v->match, error);
    if (!rc)
        buf_str(why, "the pattern does not occur");
    return rc;
}

static int open_schema(struct verify *v, struct gen *g, struct error *error)
{
    const char *name = json_text(gen_setting(g, "verify.schema"), NULL);
    struct buf text = BUF_MAX(MAX_SCHEMA);
    if (!name)
        return error_set(error, ERROR_USAGE, "gen.verify schema needs gen.verify.schema");
    char *path = gen_file(g, name);
    if (!file_read(path, &text, error))
        v->tree = json_parse(buf_view(&text), 0, error);
    if (v->tree)
        v->schema = schema_compile(v->tree, error);
    if (!v->schema)
        error_wrap(error, "gen.verify.schema: %s", name);
    buf_free(&text);
    mem_free(path);
    return v->schema ? 0 : -1;
}

static void first_violation(void *context, const struct schema_violation *x)
{
    struct buf *why = context;
    if (!why->len)
        buf_printf(why, "%.100s: %.200s", x->path, x->text);
}

static int check_schema(struct verify *v, const struct verify_case *c, struct buf *why,
                        struct error *error)
{
    struct json *j = reply_json(c->reply);
    (void)error;
    if (!j)
        buf_str(why, "it is no JSON");
    int right = j && schema_check(v->schema, j, first_violation, why) == 0;
    json_free(j);
    return right;
}

static int open_command(struct verify *v, struct gen *g, struct error *error)
{
    const struct json *words = gen_setting(g, "verify.command");
    int n = 0;
    for (const struct json *w = json_first(words); w && n < MAX_ARGS; w = json_next(w))
        v->argv[n++] = mem_strdup(json_text(w, ""));
    if (!n)
        return error_set(error, ERROR_USAGE,
                         "gen.verify command needs gen.verify.command: [\"program\", …]");
    if (strchr(v->argv[0], '/')) { /* beside the recipe */
        char *path = gen_file(g, v->argv[0]);
        mem_free(v->argv[0]);
        v->argv[0] = path;
    }
    return 0;
}

static int check_command(struct verify *v, const struct verify_case *c, struct buf *why,
                         struct error *error)
{
    struct json *o = json_new_object();
    const struct json *answer = reference(v, c), *meta = json_get(c->state, "meta");
    struct buf text = BUF, said = BUF_MAX(MAX_OUTPUT);
    struct error reason = {0};
    json_put_string(o, "instruction", chain_text(c->state, "instruction"));
    json_put_string(o, "input", chain_text(c->state, "input"));
    json_put_string(o, "reply", c->reply);
    json_put(o, "answer", answer ? json_copy(answer) : json_new_null());
    json_put(o, "meta", meta ? json_copy(meta) : json_new_null());
    json_write(o, 0, &text);
    buf_char(&text, '\n');
    int status = checks_run(v->g, v->argv, buf_view(&text), v->limit_ms, &said, &reason);
    struct slice line = slice_trim(buf_view(&said));
    line = slice_sub(line, 0, slice_find(line, SLICE("\n")));
    if (status == 1)
        buf_printf(why, "%.*s", (int)(line.len < 200 ? line.len : 200), line.data ? line.data : "");
    else if (status < 0 && reason.code == ERROR_LIMIT)
        buf_printf(why, "%.200s", reason.text); /* code of a teacher may well not end */
    else if (status < 0)
        *error = reason;
    else if (status > 1)
        error_set(error, ERROR_FAILED,
                  "gen.verify.command: %s ended with status %d; 0 says right "
                  "and 1 wrong",
                  v->argv[0], status);
    json_free(o);
    buf_free(&text);
    buf_free(&said);
    return status == 0 ? 1 : status == 1 || reason.code == ERROR_LIMIT ? 0 : -1;
}

static const struct verify_kind kinds[] = {
    {"none", NULL, check_none},
    {"exact", NULL, check_exact},
    {"regex", open_regex, check_regex},
    {"schema", open_schema, check_schema},
    {"command", open_command, check_command},
    {NULL, NULL, NULL},
};

struct verify *verify_open(struct gen *g, struct error *error)
{
    struct verify *v = mem_zero(1, sizeof *v);
    const char *name = json_text(gen_setting(g, "verify.kind"), "none");
    v->g = g;
    v->member = json_text(gen_setting(g, "verify.answer"), "answer");
    v->limit_ms = (int64_t)(json_number(gen_setting(g, "verify.timeout_s"), 10) * 1000);
    for (v->kind = kinds; v->kind->name && strcmp(v->kind->name, name);)
        v->kind++;
    if (!v->kind->name)
        error_set(error, ERROR_USAGE, "gen.verify.kind: there is no kind %s", name);
    else if (!v->kind->open || !v->kind->open(v, g, error))
        return v;
    verify_close(v);
    return NULL;
}

void verify_close(struct verify *v)
{
    if (!v)
        return;
    for (int k = 0; v->argv[k]; k++)
        mem_free(v->argv[k]);
    regex_match_free(v->match);
    regex_free(v->regex);
    schema_free(v->schema);
    json_free(v->tree);
    mem_free(v);
}

bool verify_is_none(const struct verify *v)
{
    return v->kind->check == check_none;
}

int verify_check(struct verify *v, const struct verify_case *c, struct buf *why,
                 struct error *error)
{
    return v->kind->check(v, c, why, error);
}
