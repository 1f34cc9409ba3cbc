/* A recipe and, behind a NUL, overrides: loading must end, say why, or give a recipe that loads
 * again to the same. */
#include "core/recipe.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_back(const struct recipe *r)
{
    struct buf text = BUF;
    struct recipe *back;
    recipe_write(r, &text);
    back = recipe_parse(buf_view(&text), "back.jsonc", NULL, 0, NULL, NULL);
    if (back == NULL || strcmp(recipe_sha256(r), recipe_sha256(back)) != 0)
        abort();
    recipe_free(back);
    buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice all = slice_from(data, size);
    size_t end = slice_find(all, (struct slice){"", 1});
    struct slice rest = slice_sub(all, end + 1, size);
    char *set = malloc(rest.len + 1);
    struct buf report = BUF;
    struct error error = {0};
    struct recipe *r;
    if (set == NULL)
        abort();
    memcpy(set, rest.len != 0 ? rest.data : "", rest.len);
    set[rest.len] = '\0';
    r = recipe_parse(slice_sub(all, 0, end), "r.jsonc", (const char *const[]){set}, end < size,
                     &report, &error);
    if ((r == NULL) != (report.len != 0) || (r == NULL) != (error.code != ERROR_NONE))
        abort();
    if (r != NULL)
        check_back(r);
    recipe_free(r);
    buf_free(&report);
    free(set);
    return 0;
}
