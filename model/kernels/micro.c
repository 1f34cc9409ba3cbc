#include "model/kernels/micro.h"

#include <stddef.h>

const struct micro *const micro_tables[] = {&micro_generic, &micro_avx2, &micro_avx512, NULL};
const struct micro *const micro_half_tables[] = {&micro_bf16_plain, &micro_bf16_avx512,
                                                 &micro_bf16_amx, NULL};

const struct micro *micro_best(bool half)
{
    const struct micro *const *tables = half ? micro_half_tables : micro_tables;
    const struct micro *best = tables[0];
    for (size_t i = 0; tables[i] != NULL; i++)
        if (tables[i]->usable())
            best = tables[i];
    return best;
}

bool micro_half_native(void)
{
    for (size_t i = 1; micro_half_tables[i] != NULL; i++)
        if (micro_half_tables[i]->usable())
            return true;
    return false;
}
