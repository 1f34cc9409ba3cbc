/*
 * The parsed command line.  Options and operands may come in any order; "--" ends the options;
 * "-o FILE", "-oFILE", "--out FILE" and "--out=FILE" are all the same.
 */
#ifndef CLI_ARGUMENTS_H
#define CLI_ARGUMENTS_H

#include "cli/command.h"

/* argv without the program and the command name; its texts must outlive the result.  command
 * NULL: `retort` alone.  NULL and ERROR_USAGE on failure.  -h, --help and --version win over
 * everything else that may be wrong. */
struct arguments *arguments_parse(const struct command *command, int argc, char **argv,
                                  struct error *error);
void arguments_free(struct arguments *args);

enum help_kind { HELP_NONE, HELP_SHORT, HELP_FULL, HELP_VERSION };
enum help_kind arguments_help(const struct arguments *args); /* which of those was asked for */
const struct command *arguments_command(const struct arguments *args);
size_t arguments_operands(const struct arguments *args);
const char *arguments_operand(const struct arguments *args, size_t index); /* NULL: not given */

/* A name that is not in the command's table is a bug and aborts. */
bool arguments_flag(const struct arguments *args, const char *name);
/* As given (the last one, if repeated), else the default of the table, else NULL. */
const char *arguments_text(const struct arguments *args, const char *name);
int64_t arguments_integer(const struct arguments *args, const char *name); /* -1: not given */
double arguments_number(const struct arguments *args, const char *name);   /* NAN: not given */
/* How often the option was given, and its texts in the order given. */
size_t arguments_count(const struct arguments *args, const char *name);
const char *arguments_nth(const struct arguments *args, const char *name, size_t index);
/* "a.b=value" for each --set and each option that stands for a recipe field, in the order given:
 * what recipe_load takes.  The array and its texts live as long as args. */
const char *const *arguments_sets(const struct arguments *args, size_t *count);

#endif
