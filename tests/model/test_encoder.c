/*
 * Encoders against ../shared/golden/models/bert: logits, loss, gradients, weights after 1 and 5
 * AdamW steps, with both backends, packed and apart; every layout of memory gives the same; heads
 * are put on and taken off.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/checkpoint.h"
#include "model/generate.h"
#include "tests/model/golden.h"

static const char dir[] = GOLDEN "/bert";

static bool missing(void)
{
    if (file_is_dir(dir))
        return false;
    printf("SKIP: %s is not here\n", dir);
    return true;
}

static struct model *load(const char *from, const struct model_options *o)
{
    struct error error;
    struct model *m = model_load(from, o, &error);
    if (m == NULL)
        fail_msg("%s", error.text);
    return m;
}

enum { MAX_TOKENS = 64, SENTENCES = 3, CLASSES = 3 };

struct sentences {
    struct batch batch;
    int32_t ids[MAX_TOKENS], types[MAX_TOKENS], starts[SENTENCES + 1];
    int32_t rows[SENTENCES], targets[SENTENCES];
};

/* Sentences [first, last) without their padding. */
static void fill(struct sentences *s, const struct json *g, size_t first, size_t last)
{
    const struct json *mask = json_get(g, "attention_mask");
    int32_t n = 0, k = 0;
    for (size_t i = first; i < last; i++) {
        s->starts[k] = s->rows[k] = n;
        s->targets[k++] = (int32_t)json_number(json_at(json_get(g, "labels"), i), -1);
        for (size_t t = 0; t < json_count(json_at(mask, i)); t++) {
            if (json_number(json_at(json_at(mask, i), t), 0) == 0)
                continue;
            s->types[n] =
                (int32_t)json_number(json_at(json_at(json_get(g, "token_type_ids"), i), t), -1);
            s->ids[n++] =
                (int32_t)json_number(json_at(json_at(json_get(g, "input_ids"), i), t), -1);
        }
    }
    s->starts[k] = n;
    s->batch = (struct batch){.ids = s->ids,
                              .types = s->types,
                              .starts = s->starts,
                              .rows = s->rows,
                              .targets = s->targets,
                              .tokens = n,
                              .segments = k,
                              .supervised = k};
}

static double check_logits(struct model *m, const struct json *g)
{
    struct sentences s;
    float got[SENTENCES * CLASSES];
    struct error error;
    double worst = 0;
    fill(&s, g, 0, SENTENCES);
    if (model_logits(m, &s.batch, s.rows, SENTENCES, got, &error) != 0)
        fail_msg("%s", error.text);
    for (size_t i = 0; i < SENTENCES * CLASSES; i++)
        worst =
            fmax(worst,
                 fabs((double)got[i] -
                      json_number(json_at(json_at(json_get(g, "logits"), i / CLASSES), i % CLASSES),
                                  (double)NAN)));
    return worst;
}

static struct golden_error check_tensors(struct model *m, const struct json *g, const char *key,
                                         bool gradients)
{
    struct golden_error worst = {0, 0};
    size_t seen = 0;
    for (size_t i = 0; i < model_parameter_count(m); i++) {
        const struct model_parameter p = model_parameter(m, i);
        const struct json *summary = json_get(json_get(g, key), p.name);
        const size_t n = (size_t)(p.shape[0] * p.shape[1]);
        float *x = mem_alloc(n * sizeof *x);
        if (summary == NULL)
            fail_msg("%s is not in the golden file", p.name);
        seen++;
        if (gradients)
            model_parameter_gradient(m, i, x);
        else
            model_parameter_get(m, i, x);
        for (size_t k = 0; k < n && gradients; k++)
            x[k] /= SENTENCES;
        /* softmax cancels the key's bias: its gradient is noise */
        if (strstr(p.name, "key.bias") == NULL)
            golden_compare(summary, x, n, &worst);
        mem_free(x);
    }
    assert_int_equal(seen, json_count(json_get(g, key)));
    return worst;
}

static void check_training(const struct model_options *o, const char *what, bool apart)
{
    struct json *g = golden_json(dir, "golden.json");
    struct model *m = load(dir, o);
    struct backend *b = model_backend(m);
    struct error error;
    struct tensor first = backend_block(b, model_values(m).cols, "first", &error);
    struct tensor second = backend_block(b, model_values(m).cols, "second", &error);
    double logits = check_logits(m, g), losses = 0, grads = 0, step1 = 0, step5 = 0;
    assert_int_equal(config_parameters(model_config(m)), model_total(m));
    for (int step = 0; step <= 5; step++) {
        double loss = 0, want;
        model_step_begin(m);
        for (size_t i = 0; i < (apart ? SENTENCES : 1); i++) {
            struct sentences s;
            struct model_pass pass = {.backward = true, .training = true};
            double sum;
            fill(&s, g, apart ? i : 0, apart ? i + 1 : SENTENCES);
            pass.batch = s.batch;
            if (model_pass(m, &pass, &sum, &error) != 0)
                fail_msg("%s", error.text);
            loss += sum / SENTENCES;
        }
        want = step == 5 ? json_number(json_get(g, "loss_after_last_step"), (double)NAN)
                         : json_number(json_at(json_get(g, "loss_before_step"), (size_t)step),
                                       (double)NAN);
        losses = fmax(losses, fabs(loss - want));
        if (step == 0)
            grads = check_tensors(m, g, "grads", true).relative;
        model_adamw(m, first, second,
                    &(struct adamw){.rate = 1e-3,
                                    .beta1 = 0.9,
                                    .beta2 = 0.999,
                                    .epsilon = 1e-8,
                                    .decay = 0.01,
                                    .step = step + 1,
                                    .grad_scale = 1.0 / SENTENCES});
        if (step == 0)
            step1 = check_tensors(m, g, "params_after_1_step", false).relative;
        if (step == 4)
            step5 = check_tensors(m, g, "params_after_5_steps", false).relative;
    }
    printf("bert, %s: logits %.1e loss %.1e gradients %.1e, after 1 step %.1e, after 5 %.1e\n",
           what, logits, losses, grads, step1, step5);
    assert_true(logits < 2e-6 && losses < 5e-6 && grads < 1e-5);
    assert_true(step1 < 1e-4 && step5 < 2e-3);
    b->ops->release(b, first.data);
    b->ops->release(b, second.data);
    model_free(m);
    json_free(g);
}

static void test_golden(void **state)
{
    struct pool *pool = pool_new(3);
    (void)state;
    if (missing())
        skip();
    check_training(&(struct model_options){.backend = &backend_reference,
                                           .method = MODEL_FULL,
                                           .decay_all = true},
                   "reference", false);
    check_training(&(struct model_options){.method = MODEL_FULL, .decay_all = true}, "cpu apart",
                   true);
    check_training(&(struct model_options){.method = MODEL_FULL, .decay_all = true, .pool = pool},
                   "cpu packed, 3 threads", false);
    pool_free(pool);
}

/* Recomputed layers, and what is kept lying over the gradients, change nothing. */
static void test_memory(void **state)
{
    const struct model_options o = {.method = MODEL_FULL};
    const struct model_limits limits[] = {
        {.tokens = 60, .supervised = 3, .backward = true},
        {.tokens = 60, .supervised = 3, .backward = true, .recompute = true},
        {.tokens = 60, .supervised = 3, .backward = true, .one_pass = true}};
    struct json *g;
    double norms[3], sums[3];
    (void)state;
    if (missing())
        skip();
    g = golden_json(dir, "golden.json");
    for (size_t i = 0; i < 3; i++) {
        struct model *m = load(dir, &o);
        struct sentences s;
        struct model_pass pass = {.backward = true};
        struct error error;
        fill(&s, g, 0, SENTENCES);
        pass.batch = s.batch;
        assert_int_equal(model_reserve(m, &limits[i], &error), 0);
        model_step_begin(m);
        assert_int_equal(model_pass(m, &pass, &sums[i], &error), 0);
        norms[i] = model_gradient_norm(m);
        assert_true(sums[i] == sums[0] && norms[i] == norms[0]);
        model_free(m);
    }
    json_free(g);
}

/* A folder with three classes becomes one that tags tokens with five, or finds spans. */
static void test_heads(void **state)
{
    static const char *const names[] = {"O", "B-PER", "I-PER", "B-LOC", "I-LOC"};
    char to[] = "/tmp/retort-encoder-XXXXXX";
    struct buf text = BUF;
    struct error error;
    struct json *g;
    (void)state;
    if (missing())
        skip();
    g = golden_json(dir, "golden.json");
    assert_non_null(mkdtemp(to));
    for (enum head_kind head = HEAD_TOKEN; head <= HEAD_SPAN; head++) {
        struct model *m =
            load(dir, &(struct model_options){.method = MODEL_FULL,
                                              .head = head,
                                              .classes = head == HEAD_TOKEN ? names : NULL,
                                              .n_classes = 5});
        float got[MAX_TOKENS * 5], again[MAX_TOKENS * 5];
        int32_t rows[MAX_TOKENS];
        struct sentences s;
        const size_t width = head == HEAD_TOKEN ? 5 : 2;
        fill(&s, g, 0, SENTENCES);
        for (int32_t i = 0; i < s.batch.tokens; i++)
            rows[i] = i;
        assert_int_equal(model_logits(m, &s.batch, rows, s.batch.tokens, got, &error), 0);
        assert_int_equal(checkpoint_write(m, to, &(struct checkpoint_options){.type = DTYPE_F32},
                                          &error),
                         0);
        model_free(m);
        m = load(to, &(struct model_options){.method = MODEL_FROZEN});
        assert_int_equal(model_config(m)->head, head);
        assert_int_equal(config_classes(model_config(m)), width);
        config_class_name(model_config(m), 1, &text);
        assert_string_equal(buf_text(&text), head == HEAD_TOKEN ? "B-PER" : "LABEL_1");
        buf_clear(&text);
        assert_int_equal(model_logits(m, &s.batch, rows, s.batch.tokens, again, &error), 0);
        assert_memory_equal(got, again, (size_t)s.batch.tokens * width * sizeof *got);
        model_free(m);
    }
    buf_free(&text);
    json_free(g);
    assert_int_equal(file_remove_tree(to, &error), 0);
}

/* What an encoder cannot do is said in a line. */
static void test_refused(void **state)
{
    struct error error;
    struct model *m;
    struct sentences s;
    struct json *g;
    double loss;
    (void)state;
    if (missing())
        skip();
    g = golden_json(dir, "golden.json");
    m = load(dir, &(struct model_options){.method = MODEL_FROZEN});
    assert_null(generator_new(m, &(struct generator_options){1, 16}, &error));
    assert_non_null(strstr(error.text, "does not write"));
    fill(&s, g, 0, SENTENCES);
    s.types[4] = 2;
    assert_int_equal(model_pass(m, &(struct model_pass){.batch = s.batch}, &loss, &error), -1);
    assert_non_null(strstr(error.text, "token type 2"));
    s.types[4] = 0;
    s.targets[1] = 3;
    assert_int_equal(model_pass(m, &(struct model_pass){.batch = s.batch}, &loss, &error), -1);
    assert_non_null(strstr(error.text, "target id 3"));
    model_free(m);
    assert_null(model_load(dir,
                           &(struct model_options){.method = MODEL_LORA,
                                                   .lora = {.rank = 2, .targets = LORA_ALL}},
                           &error));
    assert_non_null(strstr(error.text, "encoder"));
    json_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_heads),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
