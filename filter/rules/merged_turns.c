/*
 * The reply goes on to write the next turns: behind its text a line opens with the user's label
 * and a later one with the assistant's.  Where a dialogue, a quiz or an interview was asked for,
 * or the prompt has such labels itself, that is what was wanted.
 */
#include "filter/rules.h"
#include "filter/text.h"

#include <string.h>

static const char *const users[] = {"user:",     "human:", "question:", "customer:",     "student:",
                                    "user：",    "用户：", "用户:",     "人类：",        "问：",
                                    "问:",       "问题：", "提问：",    "utilisateur :", "usuario:",
                                    "benutzer:", NULL};

static const char *const assistants[] = {
    "assistant:", "ai:",    "bot:",      "chatbot:", "answer:",     "gpt:",       "chatgpt:",
    "claude:",    "model:", "response:", "agent:",   "assistant：", "助手：",     "助手:",
    "答：",       "答:",    "回答：",    "回答:",    "asistente:",  "assistent:", NULL};

TEXT_LIST(wants_talk, "dialogue", "dialog", "dialogues", "conversation", "conversations", "chat",
          "interview", "interviews", "script", "screenplay", "skit", "transcript", "role-play",
          "roleplay", "role play", "debate", "chatbot", "few-shot", "对话", "采访", "访谈", "剧本",
          "聊天", "辩论", "diálogo", "conversación", "диалог");

/* These want questions with their answers, and excuse no other labels. */
TEXT_LIST(wants_questions, "quiz", "quizzes", "trivia", "faq", "faqs", "q&a", "flashcards",
          "questions and answers", "question and answer", "question-answer", "问答", "出题");

TEXT_LIST(question_label, "question:", "问：", "问:", "问题：", "提问：");

/* The label at the start of the line, behind marks such as "### " and "**"; NULL for none. */
static const char *label_of(struct slice line, const char *const *labels)
{
    line = text_skip_space(line);
    while (line.len > 0 && strchr("#*_>[- ", line.data[0]) != NULL && line.data[0] != '\0') {
        line.data++;
        line.len--;
    }
    for (; *labels != NULL; labels++)
        if (text_starts(line, *labels))
            return *labels;
    return NULL;
}

/* Does a line of the prompt open with that label too? */
static bool in_prompt(const struct row *row, const char *label)
{
    const char *const one[] = {label, NULL};
    struct slice line;
    for (size_t i = 0; i < row->n_prompt; i++)
        for (size_t at = 0; text_line(row->prompt[i], &at, &line);)
            if (label_of(line, one) != NULL)
                return true;
    return false;
}

static bool judge(const void *state, const struct row *row, struct finding *out)
{
    const char *user = NULL, *assistant = NULL;
    size_t next = 0, from = 0;
    struct slice line;
    bool text = false;
    (void)state;
    if (row->reply.len == 0 || memchr(row->reply.data, '\n', row->reply.len) == NULL)
        return false;
    while (assistant == NULL && text_line(row->output, &next, &line)) {
        if (user != NULL) {
            assistant = label_of(line, assistants);
        } else if (text && (user = label_of(line, users)) != NULL) {
            from = (size_t)(line.data - row->output.data);
        } else {
            text |= slice_trim(line).len > 0;
        }
    }
    if (assistant == NULL || text_asked(row, &wants_talk) ||
        (text_starts_any(slice_of(user), &question_label) > 0 &&
         text_asked(row, &wants_questions)) ||
        in_prompt(row, user) || in_prompt(row, assistant))
        return false;
    finding_span(out, "output", from, row->output.len);
    finding_why(out, "from byte %zu on it writes the next turns itself (\"%s\" … \"%s\")", from,
                user, assistant);
    return true;
}

const struct filter_rule rule_merged_turns = {
    .name = "merged_turns",
    .version = 2,
    .usual = true,
    .action = VERDICT_REMOVE,
    .summary = "the reply holds further turns",
    .judge = judge,
};
