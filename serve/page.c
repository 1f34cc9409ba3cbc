#include "serve/page.h"

#include "core/signals.h"
#include "serve/httpd.h"

#include <poll.h>
#include <string.h>

enum { BODY_MAX = 4096, CONNECTIONS = 32, IDLE_S = 60 };

static void say(struct httpd_request *r, int status, const char *what)
{
    httpd_reply(r, status, "text/plain; charset=utf-8", slice_of(what));
}

static void handle(void *context, struct httpd_request *r)
{
    const struct page_options *o = context;
    struct buf page = BUF;
    struct error error = {0};
    if (strcmp(httpd_path(r), "/") != 0)
        say(r, 404, "there is one page: /\n");
    else if (strcmp(httpd_method(r), "GET") != 0)
        say(r, 405, "GET is all there is\n");
    else if (o->make(o->context, &page, &error) != 0)
        say(r, 500, error.text);
    else
        httpd_reply(r, 200, "text/html; charset=utf-8", buf_view(&page));
    buf_free(&page);
}

int page_serve(const struct page_options *options, struct error *error)
{
    union {
        const struct page_options *in;
        void *out;
    } context = {options}; /* read only, in handle */
    const struct httpd_options http = {.address = options->address != NULL ? options->address
                                                                           : "127.0.0.1",
                                       .port = options->port,
                                       .max_body = BODY_MAX,
                                       .connections = CONNECTIONS,
                                       .idle_s = IDLE_S,
                                       .handle = handle,
                                       .context = context.out};
    struct pollfd signal_fd = {signals_wake_fd(), POLLIN, 0};
    struct httpd *h = httpd_start(&http, error);
    if (h == NULL)
        return -1;
    if (options->ready != NULL)
        options->ready(options->ready_context, httpd_port(h));
    while (!signals_draining())
        (void)poll(&signal_fd, signal_fd.fd >= 0 ? 1 : 0, 1000);
    httpd_stop(h);
    return 0;
}
