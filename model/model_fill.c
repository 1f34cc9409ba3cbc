#include "model/model_fill.h"

#include "core/mem.h"
#include "core/rng.h"
#include "core/vec.h"
#include "model/naming.h"
#include "model/transformer.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/* Elements one task moves; fixed, so that random values do not depend on the threads. */
enum { PIECE = 1 << 16 };

/* One task: rows [first, first + n) of the view, from an entry or at random. */
struct job {
    struct tensor view; /* destination rows */
    const struct safetensors_entry *entry;
    const struct safetensors_entry *scales; /* of an I8 entry, one a row; NULL: none */
    const char *name;
    uint64_t first; /* element of the entry, or of the stream */
    bool transposed;
    int64_t whole_rows, row; /* of a transposed tensor: [cols, whole_rows] in the file */
    enum { FILL_FILE, FILL_NORMAL, FILL_ONE, FILL_UNIFORM } how;
    double scale;
    uint64_t stream;
};

struct jobs {
    struct model *m;
    struct job *list;
    size_t n, cap;
    atomic_size_t bad; /* 1 + the first job with a number that is not finite */
};

static void add_jobs(struct jobs *jobs, struct job job, struct tensor whole)
{
    const int64_t step = whole.cols >= PIECE ? 1 : PIECE / whole.cols;
    for (int64_t row = 0; row < whole.rows; row += step) {
        const int64_t n = whole.rows - row < step ? whole.rows - row : step;
        jobs->list = vec_reserve(jobs->list, &jobs->cap, jobs->n + 1, sizeof *jobs->list);
        job.view = tensor_rows(whole, row, n);
        job.first = (uint64_t)row * (uint64_t)whole.cols;
        job.row = row;
        job.whole_rows = whole.rows;
        jobs->list[jobs->n++] = job;
    }
}

/* An exponent of all ones, that of infinities and NaN, carries into the sign's place. */
static bool all_finite(const float *x, size_t n)
{
    typedef uint32_t words __attribute__((vector_size(64)));
    const size_t many = sizeof(words) / sizeof(float);
    words all = {0}, some;
    uint32_t bad = 0;
    size_t i = 0;
    for (; i + many <= n; i += many) {
        memcpy(&some, x + i, sizeof some);
        all |= (some & 0x7FFFFFFFu) + 0x00800000u;
    }
    for (size_t k = 0; k < many; k++)
        bad |= all[k];
    for (; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        bad |= (bits & 0x7FFFFFFFu) + 0x00800000u;
    }
    return bad >> 31 == 0;
}

static void scale_rows(const struct job *j, float *out)
{
    const int64_t cols = j->view.cols;
    for (int64_t r = 0; r < j->view.rows && j->scales != NULL; r++) {
        float scale = 0;
        (void)safetensors_floats(j->scales, (size_t)(j->row + r), 1, &scale, NULL);
        for (int64_t c = 0; c < cols; c++)
            out[r * cols + c] *= scale;
    }
}

static void read_rows(const struct job *j, float *out)
{
    const size_t n = (size_t)tensor_count(j->view);
    if (!j->transposed) {
        (void)safetensors_floats(j->entry, (size_t)j->first, n, out, NULL);
        scale_rows(j, out);
        return;
    }
    for (int64_t c = 0; c < j->view.cols; c++) {
        const size_t from = (size_t)(c * j->whole_rows + j->row);
        float column[1024];
        for (int64_t r = 0; r < j->view.rows; r += 1024) {
            const int64_t k = j->view.rows - r < 1024 ? j->view.rows - r : 1024;
            (void)safetensors_floats(j->entry, from + (size_t)r, (size_t)k, column, NULL);
            for (int64_t i = 0; i < k; i++)
                out[(r + i) * j->view.cols + c] = column[i];
        }
    }
    scale_rows(j, out);
}

/* Four 16-bit uniforms summed: mean 0, variance 1, all but normal (bounded by 3.46), and ten
 * times cheaper than Box-Muller, which matters for 10^8 of them at start. */
static float nearly_normal(uint64_t word)
{
    const double sum = (double)(word & 0xFFFF) + (double)(word >> 16 & 0xFFFF) +
                       (double)(word >> 32 & 0xFFFF) + (double)(word >> 48);
    return (float)((sum - 131070) * (1.7320508075688772 / 65536));
}

static void make_rows(const struct job *j, uint64_t seed, float *out)
{
    const size_t n = (size_t)tensor_count(j->view);
    for (size_t i = 0; i < n; i++) {
        const uint64_t word = j->how == FILL_ONE ? 0 : rng_at(seed, j->stream, j->first + i);
        if (j->how == FILL_ONE)
            out[i] = 1;
        else if (j->how == FILL_NORMAL)
            out[i] = (float)(j->scale * (double)nearly_normal(word));
        else
            out[i] = (float)(j->scale * (2 * (double)(word >> 11) * 0x1p-53 - 1));
    }
}

static void do_job(void *context, size_t task, int worker)
{
    struct jobs *jobs = context;
    const struct job *j = &jobs->list[task];
    struct model *m = jobs->m;
    const size_t n = (size_t)tensor_count(j->view);
    float *rows = mem_alloc(n * sizeof *rows);
    (void)worker;
    if (j->how == FILL_FILE) {
        size_t none = 0;
        read_rows(j, rows);
        if (!all_finite(rows, n))
            (void)atomic_compare_exchange_strong(&jobs->bad, &none, task + 1);
    } else {
        make_rows(j, m->options.seed, rows);
    }
    m->ops->upload(m->b, j->view, rows, DTYPE_F32);
    mem_free(rows);
}

/* TensorFlow's names of a norm's two vectors, which old files of BERT have. */
static const struct safetensors_entry *find_old(const struct safetensors *file, const char *name)
{
    static const char *const names[][2] = {{".LayerNorm.weight", ".LayerNorm.gamma"},
                                           {".LayerNorm.bias", ".LayerNorm.beta"}};
    const size_t n = strlen(name);
    char old[256];
    for (size_t i = 0; i < 2; i++) {
        const size_t end = strlen(names[i][0]);
        if (n <= end || strcmp(name + n - end, names[i][0]) != 0)
            continue;
        (void)snprintf(old, sizeof old, "%.*s%s", (int)(n - end), name, names[i][1]);
        return safetensors_find(file, old);
    }
    return NULL;
}

static const struct safetensors_entry *find_prefixed(const struct safetensors *file,
                                                     const char *prefix, const char *name)
{
    const size_t n = strlen(prefix);
    const struct safetensors_entry *e = safetensors_find(file, name);
    char longer[256];
    if (e != NULL)
        return e;
    if (strncmp(name, prefix, n) == 0) {
        e = safetensors_find(file, name + n);
        return e != NULL ? e : find_old(file, name);
    }
    (void)snprintf(longer, sizeof longer, "%s%s", prefix, name);
    e = safetensors_find(file, longer);
    return e != NULL ? e : find_old(file, name);
}

/* The entry of a parameter; a tied embedding may be stored as lm_head.weight only. */
static const struct safetensors_entry *
find_entry(const struct model *m, const struct safetensors *file, const struct model_parameter *p)
{
    const struct tensor_naming *n = m->config.arch->naming;
    const struct safetensors_entry *e = find_prefixed(file, n->prefix, p->name);
    char head[64];
    if (e == NULL && m->config.tied && p->value.data == m->p.embed.value.data) {
        (void)snprintf(head, sizeof head, "%s.weight", n->head != NULL ? n->head : "lm_head");
        e = safetensors_find(file, head);
    }
    return e;
}

/* NAME_scale, [rows, 1], which belongs to a tensor of 8 bits. */
static int find_scales(const struct safetensors *file, const struct safetensors_entry *e,
                       int64_t rows, const struct safetensors_entry **scales, struct error *error)
{
    float none;
    char name[256];
    *scales = NULL;
    if (strcmp(e->type, "I8") != 0)
        return 0;
    (void)snprintf(name, sizeof name, "%s_scale", e->name);
    *scales = safetensors_find(file, name);
    if (*scales == NULL)
        return error_set(error, ERROR_INPUT, "tensor %s is missing, the scale of %s", name,
                         e->name);
    if ((*scales)->dims < 1 || (*scales)->shape[0] != rows ||
        ((*scales)->dims > 1 && (*scales)->shape[1] != 1) || (*scales)->dims > 2 ||
        strcmp((*scales)->type, "I8") == 0)
        return error_set(error, ERROR_INPUT, "tensor %s: expected %lld numbers, one a row of %s",
                         name, (long long)rows, e->name);
    return safetensors_floats(*scales, 0, 0, &none, error);
}

static int check_entry(const struct safetensors_entry *e, const struct model_parameter *p,
                       struct error *error)
{
    float none;
    if (safetensors_floats(e, 0, 0, &none, error) != 0)
        return -1;
    if (e->dims == p->dims && e->shape[0] == p->shape[0] &&
        (p->dims == 1 || e->shape[1] == p->shape[1]))
        return 0;
    if (p->dims == 1)
        return error_set(error, ERROR_INPUT,
                         "tensor %s: config.json means shape [%lld], the file "
                         "has another",
                         e->name, (long long)p->shape[0]);
    return error_set(error, ERROR_INPUT,
                     "tensor %s: config.json means shape [%lld, %lld], the file has [%lld, %lld]",
                     e->name, (long long)p->shape[0], (long long)p->shape[1],
                     (long long)(e->dims > 0 ? e->shape[0] : 0),
                     (long long)(e->dims > 1 ? e->shape[1] : 0));
}

/* Heads of pretraining, and of another task where this one wants a new head. */
static bool ignored_by_encoders(const struct model *m, const char *name)
{
    static const char *const parts[] = {"cls.",         "lm_head.", "vocab_",
                                        "bert.pooler.", "pooler.",  NULL};
    const char *at = strstr(name, ".position_ids");
    for (size_t i = 0; parts[i] != NULL; i++)
        if (strncmp(name, parts[i], strlen(parts[i])) == 0)
            return true;
    if (m->options.head != HEAD_NONE &&
        (strncmp(name, "classifier", 10) == 0 || strncmp(name, "qa_outputs", 10) == 0 ||
         strncmp(name, "pre_classifier", 14) == 0))
        return true;
    return at != NULL || strstr(name, ".pooler.") != NULL ||
           strcmp(name, "embeddings.position_ids") == 0;
}

/* Buffers that older libraries stored, and the second copy of a tied matrix. */
static bool may_be_ignored(const struct model *m, const char *name)
{
    const size_t n = strlen(name);
    static const char *const ends[] = {".rotary_emb.inv_freq", ".attn.bias", ".attn.masked_bias",
                                       NULL};
    for (size_t i = 0; ends[i] != NULL; i++)
        if (n > strlen(ends[i]) && strcmp(name + n - strlen(ends[i]), ends[i]) == 0)
            return true;
    if (m->config.encoder && ignored_by_encoders(m, name))
        return true;
    return m->config.tied && strcmp(name, "lm_head.weight") == 0;
}

/* used: a flag for each entry, by its place in the file. */
static int check_unused(const struct model *m, const struct safetensors *file, const bool *used,
                        struct error *error)
{
    for (size_t i = 0; i < safetensors_count(file); i++) {
        const char *name = safetensors_at(file, i)->name;
        if (!used[i] && !may_be_ignored(m, name))
            return error_set(error, ERROR_INPUT,
                             "tensor %s has no place in a %s model of this config.json", name,
                             m->config.arch->model_type);
    }
    return 0;
}

/* A task's new head begins at random where the folder has none of its shape. */
static bool begins_anew(const struct model *m, const struct model_parameter *p,
                        const struct safetensors_entry *e)
{
    const void *at = p->value.data;
    const bool head =
        m->config.encoder && (at == m->p.head.value.data || at == m->p.head_bias.value.data ||
                              at == m->p.pooler.w.value.data || at == m->p.pooler.bias.value.data);
    if (!head || m->options.head == HEAD_NONE)
        return false;
    return e == NULL || check_entry(e, p, NULL) != 0;
}

static int list_jobs(struct jobs *jobs, const struct safetensors *file, bool *used,
                     struct error *error)
{
    struct model *m = jobs->m;
    for (size_t i = 0; i < model_parameter_count(m); i++) {
        const struct model_parameter p = model_parameter(m, i);
        const struct safetensors_entry *e, *scales;
        if (p.adapter)
            continue;
        e = find_entry(m, file, &p);
        if (begins_anew(m, &p, e)) {
            if (p.dims == 2)
                add_jobs(jobs,
                         (struct job){.how = FILL_NORMAL,
                                      .scale = m->config.init_range,
                                      .stream = i},
                         p.value);
            continue;
        }
        if (e == NULL)
            return error_set(error, ERROR_INPUT, "tensor %s is missing", p.name);
        if (check_entry(e, &p, error) != 0)
            return -1;
        used[e - safetensors_at(file, 0)] = true;
        if (find_scales(file, e, p.value.rows, &scales, error) != 0)
            return -1;
        if (scales != NULL)
            used[scales - safetensors_at(file, 0)] = true;
        add_jobs(jobs,
                 (struct job){.entry = e,
                              .scales = scales,
                              .name = e->name,
                              .transposed = p.transposed,
                              .how = FILL_FILE},
                 p.value);
    }
    return check_unused(m, file, used, error);
}

int model_fill_from(struct model *m, const struct safetensors *file, struct error *error)
{
    struct jobs jobs = {.m = m};
    bool *used = mem_zero(safetensors_count(file) + 1, sizeof *used);
    int status = list_jobs(&jobs, file, used, error);
    if (status == 0) {
        pool_run(m->options.pool, jobs.n, do_job, &jobs);
        status = m->ops->sync(m->b, error);
    }
    if (status == 0 && atomic_load(&jobs.bad) != 0)
        status = error_set(error, ERROR_INPUT, "tensor %s holds NaN or infinity",
                           jobs.list[atomic_load(&jobs.bad) - 1].name);
    mem_free(jobs.list);
    mem_free(used);
    return status;
}

void model_fill_random(struct model *m, bool adapters)
{
    struct jobs jobs = {.m = m};
    for (size_t i = 0; i < model_parameter_count(m); i++) {
        const struct model_parameter p = model_parameter(m, i);
        const size_t n = strlen(p.name);
        const bool is_bias = n > 5 && strcmp(p.name + n - 5, ".bias") == 0;
        struct job job = {.how = FILL_NORMAL, .scale = m->config.init_range, .stream = i};
        if (p.adapter != adapters && adapters)
            continue;
        if (p.adapter) {
            job.how = FILL_UNIFORM;
            job.scale = strstr(p.name, ".lora_A.") != NULL ? 1 / sqrt((double)p.shape[1]) : 0;
        } else if (p.dims == 1) {
            job.how = FILL_ONE;
        }
        if (is_bias || (p.adapter && job.scale == 0))
            continue; /* blocks begin as zeros */
        add_jobs(&jobs, job, p.value);
    }
    pool_run(m->options.pool, jobs.n, do_job, &jobs);
    mem_free(jobs.list);
}
