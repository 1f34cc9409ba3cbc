/* One thing out of a message: the order number, the e-mail address or the amount. */
#include "demo/tasks/task.h"

#include <ctype.h>
#include <stddef.h>

static const char *const ask[] = {"Find what is asked for in the message.",
                                  "Extract the wanted item.",
                                  "Copy the requested item out of the message.",
                                  "Pull out the item named first.",
                                  "Give only the item asked for.",
                                  "Read the message and return the wanted item.",
                                  "Which value is asked for? Write it alone.",
                                  "Look up the wanted value in the text.",
                                  NULL};
static const char *const ask_rare[] = {"Quote just the requested value from the text.",
                                       "Answer with the wanted item, nothing else.", NULL};

static void lower_name(struct buf *out, const char *name)
{
    for (; *name != '\0'; name++)
        buf_char(out, (char)tolower((unsigned char)*name));
}

static void make(struct rng *r, struct buf *input, struct buf *answer)
{
    struct buf order = BUF, mail = BUF, amount = BUF;
    const char *first = pick_word(r, words_first), *product = pick_word(r, words_product);
    const uint32_t wanted = rng_below(r, 3);
    buf_printf(&order, "%c%d", 'A' + (int)rng_below(r, 26), pick_between(r, 100, 999));
    lower_name(&mail, first);
    buf_printf(&mail, "%d@%s", pick_between(r, 1, 99), pick_word(r, words_domain));
    buf_printf(&amount, "$%d.%02d", pick_between(r, 1, 99), pick_between(r, 0, 99));
    buf_printf(input, "%s: ", wanted == 0 ? "order number" : wanted == 1 ? "e-mail" : "amount");
    if (pick_between(r, 0, 1))
        buf_printf(input, "%s here, order %s, a %s for %s. Write to %s.", first, buf_text(&order),
                   product, buf_text(&amount), buf_text(&mail));
    else
        buf_printf(input, "I paid %s for the %s (order %s). My address is %s. %s",
                   buf_text(&amount), product, buf_text(&order), buf_text(&mail), first);
    buf_slice(answer, buf_view(wanted == 0 ? &order : wanted == 1 ? &mail : &amount));
    buf_free(&order);
    buf_free(&mail);
    buf_free(&amount);
}

const struct task task_extract = {"extract", "exact", ask, ask_rare, make};
