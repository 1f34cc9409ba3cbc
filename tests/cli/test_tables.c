/*
 * The command tables and what is made of them: parser, help, manual pages, completions and the
 * recipe schema say the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/arguments.h"
#include "cli/fields.h"
#include "cli/help.h"
#include "core/json.h"

#include <stdio.h>
#include <string.h>

static const struct command *at(size_t i) /* the commands, and NULL for retort itself behind them */
{
    return commands[i];
}

static size_t n_commands(void)
{
    size_t n = 0;
    while (commands[n] != NULL)
        n++;
    return n;
}

static int has(const struct buf *text, const char *what)
{
    return strstr(buf_text(text), what) != NULL;
}

static const char *sample_value(const struct command_option *o)
{
    static char first[64];
    if (o->kind == VALUE_CHOICE) {
        (void)snprintf(first, sizeof first, "%.*s", (int)strcspn(o->choices, "|"), o->choices);
        return first;
    }
    return strcmp(o->name, "set") == 0 ? "seed=2" : "7";
}

/* ---- every table is whole ------------------------------------------------------------------- */

static void test_tables_are_whole(void **state)
{
    (void)state;
    for (size_t c = 0; commands[c] != NULL; c++) {
        const struct command *k = commands[c];
        assert_non_null(k->summary);
        assert_non_null(k->description);
        assert_non_null(k->run);
        assert_ptr_equal(command_find(k->name), k);
        if (k->examples == NULL)
            fail_msg("%s has no example", k->name);
        for (const struct command_example *e = k->examples; e->line != NULL; e++)
            if (strstr(e->line, "retort ") == NULL || strstr(e->line, k->name) == NULL)
                fail_msg("the example \"%s\" of %s does not show it", e->line, k->name);
    }
}

static void test_names_are_unique(void **state)
{
    const struct command_option *a, *b;
    (void)state;
    for (size_t c = 0; c <= n_commands(); c++)
        for (size_t i = 0; (a = option_at(at(c), i)) != NULL; i++) {
            assert_non_null(a->help);
            assert_true(a->help[strlen(a->help) - 1] != '.');
            assert_true((a->argument == NULL) == (a->kind == VALUE_NONE));
            assert_true((a->choices != NULL) == (a->kind == VALUE_CHOICE));
            for (size_t j = i + 1; (b = option_at(at(c), j)) != NULL; j++) {
                if (strcmp(a->name, b->name) == 0)
                    fail_msg("--%s twice", a->name);
                if (a->letter != 0 && a->letter == b->letter)
                    fail_msg("-%c twice: --%s, --%s", a->letter, a->name, b->name);
            }
        }
}

/* ---- the parser knows every option in every spelling ---------------------------------------- */

static int parses(const struct command *command, int argc, char **argv, const char *name)
{
    struct error error = {ERROR_NONE, ""};
    char *all[16], x[] = "x";
    int n = 0, found;
    struct arguments *args;
    const struct command_operand *o = command == NULL ? NULL : command->operands;
    for (; o != NULL && o->name != NULL && !o->optional; o++)
        all[n++] = x;
    for (int i = 0; i < argc; i++)
        all[n++] = argv[i];
    args = arguments_parse(command, n, all, &error);
    if (args == NULL) {
        print_error("%s\n", error.text);
        return 0;
    }
    found = arguments_help(args) != HELP_NONE || arguments_flag(args, name);
    arguments_free(args);
    return found;
}

static void check_spellings(const struct command *command, const struct command_option *o)
{
    char both[128], name[64], letter[8];
    char value[64];
    (void)snprintf(name, sizeof name, "--%s", o->name);
    (void)snprintf(letter, sizeof letter, "-%c", o->letter);
    (void)snprintf(value, sizeof value, "%s", o->kind == VALUE_NONE ? "" : sample_value(o));
    (void)snprintf(both, sizeof both, "--%s=%s", o->name, value);
    if (o->kind == VALUE_NONE) {
        assert_true(parses(command, 1, (char *[]){name}, o->name));
        assert_true(o->letter == 0 || parses(command, 1, (char *[]){letter}, o->name));
        return;
    }
    assert_true(parses(command, 2, (char *[]){name, value}, o->name));
    assert_true(parses(command, 1, (char *[]){both}, o->name));
    if (o->letter != 0) {
        assert_true(parses(command, 2, (char *[]){letter, value}, o->name));
        (void)snprintf(both, sizeof both, "-%c%s", o->letter, value);
        assert_true(parses(command, 1, (char *[]){both}, o->name));
    }
}

static void test_parser_knows_every_option(void **state)
{
    const struct command_option *o;
    (void)state;
    for (size_t c = 0; c <= n_commands(); c++)
        for (size_t i = 0; (o = option_at(at(c), i)) != NULL; i++)
            check_spellings(at(c), o);
}

/* ---- help, man and completions name every option --------------------------------------------- */

static void check_texts(const struct command *command, const struct command_option *o,
                        const struct buf *brief, const struct buf *full, const struct buf *man)
{
    char name[64];
    (void)snprintf(name, sizeof name, "--%s", o->name);
    if (command != NULL && (!has(brief, name) || !has(full, name)))
        fail_msg("help of %s does not name %s", command->name, name);
    (void)snprintf(name, sizeof name, "\\-\\-");
    for (const char *p = o->name; *p != '\0'; p++)
        (void)snprintf(name + strlen(name), sizeof name - strlen(name), *p == '-' ? "\\-" : "%c",
                       *p);
    if (!has(man, name))
        fail_msg("the manual page of %s does not name %s",
                 command == NULL ? "retort" : command->name, o->name);
}

static void test_texts_name_every_option(void **state)
{
    const struct command_option *o;
    (void)state;
    for (size_t c = 0; c <= n_commands(); c++) {
        struct buf brief = BUF, full = BUF, man = BUF;
        help_short(at(c), &brief);
        help_full(at(c), &full);
        man_page(at(c), &man);
        for (size_t i = 0; (o = option_at(at(c), i)) != NULL; i++)
            check_texts(at(c), o, &brief, &full, &man);
        if (at(c) != NULL)
            for (const struct command_operand *p = at(c)->operands; p->name != NULL; p++)
                assert_true(has(&brief, p->name) && has(&full, p->name) && has(&man, p->name));
        buf_free(&brief);
        buf_free(&full);
        buf_free(&man);
    }
}

static void test_completions_name_everything(void **state)
{
    static const char *const shells[] = {"bash", "zsh", "fish"};
    const struct command_option *o;
    (void)state;
    for (size_t s = 0; s < 3; s++) {
        struct buf text = BUF;
        assert_int_equal(complete_script(shells[s], &text), 0);
        for (size_t c = 0; commands[c] != NULL; c++) {
            assert_true(has(&text, commands[c]->name));
            for (size_t i = 0; (o = option_at(commands[c], i)) != NULL; i++) {
                char name[64];
                (void)snprintf(name, sizeof name, s == 2 ? "-l %s" : "--%s", o->name);
                if (!has(&text, name))
                    fail_msg("%s completion does not name %s", shells[s], name);
            }
        }
        buf_free(&text);
    }
    assert_int_equal(complete_script("tcsh", &(struct buf){0}), -1);
}

/* ---- options that stand for a recipe field --------------------------------------------------- */

struct search {
    const char *path;
    bool found, integer;
};

static void look(void *context, const struct field *f, bool ends)
{
    struct search *s = context;
    if (ends || strcmp(f->path, s->path) != 0)
        return;
    s->found = true;
    s->integer = strcmp(f->type, "integer") == 0;
}

static void test_options_match_the_schema(void **state)
{
    struct json *schema = fields_schema();
    const struct command_option *o;
    (void)state;
    for (size_t c = 0; commands[c] != NULL; c++)
        for (size_t i = 0; (o = option_at(commands[c], i)) != NULL; i++) {
            struct search s = {.path = o->recipe};
            if (o->recipe == NULL)
                continue;
            fields_walk(schema, look, &s);
            if (!s.found)
                fail_msg("--%s stands for %s, which is not in the schema", o->name, o->recipe);
            assert_true((o->kind == VALUE_INTEGER) == s.integer);
        }
    json_free(schema);
}

static void explained(void *context, const struct field *f, bool ends)
{
    struct buf *lacks = context;
    if (ends)
        return;
    if (f->description[0] == '\0')
        buf_printf(lacks, "%s has no description\n", f->path);
    if (f->value == NULL)
        buf_printf(lacks, "%s has no default\n", f->path);
    if (f->example == NULL && !f->group)
        buf_printf(lacks, "%s has no example\n", f->path);
}

static void test_schema_explains_every_field(void **state)
{
    struct json *schema = fields_schema();
    struct buf lacks = BUF;
    (void)state;
    fields_walk(schema, explained, &lacks);
    assert_string_equal(buf_text(&lacks), "");
    buf_free(&lacks);
    json_free(schema);
}

/* ---- mistakes -------------------------------------------------------------------------------- */

static void mistake(const char *command, const char *word, const char *value, const char *says)
{
    struct error error = {ERROR_NONE, ""};
    char a[64], b[64], x[] = "x";
    char *argv[] = {a, b, x};
    (void)snprintf(a, sizeof a, "%s", word);
    (void)snprintf(b, sizeof b, "%s", value == NULL ? "y" : value);
    assert_null(arguments_parse(command_find(command), 3, argv, &error));
    assert_int_equal(error.code, ERROR_USAGE);
    if (strstr(error.text, says) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error.text, says);
}

static void test_mistakes(void **state)
{
    struct error error = {ERROR_NONE, ""};
    (void)state;
    mistake("init", "--colour", "never", "did you mean --color?");
    mistake("init", "--color", "red", "expected auto|always|never, got \"red\"");
    mistake("init", "--json=1", NULL, "takes no value");
    mistake("init", "-z", NULL, "unknown option -z");
    mistake("init", "y", NULL, "one operand too many");
    assert_null(arguments_parse(command_find("init"), 0, NULL, &error));
    assert_non_null(strstr(error.text, "DIR is missing"));
    assert_int_equal(command_unknown("trian", &error), -1);
}

static void test_ends_and_last_wins(void **state)
{
    char *argv[] = {(char[]){"--color=never"}, (char[]){"--color"}, (char[]){"always"},
                    (char[]){"--"}, (char[]){"--json"}};
    struct arguments *args = arguments_parse(command_find("init"), 5, argv, NULL);
    (void)state;
    assert_non_null(args);
    assert_string_equal(arguments_text(args, "color"), "always");
    assert_string_equal(arguments_operand(args, 0), "--json");
    assert_false(arguments_flag(args, "json"));
    assert_int_equal(arguments_count(args, "color"), 2);
    arguments_free(args);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables_are_whole),
        cmocka_unit_test(test_names_are_unique),
        cmocka_unit_test(test_parser_knows_every_option),
        cmocka_unit_test(test_texts_name_every_option),
        cmocka_unit_test(test_completions_name_everything),
        cmocka_unit_test(test_options_match_the_schema),
        cmocka_unit_test(test_schema_explains_every_field),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_ends_and_last_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
