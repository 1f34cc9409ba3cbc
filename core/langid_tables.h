/*
 * What langid.c knows of languages: frequent words and telling letters of those that share a
 * script, code points of those that have one to themselves.  Word lists were put together from
 * common knowledge of the languages; order within a list means nothing.
 */
#ifndef CORE_LANGID_TABLES_H
#define CORE_LANGID_TABLES_H

#include "core/unicode.h"

#include <stddef.h>
#include <stdint.h>

struct langid_language {
    const char *code, *name; /* ISO 639-1, English */
    enum unicode_script script;
    const char *words;   /* lower case, a blank between them */
    const char *letters; /* that few languages of the script have */
};
extern const struct langid_language langid_languages[]; /* at most 64 */
extern const size_t langid_languages_n;

struct langid_script {
    uint32_t first, last;
    const char *code, *name;
};
extern const struct langid_script langid_scripts[];
extern const size_t langid_scripts_n;

#endif
