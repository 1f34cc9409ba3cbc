/* A conversation with a folder: its template, its weights, one sequence whose cache is kept. */
#include "serve/talk.h"

#include "core/clock.h"
#include "core/file.h"
#include "core/mem.h"
#include "core/signals.h"
#include "model/generate.h"
#include "serve/loaded.h"

struct folder {
    struct talk talk;
    struct loaded loaded;
    struct generator *generator;
    int32_t capacity, max_tokens;
    double temperature;
};

/* A reply being written. */
struct writing {
    const struct talk_turn *turn;
    struct talk_reply *out;
    struct tokenizer_stream *stream;
    bool cancelled;
};

static bool hand_out(struct writing *w, size_t from)
{
    const struct slice text = slice_sub(buf_view(&w->out->text), from, w->out->text.len);
    if (text.len != 0 && !w->turn->text(w->turn->context, text))
        w->cancelled = true;
    return !w->cancelled;
}

static bool on_token(void *context, int32_t id, float logprob)
{
    struct writing *w = context;
    const size_t before = w->out->text.len;
    (void)logprob;
    tokenizer_stream_add(w->stream, id, &w->out->text);
    if (signals_draining())
        w->cancelled = true;
    return hand_out(w, before);
}

static int encode(struct folder *f, const struct json *messages, struct chat_tokens *tokens,
                  struct error *error)
{
    const struct chat_input in = {.messages = messages,
                                  .bos = f->loaded.bos,
                                  .eos = f->loaded.eos,
                                  .generation_prompt = true,
                                  .date_ms = clock_wall_ms()};
    struct chat_render render = CHAT_RENDER;
    int rc = chat_render(f->loaded.chat, &in, &render, error);
    if (rc == 0)
        rc = chat_encode(f->loaded.tokenizer, f->loaded.scratch, &render, 0, tokens, error);
    chat_render_free(&render);
    if (rc == 0 && (int64_t)tokens->tokens.n >= f->capacity)
        rc = error_set(error, ERROR_LIMIT,
                       "the conversation has %zu tokens and the context %d; /reset starts anew",
                       tokens->tokens.n, f->capacity);
    return rc;
}

static int write_reply(struct folder *f, const struct chat_tokens *tokens, struct writing *w,
                       struct error *error)
{
    const int32_t n = (int32_t)tokens->tokens.n, room = f->capacity - n;
    const int32_t most = f->max_tokens < room ? f->max_tokens : room;
    const struct generate_request request = {.prompt = tokens->tokens.ids,
                                             .n = n,
                                             .sampling = {.temperature = f->temperature,
                                                          .top_p = 1,
                                                          .repetition_penalty = 1,
                                                          .seed = w->turn->seed},
                                             .stops = f->loaded.stops,
                                             .n_stops = f->loaded.n_stops,
                                             .token = on_token,
                                             .context = w};
    int32_t *ids = mem_alloc((size_t)most * sizeof *ids);
    const int32_t wrote = generate_ids(f->generator, &request, ids, most, error);
    const size_t before = w->out->text.len;
    mem_free(ids);
    if (wrote < 0)
        return -1;
    tokenizer_stream_end(w->stream, &w->out->text);
    (void)hand_out(w, before);
    w->out->prompt_tokens = n;
    w->out->completion_tokens = wrote;
    w->out->finish = w->cancelled ? "cancelled" : wrote == most ? "length" : "stop";
    return 0;
}

static int say(struct talk *t, const struct talk_turn *turn, struct talk_reply *out,
               struct error *error)
{
    struct folder *f = (struct folder *)t;
    struct chat_tokens tokens = CHAT_TOKENS;
    struct writing w = {.turn = turn, .out = out};
    int rc = encode(f, turn->messages, &tokens, error);
    if (rc == 0) {
        w.stream = tokenizer_stream_new(f->loaded.tokenizer, TOKENIZER_SKIP_SPECIAL);
        rc = write_reply(f, &tokens, &w, error);
        tokenizer_stream_free(w.stream);
    }
    chat_tokens_free(&tokens);
    return rc;
}

static void close_folder(struct talk *t)
{
    struct folder *f = (struct folder *)t;
    generator_free(f->generator);
    loaded_close(&f->loaded);
    mem_free(f);
}

static const struct talk_ops ops = {say, close_folder};

struct talk *talk_folder(const struct talk_how *how, struct error *error)
{
    struct folder *f = mem_zero(1, sizeof *f);
    const struct loaded_how load = {how->to, how->template, how->threads, how->int8};
    struct generator_options options = {.slots = 1};
    f->talk.ops = &ops;
    if (!file_is_dir(how->to)) {
        error_set(error, ERROR_INPUT, "%s: no such folder, and no http:// or https:// address",
                  how->to);
        mem_free(f);
        return NULL;
    }
    if (loaded_open(&f->loaded, &load, error) != 0)
        goto fail;
    if (f->loaded.chat == NULL) {
        error_set(error, ERROR_INPUT, "%s: the folder has no chat template; name one: --template",
                  how->to);
        goto fail;
    }
    f->capacity = options.capacity = loaded_context(&f->loaded, how->context);
    f->max_tokens = how->max_tokens < f->capacity ? (int32_t)how->max_tokens : f->capacity;
    f->temperature = how->temperature;
    f->generator = generator_new(f->loaded.model, &options, error);
    if (f->generator == NULL)
        goto fail;
    f->talk.name = mem_strdup(how->to);
    return &f->talk;
fail:
    talk_close(&f->talk);
    return NULL;
}
