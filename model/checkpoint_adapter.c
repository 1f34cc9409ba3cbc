/* PEFT adapter folders, in. */
#include "model/checkpoint.h"

#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "model/peft.h"
#include "model/safetensors.h"

enum { MAX_CONFIG = 4 << 20 };

int checkpoint_adapter_config(const char *dir, struct lora_config *out, struct error *error)
{
    struct buf text = BUF_MAX(MAX_CONFIG);
    char *path = file_join(dir, "adapter_config.json");
    struct json *j = NULL;
    int status = file_read(path, &text, error);
    if (status == 0) {
        j = json_parse(buf_view(&text), 0, error);
        status =
            j == NULL || peft_read_config(j, out, error) != 0 ? error_wrap(error, "%s", path) : 0;
    }
    json_free(j);
    buf_free(&text);
    mem_free(path);
    return status;
}

static int set_parameter(struct model *m, size_t index, const struct safetensors_entry *e,
                         struct error *error)
{
    const struct model_parameter p = model_parameter(m, index);
    const size_t n = (size_t)tensor_count(p.value);
    float *host;
    int status;
    if (e->dims != 2 || e->shape[0] != p.shape[0] || e->shape[1] != p.shape[1])
        return error_set(error, ERROR_INPUT,
                         "tensor %s: this model means shape [%lld, %lld]; the adapter is of "
                         "another base or rank",
                         p.name, (long long)p.shape[0], (long long)p.shape[1]);
    host = mem_alloc(n * sizeof *host);
    status = safetensors_floats(e, 0, n, host, error);
    if (status == 0)
        status = model_parameter_set(m, index, host, error);
    mem_free(host);
    return status;
}

static int read_all(struct model *m, const struct safetensors *file, struct error *error)
{
    size_t found = 0;
    for (size_t i = 0; i < model_parameter_count(m); i++) {
        const struct model_parameter p = model_parameter(m, i);
        const struct safetensors_entry *e;
        if (!p.adapter)
            continue;
        e = safetensors_find(file, p.name);
        if (e == NULL)
            return error_set(error, ERROR_INPUT, "tensor %s is missing", p.name);
        if (set_parameter(m, i, e, error) != 0)
            return -1;
        found++;
    }
    if (found != safetensors_count(file))
        return error_set(error, ERROR_INPUT, "%zu tensors, but this model's adapter has %zu",
                         safetensors_count(file), found);
    return 0;
}

int checkpoint_read_adapter(struct model *m, const char *dir, struct error *error)
{
    char *path = file_join(dir, "adapter_model.safetensors");
    struct safetensors *file = safetensors_open(path, error);
    int status = file == NULL ? -1 : read_all(m, file, error);
    if (status != 0 && file != NULL)
        error_wrap(error, "%s", path);
    safetensors_close(file);
    mem_free(path);
    return status;
}
