/* Lengths, weights, times and sizes: whole numbers times a whole factor. */
#include "demo/tasks/task.h"

#include <stddef.h>

static const char *const ask[] = {"Convert the quantity.",
                                  "Change the unit.",
                                  "Do the unit conversion.",
                                  "Work out the quantity in the other unit.",
                                  "How much is this in the other unit?",
                                  "Convert and give number and unit.",
                                  "Give the same quantity in the unit asked for.",
                                  "Unit conversion, please.",
                                  NULL};
static const char *const ask_rare[] = {"Restate the quantity in the second unit.",
                                       "Compute the converted value with its unit.", NULL};

static void make(struct rng *r, struct buf *input, struct buf *answer)
{
    static const struct {
        const char *from, *to, *factor;
        int times, most;
    } units[] = {{"km", "m", "000", 0, 999},         {"kg", "g", "000", 0, 999},
                 {"m", "cm", "00", 0, 999},          {"cm", "mm", "0", 0, 999},
                 {"litres", "ml", "000", 0, 999},    {"weeks", "days", "", 7, 20},
                 {"dozen", "pieces", "", 12, 12},    {"hours", "minutes", "", 60, 12},
                 {"minutes", "seconds", "", 60, 12}, {"tonnes", "kg", "000", 0, 999}};
    const uint32_t u = rng_below(r, sizeof units / sizeof *units);
    const int n = pick_between(r, 2, units[u].most);
    if (pick_between(r, 0, 1))
        buf_printf(input, "%d %s to %s", n, units[u].from, units[u].to);
    else
        buf_printf(input, "%d %s = ? %s", n, units[u].from, units[u].to);
    if (units[u].times == 0)
        buf_printf(answer, "%d%s %s", n, units[u].factor, units[u].to);
    else
        buf_printf(answer, "%d %s", n * units[u].times, units[u].to);
}

const struct task task_convert = {"convert", "exact", ask, ask_rare, make};
