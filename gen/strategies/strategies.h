/* The strategies, one file each; gen/strategy.c lists them. */
#ifndef GEN_STRATEGIES_H
#define GEN_STRATEGIES_H

#include "gen/strategy.h"

extern const struct gen_strategy strategy_respond;

#endif
