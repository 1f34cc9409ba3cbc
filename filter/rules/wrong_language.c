/*
 * The reply is in another language than the request.  Both have to be told with confidence: a list
 * of names says nothing.  Left alone is what was asked for: a translation, a language by name
 * (that of the reply: "an English course" excuses no Chinese), copying; and code, quotations or
 * single words where the reply is no prose.
 */
#include "core/langid.h"
#include "filter/rules.h"
#include "filter/text.h"

#include <math.h>
#include <string.h>

TEXT_LIST(wants_other, "translate", "translates", "translating", "translation", "translations",
          "translated", "translator", "language", "languages", "bilingual", "multilingual",
          "repeat", "copy", "verbatim", "übersetze", "übersetzen", "übersetzung", "sprache",
          "traduis", "traduire", "traduisez", "traduction", "langue", "traduce", "traducir",
          "traducción", "idioma", "traduci", "traduzione", "lingua", "traduza", "traduzir",
          "tradução", "переведи", "переведите", "перевод", "язык", "翻译", "翻譯", "译成", "译为",
          "双语", "语言", "外语", "重复", "复述", "原样", "逐字");

TEXT_LIST(english, "english", "englisch", "auf englisch", "anglais", "inglés", "inglese", "inglês",
          "английск", "английский", "английском", "英文", "英语", "英語", "美式");
TEXT_LIST(chinese, "chinese", "mandarin", "cantonese", "pinyin", "hanzi", "chinesisch", "chinois",
          "chino", "cinese", "chinês", "китайском", "中文", "汉语", "漢語", "拼音", "中国話");

/* These are answered with what is no prose: code, a word, a name. */
TEXT_LIST(wants_signs, "code", "program", "script", "function", "python", "sql", "html", "css",
          "javascript", "java", "regex", "command", "latex", "json", "xml", "yaml", "csv", "quote",
          "song", "lyrics", "latin", "代码", "程序", "函数", "编程", "歌词", "命令", "公式", "单词",
          "缩写");

/* Is the language of the reply named in the prompt? */
static bool names(const struct row *row, const struct langid *l)
{
    char name[32];
    const char *english_name;
    if (l->code == NULL || strcmp(l->code, "en") == 0)
        return text_asked(row, &english);
    if (strcmp(l->code, "zh") == 0)
        return text_asked(row, &chinese);
    english_name = langid_name(l->code);
    for (size_t i = 0; i < sizeof name; i++) {
        name[i] = (char)(english_name[i] >= 'A' && english_name[i] <= 'Z' ? english_name[i] | 0x20
                                                                          : english_name[i]);
        if (name[i] == '\0')
            return text_asked_for(row, name);
    }
    return false;
}

/* Running text, by its length and its function words. */
static bool prose(const struct langid *l)
{
    return l->han >= 16 || (l->letters >= 60 && l->code != NULL && l->share >= 0.3);
}

static bool excused(const struct row *row, const struct langid *reply)
{
    if (text_asked(row, &wants_other) || names(row, reply) || text_has(row->reply, "```"))
        return true;
    return !prose(reply) && text_asked(row, &wants_signs);
}

enum { SURE_LETTERS = 30 };

/* Sure of the language from its words: many of them, and far from the next language. */
static bool sure(const struct langid *l)
{
    return l->code != NULL && l->letters >= SURE_LETTERS && l->share >= 0.3;
}

/* A Han character says about as much as two letters. */
static bool mostly_han(const struct langid *l)
{
    return l->han >= 4 && 2 * l->han > l->latin + l->other;
}

static bool mostly_latin(const struct langid *l)
{
    return l->latin >= 8 && l->latin > 4 * (l->han + l->other);
}

/* Scandinavian and Slavic neighbours share too many words to accuse anybody. */
static bool neighbours(const char *a, const char *b)
{
    static const char *const groups[] = {"da no sv", "cs sk",    "hr bg", "id",
                                         "ru uk bg", "es pt ca", NULL};
    for (const char *const *g = groups; *g != NULL; g++)
        if (strstr(*g, a) != NULL && strstr(*g, b) != NULL)
            return true;
    return false;
}

/* Do the two differ beyond doubt?  Across scripts the script decides; a request that holds words of
 * the reply's script, quoted ones too, asks for nothing wrong. */
static bool differ(const struct langid *request, const struct langid *reply)
{
    if (mostly_han(reply) && reply->han >= 10 && mostly_latin(request))
        return request->han == 0;
    if (mostly_han(reply) && request->han >= 4)
        return false;
    if (mostly_latin(reply) && mostly_han(request))
        return reply->code != NULL && reply->latin >= 20;
    if (request->code == NULL || reply->code == NULL || !sure(request) || !sure(reply))
        return false;
    return strcmp(request->code, reply->code) != 0 && !neighbours(request->code, reply->code);
}

static const char *describe(const struct langid *l)
{
    if (l->code != NULL)
        return langid_name(l->code);
    return l->han > 0 ? "Chinese" : "a language in Latin letters";
}

static bool judge(const void *state, const struct row *row, struct finding *out)
{
    (void)state;
    if (row->reply.len < 20 || row->request.len < 6)
        return false;
    const enum langid_plain plain = langid_plain(row->reply);
    if (plain != LANGID_UNSURE && plain == langid_plain(row->request))
        return false;
    /* English as the reply: a request that is not told, or told as English, settles it; so does
     * one too short to be told. */
    if (plain == LANGID_ENGLISH && row->request.len < SURE_LETTERS &&
        text_ascii_prefix(row->request) == row->request.len)
        return false;
    const struct langid request = langid_of(row->request);
    if (plain == LANGID_ENGLISH && request.han < 4 &&
        (!sure(&request) || strcmp(request.code, "en") == 0))
        return false;
    const struct langid reply = langid_of(row->reply);
    if (reply.letters < 10)
        return false;
    if (!differ(&request, &reply) || excused(row, &reply))
        return false;
    /* A foreign input that the reply continues or summarises. */
    if (row->sample->input.len >= 40) {
        const struct langid input = langid_of(row->sample->input);
        if (!differ(&input, &reply))
            return false;
    }
    finding_value(out, reply.share, (double)NAN);
    finding_span(out, "output", 0, row->output.len);
    finding_why(out, "the request is in %s, the reply in %s", describe(&request), describe(&reply));
    return true;
}

const struct filter_rule rule_wrong_language = {
    .name = "wrong_language",
    .version = 2,
    .usual = true,
    .action = VERDICT_REMOVE,
    .summary = "the reply is in another language than the request",
    .judge = judge,
};
