/* The first signal drains, the second quits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "core/signals.h"

static int readable(int fd)
{
    struct pollfd p = {fd, POLLIN, 0};
    return poll(&p, 1, 0);
}

static void test_first(void **state)
{
    (void)state;
    signals_install();
    signals_install();
    assert_false(signals_draining());
    assert_true(signals_wake_fd() >= 0);
    assert_int_equal(readable(signals_wake_fd()), 0);
    assert_int_equal(kill(getpid(), SIGTERM), 0);
    assert_true(signals_draining());
    assert_int_equal(signals_number(), SIGTERM);
    assert_int_equal(readable(signals_wake_fd()), 1);
    signals_reset();
    assert_false(signals_draining());
    assert_int_equal(readable(signals_wake_fd()), 0);
}

static void test_second(void **state)
{
    int status = 0;
    pid_t child = fork();
    (void)state;
    if (child == 0) {
        signals_install();
        signals_raise(SIGINT);
        (void)raise(SIGTERM);
        _exit(0);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 130);
}

static void *wait_for_signal(void *context)
{
    struct pollfd p = {signals_wake_fd(), POLLIN, 0};
    (void)context;
    while (poll(&p, 1, 5000) < 0)
        continue;
    return signals_draining() ? context : NULL;
}

/* A thread asleep in poll wakes up and sees why. */
static void test_wakes_thread(void **state)
{
    pthread_t thread;
    void *seen = NULL;
    int mark;
    (void)state;
    signals_install();
    signals_reset(); /* the child of the test before shared the pipe */
    assert_int_equal(pthread_create(&thread, NULL, wait_for_signal, &mark), 0);
    signals_raise(SIGINT);
    assert_int_equal(pthread_join(thread, &seen), 0);
    assert_ptr_equal(seen, &mark);
    signals_reset();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first),
        cmocka_unit_test(test_second),
        cmocka_unit_test(test_wakes_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
