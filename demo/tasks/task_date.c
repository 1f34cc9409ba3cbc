/* A written date to ISO 8601. */
#include "demo/tasks/task.h"

#include <stddef.h>

static const char *const ask[] = {"Write the date in ISO format.",
                                  "Convert this date to YYYY-MM-DD.",
                                  "ISO date, please.",
                                  "Give the date as year-month-day.",
                                  "Normalise the date.",
                                  "Rewrite the date as YYYY-MM-DD.",
                                  "What is this date in ISO 8601?",
                                  "Bring the date into the form YYYY-MM-DD.",
                                  "Turn the date into ISO form.",
                                  "Express this date in the ISO way.",
                                  NULL};
static const char *const ask_rare[] = {"Put this date into international notation.",
                                       "Reply with the ISO spelling of the date.",
                                       "Standardise the following date to year-month-day.", NULL};

static const char *ending(int day)
{
    if (day % 10 == 1 && day != 11)
        return "st";
    if (day % 10 == 2 && day != 12)
        return "nd";
    return day % 10 == 3 && day != 13 ? "rd" : "th";
}

static void make(struct rng *r, struct buf *input, struct buf *answer)
{
    const int year = pick_between(r, 1970, 2039), month = pick_between(r, 1, 12),
              day = pick_between(r, 1, 28);
    const char *name = words_month[month - 1];
    switch (rng_below(r, 5)) {
    case 0: buf_printf(input, "%d %s %d", day, name, year); break;
    case 1: buf_printf(input, "%s %d, %d", name, day, year); break;
    case 2: buf_printf(input, "the %d%s of %s %d", day, ending(day), name, year); break;
    case 3: buf_printf(input, "%d.%d.%d", day, month, year); break;
    default: buf_printf(input, "%.3s %d%s %d", name, day, ending(day), year); break;
    }
    buf_printf(answer, "%04d-%02d-%02d", year, month, day);
}

const struct task task_date = {"date", "exact", ask, ask_rare, make};
