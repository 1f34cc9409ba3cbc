/*
 * Files: read whole with a maximum, replace atomically, walk lines, map read-only.
 */
#ifndef CORE_FILE_H
#define CORE_FILE_H

#include "core/buf.h"
#include "core/error.h"
#include "core/slice.h"

#include <stdbool.h>
#include <stdint.h>

/* Append the file to `out` (its max bounds it).  "-" is standard input. */
int file_read(const char *path, struct buf *out, struct error *error);

/*
 * Atomic replacement: write to a temporary beside the target, fsync, rename over it, fsync the
 * folder.  A reader sees the old file or the new one, never a part.
 *     struct file_new f;
 *     if (file_new_open(&f, path, error)) …; file_new_write(&f, p, n, error); …
 *     file_new_commit(&f, error)   or   file_new_abort(&f)
 */
struct file_new {
    int fd;
    char *target;
    char *temporary;
};
int file_new_open(struct file_new *f, const char *path, struct error *error);
int file_new_write(struct file_new *f, const void *data, size_t len, struct error *error);
int file_new_commit(struct file_new *f, struct error *error); /* aborts by itself on failure */
void file_new_abort(struct file_new *f);
int file_replace(const char *path, struct slice data, struct error *error); /* all in one */

/* Lines of a file or of standard input ("-"), each at most `max` bytes. */
struct file_lines;
struct file_lines *file_lines_open(const char *path, size_t max, struct error *error);
/* 1 and the line without its end (LF or CRLF; valid until the next call), 0 at the end, -1 on
 * failure.  A line over the maximum is skipped to its end and gives -1 with ERROR_LIMIT; the next
 * call goes on behind it. */
int file_lines_next(struct file_lines *f, struct slice *line, struct error *error);
uint64_t file_lines_number(const struct file_lines *f); /* of the line last returned, from 1 */
uint64_t file_lines_offset(const struct file_lines *f); /* bytes consumed so far */
void file_lines_close(struct file_lines *f);

/* A read-only mapping of a whole file. */
struct file_map {
    const unsigned char *data;
    size_t size;
};
int file_map(struct file_map *m, const char *path, struct error *error);
void file_unmap(struct file_map *m);

bool file_exists(const char *path);
bool file_is_dir(const char *path);
bool file_same(const char *a, const char *b);             /* two names of one file */
uint64_t file_size(const char *path);                     /* 0 where it cannot be told */
int file_make_dir(const char *path, struct error *error); /* with its parents; existing is fine */
int file_remove_tree(const char *path, struct error *error); /* a folder of ours and all in it */
/* "dir/name" as an allocated string (mem_free); an absolute name stays as it is. */
char *file_join(const char *dir, const char *name);
/* The folder part of a path, allocated; "." where it has none. */
char *file_dir(const char *path);
uint64_t file_free_space(const char *path); /* bytes a user may still write; 0 unknown */

#endif
