/*
 * The command table: one description of every command, its operands and its options.  The parser,
 * `-h`, `--help`, the man pages, the shell completions and the tests all read these tables, so
 * they cannot disagree.
 *
 * Adding a command: write cli/cmd_NAME.c with a `const struct command cmd_NAME`, and add it to the
 * table in cli/commands.c.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "core/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum value_kind {
    VALUE_NONE, /* a switch */
    VALUE_TEXT,
    VALUE_INTEGER, /* >= 0 */
    VALUE_NUMBER,
    VALUE_CHOICE, /* one of `choices` */
    VALUE_FILE,   /* completed as a file name */
    VALUE_DIR,
};

struct command_option {
    const char *name; /* long name, without "--" */
    char letter;      /* short name, 0 none */
    enum value_kind kind;
    const char *argument; /* "FILE" as help shows it; NULL for a switch */
    const char *fallback; /* the default as text; NULL none */
    const char *choices;  /* "alpaca|jsonl": for VALUE_CHOICE */
    const char *recipe;   /* the recipe field this option sets ("train.rank"), NULL none */
    bool many;            /* may be given again and again */
    const char *help;     /* one sentence without its full stop */
};
#define OPTIONS_END                                                                                \
    {                                                                                              \
        .name = NULL                                                                               \
    }

struct command_operand {
    const char *name; /* "RECIPE" */
    enum value_kind kind;
    bool optional, many; /* only the last may be either */
    const char *help;
};
#define OPERANDS_END                                                                               \
    {                                                                                              \
        .name = NULL                                                                               \
    }

struct command_example {
    const char *line; /* without the prompt sign */
    const char *what;
};
#define EXAMPLES_END                                                                               \
    {                                                                                              \
        .line = NULL                                                                               \
    }

struct arguments;

/* Exit statuses, and what a command's function returns. */
enum exit_status {
    STATUS_DONE = 0,
    STATUS_FAILED = 1,
    STATUS_USAGE = 2,
    STATUS_PARTIAL = 3,
    STATUS_INTERRUPTED = 130,
};

struct command {
    const char *name;
    const char *summary;     /* one line, no full stop */
    const char *description; /* paragraphs, separated by an empty line, for --help and man */
    const struct command_operand *operands;
    const struct command_option
        *options; /* its own; option_each adds those that every command has */
    const struct command_example *examples;
    bool recipe; /* its first operand is a recipe: --set, --dataset, --seed and --threads apply */
    /* 0, or -1 with the error set; main prints it and turns its code into the exit status. */
    int (*run)(const struct arguments *args, struct error *error);
};

extern const struct command *const commands[];        /* NULL-ended, in the order of help */
const struct command *command_find(const char *name); /* NULL: no such command */
/* "no command NAME; did you mean …": -1 and ERROR_USAGE. */
int command_unknown(const char *name, struct error *error);

/* The options of a command: its own, then those of recipe commands, then those of all.
 * command NULL: those of `retort` alone.  Index from 0; NULL behind the last. */
const struct command_option *option_at(const struct command *command, size_t index);

#endif
