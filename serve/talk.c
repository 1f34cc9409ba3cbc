#include "serve/talk.h"

#include "core/mem.h"

#include <strings.h>

static bool is_address(const char *to)
{
    return strncasecmp(to, "http://", 7) == 0 || strncasecmp(to, "https://", 8) == 0;
}

struct talk *talk_open(const struct talk_how *how, struct error *error)
{
    return is_address(how->to) ? talk_server(how, error) : talk_folder(how, error);
}

void talk_close(struct talk *t)
{
    if (t == NULL)
        return;
    mem_free(t->name);
    t->ops->close(t);
}

int talk_say(struct talk *t, const struct talk_turn *turn, struct talk_reply *out,
             struct error *error)
{
    *out = (struct talk_reply){.text = BUF, .finish = "stop"};
    return t->ops->say(t, turn, out, error);
}

void talk_reply_free(struct talk_reply *r)
{
    buf_free(&r->text);
}
