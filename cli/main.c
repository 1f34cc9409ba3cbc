/*
 * retort COMMAND [OPTION...] [OPERAND...]
 *
 * The only place that turns an error into a line and an exit status.
 */
#include "cli/arguments.h"
#include "cli/help.h"
#include "cli/output.h"
#include "core/mem.h"
#include "core/version.h"

#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void out_of_memory(size_t size)
{
    char line[128];
    int n =
        snprintf(line, sizeof line, "retort: out of memory: %zu bytes could not be had\n", size);
    (void)!write(STDERR_FILENO, line, (size_t)n);
    _exit(STATUS_FAILED);
}

static int show_help(const struct command *command, enum help_kind kind, struct error *error)
{
    struct buf text = BUF;
    int rc;
    if (kind == HELP_VERSION)
        buf_printf(&text, "retort %s\n", RETORT_VERSION);
    else if (kind == HELP_SHORT)
        help_short(command, &text);
    else
        help_full(command, &text);
    rc = output_write(buf_view(&text), error);
    buf_free(&text);
    return rc;
}

static int run(int argc, char **argv, struct error *error)
{
    const struct command *command = NULL;
    struct arguments *args;
    int rc;
    bool named = argc > 1 && argv[1][0] != '-';
    if (argc < 2)
        return error_set(error, ERROR_USAGE, "which command? retort -h lists them");
    if (named && (command = command_find(argv[1])) == NULL)
        return command_unknown(argv[1], error);
    args = arguments_parse(command, argc - (named ? 2 : 1), argv + (named ? 2 : 1), error);
    if (args == NULL)
        return -1;
    output_configure(args);
    if (arguments_help(args) != HELP_NONE)
        rc = show_help(command, arguments_help(args), error);
    else if (command == NULL)
        rc = error_set(error, ERROR_USAGE, "which command? retort -h lists them");
    else
        rc = command->run(args, error);
    arguments_free(args);
    return rc;
}

int main(int argc, char **argv)
{
    struct error error = {ERROR_NONE, ""};
    signal(SIGPIPE, SIG_IGN); /* a closed pipe and a file size limit come back as errors */
    signal(SIGXFSZ, SIG_IGN);
    mem_on_failure(out_of_memory);
    if (run(argc, argv, &error) == 0)
        return STATUS_DONE;
    if (error.text[0] != '\0')
        output_problem(error.text);
    return (int)output_status(&error);
}
