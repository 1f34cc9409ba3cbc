/* One linear layer, its bias and its LoRA adapter, forward and backward. */
#include "model/transformer.h"

void transformer_matmul(const struct model *m, struct tensor c, struct tensor a, bool ta,
                        struct tensor b, bool tb, double alpha, double beta)
{
    const double alpha_beta[2] = {alpha, beta};
    m->ops->matmul(m->b, c, a, ta, b, tb, alpha_beta);
}

static struct tensor part_of(const struct model *m, struct tensor low, int part)
{
    return tensor_cols(low, (int64_t)part * m->options.lora.rank, m->options.lora.rank);
}

static struct tensor columns_of(const struct adapter *a, struct tensor y, int part)
{
    return tensor_cols(y, a->first[part], a->b[part].value.rows);
}

static bool drops(const struct run *r)
{
    return r->pass->training && r->m->options.lora.dropout > 0;
}

/* The adapter's input: x, or x with dropout (in ws.dropped). */
static struct tensor adapter_input(const struct run *r, const struct adapter *a, struct tensor x)
{
    const struct model *m = r->m;
    const uint64_t seed_stream[2] = {r->pass->seed, r->pass->stream << 16 | (a->site + 1)};
    struct tensor y;
    if (!drops(r))
        return x;
    y = tensor_cols(first_rows(m->ws.dropped, x.rows), 0, x.cols);
    m->ops->dropout(m->b, y, x, m->options.lora.dropout, seed_stream);
    return y;
}

void linear_forward(const struct run *r, const struct linear *w, struct tensor y, struct tensor x,
                    struct tensor low, bool accumulate)
{
    const struct model *m = r->m;
    const struct adapter *a = &w->lora;
    transformer_matmul(m, y, x, false, w->w.value, true, 1, accumulate ? 1 : 0);
    if (tensor_present(w->bias.value))
        m->ops->add_bias(m->b, y, w->bias.value);
    if (a->parts == 0)
        return;
    transformer_matmul(m, low, adapter_input(r, a, x), false, a->a.value, true, 1, 0);
    for (int i = 0; i < a->parts; i++)
        transformer_matmul(m, columns_of(a, y, i), part_of(m, low, i), false, a->b[i].value, true,
                           m->lora_scale, 1);
}

static struct tensor low_gradient(const struct run *r, const struct adapter *a, int64_t rows)
{
    return tensor_cols(first_rows(r->m->ws.dlow, rows), 0,
                       (int64_t)a->parts * r->m->options.lora.rank);
}

void linear_backward_input(const struct run *r, const struct linear *w, struct tensor dx,
                           struct tensor dy)
{
    const struct model *m = r->m;
    const struct adapter *a = &w->lora;
    struct tensor dlow, through;
    if (tensor_present(dx))
        transformer_matmul(m, dx, dy, false, w->w.value, false, 1, 0);
    if (a->parts == 0)
        return;
    dlow = low_gradient(r, a, dy.rows);
    for (int i = 0; i < a->parts; i++)
        transformer_matmul(m, part_of(m, dlow, i), columns_of(a, dy, i), false, a->b[i].value,
                           false, m->lora_scale, 0);
    if (!tensor_present(dx))
        return;
    if (!drops(r)) {
        transformer_matmul(m, dx, dlow, false, a->a.value, false, 1, 1);
        return;
    }
    through = tensor_cols(first_rows(m->ws.dropped, dx.rows), 0, dx.cols);
    transformer_matmul(m, through, dlow, false, a->a.value, false, 1, 0);
    m->ops->add(m->b, dx, adapter_input(r, a, through));
}

void linear_backward_weight(const struct run *r, const struct linear *w, struct tensor dy,
                            struct tensor x, struct tensor low)
{
    const struct model *m = r->m;
    const struct adapter *a = &w->lora;
    const double beta = m->fresh ? 0 : 1;
    if (tensor_present(w->w.gradient))
        transformer_matmul(m, w->w.gradient, dy, true, x, false, 1, beta);
    if (tensor_present(w->bias.gradient))
        m->ops->bias_back(m->b, w->bias.gradient, dy);
    if (a->parts == 0)
        return;
    transformer_matmul(m, a->a.gradient, low_gradient(r, a, dy.rows), true, adapter_input(r, a, x),
                       false, 1, beta);
    for (int i = 0; i < a->parts; i++)
        transformer_matmul(m, a->b[i].gradient, columns_of(a, dy, i), true, part_of(m, low, i),
                           false, m->lora_scale, beta);
}
