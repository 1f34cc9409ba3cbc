/* The LoRA adapter of a linear layer and the matrix it belongs to. */
#include "model/transformer.h"

/* The linear layer whose matrix the unit is, or NULL. */
static const struct linear *linear_of(const struct model *m, const struct layout_unit *u)
{
    for (int32_t i = 0; i < m->config.layers; i++) {
        const struct layer *y = &m->p.layers[i];
        const struct linear *all[4] = {&y->qkv, &y->out, &y->up, &y->down};
        for (int k = 0; k < 4; k++)
            if (u->slot == &all[k]->w)
                return all[k];
    }
    return NULL;
}

/* sum += scale B A for the adapter of the rows [p->first, ...) of a linear unit. */
void adapter_add(const struct model *m, const struct layout_unit *u, const struct layout_part *p,
                 struct tensor sum)
{
    const struct linear *w = linear_of(m, u);
    const int64_t rank = m->options.lora.rank;
    for (int i = 0; w != NULL && i < w->lora.parts; i++)
        if (w->lora.first[i] == p->first)
            transformer_matmul(m, (struct matmul){.c = sum,
                                                  .a = w->lora.b[i].value,
                                                  .b = tensor_rows(w->lora.a.value, i * rank, rank),
                                                  .alpha = m->lora_scale,
                                                  .beta = 1});
}

bool adapter_covers(const struct model *m, const struct layout_unit *u, const struct layout_part *p)
{
    const struct linear *w = u->dims == 2 ? linear_of(m, u) : NULL;
    for (int i = 0; w != NULL && i < w->lora.parts; i++)
        if (w->lora.first[i] == p->first)
            return true;
    return false;
}
