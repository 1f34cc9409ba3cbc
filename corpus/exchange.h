/*
 * Import and export: rows in and out in the formats of the table in format.h.
 */
#ifndef CORPUS_EXCHANGE_H
#define CORPUS_EXCHANGE_H

#include "core/error.h"
#include "core/progress.h"
#include "corpus/corpus.h"
#include "corpus/samples.h"

#include <stdbool.h>
#include <stdint.h>

/* Names of the fields to read where a file does not use the usual ones; NULL: the usual. */
struct import_names {
    const char *id, *system, *instruction, *input, *output;
};

struct import_options {
    const char *format; /* NULL: told from each record */
    const char *source; /* what the rows are said to come from; NULL: the file's name */
    struct import_names names;
    bool strict;       /* the first fault ends the import, and nothing of the file is stored */
    size_t max_record; /* bytes; 0: 64 MB */
    /* Each fault, as it is met: a record that is left out, or (repaired) one that was mended.
     * May be NULL. */
    void (*fault)(void *context, const char *file, uint64_t line, bool repaired, const char *what);
    void *context;
};

/* records = added + there + bad */
struct import_counts {
    uint64_t records;
    uint64_t added;
    uint64_t there;    /* stored already, by this file or another: the same id and text, or, where
                        * a record has no id, as many of the same text as the file holds */
    uint64_t bad;      /* left out: not JSON, not of the format, or the id of another text */
    uint64_t repaired; /* of added and there: a lone surrogate became U+FFFD */
};

/*
 * Add the rows of a file ("-": standard input) to the dataset.  The counts are added to.  Memory
 * does not grow with the file.  Rows are committed in groups: killed at any instant, the dataset
 * is whole, and the same import again adds what is missing.  ERROR_INTERRUPTED when asked to
 * drain; ERROR_INPUT when every record was bad.
 */
int import_file(struct corpus *c, const char *path, const struct import_options *o,
                struct progress *progress, struct import_counts *counts, struct error *error);

struct export_options {
    const char *format; /* NULL: jsonl */
    enum samples_which which;
    /* A row that the format cannot hold is left out.  May be NULL. */
    void (*left_out)(void *context, const char *id, const char *why);
    void *context;
};

struct export_counts {
    uint64_t written, left_out, bytes;
};

/* Where the bytes go. */
struct export_sink {
    int (*write)(void *context, const void *data, size_t len, struct error *error);
    void *context;
};
int export_rows(struct corpus *c, const struct export_options *o, const struct export_sink *sink,
                struct progress *progress, struct export_counts *counts, struct error *error);
/* Into a file that appears whole or not at all. */
int export_file(struct corpus *c, const struct export_options *o, const char *path,
                struct progress *progress, struct export_counts *counts, struct error *error);

#endif
