/*
 * command: a command of the user's (eval.command of the recipe, never of a suite) says whether the
 * reply is right.  It is run by sh with the item as one JSON object on its standard input: id,
 * task, messages, answer, args, reply.  It prints a score from 0 to 1; or prints nothing, and its
 * exit status says it: 0 right, 1 wrong.  Anything else, or no end within a minute, is a failure.
 */
#include "eval/graders.h"

#include "core/clock.h"
#include "core/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 60000, OUTPUT_MAX = 1 << 16 };

extern char **environ;

static pid_t start(const char *command, int in, int out)
{
    char shell[] = "sh", flag[] = "-c";
    char *line = mem_strdup(command);
    char *argv[] = {shell, flag, line, NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid = -1;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    if (posix_spawnp(&pid, shell, &actions, NULL, argv, environ) != 0)
        pid = -1;
    posix_spawn_file_actions_destroy(&actions);
    mem_free(line);
    return pid;
}

/* Send the item (to a socket: a command that does not read it must not raise SIGPIPE) and read what
 * comes, until both are done or time is up; false: time is up. */
static bool talk(int to, int from, struct slice text, struct buf *said)
{
    int64_t end = clock_ns() / 1000000 + PATIENCE_MS;
    for (;;) {
        struct pollfd fds[2] = {{from, POLLIN, 0}, {to, POLLOUT, 0}};
        int64_t left = end - clock_ns() / 1000000;
        char piece[4096];
        if (left <= 0 || (poll(fds, 2, (int)left) < 0 && errno != EINTR))
            break;
        if (to >= 0 && fds[1].revents != 0) {
            ssize_t n = text.len != 0 ? send(to, text.data, text.len, MSG_NOSIGNAL) : 0;
            if (n > 0)
                text = slice_sub(text, (size_t)n, text.len);
            if (n < 0 ? errno != EAGAIN && errno != EINTR : text.len == 0) {
                (void)close(to);
                to = -1;
            }
        }
        if (fds[0].revents != 0) {
            ssize_t n = read(from, piece, sizeof piece);
            if (n == 0) {
                if (to >= 0)
                    (void)close(to);
                return true;
            }
            if (n > 0)
                buf_add(said, piece, (size_t)n);
        }
    }
    if (to >= 0)
        (void)close(to);
    return false;
}

static void add_item(const struct grade_input *in, struct buf *out)
{
    struct json *o = json_new_object();
    json_put_text(o, "id", in->item->id);
    json_put_text(o, "task", in->item->task);
    json_put(o, "messages", json_copy(in->item->messages));
    json_put(o, "answer", in->item->answer != NULL ? json_copy(in->item->answer) : json_new_null());
    json_put(o, "args", in->item->args != NULL ? json_copy(in->item->args) : json_new_null());
    json_put_string(o, "reply", in->reply);
    json_write(o, 0, out);
    buf_char(out, '\n');
    json_free(o);
}

/* Set the score by what was printed and the exit status; false when neither says it. */
static bool read_score(const struct buf *said, int status, double *score)
{
    char *end;
    if (!WIFEXITED(status))
        return false;
    if (slice_trim(buf_view(said)).len == 0) {
        *score = WEXITSTATUS(status) == 0 ? 1 : 0;
        return WEXITSTATUS(status) <= 1;
    }
    *score = strtod(buf_text(said), &end);
    return WEXITSTATUS(status) == 0 && end != buf_text(said) && *score >= 0 && *score <= 1;
}

static bool run(const struct grade_input *in, double *score)
{
    int to[2], from[2], status = 0;
    struct buf text = BUF, said = BUF_MAX(OUTPUT_MAX);
    bool done = false;
    pid_t pid;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, to) != 0)
        return false;
    if (pipe(from) != 0) {
        (void)close(to[0]);
        (void)close(to[1]);
        return false;
    }
    (void)fcntl(to[1], F_SETFD, FD_CLOEXEC);
    (void)fcntl(from[0], F_SETFD, FD_CLOEXEC);
    (void)fcntl(to[1], F_SETFL, O_NONBLOCK);
    add_item(in, &text);
    pid = start(in->command, to[0], from[1]);
    (void)close(to[0]);
    (void)close(from[1]);
    if (pid > 0) {
        done = talk(to[1], from[0], buf_view(&text), &said);
        if (!done)
            (void)kill(pid, SIGKILL);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            continue;
    } else {
        (void)close(to[1]);
    }
    (void)close(from[0]);
    done = done && read_score(&said, status, score);
    buf_free(&text);
    buf_free(&said);
    return done;
}

static void grade(const struct grade_input *in, struct grade *out)
{
    if (in->command == NULL) {
        out->failed = true;
        buf_str(&out->why, "eval.command is not set");
    } else if (!run(in, &out->score)) {
        out->failed = true;
        out->score = 0;
        buf_str(&out->why, "eval.command gave no score");
    }
}

const struct grader grade_command = {
    .name = "command",
    .summary = "a command of yours (eval.command) reads item and reply and scores it",
    .grade = grade,
};
