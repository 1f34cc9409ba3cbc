/* The messages of a chat request, brought into the form that templates know: contents are texts. */
#ifndef SERVE_MESSAGES_H
#define SERVE_MESSAGES_H

#include "core/json.h"
#include "serve/request.h"

/*
 * A copy for the template, owned by the caller:
 *   - a content in parts becomes their texts, a line each, as other servers of plain models do;
 *   - the role "developer" is "system", which is what templates call it;
 *   - a message without content must have tool_calls, and stays as it is.
 * NULL with the problem filled, naming the message: a part that is no text, a message that is no
 * object or has no role.
 */
struct json *messages_plain(const struct json *messages, struct api_problem *problem);

#endif
