/* What a run will take: memory and arithmetic, before any of it is spent. */
#include "core/mem.h"
#include "model/transformer.h"

#include <string.h>

struct model_memory model_memory(const struct model_config *config,
                                 const struct model_options *options,
                                 const struct model_limits *limits)
{
    struct model_memory out;
    struct parameters p;
    struct layout l;
    memset(&p, 0, sizeof p);
    p.layers = mem_zero((size_t)config->layers, sizeof *p.layers);
    layout_make(&l, &p, config, options);
    out = (struct model_memory){.frozen = (options->frozen_type == DTYPE_F32 ? 4 : 2) * l.frozen +
                                          l.rounded + 4 * l.plain,
                                .values = 4 * l.values,
                                .gradients = 4 * l.values,
                                .moments = 8 * l.values};
    workspace_measure(config, options, limits, &l, &out);
    if (options->hold_zeros && options->method == MODEL_FULL)
        out.values += 4 * l.values;
    out.total =
        out.frozen + out.values + out.gradients + out.moments + out.kept + out.scratch - out.shared;
    layout_clear(&l);
    mem_free(p.layers);
    return out;
}

/* Multiply-adds of a layer's products per token: q, k and v, and what is behind the attention. */
static double inner_size(const struct model_config *c)
{
    return (double)c->hidden * c->head_dim * (c->heads + 2.0 * c->kv_heads);
}

static double outer_size(const struct model_config *c)
{
    const double h = c->hidden, ff = c->ff;
    return h * c->heads * c->head_dim + (c->mlp == MLP_SWIGLU ? 3 : 2) * h * ff;
}

/* Forward: 2 a multiply-add.  Backward: as much again for the input's gradient, and as much again
 * for the weight's where it learns.  Behind the attention of the last layer only supervised rows go
 * on.  Attention: two products over half of a square, five back. */
double model_flops(const struct model_config *c, const struct model_options *options,
                   const struct batch *batch, bool backward)
{
    const bool full = options->method == MODEL_FULL;
    const double factor = !backward ? 1 : full ? 3 : 2;
    const double head = (double)c->hidden * config_classes(c) * batch->supervised;
    const double last = c->encoder ? batch->tokens : batch->supervised;
    const double layers = c->layers * inner_size(c) * batch->tokens +
                          outer_size(c) * ((c->layers - 1.0) * batch->tokens + last);
    double pairs = 0;
    for (int32_t s = 0; s < batch->segments; s++) {
        const double n = batch->starts[s + 1] - batch->starts[s];
        pairs += n * (n + 1) / 2;
    }
    return factor * 2 * (layers + head) +
           (backward ? 7 : 2) * 2 * pairs * c->layers * c->heads * c->head_dim;
}
