/*
 * A lane: one teacher, its pacing, and the requests that wait for it.
 */
#ifndef GEN_LANE_H
#define GEN_LANE_H

#include "gen/item.h"
#include "net/endpoint.h"
#include "net/pace.h"

#include <stddef.h>
#include <stdint.h>

struct lane {
    struct endpoint *teacher;
    int number;
    int64_t teacher_id;
    struct pace pace;
    struct items ready;    /* fresh, in the order of the plan */
    struct items again;    /* due retries: before fresh ones */
    struct items alone;    /* of a lane in batch mode: what goes out by itself all the same */
    struct items cleared;  /* reservation committed */
    size_t reserving;      /* reservation being committed */
    int unstored;          /* replies that came and are not committed yet: a kill would lose them */
    struct item **retries; /* heap by due time */
    size_t n_retries, cap_retries;
    bool had_good; /* a good reply in this run */
    int64_t last_good_ns, first_bad_ns, told_to_wait_ns;
    uint64_t failures_in_row, refused_requests_in_row;
};

void lane_init(struct lane *l, struct endpoint *teacher, int number, int64_t now_ns);
void lane_free(struct lane *l); /* and the items in it */
/* Put aside until i->due_ns. */
void lane_retry(struct lane *l, struct item *i);
/* Move what is due to `again`; the next due time, or INT64_MAX. */
int64_t lane_due(struct lane *l, int64_t now_ns);
size_t lane_waiting(const struct lane *l); /* ready, again, cleared, retries */

#endif
