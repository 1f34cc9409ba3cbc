#include "core/buf.h"

#include "core/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int buf_reserve(struct buf *b, size_t len)
{
    size_t need, cap;
    if (b->full || len > b->max || b->len > b->max - len) {
        b->full = true;
        return -1;
    }
    need = b->len + len + 1;
    if (need <= b->cap)
        return 0;
    cap = b->cap != 0 ? b->cap : 64;
    while (cap < need)
        cap += cap / 2 + 16;
    b->data = mem_grow(b->data, cap, 1);
    b->cap = cap;
    b->data[b->len] = '\0';
    return 0;
}

int buf_add(struct buf *b, const void *data, size_t len)
{
    if (buf_reserve(b, len) != 0)
        return -1;
    if (len != 0)
        memcpy(b->data + b->len, data, len);
    b->len += len;
    b->data[b->len] = '\0';
    return 0;
}

int buf_slice(struct buf *b, struct slice s)
{
    return buf_add(b, s.data, s.len);
}

int buf_str(struct buf *b, const char *text)
{
    return buf_add(b, text, strlen(text));
}

int buf_char(struct buf *b, char c)
{
    return buf_add(b, &c, 1);
}

int buf_printf(struct buf *b, const char *format, ...)
{
    va_list ap, again;
    int n;
    va_start(ap, format);
    va_copy(again, ap);
    n = vsnprintf(NULL, 0, format, ap);
    va_end(ap);
    if (n < 0 || buf_reserve(b, (size_t)n) != 0) {
        va_end(again);
        b->full = true;
        return -1;
    }
    (void)vsnprintf(b->data + b->len, (size_t)n + 1, format, again);
    va_end(again);
    b->len += (size_t)n;
    return 0;
}

int buf_utf8(struct buf *b, uint32_t code)
{
    unsigned char c[4];
    size_t n;
    if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
        code = 0xFFFD;
    if (code < 0x80) {
        c[0] = (unsigned char)code;
        n = 1;
    } else if (code < 0x800) {
        c[0] = (unsigned char)(0xC0 | code >> 6);
        n = 2;
    } else if (code < 0x10000) {
        c[0] = (unsigned char)(0xE0 | code >> 12);
        n = 3;
    } else {
        c[0] = (unsigned char)(0xF0 | code >> 18);
        n = 4;
    }
    for (size_t i = 1; i < n; i++)
        c[i] = (unsigned char)(0x80 | (code >> (6 * (n - 1 - i)) & 0x3F));
    return buf_add(b, c, n);
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->full = false;
    if (b->data != NULL)
        b->data[0] = '\0';
}

void buf_free(struct buf *b)
{
    mem_free(b->data);
    b->data = NULL;
    b->len = b->cap = 0;
    b->full = false;
}

char *buf_take(struct buf *b)
{
    char *data = b->data != NULL ? b->data : mem_strdup("");
    b->data = NULL;
    b->len = b->cap = 0;
    b->full = false;
    return data;
}

struct slice buf_view(const struct buf *b)
{
    return (struct slice){buf_text(b), b->len};
}

const char *buf_text(const struct buf *b)
{
    return b->data != NULL ? b->data : "";
}
