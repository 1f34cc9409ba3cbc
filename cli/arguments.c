#include "cli/arguments.h"

#include "core/buf.h"
#include "core/mem.h"
#include "core/nearest.h"
#include "core/vec.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct given {
    const struct command_option *option;
    const char *text; /* NULL for a switch */
};

struct arguments {
    const struct command *command;
    enum help_kind help;
    struct given *given;
    size_t n_given, cap_given;
    const char **operands;
    size_t n_operands, cap_operands;
    char **sets;
    size_t n_sets;
};

/* ---- the words ---------------------------------------------------------------------------- */

static const char *name_of(const struct arguments *args)
{
    return args->command == NULL ? "retort" : args->command->name;
}

static const struct command_option *by_name(const struct arguments *args, const char *name,
                                            size_t len)
{
    const struct command_option *o;
    for (size_t i = 0; (o = option_at(args->command, i)) != NULL; i++)
        if (strlen(o->name) == len && memcmp(o->name, name, len) == 0)
            return o;
    return NULL;
}

static const struct command_option *by_letter(const struct arguments *args, char letter)
{
    const struct command_option *o;
    for (size_t i = 0; (o = option_at(args->command, i)) != NULL; i++)
        if (o->letter == letter)
            return o;
    return NULL;
}

static int unknown(const struct arguments *args, const char *word, struct error *error)
{
    struct nearest n;
    char bare[64];
    const struct command_option *o;
    size_t len = strcspn(word, "=");
    len = len < sizeof bare - 1 ? len : sizeof bare - 1;
    memcpy(bare, word, len);
    bare[len] = '\0';
    n = nearest_start(bare + strspn(bare, "-"));
    for (size_t i = 0; (o = option_at(args->command, i)) != NULL; i++)
        nearest_try(&n, o->name);
    if (nearest_word(&n) != NULL)
        return error_set(error, ERROR_USAGE, "%s: unknown option %s; did you mean --%s?",
                         name_of(args), bare, nearest_word(&n));
    return error_set(error, ERROR_USAGE, "%s: unknown option %s; see retort %s -h", name_of(args),
                     bare, args->command == NULL ? "" : args->command->name);
}

/* ---- values ------------------------------------------------------------------------------- */

static bool is_choice(const char *choices, const char *text)
{
    size_t len = strlen(text);
    while (*choices != '\0') {
        size_t n = strcspn(choices, "|");
        if (n == len && memcmp(choices, text, n) == 0)
            return true;
        choices += n + (choices[n] == '|');
    }
    return false;
}

static bool is_integer(const char *text)
{
    size_t n = strspn(text, "0123456789");
    return n > 0 && n <= 18 && text[n] == '\0';
}

static bool is_number(const char *text)
{
    char *end;
    double x;
    errno = 0;
    x = strtod(text, &end);
    return end != text && *end == '\0' && isfinite(x);
}

static int value_check(const struct arguments *args, const struct command_option *o,
                       const char *text, struct error *error)
{
    const char *wanted = NULL;
    if (o->kind == VALUE_CHOICE && !is_choice(o->choices, text))
        wanted = o->choices;
    if (o->kind == VALUE_INTEGER && !is_integer(text))
        wanted = "a whole number";
    if (o->kind == VALUE_NUMBER && !is_number(text))
        wanted = "a number";
    if (strcmp(o->name, "set") == 0 && (text[0] == '=' || strchr(text, '=') == NULL))
        wanted = "FIELD=VALUE, e.g. train.rank=16";
    if (wanted == NULL)
        return 0;
    return error_set(error, ERROR_USAGE, "%s: --%s: expected %s, got \"%s\"", name_of(args),
                     o->name, wanted, text);
}

static int keep(struct arguments *args, const struct command_option *o, const char *text,
                struct error *error)
{
    if (text != NULL && value_check(args, o, text, error) != 0)
        return -1;
    args->given =
        vec_reserve(args->given, &args->cap_given, args->n_given + 1, sizeof *args->given);
    args->given[args->n_given++] = (struct given){o, text};
    return 0;
}

/* ---- the walk over argv ------------------------------------------------------------------- */

/* Takes argv[*i] and, where the option's value is the next word, that one too. */
static int take_long(struct arguments *args, int argc, char **argv, int *i, struct error *error)
{
    const char *word = argv[*i] + 2;
    size_t len = strcspn(word, "=");
    const struct command_option *o = by_name(args, word, len);
    if (o == NULL)
        return unknown(args, argv[*i], error);
    if (o->kind == VALUE_NONE) {
        if (word[len] == '=')
            return error_set(error, ERROR_USAGE, "%s: --%s takes no value", name_of(args), o->name);
        return keep(args, o, NULL, error);
    }
    if (word[len] == '=')
        return keep(args, o, word + len + 1, error);
    if (*i + 1 >= argc)
        return error_set(error, ERROR_USAGE, "%s: --%s needs a value: --%s %s", name_of(args),
                         o->name, o->name, o->argument);
    return keep(args, o, argv[++*i], error);
}

static int take_short(struct arguments *args, int argc, char **argv, int *i, struct error *error)
{
    for (const char *p = argv[*i] + 1; *p != '\0'; p++) {
        const struct command_option *o = by_letter(args, *p);
        if (o == NULL)
            return unknown(args, argv[*i], error);
        if (o->kind != VALUE_NONE) {
            if (p[1] != '\0')
                return keep(args, o, p + 1, error);
            if (*i + 1 >= argc)
                return error_set(error, ERROR_USAGE, "%s: -%c needs a value: -%c %s", name_of(args),
                                 o->letter, o->letter, o->argument);
            return keep(args, o, argv[++*i], error);
        }
        if (keep(args, o, NULL, error) != 0)
            return -1;
    }
    return 0;
}

static void take_operand(struct arguments *args, const char *word)
{
    args->operands = vec_reserve(args->operands, &args->cap_operands, args->n_operands + 1,
                                 sizeof *args->operands);
    args->operands[args->n_operands++] = word;
}

static int take_words(struct arguments *args, int argc, char **argv, struct error *error)
{
    bool ended = false;
    for (int i = 0; i < argc; i++) {
        const char *word = argv[i];
        int rc = 0;
        if (ended || word[0] != '-' || word[1] == '\0')
            take_operand(args, word);
        else if (strcmp(word, "--") == 0)
            ended = true;
        else if (word[1] == '-')
            rc = take_long(args, argc, argv, &i, error);
        else
            rc = take_short(args, argc, argv, &i, error);
        if (rc != 0)
            return -1;
    }
    return 0;
}

static enum help_kind find_help(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "-h") == 0)
            return HELP_SHORT;
        if (strcmp(argv[i], "--help") == 0)
            return HELP_FULL;
        if (strcmp(argv[i], "--version") == 0 || strcmp(argv[i], "-V") == 0)
            return HELP_VERSION;
    }
    return HELP_NONE;
}

static int operands_check(const struct arguments *args, struct error *error)
{
    const struct command_operand *o = args->command == NULL ? NULL : args->command->operands;
    size_t n = 0;
    bool many = false;
    for (; o != NULL && o->name != NULL; o++, n++) {
        if (n >= args->n_operands && !o->optional)
            return error_set(error, ERROR_USAGE, "%s: %s is missing: %s; see retort %s -h",
                             name_of(args), o->name, o->help, name_of(args));
        many = o->many;
    }
    if (args->n_operands > n && !many)
        return error_set(error, ERROR_USAGE, "%s: \"%s\" is one operand too many; see retort %s -h",
                         name_of(args), args->operands[n], name_of(args));
    return 0;
}

/* ---- recipe overrides --------------------------------------------------------------------- */

static void collect_sets(struct arguments *args)
{
    args->sets = mem_zero(args->n_given + 1, sizeof *args->sets);
    for (size_t i = 0; i < args->n_given; i++) {
        const struct given *g = &args->given[i];
        struct buf b = BUF;
        if (strcmp(g->option->name, "set") == 0)
            buf_str(&b, g->text);
        else if (g->option->recipe != NULL)
            buf_printf(&b, "%s=%s", g->option->recipe, g->text);
        else
            continue;
        args->sets[args->n_sets++] = buf_take(&b);
    }
}

/* ---- what the header promises -------------------------------------------------------------- */

struct arguments *arguments_parse(const struct command *command, int argc, char **argv,
                                  struct error *error)
{
    struct arguments *args = mem_zero(1, sizeof *args);
    args->command = command;
    args->help = find_help(argc, argv);
    if (args->help == HELP_NONE &&
        (take_words(args, argc, argv, error) != 0 || operands_check(args, error) != 0)) {
        arguments_free(args);
        return NULL;
    }
    collect_sets(args);
    return args;
}

void arguments_free(struct arguments *args)
{
    if (args == NULL)
        return;
    for (size_t i = 0; i < args->n_sets; i++)
        mem_free(args->sets[i]);
    mem_free(args->sets);
    mem_free(args->given);
    mem_free(args->operands);
    mem_free(args);
}

enum help_kind arguments_help(const struct arguments *args)
{
    return args->help;
}

const struct command *arguments_command(const struct arguments *args)
{
    return args->command;
}

size_t arguments_operands(const struct arguments *args)
{
    return args->n_operands;
}

const char *arguments_operand(const struct arguments *args, size_t index)
{
    return index < args->n_operands ? args->operands[index] : NULL;
}

static const struct command_option *must_have(const struct arguments *args, const char *name)
{
    const struct command_option *o = by_name(args, name, strlen(name));
    if (o == NULL)
        abort();
    return o;
}

size_t arguments_count(const struct arguments *args, const char *name)
{
    const struct command_option *o = must_have(args, name);
    size_t n = 0;
    for (size_t i = 0; i < args->n_given; i++)
        n += args->given[i].option == o;
    return n;
}

const char *arguments_nth(const struct arguments *args, const char *name, size_t index)
{
    const struct command_option *o = must_have(args, name);
    for (size_t i = 0; i < args->n_given; i++)
        if (args->given[i].option == o && index-- == 0)
            return args->given[i].text;
    return NULL;
}

bool arguments_flag(const struct arguments *args, const char *name)
{
    return arguments_count(args, name) > 0;
}

const char *arguments_text(const struct arguments *args, const char *name)
{
    size_t n = arguments_count(args, name);
    return n > 0 ? arguments_nth(args, name, n - 1) : must_have(args, name)->fallback;
}

int64_t arguments_integer(const struct arguments *args, const char *name)
{
    const char *text = arguments_text(args, name);
    return text == NULL ? -1 : (int64_t)strtoll(text, NULL, 10);
}

double arguments_number(const struct arguments *args, const char *name)
{
    const char *text = arguments_text(args, name);
    return text == NULL ? (double)NAN : strtod(text, NULL);
}

const char *const *arguments_sets(const struct arguments *args, size_t *count)
{
    *count = args->n_sets;
    return (const char *const *)args->sets;
}
