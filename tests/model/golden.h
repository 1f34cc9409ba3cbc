/*
 * Reading ../shared/golden/models: golden.json, golden.safetensors, and comparing tensors with
 * their summaries (l2, head, probe, noise).
 */
#ifndef TESTS_MODEL_GOLDEN_H
#define TESTS_MODEL_GOLDEN_H

#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "model/model.h"
#include "model/safetensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GOLDEN "../shared/golden/models"

static inline struct json *golden_json(const char *dir, const char *file)
{
    struct buf text = BUF;
    struct error error;
    char *path = file_join(dir, file);
    struct json *j = NULL;
    if (file_read(path, &text, &error) == 0)
        j = json_parse(buf_view(&text), 0, &error);
    if (j == NULL)
        fprintf(stderr, "%s: %s\n", path, error.text);
    buf_free(&text);
    mem_free(path);
    return j;
}

/* Sequences packed into one batch; labels as in golden.json (not shifted, -100 ignored). */
struct golden_batch {
    struct batch batch;
    int32_t *ids, *starts, *rows, *targets;
};

static inline struct golden_batch golden_batch(const struct json *ids, const struct json *labels,
                                               size_t first, size_t count)
{
    struct golden_batch g;
    size_t tokens = 0, n = 0, rows = 0;
    for (size_t s = first; s < first + count; s++)
        tokens += json_count(json_at(ids, s));
    g.ids = mem_zero(tokens, sizeof *g.ids);
    g.rows = mem_zero(tokens, sizeof *g.rows);
    g.targets = mem_zero(tokens, sizeof *g.targets);
    g.starts = mem_zero(count + 1, sizeof *g.starts);
    for (size_t s = first; s < first + count; s++) {
        const struct json *label = json_first(json_at(labels, s));
        for (const struct json *id = json_first(json_at(ids, s)); id != NULL; id = json_next(id)) {
            const bool start = n == (size_t)g.starts[s - first];
            if (!start && label != NULL && json_number(label, -100) >= 0) {
                g.rows[rows] = (int32_t)n - 1;
                g.targets[rows++] = (int32_t)json_number(label, 0);
            }
            g.ids[n++] = (int32_t)json_number(id, 0);
            label = json_next(label);
        }
        g.starts[s - first + 1] = (int32_t)n;
    }
    g.batch = (struct batch){.ids = g.ids,
                             .starts = g.starts,
                             .rows = g.rows,
                             .targets = g.targets,
                             .tokens = (int32_t)n,
                             .segments = (int32_t)count,
                             .supervised = (int32_t)rows};
    return g;
}

static inline void golden_batch_free(struct golden_batch *g)
{
    mem_free(g->ids);
    mem_free(g->starts);
    mem_free(g->rows);
    mem_free(g->targets);
}

struct golden_error {
    double relative; /* worst of l2, probe, head, relative to the tensor */
    double noises;   /* the same, in units of 10 noise + 1e-6 relative */
};

static inline void golden_worse(struct golden_error *e, double difference, double size,
                                double noise)
{
    const double relative = size > 0 ? difference / size : difference;
    const double noises = difference / (10 * noise + 1e-6 * size + 1e-12);
    if (!(relative <= e->relative))
        e->relative = relative;
    if (!(noises <= e->noises))
        e->noises = noises;
}

/* x [n] against a summary {shape, l2, head, probe, noise{l2, probe, max_abs}}.  l2 relative to l2,
 * probe to l2 as well (it is a sum with cancelling signs), elements to the largest of the head or
 * l2/sqrt(n). */
static inline void golden_compare(const struct json *summary, const float *x, size_t n,
                                  struct golden_error *e)
{
    const struct json *head = json_get(summary, "head");
    const struct json *noise = json_get(summary, "noise");
    const double l2 = json_number(json_get(summary, "l2"), (double)NAN);
    const double mean = l2 / sqrt((double)n);
    double square = 0, probe = 0;
    size_t i = 0;
    for (i = 0; i < n; i++) {
        square += (double)x[i] * (double)x[i];
        probe += (double)x[i] * cos((double)i);
    }
    golden_worse(e, fabs(sqrt(square) - l2), l2, json_number(json_get(noise, "l2"), 0));
    golden_worse(e, fabs(probe - json_number(json_get(summary, "probe"), (double)NAN)), l2,
                 json_number(json_get(noise, "probe"), 0));
    i = 0;
    for (const struct json *h = json_first(head); h != NULL; h = json_next(h), i++) {
        const double want = json_number(h, (double)NAN);
        golden_worse(e, fabs((double)x[i] - want), fmax(fabs(want), mean),
                     json_number(json_get(noise, "max_abs"), 0));
    }
}

#endif
