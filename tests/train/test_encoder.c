/*
 * Losses of encoder students: against finite differences, against each other, and through micro-
 * batches; examples out of labelled rows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/mem.h"
#include "core/rng.h"
#include "model/encoding.h"
#include "train/encoder.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 4, CLASSES = 3, SPAN = 7 };

struct fixture {
    struct examples e;
    struct example items[ROWS];
    int32_t targets[ROWS * SPAN], feed_targets[ROWS * SPAN], starts[ROWS + 1];
    float soft[ROWS * CLASSES];
    uint32_t which[ROWS];
    struct feed feed;
};

/* Rows of one token with a class; or windows of SPAN tokens with an answer. */
static void fill(struct fixture *f, bool spans)
{
    const size_t length = spans ? SPAN : 1;
    struct rng r = rng_new(3, spans);
    memset(f, 0, sizeof *f);
    for (size_t i = 0; i < ROWS; i++) {
        f->items[i] =
            (struct example){.first = i * length, .length = (uint32_t)length, .supervised = 1};
        f->which[i] = (uint32_t)i;
        f->starts[i + 1] = (int32_t)((i + 1) * length);
        for (size_t k = 0; k < length && spans; k++)
            f->targets[i * length + k] = (k == i) | (k == i + 2) << 1;
        if (!spans)
            f->targets[i] = f->feed_targets[i] = (int32_t)rng_below(&r, CLASSES);
        for (size_t k = 0; k < CLASSES; k++)
            f->soft[i * CLASSES + k] =
                i == 1 ? (float)NAN : (float)(1 + k + i) / (float)(6 + 3 * i);
    }
    f->e = (struct examples){.items = f->items,
                             .n = ROWS,
                             .targets = f->targets,
                             .soft = f->soft,
                             .classes = spans ? 2 : CLASSES,
                             .spans = spans};
    f->feed.targets = f->feed_targets;
    f->feed.batch = (struct batch){.starts = f->starts,
                                   .segments = ROWS,
                                   .supervised = (int32_t)(ROWS * length)};
}

/* The sum of the losses of logits z; grad may be NULL. */
static double loss_of(struct encoder_loss *l, struct fixture *f, const double *z, double *grad)
{
    struct error error;
    struct backend *b = backend_reference.open(NULL, &error);
    const int64_t n = f->feed.batch.supervised, c = f->e.classes;
    struct tensor logits = tensor_reshape(backend_block(b, n * c, "z", &error), n, c);
    struct tensor losses = backend_block(b, n, "losses", &error);
    const struct model_loss *loss = encoder_loss_for(l, &f->e, &f->feed, f->which);
    double host[ROWS * SPAN], sum = 0;
    assert_non_null(loss);
    b->ops->upload(b, logits, z, DTYPE_F64);
    assert_int_equal(loss->rows(loss->context,
                                &(struct model_rows){.b = b,
                                                     .logits = logits,
                                                     .losses = losses,
                                                     .gradient = grad != NULL},
                                &error),
                     0);
    b->ops->download(b, losses, host, DTYPE_F64);
    for (int64_t i = 0; i < n; i++)
        sum += host[i];
    if (grad != NULL)
        b->ops->download(b, logits, grad, DTYPE_F64);
    b->ops->release(b, logits.data);
    b->ops->release(b, losses.data);
    b->ops->close(b);
    return sum;
}

static void check(const struct encoder_settings *s, bool spans)
{
    struct encoder_loss l;
    struct fixture f;
    double z[ROWS * SPAN * 3], grad[ROWS * SPAN * 3], worst = 0;
    struct rng r = rng_new(9, 2);
    size_t n;
    fill(&f, spans);
    n = (size_t)f.feed.batch.supervised * (size_t)f.e.classes;
    encoder_loss_open(&l, s);
    for (size_t i = 0; i < n; i++)
        z[i] = 2 * rng_uniform(&r) - 1;
    (void)loss_of(&l, &f, z, grad);
    for (size_t i = 0; i < n; i++) {
        const double keep = z[i], step = 1e-5;
        double up, down;
        z[i] = keep + step;
        up = loss_of(&l, &f, z, NULL);
        z[i] = keep - step;
        down = loss_of(&l, &f, z, NULL);
        z[i] = keep;
        worst = fmax(worst, fabs((up - down) / (2 * step) - grad[i]));
    }
    printf("finite differences, %s: %.1e\n", spans ? "spans" : "classes", worst);
    assert_true(worst < 1e-8);
    encoder_loss_close(&l);
}

static void test_differences(void **state)
{
    (void)state;
    check(&(struct encoder_settings){.task = LABELLED_CLASSIFY,
                                     .hard_weight = 0.3,
                                     .temperature = 2},
          false);
    check(&(struct encoder_settings){.task = LABELLED_CLASSIFY, .hard_weight = 0, .temperature = 1},
          false);
    check(&(struct encoder_settings){.task = LABELLED_ANSWER, .temperature = 1}, true);
}

/* A student that says what the teacher says has no soft loss and no gradient. */
static void test_equal(void **state)
{
    const struct encoder_settings s = {.task = LABELLED_CLASSIFY,
                                       .hard_weight = 0,
                                       .temperature = 3};
    struct encoder_loss l;
    struct fixture f;
    double z[ROWS * CLASSES], grad[ROWS * CLASSES];
    (void)state;
    fill(&f, false);
    memcpy(f.soft + CLASSES, f.soft, CLASSES * sizeof *f.soft);
    for (size_t i = 0; i < ROWS * CLASSES; i++)
        z[i] = log((double)f.soft[i]) + 5;
    encoder_loss_open(&l, &s);
    assert_true(fabs(loss_of(&l, &f, z, grad)) < 1e-6);
    for (size_t i = 0; i < ROWS * CLASSES; i++)
        assert_true(fabs(grad[i]) < 1e-6);
    encoder_loss_close(&l);
    /* tags and hard labels need no loss of their own */
    encoder_loss_open(&l, &(struct encoder_settings){.task = LABELLED_TAG});
    assert_null(encoder_loss_for(&l, &f.e, &f.feed, f.which));
    encoder_loss_close(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_differences),
        cmocka_unit_test(test_equal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
