/* Unstructured pruning, and how both kinds are asked for. */
#include "model/prune.h"

#include "core/mem.h"
#include "model/transformer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- the words ---------------------------------------------------------------------------- */

static int parse_share(const char *value, double *out, struct error *error)
{
    char *end;
    *out = strtod(value, &end);
    if (end == value || *end != 0 || !(*out >= 0 && *out < 1))
        return error_set(error, ERROR_USAGE, "--prune: \"%s\" is no share from 0 to below 1",
                         value);
    return 0;
}

static int parse_word(struct prune *p, char *word, struct error *error)
{
    char *value = strchr(word, '=');
    if (value == NULL)
        return p->structured ? error_set(error, ERROR_USAGE,
                                         "--prune: \"%s\": expected heads=SHARE, ffn=SHARE or "
                                         "by=l1|gradient",
                                         word)
                             : parse_share(word, &p->share, error);
    *value++ = 0;
    if (p->structured && strcmp(word, "heads") == 0)
        return parse_share(value, &p->heads, error);
    if (p->structured && strcmp(word, "ffn") == 0)
        return parse_share(value, &p->ffn, error);
    if (p->structured && strcmp(word, "by") == 0 &&
        (strcmp(value, "l1") == 0 || strcmp(value, "gradient") == 0)) {
        p->gradient = value[0] == 'g';
        return 0;
    }
    if (!p->structured && strcmp(word, "per") == 0 &&
        (strcmp(value, "matrix") == 0 || strcmp(value, "model") == 0)) {
        p->per_matrix = strcmp(value, "matrix") == 0;
        return 0;
    }
    return error_set(error, ERROR_USAGE, "--prune: %s=%s is not known here; %s", word, value,
                     p->structured ? "there are heads=SHARE, ffn=SHARE, by=l1|gradient"
                                   : "there is per=model|matrix");
}

int prune_parse(struct prune *p, const char *text, struct error *error)
{
    static const char plain[] = "unstructured:", whole[] = "structured:";
    char *copy, *rest, *word;
    int status = 0;
    *p = (struct prune){.structured = strncmp(text, whole, strlen(whole)) == 0};
    if (!p->structured && strncmp(text, plain, strlen(plain)) != 0)
        return error_set(error, ERROR_USAGE,
                         "--prune %s: expected unstructured:SHARE or "
                         "structured:heads=SHARE,ffn=SHARE",
                         text);
    copy = mem_strdup(text + strlen(p->structured ? whole : plain));
    rest = copy;
    while (status == 0 && (word = rest) != NULL) {
        rest = strchr(word, ',');
        if (rest != NULL)
            *rest++ = 0;
        status = parse_word(p, word, error);
    }
    mem_free(copy);
    if (status == 0 && !(p->share > 0) && !(p->heads > 0) && !(p->ffn > 0))
        status = error_set(error, ERROR_USAGE, "--prune %s takes nothing out", text);
    return status;
}

/* --- small weights ------------------------------------------------------------------------ */

static bool is_pruned(const struct layout_unit *u)
{
    return u->layer >= 0 && u->dims == 2 && !u->adapter;
}

/* The k-th smallest (from 0) of x, which is reordered: quickselect, middle of three. */
static float select_smallest(float *x, size_t n, size_t k)
{
    size_t low = 0, high = n - 1;
    while (low < high) {
        const float a = x[low], b = x[low + (high - low) / 2], c = x[high];
        const float pivot = fmaxf(fminf(a, b), fminf(fmaxf(a, b), c));
        size_t i = low, j = high;
        while (i <= j) {
            while (x[i] < pivot)
                i++;
            while (x[j] > pivot)
                j--;
            if (i <= j) {
                const float keep = x[i];
                x[i++] = x[j];
                x[j] = keep;
                if (j == 0)
                    break;
                j--;
            }
        }
        if (k <= j && j < high)
            high = j;
        else if (k >= i)
            low = i;
        else
            break;
    }
    return x[k];
}

static size_t append_sizes(struct model *m, const struct layout_unit *u, float *out)
{
    const size_t n = (size_t)tensor_count(u->slot->value);
    m->ops->download(m->b, u->slot->value, out, DTYPE_F32);
    for (size_t i = 0; i < n; i++)
        out[i] = fabsf(out[i]);
    return n;
}

/* Zero what is below the threshold, and of what equals it as many as are wanted. */
static int64_t cut(struct model *m, const struct layout_unit *u, float threshold, int64_t *equal)
{
    const size_t n = (size_t)tensor_count(u->slot->value);
    float *x = mem_alloc(n * sizeof *x);
    int64_t zeros = 0;
    m->ops->download(m->b, u->slot->value, x, DTYPE_F32);
    for (size_t i = 0; i < n; i++) {
        const float size = fabsf(x[i]);
        if (size < threshold || (size == threshold && *equal > 0)) {
            *equal -= size == threshold;
            x[i] = 0;
        }
        zeros += x[i] == 0;
    }
    m->ops->upload(m->b, u->slot->value, x, DTYPE_F32);
    mem_free(x);
    return zeros;
}

/* Prune the units [first, last) as one population. */
static int prune_units(struct model *m, size_t first, size_t last, double share,
                       struct prune_result *r, struct error *error)
{
    size_t n = 0, k;
    int64_t equal = 0;
    float *sizes, threshold;
    for (size_t i = first; i < last; i++)
        if (is_pruned(&m->layout.units[i]))
            n += (size_t)tensor_count(m->layout.units[i].slot->value);
    k = (size_t)(share * (double)n);
    if (n == 0)
        return 0;
    sizes = mem_try(n * sizeof *sizes, "the sizes of all weights", error);
    if (sizes == NULL)
        return -1;
    n = 0;
    for (size_t i = first; i < last; i++)
        if (is_pruned(&m->layout.units[i]))
            n += append_sizes(m, &m->layout.units[i], sizes + n);
    threshold = k > 0 ? select_smallest(sizes, n, k - 1) : -1;
    equal = (int64_t)k;
    for (size_t i = 0; i < n; i++)
        equal -= sizes[i] < threshold;
    for (size_t i = first; i < last; i++)
        if (is_pruned(&m->layout.units[i]))
            r->zeros += cut(m, &m->layout.units[i], threshold, &equal);
    r->of += (int64_t)n;
    mem_free(sizes);
    return 0;
}

int prune_weights(struct model *m, const struct prune *p, struct prune_result *r,
                  struct error *error)
{
    const size_t n = m->layout.n_units;
    int status = 0;
    *r = (struct prune_result){.heads = m->config.heads,
                               .kv_heads = m->config.kv_heads,
                               .ffn = m->config.ff};
    if (!p->per_matrix)
        return prune_units(m, 0, n, p->share, r, error);
    for (size_t i = 0; i < n && status == 0; i++)
        status = prune_units(m, i, i + 1, p->share, r, error);
    return status;
}
