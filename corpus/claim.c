#include "corpus/claim.h"

#include "core/buf.h"
#include "core/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct claim {
    char *name;
    int fd;
};

/* Between open and lock the last holder may have taken the name away: then the lock is on
 * nothing anybody else will find. */
static bool still_named(const struct claim *c)
{
    struct stat opened, named;
    return fstat(c->fd, &opened) == 0 && stat(c->name, &named) == 0 &&
           opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

static int lock_once(struct claim *c, const char *path, const char *stage, struct error *error)
{
    c->fd = open(c->name, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (c->fd < 0)
        return error_system(error, errno, "%s", c->name);
    if (flock(c->fd, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK
                   ? error_set(error, ERROR_BUSY,
                               "%s: held by another process (a %s that is still running); wait "
                               "for it to end or stop it",
                               path, stage)
                   : error_system(error, errno, "%s", c->name);
    return 0;
}

struct claim *claim_take(const char *path, const char *stage, struct error *error)
{
    struct claim *c = mem_zero(1, sizeof *c);
    struct buf name = BUF;
    buf_printf(&name, "%s-%s.lock", path, stage);
    c->name = buf_take(&name);
    for (;;) {
        if (lock_once(c, path, stage, error) != 0)
            break;
        if (still_named(c))
            return c;
        close(c->fd);
    }
    if (c->fd >= 0)
        close(c->fd);
    mem_free(c->name);
    mem_free(c);
    return NULL;
}

bool claim_held(const char *path, const char *stage)
{
    struct buf name = BUF;
    bool held = false;
    int fd;
    buf_printf(&name, "%s-%s.lock", path, stage);
    fd = open(buf_text(&name), O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        held = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
        close(fd);
    }
    buf_free(&name);
    return held;
}

void claim_release(struct claim *c)
{
    if (c == NULL)
        return;
    (void)unlink(c->name);
    close(c->fd);
    mem_free(c->name);
    mem_free(c);
}
