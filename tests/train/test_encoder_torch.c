/*
 * BERT, RoBERTa and DistilBERT with each head against PyTorch: logits, loss and every gradient of
 * tests/train/encoders (made by make.py there), or of the folders that are named, in which
 * make.py --of has left what transformers says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/file.h"
#include "core/mem.h"
#include "model/safetensors.h"
#include "train/encoder.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEQUENCES = 3, MOST = 64 };

static char **folders;
static int n_folders;

/* Tensor `name` of the golden file as floats; the caller frees them. */
static float *floats(const struct safetensors *s, const char *name, size_t *n)
{
    const struct safetensors_entry *e = safetensors_find(s, name);
    struct error error;
    float *x;
    *n = 1;
    if (e == NULL)
        fail_msg("%s is not in the golden file", name);
    for (int i = 0; i < e->dims; i++)
        *n *= (size_t)e->shape[i];
    x = mem_alloc(*n * sizeof *x);
    assert_int_equal(safetensors_floats(e, 0, *n, x, &error), 0);
    return x;
}

struct sequences {
    struct examples e;
    struct example items[SEQUENCES];
    uint8_t mask[MOST];
    int32_t ids[MOST], types[MOST], targets[MOST];
    float soft[SEQUENCES * MOST];
};

/* The golden file's sequences as the trainer's examples. */
static void fill(struct sequences *s, const struct safetensors *g, enum head_kind head)
{
    size_t at = 0;
    memset(s, 0, sizeof *s);
    for (size_t i = 0; i < SEQUENCES; i++) {
        char name[32];
        size_t n, k;
        float *ids, *types, *targets;
        (void)snprintf(name, sizeof name, "inputs.%zu", i);
        ids = floats(g, name, &n);
        (void)snprintf(name, sizeof name, "types.%zu", i);
        types = floats(g, name, &k);
        (void)snprintf(name, sizeof name, "targets.%zu", i);
        targets = floats(g, name, &k);
        assert_true(at + n <= MOST);
        s->items[i] = (struct example){.first = at,
                                       .length = (uint32_t)n,
                                       .supervised = head == HEAD_TOKEN ? (uint32_t)n - 2 : 1};
        for (k = 0; k < n; k++) {
            s->ids[at + k] = (int32_t)ids[k];
            s->types[at + k] = (int32_t)types[k];
            s->targets[at + k] = head == HEAD_TOKEN ? (int32_t)fmaxf(targets[k], -1)
                                 : head == HEAD_SEQUENCE
                                     ? (k == 0 ? (int32_t)targets[0] : -1)
                                     : ((float)k == targets[0]) | ((float)k == targets[1]) << 1;
        }
        at += n;
        mem_free(ids);
        mem_free(types);
        mem_free(targets);
    }
    for (size_t i = 0; i < SEQUENCES * MOST; i++)
        s->soft[i] = NAN;
    s->e = (struct examples){.items = s->items,
                             .n = SEQUENCES,
                             .ids = s->ids,
                             .mask = s->mask,
                             .types = s->types,
                             .targets = s->targets,
                             .soft = s->soft,
                             .n_tokens = at,
                             .classes = 1,
                             .spans = head == HEAD_SPAN};
}

static double worst_logit(struct model *m, const struct feed *feed, const struct safetensors *g)
{
    const int32_t classes = config_classes(model_config(m)), rows = feed->batch.supervised;
    float *got = mem_alloc((size_t)(rows * classes) * sizeof *got);
    double worst = 0, size = 0;
    struct error error;
    int32_t row = 0;
    if (model_logits(m, &feed->batch, feed->rows, rows, got, &error) != 0)
        fail_msg("%s", error.text);
    for (int32_t s = 0; s < SEQUENCES; s++) {
        char name[32];
        size_t n;
        float *want;
        (void)snprintf(name, sizeof name, "logits.%d", (int)s);
        want = floats(g, name, &n);
        for (; row < rows && feed->rows[row] < feed->starts[s + 1]; row++)
            for (int32_t c = 0; c < classes; c++) {
                const size_t of = model_config(m)->head == HEAD_SEQUENCE
                                      ? 0
                                      : (size_t)(feed->rows[row] - feed->starts[s]);
                const double w = (double)want[of * (size_t)classes + (size_t)c];
                worst = fmax(worst, fabs((double)got[row * classes + c] - w));
                size = fmax(size, fabs(w));
            }
        mem_free(want);
    }
    mem_free(got);
    assert_int_equal(row, rows);
    return worst / size;
}

/* The worst gradient, relative to the L2 of its tensor. */
static double worst_gradient(struct model *m, const struct safetensors *g)
{
    const double all = model_gradient_norm(m);
    double worst = 0;
    size_t seen = 0, want_seen = 0;
    for (size_t i = 0; i < safetensors_count(g); i++)
        want_seen += strncmp(safetensors_at(g, i)->name, "grad.", 5) == 0;
    for (size_t i = 0; i < model_parameter_count(m); i++) {
        const struct model_parameter p = model_parameter(m, i);
        char name[256];
        double square = 0, off = 0;
        size_t n;
        float *want, *got;
        (void)snprintf(name, sizeof name, "grad.%s", p.name);
        want = floats(g, name, &n);
        seen++;
        got = mem_alloc(n * sizeof *got);
        assert_true((size_t)(p.shape[0] * p.shape[1]) == n);
        model_parameter_gradient(m, i, got);
        for (size_t k = 0; k < n; k++) {
            square += (double)want[k] * (double)want[k];
            off = fmax(off, fabs((double)got[k] - (double)want[k]));
        }
        /* softmax cancels the key's bias: its gradient is noise around zero */
        worst = fmax(worst, off / fmax(sqrt(square), 1e-2 * all));
        mem_free(want);
        mem_free(got);
    }
    assert_int_equal(seen, want_seen);
    return worst;
}

static void check(const char *folder, const struct backend_ops *const backend)
{
    struct error error;
    char *path = file_join(folder, "golden.safetensors");
    struct safetensors *g = safetensors_open(path, &error);
    const bool trains = g != NULL && safetensors_find(g, "loss") != NULL;
    struct model *m =
        model_load(folder,
                   &(struct model_options){.method = trains ? MODEL_FULL : MODEL_FROZEN,
                                           .backend = backend},
                   &error);
    struct encoder_settings settings = {.hard_weight = 1, .temperature = 1};
    const uint32_t which[SEQUENCES] = {0, 1, 2};
    struct model_pass pass = {.backward = true, .training = true};
    struct sequences s;
    struct encoder_loss loss;
    struct feed feed = FEED;
    double sum = 0, logits, gradient, off;
    float *want;
    size_t n;
    if (m == NULL || g == NULL)
        fail_msg("%s", error.text);
    settings.task = model_config(m)->head == HEAD_SPAN    ? LABELLED_ANSWER
                    : model_config(m)->head == HEAD_TOKEN ? LABELLED_TAG
                                                          : LABELLED_CLASSIFY;
    fill(&s, g, model_config(m)->head);
    encoder_loss_open(&loss, &settings);
    feed_fill(&feed, &s.e, which, SEQUENCES);
    logits = worst_logit(m, &feed, g);
    if (!trains) { /* of 8 bits: a rounding turned over moves the rest */
        printf("%s: logits %.1e\n", strrchr(folder, '/') + 1, logits);
        assert_true(logits < 1e-2);
        goto done;
    }
    pass.batch = feed.batch;
    pass.loss = encoder_loss_for(&loss, &s.e, &feed, which);
    model_step_begin(m);
    if (model_pass(m, &pass, &sum, &error) != 0)
        fail_msg("%s", error.text);
    want = floats(g, "loss", &n);
    off = fabs(sum - (double)*want) / (double)*want;
    gradient = worst_gradient(m, g);
    printf("%s: logits %.1e loss %.1e gradients %.1e\n", strrchr(folder, '/') + 1, logits, off,
           gradient);
    assert_true(logits < 1e-5 && off < 1e-5 && gradient < 1e-5);
    mem_free(want);
done:
    mem_free(path);
    encoder_loss_close(&loss);
    feed_free(&feed);
    safetensors_close(g);
    model_free(m);
}

static void test_torch(void **state)
{
    static const char *const made[] = {"bert-sequence",       "bert-span",
                                       "bert-token",          "roberta-sequence",
                                       "roberta-span",        "roberta-token",
                                       "distilbert-sequence", "distilbert-span",
                                       "distilbert-token"};
    (void)state;
    for (int i = 0; i < n_folders; i++)
        check(folders[i], NULL);
    for (size_t i = 0; n_folders == 0 && i < sizeof made / sizeof *made; i++) {
        char *folder = file_join("tests/train/encoders", made[i]);
        check(folder, NULL);
        check(folder, &backend_reference);
        mem_free(folder);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_torch)};
    folders = argv + 1;
    n_folders = argc - 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
