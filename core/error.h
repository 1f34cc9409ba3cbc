/*
 * The one error idiom of the project.
 *
 * A function that can fail returns 0 or -1 (or a pointer or NULL) and takes a `struct error *` as
 * its last parameter, which it fills on failure and leaves alone on success.  Callers add context
 * on the way up with error_wrap.  Only cli/ prints an error or exits.
 *
 * The text is one line: what is wrong, with which thing, and what to do next:
 *     tickets.db: database is locked by another retort; wait for it or stop it
 */
#ifndef CORE_ERROR_H
#define CORE_ERROR_H

enum error_code {
    ERROR_NONE = 0,
    ERROR_FAILED,      /* anything without a class of its own */
    ERROR_USAGE,       /* the command line or the recipe is wrong (exit status 2) */
    ERROR_INPUT,       /* a file or reply from outside is malformed */
    ERROR_IO,          /* reading or writing failed */
    ERROR_FULL,        /* no space left */
    ERROR_MEMORY,      /* a block of stated size could not be had */
    ERROR_LIMIT,       /* a stated maximum was reached */
    ERROR_BUSY,        /* somebody else holds it */
    ERROR_PARTIAL,     /* stopped early, everything kept, can be resumed (exit status 3) */
    ERROR_INTERRUPTED, /* the user asked to stop (exit status 130) */
};

struct error {
    enum error_code code;
    char text[1024]; /* always NUL-terminated; cut, never overrun */
};

/* Fill the error.  Always returns -1, so that `return error_set(...)` reads well.  A NULL error
 * is allowed everywhere and loses the text. */
int error_set(struct error *error, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As error_set, with ": " and the system's words for errnum appended; ENOSPC, EDQUOT and EFBIG
 * become ERROR_FULL, ENOMEM ERROR_MEMORY, all else ERROR_IO. */
int error_system(struct error *error, int errnum, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Put "context: " before the text; the code stays.  Returns -1. */
int error_wrap(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Empty the error. */
void error_clear(struct error *error);

#endif
