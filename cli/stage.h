/*
 * A stage on the command line: load the recipe, open the dataset, record the run, call the room,
 * print its report.  `retort gen|filter|train|eval RECIPE` run one; `retort run` runs a row of
 * them and leaves out what is up to date.
 */
#ifndef CLI_STAGE_H
#define CLI_STAGE_H

#include "cli/arguments.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/progress.h"
#include "core/recipe.h"
#include "corpus/corpus.h"

#include <stdbool.h>
#include <stdint.h>

struct stage {
    struct recipe *recipe;
    struct corpus *corpus; /* NULL only in a dry run before the dataset exists */
    struct progress *progress;
    int64_t run_id; /* 0 in a dry run */
    bool dry_run;
};

struct stage_kind {
    const char *name; /* also the name of its block in the recipe */
    bool creates;     /* makes the dataset when it is missing */
    /* Call the room.  args is NULL in `retort run`: every option as by default. */
    int (*call)(struct stage *s, const struct arguments *args, struct buf *report,
                struct error *error);
    /* Why the recipe asks for nothing here ("gen.prompts is not set"); NULL: it does. */
    const char *(*needless)(const struct recipe *recipe);
    /* Fold into h what the stage reads besides its own block: while nothing of it changes, a
     * finished stage is up to date.  NULL: the room itself knows what is left to do, is always
     * called, and puts "up_to_date": true into its report where it found nothing to do. */
    int (*inputs)(struct stage *s, struct hash128 *h, struct error *error);
};

extern const struct stage_kind stage_gen, stage_filter, stage_train, stage_eval;

/* The recipe named by the first operand, with the overrides of args.  Every violation is printed;
 * then the error has a code and no text. */
struct recipe *stage_recipe(const struct arguments *args, struct error *error);

/* The run function of a stage's command; reads its --dry-run. */
int stage_command(const struct stage_kind *kind, const struct arguments *args, struct error *error);

int stage_open(struct stage *s, const struct arguments *args, bool dry_run, bool creates,
               struct error *error);
void stage_close(struct stage *s);
/* Fold the size and time of a file into h; nothing where it is not there. */
void stage_fold_file(struct hash128 *h, const char *path);
/* Run one stage and append its report; its run is recorded and its identity kept. */
int stage_run(struct stage *s, const struct stage_kind *kind, const struct arguments *args,
              struct buf *report, struct error *error);
/* 1: the stage has finished on exactly these inputs; 0: it has not; -1. */
int stage_fresh(struct stage *s, const struct stage_kind *kind, struct error *error);

#endif
