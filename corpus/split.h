/*
 * The held-out split: which rows the student never sees.
 *
 * A row is held out when the hash of its group, read as a fraction of 2^64, lies below the wanted
 * share.  So the split needs no stored list, is the same in train and eval, whatever the order of
 * the rows, and a new row never moves an old one.
 *
 * Rows that ask the same thing belong to one group, so that no reply to a held-out prompt is
 * trained on.  A group is the instruction (case and spacing set aside); where one instruction
 * carries more than a tenth of all rows (a fixed task with changing input), its rows are grouped
 * by instruction, input and earlier turns instead.
 */
#ifndef CORPUS_SPLIT_H
#define CORPUS_SPLIT_H

#include "corpus/samples.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct split_row {
    uint64_t instruction; /* hash of the instruction alone */
    uint64_t prompt;      /* hash of all that is asked */
};

/* The two hashes of a sample. */
struct split_row split_row(const struct sample *s);

/* Set held[i] for each of n rows.  share 0: none, below 1.  Where the hashes would leave one side
 * empty although there are two groups or more, the group nearest the border changes sides.
 * Returns how many are held out. */
size_t split_assign(const struct split_row *rows, size_t n, double share, bool *held);

#endif
