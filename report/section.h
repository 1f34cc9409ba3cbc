/*
 * The seam of the report's sections: one file a section, one line in the table of report.c.
 */
#ifndef REPORT_SECTION_H
#define REPORT_SECTION_H

#include "core/buf.h"
#include "core/error.h"
#include "core/json.h"
#include "corpus/corpus.h"
#include "report/survey.h"

struct report {
    struct corpus *c;
    const struct json *status;   /* corpus_status */
    const struct json *runs;     /* statistics_runs */
    const struct survey *survey; /* of the rows */
};

struct section {
    const char *id, *title;
    /* Append the content.  1 there is some, 0 nothing to say (the section is left out), -1. */
    int (*write)(const struct report *r, struct buf *out, struct error *error);
};

extern const struct section section_funnel, section_removed, section_texts, section_scores,
    section_teacher, section_training, section_evaluation, section_runs, section_rows;

/* A number of the status, by path; 0 where absent. */
double section_number(const struct report *r, const char *path);

#endif
