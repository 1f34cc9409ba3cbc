/*
 * Soft-label losses: ../shared/golden/models/distill_losses.json on both backends, values and
 * gradients; finite differences for what is not in it; nothing where student and teacher agree.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/model/golden.h"

enum { ROWS = 12, VOCAB = 40, TOP = 8 };

struct golden {
    struct json *file;
    double teacher[ROWS * VOCAB], student[ROWS * VOCAB], mask[ROWS], n;
    int32_t gold[ROWS];
    int32_t ids[ROWS * TOP];
    float at1[ROWS * TOP], at_t[ROWS * TOP];
    struct soft_top top[ROWS];
};

/* One operation on one backend: the parts of each row and the gradient of the sum. */
static void run(const struct backend_ops *ops, struct soft_op *op, const double *student,
                const double *teacher, double *gradient)
{
    struct backend *b = ops->open(NULL, NULL);
    struct tensor all = backend_block(b, 2 * ROWS * VOCAB + ROWS, "a test", NULL);
    op->logits = tensor_reshape(tensor_cols(all, 0, ROWS * VOCAB), ROWS, VOCAB);
    op->losses = tensor_cols(all, 2 * ROWS * VOCAB, ROWS);
    op->teacher = TENSOR_ABSENT;
    ops->upload(b, op->logits, student, DTYPE_F64);
    if (teacher != NULL) {
        op->teacher = tensor_reshape(tensor_cols(all, ROWS * VOCAB, ROWS * VOCAB), ROWS, VOCAB);
        ops->upload(b, op->teacher, teacher, DTYPE_F64);
    }
    ops->soft_loss(b, op);
    ops->download(b, op->logits, gradient, DTYPE_F64);
    ops->release(b, all.data);
    ops->close(b);
}

static void read_matrix(const struct json *rows, double *out)
{
    for (size_t i = 0; i < ROWS; i++)
        for (size_t j = 0; j < VOCAB; j++)
            out[i * VOCAB + j] = json_number(json_at(json_at(rows, i), j), (double)NAN);
}

static double lse_of(const double *z, double t)
{
    double sum = 0;
    for (size_t j = 0; j < VOCAB; j++)
        sum += exp(z[j] / t);
    return log(sum);
}

static struct golden *open_golden(void)
{
    struct golden *g = mem_zero(1, sizeof *g);
    if (!file_exists(GOLDEN "/distill_losses.json")) {
        print_message("SKIP: ../shared/golden/models is not here\n");
        mem_free(g);
        return NULL;
    }
    g->file = golden_json(GOLDEN, "distill_losses.json");
    assert_non_null(g->file);
    read_matrix(json_get(g->file, "teacher"), g->teacher);
    read_matrix(json_get(g->file, "student"), g->student);
    for (size_t i = 0; i < ROWS; i++) {
        const struct json *ids = json_at(json_get(g->file, "top8_indices"), i);
        const struct json *lps = json_at(json_get(g->file, "top8_logprobs_T1"), i);
        g->mask[i] = json_number(json_at(json_get(g->file, "mask"), i), (double)NAN);
        g->n += g->mask[i];
        g->gold[i] = (int32_t)json_number(json_at(json_get(g->file, "gold"), i), -1);
        for (size_t k = 0; k < TOP; k++) {
            g->ids[i * TOP + k] = (int32_t)json_number(json_at(ids, k), -1);
            g->at1[i * TOP + k] = (float)json_number(json_at(lps, k), (double)NAN);
        }
    }
    return g;
}

static void close_golden(struct golden *g)
{
    json_free(g->file);
    mem_free(g);
}

/* The most likely tokens at temperature t, or those of T = 1 as they were stored. */
static const struct soft_top *tops(struct golden *g, double t, bool stored)
{
    for (size_t i = 0; i < ROWS; i++) {
        const double *z = g->teacher + i * VOCAB, lse = lse_of(z, t);
        for (size_t k = 0; k < TOP; k++)
            g->at_t[i * TOP + k] = (float)(z[g->ids[i * TOP + k]] / t - lse);
        g->top[i] = (struct soft_top){.ids = g->ids + i * TOP,
                                      .logprobs = (stored ? g->at1 : g->at_t) + i * TOP,
                                      .n = TOP,
                                      .temperature = stored ? 1 : (float)t};
    }
    return g->top;
}

static double relative(double got, double want, double scale)
{
    return fabs(got - want) / fmax(fabs(want), scale);
}

static double largest(const struct json *rows)
{
    double top = 0;
    for (size_t i = 0; i < ROWS; i++)
        for (size_t j = 0; j < VOCAB; j++)
            top = fmax(top, fabs(json_number(json_at(json_at(rows, i), j), 0)));
    return top;
}

/* Worst relative error of values, and of gradients relative to the entry or 1 % of the largest. */
static double compare(const struct golden *g, const struct json *want,
                      const struct soft_parts *parts, const double *gradient)
{
    const struct json *rows = json_get(want, "grad"), *tokens = json_get(want, "per_token");
    const double scale = 0.01 * largest(rows), t = json_number(json_get(want, "T"), 1);
    double sum = 0, worst = 0;
    for (size_t i = 0; i < ROWS; i++) {
        const double loss = parts[i].soft + parts[i].hard;
        sum += g->mask[i] * loss;
        if (tokens != NULL)
            worst = fmax(worst, relative(loss / (t * t), json_number(json_at(tokens, i), 0), 1e-9));
        for (size_t j = 0; j < VOCAB; j++)
            worst = fmax(worst, relative(g->mask[i] * gradient[i * VOCAB + j] / g->n,
                                         json_number(json_at(json_at(rows, i), j), 0), scale));
    }
    return fmax(worst, relative(sum / g->n, json_number(json_get(want, "loss"), 0), 1e-12));
}

struct entry {
    const char *name, *loss;
    bool top, stored;
    enum soft_tail tail;
    double hard;
};
static const struct entry entries[] = {
    {"fkl", "fkl", false, false, SOFT_BUCKET, 0},
    {"rkl", "rkl", false, false, SOFT_BUCKET, 0},
    {"sfkl", "sfkl", false, false, SOFT_BUCKET, 0},
    {"srkl", "srkl", false, false, SOFT_BUCKET, 0},
    {"jsd", "jsd", false, false, SOFT_BUCKET, 0},
    {"tvd", "tvd", false, false, SOFT_BUCKET, 0},
    {"ce_soft", "ce", false, false, SOFT_BUCKET, 0},
    {"fkl_top8_tail", "fkl", true, false, SOFT_BUCKET, 0},
    {"fkl_top8_tail_retempered", "fkl", true, true, SOFT_BUCKET, 0},
    {"fkl_top8_renormalised", "fkl", true, false, SOFT_RENORMALISE, 0},
    {"ce_plus_fkl", "fkl", false, false, SOFT_BUCKET, 0.3},
};

static double check_entry(struct golden *g, const struct entry *e, double t,
                          const struct backend_ops *ops)
{
    char key[64];
    struct soft_parts parts[ROWS];
    double gradient[ROWS * VOCAB];
    const struct soft_how how = {.loss = soft_find(e->loss, NULL),
                                 .temperature = t,
                                 .t_squared = true,
                                 .lambda = 0.1,
                                 .beta = 0.5,
                                 .soft = 1 - e->hard,
                                 .hard = e->hard,
                                 .tail = e->tail};
    struct soft_op op = {.how = &how,
                         .targets = g->gold,
                         .top = e->top ? tops(g, t, e->stored) : NULL,
                         .parts = parts,
                         .gradient = true};
    const struct json *want;
    snprintf(key, sizeof key, "%s@T%d", e->name, (int)t);
    want = json_get(json_get(g->file, "losses"), key);
    assert_non_null(want);
    run(ops, &op, g->student, e->top ? NULL : g->teacher, gradient);
    return compare(g, want, parts, gradient);
}

static void test_golden(void **state)
{
    struct golden *g = open_golden();
    double worst[2] = {0, 0};
    size_t n = 0;
    (void)state;
    if (g == NULL)
        skip();
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
        for (int t = 1; t <= 2; t++, n++) {
            const double exact = check_entry(g, &entries[i], t, &backend_reference);
            const double fast = check_entry(g, &entries[i], t, &backend_cpu);
            if (exact > 1e-6 || fast > 1e-4)
                print_message("%s@T%d: reference %.2g, cpu %.2g\n", entries[i].name, t, exact,
                              fast);
            worst[0] = fmax(worst[0], exact);
            worst[1] = fmax(worst[1], fast);
        }
    print_message("%zu golden entries, values and gradients: reference %.2g, cpu %.2g\n", n,
                  worst[0], worst[1]);
    assert_int_equal(n, json_count(json_get(g->file, "losses")));
    assert_true(worst[0] < 1e-6);
    assert_true(worst[1] < 1e-4);
    close_golden(g);
}

/* --- made-up rows ------------------------------------------------------------------------- */

static void make_rows(double *z, double scale, uint64_t seed)
{
    for (size_t i = 0; i < ROWS * VOCAB; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        z[i] = scale * ((double)(seed >> 33) / 0x1p30 - 1);
    }
}

static const int32_t some_gold[ROWS] = {3, 0, 39, 7, 8, 9, 10, 11, 12, 13, 14, 15};

/* Soft labels of the k most likely tokens of z at temperature t. */
static void make_tops(const double *z, double t, int32_t k, int32_t *ids, float *lps,
                      struct soft_top *top)
{
    for (size_t i = 0; i < ROWS; i++) {
        const double *row = z + i * VOCAB, lse = lse_of(row, t);
        bool taken[VOCAB] = {false};
        for (int32_t n = 0; n < k; n++) {
            int32_t best = -1;
            for (int32_t j = 0; j < VOCAB; j++)
                if (!taken[j] && (best < 0 || row[j] > row[best]))
                    best = j;
            taken[best] = true;
            ids[i * TOP + (size_t)n] = best;
            lps[i * TOP + (size_t)n] = (float)(row[best] / t - lse);
        }
        top[i] = (struct soft_top){ids + i * TOP, lps + i * TOP, k, (float)t};
    }
}

static double sum_of(struct soft_op *op, const double *student, const double *teacher)
{
    struct soft_parts parts[ROWS];
    double gradient[ROWS * VOCAB], sum = 0;
    op->parts = parts;
    run(&backend_reference, op, student, teacher, gradient);
    for (size_t i = 0; i < ROWS; i++)
        sum += parts[i].soft + parts[i].hard;
    return sum;
}

static double differences(struct soft_op *op, double *student, const double *teacher)
{
    struct soft_parts parts[ROWS];
    double gradient[ROWS * VOCAB], worst = 0;
    const double step = 1e-5;
    op->parts = parts;
    op->gradient = true;
    run(&backend_reference, op, student, teacher, gradient);
    op->gradient = false;
    for (size_t i = 0; i < ROWS * VOCAB; i += 7) {
        const double x = student[i];
        double up, down;
        student[i] = x + step;
        up = sum_of(op, student, teacher);
        student[i] = x - step;
        down = sum_of(op, student, teacher);
        student[i] = x;
        worst = fmax(worst, fabs((up - down) / (2 * step) - gradient[i]));
    }
    return worst;
}

/* Every loss, every tail policy it takes, both with and without hard labels, T and T^2. */
static void test_finite_differences(void **state)
{
    double student[ROWS * VOCAB], teacher[ROWS * VOCAB], worst = 0;
    int32_t ids[ROWS * TOP];
    float lps[ROWS * TOP];
    struct soft_top top[ROWS];
    (void)state;
    make_rows(student, 2, 1);
    make_rows(teacher, 3, 2);
    make_tops(teacher, 1, TOP, ids, lps, top);
    for (size_t k = 0; soft_losses[k] != NULL; k++)
        for (int how_many = 0; how_many < 16; how_many++) {
            struct soft_how how = {.loss = soft_losses[k],
                                   .temperature = how_many & 1 ? 1.7 : 1,
                                   .t_squared = how_many & 1,
                                   .lambda = 0.3,
                                   .beta = 0.2,
                                   .soft = 0.6,
                                   .hard = how_many & 2 ? 0.4 : 0,
                                   .tail = (enum soft_tail)(how_many >> 2),
                                   .shift = how_many & 1};
            const bool full = how_many >> 2 == 3;
            struct soft_op op = {.how = &how, .targets = some_gold, .top = full ? NULL : top};
            double d;
            if (full)
                how.tail = SOFT_BUCKET;
            else if (soft_losses[k]->logits ||
                     (how.tail != SOFT_BUCKET && !soft_losses[k]->zero_tail))
                continue;
            d = differences(&op, student, full ? teacher : NULL);
            if (d > 1e-7)
                print_message("%s, case %d: %.2g\n", soft_losses[k]->name, how_many, d);
            worst = fmax(worst, d);
        }
    print_message("finite differences: %.2g\n", worst);
    assert_true(worst < 1e-7);
}

static void test_nothing_to_learn(void **state)
{
    double student[ROWS * VOCAB], gradient[ROWS * VOCAB];
    static const struct backend_ops *const both[] = {&backend_reference, &backend_cpu};
    struct soft_parts parts[ROWS];
    (void)state;
    make_rows(student, 4, 5);
    for (size_t k = 0; soft_losses[k] != NULL; k++) {
        const struct soft_how how = {.loss = soft_losses[k],
                                     .temperature = 2,
                                     .t_squared = true,
                                     .lambda = 0.1,
                                     .beta = 0.3,
                                     .soft = 1};
        for (size_t b = 0; b < 2; b++) {
            struct soft_op op = {.how = &how,
                                 .targets = some_gold,
                                 .parts = parts,
                                 .gradient = true};
            double worst = 0;
            run(both[b], &op, student, student, gradient);
            for (size_t i = 0; i < ROWS; i++)
                assert_true(strcmp(how.loss->name, "ce") == 0 || fabs(parts[i].soft) < 1e-6);
            for (size_t i = 0; i < ROWS * VOCAB; i++)
                worst = fmax(worst, fabs(gradient[i]));
            if (worst >= 1e-10)
                print_message("%s on %s: %.2g\n", how.loss->name, both[b]->name, worst);
            assert_true(worst < (how.loss->ranks ? 1e-10 : 1e-15));
        }
    }
}

/* Labels of a temperature are those of another after retempering where nothing is in the tail. */
static void test_backends_agree_on_hostile_rows(void **state)
{
    double student[ROWS * VOCAB], a[ROWS * VOCAB], b[ROWS * VOCAB];
    int32_t ids[ROWS * TOP];
    float lps[ROWS * TOP];
    struct soft_top top[ROWS];
    struct soft_parts pa[ROWS], pb[ROWS];
    (void)state;
    make_rows(student, 60, 9);
    make_tops(student, 1, TOP, ids, lps, top);
    for (size_t i = 0; i < ROWS; i++) { /* probabilities of nothing, of too much, of one token */
        for (size_t k = 0; k < TOP; k++)
            lps[i * TOP + k] = i % 3 == 0 ? -200 : i % 3 == 1 ? 0 : k == 0 ? 0 : -1000;
        top[i].n = i == 5 ? 0 : TOP;
    }
    for (size_t k = 0; soft_losses[k] != NULL; k++) {
        const struct soft_how how = {.loss = soft_losses[k],
                                     .temperature = 1,
                                     .lambda = 0.1,
                                     .beta = 0.5,
                                     .soft = 1,
                                     .hard = 0.5};
        struct soft_op op = {.how = &how, .targets = some_gold, .top = top, .gradient = true};
        if (how.loss->logits)
            continue;
        op.parts = pa;
        run(&backend_reference, &op, student, NULL, a);
        op.parts = pb;
        run(&backend_cpu, &op, student, NULL, b);
        for (size_t i = 0; i < ROWS; i++) {
            const double x = pb[i].soft + pb[i].hard, y = pa[i].soft + pa[i].hard;
            if (!(relative(x, y, 1) < 1e-4))
                print_message("%s row %zu: %g, %g\n", how.loss->name, i, x, y);
            assert_true(relative(x, y, 1) < 1e-4);
        }
        for (size_t i = 0; i < ROWS * VOCAB; i++)
            assert_true(isfinite(a[i]) && fabs(a[i] - b[i]) < 1e-3 * (1 + fabs(a[i])));
    }
}

/* The first `vocab` logits of each student's row against the teacher's first `common`. */
static void run_part(const struct backend_ops *ops, struct soft_op *op, int64_t vocab,
                     int64_t common, double *gradient)
{
    double student[ROWS * VOCAB], teacher[ROWS * VOCAB];
    struct backend *b = ops->open(NULL, NULL);
    struct tensor all = backend_block(b, 2 * ROWS * VOCAB + ROWS, "a test", NULL);
    make_rows(student, 2, 1);
    make_rows(teacher, 3, 2);
    op->logits = tensor_reshape(tensor_cols(all, 0, ROWS * vocab), ROWS, vocab);
    op->teacher = tensor_reshape(tensor_cols(all, ROWS * VOCAB, ROWS * common), ROWS, common);
    op->losses = tensor_cols(all, 2 * ROWS * VOCAB, ROWS);
    for (int64_t i = 0; i < ROWS; i++) {
        ops->upload(b, tensor_rows(op->logits, i, 1), student + i * VOCAB, DTYPE_F64);
        ops->upload(b, tensor_rows(op->teacher, i, 1), teacher + i * VOCAB, DTYPE_F64);
    }
    ops->soft_loss(b, op);
    ops->download(b, op->logits, gradient, DTYPE_F64);
    ops->release(b, all.data);
    ops->close(b);
}

/* Vocabularies of one family (152,064 and 151,936 in small): what only the student has neither
 * costs nor is moved. */
static void test_common_part(void **state)
{
    static const struct backend_ops *const both[] = {&backend_reference, &backend_cpu};
    const int64_t common = VOCAB - 5;
    double wide[ROWS * VOCAB], narrow[ROWS * VOCAB];
    static const int32_t gold[ROWS] = {0};
    struct soft_parts a[ROWS], z[ROWS];
    (void)state;
    for (size_t k = 0; soft_losses[k] != NULL; k++)
        for (size_t b = 0; b < 2; b++) {
            const struct soft_how how = {
                .loss = soft_losses[k], .temperature = 2, .lambda = 0.1, .beta = 0.3, .soft = 1};
            struct soft_op op = {.how = &how, .targets = gold, .parts = a, .gradient = true};
            if (how.loss->ranks)
                continue; /* sorts whatever there is */
            run_part(both[b], &op, VOCAB, common, wide);
            op.parts = z;
            run_part(both[b], &op, common, common, narrow);
            for (int64_t i = 0; i < ROWS; i++) {
                assert_true(relative(a[i].soft, z[i].soft, 1e-3) < (b == 0 ? 1e-12 : 1e-5));
                for (int64_t j = 0; j < VOCAB; j++) {
                    const double want = j < common ? narrow[i * common + j] : 0;
                    assert_true(fabs(wide[i * VOCAB + j] - want) < (b == 0 ? 1e-12 : 1e-5));
                }
            }
        }
}

static void test_names(void **state)
{
    struct error error = {ERROR_NONE, ""};
    (void)state;
    assert_null(soft_find("klx", &error));
    assert_non_null(strstr(error.text, "fkl, rkl"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_finite_differences),
        cmocka_unit_test(test_nothing_to_learn),
        cmocka_unit_test(test_backends_agree_on_hostile_rows),
        cmocka_unit_test(test_common_part),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
