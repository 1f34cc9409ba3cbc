/*
 * The seam of the exchange formats: one file a format (format_NAME.c), one line in the table.
 */
#ifndef CORPUS_FORMAT_H
#define CORPUS_FORMAT_H

#include "core/buf.h"
#include "core/error.h"
#include "core/json.h"
#include "corpus/record.h"
#include "corpus/samples.h"

#include <stdbool.h>

struct format {
    const char *name;
    const char *summary; /* for help */
    /* Whether a record (an object) looks like this format; NULL: cannot be imported. */
    bool (*recognises)(const struct record *r);
    /* Fill the sample; its slices live as long as the record and its arena. */
    int (*read)(struct record *r, struct sample *s, struct error *error);
    bool array; /* the file is one JSON array; else a line a row */
    /* Append the row without a line end.  1 written; 0 the format cannot hold this row, and the
     * error says why; -1. */
    int (*write)(struct corpus *c, const struct sample *s, struct buf *out, struct error *error);
};

extern const struct format format_messages, format_sharegpt, format_alpaca, format_jsonl,
    format_decisions, format_soft;

/* NULL-ended; an import without a format takes the first that recognises the record. */
extern const struct format *const formats[];
/* NULL and ERROR_USAGE with the names there are. */
const struct format *format_find(const char *name, struct error *error);
/* The first that recognises it; NULL: none. */
const struct format *format_of(const struct record *r);

/* Instruction, input, output and their like: what alpaca and jsonl share. */
int format_jsonl_read(struct record *r, struct sample *s, struct error *error);

#endif
