/*
 * Rules that look at all rows: what they share.  Such a rule is given the index of the rows that
 * duplicate detection made, walks the texts it needs, and adds its verdicts to the ledger.
 *
 * A row lives while no rule removes it (index_lives).  Rows judged by an earlier run and rows of
 * another dataset are settled (index_settled): they can be the reason why a new row goes, but
 * nothing is said about them.
 */
#ifndef FILTER_WIDE_H
#define FILTER_WIDE_H

#include "core/error.h"
#include "core/pool.h"
#include "core/recipe.h"
#include "corpus/corpus.h"
#include "corpus/samples.h"
#include "filter/chosen.h"
#include "filter/index.h"
#include "filter/ledger.h"

#include <stdbool.h>

struct wide {
    const struct chosen *chosen;
    const struct recipe *recipe;
    struct index *x;                 /* entries by id; those of the other dataset behind ours */
    struct corpus *corpus, *foreign; /* foreign: of INDEX_FOREIGN rows, may be NULL */
    struct pool *pool;
    struct ledger *ledger;
    bool dry_run; /* write nothing into the dataset */
    bool whole;   /* wide_texts: fill `sample` too */
};

#define WIDE_NONE UINT32_MAX
enum { WIDE_ROWS = 2048, WIDE_BYTES = 8 << 20 };

/* The row of a sample of this dataset; WIDE_NONE. */
uint32_t wide_row(const struct wide *w, int64_t id);
/* The living rows in order of preference (filter/dedup.h), allocated. */
uint32_t *wide_order(const struct wide *w, size_t *n);
/* Does filter.rules hold that name of a rule that looks at all rows? */
bool wide_chosen(const struct wide *w, const char *rule);
/* The action at a path of the recipe: "remove" or "flag". */
enum verdict_action wide_action(const struct wide *w, const char *path);

/* A row with its texts, valid until the call returns. */
struct wide_text {
    uint32_t row;                /* of the index */
    struct slice prompt, output; /* output: the reply without white space at its ends */
    struct sample sample;        /* where w->whole */
};

/* Walk the rows with want[row] != 0, ours by id and then the foreign ones, in batches cut by rows
 * and bytes.  fn: 0 to go on, -1 with the error set. */
typedef int wide_fn(void *context, const struct wide_text *rows, size_t n, struct error *error);
int wide_texts(const struct wide *w, const unsigned char *want, wide_fn *fn, void *context,
               struct error *error);

/* A verdict on a row because of another, or of none (WIDE_NONE); removing marks the row. */
struct wide_verdict {
    const char *rule;
    int version;
    enum verdict_action action;
    uint32_t row, match;
    double value, threshold, similarity; /* NAN: none */
    const char *words; /* "nearly the words of": before "sample 7"; the whole reason without one */
};
int wide_put(const struct wide *w, const struct wide_verdict *v, struct error *error);

#endif
