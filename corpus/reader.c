#include "corpus/reader.h"

#include "core/mem.h"
#include "core/signals.h"
#include "core/unicode.h"
#include "corpus/record.h"
#include "corpus/records.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { CHUNKS = 4, MAX_RECORD = 64 << 20, CHUNK_BYTES = 1 << 20 };

/*
 *   free ──► filled by the thread ──► ready ──► the caller's ──► free …   (rings of CHUNKS)
 */
struct reader {
    struct records *records;
    const struct import_options *o;
    const struct format *format;
    struct slice source;
    struct reader_chunk chunks[CHUNKS];
    struct reader_chunk *free[CHUNKS], *ready[CHUNKS];
    size_t n_free, n_ready, first_ready;
    bool stop;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
};

/* ---- one record ---- */

static const char *keep(struct reader_chunk *k, const char *text)
{
    return arena_strdup(&k->arena, text);
}

/* The parser says "line:column: what" within the record. */
static void bad_json(struct reader_chunk *k, struct reader_item *item, const char *text)
{
    char what[sizeof((struct error *)0)->text];
    char *end;
    unsigned long line = strtoul(text, &end, 10);
    if (line == 0 || *end != ':') {
        item->fault = keep(k, text);
        return;
    }
    (void)snprintf(what, sizeof what, "column %s", end + 1);
    item->line += line - 1;
    item->fault = keep(k, what);
}

static void parse(struct reader_chunk *k, struct reader_item *item, struct slice text)
{
    struct error why = {0};
    item->json = json_parse(text, 0, &why);
    if (item->json == NULL && utf8_valid(text)) {
        item->json = json_parse(text, JSON_REPAIR, NULL); /* lone surrogates */
        item->repaired = item->json != NULL;
    }
    if (item->json == NULL)
        bad_json(k, item, why.text);
}

static int fill(struct reader *r, struct reader_chunk *k, struct reader_item *item,
                struct error *error)
{
    struct record record = {.json = item->json, .arena = &k->arena, .names = r->o->names};
    const struct format *f = r->format;
    if (json_type(item->json) != JSON_OBJECT)
        return error_set(error, ERROR_INPUT, "expected an object, got %s",
                         json_type_name(json_type(item->json)));
    if (f == NULL)
        f = format_of(&record);
    if (f == NULL)
        return error_set(error, ERROR_INPUT,
                         "no known format: neither instruction and output, nor messages, nor "
                         "conversations; name the fields or the format");
    if (record_id(&record, &item->sample, error) != 0 ||
        f->read(&record, &item->sample, error) != 0)
        return -1;
    return record_meta(&record, &item->sample, error);
}

static void read_one(struct reader *r, struct reader_chunk *k, struct slice text)
{
    struct reader_item *item = &k->items[k->n++];
    struct error why = {0};
    *item = (struct reader_item){.line = records_line(r->records), .sample.source = r->source};
    parse(k, item, text);
    if (item->json != NULL && fill(r, k, item, &why) != 0)
        item->fault = keep(k, why.text);
}

/* ---- chunks ---- */

static void empty(struct reader_chunk *k)
{
    for (size_t i = 0; i < k->n; i++)
        json_free(k->items[i].json);
    arena_reset(&k->arena);
    k->n = 0;
}

static void fill_chunk(struct reader *r, struct reader_chunk *k)
{
    uint64_t from = records_offset(r->records);
    struct slice text;
    while (k->n < READER_CHUNK && records_offset(r->records) - from < CHUNK_BYTES) {
        struct error why = {0};
        int rc;
        if (k->n != 0 && records_waiting(r->records))
            break;
        rc = signals_draining() ? error_set(&why, ERROR_INTERRUPTED, "interrupted")
                                : records_next(r->records, &text, &why);
        if (rc == 1) {
            read_one(r, k, text);
        } else if (rc < 0 && (why.code == ERROR_INPUT || why.code == ERROR_LIMIT)) {
            k->items[k->n++] =
                (struct reader_item){.line = records_line(r->records), .fault = keep(k, why.text)};
        } else {
            k->last = true;
            k->error = why;
            break;
        }
    }
    k->offset = records_offset(r->records);
}

static struct reader_chunk *take_free(struct reader *r)
{
    struct reader_chunk *k = NULL;
    pthread_mutex_lock(&r->lock);
    while (r->n_free == 0 && !r->stop)
        pthread_cond_wait(&r->changed, &r->lock);
    if (!r->stop)
        k = r->free[--r->n_free];
    pthread_mutex_unlock(&r->lock);
    return k;
}

static void *work(void *context)
{
    struct reader *r = context;
    struct reader_chunk *k;
    bool last = false;
    while (!last && (k = take_free(r)) != NULL) {
        fill_chunk(r, k);
        last = k->last;
        pthread_mutex_lock(&r->lock);
        r->ready[(r->first_ready + r->n_ready++) % CHUNKS] = k;
        pthread_cond_broadcast(&r->changed);
        pthread_mutex_unlock(&r->lock);
    }
    return NULL;
}

static struct timespec from_now(int ms)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += (long)(ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

struct reader_chunk *reader_next(struct reader *r, int ms)
{
    struct timespec until = from_now(ms);
    struct reader_chunk *k = NULL;
    int rc = 0;
    pthread_mutex_lock(&r->lock);
    while (r->n_ready == 0 && rc == 0)
        rc = pthread_cond_timedwait(&r->changed, &r->lock, &until);
    if (r->n_ready != 0) {
        k = r->ready[r->first_ready];
        r->first_ready = (r->first_ready + 1) % CHUNKS;
        r->n_ready--;
    }
    pthread_mutex_unlock(&r->lock);
    return k;
}

void reader_give_back(struct reader *r, struct reader_chunk *chunk)
{
    empty(chunk);
    pthread_mutex_lock(&r->lock);
    r->free[r->n_free++] = chunk;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

struct reader *reader_open(const char *path, const struct import_options *o,
                           const struct format *format, struct slice source, struct error *error)
{
    struct records *records =
        records_open(path, o->max_record != 0 ? o->max_record : MAX_RECORD, error);
    struct reader *r;
    if (records == NULL)
        return NULL;
    r = mem_zero(1, sizeof *r);
    *r = (struct reader){.records = records, .o = o, .format = format, .source = source};
    for (size_t i = 0; i < CHUNKS; i++)
        r->free[r->n_free++] = &r->chunks[i];
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->changed, NULL);
    if (pthread_create(&r->thread, NULL, work, r) == 0)
        return r;
    error_set(error, ERROR_FAILED, "%s: no thread could be started to read it", path);
    records_close(records);
    mem_free(r);
    return NULL;
}

void reader_close(struct reader *r)
{
    if (r == NULL)
        return;
    pthread_mutex_lock(&r->lock);
    r->stop = true;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    records_cancel(r->records);
    pthread_join(r->thread, NULL);
    for (size_t i = 0; i < CHUNKS; i++) {
        empty(&r->chunks[i]);
        arena_free(&r->chunks[i].arena);
    }
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    records_close(r->records);
    mem_free(r);
}
