#include "filter/fence.h"

#include "filter/text.h"

#include <string.h>

static size_t run_of(struct slice s, char c)
{
    size_t n = 0;
    while (n < s.len && s.data[n] == c)
        n++;
    return n;
}

/* Length of the opening fence of the line, 0 for none. */
static size_t opens(struct slice line, char *mark, struct slice *info)
{
    const struct slice t = text_skip_space(line);
    const char c = t.len > 0 ? t.data[0] : '\0';
    const size_t n = c == '`' || c == '~' ? run_of(t, c) : 0;
    if (n < 3)
        return 0;
    *info = slice_trim(slice_sub(t, n, t.len - n));
    if (c == '`' && info->len > 0 && memchr(info->data, '`', info->len) != NULL)
        return 0;
    *mark = c;
    return n;
}

static bool closes(struct slice line, char mark, size_t n)
{
    const struct slice t = slice_trim(line);
    size_t at = t.len;
    while (at > 0 && t.data[at - 1] == mark)
        at--;
    if (t.len - at < n)
        return false;
    return at == 0 || (mark == '`' && t.len - at == 3);
}

bool fence_next(struct slice text, size_t *at, struct fence *out)
{
    struct slice line;
    size_t n = 0, next = *at;
    char mark = '\0';
    if (*at >= text.len)
        return false;
    while (n == 0) {
        if (!text_line(text, &next, &line)) {
            *at = text.len;
            return false;
        }
        n = opens(line, &mark, &out->info);
    }
    out->from = (size_t)(line.data - text.data);
    out->content = slice_sub(text, next, text.len - next);
    out->closed = false;
    while (!out->closed && text_line(text, &next, &line)) {
        out->closed = closes(line, mark, n);
        if (out->closed)
            out->content.len = (size_t)(line.data - out->content.data);
    }
    out->to = *at = next;
    return true;
}
