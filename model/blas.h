/*
 * OpenBLAS, for processors that we have no tiles for, and to measure against: the only file that
 * sees cblas.h.  The library is loaded when it is first wanted, because its threads start with it
 * and would burden every command.
 */
#ifndef MODEL_BLAS_H
#define MODEL_BLAS_H

#include "model/gemm.h"

#include <stdbool.h>

bool blas_present(void);                  /* loads it, with one thread a call */
void blas_multiply(const struct gemm *g); /* present only; floats */
const char *blas_name(void);              /* "OpenBLAS 0.3.21 Zen", or "none" */

#endif
