/* A template, a NUL, messages: compiling and rendering must end, and the spans must add up. */
#include "model/chat.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct chat_render *r)
{
    size_t at = 0;
    for (size_t i = 0; i < r->n; i++) {
        if (r->spans[i].begin != at || r->spans[i].end <= at)
            abort();
        at = r->spans[i].end;
    }
    if (at != r->text.len)
        abort();
    for (size_t i = 0; i < r->n_replies; i++) {
        const struct chat_reply *x = &r->replies[i];
        if (x->supervised_begin > x->begin || x->begin > x->end || x->end > x->supervised_end ||
            x->supervised_end > r->text.len)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice whole = slice_from(data, size);
    size_t end = slice_find(whole, (struct slice){"", 1});
    struct chat_template *c = chat_template_parse(slice_sub(whole, 0, end), "fuzz", NULL);
    struct json *messages;
    if (c == NULL)
        return 0;
    messages = json_parse(slice_sub(whole, end + 1, size), 0, NULL);
    for (int prompt = 0; prompt < 2; prompt++) {
        struct chat_render r = CHAT_RENDER;
        const struct chat_input in = {.messages = messages,
                                      .bos = "<s>",
                                      .eos = "</s>",
                                      .generation_prompt = prompt != 0};
        if (chat_render(c, &in, &r, NULL) == 0)
            check(&r);
        chat_render_free(&r);
    }
    json_free(messages);
    chat_template_free(c);
    return 0;
}
