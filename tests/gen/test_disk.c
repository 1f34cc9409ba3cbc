/*
 * A disk that is full: a small file system of its own (tmpfs) that somebody else fills while gen
 * runs.  The run stops with words and no crash, the file opens, and once there is room again the next
 * run asks what is missing; paid twice are at most those in flight.  Needs root, for the mount.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/clock.h"
#include "tests/gen/rig.h"

#ifdef __linux__
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>

enum { PROMPTS = 1500, IN_FLIGHT = 8 };

static int run(struct rig *r)
{
    return rig_run(r, "teacher.in_flight=8", "gen.max_tokens=200");
}

/* Write until there is no room; what is left over too. */
static void fill(struct rig *r)
{
    static const char zeros[65536];
    char path[160];
    snprintf(path, sizeof path, "%s/filler", r->folder);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    for (size_t n = sizeof zeros; n; n /= 2)
        while (write(fd, zeros, n) > 0) {
        }
    assert_int_equal(errno, ENOSPC);
    close(fd);
}

/* A rig on a file system of that size; skips the test where there can be none. */
static struct rig *rig_of_size(const char *size)
{
    struct rig *r = rig_new();
    if (mount("tmpfs", r->folder, "tmpfs", 0, size)) {
        print_message("SKIP: no file system of our own can be mounted (%s)\n", strerror(errno));
        rig_free(r);
        skip();
    }
    return r;
}

static void unmount(struct rig *r)
{
    rig_stop_server(r);
    assert_int_equal(umount2(r->folder, MNT_DETACH), 0);
    rig_free(r);
}

static void test_full_disk(void **state)
{
    struct rig *r = rig_of_size("size=256m");
    char path[160];
    int status;
    (void)state;
    rig_server(r, "latency=5", NULL, NULL);
    rig_prompts(r, PROMPTS, "");
    pid_t child = fork();
    if (child == 0) {
        int rc = run(r);
        fprintf(stderr, "full disk: %s\n", r->error.text);
        _exit(rc ? 3 : 0);
    }
    while (rig_stat(r, "answered") < 100)
        clock_sleep_ms(10);
    fill(r);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 3);
    int64_t before = rig_number(r, "SELECT count(*) FROM sample");
    snprintf(path, sizeof path, "%s/filler", r->folder);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(run(r), 0);
    print_message("full disk: %lld rows before it, %d in the end, %lld paid twice, %d in flight\n",
                  (long long)before, PROMPTS, (long long)rig_stat(r, "again"), IN_FLIGHT);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM sample"), PROMPTS);
    assert_int_equal(rig_number(r, "SELECT count(DISTINCT instruction) FROM sample"), PROMPTS);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM unread"), 0);
    assert_true(rig_stat(r, "again") <= IN_FLIGHT);
    unmount(r);
}

/* No room for the plan: nothing is asked, and nothing is said to be done. */
static void test_no_room_for_the_plan(void **state)
{
    static const char *const sizes[] = {"size=200k", "size=260k", "size=300k", "size=1m"};
    (void)state;
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        struct rig *r = rig_of_size(sizes[k]);
        rig_server(r, NULL, NULL, NULL);
        rig_prompts(r, 20, "");
        assert_int_equal(run(r), -1);
        print_message("%s: %s\n", sizes[k], r->error.text);
        assert_true(slice_find(buf_view(&r->report), SLICE("up_to_date")) >= r->report.len);
        assert_int_equal(rig_stat(r, "answered"), 0);
        unmount(r);
    }
}

#else

static void test_no_room_for_the_plan(void **state)
{
    (void)state;
    skip();
}

static void test_full_disk(void **state)
{
    (void)state;
    print_message("SKIP: no file system of our own can be mounted here\n");
    skip();
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_full_disk),
                                       cmocka_unit_test(test_no_room_for_the_plan)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
