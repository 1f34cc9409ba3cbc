#include "corpus/exchange.h"

#include "core/arena.h"
#include "core/file.h"
#include "core/signals.h"
#include "core/unicode.h"
#include "corpus/format.h"
#include "corpus/records.h"
#include "corpus/seen.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_RECORD = 64 << 20, GROUP_ROWS = 16384, GROUP_BYTES = 32 << 20 };

struct import {
    struct corpus *c;
    const struct import_options *o;
    const struct format *format; /* forced; NULL: told from each record */
    struct import_counts *counts;
    struct records *records;
    struct progress *progress;
    struct arena arena;
    const char *path;
    struct slice source;
    bool any_seen;
    uint64_t rows, group_rows, group_from; /* rows so far; of the open group, and where it began */
    uint64_t size;                         /* of the file; 0 unknown */
};

static void report(struct import *im, uint64_t line, bool repaired, const char *what)
{
    if (im->o->fault != NULL)
        im->o->fault(im->o->context, im->path, line, repaired, what);
}

/* A record that is left out.  Strict: -1 with the error; else it is counted. */
static int bad(struct import *im, uint64_t line, const char *what, struct error *error)
{
    if (im->o->strict)
        return error_set(error, ERROR_INPUT, "%s:%" PRIu64 ": %s; nothing was imported", im->path,
                         line, what);
    im->counts->records++;
    im->counts->bad++;
    report(im, line, false, what);
    return 0;
}

/* The parser says "line:column: what" within the record. */
static int bad_json(struct import *im, const char *text, struct error *error)
{
    char *end;
    unsigned long line = strtoul(text, &end, 10);
    char what[sizeof error->text];
    if (*end != ':' || line == 0)
        return bad(im, records_line(im->records), text, error);
    (void)snprintf(what, sizeof what, "column %s", end + 1);
    return bad(im, records_line(im->records) + line - 1, what, error);
}

/* NULL: bad, and said so in *rc. */
static struct json *parse(struct import *im, struct slice text, bool *repaired, int *rc,
                          struct error *error)
{
    struct error why = {0};
    struct json *json = json_parse(text, 0, &why);
    *repaired = false;
    if (json == NULL && utf8_valid(text)) {
        json = json_parse(text, JSON_REPAIR, NULL); /* lone surrogates */
        *repaired = json != NULL;
    }
    if (json == NULL)
        *rc = bad_json(im, why.text, error);
    return json;
}

static int read_record(struct import *im, const struct json *json, struct sample *s,
                       struct error *error)
{
    struct record r = {.json = json, .arena = &im->arena, .names = im->o->names};
    const struct format *f = im->format;
    *s = (struct sample){.source = im->source};
    if (json_type(json) != JSON_OBJECT)
        return error_set(error, ERROR_INPUT, "expected an object, got %s",
                         json_type_name(json_type(json)));
    if (f == NULL)
        f = format_of(&r);
    if (f == NULL)
        return error_set(error, ERROR_INPUT,
                         "no known format: neither instruction and output, nor messages, nor "
                         "conversations; name the fields or the format");
    if (record_id(&r, s, error) != 0 || f->read(&r, s, error) != 0)
        return -1;
    return record_meta(&r, s, error);
}

static int compare_hash(void *context, const struct sample *s, struct error *error)
{
    const struct hash128 *want = context;
    (void)error;
    if (hash128_compare(samples_hash(s), *want) != 0)
        return error_set(error, ERROR_INPUT, "another text");
    return 0;
}

/* The id is in use: by the same text it is the same row; by another it is a fault. */
static int same_name(struct import *im, const struct sample *s, struct error *error)
{
    struct hash128 hash = samples_hash(s);
    struct error why = {0};
    char what[200];
    int rc = samples_get(im->c, s->id, compare_hash, &hash, &why);
    if (rc >= 0) {
        im->counts->records++;
        im->counts->there++;
        return 0;
    }
    if (why.code != ERROR_INPUT) {
        *error = why;
        return -1;
    }
    (void)snprintf(what, sizeof what,
                   "id \"%.80s\" belongs to row %" PRId64 ", which has another text", s->name.data,
                   s->id);
    return bad(im, records_line(im->records), what, error);
}

static int store(struct import *im, struct sample *s, struct error *error)
{
    int rc = 0;
    if (s->name.data == NULL && im->any_seen)
        rc = seen_take(im->c, samples_hash(s), error);
    if (rc == 0) {
        rc = samples_add(im->c, s, error);
        if (rc == 0)
            return same_name(im, s, error);
        im->counts->added += rc == 1;
    } else {
        im->counts->there += rc == 1;
    }
    im->counts->records += rc == 1;
    return rc < 0 ? -1 : 0;
}

static int take(struct import *im, struct slice text, struct error *error)
{
    struct error why = {0};
    struct sample s;
    bool repaired;
    int rc = 0;
    struct json *json = parse(im, text, &repaired, &rc, error);
    if (json == NULL)
        return rc;
    if (read_record(im, json, &s, &why) != 0) {
        rc = bad(im, records_line(im->records), why.text, error);
    } else {
        if (repaired) {
            im->counts->repaired++;
            report(im, records_line(im->records), true, "a lone surrogate was replaced by U+FFFD");
        }
        rc = store(im, &s, error);
    }
    json_free(json);
    arena_reset(&im->arena);
    return rc;
}

static void show(struct import *im, bool last)
{
    uint64_t done = records_offset(im->records);
    struct progress_state state = {.stage = "import", .unit = "rows", .done = im->rows};
    if (im->size != 0 && done != 0)
        state.total =
            last ? im->rows : (uint64_t)((double)im->rows * (double)im->size / (double)done);
    if (im->counts->bad != 0)
        (void)snprintf(state.note, sizeof state.note, "%" PRIu64 " bad", im->counts->bad);
    if (last)
        progress_finish(im->progress, &state);
    else
        progress_update(im->progress, &state);
}

/* Commit the group when it is large enough.  A strict import is one group. */
static int group(struct import *im, bool last, struct error *error)
{
    bool full = ++im->group_rows >= GROUP_ROWS ||
                records_offset(im->records) - im->group_from >= GROUP_BYTES;
    if (!last && (!full || im->o->strict))
        return 0;
    if (corpus_commit(im->c, error) != 0)
        return -1;
    im->group_rows = 0;
    im->group_from = records_offset(im->records);
    show(im, last);
    return last ? 0 : corpus_begin(im->c, error);
}

static int take_all(struct import *im, struct error *error)
{
    struct slice text;
    int rc;
    for (;;) {
        struct error why = {0};
        if (signals_draining()) {
            if (!im->o->strict && group(im, true, error) != 0)
                return -1;
            return error_set(error, ERROR_INTERRUPTED,
                             "%s: import interrupted after %" PRIu64
                             " rows; run it again to add the rest",
                             im->path, im->rows);
        }
        rc = records_next(im->records, &text, &why);
        if (rc == 0)
            return group(im, true, error);
        if (rc < 0 && why.code != ERROR_INPUT && why.code != ERROR_LIMIT) {
            *error = why;
            return -1;
        }
        rc = rc == 1 ? take(im, text, error) : bad(im, records_line(im->records), why.text, error);
        im->rows++;
        if (rc != 0 || group(im, false, error) != 0)
            return -1;
    }
}

static struct slice base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slice_of(slash != NULL ? slash + 1 : path);
}

static int check_format(struct import *im, struct error *error)
{
    if (im->o->format == NULL)
        return 0;
    im->format = format_find(im->o->format, error);
    if (im->format == NULL)
        return -1;
    if (im->format->read == NULL)
        return error_set(error, ERROR_USAGE, "format \"%s\" cannot be imported", im->o->format);
    return 0;
}

static int run(struct import *im, struct error *error)
{
    uint64_t before = im->counts->records, bad_before = im->counts->bad;
    int rc;
    if (check_format(im, error) != 0 || corpus_durability(im->c, CORPUS_NORMAL, error) != 0 ||
        seen_gather(im->c, &im->any_seen, error) != 0 || corpus_begin(im->c, error) != 0)
        return -1;
    rc = take_all(im, error);
    if (rc != 0 && !sql_idle(corpus_sql(im->c)))
        corpus_rollback(im->c);
    seen_drop(im->c);
    if (rc == 0 && im->counts->bad - bad_before == im->counts->records - before &&
        im->counts->bad != bad_before)
        rc = error_set(error, ERROR_INPUT, "%s: none of its %" PRIu64 " records could be read",
                       im->path, im->counts->records - before);
    return rc;
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
        .arena = ARENA,
        .path = standard ? "standard input" : path,
        .source = o->source != NULL ? slice_of(o->source)
                                    : (standard ? SLICE("standard input") : base_name(path)),
        .size = standard ? 0 : file_size(path),
    };
    int rc = -1;
    im.records = records_open(path, o->max_record != 0 ? o->max_record : MAX_RECORD, error);
    if (im.records != NULL)
        rc = run(&im, error);
    (void)corpus_durability(c, CORPUS_FULL, NULL);
    records_close(im.records);
    arena_free(&im.arena);
    return rc;
}
