#include "core/regex.h"

#include "core/mem.h"
#include "core/regex_ecma.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <stdint.h>

/* What one search may cost: about a tenth of a second, 32 MB. */
enum {
    MATCH_LIMIT = 4000000,
    DEPTH_LIMIT = 20000,
    HEAP_LIMIT_KB = 32 * 1024,
    PATTERN_BYTES = 64 * 1024,
    JIT_STACK_BYTES = 512 * 1024,
};

/* Script= came with 10.40. */
#define BARE_SCRIPTS (PCRE2_MAJOR == 10 && PCRE2_MINOR < 40)

struct regex {
    pcre2_code *code;
};

struct regex_match {
    pcre2_match_data *data;
    pcre2_match_context *context;
    pcre2_jit_stack *stack; /* NULL until a match asks for more than the 32 kB of its caller's */
    int groups;             /* of the last match, 0 none */
};

static uint32_t compile_options(unsigned flags)
{
    uint32_t options = PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C;
    if ((flags & REGEX_ECMA) != 0)
        options |= PCRE2_ALT_BSUX | PCRE2_DOLLAR_ENDONLY | PCRE2_MATCH_UNSET_BACKREF;
    else
        options |= PCRE2_UCP;
    if ((flags & REGEX_CASELESS) != 0)
        options |= PCRE2_CASELESS;
    if ((flags & REGEX_MULTILINE) != 0)
        options |= PCRE2_MULTILINE;
    if ((flags & REGEX_DOTALL) != 0)
        options |= PCRE2_DOTALL;
    if ((flags & REGEX_ANCHORED) != 0)
        options |= PCRE2_ANCHORED;
    return options;
}

static pcre2_code *compile(const char *pattern, unsigned flags, int *rc, PCRE2_SIZE *at)
{
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    pcre2_code *code = NULL;
    *rc = PCRE2_ERROR_NOMEMORY;
    if (context == NULL)
        return NULL;
    (void)pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    (void)pcre2_set_max_pattern_length(context, PATTERN_BYTES);
    code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, compile_options(flags), rc, at,
                         context);
    pcre2_compile_context_free(context);
    return code;
}

struct regex *regex_compile(const char *pattern, unsigned flags, struct error *error)
{
    struct buf ours = BUF;
    struct regex *r;
    pcre2_code *code;
    PCRE2_SIZE at = 0;
    int rc;
    if ((flags & REGEX_ECMA) != 0)
        regex_ecma(pattern, BARE_SCRIPTS, &ours);
    code = compile((flags & REGEX_ECMA) != 0 ? buf_text(&ours) : pattern, flags, &rc, &at);
    buf_free(&ours);
    if (code == NULL) {
        PCRE2_UCHAR words[128];
        (void)pcre2_get_error_message(rc, words, sizeof words);
        error_set(error, ERROR_INPUT, "regular expression \"%.200s\": %s at offset %zu", pattern,
                  (const char *)words, (size_t)at);
        return NULL;
    }
    /* Without JIT (another processor, a hardened kernel) matching is slower, not different. */
    (void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
    r = mem_alloc(sizeof *r);
    r->code = code;
    return r;
}

void regex_free(struct regex *r)
{
    if (r == NULL)
        return;
    pcre2_code_free(r->code);
    mem_free(r);
}

struct regex_match *regex_match_new(const struct regex *r)
{
    struct regex_match *m = mem_zero(1, sizeof *m);
    m->data = pcre2_match_data_create_from_pattern(r->code, NULL);
    m->context = pcre2_match_context_create(NULL);
    if (m->context != NULL) {
        (void)pcre2_set_match_limit(m->context, MATCH_LIMIT);
        (void)pcre2_set_depth_limit(m->context, DEPTH_LIMIT);
        (void)pcre2_set_heap_limit(m->context, HEAP_LIMIT_KB);
    }
    return m;
}

void regex_match_free(struct regex_match *m)
{
    if (m == NULL)
        return;
    pcre2_match_data_free(m->data);
    pcre2_match_context_free(m->context);
    pcre2_jit_stack_free(m->stack);
    mem_free(m);
}

static int match_failure(int rc, struct error *error)
{
    PCRE2_UCHAR words[128];
    if (rc == PCRE2_ERROR_MATCHLIMIT || rc == PCRE2_ERROR_DEPTHLIMIT ||
        rc == PCRE2_ERROR_HEAPLIMIT || rc == PCRE2_ERROR_JIT_STACKLIMIT)
        return error_set(error, ERROR_LIMIT,
                         "a regular expression took too many steps on this text; simplify it");
    (void)pcre2_get_error_message(rc, words, sizeof words);
    return error_set(error, ERROR_INPUT, "a regular expression failed: %s", (const char *)words);
}

static int find(const struct regex *r, struct slice text, size_t from, struct regex_match *m,
                uint32_t options, struct error *error)
{
    PCRE2_SPTR subject = (PCRE2_SPTR)(text.data != NULL ? text.data : "");
    int rc;
    m->groups = 0;
    if (m->data == NULL || m->context == NULL)
        return error_set(error, ERROR_MEMORY, "no memory for a regular expression");
    if (from > text.len)
        return 0;
    rc = pcre2_match(r->code, subject, text.len, from, options, m->data, m->context);
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT && m->stack == NULL) {
        m->stack = pcre2_jit_stack_create(32 * 1024, JIT_STACK_BYTES, NULL);
        if (m->stack != NULL)
            pcre2_jit_stack_assign(m->context, NULL, m->stack);
        rc = pcre2_match(r->code, subject, text.len, from, options, m->data, m->context);
    }
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
        rc = pcre2_match(r->code, subject, text.len, from, options | PCRE2_NO_JIT, m->data,
                         m->context);
    if (rc == PCRE2_ERROR_NOMATCH)
        return 0;
    if (rc < 0)
        return match_failure(rc, error);
    m->groups = rc;
    return 1;
}

int regex_find(const struct regex *r, struct slice text, size_t from, struct regex_match *m,
               struct error *error)
{
    return find(r, text, from, m, 0, error);
}

int regex_find_valid(const struct regex *r, struct slice text, size_t from, struct regex_match *m,
                     struct error *error)
{
    return find(r, text, from, m, PCRE2_NO_UTF_CHECK, error);
}

int regex_group(const struct regex_match *m, int group, size_t *begin, size_t *end)
{
    const PCRE2_SIZE *offsets;
    if (group < 0 || group >= m->groups)
        return 0;
    offsets = pcre2_get_ovector_pointer(m->data);
    *begin = offsets[2 * group];
    *end = offsets[2 * group + 1];
    return *begin != PCRE2_UNSET && *begin <= *end; /* \K in a lookahead can turn them around */
}

void regex_library(char out[64])
{
    if (pcre2_config(PCRE2_CONFIG_VERSION, NULL) > 64 ||
        pcre2_config(PCRE2_CONFIG_VERSION, out) < 0)
        out[0] = '\0';
}
