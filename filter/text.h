/*
 * Small questions about text that several rules ask.  Literals are lower case; ASCII letters
 * compare without case, all else bytewise.  A literal that starts or ends with an ASCII letter or
 * digit only matches whole words there.
 */
#ifndef FILTER_TEXT_H
#define FILTER_TEXT_H

#include "core/slice.h"
#include "filter/row.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * A list of literals, indexed by first byte when it is first used:
 *     TEXT_LIST(greetings, "hello", "good morning");     at file scope
 *     text_starts_any(s, &greetings)
 */
struct text_index;
struct text_list {
    const char *const *literals; /* NULL-ended */
    struct text_index *_Atomic index;
};
#define TEXT_LIST(name, ...)                                                                       \
    static const char *const name##_literals[] = {__VA_ARGS__, NULL};                              \
    static struct text_list name = {name##_literals, NULL}

/* For a list that is made at run time: forget its index. */
void text_list_release(struct text_list *list);

bool text_starts(struct slice s, const char *literal);
/* Length of a literal that s starts with, 0 for none. */
size_t text_starts_any(struct slice s, struct text_list *list);
/* Offset of the literal at or after `from`, or s.len. */
size_t text_find(struct slice s, const char *literal, size_t from);
bool text_has(struct slice s, const char *literal);
bool text_has_any(struct slice s, struct text_list *list);
/* Does the prompt (any of its pieces) hold the literal, one of the literals? */
bool text_asked_for(const struct row *row, const char *literal);
bool text_asked(const struct row *row, struct text_list *list);

/* The line at *at without its end; *at moves behind it.  False at the end of the text. */
bool text_line(struct slice s, size_t *at, struct slice *line);
struct slice text_skip_space(struct slice s); /* blanks, tabs and line ends at the front */

/* Bytes before the first that is not ASCII; before the first that is not printable ASCII or a line
 * feed. */
size_t text_ascii_prefix(struct slice s);
size_t text_plain_prefix(struct slice s, size_t from);

/* Is the byte at `at` inside a fenced block, or between backticks on its line? */
bool text_in_code(struct slice s, size_t at);

#endif
