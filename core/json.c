#include "core/json.h"

#include "core/decimal.h"
#include "core/json_map.h"
#include "core/json_scan.h"
#include "core/mem.h"

#include <cJSON.h>

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A node is a cJSON item, with two readings of our own:
 *   cJSON_String with valueint SIZED: valuedouble is its length in bytes (it may hold NUL);
 *   cJSON_Raw: a number by its digits (past 2^53, or past the range of a double).
 */
enum { SIZED = 1 };

static const double largest_exact = 9007199254740992.0; /* 2^53 */

/* Where the tree goes that this thread is parsing; NULL: each piece by itself. */
static _Thread_local struct arena *into;

static void *piece_new(size_t size)
{
    return into != NULL ? arena_alloc(into, size) : mem_alloc(size);
}

static void piece_free(void *piece)
{
    if (into == NULL)
        mem_free(piece);
}

__attribute__((constructor)) static void use_our_memory(void)
{
    cJSON_Hooks hooks = {piece_new, piece_free};
    cJSON_InitHooks(&hooks);
}

static const cJSON *item_of(const struct json *node)
{
    return (const cJSON *)(const void *)node;
}

static cJSON *own(struct json *node)
{
    return (cJSON *)(void *)node;
}

static struct json *node_of(cJSON *item)
{
    return (struct json *)(void *)item;
}

static const struct json *view(const cJSON *item)
{
    return (const struct json *)(const void *)item;
}

static int kind(const cJSON *item)
{
    return item != NULL ? item->type & 0xFF : cJSON_Invalid;
}

/* ---- reading ---- */

static void apply_patch(cJSON *item, const struct json_patch *p)
{
    if (p->digits.data != NULL) {
        item->type = cJSON_Raw;
        item->valuestring = piece_new(p->digits.len + 1);
        memcpy(item->valuestring, p->digits.data, p->digits.len);
        item->valuestring[p->digits.len] = '\0';
    } else {
        item->valueint = SIZED;
        item->valuedouble = (double)p->length;
    }
}

/* Visit the tree in document order, as far as there are patches. */
static void apply_patches(cJSON *root, const struct json_scan *scan)
{
    cJSON *above[JSON_MAX_DEPTH], *item = root;
    size_t depth = 0, n = 0;
    for (size_t number = 0; item != NULL && n < scan->n_patches; number++) {
        if (scan->patches[n].value == number)
            apply_patch(item, &scan->patches[n++]);
        if (item->child != NULL) {
            above[depth++] = item;
            item = item->child;
            continue;
        }
        while (item->next == NULL && depth != 0)
            item = above[--depth];
        item = item->next;
    }
}

struct json *json_parse_mapped(struct slice text, unsigned flags, struct json_map **where,
                               struct error *error)
{
    struct json_scan scan;
    cJSON *root;
    if (json_scan(&scan, text, flags, where != NULL, error) != 0)
        return NULL;
    root = cJSON_ParseWithLengthOpts(scan.ready.data, scan.ready.len, NULL, 0);
    if (root == NULL) {
        error_set(error, ERROR_INPUT, "1:1: this JSON is larger than cJSON can read");
    } else {
        apply_patches(root, &scan);
        if (where != NULL)
            *where = json_map_new(view(root), text, scan.offsets, scan.n_offsets);
    }
    json_scan_free(&scan);
    return node_of(root);
}

struct json *json_parse(struct slice text, unsigned flags, struct error *error)
{
    return json_parse_mapped(text, flags, NULL, error);
}

const struct json *json_parse_in(struct arena *arena, struct slice text, unsigned flags,
                                 struct error *error)
{
    into = arena;
    const struct json *root = json_parse(text, flags, error);
    into = NULL;
    return root;
}

void json_free(struct json *root)
{
    cJSON_Delete(own(root));
}

/* ---- looking ---- */

enum json_type json_type(const struct json *node)
{
    switch (kind(item_of(node))) {
    case cJSON_NULL: return JSON_NULL;
    case cJSON_False: return JSON_FALSE;
    case cJSON_True: return JSON_TRUE;
    case cJSON_Number:
    case cJSON_Raw: return JSON_NUMBER;
    case cJSON_String: return JSON_STRING;
    case cJSON_Array: return JSON_ARRAY;
    case cJSON_Object: return JSON_OBJECT;
    default: return JSON_ABSENT;
    }
}

const char *json_type_name(enum json_type type)
{
    switch (type) {
    case JSON_NULL: return "null";
    case JSON_FALSE:
    case JSON_TRUE: return "boolean";
    case JSON_NUMBER: return "number";
    case JSON_STRING: return "string";
    case JSON_ARRAY: return "array";
    case JSON_OBJECT: return "object";
    case JSON_ABSENT: break;
    }
    return "nothing";
}

static cJSON *find(const cJSON *object, const char *key)
{
    cJSON *found = NULL;
    if (kind(object) != cJSON_Object || key == NULL)
        return NULL;
    for (cJSON *c = object->child; c != NULL; c = c->next)
        if (strcmp(c->string, key) == 0)
            found = c;
    return found;
}

const struct json *json_get(const struct json *object, const char *key)
{
    return view(find(item_of(object), key));
}

const struct json *json_first(const struct json *container)
{
    int k = kind(item_of(container));
    return k == cJSON_Array || k == cJSON_Object ? view(item_of(container)->child) : NULL;
}

const struct json *json_next(const struct json *child)
{
    return child != NULL ? view(item_of(child)->next) : NULL;
}

const char *json_key(const struct json *child)
{
    return child != NULL ? item_of(child)->string : NULL;
}

const struct json *json_at(const struct json *array, size_t index)
{
    const struct json *child = json_type(array) == JSON_ARRAY ? json_first(array) : NULL;
    while (child != NULL && index-- != 0)
        child = json_next(child);
    return child;
}

/* One step of json_path: `name` is a key, or an index when the container is an array. */
static const struct json *path_step(const struct json *node, const char *name, size_t len)
{
    if (json_type(node) == JSON_ARRAY) {
        size_t index = 0;
        for (size_t i = 0; i < len; i++) {
            if (name[i] < '0' || name[i] > '9' || index > SIZE_MAX / 20)
                return NULL;
            index = index * 10 + (size_t)(name[i] - '0');
        }
        return len != 0 ? json_at(node, index) : NULL;
    }
    const struct json *found = NULL;
    if (json_type(node) != JSON_OBJECT)
        return NULL;
    for (const struct json *c = json_first(node); c != NULL; c = json_next(c))
        if (strncmp(json_key(c), name, len) == 0 && json_key(c)[len] == '\0')
            found = c;
    return found;
}

const struct json *json_path(const struct json *root, const char *path)
{
    while (root != NULL && *path != '\0') {
        size_t len = strcspn(path, ".");
        root = path_step(root, path, len);
        path += len + (path[len] == '.');
    }
    return root;
}

size_t json_count(const struct json *container)
{
    size_t n = 0;
    for (const struct json *c = json_first(container); c != NULL; c = json_next(c))
        n++;
    return n;
}

struct slice json_string(const struct json *node)
{
    const cJSON *item = item_of(node);
    if (kind(item) != cJSON_String)
        return (struct slice){NULL, 0};
    if (item->valueint == SIZED)
        return slice_from(item->valuestring, (size_t)item->valuedouble);
    return slice_of(item->valuestring);
}

const char *json_text(const struct json *node, const char *fallback)
{
    return kind(item_of(node)) == cJSON_String ? item_of(node)->valuestring : fallback;
}

bool json_true(const struct json *node)
{
    return kind(item_of(node)) == cJSON_True;
}

double json_number(const struct json *node, double fallback)
{
    const cJSON *item = item_of(node);
    double x;
    if (kind(item) == cJSON_Number)
        return item->valuedouble;
    if (kind(item) != cJSON_Raw)
        return fallback;
    x = strtod(item->valuestring, NULL);
    return isfinite(x) ? x : fallback;
}

int json_integer(const struct json *node, int64_t *out)
{
    const cJSON *item = item_of(node);
    if (kind(item) == cJSON_Number) {
        double x = item->valuedouble;
        if (!(x >= -0x1p63 && x < 0x1p63) || x != trunc(x))
            return -1;
        *out = (int64_t)x;
        return 0;
    }
    if (kind(item) == cJSON_Raw) {
        char *end;
        intmax_t x;
        errno = 0;
        x = strtoimax(item->valuestring, &end, 10);
        if (*end != '\0' || errno != 0 || x < INT64_MIN || x > INT64_MAX)
            return -1;
        *out = (int64_t)x;
        return 0;
    }
    return -1;
}

int json_number_text(const struct json *node, struct buf *out)
{
    const cJSON *item = item_of(node);
    if (kind(item) == cJSON_Raw)
        return buf_str(out, item->valuestring);
    if (kind(item) == cJSON_Number)
        return decimal_write_double(item->valuedouble, out);
    return -1;
}

bool json_is_double(const struct json *node)
{
    return kind(item_of(node)) == cJSON_Number;
}

/* ---- making ---- */

struct json *json_new_object(void)
{
    return node_of(cJSON_CreateObject());
}

struct json *json_new_array(void)
{
    return node_of(cJSON_CreateArray());
}

struct json *json_new_string(struct slice s)
{
    /* cJSON measures by strlen; the bytes and the length are put in by hand. */
    cJSON *item = cJSON_CreateNull();
    item->type = cJSON_String;
    item->valuestring = mem_strndup(s.data != NULL ? s.data : "", s.len);
    item->valueint = SIZED;
    item->valuedouble = (double)s.len;
    return node_of(item);
}

struct json *json_new_number(double x)
{
    return node_of(isfinite(x) ? cJSON_CreateNumber(x) : cJSON_CreateNull());
}

struct json *json_new_integer(int64_t x)
{
    char digits[24];
    if ((double)x >= -largest_exact && (double)x <= largest_exact)
        return node_of(cJSON_CreateNumber((double)x));
    (void)snprintf(digits, sizeof digits, "%" PRId64, x);
    return node_of(cJSON_CreateRaw(digits));
}

struct json *json_new_bool(bool x)
{
    return node_of(cJSON_CreateBool(x));
}

struct json *json_new_null(void)
{
    return node_of(cJSON_CreateNull());
}

struct json *json_copy(const struct json *node)
{
    const cJSON *item = item_of(node);
    cJSON *copy;
    switch (kind(item)) {
    case cJSON_Invalid: return NULL;
    case cJSON_String: return json_new_string(json_string(node));
    case cJSON_Raw: return node_of(cJSON_CreateRaw(item->valuestring));
    case cJSON_Array:
    case cJSON_Object: break;
    default: return node_of(cJSON_Duplicate(item, 0));
    }
    copy = kind(item) == cJSON_Array ? cJSON_CreateArray() : cJSON_CreateObject();
    for (const cJSON *c = item->child; c != NULL; c = c->next) {
        cJSON *child = own(json_copy(view(c)));
        if (kind(item) == cJSON_Array)
            cJSON_AddItemToArray(copy, child);
        else
            cJSON_AddItemToObject(copy, c->string, child);
    }
    return node_of(copy);
}

void json_put(struct json *object, const char *key, struct json *value)
{
    cJSON *old = find(own(object), key), *item = own(value);
    if (item == NULL)
        return;
    if (kind(own(object)) != cJSON_Object) {
        cJSON_Delete(item);
    } else if (old == NULL) {
        cJSON_AddItemToObject(own(object), key, item);
    } else if (old != item) {
        char *name = mem_strdup(key); /* may be the key of the old item */
        cJSON_ReplaceItemViaPointer(own(object), old, item);
        mem_free(item->string);
        item->string = name;
    }
}

void json_push(struct json *array, struct json *value)
{
    if (kind(own(array)) == cJSON_Array)
        cJSON_AddItemToArray(own(array), own(value));
    else
        cJSON_Delete(own(value));
}

void json_put_text(struct json *object, const char *key, const char *text)
{
    json_put(object, key, text != NULL ? json_new_string(slice_of(text)) : json_new_null());
}

void json_put_string(struct json *object, const char *key, struct slice s)
{
    json_put(object, key, json_new_string(s));
}

void json_put_number(struct json *object, const char *key, double x)
{
    json_put(object, key, json_new_number(x));
}

void json_put_integer(struct json *object, const char *key, int64_t x)
{
    json_put(object, key, json_new_integer(x));
}

void json_put_bool(struct json *object, const char *key, bool x)
{
    json_put(object, key, json_new_bool(x));
}

void json_remove(struct json *object, const char *key)
{
    struct json *old;
    while ((old = json_take(object, key)) != NULL)
        json_free(old);
}

struct json *json_take(struct json *object, const char *key)
{
    cJSON *old = find(own(object), key);
    return old != NULL ? node_of(cJSON_DetachItemViaPointer(own(object), old)) : NULL;
}

struct json *json_edit(struct json *object, const char *key)
{
    return node_of(find(own(object), key));
}

struct json *json_edit_first(struct json *container)
{
    return json_first(container) != NULL ? node_of(own(container)->child) : NULL;
}

struct json *json_edit_next(struct json *child)
{
    return child != NULL ? node_of(own(child)->next) : NULL;
}

const char *json_library(void)
{
    return cJSON_Version();
}
