#include "net/batches.h"

#include <string.h>

int batches_id(const struct json *node, char id[BATCHES_ID])
{
    struct slice s = json_string(node);
    id[0] = '\0';
    if (!s.len || s.len >= BATCHES_ID || s.data[0] == '.')
        return -1;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '_' || c == '.'))
            return -1;
    }
    memcpy(id, s.data, s.len);
    id[s.len] = '\0';
    return 0;
}

int batches_page(struct slice body, void (*one)(const struct json *node, struct net_batch *out),
                 void (*fn)(void *context, const struct net_batch *b), void *context,
                 char next[BATCHES_ID])
{
    struct json *root = json_parse(body, JSON_REPAIR, NULL);
    const struct json *data = json_get(root, "data");
    struct net_batch b = {.id = ""};
    int n = 0;
    next[0] = '\0';
    if (json_type(data) != JSON_ARRAY) {
        json_free(root);
        return -1;
    }
    for (const struct json *d = json_first(data); d; d = json_next(d), n++) {
        memset(&b, 0, sizeof b);
        one(d, &b);
        if (b.id[0])
            fn(context, &b);
    }
    if (json_true(json_get(root, "has_more")) && batches_id(json_get(root, "last_id"), next) && n)
        memcpy(next, b.id, sizeof b.id);
    json_free(root);
    return n;
}

/* ---- bytes as they stand --------------------------------------------------------------------- */

static const char *blanks(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
        p++;
    return p;
}

/* Behind the string that begins at p. */
static const char *over_string(const char *p, const char *end)
{
    for (p++; p < end && *p != '"'; p++)
        if (*p == '\\')
            p++;
    return p < end ? p + 1 : end;
}

/* Behind the value that begins at p. */
static const char *over_value(const char *p, const char *end)
{
    int depth = 0;
    while (p < end) {
        if (*p == '"') {
            p = over_string(p, end);
        } else if (*p == '{' || *p == '[') {
            depth++;
            p++;
        } else if (*p == '}' || *p == ']') {
            if (!depth)
                return p;
            depth--;
            p++;
        } else if (!depth && (*p == ',' || *p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) {
            return p;
        } else {
            p++;
            continue;
        }
        if (!depth)
            return p;
    }
    return end;
}

/* The value of the last member of that name of the object that is the text. */
static struct slice member(struct slice text, const char *name, size_t len)
{
    const char *p = text.data, *end = text.data + text.len;
    struct slice found = {NULL, 0};
    p = text.len ? blanks(p, end) : end;
    if (p >= end || *p != '{')
        return found;
    for (p = blanks(p + 1, end); p < end && *p == '"';) {
        const char *key = p, *after = over_string(p, end);
        p = blanks(after, end);
        if (p >= end || *p != ':')
            break;
        p = blanks(p + 1, end);
        const char *value = p;
        p = over_value(p, end);
        if ((size_t)(after - key) == len + 2 && !memcmp(key + 1, name, len))
            found = slice_from(value, (size_t)(p - value));
        p = blanks(p, end);
        if (p < end && *p == ',')
            p = blanks(p + 1, end);
    }
    return found;
}

struct slice batches_raw(struct slice text, const char *path)
{
    while (text.data && *path) {
        size_t n = strcspn(path, ".");
        text = member(text, path, n);
        path += n + (path[n] == '.');
    }
    return text;
}
