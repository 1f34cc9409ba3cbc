#include "train/examples.h"

#include "core/mem.h"
#include "core/vec.h"
#include "corpus/turns.h"
#include "model/supervise.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK = 256 }; /* samples tokenised together */

struct job {
    struct json *turns;
    struct chat_tokens out;
    struct supervise_row row;
    struct example example;
    struct error error;
    bool failed;
};

struct reader {
    struct examples *e;
    const struct examples_source *source;
    struct supervise supervise;
    struct job *jobs; /* CHUNK */
    size_t n_jobs;
    struct supervise_worker *workers;
    int n_workers;
};

static void encode_job(void *context, size_t task, int worker)
{
    struct reader *r = context;
    struct job *job = &r->jobs[task];
    if (!job->failed)
        job->failed = supervise_encode(&r->supervise, &r->workers[worker], job->turns, &job->out,
                                       &job->row, &job->error) != 0;
}

static void append(struct examples *e, const struct job *job)
{
    struct example x = job->example;
    size_t n = job->row.length;
    x.first = e->n_tokens;
    x.length = job->row.length;
    x.supervised = job->row.supervised;
    e->ids = vec_reserve(e->ids, &e->cap_ids, e->n_tokens + n, sizeof *e->ids);
    e->mask = vec_reserve(e->mask, &e->cap_mask, e->n_tokens + n, sizeof *e->mask);
    memcpy(e->ids + x.first, job->out.tokens.ids, n * sizeof *e->ids);
    memcpy(e->mask + x.first, job->out.mask, n * sizeof *e->mask);
    e->n_tokens += n;
    e->items = vec_reserve(e->items, &e->cap, e->n + 1, sizeof *e->items);
    e->items[e->n++] = x;
}

static void take_job(struct reader *r, struct job *job)
{
    struct examples *e = r->e;
    const struct supervise_row *row = &job->row;
    e->rows++;
    if (job->failed) {
        if (e->refused++ == 0) {
            e->why = job->error;
            error_wrap(&e->why, "sample %lld", (long long)job->example.sample);
        }
    } else if (row->truncated && (row->length == 0 || r->source->drop_long)) {
        e->too_long++;
    } else if (row->length == 0) {
        e->unsupervised++;
    } else {
        append(e, job);
        e->truncated += row->truncated;
    }
    json_free(job->turns);
    job->turns = NULL;
}

static void run_jobs(struct reader *r)
{
    pool_run(r->source->pool, r->n_jobs, encode_job, r);
    for (size_t i = 0; i < r->n_jobs; i++)
        take_job(r, &r->jobs[i]);
    r->n_jobs = 0;
}

/* The task of a sample: its source, or a field of its meta. */
static uint64_t task_of(const struct sample *s, const char *field)
{
    struct json *meta;
    struct buf value = BUF;
    uint64_t task;
    if (field == NULL)
        return 0;
    if (strcmp(field, "source") == 0)
        return hash64(s->source.data, s->source.len, 1);
    meta = s->meta.len != 0 ? json_parse(s->meta, 0, NULL) : NULL;
    if (json_get(meta, field) != NULL)
        json_write(json_get(meta, field), JSON_CANONICAL, &value);
    task = hash64(buf_text(&value), value.len, 1);
    buf_free(&value);
    json_free(meta);
    return task;
}

static int add_sample(void *context, const struct sample *s, struct error *error)
{
    struct reader *r = context;
    struct examples *e = r->e;
    struct job *job = &r->jobs[r->n_jobs++];
    (void)error;
    e->splits = vec_reserve(e->splits, &e->cap_splits, e->n_splits + 1, sizeof *e->splits);
    e->splits[e->n_splits] = split_row(s);
    job->example = (struct example){.sample = s->id,
                                    .hash = samples_hash(s),
                                    .row = e->n_splits++,
                                    .task = task_of(s, r->source->task_field)};
    job->turns = turns_of(s, true, &job->error);
    job->failed = job->turns == NULL;
    if (r->n_jobs == CHUNK)
        run_jobs(r);
    return 0;
}

static int by_hash(const void *a, const void *b)
{
    const struct example *x = a, *y = b;
    int order = hash128_compare(x->hash, y->hash);
    return order != 0 ? order : (x->sample > y->sample) - (x->sample < y->sample);
}

static int nothing(const struct examples *e, uint32_t max_length, struct error *error)
{
    if (e->rows == 0)
        return error_set(error, ERROR_INPUT,
                         "no kept rows to train on; run `retort gen` or `retort import`, and look "
                         "at what `retort filter` removed");
    if (e->refused == e->rows) {
        if (error != NULL)
            *error = e->why;
        return error_wrap(error, "all %zu rows are refused by the chat template; the first",
                          e->rows);
    }
    return error_set(error, ERROR_INPUT,
                     "nothing is supervised in %zu rows (%zu empty replies, %zu longer than %u "
                     "tokens, %zu refused); look at them with `retort show`, or raise "
                     "train.max_length, as far as the student has positions",
                     e->rows, e->unsupervised, e->too_long, (unsigned)max_length, e->refused);
}

static void reader_open(struct reader *r)
{
    supervise_open(&r->supervise, r->source->tokenizer, r->source->chat);
    r->supervise.max_length = r->source->max_length;
    r->supervise.last_reply_only = r->source->last_reply_only;
    r->jobs = mem_zero(CHUNK, sizeof *r->jobs);
    r->n_workers = r->source->pool != NULL ? pool_threads(r->source->pool) : 1;
    r->workers = mem_zero((size_t)r->n_workers, sizeof *r->workers);
    for (int i = 0; i < r->n_workers; i++)
        supervise_worker_open(&r->workers[i], &r->supervise);
    for (size_t i = 0; i < CHUNK; i++)
        r->jobs[i].out = CHAT_TOKENS;
}

static void reader_close(struct reader *r)
{
    for (size_t i = 0; i < CHUNK; i++) {
        json_free(r->jobs[i].turns);
        chat_tokens_free(&r->jobs[i].out);
    }
    for (int i = 0; i < r->n_workers; i++)
        supervise_worker_close(&r->workers[i]);
    supervise_close(&r->supervise);
    mem_free(r->workers);
    mem_free(r->jobs);
}

int examples_read(struct examples *e, struct corpus *c, const struct examples_source *source,
                  struct error *error)
{
    struct reader r = {.e = e, .source = source};
    int status;
    memset(e, 0, sizeof *e);
    reader_open(&r);
    status = samples_each(c, SAMPLES_KEPT, 0, add_sample, &r, error);
    if (status == 0) {
        run_jobs(&r);
        if (e->n == 0)
            status = nothing(e, source->max_length, error);
        else
            qsort(e->items, e->n, sizeof *e->items, by_hash);
    }
    reader_close(&r);
    if (status != 0)
        examples_free(e);
    return status;
}

void examples_free(struct examples *e)
{
    mem_free(e->items);
    mem_free(e->ids);
    mem_free(e->mask);
    mem_free(e->types);
    mem_free(e->targets);
    mem_free(e->soft);
    e->types = e->targets = NULL;
    e->soft = NULL;
    mem_free(e->splits);
    e->splits = NULL;
    e->n_splits = e->cap_splits = 0;
    e->items = NULL;
    e->ids = NULL;
    e->mask = NULL;
    e->n = e->cap = e->n_tokens = e->cap_ids = e->cap_mask = 0;
}

/* Text with what a terminal would obey made visible. */
static void add_visible(struct buf *out, const struct buf *text)
{
    for (size_t i = 0; i < text->len; i++) {
        unsigned char c = (unsigned char)text->data[i];
        if (c == 0xC2 && i + 1 < text->len && (unsigned char)text->data[i + 1] < 0xA0) {
            buf_printf(out, "\\u%04x", (unsigned char)text->data[++i]); /* C1 controls */
        } else if ((c < 0x20 && c != '\n') || c == 0x7F) {
            buf_printf(out, "\\x%02x", c);
        } else {
            buf_char(out, (char)c);
        }
    }
}

int examples_preview(const struct examples *e, size_t i, const struct tokenizer *t, bool colour,
                     struct buf *out)
{
    const struct example *x = &e->items[i];
    struct tokenizer_stream *stream = tokenizer_stream_new(t, 0);
    struct buf piece = BUF;
    bool inside = false;
    for (size_t k = 0; k < x->length; k++) {
        bool wanted = e->mask[x->first + k] != 0;
        buf_clear(&piece);
        if (wanted != inside) {
            tokenizer_stream_end(stream, &piece);
            add_visible(out, &piece);
            buf_clear(&piece);
            buf_str(out, colour ? (wanted ? "\033[32m" : "\033[0m") : (wanted ? "⟦" : "⟧"));
        }
        inside = wanted;
        tokenizer_stream_add(stream, e->ids[x->first + k], &piece);
        add_visible(out, &piece);
    }
    buf_clear(&piece);
    tokenizer_stream_end(stream, &piece);
    add_visible(out, &piece);
    if (inside)
        buf_str(out, colour ? "\033[0m" : "⟧");
    tokenizer_stream_free(stream);
    buf_free(&piece);
    return out->full ? -1 : 0;
}
