/*
 * batches [OPTION=VALUE...] : a teacher with a batch API, OpenAI's (files and batches) and
 * Anthropic's (message batches) at the same port, as strict as they are; and online beside it.
 *
 *   key=TEXT      the key it wants (default "secret")
 *   ms=N          a batch works so long (default 50)
 *   end=WORD      how the first batch ends: completed, expired, cancelled, failed, full (refused
 *                 for its length in tokens); later ones complete
 *   share=N       of the first batch so many percent are answered (default 50; with end=completed
 *                 all)
 *   upload500=N   the first N uploads fail with 500
 *   create500=N   the first N creates make the batch and answer 500
 *   createdrop=N  … make the batch and close the connection
 *   create503=N   … answer 503 and make nothing
 *   look=N        batches show in the list only from the Nth list on
 *   torn=N        the last line of the first N answer files is cut in two
 *   cut=N         the first N answer files end before their announced length
 *   twice=1       every answer stands twice in its file
 *   foreign=N     so many batches of somebody else, of `lines` requests each, stand in the list
 *   lines=N
 *   page=N        batches a page of the list (default 2)
 *   most=N        requests a batch may have
 *   log=FILE      a line an answered question
 *   port=N
 *
 * Words in a question: {{bad}} a 400 inside the answers, {{once}} a 500 the first time, {{line}} the
 * whole batch is refused for this line, {{empty}} no line at all in the answers, {{cut}} an answer cut
 * for its length when it had room for less than 100 tokens; "Come up with" a list, "Rewrite" one.
 * GET /stats: {"uploads", "creates", "batches", "answered", "again", "online", "lists"}.
 */
#include "tests/server/batches.h"

/* The newest first, a page at a time. */
static int list(struct MHD_Connection *c, bool anthropic, struct buf *out)
{
    const char *after =
        MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, anthropic ? "after_id" : "after");
    size_t i = server.n;
    int64_t n = 0;
    const char *last = "";
    bool more = false;
    server.lists++;
    while (after && i > 0 && strcmp(server.batches[i - 1].id, after) != 0)
        i--;
    i -= after && i > 0;
    buf_str(out, "{\"object\":\"list\",\"data\":[");
    for (; i > 0 && !more; i--) {
        struct made *b = &server.batches[i - 1];
        if (b->anthropic != anthropic || b->shown_at > server.lists)
            continue;
        more = n == server.page;
        if (more)
            break;
        buf_str(out, n++ ? "," : "");
        describe(b, out);
        last = b->id;
    }
    buf_printf(out, "],\"has_more\":%s,\"last_id\":\"%s\"}", more ? "true" : "false", last);
    return 200;
}

/* ---- uploads and creates --------------------------------------------------------------------- */

static int say(bool anthropic, int status, const char *type, const char *message, struct buf *out)
{
    refusal(anthropic, type, message, out);
    return status;
}

/* The file part of a form, by hand. */
static struct slice part(struct slice form)
{
    size_t file = slice_find(form, SLICE("filename=\""));
    struct slice rest = slice_sub(form, file, form.len);
    size_t head = slice_find(rest, SLICE("\r\n\r\n"));
    rest = slice_sub(rest, head + 4, rest.len);
    size_t eol = slice_find(form, SLICE("\r\n"));
    struct buf end = BUF;
    buf_str(&end, "\r\n");
    buf_slice(&end, slice_sub(form, 0, eol));
    size_t tail = slice_find(rest, buf_view(&end));
    buf_free(&end);
    return slice_sub(rest, 0, tail);
}

static int upload(struct slice body, struct buf *out)
{
    if (server.uploads++ < server.upload500)
        return say(false, 500, "server_error", "upload failed", out);
    if (slice_find(body, SLICE("name=\"purpose\"")) >= body.len ||
        slice_find(body, SLICE("filename=\"")) >= body.len)
        return say(false, 400, "invalid_request_error", "purpose and file are required", out);
    int k = file_new();
    buf_slice(&server.files[k].data, part(body));
    buf_printf(out, "{\"id\":\"%s\",\"object\":\"file\",\"purpose\":\"batch\"}",
               server.files[k].id);
    return 200;
}

/* NULL, or what the API would refuse. */
static const char *check_input(const struct made *b, const struct json *lines)
{
    static uint64_t ids[QUESTIONS];
    memset(ids, 0, sizeof ids);
    if (!json_count(lines))
        return "the batch is empty";
    if ((int64_t)json_count(lines) > server.most)
        return "the batch has too many requests";
    for (const struct json *l = json_first(lines); l; l = json_next(l)) {
        struct slice id = json_string(json_get(l, "custom_id"));
        if (!id.len || id.len > 64 || seen(ids, id))
            return "custom_id is missing or not unique";
        if (!b->anthropic && (!slice_is(json_string(json_get(l, "method")), "POST") ||
                              !slice_is(json_string(json_get(l, "url")), "/v1/chat/completions")))
            return "method or url is wrong";
        if (!question_of(json_get(l, b->anthropic ? "params" : "body")).len)
            return "a request has no messages";
    }
    return NULL;
}

/* 0: the connection is to be closed. */
static int create(bool anthropic, struct slice body, struct buf *out)
{
    struct json *request = json_parse(body, 0, NULL);
    const char *wrong = NULL;
    server.creates++;
    if (server.create503 > 0) {
        server.create503--;
        json_free(request);
        return say(anthropic, 503, "overloaded_error", "busy", out);
    }
    struct made *b = batch_new(anthropic);
    if (anthropic) {
        int k = file_new();
        buf_slice(&server.files[k].data, body);
        snprintf(b->input, sizeof b->input, "%s", server.files[k].id);
    } else {
        snprintf(b->input, sizeof b->input, "%s",
                 json_text(json_get(request, "input_file_id"), ""));
        snprintf(b->tag, sizeof b->tag, "%s", json_text(json_path(request, "metadata.retort"), ""));
        if (strcmp(json_text(json_get(request, "completion_window"), ""), "24h") != 0)
            wrong = "completion_window";
    }
    if (!request || !file_find(b->input))
        wrong = "no such file";
    struct json *lines = wrong ? NULL : input_of(b);
    if (!wrong)
        wrong = check_input(b, lines);
    b->lines = (int64_t)json_count(lines);
    json_free(lines);
    json_free(request);
    if (wrong) {
        server.n--;
        return say(anthropic, 400, "invalid_request_error", wrong, out);
    }
    if (server.createdrop-- > 0)
        return 0;
    if (server.create500-- > 0)
        return say(anthropic, 500, "server_error", "after the fact", out);
    describe(b, out);
    return 200;
}

static int online(bool anthropic, struct slice body, struct buf *out)
{
    struct json *request = json_parse(body, 0, NULL);
    struct slice question = question_of(request);
    server.online++;
    bill(question);
    answer(anthropic, request, out);
    json_free(request);
    return 200;
}

/* ---- routes ---------------------------------------------------------------------------------- */

struct wire {
    struct MHD_Connection *connection;
    struct buf body;
    int64_t announced; /* > 0: length to announce, more than there is */
};

static int fetch(struct wire *w, const char *id, struct buf *out)
{
    struct file *f = file_find(id);
    if (!f)
        return say(false, 404, "invalid_request_error", "no such file", out);
    buf_slice(out, buf_view(&f->data));
    if (server.torn-- > 0 && out->len > 40)
        out->len -= 30;
    if (server.cut-- > 0)
        w->announced = (int64_t)out->len + 100;
    return 200;
}

static int stats(struct buf *out)
{
    buf_printf(out,
               "{\"uploads\":%lld,\"creates\":%lld,\"batches\":%lld,\"answered\":%lld,\"again\":"
               "%lld,\"online\":%lld,\"lists\":%lld}",
               (long long)server.uploads, (long long)server.creates,
               (long long)((int64_t)server.n - server.foreign), (long long)server.answered,
               (long long)server.again, (long long)server.online, (long long)server.lists);
    return 200;
}

/* A batch and what is wanted of it: "ID", "ID/results", "ID/cancel". */
static int of_batch(struct wire *w, const char *rest, bool post, struct buf *out)
{
    size_t len = strcspn(rest, "/");
    struct made *b = batch_find(rest, len);
    if (!b)
        return say(false, 404, "not_found_error", "no such batch", out);
    if (post && strcmp(rest + len, "/cancel") == 0)
        b->cancelling = !b->worked;
    if (strcmp(rest + len, "/results") == 0) {
        if (b->foreign) {
            buf_str(out, "{\"custom_id\":\"theirs\",\"result\":{\"type\":\"expired\"}}\n");
            return 200;
        }
        return b->output < 0 ? say(true, 404, "not_found_error", "not yet", out)
                             : fetch(w, server.files[b->output].id, out);
    }
    describe(b, out);
    return 200;
}

static int route(struct wire *w, const char *url, bool post, struct buf *out)
{
    static const char files[] = "/v1/files/", batches[] = "/v1/batches/",
                      messages[] = "/v1/messages/batches/";
    struct slice body = buf_view(&w->body);
    char id[64];
    if (strncmp(url, "http://", 7) == 0) /* through a proxy */
        url = strchr(url + 7, '/') ? strchr(url + 7, '/') : url;
    if (strcmp(url, "/v1/files") == 0 && post)
        return upload(body, out);
    if (strncmp(url, files, sizeof files - 1) == 0 && !post) {
        snprintf(id, sizeof id, "%.*s", (int)strcspn(url + sizeof files - 1, "/"),
                 url + sizeof files - 1);
        return fetch(w, id, out);
    }
    if (strcmp(url, "/v1/batches") == 0)
        return post ? create(false, body, out) : list(w->connection, false, out);
    if (strcmp(url, "/v1/messages/batches") == 0)
        return post ? create(true, body, out) : list(w->connection, true, out);
    if (strncmp(url, batches, sizeof batches - 1) == 0)
        return of_batch(w, url + sizeof batches - 1, post, out);
    if (strncmp(url, messages, sizeof messages - 1) == 0)
        return of_batch(w, url + sizeof messages - 1, post, out);
    if (strcmp(url, "/v1/chat/completions") == 0 || strcmp(url, "/v1/messages") == 0)
        return online(url[4] == 'm', body, out);
    return say(false, 404, "invalid_request_error", "no such path", out);
}

static bool has_key(struct MHD_Connection *c)
{
    char bearer[256];
    const char *own = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "x-api-key");
    const char *auth = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Authorization");
    snprintf(bearer, sizeof bearer, "Bearer %s", server.key);
    return (own && strcmp(own, server.key) == 0) || (auth && strcmp(auth, bearer) == 0);
}

/* ---- the wire -------------------------------------------------------------------------------- */

/* A body that ends before its announced length. */
static ssize_t short_body(void *context, uint64_t at, char *out, size_t room)
{
    struct buf *b = context;
    if (at >= b->len)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    size_t n = b->len - (size_t)at < room ? b->len - (size_t)at : room;
    memcpy(out, b->data + at, n);
    return (ssize_t)n;
}

static void free_short(void *context)
{
    buf_free(context);
    mem_free(context);
}

static struct MHD_Response *response_of(const struct wire *w, const struct buf *out)
{
    if (w->announced <= 0)
        return MHD_create_response_from_buffer(out->len, out->data, MHD_RESPMEM_MUST_COPY);
    struct buf *copy = mem_zero(1, sizeof *copy);
    *copy = BUF;
    buf_slice(copy, buf_view(out));
    return MHD_create_response_from_callback((uint64_t)w->announced, 4096, short_body, copy,
                                             free_short);
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *size, void **state)
{
    struct wire *w = *state;
    struct buf out = BUF;
    int status;
    (void)context;
    (void)version;
    if (w == NULL) {
        *state = w = mem_zero(1, sizeof *w);
        w->connection = connection;
        w->body = BUF_MAX((size_t)MAX_BODY);
        return MHD_YES;
    }
    if (*size > 0) {
        buf_add(&w->body, data, *size);
        *size = 0;
        return MHD_YES;
    }
    pthread_mutex_lock(&server.lock);
    if (strcmp(url, "/stats") == 0)
        status = stats(&out);
    else if (!has_key(connection))
        status = say(false, 401, "authentication_error", "wrong key", &out);
    else
        status = route(w, url, strcmp(method, "POST") == 0, &out);
    pthread_mutex_unlock(&server.lock);
    if (status == 0) {
        buf_free(&out);
        return MHD_NO;
    }
    struct MHD_Response *response = response_of(w, &out);
    enum MHD_Result rc = MHD_queue_response(connection, (unsigned)status, response);
    MHD_destroy_response(response);
    buf_free(&out);
    return rc;
}

static void completed(void *context, struct MHD_Connection *connection, void **state,
                      enum MHD_RequestTerminationCode code)
{
    struct wire *w = *state;
    (void)context;
    (void)connection;
    (void)code;
    if (w != NULL)
        buf_free(&w->body);
    mem_free(w);
}

static void read_option(const char *text, uint16_t *port)
{
    static const struct {
        const char *name;
        int64_t *to;
    } numbers[] = {{"ms=", &server.ms},
                   {"share=", &server.share},
                   {"upload500=", &server.upload500},
                   {"create500=", &server.create500},
                   {"createdrop=", &server.createdrop},
                   {"create503=", &server.create503},
                   {"look=", &server.look},
                   {"torn=", &server.torn},
                   {"cut=", &server.cut},
                   {"foreign=", &server.foreign},
                   {"lines=", &server.lines},
                   {"page=", &server.page},
                   {"most=", &server.most}};
    const char *value = strchr(text, '=') ? strchr(text, '=') + 1 : "";
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (strncmp(text, numbers[i].name, strlen(numbers[i].name)) == 0)
            *numbers[i].to = strtoll(value, NULL, 10);
    if (strncmp(text, "key=", 4) == 0)
        server.key = value;
    else if (strncmp(text, "end=", 4) == 0)
        server.end = value;
    else if (strncmp(text, "twice=", 6) == 0)
        server.twice = true;
    else if (strncmp(text, "log=", 4) == 0)
        server.log = open(value, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    else if (strncmp(text, "port=", 5) == 0)
        *port = (uint16_t)strtoul(value, NULL, 10);
}

static void add_foreign(void)
{
    for (int64_t i = 0; i < server.foreign; i++)
        for (int k = 0; k < 2; k++) {
            struct made *b = batch_new(k == 1);
            b->foreign = true;
            b->lines = server.lines;
        }
    server.foreign *= 2;
}

int main(int argc, char **argv)
{
    uint16_t port = 0;
    for (int i = 1; i < argc; i++)
        read_option(argv[i], &port);
    add_foreign();
    signal(SIGPIPE, SIG_IGN);
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD |
                             MHD_USE_POLL,
                         port, NULL, NULL, handle, NULL, MHD_OPTION_NOTIFY_COMPLETED, completed,
                         NULL, MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_END);
    if (daemon == NULL)
        return 1;
    printf("port %u\n", (unsigned)MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    for (;;)
        pause();
}
