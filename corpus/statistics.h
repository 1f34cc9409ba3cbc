/*
 * Numbers over a whole dataset, for the report: each one query, as a JSON array of objects.
 * Owned trees; NULL on failure.
 */
#ifndef CORPUS_STATISTICS_H
#define CORPUS_STATISTICS_H

#include "core/error.h"
#include "core/json.h"
#include "corpus/corpus.h"

#include <stdint.h>

/* {"provider","endpoint","model","licence","requests","answered","failed","attempts",
 *  "input_tokens","output_tokens","usd"} */
struct json *statistics_teachers(struct corpus *c, struct error *error);
/* {"ms","n"}: how many answers took that long, shortest first; over 10 s in steps of 100 ms. */
struct json *statistics_latency(struct corpus *c, struct error *error);
/* {"cause","n","usd"}: attempts by how they ended ("answered" first), most often first. */
struct json *statistics_attempts(struct corpus *c, struct error *error);
/* {"rule","n","alone","flagged"}: samples a rule removes; those no other rule removes. */
struct json *statistics_rules(struct corpus *c, struct error *error);
/* {"id","name","instruction","input","output","value","threshold","similarity","why","match_id"}:
 * a few samples that a rule removed, the same ones each time. */
struct json *statistics_removed(struct corpus *c, const char *rule, int limit, struct error *error);
/* {"name","n","min","max","mean"} */
struct json *statistics_scores(struct corpus *c, struct error *error);
/* {"bin","kept","removed"}: a score between from and to, in `bins` equal parts. */
struct json *statistics_score_bins(struct corpus *c, const char *name, double from, double to,
                                   int bins, struct error *error);
/* {"id","stage","state","started_ms","seconds","version","summary","recipe"} */
struct json *statistics_runs(struct corpus *c, struct error *error);
/* {"run_id","step","path","metrics"} */
struct json *statistics_checkpoints(struct corpus *c, struct error *error);
/* {"run_id","model","suite","metrics"}: the last of each model on each suite at each
 * temperature. */
struct json *statistics_evaluations(struct corpus *c, struct error *error);
/* {"prompt","prompt_name","model","endpoint","strategy","attempts","latency_ms","input_tokens",
 *  "output_tokens","usd"} of one request, summed over its attempts: where a sample came from. */
struct json *statistics_origin(struct corpus *c, int64_t request, struct error *error);
/* How many prompts there are; -1. */
int64_t statistics_prompts(struct corpus *c, struct error *error);

#endif
