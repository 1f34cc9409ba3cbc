/*
 * A server for tests: a tiny random model in a folder of its own, served in a thread as "tiny" with
 * the key "sesame" and four slots, and a client over real sockets.
 */
#ifndef TESTS_SERVE_SERVED_H
#define TESTS_SERVE_SERVED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <math.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/signals.h"
#include "model/checkpoint.h"
#include "model/tokenizer_train.h"
#include "serve/serve.h"

static char folder[64];
static int port, drain_s = 5;
static pthread_t thread;
static int served;
static struct error served_error;

/* -- the model ------------------------------------------------------------------------------- */

static const char config_text[] =
    "{\"architectures\":[\"LlamaForCausalLM\"],\"model_type\":\"llama\",\"hidden_size\":32,"
    "\"intermediate_size\":64,\"num_hidden_layers\":2,\"num_attention_heads\":4,"
    "\"num_key_value_heads\":2,\"vocab_size\":320,\"max_position_embeddings\":256,"
    "\"rms_norm_eps\":1e-5,\"rope_theta\":10000.0,\"hidden_act\":\"silu\","
    "\"tie_word_embeddings\":true,\"bos_token_id\":0,\"eos_token_id\":1,\"torch_dtype\":"
    "\"float32\",\"initializer_range\":0.3}";

static inline void write_tokenizer(void)
{
    static const char *const specials[] = {"<|im_start|>", "<|im_end|>", NULL};
    const struct tokenizer_train_options how = {.vocab_size = 320,
                                                .specials = specials,
                                                .bos = "<|im_start|>",
                                                .eos = "<|im_end|>",
                                                .pad = "<|im_end|>"};
    struct error error = {0};
    struct tokenizer_trainer *t = tokenizer_trainer_new(&how, &error);
    struct tokenizer *made;
    assert_non_null(t);
    for (int i = 0; i < 20; i++)
        (void)tokenizer_trainer_add(
            t, SLICE("the quick brown fox jumps over the lazy dog and the user asks"), &error);
    made = tokenizer_trainer_finish(t, &error);
    assert_non_null(made);
    assert_int_equal(tokenizer_write(made, folder, (struct slice){NULL, 0}, &error), 0);
    tokenizer_free(made);
    tokenizer_trainer_free(t);
}

static inline void write_model(void)
{
    struct model_options how = {.method = MODEL_FROZEN, .seed = 7};
    struct checkpoint_options as = {.type = DTYPE_F32};
    struct model_config config;
    struct error error = {0};
    struct model *m;
    if (config_parse(&config, slice_of(config_text), "config", &error) != 0)
        fail_msg("%s", error.text);
    m = model_random(&config, &how, &error);
    if (m == NULL || checkpoint_write(m, folder, &as, &error) != 0)
        fail_msg("%s", error.text);
    model_free(m);
    config_clear(&config);
}

/* -- the server, in a thread ---------------------------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t is_ready = PTHREAD_COND_INITIALIZER;

static inline void ready(void *context, const char *name, int at)
{
    (void)context;
    assert_string_equal(name, "tiny");
    pthread_mutex_lock(&lock);
    port = at;
    pthread_cond_signal(&is_ready);
    pthread_mutex_unlock(&lock);
}

static inline void *run(void *context)
{
    const struct serve_options how = {.model = folder,
                                      .name = "tiny",
                                      .key = "sesame",
                                      .template = "chatml",
                                      .slots = 4,
                                      .queue = 64,
                                      .drain_s = drain_s,
                                      .ready = ready};
    (void)context;
    served = serve_run(&how, &served_error);
    pthread_mutex_lock(&lock);
    if (port == 0)
        port = -1;
    pthread_cond_signal(&is_ready);
    pthread_mutex_unlock(&lock);
    return NULL;
}

static inline int start(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/retort-serve-XXXXXX");
    assert_non_null(mkdtemp(folder));
    write_tokenizer();
    write_model();
    pthread_create(&thread, NULL, run, NULL);
    pthread_mutex_lock(&lock);
    while (port == 0)
        pthread_cond_wait(&is_ready, &lock);
    pthread_mutex_unlock(&lock);
    if (port < 0)
        fail_msg("%s", served_error.text);
    return 0;
}

static inline int stop(void **state)
{
    struct error error;
    (void)state;
    if (!signals_draining()) /* a second one would quit */
        signals_raise(SIGINT);
    pthread_join(thread, NULL);
    signals_reset();
    assert_int_equal(served, 0);
    return file_remove_tree(folder, &error);
}

/* -- a client ------------------------------------------------------------------------------- */

static inline int dial(void)
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    inet_pton(AF_INET, "127.0.0.1", &where.sin_addr);
    assert_int_equal(connect(fd, (struct sockaddr *)&where, sizeof where), 0);
    return fd;
}

/* Send a request; the whole answer with its head is appended.  Returns the status. */
static inline int ask(const char *method, const char *path, const char *key, const char *body,
                      struct buf *out)
{
    struct buf request = BUF;
    char chunk[4096];
    ssize_t n;
    int fd = dial(), status = 0;
    buf_printf(&request, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n", method, path);
    if (key != NULL)
        buf_printf(&request, "Authorization: Bearer %s\r\n", key);
    if (body != NULL)
        buf_printf(&request, "Content-Length: %zu\r\n", strlen(body));
    buf_printf(&request, "\r\n%s", body != NULL ? body : "");
    assert_int_equal(write(fd, request.data, request.len), (ssize_t)request.len);
    while ((n = read(fd, chunk, sizeof chunk)) > 0)
        buf_add(out, chunk, (size_t)n);
    close(fd);
    buf_free(&request);
    assert_int_equal(sscanf(buf_text(out), "HTTP/1.1 %d", &status), 1);
    return status;
}

static inline struct json *ask_json(const char *path, const char *body, int *status)
{
    struct buf out = BUF;
    struct error error = {0};
    struct json *answer;
    const char *start;
    *status = ask(body != NULL ? "POST" : "GET", path, "sesame", body, &out);
    start = strstr(buf_text(&out), "\r\n\r\n");
    assert_non_null(start);
    answer = json_parse(slice_of(start + 4), 0, &error);
    if (answer == NULL)
        fail_msg("%s: %s", error.text, start);
    buf_free(&out);
    return answer;
}

static inline struct slice content_of(const struct json *answer)
{
    return json_string(json_path(answer, "choices.0.message.content"));
}

#endif
