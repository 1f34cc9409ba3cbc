/* retort new-model: a student from nothing. */
#include "cli/commands.h"
#include "cli/output.h"
#include "core/mem.h"
#include "train/create.h"

static const struct command_operand operands[] = {
    {.name = "DIR", .kind = VALUE_DIR, .help = "the folder to make"},
    {.name = "TEXT",
     .kind = VALUE_FILE,
     .optional = true,
     .many = true,
     .help = "files to learn the vocabulary from: lines, or .jsonl (every text in it)"},
    OPERANDS_END,
};

static const struct command_option options[] = {
    {.name = "config",
     .kind = VALUE_FILE,
     .argument = "FILE",
     .help = "a config.json to take the shape from; its vocab_size is replaced"},
    {.name = "vocab",
     .kind = VALUE_INTEGER,
     .argument = "N",
     .fallback = "1024",
     .help = "tokens of the new vocabulary"},
    {.name = "tokenizer",
     .kind = VALUE_DIR,
     .argument = "DIR",
     .help = "take the tokenizer of this folder instead of learning one"},
    {.name = "seed",
     .kind = VALUE_INTEGER,
     .argument = "N",
     .fallback = "1",
     .help = "the seed of the random weights"},
    OPTIONS_END,
};

static const struct command_example examples[] = {
    {"retort new-model base --config shape.json --vocab 1024 texts.jsonl",
     "a vocabulary of 1,024 tokens learnt from texts.jsonl, and random weights"},
    {"retort new-model small --config small.json --tokenizer Qwen2.5-0.5B",
     "another shape with a known tokenizer"},
    EXAMPLES_END,
};

static int new_model_run(const struct arguments *args, struct error *error)
{
    const size_t n = arguments_operands(args) - 1;
    const char **texts = mem_zero(n, sizeof *texts);
    struct create_options how = {.dir = arguments_operand(args, 0),
                                 .config = arguments_text(args, "config"),
                                 .tokenizer = arguments_text(args, "tokenizer"),
                                 .texts = texts,
                                 .n_texts = n,
                                 .seed = (uint64_t)arguments_integer(args, "seed")};
    const int64_t vocab = arguments_integer(args, "vocab");
    struct create_result made;
    struct buf report = BUF;
    int rc = -1;
    for (size_t i = 0; i < n; i++)
        texts[i] = arguments_operand(args, i + 1);
    if (how.config == NULL)
        error_set(error, ERROR_USAGE, "--config is needed: a config.json that gives the shape");
    else if (how.tokenizer == NULL && n == 0)
        error_set(error, ERROR_USAGE, "name files to learn the vocabulary from, or --tokenizer");
    else if (vocab > 1 << 20)
        error_set(error, ERROR_USAGE, "--vocab: at most 1048576");
    else {
        how.vocab = (int32_t)vocab;
        rc = create_run(&how, &made, error);
    }
    if (rc == 0) {
        buf_printf(&report, "{\"model\":{\"vocab\":%d,\"parameters\":%lld}}", made.vocab,
                   (long long)made.parameters);
        rc = output_report(&report, error);
    }
    buf_free(&report);
    mem_free(texts);
    return rc;
}

const struct command cmd_new_model = {
    .name = "new-model",
    .summary = "make a new student with random weights and its own vocabulary",
    .description = "Learns a byte-level BPE vocabulary from texts (or takes a tokenizer over), "
                   "draws random weights in the shape of a config.json, and writes a Hugging Face "
                   "folder that `retort train` continues from and other tools load. The folder "
                   "carries the ChatML template.",
    .operands = operands,
    .options = options,
    .examples = examples,
    .run = new_model_run,
};
