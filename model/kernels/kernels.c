#include "model/kernels/kernels.h"

const struct kernels *const kernel_tables[] = {&kernels_generic, &kernels_avx2, &kernels_avx512,
                                               NULL};

const struct kernels *kernels_best(void)
{
    const struct kernels *best = kernel_tables[0];
    for (size_t i = 1; kernel_tables[i] != NULL; i++)
        if (kernel_tables[i]->usable())
            best = kernel_tables[i];
    return best;
}
