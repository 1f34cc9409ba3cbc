/* The loops for the instruction set that the compiler was told to assume. */
#include <stdbool.h>

static bool usable(void)
{
    return true;
}

#define KERNELS       kernels_generic
#define KERNELS_NAME  "generic"
#define KERNELS_LANES 16 /* slow where registers have 4, but sums of many round less */
#define FEW_SIDE      2
#include "model/kernels/kernels_body.h"
