/* One linear layer, its bias and its LoRA adapter, forward and backward. */
#include "model/transformer.h"

void transformer_matmul(const struct model *m, struct matmul p)
{
    m->ops->matmul(m->b, &p);
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
    y = tensor_cols(tensor_top(m->ws.dropped, x.rows), 0, x.cols);
    m->ops->dropout(m->b, y, x, m->options.lora.dropout, seed_stream);
    return y;
}

void linear_inner(const struct run *r, const struct linear *w, struct tensor x, struct tensor low)
{
    const struct adapter *a = &w->lora;
    if (a->parts > 0)
        transformer_matmul(r->m, (struct matmul){.c = low,
                                                 .a = adapter_input(r, a, x),
                                                 .b = a->a.value,
                                                 .tb = true,
                                                 .alpha = 1});
}

void linear_forward(const struct run *r, const struct linear *w, struct tensor y, struct tensor x,
                    struct tensor low, bool accumulate)
{
    const struct model *m = r->m;
    const struct adapter *a = &w->lora;
    transformer_matmul(m, (struct matmul){.c = y,
                                          .a = x,
                                          .b = w->w.value,
                                          .tb = true,
                                          .alpha = 1,
                                          .beta = accumulate ? 1 : 0,
                                          .half = m->options.half});
    if (tensor_present(w->bias.value))
        m->ops->add_bias(m->b, y, w->bias.value);
    linear_inner(r, w, x, low);
    for (int i = 0; i < a->parts; i++)
        transformer_matmul(m, (struct matmul){.c = columns_of(a, y, i),
                                              .a = part_of(m, low, i),
                                              .b = a->b[i].value,
                                              .tb = true,
                                              .alpha = m->lora_scale,
                                              .beta = 1});
}

static struct tensor low_gradient(const struct run *r, const struct adapter *a, int64_t rows)
{
    return tensor_cols(tensor_top(r->m->ws.dlow, rows), 0,
                       (int64_t)a->parts * r->m->options.lora.rank);
}

void linear_backward_input(const struct run *r, const struct linear *w, struct tensor dx,
                           struct tensor dy)
{
    const struct model *m = r->m;
    const struct adapter *a = &w->lora;
    struct tensor dlow, through;
    if (tensor_present(dx))
        transformer_matmul(m, (struct matmul){.c = dx,
                                              .a = dy,
                                              .b = w->w.value,
                                              .alpha = 1,
                                              .half = m->options.half});
    if (a->parts == 0)
        return;
    dlow = low_gradient(r, a, dy.rows);
    for (int i = 0; i < a->parts; i++)
        transformer_matmul(m, (struct matmul){.c = part_of(m, dlow, i),
                                              .a = columns_of(a, dy, i),
                                              .b = a->b[i].value,
                                              .alpha = m->lora_scale});
    if (!tensor_present(dx))
        return;
    if (!drops(r)) {
        transformer_matmul(
            m, (struct matmul){.c = dx, .a = dlow, .b = a->a.value, .alpha = 1, .beta = 1});
        return;
    }
    through = tensor_cols(tensor_top(m->ws.dropped, dx.rows), 0, dx.cols);
    transformer_matmul(m, (struct matmul){.c = through, .a = dlow, .b = a->a.value, .alpha = 1});
    m->ops->add(m->b, dx, adapter_input(r, a, through));
}

void linear_backward_weight(const struct run *r, const struct linear *w, struct tensor dy,
                            struct tensor x, struct tensor low)
{
    const struct model *m = r->m;
    const struct adapter *a = &w->lora;
    const double beta = m->fresh ? 0 : 1;
    if (tensor_present(w->w.gradient))
        transformer_matmul(m, (struct matmul){.c = w->w.gradient,
                                              .a = dy,
                                              .b = x,
                                              .ta = true,
                                              .alpha = 1,
                                              .beta = beta,
                                              .half = m->options.half});
    if (tensor_present(w->bias.gradient))
        m->ops->bias_back(m->b, w->bias.gradient, dy);
    if (a->parts == 0)
        return;
    transformer_matmul(m, (struct matmul){.c = a->a.gradient,
                                          .a = low_gradient(r, a, dy.rows),
                                          .b = adapter_input(r, a, x),
                                          .ta = true,
                                          .alpha = 1,
                                          .beta = beta});
    for (int i = 0; i < a->parts; i++)
        transformer_matmul(m, (struct matmul){.c = a->b[i].gradient,
                                              .a = columns_of(a, dy, i),
                                              .b = part_of(m, low, i),
                                              .ta = true,
                                              .alpha = m->lora_scale,
                                              .beta = beta});
}
