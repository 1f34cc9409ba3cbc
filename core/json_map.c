#include "core/json_map.h"

#include "core/json_scan.h"
#include "core/mem.h"

#include <stdlib.h>

struct place {
    const struct json *node;
    int line, column;
};

struct json_map {
    size_t n;
    struct place *places; /* by address of the node */
};

static int compare_places(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    return (x->node > y->node) - (x->node < y->node);
}

/* The nodes in document order. */
static void list_nodes(struct json_map *map, const struct json *root, size_t n)
{
    const struct json *above[JSON_MAX_DEPTH], *node = root;
    size_t depth = 0;
    while (node != NULL && map->n < n) {
        const struct json *next = json_first(node);
        map->places[map->n++].node = node;
        if (next != NULL && depth < JSON_MAX_DEPTH) {
            above[depth++] = node;
        } else {
            next = node != root ? json_next(node) : NULL;
            while (next == NULL && depth != 0) {
                const struct json *parent = above[--depth];
                next = parent != root ? json_next(parent) : NULL;
            }
        }
        node = next;
    }
}

struct json_map *json_map_new(const struct json *root, struct slice text, const size_t *offsets,
                              size_t n)
{
    struct json_map *map = mem_zero(1, sizeof *map);
    int line = 1, column = 1;
    size_t at = 0;
    map->places = mem_zero(n, sizeof *map->places);
    list_nodes(map, root, n);
    for (size_t i = 0; i < map->n; i++) {
        json_scan_walk(text, at, offsets[i], &line, &column);
        at = offsets[i];
        map->places[i].line = line;
        map->places[i].column = column;
    }
    qsort(map->places, map->n, sizeof *map->places, compare_places);
    return map;
}

bool json_where(const struct json_map *where, const struct json *node, int *line, int *column)
{
    struct place key = {node, 0, 0};
    const struct place *found;
    if (where == NULL || node == NULL)
        return false;
    found = bsearch(&key, where->places, where->n, sizeof key, compare_places);
    if (found == NULL)
        return false;
    *line = found->line;
    *column = found->column;
    return true;
}

void json_map_free(struct json_map *where)
{
    if (where == NULL)
        return;
    mem_free(where->places);
    mem_free(where);
}
