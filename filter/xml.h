/*
 * Is a text a well-formed XML 1.0 document?  One root, tags that nest, quoted attributes that are
 * given once, known entities, comments, CDATA, processing instructions and a DOCTYPE (whose inside
 * is skipped).  Names are taken by their bytes; no DTD is read.
 */
#ifndef FILTER_XML_H
#define FILTER_XML_H

#include "core/slice.h"

#include <stdbool.h>
#include <stddef.h>

enum { XML_DEPTH = 256, XML_ATTRIBUTES = 64 };

/* False: *why says what is wrong, *at where. */
bool xml_well_formed(struct slice text, const char **why, size_t *at);

#endif
