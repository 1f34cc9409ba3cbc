#include "net/poller.h"

#include "core/mem.h"
#include "core/vec.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/epoll.h>
#else
#include <poll.h>
#endif

struct watched {
    uint32_t tag;
    uint8_t events; /* 0: not watched */
    bool wanted;
};

struct poller {
    int epoll;
    struct watched *fds; /* by descriptor */
    size_t cap;
};

static struct watched *slot(struct poller *p, int fd)
{
    size_t had = p->cap;
    p->fds = vec_reserve(p->fds, &p->cap, (size_t)fd + 1, sizeof *p->fds);
    if (p->cap > had)
        memset(p->fds + had, 0, (p->cap - had) * sizeof *p->fds);
    return &p->fds[fd];
}

void poller_closed(struct poller *p, int fd)
{
    if (fd >= 0 && (size_t)fd < p->cap)
        p->fds[fd] = (struct watched){0};
}

void poller_want(struct poller *p, int fd, bool wanted)
{
    slot(p, fd)->wanted = wanted;
}

bool poller_wanted(const struct poller *p, int fd)
{
    return (size_t)fd < p->cap && p->fds[fd].wanted;
}

int poller_room(int need, struct error *error)
{
    struct rlimit r;
    rlim_t want = (rlim_t)need + 128;
    if (getrlimit(RLIMIT_NOFILE, &r) || r.rlim_cur >= want)
        return 0;
    if (r.rlim_max >= want || r.rlim_max == RLIM_INFINITY) {
        r.rlim_cur = want;
        if (!setrlimit(RLIMIT_NOFILE, &r))
            return 0;
    }
    return error_set(
        error, ERROR_USAGE,
        "in_flight %d needs %llu open files, the limit is %llu: lower teacher.in_flight "
        "or raise it with ulimit -n",
        need, (unsigned long long)want, (unsigned long long)r.rlim_max);
}

#ifdef __linux__

struct poller *poller_new(struct error *error)
{
    struct poller *p = mem_zero(1, sizeof *p);
    p->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (p->epoll < 0) {
        error_system(error, errno, "epoll_create1");
        mem_free(p);
        return NULL;
    }
    return p;
}

void poller_free(struct poller *p)
{
    if (!p)
        return;
    close(p->epoll);
    mem_free(p->fds);
    mem_free(p);
}

int poller_set(struct poller *p, int fd, uint32_t tag, unsigned events, struct error *error)
{
    struct watched *w = slot(p, fd);
    struct epoll_event e = {0};
    if (w->events == events && w->tag == tag)
        return 0;
    e.events = (events & POLLER_IN ? EPOLLIN : 0u) | (events & POLLER_OUT ? EPOLLOUT : 0u);
    e.data.u64 = (uint64_t)tag << 32 | (uint32_t)fd;
    int op = !events ? EPOLL_CTL_DEL : w->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    int rc = epoll_ctl(p->epoll, op, fd, &e);
    if (rc && op == EPOLL_CTL_MOD && errno == ENOENT)
        rc = epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &e);
    w->events = (uint8_t)events;
    w->tag = tag;
    if (rc && op != EPOLL_CTL_DEL)
        return error_system(error, errno, "epoll_ctl of descriptor %d", fd);
    return 0;
}

int poller_wait(struct poller *p, struct poller_event *out, int max, int wait_ms,
                struct error *error)
{
    struct epoll_event events[256];
    int n = epoll_wait(p->epoll, events, max < 256 ? max : 256, wait_ms);
    if (n < 0)
        return errno == EINTR ? 0 : error_system(error, errno, "epoll_wait");
    for (int i = 0; i < n; i++) {
        uint32_t e = events[i].events;
        out[i].fd = (int)(uint32_t)events[i].data.u64;
        out[i].tag = (uint32_t)(events[i].data.u64 >> 32);
        out[i].ready = (e & EPOLLIN ? POLLER_IN : 0u) | (e & EPOLLOUT ? POLLER_OUT : 0u) |
                       (e & (EPOLLERR | EPOLLHUP) ? POLLER_GONE : 0u);
    }
    return n;
}

#else

struct poller *poller_new(struct error *error)
{
    (void)error;
    return mem_zero(1, sizeof(struct poller));
}

void poller_free(struct poller *p)
{
    if (!p)
        return;
    mem_free(p->fds);
    mem_free(p);
}

int poller_set(struct poller *p, int fd, uint32_t tag, unsigned events, struct error *error)
{
    struct watched *w = slot(p, fd);
    (void)error;
    w->tag = tag;
    w->events = (uint8_t)events;
    return 0;
}

int poller_wait(struct poller *p, struct poller_event *out, int max, int wait_ms,
                struct error *error)
{
    struct pollfd *set = mem_zero(p->cap + 1, sizeof *set);
    nfds_t n = 0;
    int found = 0;
    for (size_t fd = 0; fd < p->cap; fd++) {
        unsigned e = p->fds[fd].events;
        if (e)
            set[n++] = (struct pollfd){.fd = (int)fd,
                                       .events = (short)((e & POLLER_IN ? POLLIN : 0) |
                                                         (e & POLLER_OUT ? POLLOUT : 0))};
    }
    int rc = poll(set, n, wait_ms);
    for (nfds_t i = 0; rc > 0 && i < n && found < max; i++) {
        short r = set[i].revents;
        if (r)
            out[found++] =
                (struct poller_event){.fd = set[i].fd,
                                      .tag = p->fds[set[i].fd].tag,
                                      .ready =
                                          (r & POLLIN ? POLLER_IN : 0u) |
                                          (r & POLLOUT ? POLLER_OUT : 0u) |
                                          (r & (POLLERR | POLLHUP | POLLNVAL) ? POLLER_GONE : 0u)};
    }
    mem_free(set);
    if (rc < 0 && errno != EINTR)
        return error_system(error, errno, "poll");
    return found;
}

#endif
