/* Watching both models: hidden states and attention scores in, gradients out. */
#include "core/mem.h"
#include "train/distill/matcher_internal.h"

static struct kept *find(struct side *s, int32_t layer, bool attention)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->layers[i].layer == layer && s->layers[i].attention == attention)
            return &s->layers[i];
    return NULL;
}

int matcher_on_hidden(void *context, struct backend *b, int32_t layer, struct tensor hidden,
                      struct tensor d, struct error *error)
{
    struct side *s = context;
    struct kept *k = find(s, layer, false);
    const size_t n = (size_t)tensor_count(hidden);
    double *host;
    if (tensor_present(d) && !s->m->computed)
        matcher_compute(s->m);
    if (k == NULL)
        return 0;
    if (!tensor_present(d)) {
        const size_t at = s->student ? 0 : (size_t)s->m->offset * k->width;
        b->ops->download(b, hidden, k->x + at, DTYPE_F64);
        return b->ops->sync(b, error);
    }
    host = mem_alloc((n + 1) * sizeof *host);
    b->ops->download(b, d, host, DTYPE_F64);
    if (b->ops->sync(b, error) == 0) {
        for (size_t i = 0; i < n; i++)
            host[i] += k->d[i];
        b->ops->upload(b, d, host, DTYPE_F64);
    }
    mem_free(host);
    return 0;
}

/* A view [tokens, heads * dim] as host doubles (mem_free). */
static double *fetch(struct backend *b, struct tensor t)
{
    double *host = mem_alloc(((size_t)tensor_count(t) + 1) * sizeof *host);
    b->ops->download(b, t, host, DTYPE_F64);
    (void)b->ops->sync(b, NULL);
    return host;
}

/* One segment's heads: scores = scale q k', or the gradients of q and k from that of scores. */
struct heads {
    const struct attention *a;
    const double *q, *k;
    double *dq, *dk; /* NULL: forward */
    size_t first, n; /* tokens of the pass */
    double *scores;  /* [heads, n, n] */
};

static void scores_of(const struct heads *h)
{
    const size_t heads = (size_t)h->a->heads, group = heads / (size_t)h->a->kv_heads;
    const size_t dim = (size_t)h->a->dim, wq = heads * dim, wk = (size_t)h->a->kv_heads * dim;
    for (size_t head = 0; head < heads; head++)
        for (size_t i = 0; i < h->n; i++)
            for (size_t j = 0; j < h->n; j++) {
                double *score = &h->scores[(head * h->n + i) * h->n + j], sum = 0;
                const size_t q = (h->first + i) * wq + head * dim;
                const size_t k = (h->first + j) * wk + head / group * dim;
                if (j > i && h->dq == NULL)
                    *score = 0;
                if (j > i)
                    break;
                for (size_t x = 0; x < dim && h->dq == NULL; x++)
                    sum += h->q[q + x] * h->k[k + x];
                for (size_t x = 0; x < dim && h->dq != NULL; x++) {
                    h->dq[q + x] += h->a->scale * *score * h->k[k + x];
                    h->dk[k + x] += h->a->scale * *score * h->q[q + x];
                }
                if (h->dq == NULL)
                    *score = h->a->scale * sum;
            }
}

int matcher_on_attention(void *context, const struct model_attention *w, struct error *error)
{
    struct side *s = context;
    struct kept *k = find(s, w->layer, true);
    const struct matcher *m = s->m;
    struct heads h = {.a = w->a};
    double *q, *keys;
    if (w->backward && !m->computed)
        matcher_compute(s->m);
    if (k == NULL)
        return 0;
    h.q = q = fetch(w->b, w->a->q);
    h.k = keys = fetch(w->b, w->a->k);
    if (w->backward) {
        h.dq = fetch(w->b, w->a->dq);
        h.dk = fetch(w->b, w->a->dk);
    }
    for (int32_t i = 0; i < m->feed->batch.segments; i++) {
        const int32_t offset = s->student ? 0 : m->offset;
        const int32_t from = m->feed->starts[i] - offset, to = m->feed->starts[i + 1] - offset;
        if (from < 0 || to > w->a->q.rows)
            continue;
        h.first = (size_t)from;
        h.n = (size_t)(to - from);
        h.scores = (w->backward ? k->d : k->x) + m->at[i] * k->heads;
        scores_of(&h);
    }
    if (w->backward) {
        w->b->ops->upload(w->b, w->a->dq, h.dq, DTYPE_F64);
        w->b->ops->upload(w->b, w->a->dk, h.dk, DTYPE_F64);
    }
    mem_free(q);
    mem_free(keys);
    mem_free(h.dq);
    mem_free(h.dk);
    return w->b->ops->sync(w->b, error);
}
