#include "model/generate.h"

#include "core/mem.h"
#include "model/transformer.h"

#include <math.h>
#include <string.h>

/* Tokens of a prompt in one pass, and the multiple at which pieces begin. */
enum { PIECE = 64 };

/* What the cache's rows of a head are a multiple of. */
enum { HEAD_ROWS = 16 };

struct slot {
    int32_t *tokens; /* [capacity] prompt and reply */
    int32_t n;       /* tokens known */
    int32_t cached;  /* of them, those whose keys and values are in the cache */
    int32_t reused;
    bool open;
    float *logits; /* [V], behind the last cached token */
};

struct generator {
    struct model *m;
    struct generator_options o;
    struct slot *slots;
    /* All keys and values [slots * layers * 2 * kv_heads * head_rows, head_dim]: a slot's lie
     * together, so that few sequences touch little memory. */
    struct tensor block;
    struct tensor *keys, *values; /* of layers: the block from there on */
    int64_t head_rows, slot_rows;
    /* staging of a pass */
    int32_t *ids, *positions, *owners, *last;
    float *logits;
    int32_t tokens_max;
};

static int make_cache(struct generator *g, struct error *error)
{
    const struct model_config *c = &g->m->config;
    int64_t rows;
    g->head_rows = ((int64_t)g->o.capacity + HEAD_ROWS - 1) / HEAD_ROWS * HEAD_ROWS;
    g->slot_rows = 2 * c->layers * c->kv_heads * g->head_rows;
    rows = g->o.slots * g->slot_rows;
    g->block = backend_block(g->m->b, rows * c->head_dim, "the key-value cache", error);
    if (!tensor_present(g->block))
        return error_wrap(error, "%d sequences of %d tokens", (int)g->o.slots, (int)g->o.capacity);
    g->block = tensor_reshape(g->block, rows, c->head_dim);
    g->keys = mem_zero((size_t)c->layers, sizeof *g->keys);
    g->values = mem_zero((size_t)c->layers, sizeof *g->values);
    for (int32_t i = 0; i < 2 * c->layers; i++) {
        const int64_t first = i * c->kv_heads * g->head_rows;
        *(i % 2 == 0 ? &g->keys[i / 2] : &g->values[i / 2]) =
            tensor_rows(g->block, first, rows - first);
    }
    return 0;
}

static void make_staging(struct generator *g)
{
    const size_t vocab = (size_t)g->m->config.vocab, slots = (size_t)g->o.slots;
    size_t n;
    g->tokens_max = g->o.slots > PIECE ? g->o.slots : PIECE;
    n = (size_t)g->tokens_max;
    g->ids = mem_zero(n, sizeof *g->ids);
    g->positions = mem_zero(n, sizeof *g->positions);
    g->owners = mem_zero(n, sizeof *g->owners);
    g->last = mem_zero(slots, sizeof *g->last);
    g->logits = mem_zero(slots * vocab, sizeof *g->logits);
    g->slots = mem_zero(slots, sizeof *g->slots);
    for (size_t i = 0; i < slots; i++) {
        g->slots[i].tokens = mem_zero((size_t)g->o.capacity, sizeof *g->slots[i].tokens);
        g->slots[i].logits = g->logits + i * vocab;
    }
}

static int check_options(const struct model *m, const struct generator_options *o,
                         struct error *error)
{
    if (m->config.encoder)
        return error_set(error, ERROR_USAGE, "%s is an encoder: it classifies, it does not write",
                         m->config.arch->model_type);
    if (o->slots < 1 || o->capacity < 1)
        return error_set(error, ERROR_USAGE, "a generator of %d sequences of %d tokens",
                         (int)o->slots, (int)o->capacity);
    if (m->config.position == POSITION_LEARNED && o->capacity > m->config.positions)
        return error_set(error, ERROR_USAGE,
                         "sequences of %d tokens; this model has positions for %d",
                         (int)o->capacity, (int)m->config.positions);
    return 0;
}

struct generator *generator_new(struct model *m, const struct generator_options *options,
                                struct error *error)
{
    struct generator *g;
    if (check_options(m, options, error) != 0)
        return NULL;
    g = mem_zero(1, sizeof *g);
    g->m = m;
    g->o = *options;
    make_staging(g);
    if (make_cache(g, error) != 0 || workspace_positions(m, options->capacity, error) != 0) {
        generator_free(g);
        return NULL;
    }
    return g;
}

void generator_free(struct generator *g)
{
    if (g == NULL)
        return;
    for (int32_t i = 0; i < g->o.slots; i++)
        mem_free(g->slots[i].tokens);
    if (tensor_present(g->block))
        g->m->ops->release(g->m->b, g->block.data);
    mem_free(g->keys);
    mem_free(g->values);
    mem_free(g->ids);
    mem_free(g->positions);
    mem_free(g->owners);
    mem_free(g->last);
    mem_free(g->logits);
    mem_free(g->slots);
    mem_free(g);
}

void generator_forget(struct generator *g)
{
    for (int32_t i = 0; i < g->o.slots; i++)
        if (!g->slots[i].open)
            g->slots[i].cached = g->slots[i].n = 0;
}

/* Tokens that the slot's cache and a prompt share at their beginning. */
static int32_t shared(const struct slot *s, const int32_t *prompt, int32_t n)
{
    int32_t k = 0;
    while (k < s->cached && k < n && s->tokens[k] == prompt[k])
        k++;
    return k;
}

/* A free slot: the one that shares most of the prompt, else the one that holds least. */
static int free_slot(const struct generator *g, const int32_t *prompt, int32_t n)
{
    int best = -1;
    int32_t best_shared = -1;
    for (int32_t i = 0; i < g->o.slots; i++) {
        const struct slot *s = &g->slots[i];
        const int32_t k = s->open ? 0 : shared(s, prompt, n);
        if (!s->open &&
            (k > best_shared || (k == best_shared && s->cached < g->slots[best].cached))) {
            best = i;
            best_shared = k;
        }
    }
    return best;
}

/* Positions [first, end) of all layers and heads, from slot to slot. */
static void copy_positions(struct generator *g, int to, int from, int32_t first, int32_t end)
{
    for (int64_t row = first; row < g->slot_rows; row += g->head_rows)
        g->m->ops->copy(g->m->b, tensor_rows(g->block, to * g->slot_rows + row, end - first),
                        tensor_rows(g->block, from * g->slot_rows + row, end - first));
}

/* Take over the longest prefix that another slot holds. */
static void copy_prefix(struct generator *g, int to, const int32_t *prompt, int32_t n)
{
    int32_t have = shared(&g->slots[to], prompt, n), best = have;
    int from = to;
    for (int32_t i = 0; i < g->o.slots; i++) {
        const int32_t k = shared(&g->slots[i], prompt, n);
        if (k > best) {
            best = k;
            from = i;
        }
    }
    if (from != to)
        copy_positions(g, to, from, have, best);
    /* The last token always runs: its logits are wanted. */
    g->slots[to].cached = best < n ? best : n - 1;
}

int generator_open(struct generator *g, const int32_t *prompt, int32_t n, struct error *error)
{
    struct slot *s;
    int slot;
    if (n < 1 || n > g->o.capacity)
        return error_set(error, ERROR_LIMIT, "a prompt of %d tokens; there is room for 1 to %d",
                         (int)n, (int)g->o.capacity);
    for (int32_t i = 0; i < n; i++)
        if (prompt[i] < 0 || prompt[i] >= g->m->config.vocab)
            return error_set(error, ERROR_INPUT,
                             "token id %d; the model's vocabulary has %d (is this tokenizer the "
                             "model's own?)",
                             (int)prompt[i], (int)g->m->config.vocab);
    slot = free_slot(g, prompt, n);
    if (slot < 0)
        return error_set(error, ERROR_BUSY, "all %d sequences are in use", (int)g->o.slots);
    copy_prefix(g, slot, prompt, n);
    s = &g->slots[slot];
    memmove(s->tokens, prompt, (size_t)n * sizeof *s->tokens);
    s->n = n;
    s->reused = s->cached;
    s->open = true;
    return slot;
}

int32_t generator_reused(const struct generator *g, int slot)
{
    return g->slots[slot].reused;
}

/* Run the staged tokens; logits of the rows in g->last go to the slots that own them. */
static int run_staged(struct generator *g, int32_t tokens, int32_t wanted, struct error *error)
{
    struct model *m = g->m;
    const struct model_config *c = &m->config;
    const struct batch size = {.tokens = tokens, .supervised = wanted};
    const struct model_pass pass = {.batch = size};
    struct cache cache = {.keys = g->keys,
                          .values = g->values,
                          .slot_rows = g->slot_rows,
                          .head_rows = g->head_rows};
    struct run r = {.m = m, .pass = &pass, .cache = &cache, .tokens = tokens, .supervised = wanted};
    const struct workspace_ints arrays[] = {{g->ids, tokens, &m->ws.ids},
                                            {g->positions, tokens, &m->ws.positions},
                                            {g->owners, tokens, &cache.slots},
                                            {g->last, wanted, &m->ws.rows}};
    if (workspace_need(m, &size, false, error) != 0)
        return -1;
    workspace_put(m, arrays, 4);
    cache.positions = m->ws.positions;
    r.attention = (struct attention){.heads = c->heads,
                                     .kv_heads = c->kv_heads,
                                     .dim = c->head_dim,
                                     .scale = 1 / sqrt((double)c->head_dim),
                                     .window = c->window,
                                     .causal = true};
    forward_embed(&r, tensor_top(m->ws.layers[0].input, tokens));
    for (int32_t i = 0; i < c->layers; i++) {
        const struct kept k = forward_kept(&r, i);
        forward_layer(&r, &m->p.layers[i], &k, forward_output(&r, i));
    }
    if (wanted == 0)
        return m->ops->sync(m->b, error);
    head_gather(&r, wanted);
    for (int32_t at = 0, step = (int32_t)m->ws.logits.rows; at < wanted; at += step) {
        const int32_t n = wanted - at < step ? wanted - at : step;
        const struct tensor out = tensor_top(m->ws.logits, n);
        transformer_matmul(m, (struct matmul){.c = out,
                                              .a = tensor_rows(m->ws.hn, at, n),
                                              .b = head_weight(m).value,
                                              .tb = true,
                                              .alpha = 1});
        for (int32_t i = 0; i < n; i++)
            m->ops->download(m->b, tensor_rows(out, i, 1),
                             g->slots[g->owners[g->last[at + i]]].logits, DTYPE_F32);
    }
    return m->ops->sync(m->b, error);
}

static void stage(struct generator *g, int slot, int32_t position, int32_t at)
{
    g->ids[at] = g->slots[slot].tokens[position];
    g->positions[at] = position;
    g->owners[at] = slot;
}

/* A slot's pending tokens but for a last one alone, piece by piece. */
static int run_prompt(struct generator *g, int slot, struct error *error)
{
    struct slot *s = &g->slots[slot];
    while (s->n - s->cached > 1) {
        const int32_t room = PIECE - s->cached % PIECE, left = s->n - s->cached;
        const int32_t n = left < room ? left : room, wanted = s->cached + n == s->n;
        for (int32_t i = 0; i < n; i++)
            stage(g, slot, s->cached + i, i);
        g->last[0] = n - 1;
        if (run_staged(g, n, wanted, error) != 0)
            return -1;
        s->cached += n;
    }
    return 0;
}

int generator_forward(struct generator *g, struct error *error)
{
    int32_t n = 0;
    for (int32_t i = 0; i < g->o.slots; i++)
        if (g->slots[i].open && run_prompt(g, i, error) != 0)
            return -1;
    for (int32_t i = 0; i < g->o.slots; i++) {
        struct slot *s = &g->slots[i];
        if (!s->open || s->cached == s->n)
            continue;
        stage(g, i, s->cached, n);
        g->last[n] = n;
        n++;
    }
    if (n > 0 && run_staged(g, n, n, error) != 0)
        return -1;
    for (int32_t i = 0; i < g->o.slots; i++)
        if (g->slots[i].open)
            g->slots[i].cached = g->slots[i].n;
    return 0;
}

const float *generator_logits(const struct generator *g, int slot)
{
    return g->slots[slot].logits;
}

int generator_accept(struct generator *g, int slot, int32_t id)
{
    struct slot *s = &g->slots[slot];
    if (s->n == g->o.capacity)
        return 1;
    s->tokens[s->n++] = id;
    return 0;
}

void generator_close(struct generator *g, int slot)
{
    g->slots[slot].open = false;
}

const int32_t *generator_tokens(const struct generator *g, int slot, int32_t *n)
{
    *n = g->slots[slot].n;
    return g->slots[slot].tokens;
}

int32_t generator_active(const struct generator *g)
{
    int32_t n = 0;
    for (int32_t i = 0; i < g->o.slots; i++)
        n += g->slots[i].open;
    return n;
}

static bool is_stop(const struct generate_request *r, int32_t id)
{
    for (int32_t i = 0; i < r->n_stops; i++)
        if (r->stops[i] == id)
            return true;
    return false;
}

int32_t generate_ids(struct generator *g, const struct generate_request *request, int32_t *out,
                     int32_t max, struct error *error)
{
    const int slot = generator_open(g, request->prompt, request->n, error);
    const int32_t vocab = g->m->config.vocab;
    int32_t n = 0;
    if (slot < 0)
        return -1;
    while (n < max) {
        struct sampling_state state = {.drawn = (uint64_t)n};
        int32_t id;
        if (generator_forward(g, error) != 0) {
            n = -1;
            break;
        }
        state.tokens = generator_tokens(g, slot, &state.n);
        id = sampling_pick(&request->sampling, generator_logits(g, slot), vocab, &state);
        if (is_stop(request, id))
            break;
        out[n++] = id;
        if (request->token != NULL &&
            !request->token(request->context, id,
                            sampling_logprob(generator_logits(g, slot), vocab, id)))
            break;
        if (generator_accept(g, slot, id) != 0)
            break;
    }
    generator_close(g, slot);
    return n;
}
