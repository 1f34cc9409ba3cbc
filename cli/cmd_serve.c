/* retort serve: a model folder behind an OpenAI-compatible HTTP server. */
#include "cli/commands.h"
#include "cli/output.h"
#include "core/mem.h"
#include "core/signals.h"
#include "core/file.h"
#include "serve/serve.h"

#include <stdlib.h>
#include <string.h>

static const struct command_operand operands[] = {
    {.name = "DIR", .kind = VALUE_DIR, .help = "the model: a Hugging Face folder"},
    OPERANDS_END,
};

static const struct command_option options[] = {
    {.name = "port",
     .letter = 'p',
     .kind = VALUE_INTEGER,
     .argument = "N",
     .fallback = "8080",
     .help = "the port to listen on; 0: any free one"},
    {.name = "host",
     .kind = VALUE_TEXT,
     .argument = "ADDRESS",
     .fallback = "127.0.0.1",
     .help = "the IP address to listen on; 0.0.0.0 serves the whole network: set a key then"},
    {.name = "name",
     .kind = VALUE_TEXT,
     .argument = "NAME",
     .help = "what clients call the model; the folder's name by default"},
    {.name = "api-key-env",
     .kind = VALUE_TEXT,
     .argument = "VARIABLE",
     .help = "the environment variable that holds the key clients must send"},
    {.name = "api-key-file",
     .kind = VALUE_FILE,
     .argument = "FILE",
     .help = "the file that holds the key clients must send"},
    {.name = "template",
     .kind = VALUE_TEXT,
     .argument = "NAME",
     .help = "a built-in chat template, instead of the folder's own"},
    {.name = "slots",
     .kind = VALUE_INTEGER,
     .argument = "N",
     .fallback = "32",
     .help = "replies written at once"},
    {.name = "context",
     .kind = VALUE_INTEGER,
     .argument = "TOKENS",
     .fallback = "0",
     .help = "longest prompt and reply; 0: the model's own, at most 4096"},
    {.name = "queue",
     .kind = VALUE_INTEGER,
     .argument = "N",
     .fallback = "1024",
     .help = "requests that may wait; more are answered with 503"},
    {.name = "threads",
     .letter = 't',
     .kind = VALUE_INTEGER,
     .argument = "N",
     .fallback = "0",
     .help = "threads to compute with; 0: as many as there are processors"},
    {.name = "int8",
     .kind = VALUE_NONE,
     .help = "compute with weights rounded to 8 bits: less memory, and faster"},
    {.name = "drain",
     .kind = VALUE_INTEGER,
     .argument = "SECONDS",
     .fallback = "30",
     .help = "how long running replies may go on after the first Ctrl-C"},
    OPTIONS_END,
};

static const struct command_example examples[] = {
    {"retort serve student", "serve the folder student on http://127.0.0.1:8080/v1"},
    {"retort serve student --port 0 --name big", "any free port, told on standard error"},
    {"KEY=secret retort serve student --host 0.0.0.0 --api-key-env KEY",
     "to the network, for those who know the key"},
    EXAMPLES_END,
};

static void tell(void *context, const char *name, int port)
{
    const char *host = context;
    const bool v6 = strchr(host, ':') != NULL;
    output_note("serving %s on http://%s%s%s:%d/v1; Ctrl-C stops", name, v6 ? "[" : "", host,
                v6 ? "]" : "", port);
}

/* The key from the environment or the file; *key stays NULL where neither was asked for. */
static int read_key(const struct arguments *args, char **key, struct error *error)
{
    const char *variable = arguments_text(args, "api-key-env");
    const char *file = arguments_text(args, "api-key-file");
    struct buf text = BUF_MAX(4096);
    struct slice trimmed;
    int rc = 0;
    if (variable != NULL && getenv(variable) == NULL)
        return error_set(error, ERROR_USAGE, "the variable %s is not set; export it first",
                         variable);
    if (variable != NULL)
        buf_str(&text, getenv(variable));
    else if (file != NULL)
        rc = file_read(file, &text, error);
    trimmed = slice_trim(buf_view(&text));
    if (rc == 0 && (variable != NULL || file != NULL)) {
        if (trimmed.len == 0)
            rc = error_set(error, ERROR_USAGE, "%s: the key is empty",
                           variable != NULL ? variable : file);
        else
            *key = mem_strndup(trimmed.data, trimmed.len);
    }
    buf_free(&text);
    return rc;
}

static int check_range(const struct arguments *args, const char *name, int64_t least, int64_t most,
                       struct error *error)
{
    const int64_t value = arguments_integer(args, name);
    if (value >= least && value <= most)
        return 0;
    return error_set(error, ERROR_USAGE, "--%s: expected a number from %lld to %lld", name,
                     (long long)least, (long long)most);
}

static int serve_command(const struct arguments *args, struct error *error)
{
    struct serve_options how = {
        .model = arguments_operand(args, 0),
        .name = arguments_text(args, "name"),
        .address = arguments_text(args, "host"),
        .port = (int)arguments_integer(args, "port"),
        .template = arguments_text(args, "template"),
        .slots = (int)arguments_integer(args, "slots"),
        .context = (int)arguments_integer(args, "context"),
        .queue = (int)arguments_integer(args, "queue"),
        .threads = (int)arguments_integer(args, "threads"),
        .drain_s = (int)arguments_integer(args, "drain"),
        .int8 = arguments_flag(args, "int8"),
        .ready = tell,
    };
    char *key = NULL, *host = mem_strdup(how.address);
    int rc = -1;
    if (check_range(args, "port", 0, 65535, error) == 0 &&
        check_range(args, "slots", 1, 1024, error) == 0 &&
        check_range(args, "context", 0, 1 << 20, error) == 0 &&
        check_range(args, "queue", 1, 1 << 20, error) == 0 &&
        check_range(args, "threads", 0, 256, error) == 0 &&
        check_range(args, "drain", 0, 86400, error) == 0 && read_key(args, &key, error) == 0) {
        how.key = key;
        how.ready_context = host;
        signals_install();
        rc = serve_run(&how, error);
    }
    mem_free(key);
    mem_free(host);
    return rc;
}

const struct command cmd_serve = {
    .name = "serve",
    .summary = "serve a model over HTTP, as OpenAI's API does",
    .description =
        "Chat completions and completions, whole or streamed, with n, seed, stop, max_tokens, "
        "temperature, top_p, top_k, min_p, penalties, logit_bias, logprobs and response_format; "
        "further /v1/models, /tokenize, /detokenize, /health and Prometheus /metrics.\n\n"
        "Requests are run together, token by token; each reply depends on its own request and "
        "seed alone. The first Ctrl-C lets running replies finish, the second quits.",
    .operands = operands,
    .options = options,
    .examples = examples,
    .run = serve_command,
};
