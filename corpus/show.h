/*
 * All there is about one sample: its texts, why it stays or goes, what was asked of whom, every
 * attempt, and the reply as it came.
 */
#ifndef CORPUS_SHOW_H
#define CORPUS_SHOW_H

#include "core/buf.h"
#include "core/error.h"
#include "core/json.h"
#include "corpus/corpus.h"

#include <stdint.h>

/*
 * {"id":n, "name":…, "kept":bool, "source", "choice", "added", "system", "instruction", "input",
 *  "output", "reasoning", "messages", "finish_reason", "meta",
 *  "verdicts":[{"rule","action","value","threshold","field","span_from","span_to","quote",
 *               "match_id","match","similarity","why","version"}],
 *  "scores":{name:value},
 *  "prompt":{…}, "request":{…}, "teacher":{…}, "attempts":[…],
 *  "reply":{"status","started","latency_ms","headers","body"}}
 * The last five only where the sample was generated.  1 and an owned tree, 0 no such sample, -1.
 */
int show_sample(struct corpus *c, const char *id, struct json **out, struct error *error);
int show_number(struct corpus *c, int64_t id, struct json **out, struct error *error);
/* The same for a person to read. */
void show_text(const struct json *shown, struct buf *out);

#endif
