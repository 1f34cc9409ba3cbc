#include "model/cpu/cpu.h"

static void soft_rows(struct cpu *c, const void *context, int64_t first, int64_t n)
{
    const struct soft_op *p = context;
    const struct soft_math math = {c->k};
    for (int64_t i = first; i < first + n; i++) {
        struct soft_row r = {.z = cpu_row(p->logits, i),
                             .vocab = (size_t)p->logits.cols,
                             .gold = p->targets[i],
                             .gradient = p->gradient};
        if (tensor_present(p->teacher)) {
            r.t = cpu_row(p->teacher, i);
            r.common = (size_t)p->teacher.cols;
        }
        if (p->top != NULL)
            r.top = p->top[i];
        soft_row(&math, p->how, &r);
        cpu_row(p->losses, 0)[i] = (float)(r.out.soft + r.out.hard);
        if (p->parts != NULL)
            p->parts[i] = r.out;
    }
}

void cpu_soft_loss(struct backend *b, const struct soft_op *p)
{
    cpu_rows(cpu_of(b), p->logits.rows, p->logits.cols, soft_rows, p);
}
