/* Names, numbers and addresses out of a sentence. */
#include "demo/tasks/task.h"

#include <stddef.h>

static const char *const ask[] = {"Redact names and phone numbers.",
                                  "Replace every name by [NAME] and every number by [PHONE].",
                                  "Make this anonymous.",
                                  "Remove personal data from the sentence.",
                                  "Hide names and phone numbers.",
                                  "Anonymise the sentence.",
                                  "Black out the private parts.",
                                  "Mask names as [NAME] and phones as [PHONE].",
                                  NULL};
static const char *const ask_rare[] = {"Take the personal details out of this line.",
                                       "Protect privacy: mask names and phone numbers.", NULL};

static const char *const tails[] = {
    "about the %s",         "before noon", "after the meeting", "when the %s is ready",
    "to talk about the %s", "tomorrow",    "on Friday",         NULL};

static void make(struct rng *r, struct buf *input, struct buf *answer)
{
    static const char *const verbs[] = {"Call", "Please ring", "Phone", "Text", "Contact", NULL};
    const char *verb = pick_word(r, verbs), *tail = pick_word(r, tails);
    const char *product = pick_word(r, words_product);
    struct buf end = BUF;
    for (const char *c = tail; *c != '\0'; c++) {
        if (c[0] == '%' && c[1] == 's') {
            buf_str(&end, product);
            c++;
        } else {
            buf_char(&end, *c);
        }
    }
    if (pick_between(r, 0, 1)) {
        buf_printf(input, "%s %s %s at 0%d-%d %s.", verb, pick_word(r, words_first),
                   pick_word(r, words_last), pick_between(r, 20, 99), pick_between(r, 1000, 9999),
                   buf_text(&end));
        buf_printf(answer, "%s [NAME] at [PHONE] %s.", verb, buf_text(&end));
    } else {
        buf_printf(input, "%s %s asked for %s %s %s.", pick_word(r, words_first),
                   pick_word(r, words_last), pick_word(r, words_first), pick_word(r, words_last),
                   buf_text(&end));
        buf_printf(answer, "[NAME] asked for [NAME] %s.", buf_text(&end));
    }
    buf_free(&end);
}

const struct task task_redact = {"redact", "exact", ask, ask_rare, make};
