#include "core/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

/* The self-pipe trick: the handler writes a byte, so that a thread asleep in poll wakes up. */
static int pipe_ends[2] = {-1, -1};
static atomic_int first_signal;

enum { STATUS_INTERRUPTED = 130 };

void signals_raise(int signo)
{
    int none = 0, saved = errno;
    if (!atomic_compare_exchange_strong(&first_signal, &none, signo))
        _exit(STATUS_INTERRUPTED);
    if (pipe_ends[1] >= 0 && write(pipe_ends[1], "!", 1) < 0)
        errno = 0; /* a full pipe wakes the reader as well */
    errno = saved;
}

static int make_pipe(void)
{
    if (pipe(pipe_ends) != 0) {
        pipe_ends[0] = pipe_ends[1] = -1;
        return -1;
    }
    for (int i = 0; i < 2; i++) {
        (void)fcntl(pipe_ends[i], F_SETFD, FD_CLOEXEC);
        (void)fcntl(pipe_ends[i], F_SETFL, O_NONBLOCK);
    }
    return 0;
}

void signals_install(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = signals_raise;
    action.sa_flags = SA_RESTART;
    (void)sigemptyset(&action.sa_mask);
    if (pipe_ends[0] < 0)
        (void)make_pipe();
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

bool signals_draining(void)
{
    return atomic_load(&first_signal) != 0;
}

int signals_number(void)
{
    return atomic_load(&first_signal);
}

int signals_wake_fd(void)
{
    return pipe_ends[0];
}

void signals_reset(void)
{
    char byte[16];
    atomic_store(&first_signal, 0);
    while (pipe_ends[0] >= 0 && read(pipe_ends[0], byte, sizeof byte) > 0)
        continue;
}
