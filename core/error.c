#include "core/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int error_set(struct error *error, enum error_code code, const char *format, ...)
{
    va_list ap;
    if (error == NULL)
        return -1;
    error->code = code;
    va_start(ap, format);
    (void)vsnprintf(error->text, sizeof error->text, format, ap);
    va_end(ap);
    return -1;
}

static enum error_code code_of_errno(int errnum)
{
    if (errnum == ENOSPC || errnum == EDQUOT || errnum == EFBIG)
        return ERROR_FULL;
    if (errnum == ENOMEM)
        return ERROR_MEMORY;
    return ERROR_IO;
}

int error_system(struct error *error, int errnum, const char *format, ...)
{
    char words[128];
    va_list ap;
    size_t used;
    if (error == NULL)
        return -1;
    error->code = code_of_errno(errnum);
    va_start(ap, format);
    (void)vsnprintf(error->text, sizeof error->text, format, ap);
    va_end(ap);
    if (strerror_r(errnum, words, sizeof words) != 0)
        (void)snprintf(words, sizeof words, "error %d", errnum);
    used = strlen(error->text);
    (void)snprintf(error->text + used, sizeof error->text - used, ": %s", words);
    return -1;
}

int error_wrap(struct error *error, const char *format, ...)
{
    struct error old;
    va_list ap;
    size_t used;
    if (error == NULL)
        return -1;
    old = *error;
    va_start(ap, format);
    (void)vsnprintf(error->text, sizeof error->text, format, ap);
    va_end(ap);
    used = strlen(error->text);
    (void)snprintf(error->text + used, sizeof error->text - used, ": %s", old.text);
    return -1;
}

void error_clear(struct error *error)
{
    if (error != NULL) {
        error->code = ERROR_NONE;
        error->text[0] = '\0';
    }
}
