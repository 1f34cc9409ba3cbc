#include "model/reference/reference.h"

static double *row_of(struct tensor t, int64_t i)
{
    return (double *)t.data + i * t.stride;
}

void reference_soft_loss(struct backend *b, const struct soft_op *p)
{
    const struct soft_math math = {NULL};
    (void)b;
    for (int64_t i = 0; i < p->logits.rows; i++) {
        struct soft_row r = {.z = row_of(p->logits, i),
                             .vocab = (size_t)p->logits.cols,
                             .gold = p->targets[i],
                             .gradient = p->gradient};
        if (tensor_present(p->teacher)) {
            r.t = row_of(p->teacher, i);
            r.common = (size_t)p->teacher.cols;
        }
        if (p->top != NULL)
            r.top = p->top[i];
        soft_row(&math, p->how, &r);
        reference_set(p->losses, 0, i, r.out.soft + r.out.hard);
        if (p->parts != NULL)
            p->parts[i] = r.out;
    }
}
