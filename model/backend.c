#include "model/backend.h"

#include "core/buf.h"
#include "model/gemm.h"
#include "model/kernels/kernels.h"

#include <string.h>

const struct backend_ops *const backends[] = {&backend_reference, &backend_cpu, NULL};

const struct backend_ops *backend_find(const char *name, struct error *error)
{
    struct buf names = BUF_MAX(256);
    for (size_t i = 0; backends[i] != NULL; i++) {
        if (strcmp(backends[i]->name, name) == 0) {
            buf_free(&names);
            return backends[i];
        }
        buf_printf(&names, "%s%s", i == 0 ? "" : ", ", backends[i]->name);
    }
    error_set(error, ERROR_USAGE, "no backend \"%s\"; there are: %s", name, buf_text(&names));
    buf_free(&names);
    return NULL;
}

struct tensor backend_block(struct backend *b, int64_t n, const char *what, struct error *error)
{
    enum dtype type = b->ops->real;
    void *data = b->ops->alloc(b, (size_t)n * dtype_size(type), what, error);
    if (data == NULL)
        return TENSOR_ABSENT;
    return tensor_of(data, type, 1, n);
}

bool backend_multiplies_half(const struct backend_ops *ops)
{
    return ops == &backend_cpu && gemm_half_name() != NULL;
}

void backend_describe(struct json *out)
{
    json_put_text(out, "kernels", kernels_best()->name);
    json_put_text(out, "products", gemm_library());
    json_put_text(out, "bf16", gemm_half_name() != NULL ? gemm_half_name() : "none");
    json_put_text(out, "amx", gemm_amx_state());
}
