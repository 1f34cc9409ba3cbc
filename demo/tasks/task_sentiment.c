/* A review: positive, negative or mixed. */
#include "demo/tasks/task.h"

#include <stddef.h>

static const char *const ask[] = {"Is the review positive, negative or mixed?",
                                  "Name the sentiment.",
                                  "Sentiment of this review?",
                                  "Judge the mood: positive, negative or mixed.",
                                  "Classify the review by sentiment.",
                                  "How does the writer feel: positive, negative or mixed?",
                                  "Label this review.",
                                  "Decide: positive, negative or mixed.",
                                  "Tell the tone of the review in one word.",
                                  NULL};
static const char *const ask_rare[] = {"Does the customer like it? positive, negative or mixed.",
                                       "One word for the opinion in this review.", NULL};

static const char *const good[] = {"works perfectly",
                                   "is a joy to use",
                                   "looks great",
                                   "is worth every penny",
                                   "arrived early",
                                   "is easy to set up",
                                   "has a lovely colour",
                                   "runs all day",
                                   "feels solid",
                                   "surprised me in a good way",
                                   NULL};
static const char *const bad[] = {"broke after a week",
                                  "is far too loud",
                                  "looks cheap",
                                  "is a waste of money",
                                  "arrived late",
                                  "is hard to clean",
                                  "smells of plastic",
                                  "never worked",
                                  "feels flimsy",
                                  "let me down badly",
                                  NULL};
static const char *const opener[] = {
    "", "Well, ", "To be honest, ", "After a month: ", "In short, ", "I must say, ", NULL};

static void make(struct rng *r, struct buf *input, struct buf *answer)
{
    static const char *const names[] = {"positive", "negative", "mixed"};
    const uint32_t kind = rng_below(r, 3);
    const char *product = pick_word(r, words_product);
    const char *one = pick_word(r, kind == 1 ? bad : good);
    const char *two = pick_word(r, kind == 0 ? good : bad);
    const int swap = kind == 2 && pick_between(r, 0, 1);
    buf_printf(input, "%sthe %s %s %s it %s.", pick_word(r, opener), product, swap ? two : one,
               kind == 2 ? "but" : "and", swap ? one : two);
    buf_str(answer, names[kind]);
}

const struct task task_sentiment = {"sentiment", "exact", ask, ask_rare, make};
