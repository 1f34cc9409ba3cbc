#include "core/command.h"

#include "core/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

struct pipes {
    int to[2], from[2];
};

static void shut(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

static void shut_all(struct pipes *p)
{
    shut(&p->to[0]);
    shut(&p->to[1]);
    shut(&p->from[0]);
    shut(&p->from[1]);
}

static int open_pipes(struct pipes *p)
{
    *p = (struct pipes){{-1, -1}, {-1, -1}};
    if (pipe(p->to) || pipe(p->from)) {
        shut_all(p);
        return -1;
    }
    for (int k = 0; k < 2; k++) { /* the child has them as 0 and 1 alone */
        (void)fcntl(p->to[k], F_SETFD, FD_CLOEXEC);
        (void)fcntl(p->from[k], F_SETFD, FD_CLOEXEC);
    }
    (void)fcntl(p->to[1], F_SETFL, O_NONBLOCK);
    return 0;
}

static int start(char *const *argv, const struct pipes *p, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t how;
    sigset_t usual;
    (void)sigemptyset(&usual);
    (void)sigaddset(&usual, SIGPIPE);
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_adddup2(&actions, p->to[0], STDIN_FILENO);
    (void)posix_spawn_file_actions_adddup2(&actions, p->from[1], STDOUT_FILENO);
    (void)posix_spawnattr_init(&how);
    (void)posix_spawnattr_setpgroup(&how, 0);
    (void)posix_spawnattr_setsigdefault(&how, &usual);
    (void)posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
    int rc = posix_spawnp(pid, argv[0], &actions, &how, argv, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&how);
    return rc;
}

static void feed(struct pipes *p, struct slice *input)
{
    ssize_t n = input->len ? write(p->to[1], input->data, input->len) : 0;
    if (n > 0)
        *input = slice_sub(*input, (size_t)n, input->len);
    if (n < 0 ? errno != EAGAIN && errno != EINTR : !input->len)
        shut(&p->to[1]);
}

/* Until its output ends; false: time is up. */
static bool talk(struct pipes *p, struct slice input, int64_t end_ns, struct buf *out)
{
    char piece[4096];
    for (;;) {
        struct pollfd fds[2] = {{p->from[0], POLLIN, 0}, {p->to[1], POLLOUT, 0}};
        int64_t left = (end_ns - clock_ns()) / 1000000;
        if (left <= 0 || (poll(fds, 2, (int)(left < 60000 ? left : 60000)) < 0 && errno != EINTR))
            return false;
        if (fds[1].revents)
            feed(p, &input);
        if (!fds[0].revents)
            continue;
        ssize_t n = read(p->from[0], piece, sizeof piece);
        if (n == 0)
            return true;
        if (n > 0)
            (void)buf_add(out, piece, (size_t)n);
    }
}

/* Its exit status, or -1 where it does not end in time. */
static int ended(pid_t pid, int64_t end_ns)
{
    int status;
    for (;;) {
        pid_t got = waitpid(pid, &status, WNOHANG);
        if (got == pid)
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        if (got < 0 && errno != EINTR)
            return 127;
        if (clock_ns() > end_ns)
            return -1;
        clock_sleep_ms(1);
    }
}

int command_run(char *const *argv, struct slice input, int64_t limit_ms, struct buf *out,
                struct error *error)
{
    struct pipes p;
    pid_t pid = -1;
    int64_t end_ns = clock_ns() + limit_ms * 1000000;
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    if (open_pipes(&p))
        return error_system(error, errno, "%s: no pipe", argv[0]);
    int rc = start(argv, &p, &pid);
    shut(&p.to[0]);
    shut(&p.from[1]);
    if (rc) {
        shut_all(&p);
        return error_system(error, rc, "%s: cannot be started", argv[0]);
    }
    (void)sigaction(SIGPIPE, &ignore, &before); /* it may end without reading its input */
    bool done = talk(&p, input, end_ns, out);
    (void)sigaction(SIGPIPE, &before, NULL);
    int status = done ? ended(pid, end_ns) : -1;
    if (status < 0) {
        (void)kill(-pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            continue;
        error_set(error, ERROR_LIMIT, "%s: no end after %lld ms", argv[0], (long long)limit_ms);
    }
    shut_all(&p);
    return status;
}
