#include "gen/strategy.h"
#include "gen/strategies/strategies.h"

#include <string.h>

const struct gen_strategy *const gen_strategies[] = {
    &strategy_respond,   &strategy_self_instruct, &strategy_evolve,
    &strategy_rewrite,   &strategy_backtranslate, &strategy_reason,
    &strategy_best_of_n, &strategy_judge,         &strategy_preference,
    &strategy_persona,   &strategy_ground,        &strategy_multi_turn,
    &strategy_magpie,    &strategy_compare,       NULL,
};

const struct gen_strategy *gen_strategy_find(const char *name)
{
    for (int i = 0; name && gen_strategies[i]; i++)
        if (!strcmp(gen_strategies[i]->name, name))
            return gen_strategies[i];
    return NULL;
}
