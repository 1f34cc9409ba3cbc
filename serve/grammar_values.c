#include "serve/grammar_values.h"

/* NESTING bounds free JSON values, so that a stack of the grammar can always hold them. */
enum { INDENT_MAX = 16, NESTING = 24 };

static void literal(struct grammar_values *b, const char *text)
{
    grammar_literal(b->g, slice_of(text));
}

/* space: nothing | ' ' | '\n' and up to INDENT_MAX blanks */
static void define_space(struct grammar_values *b)
{
    int indent = grammar_rule(b->g);
    grammar_end(b->g);
    for (int i = 0; i < INDENT_MAX; i++) {
        const int longer = grammar_rule(b->g);
        grammar_or(b->g);
        literal(b, " ");
        grammar_ref(b->g, indent);
        grammar_end(b->g);
        indent = longer;
    }
    b->space = grammar_rule(b->g);
    grammar_or(b->g);
    literal(b, " ");
    grammar_or(b->g);
    literal(b, "\n");
    grammar_ref(b->g, indent);
    grammar_end(b->g);
}

/* UTF-8 past ASCII, by the table of well-formed sequences (Unicode 3.9, table 3-7). */
static int define_multibyte(struct grammar_values *b)
{
    static const unsigned char forms[][8] = {
        {0xC2, 0xDF, 0x80, 0xBF},
        {0xE0, 0xE0, 0xA0, 0xBF, 0x80, 0xBF},
        {0xE1, 0xEC, 0x80, 0xBF, 0x80, 0xBF},
        {0xED, 0xED, 0x80, 0x9F, 0x80, 0xBF},
        {0xEE, 0xEF, 0x80, 0xBF, 0x80, 0xBF},
        {0xF0, 0xF0, 0x90, 0xBF, 0x80, 0xBF, 0x80, 0xBF},
        {0xF1, 0xF3, 0x80, 0xBF, 0x80, 0xBF, 0x80, 0xBF},
        {0xF4, 0xF4, 0x80, 0x8F, 0x80, 0xBF, 0x80, 0xBF},
    };
    const size_t n = sizeof forms / sizeof *forms;
    const int rule = grammar_rule(b->g);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < 8 && forms[i][k] != 0; k += 2)
            grammar_range(b->g, forms[i][k], forms[i][k + 1]);
        if (i + 1 < n)
            grammar_or(b->g);
    }
    grammar_end(b->g);
    return rule;
}

static int define_hex(struct grammar_values *b)
{
    const int rule = grammar_rule(b->g);
    grammar_range(b->g, '0', '9');
    grammar_or(b->g);
    grammar_range(b->g, 'a', 'f');
    grammar_or(b->g);
    grammar_range(b->g, 'A', 'F');
    grammar_end(b->g);
    return rule;
}

/* \uXXXX without the surrogates D800 to DFFF, which alone would be no character. */
static int define_unicode_escape(struct grammar_values *b)
{
    const int hex = define_hex(b), rule = grammar_rule(b->g);
    static const char first[][2] = {{'0', '9'}, {'a', 'c'}, {'A', 'C'}, {'e', 'f'}, {'E', 'F'}};
    for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
        grammar_range(b->g, (unsigned char)first[i][0], (unsigned char)first[i][1]);
        for (int k = 0; k < 3; k++)
            grammar_ref(b->g, hex);
        grammar_or(b->g);
    }
    for (int upper = 0; upper < 2; upper++) {
        literal(b, upper ? "D" : "d");
        grammar_range(b->g, '0', '7');
        grammar_ref(b->g, hex);
        grammar_ref(b->g, hex);
        if (upper == 0)
            grammar_or(b->g);
    }
    grammar_end(b->g);
    return rule;
}

static void define_string(struct grammar_values *b)
{
    const int multibyte = define_multibyte(b), unicode = define_unicode_escape(b);
    int characters;
    b->character = grammar_rule(b->g);
    grammar_except(b->g, "\"\\\x7f");
    grammar_or(b->g);
    grammar_ref(b->g, multibyte);
    for (const char *c = "\"\\/bfnrt"; *c != '\0'; c++) {
        grammar_or(b->g);
        literal(b, "\\");
        grammar_range(b->g, (unsigned char)*c, (unsigned char)*c);
    }
    grammar_or(b->g);
    literal(b, "\\u");
    grammar_ref(b->g, unicode);
    grammar_end(b->g);
    characters = grammar_rule(b->g);
    grammar_or(b->g);
    grammar_ref(b->g, b->character);
    grammar_ref(b->g, characters);
    grammar_end(b->g);
    b->string = grammar_rule(b->g);
    literal(b, "\"");
    grammar_ref(b->g, characters);
    literal(b, "\"");
    grammar_end(b->g);
}

/* At most 15 further digits, so that a number ends and a double holds it. */
static int define_digits(struct grammar_values *b)
{
    int digits = grammar_rule(b->g);
    grammar_end(b->g);
    for (int i = 0; i < 15; i++) {
        const int longer = grammar_rule(b->g);
        grammar_or(b->g);
        grammar_range(b->g, '0', '9');
        grammar_ref(b->g, digits);
        grammar_end(b->g);
        digits = longer;
    }
    return digits;
}

static void define_numbers(struct grammar_values *b)
{
    const int digits = define_digits(b);
    const int natural = grammar_rule(b->g);
    int tail;
    literal(b, "0");
    grammar_or(b->g);
    grammar_range(b->g, '1', '9');
    grammar_ref(b->g, digits);
    grammar_end(b->g);
    b->integer = grammar_rule(b->g);
    grammar_ref(b->g, natural);
    grammar_or(b->g);
    literal(b, "-");
    grammar_ref(b->g, natural);
    grammar_end(b->g);
    tail = grammar_rule(b->g);
    grammar_or(b->g);
    literal(b, ".");
    grammar_range(b->g, '0', '9');
    grammar_ref(b->g, digits);
    grammar_end(b->g);
    b->number = grammar_rule(b->g);
    grammar_ref(b->g, b->integer);
    grammar_ref(b->g, tail);
    grammar_end(b->g);
}

/* '[' or '{', members of rule `member`, ',' between them. */
static int define_container(struct grammar_values *b, const char *brackets, int member)
{
    const int more = grammar_rule(b->g);
    int rule;
    grammar_or(b->g);
    literal(b, ",");
    grammar_ref(b->g, b->space);
    grammar_ref(b->g, member);
    grammar_ref(b->g, b->space);
    grammar_ref(b->g, more);
    grammar_end(b->g);
    rule = grammar_rule(b->g);
    grammar_range(b->g, (unsigned char)brackets[0], (unsigned char)brackets[0]);
    grammar_ref(b->g, b->space);
    grammar_range(b->g, (unsigned char)brackets[1], (unsigned char)brackets[1]);
    grammar_or(b->g);
    grammar_range(b->g, (unsigned char)brackets[0], (unsigned char)brackets[0]);
    grammar_ref(b->g, b->space);
    grammar_ref(b->g, member);
    grammar_ref(b->g, b->space);
    grammar_ref(b->g, more);
    grammar_range(b->g, (unsigned char)brackets[1], (unsigned char)brackets[1]);
    grammar_end(b->g);
    return rule;
}

/* A value that is no container, or one of the two rules where there are any. */
static int define_value(struct grammar_values *b, int object, int array)
{
    static const char *const words[] = {"true", "false", "null"};
    const int rule = grammar_rule(b->g);
    grammar_ref(b->g, b->string);
    grammar_or(b->g);
    grammar_ref(b->g, b->number);
    for (int i = 0; i < 3; i++) {
        grammar_or(b->g);
        literal(b, words[i]);
    }
    if (object >= 0) {
        grammar_or(b->g);
        grammar_ref(b->g, object);
        grammar_or(b->g);
        grammar_ref(b->g, array);
    }
    grammar_end(b->g);
    return rule;
}

/* Values, level by level from the innermost outwards. */
static void define_values(struct grammar_values *b)
{
    b->value = define_value(b, -1, -1);
    for (int level = 0; level < NESTING; level++) {
        const int member = grammar_rule(b->g);
        grammar_ref(b->g, b->string);
        literal(b, ":");
        grammar_ref(b->g, b->space);
        grammar_ref(b->g, b->value);
        grammar_end(b->g);
        b->object = define_container(b, "{}", member);
        b->array = define_container(b, "[]", b->value);
        b->value = define_value(b, b->object, b->array);
    }
}

void grammar_values_define(struct grammar_values *b)
{
    define_space(b);
    define_string(b);
    define_numbers(b);
    define_values(b);
}
