/*
 * One optimiser step: the gradient is the same however the step is cut and packed, the weights the
 * same with any number of threads, a small model learns its rows by heart.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/signals.h"
#include "tests/train/student.h"
#include "train/course.h"

#include <math.h>
#include <stdio.h>

enum { ROWS = 16 };

/* All rows as one step. */
static struct pack plan(const struct examples *e, uint32_t micro_tokens)
{
    struct pack p = PACK;
    struct pack_limits limits = {1 << 20, 0, micro_tokens};
    uint32_t lengths[ROWS];
    for (size_t i = 0; i < e->n; i++)
        lengths[i] = e->items[i].length;
    pack_epoch(&p, lengths, e->n, &limits, 3, 0);
    assert_int_equal(p.n_steps, 1);
    return p;
}

/* Gradients of the whole step, as a sum; *loss is the mean. */
static float *gradients(struct train_settings *s, const struct examples *e, uint32_t micro_tokens,
                        double *loss, size_t *n_micros)
{
    struct error error = {ERROR_NONE, ""};
    struct model *m = student_model(s);
    struct learner l;
    struct learner_step result = {.number = 1};
    struct pack p = plan(e, micro_tokens);
    float *g;
    assert_int_equal(learner_open(&l, m, s, e, NULL, &error), 0);
    if (learner_step(&l, &p, &p.steps[0], &result, &error) != 0)
        fail_msg("%s", error.text);
    *loss = result.loss;
    *n_micros = p.n_micros;
    g = student_block(m, model_gradients(m));
    pack_free(&p);
    learner_close(&l);
    model_free(m);
    return g;
}

static void test_equal_however_cut(void **state)
{
    struct train_settings s = student_settings(NULL);
    struct examples e = student_examples(ROWS, 40);
    static const uint32_t cuts[] = {1 << 20, 200, 100, 64, 1};
    double whole_loss = 0, worst = 0;
    float *whole = NULL;
    (void)state;
    for (size_t c = 0; c < sizeof cuts / sizeof *cuts; c++) {
        double loss, difference = 0, norm = 0;
        size_t micros, n = 0;
        float *g = gradients(&s, &e, cuts[c], &loss, &micros);
        struct model *m = student_model(&s);
        n = (size_t)model_gradients(m).cols;
        model_free(m);
        if (whole == NULL) {
            whole = g;
            whole_loss = loss;
            assert_int_equal(micros, 1);
            continue;
        }
        assert_true(micros > 1);
        for (size_t i = 0; i < n; i++) {
            difference += ((double)g[i] - (double)whole[i]) * ((double)g[i] - (double)whole[i]);
            norm += (double)whole[i] * (double)whole[i];
        }
        if (sqrt(difference / norm) > worst)
            worst = sqrt(difference / norm);
        assert_true(fabs(loss - whole_loss) < 1e-6);
        mem_free(g);
    }
    printf("gradients differ by %.2g relative at most\n", worst);
    assert_true(worst < 1e-5);
    mem_free(whole);
    student_free(&e);
}

/* Train some steps and return the weights. */
static float *train(struct pool *pool, uint64_t steps, double *last)
{
    struct error error = {ERROR_NONE, ""};
    struct train_settings s = student_settings(pool);
    struct examples e = student_examples(ROWS, 40);
    uint32_t which[ROWS];
    struct course c;
    struct learner l;
    struct model *m;
    uint64_t epoch = 0, in_epoch = 0;
    float *values;
    s.model.lora.dropout = 0;
    s.pack = (struct pack_limits){200, 0, 80};
    for (size_t i = 0; i < ROWS; i++)
        which[i] = (uint32_t)i;
    m = student_model(&s);
    assert_int_equal(learner_open(&l, m, &s, &e, NULL, &error), 0);
    course_open(&c, &e, which, ROWS, &s.pack, s.seed);
    for (uint64_t i = 0; i < steps; i++, in_epoch++) {
        const struct pack_step *step = course_at(&c, &epoch, &in_epoch);
        struct learner_step result = {.number = i + 1, .rate = schedule_rate(&s.schedule, i)};
        if (learner_step(&l, &c.pack, step, &result, &error) != 0)
            fail_msg("%s", error.text);
        *last = result.loss;
    }
    values = student_block(m, model_values(m));
    course_close(&c);
    learner_close(&l);
    model_free(m);
    student_free(&e);
    return values;
}

static void test_threads(void **state)
{
    struct train_settings s = student_settings(NULL);
    struct model *m = student_model(&s);
    size_t n = (size_t)model_values(m).cols;
    double loss;
    float *one = train(NULL, 12, &loss);
    (void)state;
    for (int threads = 1; threads <= 3; threads++) {
        struct pool *pool = pool_new(threads);
        float *many = train(pool, 12, &loss);
        assert_memory_equal(one, many, n * sizeof *one);
        mem_free(many);
        pool_free(pool);
    }
    mem_free(one);
    model_free(m);
}

static void test_learns_by_heart(void **state)
{
    struct pool *pool = pool_new(0);
    double loss = 10;
    (void)state;
    mem_free(train(pool, 600, &loss));
    printf("loss after 600 steps: %.5f\n", loss);
    assert_true(loss < 0.01);
    pool_free(pool);
}

/* Weights that explode are noticed before they are written back, and rows are named. */
static void test_not_a_number(void **state)
{
    struct train_settings s = student_settings(NULL);
    struct examples e = student_examples(ROWS, 40);
    struct error error = {ERROR_NONE, ""};
    struct model *m = student_model(&s);
    struct learner l;
    struct learner_step result = {.number = 9, .rate = 1e-3};
    struct pack p = plan(&e, 64);
    size_t n = (size_t)model_values(m).cols;
    float *before, *after, *bad;
    struct backend *b = model_backend(m);
    (void)state;
    assert_int_equal(learner_open(&l, m, &s, &e, NULL, &error), 0);
    bad = student_block(m, model_values(m));
    bad[0] = (float)NAN; /* of the embedding's first row: token 0, which no row holds */
    for (size_t i = 0; i < 48; i++)
        bad[48 * 7 + i] = (float)NAN; /* token 7 */
    b->ops->upload(b, model_values(m), bad, DTYPE_F32);
    before = student_block(m, model_values(m));
    assert_int_equal(learner_step(&l, &p, &p.steps[0], &result, &error), -1);
    assert_int_equal(error.code, ERROR_FAILED);
    assert_non_null(strstr(error.text, "is not a number at step 9 (rows "));
    after = student_block(m, model_values(m));
    assert_memory_equal(before, after, n * sizeof *before);
    mem_free(bad);
    mem_free(before);
    mem_free(after);
    pack_free(&p);
    learner_close(&l);
    model_free(m);
    student_free(&e);
}

static void test_stop_between_micro_batches(void **state)
{
    struct train_settings s = student_settings(NULL);
    struct examples e = student_examples(ROWS, 40);
    struct error error = {ERROR_NONE, ""};
    struct model *m = student_model(&s);
    struct learner l;
    struct learner_step result = {.number = 1};
    struct pack p = plan(&e, 64);
    (void)state;
    assert_int_equal(learner_open(&l, m, &s, &e, NULL, &error), 0);
    signals_raise(15);
    assert_int_equal(learner_step(&l, &p, &p.steps[0], &result, &error), -1);
    assert_int_equal(error.code, ERROR_INTERRUPTED);
    signals_reset();
    pack_free(&p);
    learner_close(&l);
    model_free(m);
    student_free(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_however_cut),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_learns_by_heart),
        cmocka_unit_test(test_not_a_number),
        cmocka_unit_test(test_stop_between_micro_batches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
