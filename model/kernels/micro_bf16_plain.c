/* BF16 products without hardware for them: slow, the oracle of the tables that have it. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef float sums_of_16 __attribute__((vector_size(64)));
typedef uint32_t pairs_of_16 __attribute__((vector_size(64)));

static bool usable(void)
{
    return true;
}

static inline __attribute__((always_inline)) void half_multiply_add(sums_of_16 *sum, uint32_t word,
                                                                    const pairs_of_16 *vector)
{
    const pairs_of_16 words = (pairs_of_16){0} + word;
    *sum += (sums_of_16)(words << 16) * (sums_of_16)(*vector << 16);
    *sum += (sums_of_16)(words & 0xFFFF0000u) * (sums_of_16)(*vector & 0xFFFF0000u);
}

#define MICRO         micro_bf16_plain
#define MICRO_NAME    "plain"
#define MICRO_ROWS    4
#define MICRO_VECTORS 1
#define MICRO_DEPTH   256
#define MICRO_BLOCK   128
#define MICRO_HALF    1
#include "model/kernels/micro_body.h"
