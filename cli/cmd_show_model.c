/* retort show-model: what a model folder holds. */
#include "cli/commands.h"
#include "cli/output.h"
#include "core/file.h"
#include "core/mem.h"
#include "model/model.h"
#include "model/naming.h"
#include "model/safetensors.h"

static const struct command_operand operands[] = {
    {.name = "DIR", .kind = VALUE_DIR, .help = "a model folder, or a PEFT adapter folder"},
    OPERANDS_END,
};

static const struct command_option options[] = {
    {.name = "tokens",
     .kind = VALUE_INTEGER,
     .argument = "N",
     .fallback = "2048",
     .help = "tokens in one pass, for the estimate of training memory"},
    OPTIONS_END,
};

static const struct command_example examples[] = {
    {"retort show-model Qwen2.5-0.5B", "shape, tensors, and what training would take"},
    {"retort show-model student --json", "the same for a program"},
    EXAMPLES_END,
};

static void put_shape(const struct safetensors_entry *e, struct buf *out)
{
    for (int i = 0; i < e->dims; i++)
        buf_printf(out, "%s%lld", i == 0 ? "" : " x ", (long long)e->shape[i]);
}

static struct json *list_tensors(const struct safetensors *file, int64_t *total)
{
    struct json *list = json_new_array();
    *total = 0;
    for (size_t pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < safetensors_count(file); i++) {
            const struct safetensors_entry *e = safetensors_at(file, i);
            struct buf shape = BUF_MAX(256);
            struct json *row;
            int64_t n = 1;
            for (int d = 0; d < e->dims; d++)
                n *= e->shape[d];
            if (pass == 0) {
                *total += n;
                continue;
            }
            put_shape(e, &shape);
            row = json_new_object();
            json_put_text(row, "name", e->name);
            json_put_text(row, "type", e->type);
            json_put_text(row, "shape", buf_text(&shape));
            json_put_integer(row, "parameters", n);
            json_put_number(row, "percent", *total > 0 ? (double)(10000 * n / *total) / 100 : 0);
            /* integers and their scales are made floats before they are trained */
            json_put_bool(row, "trainable", e->type[0] == 'F' || e->type[0] == 'B');
            json_put_number(row, "mb", (double)(e->bytes / 10000) / 100);
            json_push(list, row);
            buf_free(&shape);
        }
    }
    return list;
}

static void put_memory(struct json *j, const char *key, const struct model_config *c,
                       const struct model_options *o, int32_t tokens)
{
    const struct model_limits l = {.tokens = tokens, .supervised = tokens, .backward = true};
    const struct model_memory m = model_memory(c, o, &l);
    json_put_number(j, key, (double)(m.total / 10000000) / 100);
}

/* Numbers of a LoRA of that rank on every linear layer. */
static int64_t lora_parameters(const struct model_config *c, int64_t rank)
{
    const int64_t h = c->hidden, q = (int64_t)c->heads * c->head_dim;
    const int64_t kv = (int64_t)c->kv_heads * c->head_dim, ff = c->ff;
    const int64_t qkv = c->arch->naming->qkv != NULL ? h + q + 2 * kv : 3 * h + q + 2 * kv;
    const int64_t up = c->mlp == MLP_SWIGLU ? 2 * (h + ff) : h + ff;
    return c->layers * rank * (qkv + (q + h) + up + (ff + h));
}

static struct json *describe(const struct model_config *c, int32_t tokens)
{
    const struct model_options full = {.method = MODEL_FULL};
    const struct model_options lora = {.method = MODEL_LORA,
                                       .lora = {.rank = 8, .alpha = 16, .targets = LORA_ALL}};
    struct json *j = json_new_object();
    json_put_text(j, "type", c->arch->model_type);
    json_put_integer(j, "parameters", config_parameters(c));
    json_put_integer(j, "layers", c->layers);
    json_put_integer(j, "hidden", c->hidden);
    json_put_integer(j, "heads", c->heads);
    json_put_integer(j, "kv_heads", c->kv_heads);
    json_put_integer(j, "ff", c->ff);
    json_put_integer(j, "vocab", c->vocab);
    json_put_integer(j, "context", c->positions);
    json_put_bool(j, "tied", c->tied);
    json_put_integer(j, "trainable_full", config_parameters(c));
    put_memory(j, "train_full_gb", c, &full, tokens);
    if (c->encoder)
        return j; /* trained whole */
    json_put_integer(j, "trainable_lora_8", lora_parameters(c, 8));
    put_memory(j, "train_lora_8_gb", c, &lora, tokens);
    return j;
}

static int report(struct json *root, struct error *error)
{
    struct buf text = BUF;
    int status = json_write(root, 0, &text);
    status = status == 0 ? output_report(&text, error)
                         : error_set(error, ERROR_LIMIT, "the report is too long");
    buf_free(&text);
    return status;
}

static int show_model_run(const struct arguments *args, struct error *error)
{
    const char *dir = arguments_operand(args, 0);
    const int64_t tokens = arguments_integer(args, "tokens");
    char *adapter = file_join(dir, "adapter_model.safetensors");
    const bool is_adapter = file_exists(adapter);
    struct json *root = json_new_object();
    struct safetensors *file = NULL;
    struct model_config c = {.source = NULL};
    int64_t total;
    int status = 0;
    if (tokens < 1 || tokens > 1 << 24)
        status = error_set(error, ERROR_USAGE, "--tokens: expected 1 to %d", 1 << 24);
    if (status == 0 && !is_adapter)
        status = config_read(&c, dir, error);
    if (status == 0 && !is_adapter)
        json_put(root, "model", describe(&c, (int32_t)tokens));
    if (status == 0) {
        file = is_adapter ? safetensors_open(adapter, error) : safetensors_open_dir(dir, error);
        status = file != NULL ? 0 : -1;
    }
    if (status == 0) {
        struct json *list = list_tensors(file, &total);
        json_put_integer(root, "stored", total);
        json_put(root, "tensors", list);
        status = report(root, error);
    }
    safetensors_close(file);
    config_clear(&c);
    json_free(root);
    mem_free(adapter);
    return status;
}

const struct command cmd_show_model = {
    .name = "show-model",
    .summary = "show what a model folder holds and what training it would take",
    .description = "Reads config.json and the headers of the weights: shape, every tensor with "
                   "its type, its share, its size and whether it is trained as it "
                   "stands, and an estimate of the memory that full "
                   "training and LoRA of rank 8 take.",
    .operands = operands,
    .options = options,
    .examples = examples,
    .run = show_model_run,
};
