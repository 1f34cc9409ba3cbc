#include "filter/langid.h"

#include "core/unicode.h"
#include "filter/letters.h"
#include "filter/wordhash.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { MAX_WORDS = 60, MAX_LETTERS = 400, TABLE = 4096 };

/* Frequent words that tell languages of one script apart; a word in several lists counts less. */
struct words {
    const char *code, *name, *list;
};

static const struct words tables[] = {
    {"en", "English",
     "the of and to in is that it was for on are as with his they be at this have from or had by "
     "but "
     "not what all were we when your can said there use an each which she do how their if will up "
     "other about out many then them these so some her would make like him into has more its you "
     "who should because could been than only also any between"},
    {"de", "German",
     "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an "
     "werden aus er hat dass sie nach wird bei einer um am sind noch wie einem über einen so zum "
     "war haben nur oder aber vor zur bis mehr durch man sein wurde wenn ich wir ihr kann diese "
     "sehr"},
    {"fr", "French",
     "de la le et les des en un du une que est pour qui dans a par plus pas au sur ne se ce il "
     "sont "
     "la avec son aux d'un cette d'une ont ses mais comme on tout nous sa fait été aussi leur bien "
     "peut ces y deux même être vous je ou où très sans elle c'est qu'il"},
    {"es", "Spanish",
     "de la que el en y a los se del las un por con no una su para es al lo como más o pero sus le "
     "ha me si sin sobre este ya entre cuando todo esta ser son dos también fue había era muy años "
     "hasta desde está mi porque qué sólo han yo hay vez puede todos así nos ni parte tiene él "
     "uno"},
    {"it", "Italian",
     "di e il la che in a per è un del non con una i le da si dei al come della più nel alla sono "
     "gli ha lo ma su delle anche o questo dal essere se loro ai questa tra dalla suo ci degli sua "
     "stato molto nella quando perché cosa tutti ogni può fatto"},
    {"pt", "Portuguese",
     "de a o que e do da em um para é com não uma os no se na por mais as dos como mas foi ao ele "
     "das tem à seu sua ou ser quando muito há nos já está eu também só pelo pela até isso ela "
     "entre "
     "era depois sem mesmo aos ter seus quem nas me esse eles estão você foram pode são"},
    {"nl", "Dutch",
     "de en van ik te dat die in een hij het niet zijn is was op aan met als voor had er maar om "
     "hem "
     "dan zou of wat mijn men dit zo door over ze zich bij ook tot je mij uit der daar haar naar "
     "heb "
     "hoe heeft hebben deze u want nog zal me zij nu ge geen omdat iets worden wordt kan kunnen "
     "meer"},
    {"sv", "Swedish",
     "och i att det som en på är av för med till den har de inte om ett men jag var sig så vi kan "
     "man när år säger hon under också efter eller nu sin där vid mot ska skulle kommer ut får "
     "finns "
     "vara hade alla andra mycket än här då sedan över bara in blir upp även vad"},
    {"da", "Danish",
     "og i at det er en til på af for med den de ikke der har som et men han om var jeg sig fra vi "
     "kan så eller hvis man skal over blev også efter være ud nu når ved op hvad havde noget meget "
     "hun alle hvor mange bliver kun dette selv mere"},
    {"no", "Norwegian",
     "og i det er på som en til av for at med har ikke den de om et men var jeg seg fra vi kan så "
     "eller hvis man skal over ble også etter være ut nå når ved opp hva hadde noe mye hun alle "
     "hvor "
     "mange blir bare dette selv mer eg ikkje"},
    {"fi", "Finnish",
     "ja on ei se että oli hän ovat mutta kun joka myös niin tai jos mitä kuin vain ole voi sen "
     "hänen "
     "olla minä ne mukaan sitä ollut jotka nyt sekä kanssa tämä olen vielä joita siitä koska tämän "
     "jo kaikki mikä saa paljon"},
    {"pl", "Polish",
     "i w nie na z się do to że jest o a jak ale po co tak za od go już jego czy przez dla był są "
     "być tylko może który która które też jej ich jako lub oraz pod przed ze przy więc bardzo ma "
     "mi by nas"},
    {"cs", "Czech",
     "a se v na je že to s z do i o k ve pro za by ale si po jako od jsou jeho nebo byl až která "
     "který "
     "které tak jsem co jak při před také aby mezi už není podle než jen tím jejich však kde když "
     "být"},
    {"sk", "Slovak",
     "a sa v na je že to s z do aj o k vo pre za by ale si po ako od sú jeho alebo bol až ktorá "
     "ktorý "
     "ktoré tak som čo pri pred tiež aby medzi už nie podľa než len ich však kde keď byť"},
    {"hu", "Hungarian",
     "a az és hogy nem is egy ez de meg csak volt már ha mint el van még ki vagy azt ezt minden "
     "ami "
     "aki lesz kell olyan ezek között után által nagy lehet sem fel akkor pedig azonban"},
    {"ro", "Romanian",
     "de și în a la cu că nu o pe care este un din mai pentru se să al au fi sunt sau prin fost "
     "dar "
     "ca ce lui după o ei iar are despre până foarte când acest această aceste unei unui"},
    {"tr", "Turkish",
     "ve bir bu da de için ile çok olarak daha gibi ne o en kadar olan var ben sonra ama her değil "
     "ise ya mi diye şey ki olduğu iki yok bunu kendi göre nasıl veya oldu"},
    {"id", "Indonesian",
     "yang dan di dengan untuk dari ini pada itu adalah tidak dalam akan ke oleh juga sebagai bisa "
     "atau dapat saya kami mereka ada telah karena lebih anda secara seperti kita sudah tersebut "
     "bagi"},
    {"vi", "Vietnamese",
     "và của là có cho không các một được người trong những với để này khi đã từ về đến như cũng "
     "ra "
     "thì nhưng tôi rất nhiều bạn vào hay lại sẽ sự việc năm theo làm"},
    {"hr", "Croatian",
     "i u je se na da su za od o s a kao koji koja koje bio ne ili iz to što sam bi ali po do može "
     "biti nije samo više sve kako već uz između prema kada nakon"},
    {"ca", "Catalan",
     "de la i el que a en les un els per amb una és del al no es va com més o són seva seu aquest "
     "aquesta pel també però ha hi fins entre molt sense tots quan dels"},
    {"sw", "Swahili",
     "ya na wa kwa ni katika la za kuwa cha hii ambayo kama lakini hivyo pia huo yake wake watu "
     "sana "
     "au vya baada ili huu wakati kila"},
    {"ru", "Russian",
     "и в не на что он с как это по но из у за от так же вы все для к его она бы мы о ее то был "
     "была "
     "были или только еще уже когда может быть есть если который которые также при чтобы до этого"},
    {"uk", "Ukrainian",
     "і в не на що він з як це по але із у за від так же ви всі для до його вона би ми про її та "
     "був "
     "була були або тільки ще вже коли може бути є якщо який які також при щоб цього"},
    {"bg", "Bulgarian",
     "и в не на че той с как това по но от за се да са е съм сме или само още вече когато може "
     "бъде "
     "има ако който които също при към до този тази ще беше"},
    {"ar", "Arabic",
     "في من على أن إلى التي الذي هذا هذه عن مع كان لا ما كل بعد بين ذلك قد أو لم كانت هو هي حيث "
     "كما "
     "أي ثم يمكن عند غير"},
    {"fa", "Persian",
     "و در به از که این را با است برای آن یک خود تا کرد بر هم نیز گفت می شود شده باید هر اما یا "
     "وی های ها بود دارد"},
};

enum { N_TABLES = sizeof tables / sizeof *tables };

/* Languages that their script names. */
static const struct {
    enum unicode_script script;
    const char *code, *name;
} scripts[] = {
    {SCRIPT_GREEK, "el", "Greek"},       {SCRIPT_HEBREW, "he", "Hebrew"},
    {SCRIPT_DEVANAGARI, "hi", "Hindi"},  {SCRIPT_HAN, "zh", "Chinese"},
    {SCRIPT_HIRAGANA, "ja", "Japanese"}, {SCRIPT_HANGUL, "ko", "Korean"},
    {SCRIPT_THAI, "th", "Thai"},         {SCRIPT_LAO, "lo", "Lao"},
    {SCRIPT_KHMER, "km", "Khmer"},       {SCRIPT_MYANMAR, "my", "Burmese"},
};

enum { N_SCRIPTS = sizeof scripts / sizeof *scripts };

struct entry {
    uint64_t hash;
    uint32_t languages; /* bits of tables */
};

static struct entry words_of[TABLE];
static const char *codes[N_TABLES + N_SCRIPTS + 1];
static pthread_once_t made = PTHREAD_ONCE_INIT;

static struct entry *slot(uint64_t hash)
{
    size_t k = (size_t)(hash >> 40) & (TABLE - 1);
    while (words_of[k].languages != 0 && words_of[k].hash != hash)
        k = (k + 1) & (TABLE - 1);
    return &words_of[k];
}

/* Fold a code point into a word of at most 32 bytes. */
static size_t fold(uint32_t c, unsigned char *to)
{
    if (c < 0x80) {
        to[0] = (unsigned char)(c | 0x20);
        return 1;
    }
    const size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n; i-- > 1; c >>= 6)
        to[i] = (unsigned char)(0x80 | (c & 0x3F));
    to[0] = (unsigned char)((0xF00 >> n & 0xFF) | c);
    return n;
}

/* The hash of the word at *p, which moves behind it; 0 for one too long to be in a list. */
static uint64_t take_word(const unsigned char **p, const unsigned char *end)
{
    unsigned char word[40];
    size_t n = 0, len;
    uint32_t c = 0;
    while (*p < end && (len = letters_decode(*p, end, &c)) > 0 &&
           ((letters_of(c) & LETTER_WORD) || (c == '\'' && n > 0 && n < 4))) {
        if (n + 4 > sizeof word)
            n = sizeof word;
        else
            n += fold(c == '\'' ? '\'' : letters_of(c) & LETTER_CODE, word + n);
        if (n > 36)
            n = 37;
        *p += len;
    }
    return n > 0 && n <= 36 ? wordhash_bytes(word, n) : 0;
}

static void make(void)
{
    size_t n = 0;
    for (size_t t = 0; t < N_TABLES; t++) {
        const unsigned char *p = (const unsigned char *)tables[t].list,
                            *end = p + strlen(tables[t].list);
        codes[n++] = tables[t].code;
        while (p < end) {
            const uint64_t h = take_word(&p, end);
            struct entry *e = slot(h);
            e->hash = h;
            e->languages |= 1U << t;
            while (p < end && *p == ' ')
                p++;
        }
    }
    for (size_t i = 0; i < N_SCRIPTS; i++)
        codes[n++] = scripts[i].code;
}

const char *const *langid_codes(void)
{
    pthread_once(&made, make);
    return codes;
}

const char *langid_name(const char *code)
{
    for (size_t t = 0; t < N_TABLES; t++)
        if (strcmp(tables[t].code, code) == 0)
            return tables[t].name;
    for (size_t i = 0; i < N_SCRIPTS; i++)
        if (strcmp(scripts[i].code, code) == 0)
            return scripts[i].name;
    return NULL;
}

struct count {
    size_t words, letters, script[SCRIPT_OTHER + 1];
    double score[N_TABLES];
};

static void count_word(struct count *k, uint64_t hash)
{
    const struct entry *e = slot(hash);
    k->words++;
    for (uint32_t bits = e->languages; bits != 0; bits &= bits - 1) {
        const int many = __builtin_popcount(e->languages);
        k->score[__builtin_ctz(bits)] += many == 1 ? 1.0 : many == 2 ? 0.6 : 0.4;
    }
}

static void count_text(struct count *k, struct slice text)
{
    const unsigned char *p = (const unsigned char *)text.data, *end = p + text.len;
    while (p < end && k->words < MAX_WORDS && k->letters < MAX_LETTERS) {
        uint32_t c = 0;
        const size_t len = letters_decode(p, end, &c);
        const uint32_t letter = len > 0 ? letters_of(c) : 0;
        if (letter & LETTER_BIGRAM) {
            k->script[unicode_script(c)]++;
            k->letters++;
        } else if ((letter & LETTER_WORD) && !(letter & LETTER_NUMBER)) {
            const unsigned char *from = p;
            const enum unicode_script s = c < 0x80 ? SCRIPT_LATIN : unicode_script(c);
            const uint64_t h = take_word(&p, end);
            if (p == from)
                p += len;
            const size_t n = s == SCRIPT_LATIN ? (size_t)(p - from) : (size_t)(p - from) / 2;
            k->script[s] += n;
            k->letters += n;
            if (h != 0)
                count_word(k, h);
            continue;
        }
        p += len > 0 ? len : 1;
    }
}

/* The language whose script holds most of the letters; Latin, Cyrillic, Arabic: none. */
static const char *by_script(const struct count *k, double *share)
{
    const size_t kana = k->script[SCRIPT_HIRAGANA] + k->script[SCRIPT_KATAKANA];
    for (size_t i = 0; i < N_SCRIPTS; i++) {
        size_t n = k->script[scripts[i].script];
        if (scripts[i].script == SCRIPT_HIRAGANA) {
            if (kana * 8 < k->letters)
                continue;
            n = kana + k->script[SCRIPT_HAN];
        } else if (scripts[i].script == SCRIPT_HAN && kana * 8 >= k->letters) {
            continue;
        }
        if (2 * n > k->letters) {
            *share = (double)n / (double)k->letters;
            return scripts[i].code;
        }
    }
    return NULL;
}

struct langid langid_of(struct slice text)
{
    struct count k = {0};
    struct langid l = {.code = NULL};
    size_t best = 0;
    double second = 0;
    pthread_once(&made, make);
    count_text(&k, text);
    l.letters = k.letters;
    l.latin = k.script[SCRIPT_LATIN];
    l.han = k.script[SCRIPT_HAN] + k.script[SCRIPT_HIRAGANA] + k.script[SCRIPT_KATAKANA];
    l.other = k.letters - l.latin - l.han;
    if (k.letters == 0 || (l.code = by_script(&k, &l.share)) != NULL)
        return l;
    for (size_t t = 1; t < N_TABLES; t++)
        if (k.score[t] > k.score[best])
            best = t;
    for (size_t t = 0; t < N_TABLES; t++)
        if (t != best && k.score[t] > second)
            second = k.score[t];
    l.share = k.words > 0 ? k.score[best] / (double)k.words : 0;
    if (k.score[best] >= 1.5 && l.share >= 0.12 && k.score[best] > 1.15 * second)
        l.code = tables[best].code;
    return l;
}

/* The most frequent words, as the bytes behind a blank. */
static bool english_word(uint32_t v)
{
    v |= 0x20202020;
    switch (v) {
    case 0x20656874:              /* "the " */
    case 0x20646E61:              /* "and " */
    case 0x20726F66: return true; /* "for " */
    default: break;
    }
    switch (v & 0xFFFFFF) {
    case 0x20666F:              /* "of " */
    case 0x206F74:              /* "to " */
    case 0x207369: return true; /* "is " */
    default: return false;
    }
}

enum langid_plain langid_plain(struct slice text)
{
    const unsigned char *p = (const unsigned char *)text.data;
    const size_t n = text.len < 240 ? text.len : 240;
    size_t words = 0, common = 0, high = 0, han = 0;
    for (size_t i = 0; i < n; i++) {
        high += p[i] >= 0x80;
        han += p[i] >= 0xE4 && p[i] <= 0xE9; /* lead bytes of the common Han characters */
        if (p[i] != ' ' || i + 5 > n)
            continue;
        words++;
        common += english_word((uint32_t)p[i + 1] | (uint32_t)p[i + 2] << 8 |
                               (uint32_t)p[i + 3] << 16 | (uint32_t)p[i + 4] << 24);
    }
    if (16 * high <= n)
        return common >= 2 && 10 * common >= words ? LANGID_ENGLISH : LANGID_UNSURE;
    return 4 * han > n ? LANGID_HAN : LANGID_UNSURE;
}
