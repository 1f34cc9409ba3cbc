#include "serve/score.h"

#include "core/mem.h"
#include "model/backend.h"

#include <math.h>

double score_norm(const float *logits, int32_t vocab)
{
    float most = -INFINITY;
    double sum = 0;
    for (int32_t i = 0; i < vocab; i++)
        if (logits[i] > most)
            most = logits[i];
    for (int32_t i = 0; i < vocab; i++)
        sum += (double)expf(logits[i] - most);
    return (double)most + log(sum);
}

void score_top(const float *logits, int32_t vocab, double norm, struct score_alternative *top,
               int n)
{
    int have = 0;
    for (int32_t id = 0; id < vocab; id++) {
        const float l = (float)((double)logits[id] - norm);
        int at = have < n ? have++ : n;
        if (at == n && (n == 0 || !(l > top[n - 1].logprob)))
            continue;
        if (at == n)
            at = n - 1;
        for (; at > 0 && top[at - 1].logprob < l; at--)
            top[at] = top[at - 1];
        top[at] = (struct score_alternative){id, l};
    }
}

struct scoring {
    score_fn *fn;
    void *context;
    float *host; /* logits of one row */
};

/* The model's loss hook: a piece of rows at a time, so that memory does not grow with the text. */
static int hear_rows(void *context, const struct model_rows *rows, struct error *error)
{
    struct scoring *s = context;
    struct backend *b = rows->b;
    for (int32_t i = 0; i < (int32_t)rows->logits.rows; i++) {
        b->ops->download(b, tensor_rows(rows->logits, i, 1), s->host, DTYPE_F32);
        if (b->ops->sync(b, error) != 0)
            return -1;
        s->fn(s->context, rows->first + i + 1, s->host);
    }
    b->ops->zero(b, rows->losses);
    return 0;
}

int score_text(struct model *m, const int32_t *ids, int32_t n, score_fn *fn, void *context,
               struct error *error)
{
    const int32_t starts[2] = {0, n};
    struct scoring s = {fn, context, NULL};
    const struct model_loss loss = {hear_rows, &s};
    struct model_pass pass = {.loss = &loss};
    int32_t *rows = mem_alloc((size_t)n * sizeof *rows);
    double sum;
    int rc;
    for (int32_t i = 0; i + 1 < n; i++)
        rows[i] = i;
    s.host = mem_alloc((size_t)model_config(m)->vocab * sizeof *s.host);
    pass.batch = (struct batch){.ids = ids,
                                .starts = starts,
                                .rows = rows,
                                .targets = ids + 1,
                                .tokens = n,
                                .segments = 1,
                                .supervised = n - 1};
    rc = model_pass(m, &pass, &sum, error);
    mem_free(s.host);
    mem_free(rows);
    return rc;
}
