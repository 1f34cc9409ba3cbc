/*
 * The logprobs of replies, in every form a server sends them, as one: struct net_logprobs.
 *
 *   chat        {"content": [{token, logprob, bytes, top_logprobs: [{token, logprob, bytes}]}]}
 *   vLLM        the same; with return_tokens_as_token_ids a token reads "token_id:123", and bytes
 *               that spell just that are none
 *   llama.cpp   [{id, token, bytes, logprob, top_logprobs: [{id, …}]}] ("completion_probabilities")
 *               or with "prob" and "top_probs" (post_sampling_probs): what sampling left of them
 *   completions {"tokens": […], "token_logprobs": […], "top_logprobs": [{text: logprob}]}; of an
 *               echoed prompt the first entries are null; a token that is no whole UTF-8 reads
 *               "bytes:\\xe2\\x80", and distinct tokens of the same text are both kept
 *
 * -9999 is a server's way to say "not computed": it reads as NAN.  Fewer than k entries are kept as
 * they are.  `bytes` wins over `token`, whose text may be mangled where a token is no whole UTF-8.
 */
#ifndef NET_LOGPROBS_H
#define NET_LOGPROBS_H

#include "core/arena.h"
#include "core/json.h"
#include "net/net.h"

/* Read whichever form stands there; memory comes from the arena.  0, or -1 where the form is none
 * of them or a part has the wrong type (then *out is empty). */
int logprobs_read(const struct json *node, struct arena *arena, struct net_logprobs *out);

/* Of one position: 1 - sum of exp(logprob) over the distinct tokens that came, at least 0. */
double logprobs_tail(const struct net_logprobs *l, size_t position);

#endif
