/*
 * Sorting records by a 64-bit hash that comes first in them.  Hashes are evenly spread, so one
 * pass of buckets by their top bits leaves runs of a few, which insertion sorts.
 */
#ifndef FILTER_HASHSORT_H
#define FILTER_HASHSORT_H

#include <stddef.h>
#include <stdint.h>

/* Ascending. */
void hashsort_keys(uint64_t *keys, size_t n);

/* A hash and what goes with it; equal hashes come with the larger `kind` first. */
struct hashsort_pair {
    uint64_t hash;
    uint32_t kind, rest;
};
void hashsort_pairs(struct hashsort_pair *items, size_t n);

#endif
