/*
 * The server over real sockets: a tiny random model, whole and streamed replies, faults, keys,
 * concurrency, constrained JSON, a clean end.
 */
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
static int port;
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

static void write_tokenizer(void)
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

static void write_model(void)
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

static void ready(void *context, const char *name, int at)
{
    (void)context;
    assert_string_equal(name, "tiny");
    pthread_mutex_lock(&lock);
    port = at;
    pthread_cond_signal(&is_ready);
    pthread_mutex_unlock(&lock);
}

static void *run(void *context)
{
    const struct serve_options how = {.model = folder,
                                      .name = "tiny",
                                      .key = "sesame",
                                      .template = "chatml",
                                      .slots = 4,
                                      .queue = 64,
                                      .drain_s = 5,
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

static int start(void **state)
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

static int stop(void **state)
{
    struct error error;
    (void)state;
    signals_raise(SIGINT);
    pthread_join(thread, NULL);
    signals_reset();
    assert_int_equal(served, 0);
    return file_remove_tree(folder, &error);
}

/* -- a client ------------------------------------------------------------------------------- */

static int dial(void)
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    inet_pton(AF_INET, "127.0.0.1", &where.sin_addr);
    assert_int_equal(connect(fd, (struct sockaddr *)&where, sizeof where), 0);
    return fd;
}

/* Send a request; the whole answer with its head is appended.  Returns the status. */
static int ask(const char *method, const char *path, const char *key, const char *body,
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

static struct json *ask_json(const char *path, const char *body, int *status)
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

static struct slice content_of(const struct json *answer)
{
    return json_string(json_path(answer, "choices.0.message.content"));
}

/* -- tests ----------------------------------------------------------------------------------- */

static void test_small_endpoints(void **state)
{
    struct buf out = BUF;
    int status;
    struct json *j;
    (void)state;
    assert_int_equal(ask("GET", "/health", NULL, NULL, &out), 200);
    buf_clear(&out);
    assert_int_equal(ask("GET", "/v1/models", NULL, NULL, &out), 401);
    buf_clear(&out);
    assert_int_equal(ask("GET", "/v1/models", "sesamE", NULL, &out), 401);
    buf_clear(&out);
    assert_int_equal(ask("GET", "/metrics", "sesame", NULL, &out), 200);
    assert_non_null(strstr(buf_text(&out), "retort_generation_tokens_total"));
    buf_free(&out);
    j = ask_json("/v1/models", NULL, &status);
    assert_true(slice_is(json_string(json_path(j, "data.0.id")), "tiny"));
    json_free(j);
    j = ask_json("/tokenize", "{\"content\":\"the fox\"}", &status);
    assert_true(json_count(json_get(j, "tokens")) > 0);
    json_free(j);
    j = ask_json("/detokenize", "{\"tokens\":[104,106]}", &status);
    assert_int_equal(status, 200);
    json_free(j);
}

static const char chat[] = "{\"model\":\"tiny\",\"messages\":[{\"role\":\"user\",\"content\":\"the "
                           "fox\"}],\"max_tokens\":12,\"seed\":3,\"ignore_eos\":true";

static void test_chat_is_repeatable(void **state)
{
    struct buf body = BUF;
    struct json *a, *b;
    int status;
    (void)state;
    buf_printf(&body, "%s,\"logprobs\":true,\"top_logprobs\":3,\"n\":3}", chat);
    a = ask_json("/v1/chat/completions", buf_text(&body), &status);
    assert_int_equal(status, 200);
    assert_int_equal(json_count(json_get(a, "choices")), 3);
    assert_int_equal((int)json_number(json_path(a, "usage.completion_tokens"), 0), 36);
    assert_int_equal(json_count(json_path(a, "choices.1.logprobs.content")), 12);
    assert_int_equal(json_count(json_path(a, "choices.1.logprobs.content.4.top_logprobs")), 3);
    b = ask_json("/v1/chat/completions", buf_text(&body), &status);
    assert_true(json_equal(json_get(a, "choices"), json_get(b, "choices")));
    json_free(a);
    json_free(b);
    buf_free(&body);
}

static void test_stream_says_the_same(void **state)
{
    struct buf body = BUF, out = BUF, text = BUF;
    struct error error = {0};
    struct json *whole;
    int status, chunks = 0;
    (void)state;
    buf_printf(&body, "%s}", chat);
    whole = ask_json("/v1/chat/completions", buf_text(&body), &status);
    buf_clear(&body);
    buf_printf(&body, "%s,\"stream\":true,\"stream_options\":{\"include_usage\":true}}", chat);
    assert_int_equal(ask("POST", "/v1/chat/completions", "sesame", buf_text(&body), &out), 200);
    assert_non_null(strstr(buf_text(&out), "data: [DONE]"));
    assert_non_null(strstr(buf_text(&out), "\"usage\":"));
    for (const char *p = strstr(buf_text(&out), "data: {"); p != NULL; p = strstr(p, "data: {")) {
        const char *end = strstr(p, "\n\n");
        struct json *chunk = json_parse(slice_from(p + 6, (size_t)(end - p - 6)), 0, &error);
        assert_non_null(chunk);
        buf_slice(&text, json_string(json_path(chunk, "choices.0.delta.content")));
        chunks++;
        json_free(chunk);
        p = end;
    }
    assert_true(chunks > 3);
    assert_true(slice_equal(buf_view(&text), content_of(whole)));
    json_free(whole);
    buf_free(&body);
    buf_free(&out);
    buf_free(&text);
}

static void test_completions(void **state)
{
    int status;
    struct json *j = ask_json("/v1/completions",
                              "{\"prompt\":[\"the fox\",\"a dog\"],\"max_tokens\":5,\"echo\":true,"
                              "\"temperature\":0,\"ignore_eos\":true}",
                              &status);
    (void)state;
    assert_int_equal(status, 200);
    assert_int_equal(json_count(json_get(j, "choices")), 2);
    assert_true(slice_starts(json_string(json_path(j, "choices.1.text")), "a dog"));
    assert_true(slice_is(json_string(json_path(j, "choices.1.finish_reason")), "length"));
    json_free(j);
    j = ask_json("/v1/completions",
                 "{\"prompt\":\"the fox\",\"max_tokens\":5,\"logprobs\":2,\"temperature\":0,"
                 "\"ignore_eos\":true}",
                 &status);
    assert_int_equal(json_count(json_path(j, "choices.0.logprobs.tokens")), 5);
    assert_int_equal(json_count(json_path(j, "choices.0.logprobs.token_logprobs")), 5);
    json_free(j);
}

static double scored(const struct json *j, size_t token)
{
    return json_number(json_at(json_path(j, "choices.0.logprobs.token_logprobs"), token), 1);
}

/* With echo and logprobs a given text is scored: the numbers are those it was written with, and
 * the offsets lead through the text. */
static void test_scoring(void **state)
{
    static const char body[] = "{\"prompt\":[5,9,11],\"max_tokens\":4,\"echo\":true,\"logprobs\":2,"
                               "\"temperature\":0,\"ignore_eos\":true}";
    int status;
    struct json *wrote = ask_json("/v1/completions", body, &status), *again;
    const struct json *tokens = json_path(wrote, "choices.0.logprobs.tokens");
    const struct json *offsets = json_path(wrote, "choices.0.logprobs.text_offset");
    int64_t at, next;
    (void)state;
    assert_int_equal(status, 200);
    assert_int_equal(json_count(tokens), 7);
    assert_int_equal(json_type(json_path(wrote, "choices.0.logprobs.token_logprobs.0")), JSON_NULL);
    for (size_t i = 0; i + 1 < 7; i++) {
        assert_int_equal(json_integer(json_at(offsets, i), &at), 0);
        assert_int_equal(json_integer(json_at(offsets, i + 1), &next), 0);
        assert_true(next >= at);
    }
    for (size_t i = 1; i < 7; i++)
        assert_true(scored(wrote, i) <= 0);
    again =
        ask_json("/v1/completions",
                 "{\"prompt\":[5,9,11],\"max_tokens\":0,\"echo\":true,\"logprobs\":0}", &status);
    assert_int_equal(status, 200);
    assert_int_equal(json_count(json_path(again, "choices.0.logprobs.tokens")), 3);
    for (size_t i = 1; i < 3; i++)
        assert_true(fabs(scored(again, i) - scored(wrote, i)) < 1e-5);
    json_free(again);
    again = ask_json("/v1/completions",
                     "{\"prompt\":[5],\"max_tokens\":0,\"echo\":true,\"logprobs\":1}", &status);
    assert_int_equal(json_count(json_path(again, "choices.0.logprobs.tokens")), 1);
    json_free(again);
    json_free(wrote);
}

/* A random model writes JSON when it must. */
static void test_constrained(void **state)
{
    static const char schema[] =
        "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"seed\":5,\"max_tokens\":200,"
        "\"temperature\":1.5,\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{"
        "\"name\":\"t\",\"schema\":{\"type\":\"object\",\"properties\":{\"a\":{\"enum\":[\"x\","
        "\"yy\"]},\"b\":{\"type\":\"boolean\"}},\"required\":[\"a\",\"b\"]}}}}";
    int status;
    struct json *reply, *j = ask_json("/v1/chat/completions", schema, &status);
    struct error error = {0};
    (void)state;
    assert_int_equal(status, 200);
    assert_true(slice_is(json_string(json_path(j, "choices.0.finish_reason")), "stop"));
    reply = json_parse(content_of(j), 0, &error);
    assert_non_null(reply);
    assert_non_null(json_string(json_get(reply, "a")).data);
    json_free(reply);
    json_free(j);
}

static void refused(const char *body, int expected, const char *param)
{
    int status;
    struct json *j = ask_json("/v1/chat/completions", body, &status);
    assert_int_equal(status, expected);
    assert_non_null(json_string(json_path(j, "error.message")).data);
    if (param != NULL)
        assert_true(slice_is(json_string(json_path(j, "error.param")), param));
    json_free(j);
}

static void test_bad_requests(void **state)
{
    struct buf out = BUF, body = BUF;
    (void)state;
    refused("{", 400, NULL);
    refused("[]", 400, NULL);
    refused("{}", 400, "messages");
    refused("{\"messages\":[]}", 400, "messages");
    refused("{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"temperature\":\"hot\"}", 400,
            "temperature");
    refused("{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"n\":0}", 400, "n");
    refused("{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"stop\":[1]}", 400, "stop");
    refused("{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"tools\":[{}]}", 400, "tools");
    refused(
        "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"response_format\":{\"type\":"
        "\"json_schema\",\"json_schema\":{\"schema\":{\"type\":\"string\",\"pattern\":\"a\"}}}}",
        400, "response_format");
    buf_str(&body, "{\"messages\":[{\"role\":\"user\",\"content\":\"");
    for (int i = 0; i < 2000; i++)
        buf_str(&body, "the fox ");
    buf_str(&body, "\"}]}");
    refused(buf_text(&body), 400, "messages");
    assert_int_equal(ask("GET", "/nowhere", "sesame", NULL, &out), 404);
    buf_clear(&out);
    assert_int_equal(ask("GET", "/v1/completions", "sesame", NULL, &out), 405);
    buf_free(&out);
    buf_free(&body);
}

static void test_too_large(void **state)
{
    const size_t size = 9 << 20;
    struct buf out = BUF;
    char *big = mem_alloc(size + 1);
    (void)state;
    memset(big, ' ', size);
    big[size] = '\0';
    assert_int_equal(ask("POST", "/tokenize", "sesame", big, &out), 413);
    mem_free(big);
    buf_free(&out);
}

enum { CLIENTS = 12 };

static void *client(void *context)
{
    struct buf body = BUF;
    int status;
    struct json *j;
    buf_printf(&body, "%s}", chat);
    j = ask_json("/v1/chat/completions", buf_text(&body), &status);
    *(struct json **)context = j;
    buf_free(&body);
    return NULL;
}

/* More clients than slots, all with one seed: all get the same words. */
static void test_concurrent(void **state)
{
    pthread_t ids[CLIENTS];
    struct json *answers[CLIENTS];
    (void)state;
    for (int i = 0; i < CLIENTS; i++)
        pthread_create(&ids[i], NULL, client, &answers[i]);
    for (int i = 0; i < CLIENTS; i++)
        pthread_join(ids[i], NULL);
    for (int i = 1; i < CLIENTS; i++)
        assert_true(slice_equal(content_of(answers[0]), content_of(answers[i])));
    for (int i = 0; i < CLIENTS; i++)
        json_free(answers[i]);
}

/* A client that goes away in the middle of a stream costs nothing more. */
static void test_gone(void **state)
{
    static const char request[] =
        "POST /v1/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sesame\r\n"
        "Content-Length: 68\r\n\r\n"
        "{\"prompt\":\"the\",\"max_tokens\":240,\"stream\":true,\"ignore_eos\":true   }";
    char chunk[64];
    (void)state;
    for (int i = 0; i < 6; i++) {
        const int fd = dial();
        assert_int_equal(write(fd, request, sizeof request - 1), sizeof request - 1);
        assert_true(read(fd, chunk, sizeof chunk) > 0);
        close(fd);
    }
    test_chat_is_repeatable(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_endpoints),
        cmocka_unit_test(test_chat_is_repeatable),
        cmocka_unit_test(test_stream_says_the_same),
        cmocka_unit_test(test_completions),
        cmocka_unit_test(test_scoring),
        cmocka_unit_test(test_constrained),
        cmocka_unit_test(test_bad_requests),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_concurrent),
        cmocka_unit_test(test_gone),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
