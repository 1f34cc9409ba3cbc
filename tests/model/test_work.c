/*
 * No product is made that the gradients do not need: the multiply-adds that a step asks its backend
 * for, against the least there can be.
 */
#include "tests/model/pass.h"

static double asked; /* operations of all products so far */

static void count(struct backend *b, const struct matmul *p)
{
    const int64_t k = p->ta ? p->a.rows : p->a.cols;
    asked += 2 * (double)p->c.rows * (double)p->c.cols * (double)k;
    backend_cpu.matmul(b, p);
}

static struct backend_ops counting;

static struct backend *open_counting(struct pool *pool, struct error *error)
{
    struct backend *b = backend_cpu.open(pool, error);
    b->ops = &counting;
    return b;
}

/* What a step asks for, and the least by model_flops (attention and all, adapters apart). */
static double asked_of(const char *text, struct model_options o, double *least)
{
    const struct data d = make_data();
    struct model_pass pass = {.training = true, .backward = true};
    struct data part;
    struct model *m;
    struct error error;
    double loss;
    o.backend = &counting;
    m = make(text, &o);
    pass.batch = cut(&d, 0, ROWS, &part);
    model_step_begin(m);
    asked = 0;
    if (model_pass(m, &pass, &loss, &error) != 0)
        fail_msg("%s", error.text);
    *least = model_flops(model_config(m), &o, &pass.batch, true);
    model_free(m);
    return asked;
}

/* Of model_flops, what attention is: seven products over half of each segment's square. */
static double attention_of(double layers, double width)
{
    const struct data d = make_data();
    double pairs = 0;
    for (int s = 0; s < ROWS; s++) {
        const double n = d.starts[s + 1] - d.starts[s];
        pairs += n * (n + 1) / 2;
    }
    return 7 * 2 * pairs * layers * width;
}

static void test_least_work(void **state)
{
    const struct data d = make_data();
    const double tokens = d.starts[ROWS];
    struct model_options o = {.method = MODEL_FULL, .seed = 4};
    const char *const frozen[] = {"*embed*", "*norm*"};
    double least, got;
    (void)state;
    counting = backend_cpu;
    counting.open = open_counting;
    counting.matmul = count;

    got = asked_of(LLAMA, o, &least);
    least -= attention_of(3, 48);
    print_message("full: %.4f of the least\n", got / least);
    assert_true(fabs(got / least - 1) < 1e-9);

    /* Nothing below the lowest q, k and v learns: nobody wants the gradient of what comes in. */
    o.freeze = frozen;
    o.n_freeze = 2;
    got = asked_of(LLAMA, o, &least);
    least -= attention_of(3, 48) + 2 * tokens * 48 * (48 + 2 * 16);
    print_message("full, embeddings and norms frozen: %.4f\n", got / least);
    assert_true(fabs(got / least - 1) < 1e-9);

    /* LoRA: no weight gradient of the base.  An adapter's own products, on q and v with rank 2:
     * x A^T, the gradient of A and, above the lowest layer, of x; low B^T, the gradients of low and
     * of B. */
    o = (struct model_options){.method = MODEL_LORA,
                               .seed = 4,
                               .lora = {.rank = 2, .alpha = 4, .targets = LORA_Q | LORA_V}};
    got = asked_of(LLAMA, o, &least);
    least -= attention_of(3, 48) + 2 * tokens * 48 * (48 + 2 * 16);
    got -= 3 * 2 * tokens * (3 * 4 * 48 + 3 * 2 * (48 + 16)) - 2 * tokens * 4 * 48;
    print_message("LoRA without its own products: %.4f\n", got / least);
    assert_true(fabs(got / least - 1) < 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_least_work)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
