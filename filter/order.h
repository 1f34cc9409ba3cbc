/*
 * The order of preference among rows (see filter/dedup.h), and sorting with a context.
 */
#ifndef FILTER_ORDER_H
#define FILTER_ORDER_H

#include "filter/chosen.h"
#include "filter/index.h"

struct order {
    const struct chosen *chosen;
    const struct index_entry *entries;
};

/* < 0: row a is preferred. */
int order_compare(const struct order *o, uint32_t a, uint32_t b);

typedef int order_fn(const void *context, uint32_t a, uint32_t b);
/* A stable merge sort; rows that compare equal stay in their order. */
void order_sort(uint32_t *rows, size_t n, order_fn *compare, const void *context);

/* Rows by preference: as order_sort with order_compare, but most are told apart by one number. */
void order_rows(const struct order *o, uint32_t *rows, size_t n);

#endif
