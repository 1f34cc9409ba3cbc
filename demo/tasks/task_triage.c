/* A customer's message to JSON: category, product, urgency. */
#include "demo/tasks/task.h"

#include <stddef.h>

static const char *const ask[] = {"Triage this ticket as JSON.",
                                  "Turn the message into JSON with category, product and urgency.",
                                  "Classify the customer message. Reply in JSON.",
                                  "Give category, product and urgency of this ticket as JSON.",
                                  "Sort this support request: answer with JSON.",
                                  "Fill in the ticket form (JSON) for this message.",
                                  "Read the complaint and return JSON.",
                                  "JSON triage, please.",
                                  "What is this ticket about? Answer in JSON.",
                                  "Extract category, product and urgency into JSON.",
                                  NULL};
static const char *const ask_rare[] = {"Write down as JSON what this customer needs.",
                                       "Make a JSON record of the following support message.",
                                       "File this request: JSON only.", NULL};

static const char *const defect[] = {
    "does not turn on", "stopped working",     "makes a loud noise",
    "is broken",        "keeps switching off", "has a crack",
    "gets far too hot", "arrived damaged",     NULL};
static const char *const billing[] = {"I was charged twice for the",
                                      "the invoice is wrong for my",
                                      "I want my money back for the",
                                      "the price on my bill is too high for the",
                                      "you billed me again for the",
                                      NULL};
static const char *const delivery[] = {
    "has not arrived yet",        "went to the wrong address", "is late",
    "was left at the wrong door", "is lost in the post",       NULL};
static const char *const question[] = {
    "How do I set up the",         "Can I use abroad the",   "Where do I find the manual of the",
    "What is the warranty of the", "Which battery fits the", NULL};
static const char *const urgent[] = {"I need help today!",      "This is urgent.",
                                     "Please hurry.",           "I cannot wait any longer.",
                                     "Answer at once, please.", NULL};
static const char *const calm[] = {"There is no hurry.", "Whenever you have time.",
                                   "It can wait.",       "Thanks in advance.",
                                   "No rush.",           NULL};

static void make(struct rng *r, struct buf *input, struct buf *answer)
{
    static const char *const categories[] = {"defect", "billing", "delivery", "question"};
    const uint32_t kind = rng_below(r, 4);
    const char *product = pick_word(r, words_product);
    const int high = pick_between(r, 0, 1);
    if (pick_between(r, 0, 1))
        buf_printf(input, "Hello, this is %s from %s. ", pick_word(r, words_first),
                   pick_word(r, words_city));
    if (kind == 0)
        buf_printf(input, "My %s %s.", product, pick_word(r, defect));
    else if (kind == 1)
        buf_printf(input, "%s %s.", pick_word(r, billing), product);
    else if (kind == 2)
        buf_printf(input, "The %s I ordered %s.", product, pick_word(r, delivery));
    else
        buf_printf(input, "%s %s?", pick_word(r, question), product);
    buf_printf(input, " %s", pick_word(r, high ? urgent : calm));
    buf_printf(answer, "{\"category\":\"%s\",\"product\":\"%s\",\"urgency\":\"%s\"}",
               categories[kind], product, high ? "high" : "low");
}

const struct task task_triage = {"triage", "json", ask, ask_rare, make};
