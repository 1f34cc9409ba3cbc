#include "train/distill/distill.h"

#include "core/file.h"
#include "core/mem.h"
#include "core/vec.h"
#include "train/distill/stored.h"

#include <math.h>
#include <string.h>

/* --- identities ------------------------------------------------------------------------------ */

static struct hash128 rows_digest(const struct examples *e)
{
    struct hash128 h = hash128(NULL, 0);
    for (size_t i = 0; i < e->n; i++) {
        h = hash128_add(h, e->ids + e->items[i].first, e->items[i].length * sizeof *e->ids);
        h = hash128_add(h, e->mask + e->items[i].first, e->items[i].length);
    }
    return h;
}

static struct hash128 labels_digest(const struct labels *l)
{
    struct hash128 h = hash128(l->first, (l->n_rows + 1) * sizeof *l->first);
    h = hash128_add(h, l->ids, l->n_labels * sizeof *l->ids);
    return hash128_add(h, l->logprobs, l->n_labels * sizeof *l->logprobs);
}

static struct cache_want want_of(const struct distill *d)
{
    const struct distill_options *o = d->setup.options;
    struct cache_want w = {.teacher = d->identity,
                           .rows = rows_digest(&d->seen.rows),
                           .top_k = o->top_k,
                           .temperature = o->how.temperature,
                           .common = d->common,
                           .examples = &d->seen.rows};
    if (d->matcher != NULL)
        w.layers = matcher_layers(d->matcher, &w.n_layers, &w.width);
    return w;
}

/* --- opening --------------------------------------------------------------------------------- */

static struct teacher_setup teacher_of(const struct distill *d)
{
    return (struct teacher_setup){.options = d->setup.options,
                                  .tokenizer = d->setup.tokenizer,
                                  .vocab = d->setup.config->vocab,
                                  .backend = d->setup.model->backend,
                                  .pool = d->setup.model->pool,
                                  .limits = {.tokens = d->setup.limits.tokens,
                                             .supervised = d->setup.limits.supervised,
                                             .logits_rows = d->setup.limits.logits_rows}};
}

static int open_matcher(struct distill *d, struct error *error)
{
    const struct distill_options *o = d->setup.options;
    struct model_config c;
    if (o->n_matches == 0)
        return 0;
    if (config_read(&c, o->teachers[0].folder, error) != 0)
        return -1;
    d->matcher = matcher_open(&(struct matcher_setup){.options = o,
                                                      .student = d->setup.config,
                                                      .teacher = &c,
                                                      .examples = d->setup.examples,
                                                      .seed = d->setup.seed},
                              error);
    config_clear(&c);
    if (d->matcher == NULL)
        return -1;
    if (o->cache != NULL && matcher_attention(d->matcher))
        return error_set(error, ERROR_USAGE,
                         "train.distill.match: attention is not kept in a cache; leave "
                         "train.distill.cache out, or match hidden states");
    return 0;
}

/* The rows under the teacher's own template; matched layers need them token for token. */
static int read_seen(struct distill *d, struct corpus *c, struct error *error)
{
    const struct distill_options *o = d->setup.options;
    if (seen_read(&d->seen, c, d->setup.examples, o->teachers[0].folder, d->setup.source, error) !=
        0)
        return error_wrap(error, "train.distill.teacher");
    if (d->seen.differs && o->n_matches > 0)
        return error_set(
            error, ERROR_USAGE,
            "train.distill.match: the teacher's chat template is not the student's, so "
            "their tokens do not stand side by side; set train.template to the "
            "teacher's");
    return 0;
}

static int open_local(struct distill *d, struct corpus *c, struct error *error)
{
    const struct teacher_setup t = teacher_of(d);
    struct cache_want w;
    if (teacher_check(&t, &d->common, &d->warnings, error) != 0 ||
        teacher_digest(d->setup.options, &d->identity, error) != 0 || open_matcher(d, error) != 0 ||
        read_seen(d, c, error) != 0)
        return -1;
    w = want_of(d);
    return d->setup.options->cache != NULL &&
                   cache_open(&d->cache, d->setup.options->cache, &w, error) < 0
               ? -1
               : 0;
}

int distill_open(struct distill *d, const struct distill_setup *s, struct corpus *c,
                 struct error *error)
{
    int status = 0;
    memset(d, 0, sizeof *d);
    d->setup = *s;
    d->warnings = BUF_MAX(1 << 14);
    d->beside = FEED;
    d->how = s->options->how;
    if (s->options->source == DISTILL_STORED) {
        status = stored_read(&d->labels, &d->aligned, c, s->examples, s->tokenizer, error);
        d->labelled = status == 0;
        if (d->labelled)
            d->identity = labels_digest(&d->labels);
    } else if (s->options->source == DISTILL_ECHO) {
        d->echo = echo_open(s->options->endpoint, s->options->beside, s->tokenizer, error);
        status = d->echo != NULL ? 0 : -1;
        if (status == 0)
            d->identity = echo_identity(d->echo);
    } else {
        status = open_local(d, c, error);
    }
    d->setup.source = NULL; /* was for now only */
    if (status != 0)
        distill_close(d);
    return status;
}

void distill_close(struct distill *d)
{
    if (d->b != NULL && tensor_present(d->full))
        d->b->ops->release(d->b, d->full.data);
    if (d->cache == NULL)
        labels_close(&d->labels);
    labels_close(&d->live);
    cache_close(d->cache);
    teacher_close(d->teacher);
    echo_close(d->echo);
    matcher_close(d->matcher);
    feed_free(&d->beside);
    seen_free(&d->seen);
    mem_free(d->top);
    mem_free(d->parts);
    mem_free(d->row_example);
    mem_free(d->row_number);
    buf_free(&d->warnings);
    memset(d, 0, sizeof *d);
}

static double share(uint64_t part, uint64_t whole)
{
    return whole != 0 ? (double)part / (double)whole : 0;
}

void distill_describe(const struct distill *d, struct json *report)
{
    const struct distill_options *o = d->setup.options;
    const struct align_count *a = &d->aligned;
    struct json *out = json_new_object();
    json_put_text(out, "loss", o->how.loss->name);
    json_put_text(out, "teacher",
                  o->source == DISTILL_STORED ? "labels"
                  : o->source == DISTILL_ECHO ? "endpoint"
                                              : o->teachers[0].folder);
    if (o->source == DISTILL_STORED) {
        json_put_integer(out, "rows", (int64_t)a->rows);
        json_put_integer(out, "rows_aligned", (int64_t)a->rows_aligned);
        json_put_integer(out, "tokens", (int64_t)a->tokens);
        json_put_integer(out, "aligned", (int64_t)a->aligned);
        json_put_number(out, "aligned_share", share(a->aligned, a->tokens));
        json_put_number(out, "known_share", share(a->known, a->alternatives));
        json_put_integer(out, "dropped", (int64_t)a->dropped);
    } else if (o->source == DISTILL_LOCAL) {
        json_put_integer(out, "vocabulary", d->common);
        if (o->cache != NULL)
            json_put_text(out, "cache", o->cache);
        json_put_bool(out, "cached", d->cache != NULL);
    }
    if (d->warnings.len != 0)
        json_put_string(out, "warnings", slice_trim(buf_view(&d->warnings)));
    json_put(report, "soft_labels", out);
}

int64_t distill_memory(const struct distill *d)
{
    const struct teacher_setup t = teacher_of(d);
    int64_t bytes = 0;
    if (d->setup.options->source == DISTILL_LOCAL && d->cache == NULL)
        (void)teacher_memory(&t, &bytes, NULL);
    return bytes + (int64_t)(d->labels.n_labels * 8 + d->labels.n_rows * 4);
}

/* --- starting -------------------------------------------------------------------------------- */

static int open_teacher(struct distill *d, struct error *error)
{
    const struct teacher_setup t = teacher_of(d);
    d->teacher = teacher_open(&t, d->common, error);
    return d->teacher != NULL ? 0 : -1;
}

static int make_cache(struct distill *d, struct ranks *ranks, struct error *error)
{
    const char *path = d->setup.options->cache;
    const struct cache_want w = want_of(d);
    const int64_t need = cache_bytes(&w);
    char *folder = file_dir(path);
    const uint64_t room = file_free_space(folder);
    int status = 0;
    mem_free(folder);
    if (ranks_number(ranks) == 0) {
        if (room != 0 && (uint64_t)need > room)
            status = error_set(error, ERROR_FULL,
                               "%s: the teacher's values take %.0f MB and %.0f MB are free; set "
                               "train.distill.top_k (64, say)",
                               path, (double)need / 1e6, (double)room / 1e6);
        if (status == 0)
            status = open_teacher(d, error);
        if (status == 0)
            status = cache_build(path, &w, d->teacher, error);
        teacher_close(d->teacher);
        d->teacher = NULL;
    }
    if (ranks_any(ranks, status != 0))
        return status != 0 ? -1 : error_set(error, ERROR_FAILED, "another process failed");
    status = cache_open(&d->cache, path, &w, error);
    if (status == 0)
        return error_set(error, ERROR_IO, "%s: it was written and is not there", path);
    return status < 0 ? -1 : 0;
}

int distill_start(struct distill *d, struct backend *b, struct ranks *ranks, struct error *error)
{
    const struct distill_options *o = d->setup.options;
    d->b = b;
    if (o->source != DISTILL_LOCAL)
        return 0;
    if (o->cache == NULL)
        return open_teacher(d, error);
    if (d->cache == NULL && make_cache(d, ranks, error) != 0)
        return -1;
    if (o->top_k != 0) {
        d->labels = cache_labels(d->cache);
        d->labelled = true;
        return 0;
    }
    d->full =
        backend_block(b, d->setup.limits.logits_rows * d->common, "the teacher's values", error);
    if (!tensor_present(d->full))
        return -1;
    d->full = tensor_reshape(d->full, d->setup.limits.logits_rows, d->common);
    return 0;
}

/* --- a step ---------------------------------------------------------------------------------- */

void distill_step(struct distill *d, double progress, double mean)
{
    const struct distill_options *o = d->setup.options;
    d->how = o->how;
    d->how.soft *= weight_factor(o->soft_schedule, progress);
    d->how.hard *= weight_factor(o->hard_schedule, progress);
    d->how.schedule_mean = mean;
}

/* The student's own replies are not matched. */
static struct matcher *matcher_of(const struct distill *d)
{
    return d->now.own ? NULL : d->matcher;
}

/* The loss of the micro-batch in hand. */
static struct soft_how how_now(const struct distill *d)
{
    struct soft_how how = d->how;
    if (!d->now.own)
        return how;
    how.loss = d->setup.options->policy.loss;
    how.soft += how.hard;
    how.hard = 0;
    how.shift = false;
    return how;
}

/* Which row of the batch is which of an example's. */
static void number_rows(struct distill *d)
{
    const size_t rows = (size_t)d->now.feed->batch.supervised;
    size_t at = 0;
    d->top = vec_reserve(d->top, &d->cap_top, rows + 1, sizeof *d->top);
    d->parts = vec_reserve(d->parts, &d->cap_parts, rows + 1, sizeof *d->parts);
    d->row_example = vec_reserve(d->row_example, &d->cap_example, rows + 1, sizeof *d->row_example);
    d->row_number = vec_reserve(d->row_number, &d->cap_number, rows + 1, sizeof *d->row_number);
    for (size_t s = 0; s < d->now.n; s++)
        for (uint32_t k = 0; k < d->now.examples->items[d->now.which[s]].supervised; k++, at++) {
            d->row_example[at] = (int32_t)s;
            d->row_number[at] = (int32_t)k;
            d->top[at] = (struct soft_top){.temperature = 1};
        }
}

/* What the teacher sees of the micro-batch's rows, and their numbers there. */
static const struct examples *seen_now(struct distill *d, uint32_t **which)
{
    *which = mem_alloc((d->now.n + 1) * sizeof **which);
    for (size_t s = 0; s < d->now.n; s++)
        (*which)[s] = d->now.own ? (uint32_t)s : d->now.which[s];
    return d->now.own ? seen_spoken(&d->seen, d->now.examples, d->now.which, d->now.n)
                      : &d->seen.rows;
}

/* The most likely tokens of the live teacher: each example by itself, as the cache has them. */
static int label_live(struct distill *d, const struct examples *e, const uint32_t *which,
                      struct error *error)
{
    const struct distill_options *o = d->setup.options;
    const size_t rows = (size_t)d->now.feed->batch.supervised;
    labels_clear(&d->live, rows, (float)o->how.temperature);
    for (size_t s = 0; s < d->now.n; s++) {
        feed_fill(&d->beside, e, &which[s], 1);
        if (teacher_forward(d->teacher, &d->beside.batch,
                            matcher_teacher(matcher_of(d), d->now.feed->starts[s]), error) != 0 ||
            teacher_label(d->teacher, (size_t)o->top_k, o->how.temperature, &d->live, error) != 0)
            return -1;
    }
    for (size_t i = 0; i < rows; i++)
        d->top[i] = labels_row(&d->live, i);
    return 0;
}

static int run_teacher(struct distill *d, struct error *error)
{
    uint32_t *which;
    const struct examples *e = seen_now(d, &which);
    int status;
    if (d->setup.options->top_k != 0) {
        status = label_live(d, e, which, error);
    } else {
        feed_fill(&d->beside, e, which, d->now.n);
        status =
            teacher_forward(d->teacher, &d->beside.batch, matcher_teacher(matcher_of(d), 0), error);
    }
    mem_free(which);
    return status;
}

enum { ECHO_TOP = 16 }; /* alternatives asked for, where the recipe does not say */

static int ask_echo(struct distill *d, struct error *error)
{
    const int32_t k = d->setup.options->top_k;
    const struct echo_rows rows = {d->now.examples, d->now.which, d->now.n, k != 0 ? k : ECHO_TOP};
    const size_t supervised = (size_t)d->now.feed->batch.supervised;
    labels_clear(&d->live, supervised, 1);
    if (echo_label(d->echo, &rows, &d->live, error) != 0)
        return -1;
    for (size_t i = 0; i < supervised; i++)
        d->top[i] = labels_row(&d->live, i);
    return 0;
}

static int find_labels(struct distill *d, struct error *error)
{
    const size_t rows = (size_t)d->now.feed->batch.supervised;
    if (d->labelled) {
        for (size_t i = 0; i < rows; i++)
            d->top[i] =
                labels_top(&d->labels, d->now.which[d->row_example[i]], (uint32_t)d->row_number[i]);
        return 0;
    }
    if (d->echo != NULL)
        return ask_echo(d, error);
    /* Without a teacher full values come from the cache, a chunk at a time. */
    return d->teacher != NULL ? run_teacher(d, error) : 0;
}

/* The teacher's logits of rows [first, first + n). */
static struct tensor full_chunk(struct distill *d, int32_t first, int32_t n)
{
    if (d->teacher != NULL)
        return teacher_chunk(d->teacher, first, n);
    for (int32_t i = 0; i < n; i++)
        d->b->ops->upload(d->b, tensor_rows(d->full, i, 1),
                          cache_logits(d->cache, d->now.which[d->row_example[first + i]],
                                       (uint32_t)d->row_number[first + i]),
                          DTYPE_F32);
    return tensor_rows(d->full, 0, n);
}

static int rows_loss(void *context, const struct model_rows *r, struct error *error)
{
    struct distill *d = context;
    const struct soft_how how = how_now(d);
    struct soft_op op = {.how = &how,
                         .logits = r->logits,
                         .losses = r->losses,
                         .targets = d->now.feed->targets + r->first,
                         .top = d->top + r->first,
                         .parts = d->parts + r->first,
                         .gradient = r->gradient};
    (void)error;
    if (d->setup.options->source == DISTILL_LOCAL && d->setup.options->top_k == 0)
        op.teacher = full_chunk(d, r->first, (int32_t)r->logits.rows);
    r->b->ops->soft_loss(r->b, &op);
    return 0;
}

int distill_micro(struct distill *d, const struct distill_batch *batch, struct model_pass *pass,
                  struct error *error)
{
    struct matcher *matcher;
    d->now = *batch;
    matcher = matcher_of(d);
    number_rows(d);
    matcher_micro(matcher, batch->feed);
    if (find_labels(d, error) != 0)
        return -1;
    if (matcher != NULL && d->cache != NULL)
        matcher_cached(matcher, d->cache, batch->which, batch->n);
    d->loss = (struct model_loss){rows_loss, d};
    pass->loss = &d->loss;
    pass->watch = matcher_student(matcher);
    return 0;
}

struct distill_sums distill_sums(const struct distill *d)
{
    struct distill_sums sums = {.match = matcher_loss(matcher_of(d))};
    const bool full = d->setup.options->source == DISTILL_LOCAL && d->setup.options->top_k == 0;
    for (int32_t i = 0; i < d->now.feed->batch.supervised; i++) {
        sums.soft += d->parts[i].soft;
        sums.hard += d->parts[i].hard;
        sums.statistic += d->parts[i].statistic;
        sums.labelled += full || d->top[i].n > 0;
    }
    return sums;
}
