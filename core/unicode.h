/*
 * Unicode over utf8proc: validation, decoding, normalisation, classes.
 */
#ifndef CORE_UNICODE_H
#define CORE_UNICODE_H

#include "core/buf.h"
#include "core/slice.h"

#include <stdbool.h>
#include <stdint.h>

bool utf8_valid(struct slice s);
size_t utf8_first_bad(struct slice s); /* offset of the first invalid byte, or s.len */
/* Bytes of the maximal invalid part at data[0]; 0 where a valid sequence stands. */
size_t utf8_bad_length(const char *data, size_t len);
/* Append s with each maximal invalid part as U+FFFD (Unicode 3.9, what Python and browsers do). */
int utf8_repair(struct slice s, struct buf *out);
/* Decode the code point at data[0]; returns its length 1..4, or 0 when invalid. */
size_t utf8_decode(const char *data, size_t len, uint32_t *code);
size_t utf8_count(struct slice s); /* code points (invalid bytes count one each) */

/* Invalid UTF-8 counts as U+FFFD in all of these. */
enum unicode_form { UNICODE_NFC, UNICODE_NFD, UNICODE_NFKC, UNICODE_NFKD };
int unicode_normalize(struct slice s, enum unicode_form form, struct buf *out); /* appends */
int unicode_fold(struct slice s, struct buf *out);  /* NFKC and full case folding */
int unicode_lower(struct slice s, struct buf *out); /* per code point */

bool unicode_is_letter(uint32_t c);
bool unicode_is_mark(uint32_t c);
bool unicode_is_nonspacing(uint32_t c); /* category Mn: the marks BERT takes off */
bool unicode_is_number(uint32_t c);
bool unicode_is_space(uint32_t c);       /* White_Space */
bool unicode_is_punctuation(uint32_t c); /* category P* */
bool unicode_is_symbol(uint32_t c);      /* category S* */
bool unicode_is_control(uint32_t c);     /* Cc, Cf, Co but tab, LF, CR: what BERT removes */
int unicode_width(uint32_t c);           /* terminal columns: 0, 1, 2 */
uint32_t unicode_to_lower(uint32_t c);
uint32_t unicode_to_upper(uint32_t c);

enum unicode_script {
    SCRIPT_COMMON,
    SCRIPT_LATIN,
    SCRIPT_CYRILLIC,
    SCRIPT_GREEK,
    SCRIPT_ARABIC,
    SCRIPT_HEBREW,
    SCRIPT_DEVANAGARI,
    SCRIPT_HAN,
    SCRIPT_HIRAGANA,
    SCRIPT_KATAKANA,
    SCRIPT_HANGUL,
    SCRIPT_THAI,
    SCRIPT_LAO,
    SCRIPT_KHMER,
    SCRIPT_MYANMAR,
    SCRIPT_OTHER,
};
/* Digits, signs and marks that several scripts share are common; so is what is no letter elsewhere.
 */
enum unicode_script unicode_script(uint32_t c);
const char *unicode_library(void); /* the version of utf8proc */

#endif
