#include "core/langid_tables.h"

const struct langid_language langid_languages[] = {
    {"en", "English", SCRIPT_LATIN,
     "the of and to in is that it was for on are as with his they be at this have "
     "from or had by but not what all were we when your can said there use an each "
     "which she do how their if will up other about out many then them these so some "
     "her would make like him into has more its you who should because could been "
     "than only also any between tell me my one two does work",
     ""},
    {"de", "German", SCRIPT_LATIN,
     "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine "
     "als auch es an werden aus er hat dass sie nach wird bei einer um am sind noch "
     "wie einem über einen so zum war haben nur oder aber vor zur bis mehr durch man "
     "sein wurde wenn ich wir ihr kann diese sehr warum heute gestern mein dein wo "
     "könnten mir ihnen",
     "ßäöü"},
    {"fr", "French", SCRIPT_LATIN,
     "de la le et les des en un du une que est pour qui dans a par plus pas au sur ne "
     "se ce il sont avec son aux d'un cette d'une ont ses mais comme on tout nous sa "
     "fait été aussi leur bien peut ces y deux même être vous je ou où très sans elle "
     "c'est qu'il comment pourquoi hier mon ton pendant pouvez pourriez",
     "çèêœàùîô"},
    {"es", "Spanish", SCRIPT_LATIN,
     "de la que el en y a los se del las un por con no una su para es al lo como más "
     "o pero sus le ha me si sin sobre este ya entre cuando todo esta ser son dos "
     "también fue había era muy años hasta desde está mi porque qué sólo han yo hay "
     "vez puede todos así nos ni parte tiene él uno cómo hoy ayer tu cerca podrías "
     "explicar",
     "ñ"},
    {"it", "Italian", SCRIPT_LATIN,
     "di e il la che in a per è un del non con una i le da si dei al come della più "
     "nel alla sono gli ha lo ma su delle anche o questo dal essere se loro ai questa "
     "tra dalla suo ci degli sua stato molto nella quando perché cosa tutti ogni può "
     "fatto mentre noi dove mi potrebbe fare voi ed ciò così senza",
     "ìòàùè"},
    {"pt", "Portuguese", SCRIPT_LATIN,
     "de a o que e do da em um para é com não uma os no se na por mais as dos como "
     "mas foi ao ele das tem à seu sua ou ser quando muito há nos já está eu também "
     "só pelo pela até isso ela entre era depois sem mesmo aos ter seus quem nas me "
     "esse eles estão você foram pode são porque hoje ontem minha meu este esta perto "
     "poderia explicar",
     "ãõçêú"},
    {"nl", "Dutch", SCRIPT_LATIN,
     "de en van ik te dat die in een hij het niet zijn is was op aan met als voor had "
     "er maar om hem dan zou of wat mijn men dit zo door over ze zich bij ook tot je "
     "mij uit der daar haar naar heb hoe heeft hebben deze u want nog zal me zij nu "
     "ge geen omdat iets worden wordt kan kunnen meer waarom vandaag gisteren jouw "
     "waar wij kunt",
     "ĳ"},
    {"sv", "Swedish", SCRIPT_LATIN,
     "och i att det som en på är av för med till den har de inte om ett men jag var "
     "sig så vi kan man när år säger hon under också efter eller nu sin där vid mot "
     "ska skulle kommer ut får finns vara hade alla andra mycket än här då sedan över "
     "bara in blir upp även vad mig dig hur varför detta denna idag igår igen göra "
     "några något alltid",
     "åäö"},
    {"da", "Danish", SCRIPT_LATIN,
     "og i at det er en til på af for med den de ikke der har som et men han om var "
     "jeg sig fra vi kan så eller hvis man skal over blev også efter være ud nu når "
     "ved op hvad havde noget meget hun alle hvor mange bliver kun dette selv mere "
     "mig dig hvordan denne hvorfor går dag igen nogle gøre",
     "æøå"},
    {"no", "Norwegian", SCRIPT_LATIN,
     "og i det er på som en til av for at med har ikke den de om et men var jeg seg "
     "fra vi kan så eller hvis man skal over ble også etter være ut nå når ved opp "
     "hva hadde noe mye hun alle hvor mange blir bare dette selv mer eg ikkje meg deg "
     "hvordan denne hvorfor går dag igjen gjøre noen vært",
     "æøå"},
    {"fi", "Finnish", SCRIPT_LATIN,
     "ja on ei se että oli hän ovat mutta kun joka myös niin tai jos mitä kuin vain "
     "ole voi sen hänen olla minä ne mukaan sitä ollut jotka nyt sekä kanssa tämä "
     "olen vielä joita siitä koska tämän jo kaikki mikä saa paljon miten miksi tänään "
     "eilen minulle sinä voit voisi hyvä",
     "äö"},
    {"pl", "Polish", SCRIPT_LATIN,
     "i w nie na z się do to że jest o a jak ale po co tak za od go już jego czy "
     "przez dla był są być tylko może który która które też jej ich jako lub oraz pod "
     "przed ze przy więc bardzo ma mi by nas dlaczego dzisiaj wczoraj możesz ten ta "
     "było była",
     "łżśęąźćń"},
    {"cs", "Czech", SCRIPT_LATIN,
     "a se v na je že to s z do i o k ve pro za by ale si po jako od jsou jeho nebo "
     "byl až která který které tak jsem co jak při před také aby mezi už není podle "
     "než jen tím jejich však kde když být bylo byla byli dnes včera může můžete "
     "velmi proč jsme jste mi této",
     "řěůčšž"},
    {"sk", "Slovak", SCRIPT_LATIN,
     "a sa v na je že to s z do aj o k vo pre za by ale si po ako od sú jeho alebo "
     "bol až ktorá ktorý ktoré tak som čo pri pred tiež aby medzi už nie podľa než "
     "len ich však kde keď byť bolo bola boli dnes včera môže môžete veľmi prečo sme "
     "ste mi",
     "ľĺŕôčšžť"},
    {"hu", "Hungarian", SCRIPT_LATIN,
     "a az és hogy nem is egy ez de meg csak volt már ha mint el van még ki vagy azt "
     "ezt minden ami aki lesz kell olyan ezek között után által nagy lehet sem fel "
     "akkor pedig azonban hogyan miért ma tegnap nekem jó én te mi",
     "őűáé"},
    {"ro", "Romanian", SCRIPT_LATIN,
     "de și în a la cu că nu o pe care este un din mai pentru se să al au fi sunt sau "
     "prin fost dar ca ce lui după ei iar are despre până foarte când acest această "
     "aceste unei unui cum ieri astăzi mea meu unde noi puteți",
     "șțăşţâ"},
    {"tr", "Turkish", SCRIPT_LATIN,
     "ve bir bu da de için ile çok olarak daha gibi ne o en kadar olan var ben sonra "
     "ama her değil ise ya mi diye şey ki olduğu iki yok bunu kendi göre nasıl veya "
     "oldu neden bugün dün bana sen biz bunun programın",
     "ığşç"},
    {"id", "Indonesian", SCRIPT_LATIN,
     "yang dan di dengan untuk dari ini pada itu adalah tidak dalam akan ke oleh juga "
     "sebagai bisa atau dapat saya kami mereka ada telah karena lebih anda secara "
     "seperti kita sudah tersebut bagi bagaimana mengapa hari kemarin",
     ""},
    {"vi", "Vietnamese", SCRIPT_LATIN,
     "và của là có cho không các một được người trong những với để này khi đã từ về "
     "đến như cũng ra thì nhưng tôi rất nhiều bạn vào hay lại sẽ sự việc năm theo làm "
     "thế nào tại sao hôm nay qua",
     "ươđạếệộăảậấịữ"},
    {"hr", "Croatian", SCRIPT_LATIN,
     "i u je se na da su za od o s a kao koji koja koje bio ne ili iz to što sam bi "
     "ali po do može biti nije samo više sve kako već uz između prema kada nakon "
     "zašto danas jučer možeš možete mi ovaj ova ovo bilo bila",
     "đčćšž"},
    {"ca", "Catalan", SCRIPT_LATIN,
     "de la i el que a en les un els per amb una és del al no es va com més o són "
     "seva seu aquest aquesta pel també però ha hi fins entre molt sense tots quan "
     "dels avui ahir què on puc podries fer feia això",
     "ŀçòà"},
    {"sw", "Swahili", SCRIPT_LATIN,
     "ya na wa kwa ni katika la za kuwa cha hii ambayo kama lakini hivyo pia huo yake "
     "wake watu sana au vya baada ili huu wakati kila jinsi gani leo jana yangu wangu "
     "wapi",
     ""},
    {"ru", "Russian", SCRIPT_CYRILLIC,
     "и в не на что он с как это по но из у за от так же вы все для к его она бы мы о "
     "ее то был была были или только еще уже когда может быть есть если который "
     "которые также при чтобы до этого почему сегодня вчера мой моя эта этот где "
     "могли мне",
     "ыэё"},
    {"uk", "Ukrainian", SCRIPT_CYRILLIC,
     "і в не на що він з як це по але із у за від так же ви всі для до його вона би "
     "ми про її та був була були або тільки ще вже коли може бути є якщо який які "
     "також при щоб цього чому сьогодні учора вчора мій моя ця цей де могли мені",
     "їєґі"},
    {"bg", "Bulgarian", SCRIPT_CYRILLIC,
     "и в не на че той с как това по но от за се да са е съм сме или само още вече "
     "когато може бъде има ако който които също при към до този тази ще беше защо "
     "днес вчера моя къде можете ми",
     "ъ"},
    {"ar", "Arabic", SCRIPT_ARABIC,
     "في من على أن إلى التي الذي هذا هذه عن مع كان لا ما كل بعد بين ذلك قد أو لم كانت "
     "هو هي حيث كما أي ثم يمكن عند غير كيف لماذا اليوم أمس يمكنك لي هل ماذا أنا",
     "ةى"},
    {"fa", "Persian", SCRIPT_ARABIC,
     "و در به از که این را با است برای آن یک خود تا کرد بر هم نیز گفت می شود شده باید "
     "هر اما یا وی های ها بود دارد چگونه چرا امروز دیروز من شما آیا کند",
     "پگچیک"},
    {"ur", "Urdu", SCRIPT_ARABIC,
     "کے میں کی ہے اور سے کا کو نہیں ہیں پر یہ ایک نے تھا کر اس وہ لیے بھی جو کیا ہو "
     "آپ",
     "ٹڈڑںےہ"},
    {"hi", "Hindi", SCRIPT_DEVANAGARI,
     "है के में की और का को से हैं पर यह नहीं एक था कि इस लिए ने भी हो वह जो कर या तो "
     "थे थी अपने आप मैं हम हूँ कुछ",
     ""},
    {"mr", "Marathi", SCRIPT_DEVANAGARI,
     "म्हणून केलेल्या असलेल्या आहे आणि या ते मध्ये हे आहेत नाही एक च्या होते साठी करा हा ही तो की असे त्या "
     "काही किंवा मी तुम्ही केले",
     "ळ"},
    {"ne", "Nepali", SCRIPT_DEVANAGARI,
     "मेरो गर्दछ गर्नुहोस् बारे छ र को मा हो लागि गर्न छन् पनि यो भएको तपाईं एक छैन हुन्छ गर्ने थियो म त्यो "
     "हामी गरेको वा",
     "ँ"},
    {"sr", "Serbian", SCRIPT_CYRILLIC,
     "и у је се на да су за од са као који која које био не или из то што сам би али "
     "по до може бити није само више све како већ зашто данас јуче мој моја овај ова "
     "где можете ми",
     "јљњђћџ"},
    {"et", "Estonian", SCRIPT_LATIN,
     "ja on ei et see oli ta kui ka ma aga mis nii siis või ning oma kes veel juba "
     "ainult välja mida tema selle olema mitte väga kuidas miks täna eile mulle sina",
     "õäöü"},
    {"lt", "Lithuanian", SCRIPT_LATIN,
     "ir kad yra su tai kaip iš buvo jis bet nuo ar į ne ji tik dėl apie jau labai "
     "kurie savo po prie gali būti kodėl šiandien vakar man tu jūs ši galite",
     "ėųįūšžčąę"},
    {"lv", "Latvian", SCRIPT_LATIN,
     "un ir ar par no uz kas ka tas bija kā bet vai arī pie viņš ne nav savu pēc "
     "tikai ļoti to lai var būt kāpēc šodien vakar man jūs šī varat",
     "āēīūļņķģ"},
    {"sl", "Slovenian", SCRIPT_LATIN,
     "in je se na da so za od z kot ki ne ali iz to bi pa po do tudi lahko biti ni "
     "samo več vse kako že med pri zakaj danes včeraj ta bilo bila sem si mi",
     "čšž"},
    {"tl", "Tagalog", SCRIPT_LATIN,
     "ang ng mga sa na ay at ito ko siya hindi para kung may ako ni kanyang lang din "
     "nito mo sila kami",
     ""},
};
const size_t langid_languages_n = sizeof langid_languages / sizeof *langid_languages;

const struct langid_script langid_scripts[] = {
    {0x0370, 0x03FF, "el", "Greek"},     {0x1F00, 0x1FFF, "el", "Greek"},
    {0x0530, 0x058F, "hy", "Armenian"},  {0x0590, 0x05FF, "he", "Hebrew"},
    {0x0980, 0x09FF, "bn", "Bengali"},   {0x0A00, 0x0A7F, "pa", "Punjabi"},
    {0x0A80, 0x0AFF, "gu", "Gujarati"},  {0x0B00, 0x0B7F, "or", "Odia"},
    {0x0B80, 0x0BFF, "ta", "Tamil"},     {0x0C00, 0x0C7F, "te", "Telugu"},
    {0x0C80, 0x0CFF, "kn", "Kannada"},   {0x0D00, 0x0D7F, "ml", "Malayalam"},
    {0x0D80, 0x0DFF, "si", "Sinhala"},   {0x0E00, 0x0E7F, "th", "Thai"},
    {0x0E80, 0x0EFF, "lo", "Lao"},       {0x1000, 0x109F, "my", "Burmese"},
    {0x10A0, 0x10FF, "ka", "Georgian"},  {0x1200, 0x137F, "am", "Amharic"},
    {0x1780, 0x17FF, "km", "Khmer"},     {0x3040, 0x30FF, "ja", "Japanese"},
    {0x31F0, 0x31FF, "ja", "Japanese"},  {0x3400, 0x4DBF, "zh", "Chinese"},
    {0x4E00, 0x9FFF, "zh", "Chinese"},   {0xF900, 0xFAFF, "zh", "Chinese"},
    {0x20000, 0x3FFFF, "zh", "Chinese"}, {0x1100, 0x11FF, "ko", "Korean"},
    {0xAC00, 0xD7AF, "ko", "Korean"},
};
const size_t langid_scripts_n = sizeof langid_scripts / sizeof *langid_scripts;
