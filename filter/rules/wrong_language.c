/*
 * The reply is in another language than the request, and the request neither names a language nor
 * asks for a translation or code.  Both have to be told with confidence: a list of names says
 * nothing.
 */
#include "filter/langid.h"
#include "filter/rules.h"
#include "filter/text.h"

#include <math.h>
#include <string.h>

TEXT_LIST(names_language, "translate", "translation", "translated", "language", "languages",
          "english", "chinese", "mandarin", "cantonese", "spanish", "french", "german", "italian",
          "portuguese", "japanese", "korean", "russian", "arabic", "hindi", "latin", "dutch",
          "polish", "turkish", "vietnamese", "thai", "greek", "hebrew", "swedish", "danish",
          "norwegian", "finnish", "ukrainian", "indonesian", "persian", "bilingual", "pinyin",
          "code", "program", "script", "function", "python", "sql", "html", "css", "javascript",
          "java", "regex", "command", "latex", "json", "xml", "yaml", "csv", "repeat", "copy",
          "quote", "song", "lyrics", "übersetze", "übersetzen", "auf englisch", "sprache",
          "traduis", "traduire", "anglais", "traduce", "traducir", "inglés", "idioma", "traduci",
          "inglese", "traduza", "inglês", "переведи", "английск", "翻译", "翻譯", "英文", "英语",
          "英語", "中文", "汉语", "日语", "法语", "德语", "西班牙语", "韩语", "俄语", "拉丁",
          "语言", "代码", "程序", "函数", "编程", "拼音", "歌词", "重复", "命令", "公式", "单词",
          "缩写");

/* Sure of the language from its words: many of them, and far from the next language. */
static bool sure(const struct langid *l)
{
    return l->code != NULL && l->letters >= 30 && l->share >= 0.3;
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
 * the reply's script asks for nothing wrong. */
static bool differ(const struct langid *request, const struct langid *reply)
{
    if (mostly_han(reply) && reply->han >= 10 && mostly_latin(request))
        return request->han == 0;
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
    const struct langid reply = langid_of(row->reply);
    if (reply.letters < 10)
        return false;
    const struct langid request = langid_of(row->request);
    if (!differ(&request, &reply) || text_asked(row, &names_language) ||
        text_has(row->reply, "```"))
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
    .version = 1,
    .usual = true,
    .action = VERDICT_REMOVE,
    .summary = "the reply is in another language than the request",
    .judge = judge,
};
