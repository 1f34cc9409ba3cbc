/* regex: one of the answers, read as a PCRE2 pattern, matches in the reply.  args.caseless. */
#include "eval/graders.h"

#include "core/mem.h"
#include "core/regex.h"

struct search {
    struct slice reply;
    unsigned flags;
    struct grade *out;
};

static bool matches(void *context, struct slice answer)
{
    struct search *s = context;
    struct error error = {ERROR_NONE, ""};
    char *pattern = mem_strndup(answer.data, answer.len);
    struct regex *r = regex_compile(pattern, s->flags, &error);
    struct regex_match *m = r != NULL ? regex_match_new(r) : NULL;
    int found = m != NULL ? regex_find(r, s->reply, 0, m, &error) : -1;
    if (found < 0) {
        s->out->failed = true;
        buf_str(&s->out->why, error.text);
    }
    regex_match_free(m);
    regex_free(r);
    mem_free(pattern);
    return found == 1;
}

static void grade(const struct grade_input *in, struct grade *out)
{
    struct search s = {grade_final(in->reply), REGEX_MULTILINE, out};
    if (json_true(json_get(in->item->args, "caseless")))
        s.flags |= REGEX_CASELESS;
    out->score = grade_any_answer(in->item, matches, &s) ? 1 : 0;
}

static bool compiles(void *context, struct slice answer)
{
    char *pattern = mem_strndup(answer.data, answer.len);
    struct regex *r = regex_compile(pattern, REGEX_MULTILINE, context);
    mem_free(pattern);
    regex_free(r);
    return r == NULL;
}

static int check(const struct suite_item *item, struct error *error)
{
    if (grade_needs_answer(item, error) != 0)
        return -1;
    return grade_any_answer(item, compiles, error) ? -1 : 0;
}

const struct grader grade_regex = {
    .name = "regex",
    .summary = "a pattern matches in the reply",
    .check = check,
    .grade = grade,
};
