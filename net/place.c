#include "net/place.h"

#include "core/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* ---- the URL --------------------------------------------------------------------------------- */

struct parts {
    struct slice authority, host, path;
    int port;
    bool v6;
};

static bool plain_text(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.data[i] <= ' ' || s.data[i] > '~' || s.data[i] == '#')
            return false;
    return true;
}

static bool read_port(struct slice s, int *out)
{
    *out = 0;
    for (size_t i = 0; i < s.len && *out <= 65535; i++) {
        if (s.data[i] < '0' || s.data[i] > '9')
            return false;
        *out = *out * 10 + (s.data[i] - '0');
    }
    return s.len && *out > 0 && *out <= 65535;
}

/* http://HOST[:PORT][/PATH] */
static bool split(const char *url, struct parts *p)
{
    if (strncasecmp(url, "http://", 7) || !plain_text(slice_of(url)))
        return false;
    url += 7;
    size_t n = strcspn(url, "/?");
    p->authority = slice_from(url, n);
    p->path = slice_of(url[n] == '/' ? url + n : "/");
    p->v6 = n && url[0] == '[';
    size_t close = p->v6 ? slice_find(p->authority, SLICE("]")) : 0;
    size_t colon = close + slice_find(slice_sub(p->authority, close, n), SLICE(":"));
    p->host = p->v6 ? slice_sub(p->authority, 1, close - 1) : slice_sub(p->authority, 0, colon);
    p->port = 80;
    return url[n] != '?' && close < n && n < sizeof((struct place){0}).host &&
           (colon >= n || read_port(slice_sub(p->authority, colon + 1, n), &p->port));
}

/* ---- addresses ------------------------------------------------------------------------------- */

static void add_v4(struct place *p, struct in_addr a, int port)
{
    struct sockaddr_in s = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr = a};
    p->address_len[p->n_addresses] = sizeof s;
    memcpy(&p->address[p->n_addresses++], &s, sizeof s);
}

static void add_v6(struct place *p, struct in6_addr a, int port)
{
    struct sockaddr_in6 s = {.sin6_family = AF_INET6,
                             .sin6_port = htons((uint16_t)port),
                             .sin6_addr = a};
    p->address_len[p->n_addresses] = sizeof s;
    memcpy(&p->address[p->n_addresses++], &s, sizeof s);
}

static void set_addresses(struct place *p, const struct parts *u)
{
    char host[80];
    struct in_addr v4;
    struct in6_addr v6;
    memcpy(host, u->host.data, u->host.len);
    host[u->host.len] = '\0';
    if (u->v6 && inet_pton(AF_INET6, host, &v6) == 1) {
        add_v6(p, v6, u->port);
    } else if (!u->v6 && inet_pton(AF_INET, host, &v4) == 1) {
        add_v4(p, v4, u->port);
    } else if (!strcasecmp(host, "localhost")) { /* always loopback: RFC 6761 */
        v4.s_addr = htonl(INADDR_LOOPBACK);
        add_v6(p, in6addr_loopback, u->port);
        add_v4(p, v4, u->port);
    }
}

/* ---- the head -------------------------------------------------------------------------------- */

/* Headers that say how the body is framed, or whose it is, are libcurl's business. */
static bool ours(const struct net_headers *headers)
{
    static const char *const not [] = {"host:",       "content-length:", "transfer-encoding:",
                                       "connection:", "expect:",         "accept-encoding:"};
    for (int i = 0; headers && i < headers->n; i++)
        for (size_t k = 0; k < sizeof not / sizeof *not ; k++)
            if (!strncasecmp(headers->line[i], not [k], strlen(not [k])))
                return false;
    return true;
}

static void write_head(struct place *p, const struct parts *u)
{
    buf_str(&p->head, "POST ");
    buf_slice(&p->head, u->path);
    buf_str(&p->head, " HTTP/1.1\r\nHost: ");
    buf_slice(&p->head, u->authority);
    buf_str(&p->head, "\r\nAccept: */*\r\n");
    for (int i = 0; p->headers && i < p->headers->n; i++) {
        buf_str(&p->head, p->headers->line[i]);
        buf_str(&p->head, "\r\n");
    }
}

struct place *place_new(const struct http_exchange *x)
{
    struct parts u;
    if (!split(x->url, &u) || !ours(x->headers))
        return NULL;
    struct place *p = mem_zero(1, sizeof *p);
    p->url = mem_strdup(x->url);
    p->headers = x->headers;
    p->head = BUF;
    memcpy(p->host, u.authority.data, u.authority.len);
    set_addresses(p, &u);
    if (!p->n_addresses) {
        place_free(p);
        return NULL;
    }
    /* room for all at once: no copy of a key is left behind by a growing buffer */
    size_t size = strlen(x->url) + 128;
    for (int i = 0; x->headers && i < x->headers->n; i++)
        size += strlen(x->headers->line[i]) + 2;
    (void)buf_reserve(&p->head, size);
    write_head(p, &u);
    return p;
}

void place_free(struct place *p)
{
    if (!p)
        return;
    volatile char *wipe = p->head.data;
    for (size_t i = 0; i < p->head.len; i++)
        wipe[i] = 0;
    buf_free(&p->head);
    mem_free(p->url);
    mem_free(p);
}

bool place_is_of(const struct place *p, const struct http_exchange *x)
{
    return p->headers == x->headers && !strcmp(p->url, x->url);
}

/* ---- sockets --------------------------------------------------------------------------------- */

static bool set_up(int fd)
{
    int on = 1, flags = fcntl(fd, F_GETFL);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
#ifdef SO_NOSIGPIPE
    (void)setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
    return flags >= 0 && !fcntl(fd, F_SETFL, flags | O_NONBLOCK) && !fcntl(fd, F_SETFD, FD_CLOEXEC);
}

int place_connect(const struct place *p, int k, int *errnum)
{
    const struct sockaddr *to = (const struct sockaddr *)&p->address[k];
    int fd = socket(to->sa_family, SOCK_STREAM, 0);
    *errnum = 0;
    if (fd >= 0 && set_up(fd)) {
        if (!connect(fd, to, p->address_len[k]))
            return fd;
        *errnum = errno == EINTR ? EINPROGRESS : errno;
        if (*errnum == EINPROGRESS)
            return fd;
    } else {
        *errnum = errno;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}
