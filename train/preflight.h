/*
 * The preflight: what a run will take in memory, disk and time, before it takes it.
 *
 * Memory is counted from shapes (model_memory) and compared with what the system says it can still
 * give: MemAvailable, or the rest of the cgroup's limit where that is less.  Time is the
 * floating-point work of the whole course over the rate of a matrix product timed here, times the
 * share of that rate a step is known to reach.
 */
#ifndef TRAIN_PREFLIGHT_H
#define TRAIN_PREFLIGHT_H

#include "core/error.h"
#include "core/json.h"
#include "train/course.h"
#include "train/settings.h"

#include <stdint.h>

struct preflight {
    struct model_memory memory;
    int64_t rows;       /* bytes of the tokenised rows */
    int64_t teacher;    /* of memory.total, what a teacher beside the student takes */
    int64_t available;  /* 0: not known */
    int64_t checkpoint; /* bytes of one checkpoint */
    int64_t disk;       /* bytes that checkpoints and export take at most */
    int64_t disk_free;  /* 0: not known */
    double work;        /* floating-point operations of the whole run */
    double rate;        /* operations a second of a matrix product here; 0: not measured */
    double seconds;     /* estimate; 0: none */
};

/* Limits of a pass for these settings: what model_reserve and model_memory are told. */
struct model_limits preflight_limits(const struct train_settings *s, const struct examples *e);

/* Count; with `measure`, time a matrix product too (a tenth of a second). */
void preflight_make(struct preflight *f, const struct train_settings *s,
                    const struct model_config *config, const struct examples *e, struct course *c,
                    bool measure);
/* Count what stands beside the student as well. */
void preflight_teacher(struct preflight *f, int64_t bytes);
/* 0 when it fits; else ERROR_MEMORY or ERROR_FULL with the arithmetic and, for memory, the first
 * setting that would make it fit. */
int preflight_check(const struct preflight *f, const struct train_settings *s,
                    const struct model_config *config, const struct examples *e,
                    struct error *error);
/* memory_mb, disk_mb and the estimate, put into a report. */
void preflight_describe(const struct preflight *f, struct json *report);

#endif
