/* Where the nodes of a parsed tree stood; made by core/json.c, asked through core/json.h. */
#ifndef CORE_JSON_MAP_H
#define CORE_JSON_MAP_H

#include "core/json.h"

/* offsets: one for each node in document order, ascending. */
struct json_map *json_map_new(const struct json *root, struct slice text, const size_t *offsets,
                              size_t n);

#endif
