/*
 * The head: final norm and lm_head on supervised rows only, in chunks of rows, each chunk fused
 * with its loss and its gradients; a logits matrix of all tokens never exists.
 */
#include "model/transformer.h"

struct weight head_weight(const struct model *m)
{
    return tensor_present(m->p.head.value) ? m->p.head : m->p.embed;
}

/* The final norm of supervised rows. */
static struct norm norm_of(const struct model *m, int64_t rows)
{
    return (struct norm){.kind = m->config.norm,
                         .x = tensor_rows(m->ws.hs, 0, rows),
                         .y = tensor_rows(m->ws.hn, 0, rows),
                         .stats = tensor_rows(m->ws.stats, 0, rows),
                         .weight = m->p.final_norm.value,
                         .bias = m->p.final_bias.value,
                         .dy = tensor_top(m->ws.dhn, rows),
                         .dweight = m->p.final_norm.gradient,
                         .dbias = m->p.final_bias.gradient,
                         .epsilon = m->config.norm_epsilon};
}

void head_gather(const struct run *r, int64_t rows)
{
    struct model *m = r->m;
    struct norm p;
    if (m->config.encoder) {
        encoder_gather(r, rows);
        return;
    }
    p = norm_of(m, rows);
    if (r->narrow > 0)
        m->ops->copy(m->b, p.x, tensor_top(m->ws.last, rows));
    else
        m->ops->gather(m->b, p.x, tensor_top(m->ws.last, r->tokens), m->ws.rows);
    m->ops->norm(m->b, &p);
}

static int default_loss(const struct run *r, struct tensor logits, struct tensor losses,
                        int32_t first)
{
    const struct model *m = r->m;
    const struct tensor targets = tensor_cols(m->ws.targets, first, logits.rows);
    struct tensor weights = TENSOR_ABSENT;
    if (r->pass->batch.weights != NULL)
        weights = tensor_cols(m->ws.weights, first, logits.rows);
    m->ops->cross_entropy(m->b, logits, losses, targets, weights, r->pass->backward);
    return 0;
}

static int chunk_loss(const struct run *r, struct tensor logits, struct tensor losses,
                      int32_t first, struct error *error)
{
    const struct model_loss *loss = r->pass->loss;
    if (loss == NULL)
        return default_loss(r, logits, losses, first);
    return loss->rows(loss->context,
                      &(struct model_rows){r->m->b, logits, losses, first, r->pass->backward},
                      error);
}

/* Rows [first, first + n) of the normed hidden states: logits, loss, gradients. */
static int chunk(const struct run *r, int32_t first, int32_t n, struct error *error)
{
    struct model *m = r->m;
    const struct weight head = head_weight(m);
    const struct tensor logits = tensor_top(m->ws.logits, n), hn = tensor_rows(m->ws.hn, first, n);
    const bool begun = first > 0 || !m->fresh;
    transformer_matmul(m, (struct matmul){.c = logits,
                                          .a = hn,
                                          .b = head.value,
                                          .tb = true,
                                          .alpha = 1,
                                          .half = m->options.half});
    if (tensor_present(m->p.head_bias.value))
        m->ops->add_bias(m->b, logits, m->p.head_bias.value);
    if (chunk_loss(r, logits, tensor_cols(m->ws.losses, first, n), first, error) != 0)
        return -1;
    if (!r->pass->backward)
        return 0;
    if (tensor_present(head.gradient))
        transformer_matmul(m, (struct matmul){.c = head.gradient,
                                              .a = logits,
                                              .b = hn,
                                              .ta = true,
                                              .alpha = 1,
                                              .beta = begun ? 1 : 0,
                                              .half = m->options.half});
    if (tensor_present(m->p.head_bias.gradient))
        m->ops->bias_back(m->b, m->p.head_bias.gradient, logits);
    transformer_matmul(m, (struct matmul){.c = tensor_rows(m->ws.dhn, first, n),
                                          .a = logits,
                                          .b = head.value,
                                          .alpha = 1,
                                          .half = m->options.half});
    return 0;
}

/* From the gradient of the normed supervised rows to that of the stream. */
static void spread(const struct run *r)
{
    struct model *m = r->m;
    const int64_t n = r->supervised;
    const struct tensor dx = tensor_top(m->ws.dx, r->tokens);
    struct norm p;
    if (m->config.encoder) {
        encoder_spread(r);
        return;
    }
    p = norm_of(m, n);
    /* hn is used up; what is narrow goes on where it came from */
    p.dx = tensor_rows(r->narrow > 0 ? m->ws.last : m->ws.hn, 0, n);
    m->ops->zero(m->b, p.dx);
    m->ops->norm_back(m->b, &p);
    if (r->narrow > 0)
        return;
    m->ops->zero(m->b, dx);
    m->ops->scatter(m->b, dx, p.dx, m->ws.rows, false);
}

static double sum_losses(const struct run *r, struct error *error, int *status)
{
    struct model *m = r->m;
    const size_t n = (size_t)r->supervised;
    double *host = m->ws.host_losses, sum = 0;
    m->ops->download(m->b, tensor_cols(m->ws.losses, 0, r->supervised), host, DTYPE_F64);
    *status = m->ops->sync(m->b, error);
    for (size_t i = 0; i < n; i++) {
        sum += host[i];
        if (r->pass->row_losses != NULL)
            r->pass->row_losses[i] = (float)host[i];
    }
    return sum;
}

int head_pass(const struct run *r, double *loss, struct error *error)
{
    struct model *m = r->m;
    const int32_t n = (int32_t)r->supervised, step = (int32_t)m->ws.logits.rows;
    int status = 0;
    *loss = 0;
    if (n == 0) {
        if (r->pass->backward)
            m->ops->zero(m->b, tensor_top(m->ws.dx, r->tokens));
        return 0;
    }
    head_gather(r, n);
    for (int32_t first = 0; first < n; first += step)
        if (chunk(r, first, n - first < step ? n - first : step, error) != 0)
            return -1;
    if (r->pass->backward)
        spread(r);
    *loss = sum_losses(r, error, &status);
    return status;
}
