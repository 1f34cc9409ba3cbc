/* retort chat: a conversation with a folder or a server, at a terminal or through a pipe. */
#include "cli/chat.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "core/mem.h"
#include "core/signals.h"
#include "serve/talk.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct command_operand operands[] = {
    {.name = "MODEL",
     .kind = VALUE_DIR,
     .help = "a Hugging Face folder, or the address of a server up to /v1"},
    OPERANDS_END,
};

static const struct command_option options[] = {
    {.name = "system", .kind = VALUE_TEXT, .argument = "TEXT", .help = "the system prompt"},
    {.name = "temperature",
     .kind = VALUE_NUMBER,
     .argument = "T",
     .fallback = "0.7",
     .help = "sampling temperature; 0: always the likeliest token"},
    {.name = "max-tokens",
     .kind = VALUE_INTEGER,
     .argument = "N",
     .fallback = "512",
     .help = "most tokens of one reply"},
    {.name = "seed",
     .kind = VALUE_INTEGER,
     .argument = "N",
     .fallback = "1",
     .help = "the seed of the sampling"},
    {.name = "save",
     .kind = VALUE_FILE,
     .argument = "DB",
     .fallback = "chat.db",
     .help = "the dataset that /save writes to"},
    {.name = "template",
     .kind = VALUE_TEXT,
     .argument = "NAME",
     .help = "a built-in chat template, instead of the folder's own"},
    {.name = "context",
     .kind = VALUE_INTEGER,
     .argument = "TOKENS",
     .fallback = "0",
     .help = "longest conversation with a folder; 0: the model's own, at most 4096"},
    {.name = "threads",
     .letter = 't',
     .kind = VALUE_INTEGER,
     .argument = "N",
     .fallback = "0",
     .help = "threads to compute with; 0: as many as there are processors"},
    {.name = "int8",
     .kind = VALUE_NONE,
     .help = "compute with a folder's weights rounded to 8 bits: less memory, and faster"},
    {.name = "model",
     .kind = VALUE_TEXT,
     .argument = "NAME",
     .help = "the server's name for the model; the first that it lists by default"},
    {.name = "api-key-env",
     .kind = VALUE_TEXT,
     .argument = "VARIABLE",
     .help = "the environment variable that holds the server's key"},
    {.name = "api-key-file",
     .kind = VALUE_FILE,
     .argument = "FILE",
     .help = "the file that holds the server's key"},
    OPTIONS_END,
};

static const struct command_example examples[] = {
    {"retort chat student", "talk to the folder student"},
    {"retort chat http://127.0.0.1:8080/v1", "talk to a server"},
    {"echo 'Name a bird.' | retort chat student --temperature 0", "one question from a script"},
    EXAMPLES_END,
};

enum { LINE_MAX_BYTES = 1 << 20 };

struct session {
    struct talk *talk;
    struct chat chat;
    const char *dataset;
    uint64_t seed;
    bool terminal; /* a person types */
    struct buf in; /* read from standard input and not yet taken */
    bool end;
};

/* -- lines from standard input ------------------------------------------------------------------ */

/* Wait for input or a signal, and read what is there.  1 more has come, 0 the end, -1. */
static int read_more(struct session *s, struct error *error)
{
    struct pollfd fds[2] = {{STDIN_FILENO, POLLIN, 0}, {signals_wake_fd(), POLLIN, 0}};
    char piece[4096];
    ssize_t n;
    while (poll(fds, fds[1].fd >= 0 ? 2 : 1, -1) < 0 && errno == EINTR)
        continue;
    if (signals_draining())
        return error_set(error, ERROR_INTERRUPTED, "interrupted");
    n = read(STDIN_FILENO, piece, sizeof piece);
    if (n < 0)
        return error_system(error, errno, "standard input");
    if (n > 0 && buf_add(&s->in, piece, (size_t)n) != 0)
        return error_set(error, ERROR_LIMIT, "standard input: a line is longer than %d bytes",
                         LINE_MAX_BYTES);
    return n > 0;
}

/* Take the first line out of what was read; false: there is none yet. */
static bool take_line(struct session *s, struct buf *line)
{
    const char *newline = s->in.len != 0 ? memchr(s->in.data, '\n', s->in.len) : NULL;
    const size_t len = newline != NULL ? (size_t)(newline - s->in.data) : s->in.len;
    const size_t step = newline != NULL ? len + 1 : len;
    if (newline == NULL && (!s->end || len == 0))
        return false;
    buf_add(line, s->in.data, len);
    memmove(s->in.data, s->in.data + step, s->in.len - step);
    s->in.len -= step;
    return true;
}

/* The next message: a line, and those behind it while they end in a backslash.  1, 0 the end, -1. */
static int next_message(struct session *s, struct buf *message, struct error *error)
{
    buf_clear(message);
    if (s->terminal)
        output_prompt("> ");
    for (;;) {
        if (take_line(s, message)) {
            if (message->len == 0 || message->data[message->len - 1] != '\\' || s->end)
                return 1;
            message->data[message->len - 1] = '\n';
        } else if (s->end) {
            return message->len != 0;
        } else {
            const int more = read_more(s, error);
            if (more < 0)
                return -1;
            s->end = more == 0;
        }
    }
}

/* -- replies ------------------------------------------------------------------------------------ */

static bool print_text(void *context, struct slice text)
{
    struct error *error = context;
    return output_json() || output_write(text, error) == 0;
}

static int print_end(const struct talk_reply *reply, struct error *error)
{
    struct json *o;
    struct buf line = BUF;
    int rc;
    if (!output_json())
        return output_write(SLICE("\n"), error);
    o = json_new_object();
    json_put_string(o, "reply", buf_view(&reply->text));
    json_put_text(o, "finish_reason", reply->finish);
    json_put_integer(o, "prompt_tokens", reply->prompt_tokens);
    json_put_integer(o, "completion_tokens", reply->completion_tokens);
    json_write(o, 0, &line);
    buf_char(&line, '\n');
    rc = output_write(buf_view(&line), error);
    buf_free(&line);
    json_free(o);
    return rc;
}

/* Have the last turn answered.  Where that fails the turn is taken back. */
static int answer(struct session *s, struct error *error)
{
    struct json *messages = chat_messages(&s->chat);
    struct error broken = {ERROR_NONE, ""};
    const struct talk_turn turn = {messages, s->seed++, print_text, &broken};
    struct talk_reply reply;
    int rc = talk_say(s->talk, &turn, &reply, error);
    if (rc == 0 && broken.code != ERROR_NONE) {
        *error = broken;
        rc = -1;
    }
    if (rc == 0)
        rc = print_end(&reply, error);
    if (rc == 0)
        chat_say(&s->chat, "assistant", buf_view(&reply.text));
    else
        chat_drop(&s->chat);
    if (rc == 0 && strcmp(reply.finish, "length") == 0)
        output_note("the reply was cut; --max-tokens or --context gives more room");
    talk_reply_free(&reply);
    json_free(messages);
    return rc;
}

/* -- commands ----------------------------------------------------------------------------------- */

static int do_help(struct session *s, struct slice rest, struct error *error);

static int do_system(struct session *s, struct slice rest, struct error *error)
{
    (void)error;
    chat_system(&s->chat, rest);
    output_note(rest.len != 0 ? "the system prompt is set" : "there is no system prompt now");
    return 0;
}

static int do_reset(struct session *s, struct slice rest, struct error *error)
{
    (void)rest;
    (void)error;
    chat_reset(&s->chat);
    output_note("the conversation is empty");
    return 0;
}

static int do_history(struct session *s, struct slice rest, struct error *error)
{
    struct buf text = BUF;
    int rc;
    (void)rest;
    chat_show(&s->chat, &text);
    rc = output_write(buf_view(&text), error);
    buf_free(&text);
    return rc;
}

static int do_save(struct session *s, struct slice rest, struct error *error)
{
    char *named = rest.len != 0 ? mem_strndup(rest.data, rest.len) : NULL;
    const char *dataset = named != NULL ? named : s->dataset;
    int64_t id = -1;
    if (strcmp(chat_last(&s->chat), "assistant") != 0)
        error_set(error, ERROR_USAGE, "nothing to save: there is no reply yet");
    else
        id = chat_save(&s->chat, dataset, error);
    if (id >= 0)
        output_note("saved as row %lld of %s", (long long)id, dataset);
    mem_free(named);
    return id >= 0 ? 0 : -1;
}

static int do_retry(struct session *s, struct slice rest, struct error *error)
{
    (void)rest;
    if (strcmp(chat_last(&s->chat), "assistant") != 0)
        return error_set(error, ERROR_USAGE, "nothing to try again: there is no reply yet");
    chat_drop(&s->chat);
    return answer(s, error);
}

static int do_quit(struct session *s, struct slice rest, struct error *error)
{
    (void)rest;
    (void)error;
    s->end = true;
    buf_clear(&s->in);
    return 0;
}

static const struct verb {
    const char *name, *help;
    int (*run)(struct session *s, struct slice rest, struct error *error);
} verbs[] = {
    {"/system", "/system TEXT  set the system prompt; without TEXT: none", do_system},
    {"/reset", "/reset        forget the conversation", do_reset},
    {"/history", "/history      show it", do_history},
    {"/retry", "/retry        another reply to the last question", do_retry},
    {"/save", "/save [DB]    store the conversation as a row of a dataset", do_save},
    {"/help", "/help         this list; a line that ends in \\ goes on, // begins a message with /",
     do_help},
    {"/quit", "/quit         end, as Ctrl-D does", do_quit},
    {NULL, NULL, NULL},
};

static int do_help(struct session *s, struct slice rest, struct error *error)
{
    (void)s;
    (void)rest;
    (void)error;
    for (const struct verb *v = verbs; v->name != NULL; v++)
        output_line(v->help);
    return 0;
}

/* A line that begins with one slash. */
static int command(struct session *s, struct slice line, struct error *error)
{
    const size_t len = slice_find(line, SLICE(" "));
    const struct slice name = slice_sub(line, 0, len);
    for (const struct verb *v = verbs; v->name != NULL; v++)
        if (slice_is(name, v->name))
            return v->run(s, slice_trim(slice_sub(line, len, line.len)), error);
    return error_set(error, ERROR_USAGE, "there is no %.*s; /help lists what there is",
                     (int)(name.len < 40 ? name.len : 40), name.data);
}

static int take_message(struct session *s, struct slice message, struct error *error)
{
    if (slice_trim(message).len == 0)
        return 0;
    if (slice_starts(message, "/") && !slice_starts(message, "//"))
        return command(s, slice_trim(message), error);
    chat_say(&s->chat, "user",
             slice_starts(message, "//") ? slice_sub(message, 1, message.len) : message);
    return answer(s, error);
}

/* A person may go on after a fault, and Ctrl-C ends a reply; a script ends with the fault. */
static int converse(struct session *s, struct error *error)
{
    struct buf message = BUF_MAX(LINE_MAX_BYTES);
    int rc;
    while ((rc = next_message(s, &message, error)) > 0) {
        rc = take_message(s, buf_view(&message), error);
        if (signals_draining() && !s->terminal)
            rc = error_set(error, ERROR_INTERRUPTED, "interrupted");
        if (rc != 0 && !s->terminal)
            break;
        if (rc != 0 && !signals_draining())
            output_problem(error->text);
        *error = (struct error){ERROR_NONE, ""};
        signals_reset();
    }
    buf_free(&message);
    return rc;
}

static int chat_command(const struct arguments *args, struct error *error)
{
    const int64_t threads = arguments_integer(args, "threads"),
                  context = arguments_integer(args, "context");
    struct talk_how how = {.to = arguments_operand(args, 0),
                           .model = arguments_text(args, "model"),
                           .template = arguments_text(args, "template"),
                           .key_env = arguments_text(args, "api-key-env"),
                           .key_file = arguments_text(args, "api-key-file"),
                           .temperature = arguments_number(args, "temperature"),
                           .max_tokens = arguments_integer(args, "max-tokens"),
                           .context = (int)context,
                           .threads = (int)threads,
                           .int8 = arguments_flag(args, "int8")};
    struct session s = {.dataset = arguments_text(args, "save"),
                        .seed = (uint64_t)arguments_integer(args, "seed"),
                        .terminal = isatty(STDIN_FILENO) != 0,
                        .in = BUF_MAX(LINE_MAX_BYTES)};
    int rc;
    if (!(how.temperature >= 0 && how.temperature <= 2))
        return error_set(error, ERROR_USAGE, "--temperature: expected a number from 0 to 2");
    if (how.max_tokens < 1 || how.max_tokens > 1 << 20)
        return error_set(error, ERROR_USAGE, "--max-tokens: expected a number from 1 to 1048576");
    if (threads > 256 || context > 1 << 20)
        return error_set(error, ERROR_USAGE, "--threads: at most 256; --context: at most 1048576");
    signals_install();
    if ((s.talk = talk_open(&how, error)) == NULL)
        return -1;
    chat_open(&s.chat, arguments_text(args, "system"));
    if (s.terminal)
        output_note("talking to %s; /help lists commands, Ctrl-D ends", s.talk->name);
    rc = converse(&s, error);
    chat_close(&s.chat);
    talk_close(s.talk);
    buf_free(&s.in);
    return rc;
}

const struct command cmd_chat = {
    .name = "chat",
    .summary = "talk to a model: a folder, or a server",
    .description =
        "Each line is a message; the reply is written as it comes, and the conversation so far is "
        "its context. Lines that begin with a slash are commands: /system TEXT, /reset, /history, "
        "/retry, /save [DB], /help, /quit. /save stores the conversation in a dataset as a row "
        "that `retort train` learns from: the last reply is its output.\n\n"
        "On a pipe nothing but the replies goes to standard output, and a fault ends the command. "
        "At a terminal Ctrl-C ends the reply that is being written.",
    .operands = operands,
    .options = options,
    .examples = examples,
    .run = chat_command,
};
