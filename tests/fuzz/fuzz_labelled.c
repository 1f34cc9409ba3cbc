/* A labelled file in each of its forms: read or refused, whatever it holds. */
#include "corpus/labelled.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct {
        enum labelled_task task;
        int (*read)(struct labelled_set *, struct slice, const char *, struct error *);
    } forms[] = {{LABELLED_CLASSIFY, labelled_tsv},
                 {LABELLED_CLASSIFY, labelled_jsonl},
                 {LABELLED_ANSWER, labelled_squad},
                 {LABELLED_TAG, labelled_conll}};
    static const char *const labels[] = {"a", "b"};
    const size_t form = size > 0 ? data[0] % 4 : 0, known = size > 0 ? data[0] / 4 % 2 * 2 : 0;
    struct labelled_set s;
    if (size == 0)
        return 0;
    labelled_open(&s, forms[form].task, labels, known);
    if (forms[form].read(&s, slice_from(data + 1, size - 1), "file", NULL) == 0 &&
        labelled_finish(&s, "file", NULL) == 0)
        for (size_t i = 0; i < s.n; i++) {
            const struct labelled *x = &s.items[i];
            if (x->label >= s.n_labels || (x->n_words != 0 && x->words[0].tag >= s.n_labels))
                abort();
            for (size_t k = 0; k < x->n_answers; k++)
                if (x->answers[k].begin + x->answers[k].text.len > x->pair.len)
                    abort();
        }
    labelled_close(&s);
    return 0;
}
