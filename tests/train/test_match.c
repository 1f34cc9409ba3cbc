/*
 * Intermediate matches: ../shared/golden/models/intermediate_losses.json, values and gradients, and
 * finite differences for projections.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/model/golden.h"
#include "train/distill/match.h"
#include "train/distill/projection.h"

enum { BATCH = 2, LENGTH = 6, WIDTH = 8, WIDE = 12, HEADS = 3, MOST = HEADS * LENGTH * LENGTH };

static struct json *file;

/* Numbers of a nested list, in order. */
static size_t flatten(const struct json *x, double *out)
{
    size_t n = 0;
    if (json_type(x) != JSON_ARRAY) {
        *out = json_number(x, (double)NAN);
        return 1;
    }
    for (const struct json *y = json_first(x); y != NULL; y = json_next(y))
        n += flatten(y, out + n);
    return n;
}

/* One row of the batch of an input. */
static void input(const char *name, size_t row, double *out)
{
    flatten(json_at(json_get(json_get(file, "inputs"), name), row), out);
}

static double worst_of(const struct json *grads, const char *name, size_t row, const double *got,
                       double factor)
{
    const struct json *want = json_get(grads, name);
    double x[MOST], top = 0, worst = 0;
    size_t n;
    if (want == NULL)
        return 0;
    n = flatten(json_at(want, row), x);
    for (size_t i = 0; i < n; i++)
        top = fmax(top, fabs(x[i]));
    for (size_t i = 0; i < n; i++)
        worst = fmax(worst, fabs(factor * got[i] - x[i]) / fmax(fabs(x[i]), 0.01 * top));
    return worst;
}

struct entry {
    const char *name, *kind, *s1, *s2, *t1, *t2;
};
static const struct entry entries[] = {
    {"hidden_mse", "hidden_mse", "s1", NULL, "t1", NULL},
    {"cos", "cos", "s1", NULL, "t1", NULL},
    {"pkd", "pkd", "s1", NULL, "t1", NULL},
    {"fsp", "gram", "s1", "s2", "t1", "t2"},
    {"nst", "nst", "s1", "s2", "wide_t1", "wide_t2"},
    {"attention_mse", "attention_mse", "att_prob_s", NULL, "att_prob_t", NULL},
    {"attention_mse_sum", "attention_mse_sum", "att_prob_s", NULL, "att_prob_t", NULL},
    {"attention_ce", "attention_ce", "att_s", NULL, "att_t", NULL},
    {"attention_ce_mean", "attention_ce_mean", "att_s", NULL, "att_t", NULL},
};

struct sums {
    double loss, measure;
    double d1[BATCH][MOST], d2[BATCH][MOST];
};

static void run(const struct entry *e, const char *mask, struct sums *out)
{
    const struct match_kind *kind = match_find(e->kind, NULL);
    memset(out, 0, sizeof *out);
    for (size_t b = 0; b < BATCH; b++) {
        double m[LENGTH], s1[MOST], s2[MOST], t1[MOST], t2[MOST];
        struct match_row r = {.n = LENGTH,
                              .width = WIDTH,
                              .teacher_width = strcmp(e->t1, "wide_t1") == 0 ? WIDE : WIDTH,
                              .heads = HEADS,
                              .teacher_heads = HEADS,
                              .mask = m,
                              .s[0] = s1,
                              .s[1] = s2,
                              .t[0] = t1,
                              .t[1] = t2,
                              .ds[0] = out->d1[b],
                              .ds[1] = out->d2[b]};
        flatten(json_at(json_get(json_get(file, "masks"), mask), b), m);
        input(e->s1, b, s1);
        input(e->t1, b, t1);
        if (e->s2 != NULL) {
            input(e->s2, b, s2);
            input(e->t2, b, t2);
        }
        out->loss += kind->row(&r);
        out->measure += kind->measure(&r);
    }
}

static double check(const struct entry *e, const char *mask)
{
    char key[64];
    static struct sums s;
    const struct json *want;
    double value, worst;
    snprintf(key, sizeof key, "%s@%s", e->name, mask);
    want = json_get(json_get(file, "losses"), key);
    assert_non_null(want);
    run(e, mask, &s);
    value = json_number(json_get(want, "value"), (double)NAN);
    worst = fabs(s.loss / s.measure - value) / fabs(value);
    for (size_t b = 0; b < BATCH; b++) {
        const struct json *grads = json_get(want, "grads");
        worst = fmax(worst, worst_of(grads, e->s1, b, s.d1[b], 1 / s.measure));
        if (e->s2 != NULL)
            worst = fmax(worst, worst_of(grads, e->s2, b, s.d2[b], 1 / s.measure));
    }
    if (!(worst < 1e-6))
        print_message("%s: %.2g\n", key, worst);
    return worst;
}

/* hidden_mse of a projected state against a wider one. */
static double check_projected(enum match_activation a, const char *name, const char *mask)
{
    const struct projection p = {a, WIDTH, WIDE, 0, 1};
    const struct match_kind *kind = match_find("hidden_mse", NULL);
    double w[WIDE * WIDTH + WIDE], dw[WIDE * WIDTH + WIDE] = {0}, want_w[WIDE * WIDTH], top = 0;
    double dx[BATCH][LENGTH * WIDTH] = {{0}}, loss = 0, measure = 0, worst, value;
    const struct json *want, *grads;
    char key[64];
    snprintf(key, sizeof key, "hidden_mse_proj_%s@%s", name, mask);
    want = json_get(json_get(file, "losses"), key);
    assert_non_null(want);
    flatten(json_get(json_get(file, "inputs"), "proj_w"), w);
    flatten(json_get(json_get(file, "inputs"), "proj_b"), w + WIDE * WIDTH);
    for (size_t b = 0; b < BATCH; b++) {
        double m[LENGTH], s[MOST], t[MOST], y[LENGTH * WIDE], dy[LENGTH * WIDE] = {0};
        struct match_row r = {
            .n = LENGTH, .width = WIDE, .mask = m, .s[0] = y, .t[0] = t, .ds[0] = dy};
        struct projection_grad g = {s, y, dy, dx[b], dw};
        flatten(json_at(json_get(json_get(file, "masks"), mask), b), m);
        input("s1", b, s);
        input("wide_t1", b, t);
        projection_forward(&p, w, s, LENGTH, y);
        loss += kind->row(&r);
        measure += kind->measure(&r);
        projection_backward(&p, w, &g, LENGTH);
    }
    value = json_number(json_get(want, "value"), (double)NAN);
    worst = fabs(loss / measure - value) / value;
    grads = json_get(want, "grads");
    for (size_t b = 0; b < BATCH; b++)
        worst = fmax(worst, worst_of(grads, "s1", b, dx[b], 1 / measure));
    assert_int_equal(flatten(json_get(grads, "proj_w"), want_w), WIDE * WIDTH);
    for (size_t i = 0; i < WIDE * WIDTH; i++)
        top = fmax(top, fabs(want_w[i]));
    for (size_t i = 0; i < WIDE * WIDTH; i++)
        worst = fmax(worst, fabs(dw[i] / measure - want_w[i]) / fmax(fabs(want_w[i]), 0.01 * top));
    assert_int_equal(flatten(json_get(grads, "proj_b"), want_w), WIDE);
    for (size_t i = 0; i < WIDE; i++)
        worst = fmax(worst, fabs(dw[WIDE * WIDTH + i] / measure - want_w[i]) /
                                fmax(fabs(want_w[i]), 0.01 * top));
    return worst;
}

static void test_golden(void **state)
{
    static const char *const masks[] = {"all", "padded"};
    double worst = 0;
    size_t n = 0;
    (void)state;
    if (!file_exists(GOLDEN "/intermediate_losses.json")) {
        print_message("SKIP: ../shared/golden/models is not here\n");
        skip();
    }
    file = golden_json(GOLDEN, "intermediate_losses.json");
    for (size_t m = 0; m < 2; m++) {
        for (size_t i = 0; i < sizeof entries / sizeof *entries; i++, n++)
            worst = fmax(worst, check(&entries[i], masks[m]));
        worst = fmax(worst, check_projected(MATCH_LINEAR, "linear", masks[m]));
        worst = fmax(worst, check_projected(MATCH_RELU, "relu", masks[m]));
        worst = fmax(worst, check_projected(MATCH_TANH, "tanh", masks[m]));
        n += 3;
    }
    print_message("%zu golden entries, values and gradients: %.2g\n", n, worst);
    assert_int_equal(n, json_count(json_get(file, "losses")));
    assert_true(worst < 1e-6);
    json_free(file);
}

/* --- projections: finite differences --------------------------------------------------------- */

static double projected_loss(const struct projection *p, const double *w, const double *x,
                             const double *t)
{
    double y[4 * WIDE], sum = 0;
    projection_forward(p, w, x, 4, y);
    for (size_t i = 0; i < 4 * WIDE; i++)
        sum += (y[i] - t[i]) * (y[i] - t[i]);
    return sum;
}

static void test_projection(void **state)
{
    double worst = 0;
    (void)state;
    for (int a = MATCH_LINEAR; a <= MATCH_TANH; a++) {
        const struct projection p = {(enum match_activation)a, WIDTH, WIDE, 0, 1};
        double w[WIDE * WIDTH + WIDE], x[4 * WIDTH], t[4 * WIDE], y[4 * WIDE], dy[4 * WIDE];
        double dx[4 * WIDTH] = {0}, dw[WIDE * WIDTH + WIDE] = {0};
        struct projection_grad g = {x, y, dy, dx, dw};
        for (size_t i = 0; i < WIDE * WIDTH + WIDE; i++)
            w[i] = sin(1 + 7 * (double)i);
        for (size_t i = 0; i < 4 * WIDTH; i++)
            x[i] = cos(3 * (double)i);
        for (size_t i = 0; i < 4 * WIDE; i++)
            t[i] = sin(5 * (double)i);
        projection_forward(&p, w, x, 4, y);
        for (size_t i = 0; i < 4 * WIDE; i++)
            dy[i] = 2 * (y[i] - t[i]);
        projection_backward(&p, w, &g, 4);
        for (size_t i = 0; i < WIDE * WIDTH + WIDE + 4 * WIDTH; i++) {
            const bool weight = i < WIDE * WIDTH + WIDE;
            double *at = weight ? &w[i] : &x[i - WIDE * WIDTH - WIDE], old = *at, up, down;
            *at = old + 1e-6;
            up = projected_loss(&p, w, x, t);
            *at = old - 1e-6;
            down = projected_loss(&p, w, x, t);
            *at = old;
            worst = fmax(worst,
                         fabs((up - down) / 2e-6 - (weight ? dw[i] : dx[i - WIDE * WIDTH - WIDE])));
        }
    }
    print_message("projections: finite differences %.2g\n", worst);
    assert_true(worst < 1e-6);
}

static void test_names(void **state)
{
    struct error error = {ERROR_NONE, ""};
    (void)state;
    assert_null(match_find("hidden", &error));
    assert_non_null(strstr(error.text, "hidden_mse, cos"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_projection),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
