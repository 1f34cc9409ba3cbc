/* Damaged soft labels are refused; what is read packs and reads back the same. */
#include "corpus/softlabels.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = ARENA;
    struct softlabels l, back;
    struct buf b = BUF;
    if (softlabels_unpack(slice_from(data, size), &a, &l, NULL) == 0) {
        if (softlabels_pack(&l, &b) || softlabels_unpack(buf_view(&b), &a, &back, NULL) ||
            back.n != l.n || back.n_top != l.n_top)
            abort();
        for (size_t i = 0; i < l.n; i++)
            (void)softlabels_tail(&l, i);
    }
    buf_free(&b);
    arena_free(&a);
    return 0;
}
