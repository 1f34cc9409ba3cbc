/* A list of words: sorted, each once. */
#include "demo/tasks/task.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const char *const ask[] = {"Sort the list and drop repeats.",
                                  "Put the words in order, each once.",
                                  "Alphabetical order, no duplicates.",
                                  "Sort these words and remove doubles.",
                                  "Order the list from a to z without repeats.",
                                  "List the different words in alphabetical order.",
                                  "Arrange the words by alphabet, every word once.",
                                  "Clean up the list: sorted, no word twice.",
                                  NULL};
static const char *const ask_rare[] = {"Return the unique words, sorted.",
                                       "Bring these into alphabetical order and keep each once.",
                                       NULL};

enum { WORDS = 5 };

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void make(struct rng *r, struct buf *input, struct buf *answer)
{
    const char *list[WORDS];
    const int n = pick_between(r, 3, WORDS);
    for (int i = 0; i < n; i++)
        list[i] = i != 0 && rng_below(r, 4) == 0 ? list[rng_below(r, (uint32_t)i)]
                                                 : pick_word(r, words_thing);
    for (int i = 0; i < n; i++)
        buf_printf(input, "%s%s", i != 0 ? ", " : "", list[i]);
    qsort(list, (size_t)n, sizeof *list, by_text);
    for (int i = 0; i < n; i++)
        if (i == 0 || strcmp(list[i], list[i - 1]) != 0)
            buf_printf(answer, "%s%s", i != 0 ? ", " : "", list[i]);
}

const struct task task_sort = {"sort", "exact", ask, ask_rare, make};
