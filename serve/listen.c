#include "serve/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int parse(const char *address, int port, struct sockaddr_storage *out, socklen_t *len)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
        *len = sizeof *v4;
        return 0;
    }
    if (inet_pton(AF_INET6, address, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)port);
        *len = sizeof *v6;
        return 0;
    }
    return -1;
}

int listen_open(const char *address, int port, int *out, struct error *error)
{
    struct sockaddr_storage where;
    socklen_t len;
    const int one = 1;
    int fd;
    if (parse(address, port, &where, &len) != 0)
        return error_set(error, ERROR_USAGE, "%s: not an IP address to listen on", address);
    fd = socket(where.ss_family, SOCK_STREAM, 0);
    if (fd < 0)
        return error_system(error, errno, "cannot make a socket");
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&where, len) != 0 || listen(fd, 511) != 0 ||
        getsockname(fd, (struct sockaddr *)&where, &len) != 0) {
        error_system(error, errno, "cannot listen on %s port %d; try another --port", address,
                     port);
        close(fd);
        return -1;
    }
    *out = ntohs(where.ss_family == AF_INET ? ((struct sockaddr_in *)&where)->sin_port
                                            : ((struct sockaddr_in6 *)&where)->sin6_port);
    return fd;
}
