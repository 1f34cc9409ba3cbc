/*
 * proxy [OPTION=VALUE...] : a forward proxy: CONNECT, and plain HTTP by absolute address.  Whatever
 * host is named, it goes to 127.0.0.1.
 *
 *   user=NAME:PASSWORD  wanted as Basic, else 407
 *   refuse=STATUS       refuse all with that status
 *   log=FILE            the head of every request it gets, as it came
 *   port=N
 */
#define _GNU_SOURCE /* strcasestr */
#include "core/mem.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEAD = 16384 };

static struct {
    char basic[512];
    const char *refuse;
    int log;
} proxy = {.log = -1};

static void base64(const char *in, char *out)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t n = strlen(in);
    for (size_t i = 0; i < n; i += 3) {
        uint32_t v = 0;
        for (size_t k = 0; k < 3; k++)
            v = v << 8 | (i + k < n ? (unsigned char)in[i + k] : 0);
        for (size_t k = 0; k < 4; k++)
            *out++ = i + k > n ? '=' : letters[v >> (18 - 6 * k) & 63];
    }
    *out = '\0';
}

static bool send_all(int fd, const char *data, size_t len)
{
    while (len) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

/* Bytes both ways until one side ends. */
static void pump(int a, int b)
{
    char data[16384];
    struct pollfd p[2] = {{.fd = a, .events = POLLIN}, {.fd = b, .events = POLLIN}};
    while (poll(p, 2, -1) > 0)
        for (int i = 0; i < 2; i++) {
            if (!p[i].revents)
                continue;
            ssize_t n = recv(p[i].fd, data, sizeof data, 0);
            if (n <= 0 || !send_all(p[!i].fd, data, (size_t)n))
                return;
        }
}

static int dial(const char *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&at, sizeof at) == 0)
        return fd;
    close(fd);
    return -1;
}

static bool allowed(const char *head)
{
    char want[600];
    snprintf(want, sizeof want, "Proxy-Authorization: Basic %s\r\n", proxy.basic);
    return !proxy.basic[0] || strcasestr(head, want) != NULL;
}

static size_t read_head(int fd, char *head)
{
    size_t n = 0;
    head[0] = '\0';
    while (n < HEAD - 1 && !strstr(head, "\r\n\r\n")) {
        ssize_t got = recv(fd, head + n, HEAD - 1 - n, 0);
        if (got <= 0)
            return 0;
        n += (size_t)got;
        head[n] = '\0';
    }
    return n;
}

/* Go on to where the head says. */
static void forward(int fd, const char *head, size_t n)
{
    bool tunnel = strncmp(head, "CONNECT ", 8) == 0;
    const char *host = tunnel                    ? head + 8
                       : strstr(head, "http://") ? strstr(head, "http://") + 7
                                                 : "";
    const char *colon = strchr(host, ':');
    int to = colon ? dial(colon + 1) : -1;
    if (to < 0) {
        send_all(fd, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", 47);
        return;
    }
    if (tunnel) {
        send_all(fd, "HTTP/1.1 200 Connection established\r\n\r\n", 39);
        pump(fd, to);
    } else {
        const char *path = host + strcspn(host, "/ "), *method = head;
        send_all(to, method, (size_t)(strchr(method, ' ') + 1 - method));
        send_all(to, path, n - (size_t)(path - head));
        pump(fd, to);
    }
    close(to);
}

static void *serve(void *user)
{
    int fd = (int)(intptr_t)user;
    char *head = mem_alloc(HEAD), text[128];
    size_t n = read_head(fd, head);
    if (n && proxy.log >= 0)
        (void)!write(proxy.log, head, (size_t)(strstr(head, "\r\n\r\n") + 4 - head));
    if (n && (proxy.refuse || !allowed(head))) {
        snprintf(text, sizeof text,
                 "HTTP/1.1 %s No\r\nProxy-Authenticate: Basic realm=\"p\"\r\nContent-Length: "
                 "0\r\nConnection: close\r\n\r\n",
                 proxy.refuse ? proxy.refuse : "407");
        send_all(fd, text, strlen(text));
    } else if (n) {
        forward(fd, head, n);
    }
    close(fd);
    mem_free(head);
    return NULL;
}

int main(int argc, char **argv)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof at;
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    for (int i = 1; i < argc; i++) {
        const char *value = strchr(argv[i], '=') == NULL ? "" : strchr(argv[i], '=') + 1;
        if (strncmp(argv[i], "user=", 5) == 0 && strlen(value) < 300)
            base64(value, proxy.basic);
        else if (strncmp(argv[i], "refuse=", 7) == 0)
            proxy.refuse = value;
        else if (strncmp(argv[i], "log=", 4) == 0)
            proxy.log = open(value, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        else if (strncmp(argv[i], "port=", 5) == 0)
            at.sin_port = htons((uint16_t)strtoul(value, NULL, 10));
    }
    signal(SIGPIPE, SIG_IGN);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 128) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0)
        return 1;
    printf("port %u\n", (unsigned)ntohs(at.sin_port));
    fflush(stdout);
    for (;;) {
        pthread_t thread;
        int client = accept(fd, NULL, NULL);
        if (client >= 0 && pthread_create(&thread, NULL, serve, (void *)(intptr_t)client) == 0)
            pthread_detach(thread);
    }
}
