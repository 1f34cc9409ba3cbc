/*
 * Where a request goes by plain HTTP: the addresses of its server, and the head of every request to
 * it, made once.  Servers given by address (127.0.0.1, [::1]) and localhost only: names are looked
 * up by libcurl, which does it without stopping the loop.
 */
#ifndef NET_PLACE_H
#define NET_PLACE_H

#include "core/buf.h"
#include "net/http.h"

#include <stdbool.h>
#include <sys/socket.h>

enum { PLACE_ADDRESSES = 2 };

struct place {
    char *url;
    const struct net_headers *headers;
    char host[80];   /* with its port, as it stands in the URL */
    struct buf head; /* all but the length; holds a key, and is wiped when it is freed */
    struct sockaddr_storage address[PLACE_ADDRESSES];
    socklen_t address_len[PLACE_ADDRESSES];
    int n_addresses;
    int good; /* the address that was reached last */
};

/* NULL: the exchange is none that can go there so (another scheme, a name, a header that frames). */
struct place *place_new(const struct http_exchange *x);
void place_free(struct place *p);
bool place_is_of(const struct place *p, const struct http_exchange *x);
/* A socket on its way to the k-th address; *errnum is 0 when it is there already, EINPROGRESS while it
 * is on its way, else why there is none (then -1 is returned). */
int place_connect(const struct place *p, int k, int *errnum);

#endif
