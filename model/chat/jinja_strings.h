/*
 * Operations on strings that filters and methods share.  All keep the marks of the parts they
 * keep.  Private to model/chat/.
 */
#ifndef MODEL_CHAT_JINJA_STRINGS_H
#define MODEL_CHAT_JINJA_STRINGS_H

#include "model/chat/jinja.h"

/* Without the characters of `set` (absent: Python's white space) at the ends. */
struct jinja_value jinja_strip(struct jinja *j, struct jinja_value s, struct jinja_value set,
                               bool left, bool right);
/* s.split(by, limit): by absent splits at runs of white space; limit < 0 is none. */
struct jinja_value jinja_split(struct jinja *j, struct jinja_value s, struct jinja_value by,
                               int64_t limit, bool from_right);
struct jinja_value jinja_replace(struct jinja *j, struct jinja_value s, struct jinja_value old,
                                 struct jinja_value with, int64_t limit);
enum jinja_case { CASE_UPPER, CASE_LOWER, CASE_TITLE, CASE_CAPITALIZE };
struct jinja_value jinja_recase(struct jinja *j, struct jinja_value s, enum jinja_case how);
struct jinja_value jinja_join(struct jinja *j, const struct jinja_list *items,
                              struct jinja_value between);
struct jinja_value jinja_indent(struct jinja *j, struct jinja_value s, int64_t width, bool first,
                                bool blank);
/* What str.isspace says: white space of Unicode and U+001C … U+001F. */
bool jinja_space(uint32_t c);

#endif
