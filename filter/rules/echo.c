/*
 * The reply repeats the instruction or the input and says nothing more.  Requests whose right
 * answer may be the text itself (repeat, correct, sort …) are left alone.
 */
#include "core/buf.h"
#include "filter/normal.h"
#include "filter/rules.h"
#include "filter/text.h"

#include <string.h>

/* The text again is what was asked for. */
TEXT_LIST(wants_copy, "repeat", "copy", "echo", "verbatim", "recite", "transcribe", "unchanged",
          "without any change", "as is", "word for word", "say the following", "重复", "复述",
          "抄写", "原样", "逐字", "照抄", "朗读", "wiederhole", "répète", "repite", "копир",
          "повтори");

/* The text may be right as it is. */
TEXT_LIST(may_be_right, "correct", "fix", "proofread", "edit", "grammar", "grammatical",
          "grammatically", "spelling", "punctuation", "punctuate", "errors", "mistakes",
          "if necessary", "if needed", "sort", "alphabetical", "capitalize", "capitalization",
          "format", "改正", "修改", "纠正", "校对", "排序", "更正", "润色", "语法");

static const char *const labels[] = {"input:",  "instruction:", "output:", "question:",
                                     "answer:", "response:",    "输入：",  "输入:",
                                     "指令：",  "输出：",       "回答：",  NULL};

static bool same(struct slice a, struct slice b)
{
    const struct normal_options how = {true, true, true, false};
    struct buf x = BUF, y = BUF, scratch = BUF;
    normal_text(a, &how, &scratch, &x);
    normal_text(b, &how, &scratch, &y);
    const bool equal = slice_equal(buf_view(&x), buf_view(&y)) && x.len > 0;
    buf_free(&x);
    buf_free(&y);
    buf_free(&scratch);
    return equal;
}

static struct slice without_label(struct slice s)
{
    for (size_t i = 0; labels[i] != NULL; i++)
        if (text_starts(s, labels[i])) {
            const size_t n = strlen(labels[i]);
            return row_trim(slice_sub(s, n, s.len - n));
        }
    return s;
}

/* Cheap: about the same length. */
static bool alike(struct slice reply, struct slice source)
{
    return source.len > 0 && reply.len <= source.len + 8 && source.len <= reply.len + 8;
}

static bool judge(const void *state, const struct row *row, struct finding *out)
{
    const struct sample *s = row->sample;
    (void)state;
    if (row->reply.len < 4 || row->n_prompt == 0)
        return false;
    const struct slice reply = without_label(row->reply);
    const struct slice input = without_label(row_trim(s->input));
    const struct slice request = row_trim(row->request);
    const bool of_input = alike(reply, input) && same(reply, input);
    if (!of_input && !(alike(reply, request) && same(reply, request)))
        return false;
    if (text_has_any(row->request, &wants_copy) ||
        (of_input && text_has_any(row->request, &may_be_right)))
        return false;
    finding_span(out, "output", 0, row->output.len);
    finding_why(out, "the reply is the %s again", of_input ? "input" : "instruction");
    return true;
}

const struct filter_rule rule_echo = {
    .name = "echo",
    .version = 1,
    .usual = true,
    .action = VERDICT_REMOVE,
    .summary = "the reply repeats the prompt",
    .judge = judge,
};
