/*
 * Ctrl-C and SIGTERM.  The first asks the running stage to drain: finish or store what is in
 * flight, leave a resumable state, return ERROR_INTERRUPTED.  The second quits at once with 130
 * (safe: everything paid is already committed).
 */
#ifndef CORE_SIGNALS_H
#define CORE_SIGNALS_H

#include <stdbool.h>

void signals_install(void);
bool signals_draining(void);   /* poll this between units of work */
int signals_number(void);      /* the signal that asked, 0 none */
int signals_wake_fd(void);     /* becomes readable on the first signal: for poll loops; -1 none */
void signals_raise(int signo); /* what the handler does; for tests */
void signals_reset(void);      /* forget: for a command that goes on after the first */

#endif
