/* The loops for the instruction set that the compiler was told to assume. */
#include <stdbool.h>

static bool usable(void)
{
    return true;
}

#define KERNELS      kernels_generic
#define KERNELS_NAME "generic"
#include "model/kernels/kernels_body.h"
