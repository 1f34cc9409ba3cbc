#include "core/mem.h"
#include "core/rng.h"
#include "core/vec.h"
#include "train/distill/cache.h"
#include "train/distill/matcher_internal.h"

#include <string.h>

enum { STREAM = 0x70726f6a }; /* "proj" */

/* --- opening --------------------------------------------------------------------------------- */

static struct kept *keep(struct side *s, int32_t layer, bool attention,
                         const struct model_config *c)
{
    struct kept *k;
    for (size_t i = 0; i < s->n; i++)
        if (s->layers[i].layer == layer && s->layers[i].attention == attention)
            return &s->layers[i];
    k = &s->layers[s->n++];
    *k = (struct kept){.layer = layer,
                       .attention = attention,
                       .width = (size_t)c->hidden,
                       .heads = (size_t)c->heads};
    return k;
}

static int check_layer(const char *whose, int32_t layer, const struct distill_match *how,
                       const struct model_config *c, struct error *error)
{
    const bool attention = how->kind->feature == MATCH_ATTENTION;
    const int32_t last = c->layers - (attention ? 1 : 0) - (how->kind->pairs ? 1 : 0);
    if (layer >= 0 && layer <= last)
        return 0;
    return error_set(error, ERROR_USAGE,
                     "layer %d of the %s is out of range: %s takes 0 to %d of its %d blocks", layer,
                     whose, how->kind->name, last, c->layers);
}

static int open_match(struct matcher *m, const struct distill_match *how,
                      const struct matcher_setup *s, struct error *error)
{
    struct match *to = &m->matches[m->n];
    const bool attention = how->kind->feature == MATCH_ATTENTION;
    const int32_t mine = attention ? s->student->heads : s->student->hidden;
    const int32_t its = attention ? s->teacher->heads : s->teacher->hidden;
    if (check_layer("teacher", how->teacher_layer, how, s->teacher, error) != 0 ||
        check_layer("student", how->student_layer, how, s->student, error) != 0)
        return error_wrap(error, "train.distill.match.%zu", m->n);
    if (how->kind->same_width && mine != its && how->projection == MATCH_NONE)
        return error_set(error, ERROR_USAGE,
                         "train.distill.match.%zu: the teacher's %s is %d wide and the student's "
                         "%d; %s",
                         m->n, attention ? "attention" : "hidden state", its, mine,
                         attention ? "attention_mse_sum or attention_ce_mean takes that"
                                   : "set projection to \"linear\"");
    *to = (struct match){.how = how};
    to->s[0] = keep(&m->student, how->student_layer, attention, s->student);
    to->t[0] = keep(&m->teacher, how->teacher_layer, attention, s->teacher);
    if (how->kind->pairs) {
        to->s[1] = keep(&m->student, how->student_layer + 1, attention, s->student);
        to->t[1] = keep(&m->teacher, how->teacher_layer + 1, attention, s->teacher);
    }
    if (how->projection != MATCH_NONE) {
        to->projection =
            (struct projection){how->projection, (size_t)mine, (size_t)its, m->size, how->rate};
        m->size += projection_size(&to->projection);
    }
    m->n++;
    return 0;
}

static void list_hidden(struct matcher *m)
{
    for (int32_t layer = 0; m->n_hidden < MATCHER_LAYERS && layer < 1 << 16; layer++)
        for (size_t i = 0; i < m->teacher.n; i++)
            if (m->teacher.layers[i].layer == layer && !m->teacher.layers[i].attention)
                m->hidden[m->n_hidden++] = layer;
}

struct matcher *matcher_open(const struct matcher_setup *s, struct error *error)
{
    struct matcher *m = mem_zero(1, sizeof *m);
    size_t longest = 0;
    m->examples = s->examples;
    m->seed = s->seed;
    m->student.m = m->teacher.m = m;
    m->student.student = true;
    for (size_t i = 0; i < s->options->n_matches; i++)
        if (open_match(m, &s->options->matches[i], s, error) != 0) {
            matcher_close(m);
            return NULL;
        }
    list_hidden(m);
    m->student.watch = (struct model_watch){matcher_on_hidden, matcher_on_attention, &m->student};
    m->teacher.watch = (struct model_watch){matcher_on_hidden, matcher_on_attention, &m->teacher};
    for (size_t i = 0; i < s->examples->n; i++)
        if (s->examples->items[i].length > longest)
            longest = s->examples->items[i].length;
    m->ones = mem_alloc((longest + 1) * sizeof *m->ones);
    for (size_t i = 0; i <= longest; i++)
        m->ones[i] = 1;
    return m;
}

static void close_side(struct side *s)
{
    for (size_t i = 0; i < s->n; i++) {
        mem_free(s->layers[i].x);
        mem_free(s->layers[i].d);
    }
}

void matcher_close(struct matcher *m)
{
    struct tensor *blocks[4];
    if (m == NULL)
        return;
    blocks[0] = &m->values;
    blocks[1] = &m->gradients;
    blocks[2] = &m->first;
    blocks[3] = &m->second;
    for (size_t i = 0; i < 4; i++)
        if (tensor_present(*blocks[i]))
            m->b->ops->release(m->b, blocks[i]->data);
    close_side(&m->student);
    close_side(&m->teacher);
    mem_free(m->at);
    mem_free(m->ones);
    mem_free(m->host);
    mem_free(m->grad);
    mem_free(m);
}

bool matcher_attention(const struct matcher *m)
{
    for (size_t i = 0; m != NULL && i < m->n; i++)
        if (m->matches[i].how->kind->feature == MATCH_ATTENTION)
            return true;
    return false;
}

const int32_t *matcher_layers(const struct matcher *m, size_t *n, int32_t *width)
{
    *n = m->n_hidden;
    for (size_t i = 0; i < m->teacher.n; i++)
        if (!m->teacher.layers[i].attention)
            *width = (int32_t)m->teacher.layers[i].width;
    return m->hidden;
}

/* --- projections ----------------------------------------------------------------------------- */

static void draw(struct matcher *m)
{
    struct rng r = rng_new(m->seed, STREAM);
    for (size_t i = 0; i < m->n; i++) {
        const struct projection *p = &m->matches[i].projection;
        for (size_t k = 0; k < p->in * p->out; k++)
            m->host[p->at + k] = 0.02 * rng_normal(&r);
    }
}

int matcher_start(struct matcher *m, struct backend *b, struct error *error)
{
    struct tensor *blocks[4];
    if (m == NULL || m->size == 0)
        return 0;
    m->b = b;
    blocks[0] = &m->values;
    blocks[1] = &m->gradients;
    blocks[2] = &m->first;
    blocks[3] = &m->second;
    for (size_t i = 0; i < 4; i++) {
        *blocks[i] = backend_block(b, (int64_t)m->size, "the projections", error);
        if (!tensor_present(*blocks[i]))
            return -1;
    }
    m->host = mem_zero(m->size, sizeof *m->host);
    m->grad = mem_zero(m->size, sizeof *m->grad);
    draw(m);
    b->ops->upload(b, m->values, m->host, DTYPE_F64);
    return b->ops->sync(b, error);
}

void matcher_blocks(struct matcher *m, struct tensor out[3])
{
    out[0] = out[1] = out[2] = TENSOR_ABSENT;
    if (m == NULL || m->size == 0)
        return;
    out[0] = m->values;
    out[1] = m->first;
    out[2] = m->second;
}

double *matcher_gradients(struct matcher *m, size_t *n)
{
    *n = m != NULL ? m->size : 0;
    return m != NULL ? m->grad : NULL;
}

void matcher_update(struct matcher *m, const struct adamw *how)
{
    if (m == NULL || m->size == 0)
        return;
    m->b->ops->upload(m->b, m->gradients, m->grad, DTYPE_F64);
    for (size_t i = 0; i < m->n; i++) {
        const struct projection *p = &m->matches[i].projection;
        const int64_t at = (int64_t)p->at, n = (int64_t)projection_size(p);
        struct adamw own = *how;
        if (p->out == 0)
            continue;
        own.rate *= p->rate;
        own.decay = 0;
        own.decayed = 0;
        m->b->ops->adamw(m->b, tensor_cols(m->values, at, n), tensor_cols(m->gradients, at, n),
                         tensor_cols(m->first, at, n), tensor_cols(m->second, at, n), &own);
    }
}

/* --- a step ---------------------------------------------------------------------------------- */

void matcher_step(struct matcher *m, const uint32_t *which, size_t n, uint64_t tokens)
{
    if (m == NULL)
        return;
    for (size_t i = 0; i < m->n; i++) {
        struct match *x = &m->matches[i];
        x->measure = 0;
        for (size_t k = 0; k < n; k++) {
            const struct match_row r = matcher_row(m, x, m->examples->items[which[k]].length);
            x->measure += x->how->kind->measure(&r);
        }
        x->factor = x->how->weight * (double)tokens / x->measure;
    }
    if (m->size == 0)
        return;
    m->b->ops->download(m->b, m->values, m->host, DTYPE_F64);
    (void)m->b->ops->sync(m->b, NULL);
    memset(m->grad, 0, m->size * sizeof *m->grad);
}

static void make_room(struct side *s, size_t tokens, size_t squares)
{
    for (size_t i = 0; i < s->n; i++) {
        struct kept *k = &s->layers[i];
        const size_t n = k->attention ? squares * k->heads : tokens * k->width;
        k->x = vec_reserve(k->x, &k->cap_x, n + 1, sizeof *k->x);
        if (!s->student)
            continue;
        k->d = vec_reserve(k->d, &k->cap_d, n + 1, sizeof *k->d);
        memset(k->d, 0, n * sizeof *k->d);
    }
}

void matcher_micro(struct matcher *m, const struct feed *feed)
{
    size_t squares = 0;
    if (m == NULL)
        return;
    m->feed = feed;
    m->computed = false;
    m->loss = 0;
    m->offset = 0;
    m->at = vec_reserve(m->at, &m->cap_at, (size_t)feed->batch.segments + 1, sizeof *m->at);
    for (int32_t s = 0; s < feed->batch.segments; s++) {
        const size_t n = (size_t)(feed->starts[s + 1] - feed->starts[s]);
        m->at[s] = squares;
        squares += n * n;
    }
    m->at[feed->batch.segments] = squares;
    make_room(&m->student, (size_t)feed->batch.tokens, squares);
    make_room(&m->teacher, (size_t)feed->batch.tokens, squares);
}

const struct model_watch *matcher_teacher(struct matcher *m, int32_t offset)
{
    if (m == NULL)
        return NULL;
    m->offset = offset;
    return &m->teacher.watch;
}

const struct model_watch *matcher_student(struct matcher *m)
{
    return m != NULL ? &m->student.watch : NULL;
}

double matcher_loss(const struct matcher *m)
{
    return m != NULL ? m->loss : 0;
}

void matcher_cached(struct matcher *m, const struct cache *c, const uint32_t *which, size_t n)
{
    for (size_t i = 0; i < m->teacher.n; i++) {
        struct kept *k = &m->teacher.layers[i];
        size_t column = 0;
        while (m->hidden[column] != k->layer)
            column++;
        for (size_t s = 0; s < n; s++)
            for (int32_t t = m->feed->starts[s]; t < m->feed->starts[s + 1]; t++) {
                const float *from = cache_hidden(c, which[s], (uint32_t)(t - m->feed->starts[s])) +
                                    column * k->width;
                for (size_t j = 0; j < k->width; j++)
                    k->x[(size_t)t * k->width + j] = (double)from[j];
            }
    }
}
