#include "model/digest.h"

#include "core/buf.h"
#include "core/file.h"
#include "core/mem.h"
#include "model/safetensors.h"

#include <string.h>

enum { LOOK = 4096, CONFIG_MAX = 1 << 22 };

static int add_text(const char *dir, const char *name, struct hash128 *h, struct error *error)
{
    struct buf text = BUF_MAX(CONFIG_MAX);
    char *path = file_join(dir, name);
    int status = file_exists(path) ? file_read(path, &text, error) : 0;
    *h = hash128_add(*h, buf_text(&text), text.len);
    mem_free(path);
    buf_free(&text);
    return status;
}

static void add_tensors(const struct safetensors *s, struct hash128 *h)
{
    for (size_t i = 0; i < safetensors_count(s); i++) {
        const struct safetensors_entry *e = safetensors_at(s, i);
        *h = hash128_add(*h, e->name, strlen(e->name));
        *h = hash128_add(*h, e->type, strlen(e->type));
        *h = hash128_add(*h, e->shape, (size_t)e->dims * sizeof *e->shape);
        *h = hash128_add(*h, e->data, e->bytes < LOOK ? e->bytes : LOOK);
    }
}

static int add_weights(const char *dir, struct hash128 *h, struct error *error)
{
    char *adapter = file_join(dir, "adapter_model.safetensors");
    bool only_adapter = file_exists(adapter);
    struct safetensors *s =
        only_adapter ? safetensors_open(adapter, error) : safetensors_open_dir(dir, error);
    mem_free(adapter);
    if (s == NULL)
        return -1;
    add_tensors(s, h);
    safetensors_close(s);
    return 0;
}

int digest_folder(const char *dir, bool weights, struct hash128 *out, struct error *error)
{
    *out = hash128(NULL, 0);
    if (add_text(dir, "config.json", out, error) != 0 ||
        add_text(dir, "adapter_config.json", out, error) != 0)
        return -1;
    return weights ? add_weights(dir, out, error) : 0;
}
