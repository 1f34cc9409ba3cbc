/* Every row rule on any prompt and reply; spans stay inside the text they name. */
#include "filter/rules.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t length_of(const struct sample *s, const char *field)
{
    if (strcmp(field, "output") == 0)
        return s->output.len;
    return strcmp(field, "input") == 0 ? s->input.len : s->instruction.len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct json *settings;
    const size_t cut = size > 0 ? data[0] % (size + 1) : 0;
    const struct sample s = {.id = 1,
                             .instruction = slice_from(data, cut),
                             .input = slice_from(data, size % 7 == 0 ? size : 0),
                             .output = slice_from(data + cut, size - cut),
                             .messages =
                                 size % 5 == 0 ? slice_from(data, size) : (struct slice){NULL, 0}};
    struct row row = ROW;
    struct shingler shingler;
    if (settings == NULL)
        settings = json_parse(
            SLICE("{\"max_characters\":100,\"max_tokens\":20,\"min_characters\":5,\"min_tokens\":2,"
                  "\"patterns\":[\"a+b\"],\"field\":\"all\",\"files\":[]}"),
            0, NULL);
    shingle_init(&shingler, NULL);
    row_set(&row, &s);
    row_shingle(&row, &shingler);
    row_sentences(&row);
    for (size_t i = 0; filter_rules[i] != NULL; i++) {
        const struct filter_rule *rule = filter_rules[i];
        struct finding f = {.value = (double)NAN, .threshold = (double)NAN};
        void *state = rule->open != NULL ? rule->open(settings, ".", NULL) : NULL;
        if (rule->open != NULL && state == NULL)
            continue; /* without files of words or of evaluation sets there is no such rule */
        if (rule->judge(state, &row, &f) && f.field != NULL &&
            (f.from > f.to || f.to > length_of(&s, f.field)))
            if (s.messages.data == NULL)
                abort();
        if (rule->close != NULL)
            rule->close(state);
    }
    row_free(&row);
    shingle_free(&shingler);
    return 0;
}
