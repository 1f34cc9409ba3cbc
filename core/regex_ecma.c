#include "core/regex_ecma.h"

#include <string.h>

/* Long names of general categories (PropertyValueAliases.txt). */
static const char *const categories[][2] = {
    {"Letter", "L"},
    {"Cased_Letter", "L&"},
    {"Uppercase_Letter", "Lu"},
    {"Lowercase_Letter", "Ll"},
    {"Titlecase_Letter", "Lt"},
    {"Modifier_Letter", "Lm"},
    {"Other_Letter", "Lo"},
    {"Mark", "M"},
    {"Combining_Mark", "M"},
    {"Nonspacing_Mark", "Mn"},
    {"Spacing_Mark", "Mc"},
    {"Enclosing_Mark", "Me"},
    {"Number", "N"},
    {"Decimal_Number", "Nd"},
    {"digit", "Nd"},
    {"Letter_Number", "Nl"},
    {"Other_Number", "No"},
    {"Punctuation", "P"},
    {"punct", "P"},
    {"Connector_Punctuation", "Pc"},
    {"Dash_Punctuation", "Pd"},
    {"Open_Punctuation", "Ps"},
    {"Close_Punctuation", "Pe"},
    {"Initial_Punctuation", "Pi"},
    {"Final_Punctuation", "Pf"},
    {"Other_Punctuation", "Po"},
    {"Symbol", "S"},
    {"Math_Symbol", "Sm"},
    {"Currency_Symbol", "Sc"},
    {"Modifier_Symbol", "Sk"},
    {"Other_Symbol", "So"},
    {"Separator", "Z"},
    {"Space_Separator", "Zs"},
    {"Line_Separator", "Zl"},
    {"Paragraph_Separator", "Zp"},
    {"Other", "C"},
    {"Control", "Cc"},
    {"cntrl", "Cc"},
    {"Format", "Cf"},
    {"Surrogate", "Cs"},
    {"Private_Use", "Co"},
    {"Unassigned", "Cn"},
};

/* The name without one of the prefixes. */
static struct slice without(struct slice name, const char *const *prefixes)
{
    for (; *prefixes != NULL; prefixes++)
        if (slice_starts(name, *prefixes))
            return slice_sub(name, strlen(*prefixes), name.len);
    return name;
}

/* \p{NAME} or \P{NAME}: its length when it could be rewritten, else 0. */
static size_t add_property(const char *escape, bool bare_scripts, struct buf *out)
{
    static const char *const category[] = {"General_Category=", "gc=", NULL};
    static const char *const script[] = {"Script=", "sc=", "Script_Extensions=", "scx=", NULL};
    struct slice name = slice_of(escape + 3);
    size_t end;
    if (escape[2] != '{' || (end = slice_find(name, SLICE("}"))) == name.len)
        return 0;
    name.len = end;
    name = without(name, category);
    if (bare_scripts)
        name = without(name, script);
    for (size_t i = 0; i < sizeof categories / sizeof *categories; i++)
        if (slice_is(name, categories[i][0]))
            name = slice_of(categories[i][1]);
    buf_add(out, escape, 3);
    buf_slice(out, name);
    buf_char(out, '}');
    return 3 + end + 1;
}

/* The escape at the head: its length. */
static size_t add_escape(const char *escape, bool in_class, bool bare_scripts, struct buf *out)
{
    size_t n = 0;
    if (escape[1] == 's') {
        buf_str(out, in_class ? "\\s\\p{Z}\\ufeff" : "[\\s\\p{Z}\\ufeff]");
        return 2;
    }
    if (escape[1] == 'S' && !in_class) {
        buf_str(out, "[^\\s\\p{Z}\\ufeff]");
        return 2;
    }
    if (escape[1] == 'p' || escape[1] == 'P')
        n = add_property(escape, bare_scripts, out);
    if (n == 0) {
        n = escape[1] != '\0' ? 2 : 1;
        buf_add(out, escape, n);
    }
    return n;
}

void regex_ecma(const char *pattern, bool bare_scripts, struct buf *out)
{
    bool in_class = false;
    while (*pattern != '\0') {
        if (*pattern == '\\') {
            pattern += add_escape(pattern, in_class, bare_scripts, out);
            continue;
        }
        in_class = in_class ? *pattern != ']' : *pattern == '[';
        buf_char(out, *pattern++);
    }
}
