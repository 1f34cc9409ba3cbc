#include "corpus/exchange.h"

#include "core/file.h"
#include "corpus/format.h"
#include "corpus/reader.h"
#include "corpus/seen.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A group is a transaction: large ones write fewer index pages twice. */
enum { GROUP_ROWS = 65536, GROUP_BYTES = 64 << 20, PATIENCE_MS = 200 };

struct import {
    struct corpus *c;
    const struct import_options *o;
    struct import_counts *counts;
    struct progress *progress;
    const char *path;
    bool any_seen;
    bool open;                        /* a transaction is */
    uint64_t rows, bytes;             /* of the file so far */
    uint64_t group_rows, group_bytes; /* where the open group began */
    uint64_t size;                    /* of the file; 0 unknown */
};

static void report(struct import *im, const struct reader_item *item, const char *what)
{
    if (im->o->fault != NULL)
        im->o->fault(im->o->context, im->path, item->line, item->fault == NULL && item->repaired,
                     what);
}

/* A record that is left out.  Strict: -1 with the error; else it is counted. */
static int bad(struct import *im, struct reader_item *item, const char *what, struct error *error)
{
    item->fault = what;
    if (im->o->strict)
        return error_set(error, ERROR_INPUT, "%s:%" PRIu64 ": %s; nothing was imported", im->path,
                         item->line, what);
    im->counts->records++;
    im->counts->bad++;
    report(im, item, what);
    return 0;
}

static int compare_hash(void *context, const struct sample *s, struct error *error)
{
    const struct hash128 *want = context;
    (void)error;
    return hash128_compare(samples_hash(s), *want) != 0 ? -1 : 0;
}

/* The id is in use: by the same text it is the same row; by another it is a fault. */
static int same_name(struct import *im, struct reader_item *item, struct error *error)
{
    const struct sample *s = &item->sample;
    struct hash128 hash = samples_hash(s);
    struct error why = {0};
    char what[200];
    int rc = samples_get(im->c, s->id, compare_hash, &hash, &why);
    if (rc >= 0) {
        im->counts->records++;
        im->counts->there++;
        return 0;
    }
    if (why.code != ERROR_NONE) {
        *error = why;
        return -1;
    }
    (void)snprintf(what, sizeof what,
                   "id \"%.80s\" belongs to row %" PRId64 ", which has another text", s->name.data,
                   s->id);
    return bad(im, item, what, error);
}

static int store(struct import *im, struct reader_item *item, struct error *error)
{
    struct sample *s = &item->sample;
    int rc = 0;
    if (s->name.data == NULL && im->any_seen) {
        rc = seen_take(im->c, samples_hash(s), error);
        im->counts->there += rc == 1;
    }
    if (rc == 0) {
        rc = samples_add(im->c, s, error);
        if (rc == 0)
            return same_name(im, item, error);
        im->counts->added += rc == 1;
    }
    im->counts->records += rc == 1;
    return rc < 0 ? -1 : 0;
}

static int take(struct import *im, struct reader_item *item, struct error *error)
{
    im->rows++;
    if (item->fault != NULL)
        return bad(im, item, item->fault, error);
    if (item->repaired) {
        im->counts->repaired++;
        report(im, item, "a lone surrogate was replaced by U+FFFD");
    }
    return store(im, item, error);
}

static void show(struct import *im, bool last)
{
    struct progress_state state = {.stage = "import", .unit = "rows", .done = im->rows};
    if (last)
        state.total = im->rows;
    else if (im->size != 0 && im->bytes != 0)
        state.total = (uint64_t)((double)im->rows * (double)im->size / (double)im->bytes);
    if (im->counts->bad != 0)
        (void)snprintf(state.note, sizeof state.note, "%" PRIu64 " bad", im->counts->bad);
    if (last)
        progress_finish(im->progress, &state);
    else
        progress_update(im->progress, &state);
}

/* Commit what is stored so far; the next row begins another group. */
static int end_group(struct import *im, struct error *error)
{
    if (!im->open)
        return 0;
    im->open = false;
    im->group_rows = im->rows;
    im->group_bytes = im->bytes;
    return corpus_commit(im->c, error);
}

static int begin_group(struct import *im, struct error *error)
{
    if (!im->open && corpus_begin(im->c, error) != 0)
        return -1;
    im->open = true;
    return 0;
}

static bool group_is_full(const struct import *im)
{
    return im->rows - im->group_rows >= GROUP_ROWS || im->bytes - im->group_bytes >= GROUP_BYTES;
}

/* Reading ended before the file did. */
static int cut_short(struct import *im, const struct error *why, struct error *error)
{
    if (why->code != ERROR_INTERRUPTED) {
        *error = *why;
        return -1;
    }
    if (!im->o->strict && end_group(im, error) != 0)
        return -1;
    return error_set(error, ERROR_INTERRUPTED, "%s: interrupted after %" PRIu64 " rows; %s",
                     im->path, im->rows,
                     im->o->strict ? "nothing was imported" : "import it again to add the rest");
}

static int take_chunk(struct import *im, struct reader_chunk *k, struct error *error)
{
    if (begin_group(im, error) != 0)
        return -1;
    for (size_t i = 0; i < k->n; i++)
        if (take(im, &k->items[i], error) != 0)
            return -1;
    im->bytes = k->offset;
    show(im, k->last);
    if (k->error.code != ERROR_NONE)
        return cut_short(im, &k->error, error);
    return k->last || (group_is_full(im) && !im->o->strict) ? end_group(im, error) : 0;
}

static int take_all(struct import *im, struct reader *r, struct error *error)
{
    bool last = false;
    while (!last) {
        struct reader_chunk *k = reader_next(r, PATIENCE_MS);
        int rc;
        if (k == NULL) { /* a slow pipe: keep nobody waiting for the write lock */
            if (!im->o->strict && end_group(im, error) != 0)
                return -1;
            continue;
        }
        last = k->last;
        rc = take_chunk(im, k, error);
        reader_give_back(r, k);
        if (rc != 0)
            return -1;
    }
    return 0;
}

static int run(struct import *im, struct reader *r, struct error *error)
{
    uint64_t before = im->counts->records, bad_before = im->counts->bad;
    int rc;
    if (seen_gather(im->c, &im->any_seen, error) != 0 || corpus_bulk(im->c, true, error) != 0)
        return -1;
    rc = take_all(im, r, error);
    if (rc != 0)
        corpus_rollback(im->c);
    seen_drop(im->c);
    if (rc == 0 && im->counts->bad != bad_before &&
        im->counts->bad - bad_before == im->counts->records - before)
        rc = error_set(error, ERROR_INPUT, "%s: none of its %" PRIu64 " records could be read",
                       im->path, im->counts->records - before);
    return rc;
}

static struct slice source_of(const char *path, const struct import_options *o)
{
    const char *slash = strrchr(path, '/');
    if (o->source != NULL)
        return slice_of(o->source);
    if (strcmp(path, "-") == 0)
        return SLICE("standard input");
    return slice_of(slash != NULL ? slash + 1 : path);
}

int import_file(struct corpus *c, const char *path, const struct import_options *o,
                struct progress *progress, struct import_counts *counts, struct error *error)
{
    bool standard = strcmp(path, "-") == 0;
    struct import im = {
        .c = c,
        .o = o,
        .counts = counts,
        .progress = progress,
        .path = standard ? "standard input" : path,
        .size = standard ? 0 : file_size(path),
    };
    const struct format *format = NULL;
    struct reader *r;
    int rc;
    if (o->format != NULL && (format = format_find(o->format, error)) == NULL)
        return -1;
    if (format != NULL && format->read == NULL)
        return error_set(error, ERROR_USAGE, "format \"%s\" cannot be imported", o->format);
    r = reader_open(path, o, format, source_of(path, o), error);
    if (r == NULL)
        return -1;
    rc = run(&im, r, error);
    (void)corpus_bulk(c, false, NULL);
    reader_close(r);
    return rc;
}
