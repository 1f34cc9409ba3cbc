/* retort export-model: a student for other programs. */
#include "cli/commands.h"
#include "cli/output.h"
#include "core/file.h"
#include "core/mem.h"
#include "eval/shrink.h"

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
    {.name = "int8",
     .kind = VALUE_NONE,
     .help = "the layers' matrices in 8 bits, one scale a channel; activations are rounded a "
             "token at a time when the model runs"},
    {.name = "prune",
     .kind = VALUE_TEXT,
     .argument = "HOW",
     .many = true,
     .help = "unstructured:0.3 zeroes 30 % of the layers' weights; structured:heads=0.25,ffn=0.5 "
             "takes heads and MLP channels out"},
    {.name = "rows",
     .kind = VALUE_FILE,
     .argument = "FILE",
     .help = "what the loss is checked on: a dataset (its held-out rows) or lines of text; "
             "without it, texts that the original writes"},
    {.name = "bound",
     .kind = VALUE_NUMBER,
     .argument = "NATS",
     .help =
         "refuse an export whose loss is higher by more, nats a token; 0.05, or 1 with --prune"},
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
    {"retort export-model student -o small --prune structured:heads=0.25,ffn=0.3 --rows tickets.db",
     "a quarter of the heads and 30 % of the MLP channels taken out, checked on held-out rows"},
    {"retort export-model student -o student-int8 --int8",
     "weights in 8 bits, for eval, chat and serve"},
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

static int parse_prunes(const struct arguments *args, struct prune *prunes, struct error *error)
{
    for (size_t i = 0; i < arguments_count(args, "prune"); i++)
        if (prune_parse(&prunes[i], arguments_nth(args, "prune", i), error) != 0)
            return -1;
    return 0;
}

static int export_loaded(const char *base, const char *adapter, const struct arguments *args,
                         struct error *error)
{
    const size_t n = arguments_count(args, "prune");
    struct prune *prunes = mem_zero(n + 1, sizeof *prunes);
    struct shrink s = {.dir = base,
                       .adapter = adapter,
                       .out = arguments_text(args, "out"),
                       .type = arguments_text(args, "type"),
                       .int8 = arguments_flag(args, "int8"),
                       .prunes = prunes,
                       .n_prunes = n,
                       .rows = arguments_text(args, "rows"),
                       .bound = arguments_number(args, "bound")};
    struct json *report = json_new_object();
    struct buf text = BUF;
    int status = -1;
    if (s.int8 && arguments_count(args, "type") > 0) {
        error_set(error, ERROR_USAGE, "--int8 and --type: one or the other");
    } else if (parse_prunes(args, prunes, error) == 0) {
        s.pool = pool_new(0);
        status = shrink_run(&s, report, error);
        pool_free(s.pool);
    }
    if (status == 0) {
        json_write(report, 0, &text);
        status = output_report(&text, error);
    }
    buf_free(&text);
    json_free(report);
    mem_free(prunes);
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
                   "precision and rounded once.\n\n"
                   "With --prune it becomes smaller, with --int8 its weights take 8 bits. What was "
                   "written is read again, and its loss compared with the original's; an export "
                   "whose loss is higher by more than the bound is refused and removed.",
    .operands = operands,
    .options = options,
    .examples = examples,
    .run = export_model_run,
};
