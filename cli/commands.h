/* The commands there are; each is defined in cli/cmd_NAME.c. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "cli/command.h"

extern const struct command cmd_doctor;
extern const struct command cmd_eval;
extern const struct command cmd_export;
extern const struct command cmd_export_model;
extern const struct command cmd_filter;
extern const struct command cmd_gen;
extern const struct command cmd_help;
extern const struct command cmd_import;
extern const struct command cmd_init;
extern const struct command cmd_new_model;
extern const struct command cmd_report;
extern const struct command cmd_run;
extern const struct command cmd_serve;
extern const struct command cmd_chat;
extern const struct command cmd_show;
extern const struct command cmd_show_model;
extern const struct command cmd_status;
extern const struct command cmd_train;

#endif
