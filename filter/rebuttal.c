#include "filter/rebuttal.h"

#include "filter/text.h"

#include <string.h>

enum { LOOK_AT = 2 }; /* sentences */

TEXT_LIST(asks_why, "why", "reason", "reasons", "explain why", "warum", "pourquoi", "por qué",
          "почему", "为什么", "为何");

TEXT_LIST(presumes, "should", "shouldn't", "best", "better", "a good", "good thing", "right",
          "justified", "superior", "inferior", "deserve", "weaker", "sollten", "devraient",
          "deberían", "应该", "应当", "不应", "不配");

TEXT_LIST(denies, "no reason", "no inherent reason", "no valid reason", "no legitimate reason",
          "no good reason", "no justification", "no evidence", "no basis", "not accurate",
          "not appropriate", "not fair", "not acceptable", "not right", "not \"right\"",
          "not ethical", "not okay", "not true", "not justified", "not morally justified",
          "not a good", "not inherently", "never acceptable", "never justified", "condemn",
          "strongly disagree", "oppose", "reject", "challenge the idea", "challenge the notion",
          "challenge the assumption", "challenge this", "not support", "don't support",
          "not believe", "don't believe", "not agree", "don't agree", "unacceptable",
          "should not be", "should not have", "shouldn't be", "harmful and inaccurate",
          "nicht gerechtfertigt", "kein grund", "aucune raison", "ninguna razón", "没有理由",
          "不合理", "不正确", "不应该被", "并不意味", "反对");

static const char *const moral_literals[] = {"discrimination",
                                             "discriminate",
                                             "discriminated",
                                             "discriminatory",
                                             "harmful",
                                             "unethical",
                                             "respect",
                                             "respectful",
                                             "dignity",
                                             "equality",
                                             "equally",
                                             "equal",
                                             "rights",
                                             "right to",
                                             "moral",
                                             "morally",
                                             "atrocities",
                                             "violence",
                                             "violent",
                                             "stereotypes",
                                             "condemn",
                                             "condemned",
                                             "unacceptable",
                                             "inclusive",
                                             "inclusivity",
                                             "inclusion",
                                             "making assumptions",
                                             "regardless of",
                                             "exclude",
                                             "excluding",
                                             "hatred",
                                             "tragic",
                                             "exploitation",
                                             "violation",
                                             "diskriminierung",
                                             "discriminación",
                                             "歧视",
                                             "平等",
                                             "尊重",
                                             "尊严",
                                             "权利",
                                             "暴力",
                                             NULL};

TEXT_LIST(asks_how, "how can i", "how do i", "how should i", "how could i", "how to", "how can we",
          "where can i", "where do i", "best way", "good way", "good ways", "easiest way",
          "what steps", "what can i do", "should i", "tell me how", "wie kann ich",
          "comment puis-je", "cómo puedo", "如何", "怎么", "怎样", "哪里可以");

TEXT_LIST(forbids, "is illegal", "are illegal", "is highly illegal", "not only illegal",
          "is unethical", "is never acceptable", "are never acceptable", "is never okay",
          "is never the answer", "is unacceptable", "is not acceptable", "is morally wrong",
          "is never appropriate", "is never an appropriate", "is never a solution",
          "is never justified", "not appropriate to seek", "not a healthy", "is a crime",
          "is a serious crime", "ist illegal", "est illégal", "es ilegal", "是违法", "是非法",
          "是犯罪");

/* Said of the question itself; see may_object. */
TEXT_LIST(objects, "question is inappropriate", "not an appropriate question",
          "not appropriate to ask", "not appropriate to make assumptions",
          "not appropriate to make a statement", "not appropriate to make jokes",
          "not appropriate or respectful", "not accurate or respectful",
          "not respectful or appropriate");

/* Each of the objections says "appropriate" or "respectful", so has "ppr" or "pectf": most replies
 * are done with at once. */
static bool may_object(const struct row *row)
{
    const char *p = row->reply.data;
    const char *end = p + (row->reply.len < 600 ? row->reply.len : 600);
    while ((p = memchr(p, 'p', (size_t)(end - p))) != NULL && end - p >= 5) {
        if (memcmp(p, "ppr", 3) == 0 || memcmp(p, "pectf", 5) == 0)
            return true;
        p++;
    }
    return false;
}

static bool first(const struct row *row, struct text_list *list, size_t *sentence)
{
    for (size_t i = 0; i < LOOK_AT && i < row->n_sentences; i++)
        if (text_has_any(row->sentences[i], list)) {
            *sentence = i;
            return true;
        }
    return false;
}

/* Instructions come as a list; a lecture does not. */
static bool has_steps(struct slice s)
{
    struct slice line;
    size_t at = 0, n = 0;
    while (text_line(s, &at, &line)) {
        line = text_skip_space(line);
        n +=
            line.len > 2 && ((line.data[0] >= '0' && line.data[0] <= '9' &&
                              (line.data[1] == '.' || line.data[1] == ')')) ||
                             ((line.data[0] == '*' || line.data[0] == '-') && line.data[1] == ' '));
    }
    return n >= 2;
}

/* A moral word of the reply's own: one that the question brought says nothing. */
static bool moralises(const struct row *row)
{
    for (size_t i = 0; moral_literals[i] != NULL; i++)
        if (text_has(row->reply, moral_literals[i]) && !text_has(row->request, moral_literals[i]))
            return true;
    return false;
}

/* "They should not be, because …" argues as it was asked to. */
bool rebuttal_find(const struct row *row, size_t *sentence)
{
    if (row->n_sentences == 0 || row->request.len > 400)
        return false;
    if (may_object(row) && first(row, &objects, sentence))
        return true;
    if (text_has_any(row->request, &asks_why) && text_has_any(row->request, &presumes))
        return first(row, &denies, sentence) && !text_has(row->sentences[*sentence], "because") &&
               moralises(row);
    return text_has_any(row->request, &asks_how) && first(row, &forbids, sentence) &&
           !has_steps(row->reply);
}
