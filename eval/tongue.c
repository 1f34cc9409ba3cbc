#include "eval/tongue.h"

#include "core/buf.h"
#include "core/unicode.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* --- scripts ------------------------------------------------------------------------------ */

static const struct block {
    uint32_t from, to;
    const char *language; /* of a script that one language has to itself, else a key of `shared` */
} blocks[] = {
    {'A', 'Z', "latin"},          {'a', 'z', "latin"},       {0xC0, 0x24F, "latin"},
    {0x1E00, 0x1EFF, "latin"},    {0x370, 0x3FF, "el"},      {0x400, 0x52F, "cyrillic"},
    {0x590, 0x5FF, "he"},         {0x600, 0x6FF, "arabic"},  {0x750, 0x77F, "arabic"},
    {0x900, 0x97F, "devanagari"}, {0x980, 0x9FF, "bn"},      {0xA00, 0xA7F, "pa"},
    {0xA80, 0xAFF, "gu"},         {0xB80, 0xBFF, "ta"},      {0xC00, 0xC7F, "te"},
    {0xC80, 0xCFF, "kn"},         {0xD00, 0xD7F, "ml"},      {0xE00, 0xE7F, "th"},
    {0x3040, 0x30FF, "ja"},       {0x4E00, 0x9FFF, "zh-cn"}, {0xAC00, 0xD7AF, "ko"},
};
enum { BLOCKS = sizeof blocks / sizeof *blocks };

static const char *main_script(struct slice text)
{
    size_t count[BLOCKS] = {0}, best = 0;
    const char *name = "";
    for (size_t i = 0; i < text.len;) {
        uint32_t c = 0;
        size_t n = utf8_decode(text.data + i, text.len - i, &c);
        i += n != 0 ? n : 1;
        for (size_t b = 0; n != 0 && b < BLOCKS; b++)
            if (c >= blocks[b].from && c <= blocks[b].to)
                count[b]++;
    }
    for (size_t b = 0; b < BLOCKS; b++) {
        size_t sum = 0; /* a script may have several blocks */
        for (size_t k = 0; k < BLOCKS; k++)
            if (strcmp(blocks[k].language, blocks[b].language) == 0)
                sum += count[k];
        if (sum > best) {
            best = sum;
            name = blocks[b].language;
        }
    }
    return name;
}

/* --- frequent words and telling letters ----------------------------------------------------- */

static const struct marks {
    const char *script, *language;
    const char *words;   /* between blanks, each a sign for the language */
    const char *letters; /* substrings that only it has */
} marks[] = {
    {"latin", "en", " the of and to in is that for it with was as on are you this be ", ""},
    {"latin", "de", " der die und das ist nicht ein eine zu den mit von sich auf für ich ", "ß"},
    {"latin", "fr", " le les des et est une dans que pour qui pas sur du au avec vous ", "œ ç è"},
    {"latin", "es", " el los las que y en una por con para del es se no su más ", "ñ ¿ ¡"},
    {"latin", "pt", " os as um uma que não para com do da em é por mais você seu ", "ã õ ção"},
    {"latin", "it", " il che di è per non una con del della sono gli un le più anche ",
     "zione gli"},
    {"latin", "nl", " de het een en van niet dat zijn op te met voor ik je is aan ", "ij"},
    {"latin", "fi", " ja on ei se että hän oli olen ovat mutta kun myös tämä minä ",
     "ää yö ssa ää"},
    {"latin", "sw", " na ya wa kwa ni za la katika kama hii yake wake cha kuwa hiyo ", ""},
    {"latin", "vi", " và là của có không được một cho người những trong này ", "ư ơ đ ạ ế ệ ộ"},
    {"latin", "sv", " och att det är en som på inte för jag med av den till ", "å"},
    {"latin", "pl", " i w nie na się że do to jest z jak o co ", "ł ż ś ę ą"},
    {"latin", "tr", " ve bir bu için ile de da olarak çok daha gibi ", "ı ğ ş"},
    {"latin", "id", " yang dan di untuk dengan ini itu dari pada adalah tidak ", ""},
    {"latin", "ro", " și în de la cu nu este care pe mai o un ", "ș ț ă"},
    {"cyrillic", "ru", " и в не на что я с он как это по но она ", "ы э ё"},
    {"cyrillic", "bg", " и в на не да се за е от са по като със ", "ът ъ ят"},
    {"cyrillic", "uk", " і в не на що я з він як це та у ", "ї є ґ і"},
    {"arabic", "ar", " في من على إلى أن هذا التي مع كان لا ما هو ", "ة ى ال إ أ"},
    {"arabic", "fa", " و در به از که این را با است برای آن های ", "پ گ چ ی ک"},
    {"arabic", "ur", " کے میں کی ہے اور سے کا کو نہیں ہیں پر یہ ", "ٹ ڈ ڑ ں ے ہ"},
    {"devanagari", "hi", " है के में की और का को से हैं पर यह नहीं एक था ", ""},
    {"devanagari", "mr", " आहे आणि या ते मध्ये हे आहेत नाही एक च्या होते साठी करा ", "ळ च्या ाचा ाची ांच ांत"},
    {"devanagari", "ne", " छ र को मा हो लागि गर्न छन् पनि यो भएको तपाईं ", "छ ँ हरू दछ नुहोस"},
};

/* How many words of the text are in the list. */
static size_t count_words(struct slice text, const char *list)
{
    size_t hits = 0, at = 0;
    while (at < text.len) {
        struct slice rest = slice_sub(text, at, text.len);
        size_t n = slice_find(rest, SLICE(" "));
        char word[40];
        if (n != 0 && n < sizeof word - 2) {
            word[0] = ' ';
            memcpy(word + 1, rest.data, n);
            word[n + 1] = ' ';
            word[n + 2] = '\0';
            hits += strstr(list, word) != NULL;
        }
        at += n + 1;
    }
    return hits;
}

static size_t count_letters(struct slice text, const char *list)
{
    size_t hits = 0;
    while (*list != '\0') {
        size_t n = strcspn(list, " ");
        for (size_t at = 0; n != 0 && at + n <= text.len; at++)
            hits += memcmp(text.data + at, list, n) == 0;
        list += n;
        list += *list == ' ';
    }
    return hits;
}

/* Lower case, everything but letters and marks a blank. */
static void words_only(struct slice text, struct buf *out)
{
    struct buf lower = BUF;
    unicode_lower(text, &lower);
    for (size_t i = 0; i < lower.len;) {
        uint32_t c = ' ';
        size_t n = utf8_decode(lower.data + i, lower.len - i, &c);
        bool keep = n != 0 && (unicode_is_letter(c) || unicode_is_mark(c));
        if (keep)
            buf_add(out, lower.data + i, n);
        else
            buf_char(out, ' ');
        i += n != 0 ? n : 1;
    }
    buf_free(&lower);
}

const char *tongue_of(struct slice text)
{
    const char *script = main_script(text), *found = script;
    struct buf words = BUF;
    double best = -1;
    words_only(text, &words);
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        double score;
        if (strcmp(marks[i].script, script) != 0)
            continue;
        score = (double)count_words(buf_view(&words), marks[i].words) +
                0.5 * (double)count_letters(buf_view(&words), marks[i].letters);
        if (score > best) {
            best = score;
            found = marks[i].language;
        }
    }
    buf_free(&words);
    return found;
}
