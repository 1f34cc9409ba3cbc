#include "serve/httpd.h"

#include "core/buf.h"
#include "core/clock.h"
#include "core/mem.h"
#include "serve/listen.h"

#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MEMORY_BYTES = 32 * 1024, STREAM_BLOCK = 16 * 1024, OVERRUN = 4 };

/* How long a server that stops waits for clients to take what is left, and between two looks. */
enum { STOP_MS = 1000, STEP_MS = 5 };

struct httpd {
    struct httpd_options options;
    struct MHD_Daemon *daemon;
    int listener; /* taken back by httpd_quiesce; -1 */
    int port;
    pthread_mutex_t lock; /* of the list */
    struct httpd_request *first;
    unsigned open;
    bool stopping;
};

/* The lock guards all below it; refs counts the connection and every holder. */
struct httpd_request {
    struct httpd *server;
    struct MHD_Connection *connection;
    struct httpd_request *previous, *next;
    const char *method;
    char *path;
    struct buf body;
    size_t received;
    bool dispatched;
    pthread_mutex_t lock;
    int refs;
    struct buf out;
    size_t sent;
    const char *type;
    int status; /* 0: not answered yet */
    bool streaming, ended, suspended, gone;
};

/* -- life of a request ---------------------------------------------------------------------- */

/* HEAD is GET here: libmicrohttpd leaves the body out. */
static const char *method_name(const char *method)
{
    if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0)
        return "GET";
    return strcmp(method, "POST") == 0 ? "POST" : "OTHER";
}

static struct httpd_request *request_new(struct httpd *h, struct MHD_Connection *connection,
                                         const char *url, const char *method)
{
    struct httpd_request *r = mem_zero(1, sizeof *r);
    r->server = h;
    r->connection = connection;
    r->path = mem_strdup(url);
    r->method = method_name(method);
    r->body = BUF_MAX(h->options.max_body);
    r->out = BUF;
    r->refs = 1;
    pthread_mutex_init(&r->lock, NULL);
    pthread_mutex_lock(&h->lock);
    r->next = h->first;
    if (h->first != NULL)
        h->first->previous = r;
    h->first = r;
    h->open++;
    pthread_mutex_unlock(&h->lock);
    return r;
}

static void request_unlink(struct httpd_request *r)
{
    struct httpd *h = r->server;
    pthread_mutex_lock(&h->lock);
    if (r->previous != NULL)
        r->previous->next = r->next;
    else
        h->first = r->next;
    if (r->next != NULL)
        r->next->previous = r->previous;
    h->open--;
    pthread_mutex_unlock(&h->lock);
}

void httpd_hold(struct httpd_request *r)
{
    pthread_mutex_lock(&r->lock);
    r->refs++;
    pthread_mutex_unlock(&r->lock);
}

void httpd_release(struct httpd_request *r)
{
    int left;
    pthread_mutex_lock(&r->lock);
    left = --r->refs;
    pthread_mutex_unlock(&r->lock);
    if (left != 0)
        return;
    pthread_mutex_destroy(&r->lock);
    buf_free(&r->body);
    buf_free(&r->out);
    mem_free(r->path);
    mem_free(r);
}

/* -- answering: any thread ------------------------------------------------------------------- */

/* With the lock held: let the server's thread look at the request again. */
static void wake(struct httpd_request *r)
{
    if (r->suspended && !r->gone) {
        r->suspended = false;
        MHD_resume_connection(r->connection);
    }
}

void httpd_reply(struct httpd_request *r, int status, const char *type, struct slice body)
{
    pthread_mutex_lock(&r->lock);
    if (r->status == 0) {
        r->status = status;
        r->type = type;
        buf_clear(&r->out); /* pieces of a stream that was never opened */
        buf_slice(&r->out, body);
        r->ended = true;
        wake(r);
    }
    pthread_mutex_unlock(&r->lock);
}

void httpd_stream(struct httpd_request *r, int status, const char *type)
{
    pthread_mutex_lock(&r->lock);
    if (r->status == 0) {
        r->status = status;
        r->type = type;
        r->streaming = true;
        wake(r);
    }
    pthread_mutex_unlock(&r->lock);
}

void httpd_add(struct httpd_request *r, struct slice piece)
{
    pthread_mutex_lock(&r->lock);
    if (!r->gone && !r->ended) {
        buf_slice(&r->out, piece);
        wake(r);
    }
    pthread_mutex_unlock(&r->lock);
}

void httpd_end(struct httpd_request *r)
{
    pthread_mutex_lock(&r->lock);
    r->ended = true;
    wake(r);
    pthread_mutex_unlock(&r->lock);
}

/* While a connection is suspended nobody reads it, so that its end would go unnoticed: look.  With
 * the lock held libmicrohttpd cannot close it meanwhile, for it must be resumed first. */
static bool hung_up(const struct httpd_request *r)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    char byte;
    ssize_t n;
    if (info == NULL)
        return false;
    n = recv(info->connect_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

bool httpd_gone(struct httpd_request *r)
{
    bool gone;
    pthread_mutex_lock(&r->lock);
    gone = r->gone || (r->suspended && hung_up(r));
    pthread_mutex_unlock(&r->lock);
    return gone;
}

/* A server that stops answers so. */
static void refuse(struct httpd_request *r)
{
    httpd_reply(r, 503, "application/json",
                SLICE("{\"error\":{\"message\":\"the server is shutting down\","
                      "\"type\":\"server_error\",\"param\":null,\"code\":null}}"));
}

static bool is_stopping(struct httpd *h)
{
    bool stopping;
    pthread_mutex_lock(&h->lock);
    stopping = h->stopping;
    pthread_mutex_unlock(&h->lock);
    return stopping;
}

/* -- the server's thread ------------------------------------------------------------------- */

/* libmicrohttpd asks for the next bytes of a stream. */
static ssize_t stream_read(void *context, uint64_t position, char *out, size_t max)
{
    struct httpd_request *r = context;
    ssize_t given;
    (void)position;
    pthread_mutex_lock(&r->lock);
    if (r->sent < r->out.len) {
        const size_t left = r->out.len - r->sent, n = left < max ? left : max;
        memcpy(out, r->out.data + r->sent, n);
        r->sent += n;
        if (r->sent == r->out.len) {
            buf_clear(&r->out);
            r->sent = 0;
        }
        given = (ssize_t)n;
    } else if (r->ended) {
        given = MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        r->suspended = true;
        MHD_suspend_connection(r->connection);
        given = 0;
    }
    pthread_mutex_unlock(&r->lock);
    return given;
}

/* Hand the answer to libmicrohttpd.  Without the lock, which stream_read takes inside of a lock of
 * the library; what is read here no longer changes once there is a status. */
static enum MHD_Result queue_answer(struct httpd_request *r)
{
    struct MHD_Response *answer =
        r->streaming
            ? MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, stream_read, r,
                                                NULL)
            : MHD_create_response_from_buffer(r->out.len, r->out.data, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result rc;
    if (answer == NULL)
        return MHD_NO;
    (void)MHD_add_response_header(answer, "Content-Type", r->type);
    if (r->streaming)
        (void)MHD_add_response_header(answer, "Cache-Control", "no-cache");
    if (is_stopping(r->server))
        (void)MHD_add_response_header(answer, "Connection", "close");
    if (r->status == 401)
        (void)MHD_add_response_header(answer, "WWW-Authenticate", "Bearer");
    rc = MHD_queue_response(r->connection, (unsigned)r->status, answer);
    MHD_destroy_response(answer);
    return rc;
}

static enum MHD_Result answer_or_wait(struct httpd_request *r)
{
    bool answered;
    pthread_mutex_lock(&r->lock);
    answered = r->status != 0;
    if (!answered) {
        r->suspended = true;
        MHD_suspend_connection(r->connection);
    }
    pthread_mutex_unlock(&r->lock);
    return answered ? queue_answer(r) : MHD_YES;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **state)
{
    struct httpd *h = context;
    struct httpd_request *r = *state;
    (void)version;
    if (r == NULL) {
        *state = request_new(h, connection, url, method);
        return MHD_YES;
    }
    if (*size != 0) {
        r->received += *size;
        (void)buf_add(&r->body, data, *size); /* over the maximum: body.full */
        *size = 0;
        return r->received / OVERRUN > h->options.max_body ? MHD_NO : MHD_YES;
    }
    if (!r->dispatched) {
        r->dispatched = true;
        if (is_stopping(h))
            refuse(r);
        else
            h->options.handle(h->options.context, r);
    }
    return answer_or_wait(r);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    struct httpd_request *r = *state;
    (void)context;
    (void)connection;
    (void)code;
    if (r == NULL)
        return;
    *state = NULL;
    request_unlink(r);
    pthread_mutex_lock(&r->lock);
    r->gone = true;
    pthread_mutex_unlock(&r->lock);
    httpd_release(r);
}

/* -- start and stop ------------------------------------------------------------------------- */

struct httpd *httpd_start(const struct httpd_options *options, struct error *error)
{
    struct httpd *h = mem_zero(1, sizeof *h);
    h->options = *options;
    pthread_mutex_init(&h->lock, NULL);
    h->listener = listen_open(options->address, options->port, &h->port, error);
    if (h->listener >= 0) {
        h->daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_ALLOW_SUSPEND_RESUME |
                                         MHD_USE_EPOLL | MHD_USE_ITC,
                                     0, NULL, NULL, on_request, h, MHD_OPTION_LISTEN_SOCKET,
                                     h->listener, MHD_OPTION_CONNECTION_LIMIT, options->connections,
                                     MHD_OPTION_CONNECTION_TIMEOUT, options->idle_s,
                                     MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_BYTES,
                                     MHD_OPTION_NOTIFY_COMPLETED, on_completed, h, MHD_OPTION_END);
        if (h->daemon == NULL)
            error_set(error, ERROR_FAILED, "cannot start the HTTP server on port %d", h->port);
    }
    if (h->daemon != NULL)
        return h;
    if (h->listener >= 0)
        close(h->listener);
    pthread_mutex_destroy(&h->lock);
    mem_free(h);
    return NULL;
}

int httpd_port(const struct httpd *h)
{
    return h->port;
}

void httpd_quiesce(struct httpd *h)
{
    const MHD_socket fd = MHD_quiesce_daemon(h->daemon);
    if (fd != MHD_INVALID_SOCKET)
        close(fd);
    pthread_mutex_lock(&h->lock);
    h->stopping = true;
    pthread_mutex_unlock(&h->lock);
}

unsigned httpd_open(struct httpd *h)
{
    unsigned n;
    pthread_mutex_lock(&h->lock);
    n = h->open;
    pthread_mutex_unlock(&h->lock);
    return n;
}

/* libmicrohttpd must not be stopped while a connection sleeps: wake all of them. */
static void answer_all(struct httpd *h)
{
    pthread_mutex_lock(&h->lock);
    h->stopping = true;
    for (struct httpd_request *r = h->first; r != NULL; r = r->next) {
        refuse(r);
        httpd_end(r);
    }
    pthread_mutex_unlock(&h->lock);
}

void httpd_stop(struct httpd *h)
{
    if (h == NULL)
        return;
    answer_all(h);
    for (int i = 0; i < STOP_MS / STEP_MS && httpd_open(h) != 0; i++)
        clock_sleep_ms(STEP_MS); /* the last words go out */
    MHD_stop_daemon(h->daemon);
    pthread_mutex_destroy(&h->lock);
    mem_free(h);
}

/* -- what was asked ------------------------------------------------------------------------- */

const char *httpd_method(const struct httpd_request *r)
{
    return r->method;
}

const char *httpd_path(const struct httpd_request *r)
{
    return r->path;
}

const char *httpd_header(const struct httpd_request *r, const char *name)
{
    return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

struct slice httpd_body(const struct httpd_request *r)
{
    return buf_view(&r->body);
}

bool httpd_too_large(const struct httpd_request *r)
{
    return r->body.full;
}
