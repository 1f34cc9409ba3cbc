#include "train/preflight.h"

#include "core/buf.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/mem.h"
#include "train/feed.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A step reaches about this share of the rate of its largest matrix products. */
static const double usual_share = 0.7;
enum { PROBE = 1024 }; /* rows, columns of the timed product */

/* --- memory the system can still give ----------------------------------------------------- */

static int64_t number_in(const char *path, const char *key)
{
    struct buf text = BUF_MAX(1 << 16);
    int64_t value = -1;
    const char *at;
    if (file_read(path, &text, NULL) == 0 && (at = strstr(buf_text(&text), key)) != NULL) {
        char *end;
        at += strlen(key);
        value = strtoll(at, &end, 10);
        if (end == at)
            value = -1; /* "max" */
    }
    buf_free(&text);
    return value;
}

static int64_t available_memory(void)
{
    int64_t kb = number_in("/proc/meminfo", "MemAvailable:");
    int64_t limit = number_in("/sys/fs/cgroup/memory.max", "");
    int64_t used = number_in("/sys/fs/cgroup/memory.current", "");
    int64_t cache = number_in("/sys/fs/cgroup/memory.stat", "\nfile ");
    int64_t best = kb > 0 ? kb * 1024 : 0;
    if (limit > 0 && used >= 0) {
        int64_t rest = limit - used + (cache > 0 ? cache : 0);
        if (best == 0 || rest < best)
            best = rest;
    }
    return best;
}

/* Free bytes where `path` is or is going to be. */
static int64_t free_space(const char *path)
{
    char *at = mem_strdup(path);
    uint64_t space;
    while (!file_exists(at) && strcmp(at, ".") != 0 && strcmp(at, "/") != 0) {
        char *up = file_dir(at);
        mem_free(at);
        at = up;
    }
    space = file_free_space(at);
    mem_free(at);
    return (int64_t)space;
}

/* --- counting ----------------------------------------------------------------------------- */

static uint32_t longest(const struct examples *e)
{
    uint32_t most = 0;
    for (size_t i = 0; i < e->n; i++)
        if (e->items[i].length > most)
            most = e->items[i].length;
    return most;
}

/* Where a step's tokens fit into one micro-batch, every step is one. */
struct model_limits preflight_limits(const struct train_settings *s, const struct examples *e)
{
    uint32_t tokens = s->pack.micro_tokens, most = longest(e);
    if (tokens > s->pack.step_tokens)
        tokens = s->pack.step_tokens;
    if (tokens < most)
        tokens = most;
    return (struct model_limits){.tokens = (int32_t)tokens,
                                 .supervised = (int32_t)tokens,
                                 .backward = true,
                                 .recompute = s->recompute,
                                 .logits_rows = s->logits_rows,
                                 .one_pass = s->pack.micro_tokens >= s->pack.step_tokens &&
                                             s->distill.policy.share == 0};
}

/* Work of all steps: that of the first epoch, scaled to the number of steps. */
static double course_work(const struct train_settings *s, const struct model_config *config,
                          const struct examples *e, struct course *c)
{
    struct feed feed = FEED;
    uint64_t epoch = 0, in_epoch = 0;
    double work = 0;
    (void)course_at(c, &epoch, &in_epoch);
    for (size_t i = 0; i < c->pack.n_micros; i++) {
        const struct pack_micro *m = &c->pack.micros[i];
        feed_fill(&feed, e, c->pack.order + m->first, m->count);
        work += model_flops(config, &s->model, &feed.batch, true);
    }
    feed_free(&feed);
    return work * (double)c->total / (double)c->pack.n_steps;
}

/* Operations a second of a square product in the settings' backend, the best of a few; 0 when it
 * cannot be had. */
static double product_rate(const struct train_settings *s)
{
    const struct backend_ops *ops = s->model.backend;
    struct backend *b = ops->open(s->model.pool, NULL);
    struct tensor t[3];
    double best = 0;
    if (b == NULL)
        return 0;
    for (size_t i = 0; i < 3; i++) {
        t[i] = backend_block(b, (int64_t)PROBE * PROBE, "a timing product", NULL);
        if (t[i].data != NULL)
            t[i] = tensor_reshape(t[i], PROBE, PROBE);
    }
    for (int round = 0; t[0].data != NULL && t[1].data != NULL && t[2].data != NULL && round < 4;
         round++) {
        int64_t from = clock_ns();
        double rate;
        ops->matmul(b, &(struct matmul){.c = t[0],
                                        .a = t[1],
                                        .b = t[2],
                                        .tb = true,
                                        .alpha = 1,
                                        .half = s->model.half});
        (void)ops->sync(b, NULL);
        rate = 2.0 * PROBE * PROBE * PROBE / ((double)(clock_ns() - from) / 1e9);
        if (round != 0 && rate > best)
            best = rate;
    }
    for (size_t i = 0; i < 3; i++)
        if (t[i].data != NULL)
            ops->release(b, t[i].data);
    ops->close(b);
    return best;
}

void preflight_make(struct preflight *f, const struct train_settings *s,
                    const struct model_config *config, const struct examples *e, struct course *c,
                    bool measure)
{
    struct model_limits limits = preflight_limits(s, e);
    int64_t trained;
    memset(f, 0, sizeof *f);
    f->memory = model_memory(config, &s->model, &limits);
    f->rows = (int64_t)(e->n_tokens * (sizeof *e->ids + sizeof *e->mask) + e->n * sizeof *e->items);
    f->available = available_memory();
    trained = f->memory.values;
    f->checkpoint = 3 * trained;
    f->disk = (int64_t)s->checkpoints * f->checkpoint + f->checkpoint + 2 * trained +
              config_parameters(config) * (int64_t)dtype_size(s->save_type);
    if (s->checkpoints == 0)
        f->disk -= f->checkpoint;
    f->disk_free = free_space(s->out);
    f->work = course_work(s, config, e, c);
    if (measure && strcmp(s->model.backend->name, "reference") != 0)
        f->rate = product_rate(s);
    if (f->rate > 0)
        f->seconds = f->work / (f->rate * usual_share);
}

/* --- refusing ----------------------------------------------------------------------------- */

static bool would_fit(const struct preflight *f, const struct train_settings *s,
                      const struct model_config *config, const struct examples *e)
{
    struct model_limits limits = preflight_limits(s, e);
    return model_memory(config, &s->model, &limits).total + f->teacher + f->rows <= f->available;
}

/* The mildest change that makes the run fit, as "--set …"; NULL when none of those known does. */
static const char *remedy(const struct preflight *f, const struct train_settings *s,
                          const struct model_config *config, const struct examples *e)
{
    struct train_settings t = *s;
    if (t.pack.micro_tokens > 1024) {
        t.pack.micro_tokens = 1024;
        if (would_fit(f, &t, config, e))
            return "--set train.micro_tokens=1024";
    }
    t.recompute = true;
    if (would_fit(f, &t, config, e))
        return "--set train.micro_tokens=1024 --set train.recompute=true";
    t.pack.micro_tokens = 1;
    if (would_fit(f, &t, config, e))
        return "--set train.micro_tokens=1 --set train.recompute=true";
    t.model.method = MODEL_LORA;
    if (would_fit(f, &t, config, e))
        return "--set train.method=lora --set train.micro_tokens=1 --set train.recompute=true";
    t.model.frozen_type = DTYPE_BF16;
    if (would_fit(f, &t, config, e))
        return "--set train.method=lora --set train.base_type=bf16 --set train.micro_tokens=1 "
               "--set train.recompute=true";
    return NULL;
}

static double mb(int64_t bytes)
{
    return (double)bytes / 1e6;
}

int preflight_check(const struct preflight *f, const struct train_settings *s,
                    const struct model_config *config, const struct examples *e,
                    struct error *error)
{
    const struct model_memory *m = &f->memory;
    if (f->available > 0 && m->total + f->rows > f->available) {
        const char *how = remedy(f, s, config, e);
        return error_set(error, ERROR_MEMORY,
                         "training needs %.0f MB (weights %.0f + gradients %.0f + moments %.0f + "
                         "activations %.0f + scratch %.0f + rows %.0f + teacher %.0f) and %.0f MB "
                         "are free; %s%s",
                         mb(m->total + f->rows), mb(m->frozen + m->values - f->teacher),
                         mb(m->gradients), mb(m->moments), mb(m->kept), mb(m->scratch), mb(f->rows),
                         mb(f->teacher), mb(f->available), how != NULL ? "it would fit with " : "",
                         how != NULL ? how
                         : f->teacher > 0
                             ? "keep the teacher in bf16 or int8 (train.distill.teacher: "
                               "[{\"folder\": …, \"type\": \"int8\"}])"
                             : "take a smaller student or shorter rows (train.max_length)");
    }
    if (f->disk_free > 0 && f->disk > f->disk_free)
        return error_set(error, ERROR_FULL,
                         "%s: checkpoints and export need %.0f MB (%" PRIu64
                         " checkpoints of %.0f MB, one being written, best weights, export) and "
                         "%.0f MB are free; free some, or lower train.checkpoints",
                         s->out, mb(f->disk), s->checkpoints, mb(f->checkpoint), mb(f->disk_free));
    return 0;
}

/* --- showing ------------------------------------------------------------------------------ */

void preflight_teacher(struct preflight *f, int64_t bytes)
{
    f->teacher = bytes;
    f->memory.frozen += bytes;
    f->memory.total += bytes;
}

void preflight_describe(const struct preflight *f, struct json *report)
{
    const struct model_memory *m = &f->memory;
    struct json *mem = json_new_object(), *disk = json_new_object();
    json_put_number(mem, "weights", (double)(m->frozen + m->values) / 1e6);
    json_put_number(mem, "gradients", (double)m->gradients / 1e6);
    json_put_number(mem, "moments", (double)m->moments / 1e6);
    json_put_number(mem, "activations", (double)m->kept / 1e6);
    json_put_number(mem, "scratch", (double)m->scratch / 1e6);
    json_put_number(mem, "rows", (double)f->rows / 1e6);
    json_put_number(mem, "total", (double)(m->total + f->rows) / 1e6);
    json_put_number(mem, "available", (double)f->available / 1e6);
    json_put(report, "memory_mb", mem);
    json_put_number(disk, "checkpoint", (double)f->checkpoint / 1e6);
    json_put_number(disk, "total", (double)f->disk / 1e6);
    json_put_number(disk, "free", (double)f->disk_free / 1e6);
    json_put(report, "disk_mb", disk);
    json_put_number(report, "tera_operations", f->work / 1e12);
    if (f->rate > 0)
        json_put_number(report, "product_gflops", f->rate / 1e9);
    if (f->seconds > 0)
        json_put_number(report, "estimated_seconds", f->seconds);
}
