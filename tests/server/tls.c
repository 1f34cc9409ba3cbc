/*
 * tls [OPTION=VALUE...] : a teacher behind TLS (or not), and what arrives there.
 *
 *   cert=FILE, private=FILE   PEM; without them plain HTTP
 *   redirect=URL              every request is sent there with 307
 *   log=FILE                  a line a request: method, path, "key" or "no key"
 *   port=N
 *
 * It answers chat completions, files and batches are not there.
 */
#include "core/buf.h"
#include "core/file.h"
#include "core/mem.h"

#include <fcntl.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static struct {
    const char *redirect;
    int log;
} server = {.log = -1};

static const char reply[] =
    "{\"id\":\"1\",\"object\":\"chat.completion\",\"model\":\"m\",\"choices\":[{\"index\":0,"
    "\"message\":{\"role\":\"assistant\",\"content\":\"a safe "
    "answer\"},\"finish_reason\":\"stop\"}],"
    "\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}";

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *size, void **state)
{
    static int begun;
    (void)context;
    (void)version;
    (void)data;
    if (*state == NULL) {
        *state = &begun;
        return MHD_YES;
    }
    if (*size > 0) {
        *size = 0;
        return MHD_YES;
    }
    const char *key = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");
    if (server.log >= 0)
        (void)!dprintf(server.log, "%s %s %s\n", method, url, key ? "key" : "no key");
    struct MHD_Response *response =
        MHD_create_response_from_buffer(sizeof reply - 1, (void *)(uintptr_t)reply,
                                        MHD_RESPMEM_PERSISTENT);
    MHD_add_response_header(response, "Content-Type", "application/json");
    if (server.redirect)
        MHD_add_response_header(response, "Location", server.redirect);
    enum MHD_Result rc = MHD_queue_response(connection, server.redirect ? 307 : 200, response);
    MHD_destroy_response(response);
    return rc;
}

int main(int argc, char **argv)
{
    struct buf cert = BUF, private = BUF;
    uint16_t port = 0;
    for (int i = 1; i < argc; i++) {
        const char *value = strchr(argv[i], '=') == NULL ? "" : strchr(argv[i], '=') + 1;
        if (strncmp(argv[i], "cert=", 5) == 0)
            file_read(value, &cert, NULL);
        else if (strncmp(argv[i], "private=", 8) == 0)
            file_read(value, &private, NULL);
        else if (strncmp(argv[i], "redirect=", 9) == 0)
            server.redirect = value;
        else if (strncmp(argv[i], "log=", 4) == 0)
            server.log = open(value, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        else if (strncmp(argv[i], "port=", 5) == 0)
            port = (uint16_t)strtoul(value, NULL, 10);
    }
    signal(SIGPIPE, SIG_IGN);
    const struct MHD_OptionItem secure[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0,
                                             (void *)(uintptr_t)buf_text(&cert)},
                                            {MHD_OPTION_HTTPS_MEM_KEY, 0,
                                             (void *)(uintptr_t)buf_text(&private)},
                                            {MHD_OPTION_END, 0, NULL}};
    const struct MHD_OptionItem plain[] = {{MHD_OPTION_END, 0, NULL}};
    bool tls = cert.len > 0;
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD |
                             MHD_USE_POLL | (tls ? MHD_USE_TLS : 0u),
                         port, NULL, NULL, handle, NULL, MHD_OPTION_ARRAY, tls ? secure : plain,
                         MHD_OPTION_END);
    if (daemon == NULL)
        return 1;
    printf("port %u\n", (unsigned)MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    for (;;)
        pause();
}
