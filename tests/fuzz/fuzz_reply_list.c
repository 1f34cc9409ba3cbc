/* The list parser and the templates on anything a teacher may say: every item lies within it. */
#include "core/mem.h"
#include "gen/chain.h"
#include "gen/reply_list.h"
#include "gen/template.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static unsigned sum;

static void touch(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        sum += (unsigned char)s.data[i];
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    char *copy = mem_alloc(size + 1); /* its own block: a byte too far is seen */
    struct slice text = slice_from(copy, size);
    struct gen_field fields[] = {{"a", SLICE("{{a}}")}, {"b", {NULL, 0}}};
    struct buf out = BUF_MAX(1 << 20);
    struct reply_list list;
    if (size)
        memcpy(copy, data, size);
    reply_list_read(text, &list);
    if (list.n > REPLY_LIST_MAX)
        abort();
    for (size_t k = 0; k < list.n; k++) {
        touch(list.items[k].text);
        touch(list.items[k].input);
        touch(list.items[k].output);
        touch(list.items[k].quote);
        if (!list.items[k].text.len && !list.items[k].output.len)
            abort();
    }
    reply_list_free(&list);
    touch(chain_bare(text));
    (void)template_fill(text, fields, 2, &out, NULL);
    buf_free(&out);
    mem_free(copy);
    return 0;
}
