#include "train/distill/teacher.h"

#include "core/mem.h"
#include "core/vec.h"
#include "model/digest.h"

#include <string.h>

struct teacher {
    struct model *models[DISTILL_TEACHERS];
    double weights[DISTILL_TEACHERS];
    size_t n;
    int64_t common;
    struct backend *b;  /* of the first: what `mean` belongs to */
    struct tensor mean; /* [most, common], with several teachers */
    struct pool *pool;
    int32_t rows;  /* supervised, of the batch in hand */
    float *logits; /* host [most, common], for the most likely tokens */
    int32_t *ids;  /* [most, k] */
    float *logprobs;
    size_t cap_logits, cap_ids, cap_logprobs;
};

int teacher_digest(const struct distill_options *o, struct hash128 *out, struct error *error)
{
    struct hash128 all = hash128(NULL, 0), one;
    for (size_t i = 0; i < o->n_teachers; i++) {
        const struct distill_teacher *t = &o->teachers[i];
        const int type = (int)t->type;
        if (digest_folder(t->folder, true, &one, error) != 0)
            return error_wrap(error, "train.distill.teacher");
        all = hash128_add(all, &one, sizeof one);
        all = hash128_add(all, &t->weight, sizeof t->weight);
        all = hash128_add(all, &type, sizeof type);
    }
    *out = all;
    return 0;
}

/* --- does it fit the student? --------------------------------------------------------------- */

/* The first id whose pieces differ, or -1. */
static int32_t first_difference(const struct tokenizer *a, const struct tokenizer *b, int32_t n)
{
    for (int32_t id = 0; id < n; id++) {
        const bool hole =
            tokenizer_type(a, id) == TOKEN_HOLE || tokenizer_type(b, id) == TOKEN_HOLE;
        if (!hole && !slice_equal(tokenizer_piece(a, id), tokenizer_piece(b, id)))
            return id;
    }
    return -1;
}

static int check_tokens(const struct teacher_setup *s, const char *folder,
                        const struct tokenizer *t, struct buf *warnings, struct error *error)
{
    const int32_t mine = tokenizer_size(s->tokenizer), its = tokenizer_size(t);
    const int32_t least = mine < its ? mine : its;
    const int32_t id = strcmp(tokenizer_digest(t), tokenizer_digest(s->tokenizer)) == 0
                           ? -1
                           : first_difference(s->tokenizer, t, least);
    if (id >= 0) {
        const struct slice a = tokenizer_piece(t, id), b = tokenizer_piece(s->tokenizer, id);
        return error_set(error, ERROR_INPUT,
                         "%s: its tokens are not the student's (id %d is \"%.*s\" there and "
                         "\"%.*s\" here); serve it with `retort serve`, generate with gen.logprobs "
                         "and set train.distill.teacher to \"labels\", which aligns by bytes",
                         folder, (int)id, (int)a.len, a.data, (int)b.len, b.data);
    }
    if (mine != its)
        buf_printf(warnings, "%s: %d tokens, the student has %d; the first %d are the same\n",
                   folder, (int)its, (int)mine, (int)least);
    return 0;
}

static int check_one(const struct teacher_setup *s, const char *folder, int64_t *common,
                     struct buf *warnings, struct error *error)
{
    struct model_config c;
    struct tokenizer *t;
    int status;
    if (config_read(&c, folder, error) != 0)
        return -1;
    t = tokenizer_load(folder, error);
    status = t != NULL ? check_tokens(s, folder, t, warnings, error) : -1;
    if (status == 0 && c.vocab != s->vocab)
        buf_printf(warnings, "%s: %d embeddings, the student has %d; the first %d are compared\n",
                   folder, (int)c.vocab, (int)s->vocab,
                   (int)(c.vocab < s->vocab ? c.vocab : s->vocab));
    if (c.vocab < *common)
        *common = c.vocab;
    tokenizer_free(t);
    config_clear(&c);
    return status;
}

int teacher_check(const struct teacher_setup *s, int64_t *common, struct buf *warnings,
                  struct error *error)
{
    *common = s->vocab;
    for (size_t i = 0; i < s->options->n_teachers; i++)
        if (check_one(s, s->options->teachers[i].folder, common, warnings, error) != 0)
            return error_wrap(error, "train.distill.teacher");
    return 0;
}

static struct model_options options_of(const struct teacher_setup *s, size_t i)
{
    return (struct model_options){.backend = s->backend,
                                  .pool = s->pool,
                                  .method = MODEL_FROZEN,
                                  .frozen_type = s->options->teachers[i].type};
}

int teacher_memory(const struct teacher_setup *s, int64_t *bytes, struct error *error)
{
    *bytes = 0;
    for (size_t i = 0; i < s->options->n_teachers; i++) {
        const struct model_options o = options_of(s, i);
        struct model_config c;
        if (config_read(&c, s->options->teachers[i].folder, error) != 0)
            return -1;
        *bytes += model_memory(&c, &o, &s->limits).total;
        config_clear(&c);
    }
    return 0;
}

/* --- in memory ------------------------------------------------------------------------------ */

struct teacher *teacher_open(const struct teacher_setup *s, int64_t common, struct error *error)
{
    struct teacher *t = mem_zero(1, sizeof *t);
    t->common = common;
    t->pool = s->pool;
    for (size_t i = 0; i < s->options->n_teachers; i++) {
        const struct model_options o = options_of(s, i);
        struct model *m = model_load(s->options->teachers[i].folder, &o, error);
        if (m == NULL || model_reserve(m, &s->limits, error) != 0) {
            model_free(m);
            teacher_close(t);
            error_wrap(error, "train.distill.teacher");
            return NULL;
        }
        t->models[t->n] = m;
        t->weights[t->n++] = s->options->teachers[i].weight;
    }
    t->b = model_backend(t->models[0]);
    if (t->n > 1) {
        const int64_t most = model_rows_most(t->models[0]);
        t->mean = backend_block(t->b, most * common, "the teachers' mean", error);
        if (!tensor_present(t->mean)) {
            teacher_close(t);
            return NULL;
        }
        t->mean = tensor_reshape(t->mean, most, common);
    }
    return t;
}

void teacher_close(struct teacher *t)
{
    if (t == NULL)
        return;
    if (tensor_present(t->mean))
        t->b->ops->release(t->b, t->mean.data);
    for (size_t i = 0; i < t->n; i++)
        model_free(t->models[i]);
    mem_free(t->logits);
    mem_free(t->ids);
    mem_free(t->logprobs);
    mem_free(t);
}

const struct model_config *teacher_config(const struct teacher *t)
{
    return model_config(t->models[0]);
}

int teacher_forward(struct teacher *t, const struct batch *b, const struct model_watch *watch,
                    struct error *error)
{
    t->rows = b->supervised;
    for (size_t i = 0; i < t->n; i++) {
        const struct model_pass pass = {.batch = *b, .watch = i == 0 ? watch : NULL};
        if (model_rows_begin(t->models[i], &pass, error) != 0)
            return error_wrap(error, "the teacher");
    }
    return 0;
}

struct tensor teacher_chunk(struct teacher *t, int32_t first, int32_t n)
{
    struct tensor sum;
    if (t->n == 1)
        return tensor_cols(model_rows_chunk(t->models[0], first, n), 0, t->common);
    sum = tensor_rows(t->mean, 0, n);
    t->b->ops->zero(t->b, sum);
    for (size_t i = 0; i < t->n; i++) {
        const struct tensor one =
            tensor_cols(model_rows_chunk(t->models[i], first, n), 0, t->common);
        t->b->ops->scale(t->b, one, t->weights[i]);
        t->b->ops->add(t->b, sum, one);
    }
    return sum;
}

int32_t teacher_most(const struct teacher *t)
{
    return model_rows_most(t->models[0]);
}

struct tensor teacher_rows(struct teacher *t, int32_t first, int32_t *n)
{
    const int32_t left = t->rows - first, most = teacher_most(t);
    *n = left < most ? left : most;
    return teacher_chunk(t, first, *n);
}

struct backend *teacher_backend(const struct teacher *t)
{
    return t->b;
}

/* --- the most likely tokens ----------------------------------------------------------------- */

struct pick {
    const float *logits;
    size_t common, k;
    double temperature;
    int32_t *ids;
    float *logprobs;
};

static void pick_row(void *context, size_t row, int worker)
{
    const struct pick *p = context;
    (void)worker;
    soft_top_of(p->logits + row * p->common, p->common, p->temperature, p->k, p->ids + row * p->k,
                p->logprobs + row * p->k);
}

int teacher_label(struct teacher *t, size_t k, double temperature, struct labels *out,
                  struct error *error)
{
    const size_t common = (size_t)t->common, most = (size_t)teacher_most(t);
    const int32_t rows = t->rows;
    struct pick p;
    k = k < common ? k : common;
    t->logits = vec_reserve(t->logits, &t->cap_logits, most * common, sizeof *t->logits);
    t->ids = vec_reserve(t->ids, &t->cap_ids, most * k, sizeof *t->ids);
    t->logprobs = vec_reserve(t->logprobs, &t->cap_logprobs, most * k, sizeof *t->logprobs);
    p = (struct pick){t->logits, common, k, temperature, t->ids, t->logprobs};
    for (int32_t at = 0, n; at < rows; at += n) {
        t->b->ops->download(t->b, teacher_rows(t, at, &n), t->logits, DTYPE_F32);
        if (t->b->ops->sync(t->b, error) != 0)
            return -1;
        pool_run(t->pool, (size_t)n, pick_row, &p);
        for (size_t i = 0; i < (size_t)n; i++)
            labels_add(out, p.ids + i * k, p.logprobs + i * k, k);
    }
    return 0;
}
