#include "filter/likelihood.h"

#include "core/hash.h"
#include "core/json.h"
#include "core/mem.h"
#include "corpus/turns.h"
#include "model/digest.h"
#include "model/model.h"
#include "model/supervise.h"

#include <math.h>
#include <string.h>

enum { LIKELIHOOD_VERSION = 1, STOPS = 16 };

struct likelihood {
    struct tokenizer *tokenizer;
    struct chat_template *chat;
    struct model *model;
    struct supervise supervise;
    struct supervise_worker worker;
    struct chat_tokens tokens;
    int32_t stops[STOPS];
    int32_t n_stops;
    int version;
    /* a pass of at most two rows of max_tokens */
    int32_t *ids, *rows, *targets, starts[3];
    float *losses;
    size_t n_rows;
};

static struct chat_template *find_template(const struct likelihood_options *o, struct error *error)
{
    struct chat_template *c;
    if (o->template_name != NULL)
        return chat_template_named(o->template_name, error);
    c = chat_template_load(o->dir, o->template_other != NULL ? NULL : error);
    return c != NULL || o->template_other == NULL ? c
                                                  : chat_template_named(o->template_other, error);
}

static int identify(struct likelihood *l, const struct likelihood_options *o, struct error *error)
{
    struct hash128 h;
    const uint32_t numbers[2] = {LIKELIHOOD_VERSION, l->supervise.max_length};
    const struct slice source = chat_template_source(l->chat);
    const struct slice ids = slice_of(tokenizer_digest(l->tokenizer));
    if (digest_folder(o->dir, true, &h, error) != 0)
        return -1;
    h = hash128_add(h, source.data, source.len);
    h = hash128_add(h, ids.data, ids.len);
    h = hash128_add(h, numbers, sizeof numbers);
    l->version = (int)(h.lo & 0x3FFFFFFF) + 1;
    return 0;
}

struct likelihood *likelihood_open(const struct likelihood_options *o, struct error *error)
{
    struct likelihood *l = mem_zero(1, sizeof *l);
    const struct model_options options = {.pool = o->pool, .method = MODEL_FROZEN};
    const struct model_config *c;
    l->tokens = CHAT_TOKENS;
    if ((l->tokenizer = tokenizer_load(o->dir, error)) == NULL ||
        (l->chat = find_template(o, error)) == NULL ||
        (l->model = model_load(o->dir, &options, error)) == NULL) {
        likelihood_close(l);
        return NULL;
    }
    c = model_config(l->model);
    supervise_open(&l->supervise, l->tokenizer, l->chat);
    supervise_worker_open(&l->worker, &l->supervise);
    l->supervise.last_reply_only = true;
    l->supervise.max_length = o->max_tokens;
    if (c->positions > 0 && (uint32_t)c->positions < o->max_tokens)
        l->supervise.max_length = (uint32_t)c->positions;
    l->n_stops = supervise_stops(&l->supervise, c->eos, c->n_eos, l->stops, STOPS);
    const size_t most = 2 * (size_t)l->supervise.max_length + 2;
    l->ids = mem_alloc(most * sizeof *l->ids);
    l->rows = mem_alloc(most * sizeof *l->rows);
    l->targets = mem_alloc(most * sizeof *l->targets);
    l->losses = mem_alloc(most * sizeof *l->losses);
    if (identify(l, o, error) != 0) {
        likelihood_close(l);
        return NULL;
    }
    return l;
}

void likelihood_close(struct likelihood *l)
{
    if (l == NULL)
        return;
    if (l->worker.scratch != NULL)
        supervise_worker_close(&l->worker);
    supervise_close(&l->supervise);
    chat_tokens_free(&l->tokens);
    chat_template_free(l->chat);
    tokenizer_free(l->tokenizer);
    model_free(l->model);
    mem_free(l->ids);
    mem_free(l->rows);
    mem_free(l->targets);
    mem_free(l->losses);
    mem_free(l);
}

int likelihood_version(const struct likelihood *l)
{
    return l->version;
}

static bool is_stop(const struct likelihood *l, int32_t id)
{
    for (int32_t i = 0; i < l->n_stops; i++)
        if (l->stops[i] == id)
            return true;
    return false;
}

static void predict(struct likelihood *l, size_t at)
{
    l->rows[l->n_rows] = (int32_t)at - 1;
    l->targets[l->n_rows++] = l->ids[at];
}

/* The row, and behind it its reply alone.  Returns how many tokens of the first are predicted. */
static size_t lay_out(struct likelihood *l, const struct supervise_row *row)
{
    const int32_t *ids = l->tokens.tokens.ids;
    const uint8_t *mask = l->tokens.mask;
    size_t end = row->length, at, given;
    while (end > 0 && mask[end - 1] && is_stop(l, ids[end - 1]))
        end--;
    l->n_rows = 0;
    memcpy(l->ids, ids, end * sizeof *ids);
    for (size_t i = 1; i < end; i++)
        if (mask[i])
            predict(l, i);
    given = l->n_rows;
    l->starts[0] = 0;
    l->starts[1] = (int32_t)end;
    at = end;
    if (tokenizer_bos(l->tokenizer) >= 0)
        l->ids[at++] = tokenizer_bos(l->tokenizer);
    for (size_t i = 1; i < end; i++)
        if (mask[i]) {
            l->ids[at] = ids[i];
            if (at > end)
                predict(l, at);
            at++;
        }
    l->starts[2] = (int32_t)at;
    return given;
}

static double mean(const float *losses, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)losses[i];
    return n > 0 ? sum / (double)n : (double)NAN;
}

static int measure(struct likelihood *l, size_t given, struct likelihood_of *out,
                   struct error *error)
{
    const struct model_pass pass = {.batch = {.ids = l->ids,
                                              .starts = l->starts,
                                              .rows = l->rows,
                                              .targets = l->targets,
                                              .tokens = l->starts[2],
                                              .segments = l->starts[2] > l->starts[1] ? 2 : 1,
                                              .supervised = (int32_t)l->n_rows},
                                    .row_losses = l->losses};
    double loss, with, alone;
    if (model_pass(l->model, &pass, &loss, error) != 0)
        return -1;
    with = mean(l->losses, given);
    alone = mean(l->losses + given, l->n_rows - given);
    out->perplexity = exp(with);
    out->ifd = alone > 0 ? with / alone : (double)NAN;
    return 0;
}

int likelihood_row(struct likelihood *l, const struct sample *s, struct likelihood_of *out,
                   struct error *error)
{
    struct error why = {ERROR_NONE, ""}; /* a row that the template refuses has no likelihood */
    struct supervise_row row = {0, 0, false};
    struct json *turns = turns_of(s, true, &why);
    size_t given = 0;
    *out = (struct likelihood_of){(double)NAN, (double)NAN};
    if (turns != NULL &&
        supervise_encode(&l->supervise, &l->worker, turns, &l->tokens, &row, &why) == 0 &&
        row.length > 0)
        given = lay_out(l, &row);
    json_free(turns);
    return given > 0 ? measure(l, given, out, error) : 0;
}
