/* The insides of a chat template.  Private to model/chat/. */
#ifndef MODEL_CHAT_TEMPLATE_H
#define MODEL_CHAT_TEMPLATE_H

#include "model/chat.h"
#include "model/chat/jinja.h"

struct chat_template {
    struct arena arena; /* tree and source */
    struct slice source;
    const struct jinja_node *root;
    const char *name;
    bool generation; /* says itself, by generation blocks, what is to be learned */
};

/* The built-in templates, by name; NULL-ended. */
struct chat_builtin {
    const char *name;
    const char *source;
};
extern const struct chat_builtin chat_builtins[];

#endif
