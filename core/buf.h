/*
 * A growable byte buffer with a maximum.
 *
 * Adding past the maximum fails, keeps what was there and sets `full`, which stays set until
 * buf_clear: a caller may add many pieces and look once at the end.  `data` is always
 * NUL-terminated (the NUL is not counted).
 *
 *     struct buf b = BUF_MAX(1 << 20);      or BUF for no limit of its own (1 GiB)
 *     buf_str(&b, "x = "); buf_printf(&b, "%d", 3);
 *     if (b.full) ...
 *     buf_free(&b);
 */
#ifndef CORE_BUF_H
#define CORE_BUF_H

#include "core/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
    char *data;
    size_t len;
    size_t cap;
    size_t max;
    bool full;
};

#define BUF_MAX(limit) ((struct buf){NULL, 0, 0, (limit), false})
#define BUF            BUF_MAX((size_t)1 << 30)

int buf_add(struct buf *b, const void *data, size_t len); /* 0, or -1 when the maximum is passed */
int buf_slice(struct buf *b, struct slice s);
int buf_str(struct buf *b, const char *text);
int buf_char(struct buf *b, char c);
int buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Room for `len` more bytes at data+len; the caller writes them and adds to len itself. */
int buf_reserve(struct buf *b, size_t len);
/* A code point as UTF-8 (surrogates and values past U+10FFFF become U+FFFD). */
int buf_utf8(struct buf *b, uint32_t code);
void buf_clear(struct buf *b); /* empty, memory kept */
void buf_free(struct buf *b);  /* empty, memory gone */
char *buf_take(struct buf *b); /* the bytes, NUL-terminated, now the caller's (mem_free) */
struct slice buf_view(const struct buf *b); /* valid until the next change */
const char *buf_text(const struct buf *b);  /* "" when nothing was added */

#endif
