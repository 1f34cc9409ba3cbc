#include "core/file.h"

#include "core/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { READ_BYTES = 64 * 1024 };

static int open_input(const char *path)
{
    return strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
}

static ssize_t read_again(int fd, void *data, size_t len)
{
    ssize_t n;
    do {
        n = read(fd, data, len);
    } while (n < 0 && errno == EINTR);
    return n;
}

static int read_all(int fd, const char *path, struct buf *out, struct error *error)
{
    char chunk[READ_BYTES];
    ssize_t n;
    while ((n = read_again(fd, chunk, sizeof chunk)) > 0)
        if (buf_add(out, chunk, (size_t)n) != 0)
            return error_set(error, ERROR_LIMIT, "%s: larger than %zu bytes", path, out->max);
    return n == 0 ? 0 : error_system(error, errno, "%s: cannot read", path);
}

int file_read(const char *path, struct buf *out, struct error *error)
{
    int rc, fd = open_input(path);
    if (fd < 0)
        return error_system(error, errno, "%s: cannot open", path);
    rc = read_all(fd, path, out, error);
    if (fd != STDIN_FILENO)
        close(fd);
    return rc;
}

int file_new_open(struct file_new *f, const char *path, struct error *error)
{
    const size_t size = strlen(path) + 32;
    f->target = mem_strdup(path);
    f->temporary = mem_alloc(size);
    (void)snprintf(f->temporary, size, "%s.new-%ld", path, (long)getpid());
    f->fd = open(f->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (f->fd < 0) {
        error_system(error, errno, "%s: cannot create", f->temporary);
        file_new_abort(f);
        return -1;
    }
    return 0;
}

int file_new_write(struct file_new *f, const void *data, size_t len, struct error *error)
{
    const char *p = data;
    while (len != 0) {
        const ssize_t n = write(f->fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_system(error, errno, "%s: cannot write", f->target);
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

static int sync_folder(const char *path, struct error *error)
{
    char *dir = file_dir(path);
    int rc = 0, fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    /* Some file systems cannot sync a folder and say EINVAL; the rename stands all the same. */
    if (fd < 0 || (fsync(fd) != 0 && errno != EINVAL))
        rc = error_system(error, errno, "%s: cannot sync the folder", dir);
    if (fd >= 0)
        close(fd);
    mem_free(dir);
    return rc;
}

int file_new_commit(struct file_new *f, struct error *error)
{
    int rc = 0;
    if (fsync(f->fd) != 0)
        rc = error_system(error, errno, "%s: cannot write", f->target);
    if (close(f->fd) != 0 && rc == 0)
        rc = error_system(error, errno, "%s: cannot write", f->target);
    f->fd = -1;
    if (rc == 0 && rename(f->temporary, f->target) != 0)
        rc = error_system(error, errno, "%s: cannot replace", f->target);
    if (rc == 0) {
        rc = sync_folder(f->target, error);
        mem_free(f->temporary); /* renamed: nothing to remove */
        f->temporary = NULL;
    }
    file_new_abort(f);
    return rc;
}

void file_new_abort(struct file_new *f)
{
    if (f->fd >= 0)
        close(f->fd);
    if (f->temporary != NULL)
        (void)unlink(f->temporary);
    mem_free(f->temporary);
    mem_free(f->target);
    *f = (struct file_new){-1, NULL, NULL};
}

int file_replace(const char *path, struct slice data, struct error *error)
{
    struct file_new f;
    if (file_new_open(&f, path, error) != 0)
        return -1;
    if (file_new_write(&f, data.data, data.len, error) != 0) {
        file_new_abort(&f);
        return -1;
    }
    return file_new_commit(&f, error);
}

int file_map(struct file_map *m, const char *path, struct error *error)
{
    struct stat st;
    void *p = NULL;
    int rc = -1, fd = open(path, O_RDONLY | O_CLOEXEC);
    *m = (struct file_map){NULL, 0};
    if (fd < 0)
        return error_system(error, errno, "%s: cannot open", path);
    if (fstat(fd, &st) != 0)
        error_system(error, errno, "%s: cannot read", path);
    else if (!S_ISREG(st.st_mode))
        error_set(error, ERROR_INPUT, "%s: not a regular file", path);
    else if (st.st_size > 0 &&
             (p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0)) == MAP_FAILED)
        error_system(error, errno, "%s: cannot map", path);
    else
        rc = 0;
    close(fd);
    if (rc == 0)
        *m = (struct file_map){p, (size_t)st.st_size};
    return rc;
}

void file_unmap(struct file_map *m)
{
    union {
        const unsigned char *in;
        void *out;
    } p = {m->data}; /* munmap takes a pointer that is not const */
    if (m->data != NULL)
        (void)munmap(p.out, m->size);
    *m = (struct file_map){NULL, 0};
}

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

bool file_same(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

bool file_is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

uint64_t file_size(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && st.st_size > 0 ? (uint64_t)st.st_size : 0;
}

int file_make_dir(const char *path, struct error *error)
{
    char *copy = mem_strdup(path);
    int rc = 0;
    for (char *p = copy + 1; *copy != '\0' && rc == 0; p++) {
        const char c = *p;
        if (c != '/' && c != '\0')
            continue;
        *p = '\0';
        if (mkdir(copy, 0777) != 0 && !file_is_dir(copy))
            rc = error_system(error, errno, "%s: cannot make the folder", copy);
        *p = c;
        if (c == '\0')
            break;
    }
    mem_free(copy);
    return rc;
}

static int remove_one(const char *path, struct error *error)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return errno == ENOENT ? 0 : error_system(error, errno, "%s: cannot remove", path);
    if (S_ISDIR(st.st_mode))
        return file_remove_tree(path, error);
    if (unlink(path) != 0 && errno != ENOENT)
        return error_system(error, errno, "%s: cannot remove", path);
    return 0;
}

int file_remove_tree(const char *path, struct error *error)
{
    struct dirent *entry;
    int rc = 0;
    DIR *dir = opendir(path);
    if (dir == NULL)
        return errno == ENOENT ? 0 : error_system(error, errno, "%s: cannot remove", path);
    while (rc == 0 && (entry = readdir(dir)) != NULL) {
        char *child;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        child = file_join(path, entry->d_name);
        rc = remove_one(child, error);
        mem_free(child);
    }
    closedir(dir);
    if (rc == 0 && rmdir(path) != 0)
        rc = error_system(error, errno, "%s: cannot remove", path);
    return rc;
}

char *file_join(const char *dir, const char *name)
{
    struct buf b = BUF;
    if (name[0] != '/' && dir[0] != '\0' && strcmp(dir, ".") != 0) {
        buf_str(&b, dir);
        if (b.data[b.len - 1] != '/')
            buf_char(&b, '/');
    }
    buf_str(&b, name);
    return buf_take(&b);
}

char *file_dir(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        return mem_strdup(".");
    return mem_strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

uint64_t file_free_space(const char *path)
{
    struct statvfs st;
    char *dir;
    int rc = statvfs(path, &st);
    if (rc != 0) {
        dir = file_dir(path);
        rc = statvfs(dir, &st);
        mem_free(dir);
    }
    return rc == 0 ? (uint64_t)st.f_bavail * (uint64_t)st.f_frsize : 0;
}
