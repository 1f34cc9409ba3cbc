/*
 * Hooks: a program of the user's is called when something was measured or kept, with one JSON object
 * on its standard input; what it prints is shown, line by line.
 *
 *     {"event": "evaluation", "step": 120, "loss": 1.23, "best": true, "tokens": 4096}
 *     {"event": "checkpoint", "step": 120, "path": "student/checkpoints/step-00000120"}
 *
 * A hook that fails or runs over its time is said and the run goes on: hours of training are worth
 * more than a message.
 */
#ifndef TRAIN_HOOKS_H
#define TRAIN_HOOKS_H

#include "core/json.h"

/* Run the program whose words are the list `words` (null or absent: nothing is run) with the object
 * `event` on its standard input.  Lines go to `say`. */
struct hook {
    const struct json *words;
    const struct json *event;
    void (*say)(void *context, const char *line);
    void *context;
};
void hooks_run(const struct hook *h);

#endif
