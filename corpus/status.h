/*
 * What a dataset holds, at a glance and live: what `retort status DB --json` prints.
 */
#ifndef CORPUS_STATUS_H
#define CORPUS_STATUS_H

#include "core/error.h"
#include "core/json.h"
#include "corpus/corpus.h"

/*
 * {"dataset":path, "schema":1, "bytes":n,
 *  "requests":{"total","answered","failed","waiting"}, "failures":{cause:n},
 *  "attempts":n, "tokens":{"input","output"}, "usd":{"spent","reserved"[,"budget"]},
 *  "gen":{"running":bool[,"replies_per_s","eta_s"]},
 *  "rows":{"total","kept","removed"}, "removed_by_rule":{rule:n}, "flagged_by_rule":{rule:n},
 *  "teachers":[…], "runs":[… the last 20 …], "checkpoints":[…],
 *  "evaluations":[{"run_id","model","suite", and its numbers}]}
 * requests.total = answered + failed + waiting; rows.total = kept + removed.  A row removed by two
 * rules counts once in rows.removed and once under each rule.  An owned tree; NULL on failure.
 */
struct json *corpus_status(struct corpus *c, struct error *error);

#endif
