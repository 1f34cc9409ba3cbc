#include "filter/claims.h"

#include "filter/text.h"

#include <string.h>

/* Openings that apologise. */
TEXT_LIST(apologies, "i'm sorry", "i’m sorry", "i am sorry", "sorry", "i apologize", "i apologise",
          "my apologies", "apologies", "i'm really sorry", "i am really sorry", "i'm very sorry",
          "i'm so sorry", "i am very sorry", "i'm truly sorry", "i regret to inform you that",
          "es tut mir leid", "tut mir leid", "entschuldigung", "je suis désolé", "je suis désolée",
          "désolé", "désolée", "je m'excuse", "lo siento", "lo lamento", "disculpa", "disculpe",
          "mi dispiace", "scusa", "desculpe", "lamento", "sinto muito", "het spijt me", "sorry",
          "извините", "Извините", "Простите", "простите", "przepraszam", "抱歉", "对不起", "很抱歉",
          "非常抱歉", "十分抱歉", "不好意思", "真抱歉", "對不起", "申し訳ありませんが",
          "申し訳ございませんが", "すみませんが", "죄송합니다", "죄송하지만");

/* Openings that say nothing by themselves. */
TEXT_LIST(openings, "unfortunately", "regrettably", "i'm afraid", "i’m afraid", "i am afraid",
          "but", "however", "that", "for the inconvenience", "for any inconvenience",
          "for the confusion", "about that", "as", "thank you for your question",
          "thank you for your message", "thank you for asking", "thank you for reaching out",
          "thanks for asking", "hello", "hi", "hey", "hi there", "dear user", "well", "no,",
          "at this time", "to be honest", "i understand", "i'm just an ai", "i am just an ai",
          "i'm an ai", "and", "so", "oh", "okay", "ok", "then", "in this case", "leider", "aber",
          "dass", "malheureusement", "mais", "lamentablemente", "desafortunadamente", "pero",
          "purtroppo", "ma", "infelizmente", "mas", "helaas", "maar", "К сожалению", "Но",
          "к сожалению", "но", "niestety", "ale", "遗憾", "很遗憾", "但", "但是", "不过", "可是",
          "您好", "你好", "感谢您的提问", "谢谢您的提问", "因此", "所以", "残念ながら",
          "안타깝게도");

/* "I cannot" and the like; a verb of service has to follow. */
TEXT_LIST(cannot, "i cannot", "i can't", "i can’t", "i can not", "i could not", "i couldn't",
          "i won't", "i won’t", "i will not", "i am unable to", "i'm unable to", "i’m unable to",
          "i am not able to", "i'm not able to", "i’m not able to", "we cannot", "we can't",
          "we are unable to", "i may not", "i shouldn't", "i should not", "unable to", "cannot",
          "can't", "not able to", "i am not allowed to", "i'm not allowed to",
          "i am not permitted to", "i'm not permitted to", "i'm not programmed to",
          "i am not programmed to", "i'm not designed to", "i am not designed to",
          "i do not have the ability to", "i don't have the ability to",
          "i don't have the capability to", "i do not have the capability to", "i'm not capable of",
          "i am not capable of", "i am incapable of");

TEXT_LIST(service, "provide", "assist", "help", "fulfill", "fulfil", "answer", "give", "offer",
          "create", "generate", "write", "support", "engage", "comply", "complete", "do that",
          "do this", "do so", "do it", "advise", "suggest", "discuss", "share", "promote",
          "encourage", "condone", "endorse", "facilitate", "participate", "respond", "tell you",
          "teach", "explain how", "describe how", "satisfy", "proceed", "perform", "make", "say",
          "justify", "in good conscience", "ethically", "offering", "providing", "process",
          "continue", "accommodate", "recommend any", "recommend or", "recommend that", "produce",
          "draft", "compose", "translate", "summarize", "access", "browse", "open", "view",
          "see the", "see any", "play", "execute", "run", "determine", "verify", "confirm",
          "predict", "disclose", "reveal", "speak", "express", "take part", "be of assistance",
          "fully", "directly", "legally", "simply", "safely", "currently", "ethically", "morally",
          "just", "instruct", "guide", "contribute", "aid", "agree", "meet", "handle", "carry out",
          "grant", "be involved", "advocate", "glorify", "use");

/* Sentences that refuse as they stand. */
TEXT_LIST(refusing, "it's not within my programming", "it is not within my programming",
          "it's not in my programming", "it is not within my", "i must decline",
          "i have to decline", "i need to decline", "i respectfully decline", "i decline",
          "i must refuse", "i refuse to", "i will have to decline", "i must respectfully decline",
          "i don't feel comfortable", "i do not feel comfortable", "i'm not comfortable",
          "i am not comfortable", "i would not be able to", "i wouldn't be able to",
          "i'd rather not", "it is not appropriate", "it's not appropriate", "it’s not appropriate",
          "it would not be appropriate", "it is not ethical", "it's not ethical",
          "it would be inappropriate", "it is inappropriate", "it would be unethical",
          "it is not possible for me", "it's not possible for me", "it goes against",
          "this goes against my", "that goes against my", "this request goes against",
          "your request goes against", "this request violates", "i don't think it's appropriate",
          "i do not think it is appropriate", "i don't think it is appropriate",
          "i don't think it's accurate", "i don't support", "i do not support", "i do not condone",
          "i don't condone", "i strongly disagree", "i strongly advise against",
          "i strongly advise you not", "ich kann ihnen dabei nicht", "ich kann dabei nicht",
          "ich kann diese", "ich kann dir dabei nicht", "ich kann ihnen nicht",
          "ich kann dir nicht", "ich kann nicht", "ich kann das nicht",
          "ich kann ihnen leider nicht", "ich darf nicht", "ich bin nicht in der lage",
          "ich kann keine", "ich kann ihnen keine", "dabei kann ich nicht", "je ne peux pas",
          "je ne suis pas en mesure", "je ne suis pas capable", "je ne saurais",
          "il m'est impossible", "je ne puis", "no puedo ayudar", "no puedo proporcionar",
          "no puedo cumplir", "no puedo responder", "no puedo ofrecer", "no puedo hacer",
          "no puedo asistir", "no puedo generar", "no puedo brindar", "no soy capaz de",
          "no estoy en condiciones", "no me es posible", "non posso aiutar", "non posso fornire",
          "non posso rispondere", "non sono in grado", "non posso soddisfare", "não posso ajudar",
          "não posso fornecer", "não posso responder", "não sou capaz", "não consigo ajudar",
          "não posso atender", "ik kan je niet", "ik kan u niet", "ik kan niet",
          "ik ben niet in staat", "я не могу", "Я не могу", "я не в состоянии", "не могу помочь",
          "не могу предоставить", "nie mogę pomóc", "nie mogę", "nie jestem w stanie", "我无法",
          "我不能", "我没有办法", "我没办法", "我不可以", "我不便", "我不会提供", "我无权",
          "我無法", "无法提供", "无法回答", "无法满足", "无法协助", "无法完成", "不能提供",
          "不能回答", "不能满足", "不能协助", "恕我无法", "恕不能", "我不能够", "我拒绝",
          "那个请求我无法", "这个问题我无法", "お答えできません", "お手伝いできません",
          "提供できません", "対応できません", "도와드릴 수 없", "답변할 수 없", "제공할 수 없");

/* In Japanese and Korean the verb comes last. */
TEXT_LIST(refusing_end, "できません", "いたしかねます", "できかねます", "수 없습니다");

TEXT_LIST(lacking, "i don't have access", "i do not have access", "i don’t have access",
          "i have no access", "i don't have any information", "i do not have any information",
          "i don't have information", "i do not have information", "i don't have personal",
          "i do not have personal", "i don't have real-time", "i do not have real-time",
          "i don't have the ability", "i have no way", "i don't have enough information",
          "我没有权限", "我没有访问");

/* What is refused, whatever the verb. */
TEXT_LIST(wares, "information", "guidance", "instructions", "an answer", "advice", "your request",
          "that request", "this request", "assistance", "such content", "this task", "harmful",
          "illegal");

TEXT_LIST(enough, "enough", "highly", "stress", "imagine", "wait to", "believe", "help but",
          "help feeling", "help thinking", "say enough", "emphasize", "overstate");

static struct slice cut(struct slice s, size_t n)
{
    return slice_sub(s, n, s.len - n);
}

/* Blanks, commas, dashes and quotes at the front, wide ones too. */
struct slice claims_skip(struct slice s)
{
    TEXT_LIST(wide, "，", "。", "！", "：", "、", "“", "”", "‘", "—", "–", "！", " ");
    for (;;) {
        const size_t n =
            s.len > 0 && strchr(" \t,;:!.-\"'*_>(", s.data[0]) != NULL && s.data[0] != '\0'
                ? 1
                : text_starts_any(s, &wide);
        if (n == 0)
            return s;
        s = cut(s, n);
    }
}

/* "As an AI developed by X, " and "作为由X开发的人工智能助手，". */
static struct slice skip_role(struct slice s)
{
    size_t comma = s.len;
    if (text_starts(s, "as an") || text_starts(s, "as a") || text_starts(s, "als"))
        comma = text_find(s, ",", 0);
    else if (text_starts(s, "作为") || text_starts(s, "作為")) {
        comma = text_find(s, "，", 0);
        const size_t me = text_find(s, "我", 0);
        if (me < comma && me < 120)
            return cut(s, me);
        comma += comma < s.len ? 2 : 0;
    }
    return comma < s.len && comma < 160 ? claims_skip(cut(s, comma + 1)) : s;
}

struct slice claims_core(struct slice s, bool *apology)
{
    *apology = false;
    s = claims_skip(s);
    for (int round = 0; round < 8; round++) {
        const struct slice before = s;
        s = skip_role(s);
        size_t n = text_starts_any(s, &apologies);
        *apology |= n > 0 && n < s.len;
        if (n == 0)
            n = text_starts_any(s, &openings);
        if (n > 0 && n < s.len)
            s = claims_skip(cut(s, n));
        if (s.len == before.len)
            break;
    }
    return s;
}

bool claims_quoted(struct slice s)
{
    TEXT_LIST(quotes, "\"", "“", "«", "「", "‘", "„");
    return text_starts_any(s, &quotes) > 0;
}

/* "The assistant cannot provide you with …": whoever speaks, in the first words of a sentence. */
static bool declines_service(struct slice s)
{
    TEXT_LIST(declines, "cannot provide", "can't provide", "can’t provide", "not able to provide",
              "unable to provide", "cannot assist", "can't assist", "cannot offer", "cannot give",
              "cannot fulfill", "cannot help you", "not able to assist", "unable to assist");
    TEXT_LIST(to_you, "you with", "your request", "you in", "instructions on", "guidance on",
              "advice on", "information on how", "information or", "guidance or", "advice or",
              "assistance or", "instructions or", "a definitive answer", "harmful", "illegal",
              "unethical");
    const size_t near = s.len < 60 ? s.len : 60;
    return text_has_any(slice_sub(s, 0, near), &declines) &&
           text_has_any(slice_sub(s, 0, 160), &to_you);
}

enum claim claims_of(struct slice sentence)
{
    bool apology = false;
    if (claims_quoted(sentence))
        return CLAIM_NONE;
    const struct slice s = claims_core(sentence, &apology);
    const size_t n = text_starts_any(s, &cannot);
    if (n > 0) {
        const struct slice rest = slice_sub(claims_skip(cut(s, n)), 0, 160);
        if (text_starts_any(rest, &service) > 0 && !text_has_any(slice_sub(rest, 0, 80), &enough))
            return CLAIM_REFUSAL;
        if (text_has_any(slice_sub(rest, 0, 60), &wares))
            return CLAIM_REFUSAL;
        return apology && text_starts(s, "i") ? CLAIM_REFUSAL : CLAIM_NONE;
    }
    if (text_starts_any(s, &lacking) > 0)
        return CLAIM_INABILITY;
    if (text_starts_any(s, &refusing) > 0)
        return CLAIM_REFUSAL;
    if (apology && text_has_any(sentence, &refusing_end))
        return CLAIM_REFUSAL;
    if (declines_service(s))
        return CLAIM_REFUSAL;
    return apology ? CLAIM_APOLOGY : CLAIM_NONE;
}

bool claims_polite(struct slice sentence)
{
    TEXT_LIST(polite, "i'm happy to help", "i am happy to help", "i'm glad", "i understand",
              "i appreciate", "thank you", "thanks", "hello", "hi", "i'm here to help",
              "i'd be happy to", "i would be happy to", "as a", "as an", "i'm just an ai",
              "i am an ai", "i am just an ai", "i'm an ai", "i see", "sure", "of course",
              "great question", "i want to", "i must point out", "i must inform you", "i hear you",
              "您好", "你好", "感谢", "谢谢", "作为", "我理解", "我是");
    bool apology;
    return claims_of(sentence) == CLAIM_APOLOGY ||
           text_starts_any(claims_skip(sentence), &polite) > 0 ||
           text_starts_any(claims_core(sentence, &apology), &polite) > 0;
}
