/* retort export-model: a student for other programs. */
#include "cli/commands.h"
#include "cli/output.h"
#include "core/file.h"
#include "core/mem.h"
#include "model/chat.h"
#include "model/checkpoint.h"
#include "model/gguf.h"

#include <string.h>

static const struct command_operand operands[] = {
    {.name = "DIR", .kind = VALUE_DIR, .help = "a model folder, or a PEFT adapter folder"},
    OPERANDS_END,
};

static const struct command_option options[] = {
    {.name = "out",
     .letter = 'o',
     .kind = VALUE_FILE,
     .argument = "OUT",
     .help = "the folder to write, or a file that ends in .gguf"},
    {.name = "type",
     .kind = VALUE_CHOICE,
     .argument = "TYPE",
     .fallback = "bf16",
     .choices = "f32|bf16|f16|q8_0",
     .help = "how weights are stored; q8_0 in GGUF only"},
    {.name = "adapter",
     .kind = VALUE_DIR,
     .argument = "DIR",
     .help = "a PEFT LoRA adapter to merge into the model"},
    {.name = "base",
     .kind = VALUE_DIR,
     .argument = "DIR",
     .help = "the base of an adapter folder, instead of the one it names"},
    OPTIONS_END,
};

static const struct command_example examples[] = {
    {"retort export-model student -o student.gguf --type q8_0",
     "for llama.cpp: weights in 8 bits, tokenizer, template and stop token inside"},
    {"retort export-model adapter -o merged --type bf16",
     "the adapter merged into its base, as a Hugging Face folder"},
    EXAMPLES_END,
};

/* The base that an adapter folder names: as it stands, or relative to the folder. */
static char *base_of(const char *dir, struct error *error)
{
    struct buf text = BUF_MAX(4 << 20);
    char *path = file_join(dir, "adapter_config.json"), *base = NULL;
    struct json *j = NULL;
    const char *name;
    if (file_read(path, &text, error) == 0)
        j = json_parse(buf_view(&text), 0, error);
    name = json_text(json_get(j, "base_model_name_or_path"), NULL);
    if (j != NULL && name == NULL)
        error_set(error, ERROR_INPUT, "%s names no base; give --base DIR", path);
    if (name != NULL) {
        char *beside = file_join(dir, name);
        base = mem_strdup(file_is_dir(name) || !file_is_dir(beside) ? name : beside);
        mem_free(beside);
    }
    json_free(j);
    buf_free(&text);
    mem_free(path);
    return base;
}

/* The base with its adapter merged, or the model as it is. */
static struct model *load(const char *base, const char *adapter, struct pool *pool,
                          struct error *error)
{
    struct model_options o = {.pool = pool};
    struct model *m;
    if (adapter == NULL)
        return model_load(base, &o, error);
    o.method = MODEL_LORA;
    if (checkpoint_adapter_config(adapter, &o.lora, error) != 0)
        return NULL;
    m = model_load(base, &o, error);
    if (m != NULL &&
        (checkpoint_read_adapter(m, adapter, error) != 0 || model_merge(m, error) != 0)) {
        model_free(m);
        m = NULL;
    }
    return m;
}

static int write_folder(struct model *m, const char *base, const char *out, const char *type,
                        struct error *error)
{
    struct checkpoint_options o = {.copy_from = base};
    if (strcmp(type, "q8_0") == 0)
        return error_set(error, ERROR_USAGE,
                         "--type q8_0 is for GGUF: let the output's name end in .gguf");
    o.type = strcmp(type, "f32") == 0   ? DTYPE_F32
             : strcmp(type, "f16") == 0 ? DTYPE_F16
                                        : DTYPE_BF16;
    return checkpoint_write(m, out, &o, error);
}

/* The eos that generation_config.json names first: what ends a turn. */
static int32_t stop_of(const char *dir)
{
    struct buf text = BUF_MAX(4 << 20);
    char *path = file_join(dir, "generation_config.json");
    struct json *j =
        file_read(path, &text, NULL) == 0 ? json_parse(buf_view(&text), 0, NULL) : NULL;
    const struct json *eos = json_get(j, "eos_token_id");
    int64_t id = -1;
    if (json_integer(json_type(eos) == JSON_ARRAY ? json_at(eos, 0) : eos, &id) != 0 ||
        id > INT32_MAX)
        id = -1;
    json_free(j);
    buf_free(&text);
    mem_free(path);
    return (int32_t)id;
}

static int write_gguf(struct model *m, const char *base, const char *out, const char *type,
                      struct error *error)
{
    struct gguf_options o = {.stop = stop_of(base)};
    struct tokenizer *t;
    struct chat_template *c;
    int status;
    if (gguf_type_named(type, &o.type, error) != 0)
        return -1;
    t = tokenizer_load(base, error);
    if (t == NULL)
        return -1;
    c = chat_template_load(base, NULL);
    o.tokenizer = t;
    if (c != NULL)
        o.chat_template = chat_template_source(c);
    status = gguf_write(m, out, &o, error);
    chat_template_free(c);
    tokenizer_free(t);
    return status;
}

static bool ends_in_gguf(const char *path)
{
    const size_t n = strlen(path);
    return n > 5 && strcmp(path + n - 5, ".gguf") == 0;
}

static int export_loaded(const char *base, const char *adapter, const struct arguments *args,
                         struct error *error)
{
    const char *out = arguments_text(args, "out"), *type = arguments_text(args, "type");
    struct pool *pool = pool_new(0);
    struct model *m = load(base, adapter, pool, error);
    struct buf report = BUF;
    int status = -1;
    if (m != NULL)
        status = ends_in_gguf(out) ? write_gguf(m, base, out, type, error)
                                   : write_folder(m, base, out, type, error);
    if (status == 0) {
        buf_str(&report, "{\"model\":{\"out\":");
        json_quote(slice_of(out), 0, &report);
        buf_printf(&report, ",\"type\":\"%s\",\"parameters\":%lld}}", type,
                   (long long)model_total(m));
        status = output_report(&report, error);
    }
    buf_free(&report);
    model_free(m);
    pool_free(pool);
    return status;
}

static int export_model_run(const struct arguments *args, struct error *error)
{
    const char *dir = arguments_operand(args, 0), *adapter = arguments_text(args, "adapter");
    const char *base = arguments_text(args, "base");
    char *mark = file_join(dir, "adapter_config.json"), *named = NULL;
    int status = -1;
    if (arguments_text(args, "out") == NULL) {
        error_set(error, ERROR_USAGE, "--out is needed: a folder, or a file that ends in .gguf");
    } else if (file_exists(mark)) {
        named = base == NULL ? base_of(dir, error) : mem_strdup(base);
        if (named != NULL)
            status = export_loaded(named, dir, args, error);
    } else {
        status = export_loaded(dir, adapter, args, error);
    }
    mem_free(named);
    mem_free(mark);
    return status;
}

const struct command cmd_export_model = {
    .name = "export-model",
    .summary = "write a model as a Hugging Face folder or as GGUF",
    .description = "Writes the model with its weights in the asked type, its tokenizer, its chat "
                   "template and the token that ends a turn. A LoRA adapter is merged in single "
                   "precision and rounded once.",
    .operands = operands,
    .options = options,
    .examples = examples,
    .run = export_model_run,
};
