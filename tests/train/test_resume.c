/*
 * Checkpoints: a run that went on from one ends with the bytes of an undisturbed run; damaged and
 * half-written ones are passed over; another run's are refused by name; a full disk loses nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/clock.h"
#include "core/file.h"
#include "tests/train/student.h"
#include "train/course.h"
#include "train/resume.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROWS = 12, STEPS = 14 };

static char folder[] = "/tmp/retort-resume-XXXXXX";
static const struct resume_identity identity = {"{\"rank\":8,\"seed\":1}", "d", "s"};

/* A student with what training it needs, and where it stands. */
struct bench {
    struct train_settings settings;
    struct examples examples;
    uint32_t which[ROWS];
    struct course course;
    struct model *model;
    struct learner learner;
    struct resume_point at;
};

static void bench_open(struct bench *b)
{
    struct error error = {ERROR_NONE, ""};
    memset(b, 0, sizeof *b);
    b->settings = student_settings(NULL);
    b->settings.neftune = 5; /* noise is a function of the step as well */
    b->settings.pack = (struct pack_limits){120, 0, 60};
    b->examples = student_examples(ROWS, 40);
    for (size_t i = 0; i < ROWS; i++)
        b->which[i] = (uint32_t)i;
    b->model = student_model(&b->settings);
    b->at = (struct resume_point){.before = (double)NAN, .best = (double)NAN, .last = 1.0 / 3};
    course_open(&b->course, &b->examples, b->which, ROWS, &b->settings.pack, b->settings.seed);
    if (learner_open(&b->learner, b->model, &b->settings, &b->examples, NULL, &error) != 0)
        fail_msg("%s", error.text);
}

static void bench_close(struct bench *b)
{
    course_close(&b->course);
    learner_close(&b->learner);
    model_free(b->model);
    student_free(&b->examples);
}

static void bench_step(struct bench *b)
{
    struct error error = {ERROR_NONE, ""};
    struct learner_step result = {.number = b->at.step + 1, .rate = 3e-3};
    const struct pack_step *step = course_at(&b->course, &b->at.epoch, &b->at.in_epoch);
    if (learner_step(&b->learner, &b->course.pack, step, &result, &error) != 0)
        fail_msg("%s", error.text);
    b->at.step++;
    b->at.in_epoch++;
}

static void bench_write(struct bench *b)
{
    struct error error = {ERROR_NONE, ""};
    if (resume_write(&b->learner, folder, &b->at, &identity, false, &error) != 0)
        fail_msg("%s", error.text);
}

static int bench_load(struct bench *b, const struct resume_identity *id, struct buf *passed,
                      struct error *error)
{
    return resume_load(&b->learner, folder, id, &b->at, passed, error);
}

static float *undisturbed(size_t *n)
{
    struct bench b;
    float *values;
    bench_open(&b);
    while (b.at.step < STEPS)
        bench_step(&b);
    values = student_block(b.model, model_values(b.model));
    *n = (size_t)model_values(b.model).cols;
    bench_close(&b);
    return values;
}

/* Go on from the newest checkpoint to the end; the bytes must be `wanted`. */
static void finish_and_compare(const float *wanted, size_t n, uint64_t from)
{
    struct error error = {ERROR_NONE, ""};
    struct bench b;
    float *values;
    bench_open(&b);
    assert_int_equal(bench_load(&b, &identity, NULL, &error), 1);
    assert_int_equal(b.at.step, from);
    assert_true(b.at.last == 1.0 / 3 && isnan(b.at.before));
    while (b.at.step < STEPS)
        bench_step(&b);
    values = student_block(b.model, model_values(b.model));
    assert_memory_equal(values, wanted, n * sizeof *values);
    mem_free(values);
    bench_close(&b);
}

static void test_same_bytes(void **state)
{
    size_t n;
    float *wanted = undisturbed(&n);
    (void)state;
    for (uint64_t stop = 1; stop < STEPS; stop += 3) {
        struct bench b;
        bench_open(&b);
        while (b.at.step < stop)
            bench_step(&b);
        bench_write(&b);
        bench_close(&b);
        finish_and_compare(wanted, n, stop);
        assert_int_equal(resume_remove(folder, &identity, true, NULL), 0);
    }
    mem_free(wanted);
}

static void test_killed(void **state)
{
    size_t n;
    float *wanted = undisturbed(&n);
    struct rng r = rng_new(17, 3);
    (void)state;
    for (int round = 0; round < 4; round++) {
        pid_t child = fork();
        int status;
        uint64_t newest = 0;
        assert_true(child >= 0);
        if (child == 0) {
            struct bench b;
            bench_open(&b);
            for (;;) {
                bench_step(&b);
                if (b.at.step <= STEPS)
                    bench_write(&b);
            }
        }
        while (newest == 0 || rng_below(&r, 8) != 0) {
            char *path = resume_path(folder, newest + 1, false);
            while (!file_is_dir(path))
                clock_sleep_ms(1);
            mem_free(path);
            if (++newest == STEPS - 1)
                break;
        }
        (void)kill(child, SIGKILL);
        (void)waitpid(child, &status, 0);
        for (char *path; newest < STEPS; newest++) { /* it may have got further */
            path = resume_path(folder, newest + 1, false);
            status = file_is_dir(path);
            mem_free(path);
            if (!status)
                break;
        }
        finish_and_compare(wanted, n, newest);
        assert_int_equal(resume_prune(folder, 0, 0, NULL), 0);
    }
    mem_free(wanted);
}

static void damage(uint64_t step)
{
    char *dir = resume_path(folder, step, false), *path = file_join(dir, "state.safetensors");
    int fd = open(path, O_RDWR);
    unsigned char byte;
    off_t at = (off_t)file_size(path) - 1000;
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
    mem_free(path);
    mem_free(dir);
}

static void test_damaged(void **state)
{
    size_t n;
    float *wanted = undisturbed(&n);
    struct error error = {ERROR_NONE, ""};
    struct buf passed = BUF;
    struct bench b;
    (void)state;
    bench_open(&b);
    bench_step(&b);
    bench_write(&b);
    bench_step(&b);
    bench_write(&b);
    bench_close(&b);
    damage(2);
    finish_and_compare(wanted, n, 1);
    bench_open(&b);
    assert_int_equal(bench_load(&b, &identity, &passed, &error), 1);
    assert_non_null(strstr(buf_text(&passed), "step-00000002"));
    damage(1);
    assert_int_equal(bench_load(&b, &identity, NULL, &error), -1);
    assert_non_null(strstr(error.text, "--restart"));
    bench_close(&b);
    assert_int_equal(resume_remove(folder, &identity, true, NULL), 0);
    buf_free(&passed);
    mem_free(wanted);
}

static void test_another_run(void **state)
{
    const struct resume_identity others[] = {{"{\"rank\":16,\"seed\":2}", "d", "s"},
                                             {identity.recipe, "x", "s"},
                                             {identity.recipe, "d", "x"}};
    static const char *const words[] = {"rank, seed", "rows", "student"};
    struct bench b;
    (void)state;
    bench_open(&b);
    assert_int_equal(bench_load(&b, &identity, NULL, NULL), 0);
    bench_step(&b);
    bench_write(&b);
    for (size_t i = 0; i < 3; i++) {
        struct error error = {ERROR_NONE, ""};
        assert_int_equal(bench_load(&b, &others[i], NULL, &error), -1);
        assert_int_equal(error.code, ERROR_USAGE);
        assert_non_null(strstr(error.text, words[i]));
    }
    assert_int_equal(resume_remove(folder, &identity, false, NULL), 0);
    assert_int_equal(bench_load(&b, &identity, NULL, NULL), 1);
    assert_int_equal(resume_remove(folder, &others[0], false, NULL), 0);
    assert_int_equal(bench_load(&b, &identity, NULL, NULL), 0);
    bench_close(&b);
}

static void test_policy_and_best(void **state)
{
    struct bench b;
    float *best = NULL, *back;
    char *path;
    (void)state;
    bench_open(&b);
    for (int i = 0; i < 5; i++) {
        bench_step(&b);
        bench_write(&b);
        if (b.at.step == 3) {
            b.at.best = 0.5;
            b.at.best_step = 3;
            assert_int_equal(resume_write(&b.learner, folder, &b.at, &identity, true, NULL), 0);
            best = student_block(b.model, model_values(b.model));
        }
        assert_int_equal(resume_prune(folder, 2, b.at.best_step, NULL), 0);
    }
    for (uint64_t s = 1; s <= 5; s++) {
        path = resume_path(folder, s, false);
        assert_int_equal(file_is_dir(path), s >= 4);
        mem_free(path);
    }
    assert_int_equal(resume_load_best(&b.learner, folder, &b.at, NULL), 0);
    back = student_block(b.model, model_values(b.model));
    assert_memory_equal(best, back, (size_t)model_values(b.model).cols * sizeof *back);
    mem_free(best);
    mem_free(back);
    /* The best weights are gone: the point says there are none, and the run measures again. */
    path = resume_path(folder, 3, true);
    assert_int_equal(file_remove_tree(path, NULL), 0);
    mem_free(path);
    assert_int_equal(bench_load(&b, &identity, NULL, NULL), 1);
    assert_true(isnan(b.at.best));
    assert_int_equal(resume_remove(folder, &identity, true, NULL), 0);
    bench_close(&b);
}

static void test_disk_full(void **state)
{
    struct rlimit old, small;
    struct error error = {ERROR_NONE, ""};
    struct bench b;
    int status;
    (void)state;
    bench_open(&b);
    bench_step(&b);
    bench_write(&b);
    bench_step(&b);
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 4096;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    status = resume_write(&b.learner, folder, &b.at, &identity, false, &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(status, -1);
    assert_int_equal(error.code, ERROR_FULL);
    assert_non_null(strstr(error.text, "checkpoint of step 2"));
    assert_int_equal(bench_load(&b, &identity, NULL, NULL), 1);
    assert_int_equal(b.at.step, 1);
    assert_int_equal(resume_remove(folder, &identity, true, NULL), 0);
    bench_close(&b);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return file_remove_tree(folder, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bytes),      cmocka_unit_test(test_killed),
        cmocka_unit_test(test_damaged),         cmocka_unit_test(test_another_run),
        cmocka_unit_test(test_policy_and_best), cmocka_unit_test(test_disk_full),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
