/*
 * Text into a page.  Whatever a row holds, it stays text: nothing that goes through here can end
 * an element, an attribute or a script.
 */
#ifndef REPORT_HTML_H
#define REPORT_HTML_H

#include "core/buf.h"
#include "core/json.h"
#include "core/slice.h"

/* Content and attribute values in double quotes.  NUL, other control characters that HTML forbids
 * and bytes that are no UTF-8 become U+FFFD. */
void html_text(struct buf *out, struct slice text);
void html_str(struct buf *out, const char *text);
/* JSON inside a <script type="application/json"> element: no "<", ">" or "&" is left in it. */
void html_json(struct buf *out, const struct json *tree);

#endif
