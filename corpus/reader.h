/*
 * Reads a file ahead of its import, in a thread of its own: finds the records, parses them and
 * fills samples, chunk by chunk and in order, while the caller stores the chunk before.
 */
#ifndef CORPUS_READER_H
#define CORPUS_READER_H

#include "core/arena.h"
#include "core/error.h"
#include "core/json.h"
#include "corpus/exchange.h"
#include "corpus/format.h"

#include <stdbool.h>
#include <stdint.h>

struct reader;

enum { READER_CHUNK = 256 };

/* One record: a sample, or what is wrong with it. */
struct reader_item {
    struct sample sample; /* its texts live as long as the chunk */
    struct json *json;    /* what they point into; the chunk's */
    const char *fault;    /* NULL: none */
    uint64_t line;
    bool repaired;
};

struct reader_chunk {
    struct reader_item items[READER_CHUNK];
    size_t n;
    struct arena arena;
    uint64_t offset;    /* bytes of the file consumed behind this chunk */
    bool last;          /* nothing follows */
    struct error error; /* last and not ERROR_NONE: reading failed here, behind the items */
};

/* format NULL: told from each record.  The strings and options must outlive the reader. */
struct reader *reader_open(const char *path, const struct import_options *o,
                           const struct format *format, struct slice source, struct error *error);
/* The next chunk; NULL when none came within `ms` (a slow pipe).  The caller gives it back before it
 * asks for the next.  When the user asked to stop, the last one holds what had come and
 * ERROR_INTERRUPTED. */
struct reader_chunk *reader_next(struct reader *r, int ms);
void reader_give_back(struct reader *r, struct reader_chunk *chunk);
void reader_close(struct reader *r);

#endif
