/* The strategies, one file each; gen/strategy.c lists them. */
#ifndef GEN_STRATEGIES_H
#define GEN_STRATEGIES_H

#include "gen/strategy.h"

extern const struct gen_strategy strategy_respond;
extern const struct gen_strategy strategy_self_instruct;
extern const struct gen_strategy strategy_evolve;
extern const struct gen_strategy strategy_rewrite;
extern const struct gen_strategy strategy_backtranslate;
extern const struct gen_strategy strategy_reason;
extern const struct gen_strategy strategy_best_of_n;
extern const struct gen_strategy strategy_judge;
extern const struct gen_strategy strategy_compare;
extern const struct gen_strategy strategy_preference;
extern const struct gen_strategy strategy_persona;
extern const struct gen_strategy strategy_ground;
extern const struct gen_strategy strategy_multi_turn;
extern const struct gen_strategy strategy_magpie;

#endif
