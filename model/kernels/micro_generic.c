/* Products for the instruction set that the compiler was told to assume: 4 x 8. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static bool usable(void)
{
    return true;
}

#define MICRO         micro_generic
#define MICRO_NAME    "generic"
#define MICRO_ROWS    4
#define MICRO_LANES   4
#define MICRO_VECTORS 2
#define MICRO_DEPTH   256
#define MICRO_BLOCK   128
#define MICRO_HALF    0
#include "model/kernels/micro_body.h"
