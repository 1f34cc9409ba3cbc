#include "train/learner.h"

#include "core/mem.h"
#include "core/signals.h"
#include "core/vec.h"

#include <math.h>
#include <string.h>

enum { ROWS_NAMED = 5 }; /* rows that an error names */

int learner_open(struct learner *l, struct model *m, const struct train_settings *settings,
                 const struct examples *examples, struct ranks *ranks, struct error *error)
{
    struct backend *b = model_backend(m);
    int64_t n = model_values(m).cols;
    memset(l, 0, sizeof *l);
    l->model = m;
    l->settings = settings;
    l->examples = examples;
    l->ranks = ranks;
    l->feed = FEED;
    encoder_loss_open(&l->encoder, &settings->encoder);
    l->first = backend_block(b, n, "AdamW's first moments", error);
    if (l->first.data == NULL)
        goto fail;
    l->second = backend_block(b, n, "AdamW's second moments", error);
    if (l->second.data == NULL)
        goto fail;
    if (settings->ordered || ranks_count(ranks) > 1) {
        l->sum = mem_try((size_t)n * sizeof *l->sum, "gradients of several processes", error);
        l->part = mem_try((size_t)n * sizeof *l->part, "gradients of several processes", error);
        if (l->sum == NULL || l->part == NULL)
            goto fail;
    }
    return 0;
fail:
    learner_close(l);
    return -1;
}

void learner_close(struct learner *l)
{
    if (l->model != NULL) {
        struct backend *b = model_backend(l->model);
        if (l->first.data != NULL)
            b->ops->release(b, l->first.data);
        if (l->second.data != NULL)
            b->ops->release(b, l->second.data);
    }
    feed_free(&l->feed);
    encoder_loss_close(&l->encoder);
    mem_free(l->sum);
    mem_free(l->part);
    mem_free(l->losses);
    mem_free(l->lists);
    memset(l, 0, sizeof *l);
}

/* "rows 12, 88": the samples of the micro-batch whose loss is not finite (all where each is). */
static void name_rows(const struct learner *l, const struct examples *e, const uint32_t *which,
                      struct buf *out)
{
    int named = 0;
    for (int32_t s = 0; s < l->feed.batch.segments; s++) {
        int32_t rows;
        if (isfinite(feed_segment_loss(&l->feed, s, &rows)))
            continue;
        if (named++ == ROWS_NAMED) {
            buf_str(out, " …");
            return;
        }
        buf_printf(out, "%s%lld", named == 1 ? "" : ", ", (long long)e->items[which[s]].sample);
    }
}

/* which: the examples of the pass that was run last; NULL: it was none alone. */
static int not_finite(const struct learner *l, const char *what, uint64_t number,
                      const struct distill_batch *batch, struct error *error)
{
    struct buf rows = BUF_MAX(256);
    if (batch != NULL)
        name_rows(l, batch->examples, batch->which, &rows);
    error_set(
        error, ERROR_FAILED,
        "%s is not a number at step %llu (rows %s); look at them with `retort show`, or lower "
        "train.learning_rate",
        what, (unsigned long long)number, rows.len != 0 ? buf_text(&rows) : "of the whole step");
    buf_free(&rows);
    return -1;
}

/* The parts of the pass's loss, added to sums[0 .. LEARNER_SUMS). */
static void take_parts(const struct distill *d, double *sums)
{
    const struct distill_sums parts = distill_sums(d);
    sums[0] += parts.match;
    sums[1] += parts.soft;
    sums[2] += parts.hard;
    sums[3] += parts.statistic;
    sums[4] += parts.match;
    sums[5] += parts.labelled;
}

static int run_pass(struct learner *l, const struct distill_batch *batch, struct model_pass *pass,
                    uint64_t number, double *sums, struct error *error)
{
    double loss;
    feed_fill(&l->feed, batch->examples, batch->which, batch->n);
    pass->batch = l->feed.batch;
    pass->row_losses = l->feed.losses;
    pass->loss = encoder_loss_for(&l->encoder, batch->examples, &l->feed, batch->which);
    if (l->distill != NULL && distill_micro(l->distill, batch, pass, error) != 0)
        return error_wrap(error, "step %llu", (unsigned long long)number);
    if (model_pass(l->model, pass, &loss, error) != 0)
        return error_wrap(error, "step %llu", (unsigned long long)number);
    sums[0] += loss;
    if (l->distill != NULL)
        take_parts(l->distill, sums);
    if (!isfinite(sums[0]))
        return not_finite(l, "the loss", number, batch, error);
    return 0;
}

/* Part the micro-batch's rows: first those that stay, then the numbers of those on policy. */
static size_t part_rows(struct learner *l, const uint32_t *which, size_t n)
{
    size_t plain = 0, own = 0;
    l->lists = vec_reserve(l->lists, &l->cap_lists, n + 1, sizeof *l->lists);
    for (size_t i = 0; i < n; i++)
        if (policy_find(l->policy, which[i]) == UINT32_MAX)
            l->lists[plain++] = which[i];
    for (size_t i = 0; i < n; i++) {
        const uint32_t row = policy_find(l->policy, which[i]);
        if (row != UINT32_MAX)
            l->lists[plain + own++] = row;
    }
    return plain;
}

static int run_micro(struct learner *l, const struct pack *p, size_t micro, uint64_t number,
                     double *sums, struct error *error)
{
    const struct pack_micro *m = &p->micros[micro];
    struct model_pass pass = {.backward = true,
                              .training = true,
                              .neftune = l->settings->neftune,
                              .seed = l->settings->seed,
                              .stream = number << 24 | (m->first & 0xFFFFFF)};
    struct distill_batch batch = {&l->feed, l->examples, p->order + m->first, m->count, false};
    if (l->policy != NULL) {
        batch.n = part_rows(l, batch.which, m->count);
        batch.which = l->lists;
    }
    if (batch.n > 0 && run_pass(l, &batch, &pass, number, sums, error) != 0)
        return -1;
    if (batch.n == m->count)
        return 0;
    batch = (struct distill_batch){&l->feed, policy_rows(l->policy), l->lists + batch.n,
                                   m->count - batch.n, true};
    pass.stream |= (uint64_t)1 << 23;
    return run_pass(l, &batch, &pass, number, sums, error);
}

static void update(struct learner *l, double norm, double n, const struct learner_step *io)
{
    const struct train_settings *s = l->settings;
    struct adamw how = {
        .rate = io->rate,
        .beta1 = s->beta1,
        .beta2 = s->beta2,
        .epsilon = s->epsilon,
        .decay = s->weight_decay,
        .step = (int64_t)io->number,
        .grad_scale = 1.0 / n,
    };
    if (s->clip > 0 && norm / n > s->clip)
        how.grad_scale = s->clip / norm;
    model_adamw(l->model, l->first, l->second, &how);
    if (l->distill != NULL) {
        how.rate = io->rate / s->schedule.peak;
        how.grad_scale = 1.0 / n;
        matcher_update(l->distill->matcher, &how);
    }
}

/* --- gradients of one step ---------------------------------------------------------------- */

static struct tensor gradients(const struct learner *l)
{
    return model_gradients(l->model);
}

/* Asking for the norm clears a block that no pass has filled: a rank may have nothing to do. */
static int fetch(struct learner *l, float *host, struct error *error)
{
    struct backend *b = model_backend(l->model);
    (void)model_gradient_norm(l->model);
    b->ops->download(b, gradients(l), host, DTYPE_F32);
    return b->ops->sync(b, error);
}

static int store(struct learner *l, const float *host, struct error *error)
{
    struct backend *b = model_backend(l->model);
    (void)model_gradient_norm(l->model);
    b->ops->upload(b, gradients(l), host, DTYPE_F32);
    return b->ops->sync(b, error);
}

static bool mine(const struct learner *l, size_t micro)
{
    return micro % (size_t)ranks_count(l->ranks) == (size_t)ranks_number(l->ranks);
}

/* A signal ends a step between micro-batches; several ranks stop between steps, together. */
static bool stopping(const struct learner *l)
{
    return ranks_count(l->ranks) == 1 && signals_draining();
}

/* Gradients of this rank's micro-batches, added up where they are computed. */
static int accumulate(struct learner *l, const struct pack *p, const struct pack_step *step,
                      uint64_t number, struct error *error)
{
    model_step_begin(l->model);
    for (size_t i = 0; i < step->count; i++) {
        if (stopping(l))
            return error_set(error, ERROR_INTERRUPTED, "stopped");
        if (mine(l, i) &&
            run_micro(l, p, step->first + i, number, &l->losses[i * LEARNER_SUMS], error) != 0)
            return -1;
    }
    return 0;
}

static int accumulate_ranks(struct learner *l, struct error *error)
{
    size_t n = (size_t)gradients(l).cols;
    if (ranks_count(l->ranks) == 1)
        return 0;
    if (fetch(l, l->sum, error) != 0 || ranks_sum(l->ranks, l->sum, n, error) != 0)
        return -1;
    return store(l, l->sum, error);
}

/* Take the sum from the rank of micro-batch i - 1, add this one's gradient, hand it on. */
static int add_in_turn(struct learner *l, size_t i, size_t count, struct error *error)
{
    size_t n = (size_t)gradients(l).cols, ranks = (size_t)ranks_count(l->ranks);
    if (i != 0 && ranks > 1 &&
        ranks_receive(l->ranks, l->sum, n, (int)((i - 1) % ranks), error) != 0)
        return -1;
    for (size_t k = 0; k < n; k++)
        l->sum[k] = i != 0 ? l->sum[k] + l->part[k] : l->part[k];
    if (i + 1 < count && ranks > 1)
        return ranks_send(l->ranks, l->sum, n, (int)((i + 1) % ranks), error);
    return 0;
}

/* As accumulate and accumulate_ranks, in one order for any number of ranks.  A rank that fails
 * keeps its place in the chain, so that nobody waits for ever. */
static int accumulate_ordered(struct learner *l, const struct pack *p, const struct pack_step *step,
                              uint64_t number, struct error *error)
{
    size_t n = (size_t)gradients(l).cols;
    int status = 0;
    for (size_t i = 0; i < step->count; i++) {
        if (stopping(l))
            return error_set(error, ERROR_INTERRUPTED, "stopped");
        if (!mine(l, i))
            continue;
        model_step_begin(l->model);
        if (status == 0)
            status = run_micro(l, p, step->first + i, number, &l->losses[i * LEARNER_SUMS], error);
        if (fetch(l, l->part, error) != 0 || add_in_turn(l, i, step->count, error) != 0)
            return -1;
    }
    if (ranks_broadcast(l->ranks, l->sum, n,
                        (int)((step->count - 1) % (size_t)ranks_count(l->ranks)), error) != 0)
        return -1;
    return status == 0 ? store(l, l->sum, error) : -1;
}

static int sum_projections(struct learner *l, struct error *error)
{
    size_t n = 0;
    double *g = l->distill != NULL ? matcher_gradients(l->distill->matcher, &n) : NULL;
    return n != 0 ? ranks_sum_doubles(l->ranks, g, n, error) : 0;
}

/* All gradients of the step in the model's block, and the sum of its losses. */
static int collect(struct learner *l, const struct pack *p, const struct pack_step *step,
                   struct learner_step *io, struct error *error)
{
    const size_t sums = step->count * LEARNER_SUMS;
    bool ordered = l->settings->ordered;
    int status;
    l->losses = vec_reserve(l->losses, &l->cap_losses, sums, sizeof *l->losses);
    memset(l->losses, 0, sums * sizeof *l->losses);
    status = ordered ? accumulate_ordered(l, p, step, io->number, error)
                     : accumulate(l, p, step, io->number, error);
    if (ranks_any(l->ranks, status != 0))
        return status != 0 ? -1
                           : error_set(error, ERROR_FAILED, "another process failed at step %llu",
                                       (unsigned long long)io->number);
    if ((!ordered && accumulate_ranks(l, error) != 0) ||
        ranks_sum_doubles(l->ranks, l->losses, sums, error) != 0)
        return -1;
    return sum_projections(l, error);
}

/* The sums of all micro-batches, in order, as means over the supervised tokens. */
static void add_up(const struct learner *l, const struct pack_step *step, struct learner_step *io)
{
    double sums[LEARNER_SUMS] = {0};
    const double n = (double)io->supervised;
    for (size_t i = 0; i < step->count * LEARNER_SUMS; i++)
        sums[i % LEARNER_SUMS] += l->losses[i];
    io->loss = sums[0] / n;
    io->soft = sums[1] / n;
    io->hard = sums[2] / n;
    io->statistic = sums[3] / n;
    io->match = sums[4] / n;
    io->labelled = sums[5] / n;
}

/* The student answers its share of this rank's rows. */
static int draw(struct learner *l, const struct pack *p, const struct pack_step *step,
                uint64_t number, struct error *error)
{
    uint32_t *rows = mem_alloc((step->examples + 1) * sizeof *rows);
    size_t n = 0;
    int status;
    for (size_t i = 0; i < step->count; i++) {
        const struct pack_micro *m = &p->micros[step->first + i];
        for (size_t k = 0; mine(l, i) && k < m->count; k++)
            rows[n++] = p->order[m->first + k];
    }
    status = policy_draw(l->policy, l->model, rows, n, number, error);
    mem_free(rows);
    return status;
}

/* Supervised tokens of this rank's micro-batches, as they will be run. */
static double count_tokens(const struct learner *l, const struct pack *p,
                           const struct pack_step *step)
{
    double tokens = 0;
    for (size_t i = 0; i < step->count; i++) {
        const struct pack_micro *m = &p->micros[step->first + i];
        for (size_t k = 0; mine(l, i) && k < m->count; k++) {
            const uint32_t example = p->order[m->first + k];
            const uint32_t row = l->policy != NULL ? policy_find(l->policy, example) : UINT32_MAX;
            tokens += row != UINT32_MAX ? policy_rows(l->policy)->items[row].supervised
                                        : l->examples->items[example].supervised;
        }
    }
    return tokens;
}

/* Everything of a step that its passes need to know. */
static int begin_step(struct learner *l, const struct pack *p, const struct pack_step *step,
                      struct learner_step *io, struct error *error)
{
    const double total = (double)l->settings->schedule.total;
    double tokens;
    int status = l->policy != NULL ? draw(l, p, step, io->number, error) : 0;
    if (l->policy != NULL && ranks_any(l->ranks, status != 0))
        return status != 0 ? -1 : error_set(error, ERROR_FAILED, "another process failed");
    tokens = count_tokens(l, p, step);
    if (ranks_sum_doubles(l->ranks, &tokens, 1, error) != 0)
        return -1;
    io->tokens = step->tokens;
    io->rows = step->examples;
    io->supervised = (uint64_t)tokens;
    if (l->distill == NULL)
        return 0;
    distill_step(l->distill, total > 0 ? (double)(io->number - 1) / total : 0, io->statistic);
    matcher_step(l->distill->matcher, p->order + step->first_example, step->examples,
                 io->supervised);
    return 0;
}

int learner_step(struct learner *l, const struct pack *p, const struct pack_step *step,
                 struct learner_step *io, struct error *error)
{
    double norm, n;
    if (begin_step(l, p, step, io, error) != 0 || collect(l, p, step, io, error) != 0)
        return -1;
    add_up(l, step, io);
    norm = model_gradient_norm(l->model);
    if (!isfinite(norm))
        return not_finite(l, "the gradient", io->number, NULL, error);
    n = (double)io->supervised;
    io->gradient = norm / n;
    update(l, norm, n, io);
    return 0;
}

/* How many of which[0 .. n) fit into one pass; at least one. */
static size_t fill(const struct learner *l, const uint32_t *which, size_t n)
{
    uint64_t tokens = 0;
    size_t i = 0;
    while (i < n) {
        tokens += l->examples->items[which[i]].length;
        if (i != 0 && tokens > l->settings->pack.micro_tokens)
            break;
        i++;
    }
    return i;
}

int learner_measure(struct learner *l, const uint32_t *which, size_t n, double *nll,
                    uint64_t *tokens, struct error *error)
{
    *nll = 0;
    *tokens = 0;
    for (size_t at = 0; at < n;) {
        size_t take = fill(l, which + at, n - at);
        struct model_pass pass = {.seed = l->settings->seed};
        double loss;
        feed_fill(&l->feed, l->examples, which + at, take);
        pass.batch = l->feed.batch;
        pass.row_losses = l->feed.losses;
        pass.loss = encoder_loss_for(&l->encoder, l->examples, &l->feed, which + at);
        if (model_pass(l->model, &pass, &loss, error) != 0)
            return error_wrap(error, "held-out rows");
        if (!isfinite(loss)) {
            struct buf rows = BUF_MAX(256);
            name_rows(l, l->examples, which + at, &rows);
            error_set(error, ERROR_FAILED, "the held-out loss is not a number (rows %s)",
                      buf_text(&rows));
            buf_free(&rows);
            return -1;
        }
        *nll += loss;
        for (size_t i = 0; i < take; i++)
            *tokens += l->examples->items[which[at + i]].supervised;
        at += take;
    }
    return 0;
}
