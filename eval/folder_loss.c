/* A folder is measured: losses on held-out rows, likelihoods of choices. */
#include "eval/folder.h"

#include "core/clock.h"
#include "core/mem.h"
#include "core/signals.h"
#include "core/vec.h"

#include <math.h>
#include <string.h>

enum { PASS_TOKENS = 4096 };

/* Rows laid end to end for one pass. */
struct pass {
    int32_t *ids, *starts, *rows, *targets;
    size_t n_ids, n_starts, n_rows, cap_ids, cap_starts, cap_rows, cap_targets;
};

static void pass_add(struct pass *p, const int32_t *ids, const uint8_t *mask, uint32_t length)
{
    p->ids = vec_reserve(p->ids, &p->cap_ids, p->n_ids + length, sizeof *p->ids);
    p->rows = vec_reserve(p->rows, &p->cap_rows, p->n_rows + length, sizeof *p->rows);
    p->targets = vec_reserve(p->targets, &p->cap_targets, p->n_rows + length, sizeof *p->targets);
    p->starts = vec_reserve(p->starts, &p->cap_starts, p->n_starts + 2, sizeof *p->starts);
    p->starts[p->n_starts++] = (int32_t)p->n_ids;
    memcpy(p->ids + p->n_ids, ids, length * sizeof *ids);
    for (uint32_t i = 1; i < length; i++) {
        if (!mask[i])
            continue;
        p->rows[p->n_rows] = (int32_t)(p->n_ids + i) - 1;
        p->targets[p->n_rows++] = ids[i];
    }
    p->n_ids += length;
    p->starts[p->n_starts] = (int32_t)p->n_ids;
}

static int pass_run(struct pass *p, struct model *m, float *row_losses, double *loss,
                    struct error *error)
{
    struct model_pass pass = {.row_losses = row_losses};
    int status;
    *loss = 0;
    if (p->n_starts == 0)
        return 0;
    pass.batch = (struct batch){.ids = p->ids,
                                .starts = p->starts,
                                .rows = p->rows,
                                .targets = p->targets,
                                .tokens = (int32_t)p->n_ids,
                                .segments = (int32_t)p->n_starts,
                                .supervised = (int32_t)p->n_rows};
    status = model_pass(m, &pass, loss, error);
    p->n_ids = p->n_starts = p->n_rows = 0;
    return status;
}

static void pass_free(struct pass *p)
{
    mem_free(p->ids);
    mem_free(p->starts);
    mem_free(p->rows);
    mem_free(p->targets);
}

static int measure_some(struct folder *f, struct pass *p, struct subject_measure *out,
                        struct error *error)
{
    double loss;
    uint64_t rows = p->n_rows;
    const int64_t from = clock_ns();
    out->passed += p->n_ids;
    if (signals_draining())
        return error_set(error, ERROR_INTERRUPTED, "stopped; run the same command again");
    if (pass_run(p, f->model, NULL, &loss, error) != 0)
        return -1;
    if (!isfinite(loss))
        return error_set(error, ERROR_FAILED, "the held-out loss is not a number");
    out->seconds += (double)(clock_ns() - from) / 1e9;
    out->nll += loss;
    out->tokens += rows;
    return 0;
}

int folder_measure(struct subject *subject, const struct subject_rows *rows,
                   struct subject_measure *out, struct error *error)
{
    struct folder *f = (struct folder *)subject;
    struct pass p;
    int status = 0;
    memset(&p, 0, sizeof p);
    *out = (struct subject_measure){.stored = f->stored, .held = model_weight_bytes(f->model)};
    for (size_t i = 0; status == 0 && i < rows->n; i++) {
        struct supervise_row row;
        struct error why = {ERROR_NONE, ""};
        if (supervise_encode(&f->supervise, &f->worker, rows->turns[i], &f->tokens, &row, &why) !=
                0 ||
            row.length == 0)
            continue; /* as in training: refused or nothing to learn */
        if (p.n_ids != 0 && p.n_ids + row.length > PASS_TOKENS)
            status = measure_some(f, &p, out, error);
        pass_add(&p, f->tokens.tokens.ids, f->tokens.mask, row.length);
        out->rows++;
    }
    if (status == 0)
        status = measure_some(f, &p, out, error);
    pass_free(&p);
    return status;
}

/* Each choice as the reply to the messages, all in one pass. */
int folder_likelihood(struct subject *subject, const struct json *messages,
                      const struct json *choices, double *scores, struct error *error)
{
    struct folder *f = (struct folder *)subject;
    size_t n = json_count(choices), *ends = mem_alloc((n + 1) * sizeof *ends), i = 0;
    struct pass p;
    float *losses = NULL;
    double loss;
    bool last_only = f->supervise.last_reply_only;
    int status = 0;
    memset(&p, 0, sizeof p);
    f->supervise.last_reply_only = true;
    for (const struct json *c = json_first(choices); status == 0 && c != NULL; c = json_next(c)) {
        struct json *turns = json_copy(messages), *turn = json_new_object();
        struct supervise_row row = {0, 0, false};
        json_put_text(turn, "role", "assistant");
        json_put_string(turn, "content", json_string(c));
        json_push(turns, turn);
        status = supervise_encode(&f->supervise, &f->worker, turns, &f->tokens, &row, error);
        if (status == 0 && (row.length == 0 || row.truncated))
            status = error_set(error, ERROR_LIMIT, "prompt and choice are longer than %u tokens",
                               f->supervise.max_length);
        if (status == 0)
            pass_add(&p, f->tokens.tokens.ids, f->tokens.mask, row.length);
        ends[i++] = p.n_rows;
        json_free(turns);
    }
    f->supervise.last_reply_only = last_only;
    if (status == 0) {
        losses = mem_alloc((p.n_rows + 1) * sizeof *losses);
        status = pass_run(&p, f->model, losses, &loss, error);
    }
    for (i = 0; status == 0 && i < n; i++) {
        scores[i] = 0;
        for (size_t k = i != 0 ? ends[i - 1] : 0; k < ends[i]; k++)
            scores[i] -= (double)losses[k];
    }
    mem_free(losses);
    mem_free(ends);
    pass_free(&p);
    return status;
}
