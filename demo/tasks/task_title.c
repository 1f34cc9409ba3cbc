/* A line in lower case to title case: small words stay small, but for the first. */
#include "demo/tasks/task.h"

#include <ctype.h>
#include <stddef.h>

static const char *const ask[] = {"Write the line in title case.",
                                  "Make a title of this line.",
                                  "Title case, please.",
                                  "Capitalise like a headline.",
                                  "Turn the line into a headline.",
                                  "Set the capitals as in a book title.",
                                  "Format as a title.",
                                  "Give this line the capitals of a title.",
                                  NULL};
static const char *const ask_rare[] = {"Rewrite the line with headline capitals.",
                                       "How would this line look as a book title?", NULL};

static const char *const small[] = {"and", "of", "in", "with", "for", "the", NULL};
static const char *const kind[] = {"old",  "lost", "golden", "quiet", "little", "secret", "broken",
                                   "last", "red",  "silent", "brave", "hidden", NULL};

static void title_word(struct buf *out, const char *word)
{
    buf_char(out, (char)toupper((unsigned char)word[0]));
    buf_str(out, word + 1);
}

static void make(struct rng *r, struct buf *input, struct buf *answer)
{
    const char *a = pick_word(r, kind), *b = pick_word(r, words_thing), *s = pick_word(r, small);
    const char *c = pick_word(r, kind), *d = pick_word(r, words_thing);
    const int article = pick_between(r, 0, 1), more = pick_between(r, 0, 1);
    buf_printf(input, "%s%s %s %s ", article ? "the " : "", a, b, s);
    if (more)
        buf_printf(input, "%s ", c);
    buf_str(input, d);
    buf_str(answer, article ? "The " : "");
    title_word(answer, a);
    buf_char(answer, ' ');
    title_word(answer, b);
    buf_printf(answer, " %s ", s);
    if (more) {
        title_word(answer, c);
        buf_char(answer, ' ');
    }
    title_word(answer, d);
}

const struct task task_title = {"title", "exact", ask, ask_rare, make};
