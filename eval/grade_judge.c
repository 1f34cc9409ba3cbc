/* judge: what a judge's reply says, as a share of the scale (judge.h). */
#include "eval/graders.h"

#include "core/regex.h"

#include <stdlib.h>
#include <string.h>

static const char usual_pattern[] = "\\[\\[(\\d+(?:\\.\\d+)?)\\]\\]";

/* The last match of the pattern: a judge may quote the form before it rates. */
static int last_rating(const char *pattern, struct slice verdict, double *rating,
                       struct error *error)
{
    struct regex *r = regex_compile(pattern, 0, error);
    struct regex_match *m = r != NULL ? regex_match_new(r) : NULL;
    size_t from = 0, begin, end;
    int found = 0, more = m != NULL ? 1 : -1;
    while (more == 1 && (more = regex_find(r, verdict, from, m, error)) == 1) {
        char digits[32];
        if (!regex_group(m, 1, &begin, &end) || end - begin >= sizeof digits)
            break;
        memcpy(digits, verdict.data + begin, end - begin);
        digits[end - begin] = '\0';
        *rating = strtod(digits, NULL);
        found = 1;
        from = end;
    }
    regex_match_free(m);
    regex_free(r);
    return more < 0 ? -1 : found;
}

static void grade(const struct grade_input *in, struct grade *out)
{
    const struct json *judge = json_get(in->item->args, "judge");
    double scale = json_number(json_get(judge, "scale"), 10), rating = 0;
    struct error error = {ERROR_NONE, ""};
    int found = last_rating(json_text(json_get(judge, "pattern"), usual_pattern), in->verdict,
                            &rating, &error);
    if (found != 1 || rating < 0 || rating > scale) {
        out->failed = true;
        buf_str(&out->why, found < 0 ? error.text : "no rating in what the judge said");
        return;
    }
    out->score = rating / scale;
    buf_printf(&out->why, "%g of %g", rating, scale);
}

const struct grader grade_judge = {
    .name = "judge",
    .summary = "a judge (eval.judge) rates the reply",
    .needs = GRADER_JUDGE,
    .grade = grade,
};
