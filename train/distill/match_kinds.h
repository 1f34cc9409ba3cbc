/* The kinds of the table in match.c. */
#ifndef TRAIN_DISTILL_MATCH_KINDS_H
#define TRAIN_DISTILL_MATCH_KINDS_H

#include "train/distill/match.h"

extern const struct match_kind match_hidden_mse, match_cos, match_pkd, match_gram, match_nst;
extern const struct match_kind match_attention_mse, match_attention_mse_sum, match_attention_ce,
    match_attention_ce_mean;

#endif
