/*
 * Tokens of chat templates, prompt scaffolding or unfilled slots in the reply: <|im_end|>,
 * [INST], "### Response:", {{input}} …  Text in code, and tokens that the prompt itself speaks
 * of, are left alone.
 */
#include "filter/rules.h"
#include "filter/text.h"

#include <string.h>

/* Special tokens; none of them is met in prose. */
static const char *const tokens[] = {
    "<|im_start|>",
    "<|im_end|>",
    "<|endoftext|>",
    "<|eot_id|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|begin_of_text|>",
    "<|end_of_text|>",
    "<|assistant|>",
    "<|user|>",
    "<|system|>",
    "<|end|>",
    "<|eom_id|>",
    "<|python_tag|>",
    "<|endofturn|>",
    "<start_of_turn>",
    "<end_of_turn>",
    "<bos>",
    "<eos>",
    "[inst]",
    "[/inst]",
    "<<sys>>",
    "<</sys>>",
    "<｜user｜>",
    "<｜assistant｜>",
    "<｜end▁of▁sentence｜>",
    "<｜begin▁of▁sentence｜>",
    "<extra_id_0>",
    "<|endofprompt|>",
    "<|fim_prefix|>",
    NULL,
};

/* Headings of instruction templates, at the start of a line. */
static const char *const headings[] = {"### response:", "### instruction:", "### input:",
                                       "### output:",   "### human:",       "### assistant:",
                                       "### user:",     "### system:",      "### 指令：",
                                       "### 回答：",    "### 输入：",       NULL};

static const char *const preambles[] = {
    "below is an instruction that describes a task",
    "write a response that appropriately completes the request",
    "a chat between a curious user and an artificial intelligence assistant",
    "以下是描述任务的指令",
    NULL,
};

/* Slots that a template has and prose has not. */
TEXT_LIST(slots, "instruction", "input", "prompt", "question", "response", "output", "context",
          "user_input", "query", "system_prompt");

static bool found(struct finding *out, const struct row *row, size_t at, size_t len)
{
    const struct slice text = slice_sub(row->output, at, len);
    finding_span(out, "output", at, at + len);
    finding_why(out, "\"%.*s\" belongs to a template", (int)(len < 60 ? len : 60), text.data);
    return true;
}

/* A literal of the prompt's own, or one in code, is no leak. */
static bool leaks(const struct row *row, const char *literal, size_t at)
{
    return at < row->output.len && !text_asked_for(row, literal) && !text_in_code(row->output, at);
}

static bool find_list(const struct row *row, const char *const *list, struct finding *out)
{
    for (; *list != NULL; list++) {
        const size_t at = text_find(row->output, *list, 0);
        if (leaks(row, *list, at))
            return found(out, row, at, strlen(*list));
    }
    return false;
}

/* One of the literals at the start of a line. */
static bool find_line(const struct row *row, const char *const *list, struct finding *out)
{
    struct slice line;
    for (size_t next = 0; text_line(row->output, &next, &line);) {
        const struct slice text = text_skip_space(line);
        for (const char *const *l = list; *l != NULL; l++)
            if (text_starts(text, *l)) {
                const size_t at = (size_t)(text.data - row->output.data);
                if (leaks(row, *l, at))
                    return found(out, row, at, strlen(*l));
            }
    }
    return false;
}

/* "</s>" that closes no "<s>" of the text. */
static bool find_end_token(const struct row *row, struct finding *out)
{
    const size_t at = text_find(row->output, "</s>", 0);
    if (!leaks(row, "</s>", at) || text_find(row->output, "<s>", 0) < at)
        return false;
    return found(out, row, at, 4);
}

/* {slot} or {{slot}}, not in code. */
static bool find_slot(const struct row *row, struct finding *out)
{
    const struct slice s = row->output;
    for (size_t at = 0; at < s.len; at++) {
        const char *brace = memchr(s.data + at, '{', s.len - at);
        if (brace == NULL)
            return false;
        at = (size_t)(brace - s.data);
        size_t from = at + 1 + (at + 1 < s.len && s.data[at + 1] == '{');
        while (from < s.len && s.data[from] == ' ')
            from++;
        const struct slice rest = slice_sub(s, from, s.len - from);
        const size_t n = text_starts_any(rest, &slots);
        size_t to = from + n;
        while (n > 0 && to < s.len && s.data[to] == ' ')
            to++;
        if (n == 0 || to >= s.len || s.data[to] != '}')
            continue;
        if (text_in_code(s, at) || text_asked_for(row, "{") ||
            (at > 0 && strchr("\"'$f(=%", s.data[at - 1]) != NULL))
            continue;
        return found(out, row, at, to + 1 + (to + 1 < s.len && s.data[to + 1] == '}') - at);
    }
    return false;
}

static bool has(struct slice s, char c)
{
    return s.len > 0 && memchr(s.data, c, s.len) != NULL;
}

static bool judge(const void *state, const struct row *row, struct finding *out)
{
    const struct slice s = row->output;
    const bool angle = has(s, '<'), bracket = has(s, '['), hash = has(s, '#'), brace = has(s, '{');
    (void)state;
    if ((angle || bracket) && find_list(row, tokens, out))
        return true;
    if (angle && find_end_token(row, out))
        return true;
    if (hash && find_line(row, headings, out))
        return true;
    if (brace && find_slot(row, out))
        return true;
    return find_line(row, preambles, out);
}

const struct filter_rule rule_template_leak = {
    .name = "template_leak",
    .version = 1,
    .usual = true,
    .action = VERDICT_REMOVE,
    .summary = "the reply holds pieces of a prompt template",
    .judge = judge,
};
