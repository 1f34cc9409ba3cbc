/*
 * The demo's world: everyday text jobs with answers known by construction.
 *
 * A task makes an input and its exact answer from random draws; its wordings say what to do.  The
 * splits cannot overlap: an item belongs to the split its input's hash falls into, and the
 * wordings of the split "unseen" are used nowhere else.
 */
#ifndef DEMO_TASK_H
#define DEMO_TASK_H

#include "core/buf.h"
#include "core/rng.h"

/* The three input-free parts of a task, and its maker. */
struct task {
    const char *name;
    const char *grader;               /* as `retort eval` calls it */
    const char *const *wordings;      /* NULL-ended: how it is asked for */
    const char *const *rare_wordings; /* NULL-ended: split "unseen" only */
    void (*make)(struct rng *r, struct buf *input, struct buf *answer);
};

extern const struct task task_triage, task_date, task_extract, task_sentiment, task_convert,
    task_sort, task_redact, task_title;
extern const struct task *const tasks[]; /* NULL-ended */

/* Draws from word lists. */
const char *pick_word(struct rng *r, const char *const *list); /* of a NULL-ended list */
int pick_between(struct rng *r, int least, int most);          /* both included */

extern const char *const words_first[],
    *const words_last[], *const words_product[],
                             *const words_month[], *const words_thing[], *const words_city[],
                                                                             *const words_domain[];

#endif
