#include "eval/fidelity.h"

#include "core/clock.h"
#include "core/file.h"
#include "core/mem.h"
#include "core/rng.h"
#include "core/signals.h"
#include "core/vec.h"
#include "eval/held.h"
#include "model/generate.h"
#include "model/supervise.h"

#include <math.h>
#include <string.h>

enum { OWN_ROWS = 32, OWN_TOKENS = 64, PASS_TOKENS = 2048, MAX_LINE = 1 << 20 };

struct fidelity {
    int32_t *ids;
    uint8_t *mask; /* 1: is to be predicted */
    size_t *starts;
    size_t n_ids, n_rows, cap_ids, cap_mask, cap_starts;
    int64_t supervised;
    uint32_t longest; /* tokens a row may have */
    int32_t *targets; /* encoders: the original's class for each token that is asked; else NULL */
};

void fidelity_close(struct fidelity *f)
{
    if (f == NULL)
        return;
    mem_free(f->ids);
    mem_free(f->mask);
    mem_free(f->starts);
    mem_free(f->targets);
    mem_free(f);
}

int64_t fidelity_tokens(const struct fidelity *f)
{
    return f->supervised;
}

int64_t fidelity_rows(const struct fidelity *f)
{
    return (int64_t)f->n_rows;
}

/* mask NULL: all but the first are predicted. */
static void add_row(struct fidelity *f, const int32_t *ids, const uint8_t *mask, size_t n)
{
    if (n > f->longest)
        n = f->longest;
    if (n < 2)
        return;
    f->ids = vec_reserve(f->ids, &f->cap_ids, f->n_ids + n, sizeof *f->ids);
    f->mask = vec_reserve(f->mask, &f->cap_mask, f->n_ids + n, sizeof *f->mask);
    f->starts = vec_reserve(f->starts, &f->cap_starts, f->n_rows + 2, sizeof *f->starts);
    f->starts[f->n_rows++] = f->n_ids;
    memcpy(f->ids + f->n_ids, ids, n * sizeof *ids);
    for (size_t i = 0; i < n; i++) {
        const uint8_t on = i > 0 && (mask == NULL || mask[i] != 0);
        f->mask[f->n_ids + i] = on;
        f->supervised += on;
    }
    f->n_ids += n;
    f->starts[f->n_rows] = f->n_ids;
}

/* --- where rows come from ----------------------------------------------------------------- */

static int32_t first_token(const struct model_config *c)
{
    return c->bos >= 0 ? c->bos : c->n_eos > 0 ? c->eos[0] : 0;
}

/* Random tokens, for encoders: what is asked is only whether both models say the same. */
static void random_tokens(struct fidelity *f, const struct model *m, uint64_t seed)
{
    const int32_t n = f->longest < OWN_TOKENS ? (int32_t)f->longest : OWN_TOKENS;
    struct rng r = rng_new(seed, 1);
    int32_t ids[OWN_TOKENS];
    for (int row = 0; row < OWN_ROWS; row++) {
        for (int32_t i = 0; i < n; i++)
            ids[i] = (int32_t)rng_below(&r, (uint32_t)model_config(m)->vocab);
        add_row(f, ids, NULL, (size_t)n);
    }
}

/* Texts that the model writes; what ends a text is written over, for the length alone. */
static int own_words(struct fidelity *f, struct model *m, uint64_t seed, struct error *error)
{
    const int32_t tokens = f->longest < OWN_TOKENS ? (int32_t)f->longest : OWN_TOKENS;
    struct generator *g =
        generator_new(m, &(struct generator_options){.slots = 1, .capacity = OWN_TOKENS + 1},
                      error);
    int32_t ids[OWN_TOKENS + 1], n = 0;
    for (int row = 0; g != NULL && n >= 0 && row < OWN_ROWS; row++) {
        const struct generate_request how = {.prompt = ids,
                                             .n = 1,
                                             .sampling = {.temperature = 1,
                                                          .top_p = 1,
                                                          .repetition_penalty = 1,
                                                          .seed = seed + (uint64_t)row}};
        ids[0] = first_token(model_config(m));
        n = generate_ids(g, &how, ids + 1, tokens - 1, error);
        if (n > 0)
            add_row(f, ids, NULL, (size_t)n + 1);
    }
    generator_free(g);
    return g != NULL && n >= 0 ? 0 : -1;
}

static int from_dataset(struct fidelity *f, const struct fidelity_source *source,
                        const struct supervise *how, struct error *error)
{
    struct corpus *c = corpus_open(source->rows, CORPUS_READ, error);
    struct supervise_worker worker;
    struct chat_tokens tokens = CHAT_TOKENS;
    struct held held;
    if (c == NULL)
        return -1;
    if (held_read(&held, c, source->held_out, source->limit, error) != 0) {
        corpus_close(c);
        return -1;
    }
    supervise_worker_open(&worker, how);
    for (size_t i = 0; i < held.n; i++) {
        struct supervise_row row = {0, 0, false};
        if (supervise_encode(how, &worker, held.turns[i], &tokens, &row, NULL) == 0)
            add_row(f, tokens.tokens.ids, tokens.mask, row.length);
    }
    supervise_worker_close(&worker);
    chat_tokens_free(&tokens);
    held_free(&held);
    corpus_close(c);
    return 0;
}

/* A line as it is, or the "text" of the JSON object that it is. */
static int add_line(struct fidelity *f, const struct tokenizer *t, struct tokenizer_scratch *s,
                    struct slice line, struct error *error)
{
    struct json *j = line.len > 0 && line.data[0] == '{' ? json_parse(line, 0, NULL) : NULL;
    const struct slice text = j != NULL ? json_string(json_get(j, "text")) : line;
    struct tokens out = TOKENS;
    const int status = tokenizer_encode(t, s, text, TOKENIZER_TEMPLATE, &out, error);
    if (status == 0)
        add_row(f, out.ids, NULL, out.n);
    tokens_free(&out);
    json_free(j);
    return status;
}

static int from_lines(struct fidelity *f, const struct fidelity_source *source,
                      const struct tokenizer *t, struct error *error)
{
    struct file_lines *lines = file_lines_open(source->rows, MAX_LINE, error);
    struct tokenizer_scratch *s = tokenizer_scratch_new(t);
    struct slice line;
    int got = lines != NULL ? 1 : -1;
    while (got == 1 && f->n_rows < source->limit) {
        got = file_lines_next(lines, &line, error);
        if (got == 1 && add_line(f, t, s, line, error) != 0)
            got = -1;
    }
    tokenizer_scratch_free(s);
    file_lines_close(lines);
    return got < 0 ? -1 : 0;
}

static int from_file(struct fidelity *f, const struct fidelity_source *source, struct error *error)
{
    const size_t n = strlen(source->rows);
    struct tokenizer *t = tokenizer_load(source->dir, error);
    struct chat_template *c = NULL;
    struct supervise how;
    int status = -1;
    if (t == NULL)
        return -1;
    if (n > 3 && strcmp(source->rows + n - 3, ".db") == 0) {
        c = chat_template_load(source->dir, NULL);
        if (c == NULL)
            c = chat_template_named("plain", error);
        if (c != NULL) {
            supervise_open(&how, t, c);
            how.max_length = f->longest;
            status = from_dataset(f, source, &how, error);
            supervise_close(&how);
        }
        chat_template_free(c);
    } else {
        status = from_lines(f, source, t, error);
    }
    tokenizer_free(t);
    return status;
}

/* The classes that the original finds likeliest: for the first token of a row, or for all. */
static int ask_original(struct fidelity *f, struct model *m, struct error *error)
{
    const struct model_config *c = model_config(m);
    float *logits = mem_alloc((size_t)f->longest * (size_t)c->classes * sizeof *logits);
    int32_t *rows = mem_alloc((size_t)f->longest * sizeof *rows);
    int status = 0;
    f->targets = mem_zero(f->n_ids + 1, sizeof *f->targets);
    memset(f->mask, 0, f->n_ids);
    f->supervised = 0;
    for (size_t i = 0; i < f->n_rows && status == 0; i++) {
        const size_t from = f->starts[i], n = f->starts[i + 1] - from;
        const int32_t starts[2] = {0, (int32_t)n};
        const int32_t asked = c->head == HEAD_SEQUENCE ? 1 : (int32_t)n;
        const struct batch b = {.ids = f->ids + from,
                                .starts = starts,
                                .tokens = (int32_t)n,
                                .segments = 1};
        for (int32_t k = 0; k < asked; k++)
            rows[k] = k;
        status = model_logits(m, &b, rows, asked, logits, error);
        for (int32_t k = 0; k < asked && status == 0; k++) {
            const float *z = logits + (int64_t)k * c->classes;
            for (int32_t j = 1; j < c->classes; j++)
                if (z[j] > z[f->targets[from + (size_t)k]])
                    f->targets[from + (size_t)k] = j;
            f->mask[from + (size_t)k] = 1;
            f->supervised++;
        }
    }
    mem_free(logits);
    mem_free(rows);
    return status;
}

struct fidelity *fidelity_open(const struct fidelity_source *source, struct model *m,
                               struct error *error)
{
    struct fidelity *f = mem_zero(1, sizeof *f);
    const int32_t positions = model_config(m)->positions;
    int status;
    f->longest = positions > 0 && positions < PASS_TOKENS
                     ? (uint32_t)(positions - model_config(m)->first_position)
                     : PASS_TOKENS;
    if (source->rows == NULL && model_config(m)->encoder)
        random_tokens(f, m, source->seed);
    status = source->rows != NULL       ? from_file(f, source, error)
             : model_config(m)->encoder ? 0
                                        : own_words(f, m, source->seed, error);
    if (status == 0 && model_config(m)->encoder)
        status = ask_original(f, m, error);
    if (status == 0 && f->supervised == 0)
        status = error_set(error, ERROR_INPUT, "%s: no row to measure a loss on",
                           source->rows != NULL ? source->rows : source->dir);
    if (status == 0)
        return f;
    fidelity_close(f);
    return NULL;
}

/* --- measuring ---------------------------------------------------------------------------- */

/* Rows [first, last) as a batch; its arrays are the caller's to free. */
static struct batch lay_out(const struct fidelity *f, size_t first, size_t last)
{
    const size_t from = f->starts[first], n = f->starts[last] - from;
    int32_t *starts = mem_alloc((last - first + 1) * sizeof *starts);
    int32_t *rows = mem_alloc(n * sizeof *rows), *targets = mem_alloc(n * sizeof *targets);
    int32_t count = 0;
    for (size_t i = first; i <= last; i++)
        starts[i - first] = (int32_t)(f->starts[i] - from);
    for (size_t i = 0; i < n; i++) {
        if (f->mask[from + i] == 0)
            continue;
        if (f->targets != NULL) {
            rows[count] = (int32_t)i;
            targets[count++] = f->targets[from + i];
            continue;
        }
        rows[count] = (int32_t)i - 1;
        targets[count++] = f->ids[from + i];
    }
    return (struct batch){.ids = f->ids + from,
                          .starts = starts,
                          .rows = rows,
                          .targets = targets,
                          .tokens = (int32_t)n,
                          .segments = (int32_t)(last - first),
                          .supervised = count};
}

static void batch_free(const struct batch *b)
{
    union {
        const int32_t *in;
        void *out;
    } starts = {b->starts}, rows = {b->rows}, targets = {b->targets};
    mem_free(starts.out);
    mem_free(rows.out);
    mem_free(targets.out);
}

/* Every row once; `scores` gets the gradients of each pass where it is not NULL. */
static int run(const struct fidelity *f, struct model *m, struct prune_scores *scores, double *sum,
               struct error *error)
{
    int status = 0;
    *sum = 0;
    for (size_t first = 0, last; first < f->n_rows && status == 0; first = last) {
        struct model_pass pass = {.backward = scores != NULL};
        double loss = 0;
        last = first + 1;
        while (last < f->n_rows && f->starts[last + 1] - f->starts[first] <= PASS_TOKENS)
            last++;
        pass.batch = lay_out(f, first, last);
        model_step_begin(m);
        if (signals_draining())
            status = error_set(error, ERROR_INTERRUPTED, "stopped; nothing was written");
        else
            status = model_pass(m, &pass, &loss, error);
        if (status == 0 && scores != NULL)
            prune_scores_gradients(m, scores);
        *sum += loss;
        batch_free(&pass.batch);
    }
    return status;
}

int fidelity_loss(const struct fidelity *f, struct model *m, double *loss, double *tokens_per_s,
                  struct error *error)
{
    const int64_t from = clock_ns();
    double sum = 0;
    if (run(f, m, NULL, &sum, error) != 0)
        return -1;
    if (tokens_per_s != NULL)
        *tokens_per_s = (double)f->n_ids / ((double)(clock_ns() - from) / 1e9);
    *loss = sum / (double)f->supervised;
    return 0;
}

int fidelity_importance(const struct fidelity *f, struct model *m, struct prune_scores *s,
                        struct error *error)
{
    double sum;
    return run(f, m, s, &sum, error);
}
