#include "filter/mask.h"

#include "corpus/masked.h"
#include "corpus/samples.h"
#include "filter/pii.h"

struct masking {
    struct buf texts[5]; /* of fields[]; empty: nothing to mask */
};

static const char *const fields[] = {"system", "instruction", "input", "output", "messages"};

static int mask_texts(void *context, const struct sample *s, struct error *error)
{
    struct masking *m = context;
    const struct slice texts[] = {s->system, s->instruction, s->input, s->output, s->messages};
    (void)error;
    for (int i = 0; i < 5; i++)
        if (texts[i].len > 0 && pii_mask(texts[i], &m->texts[i]) == 0)
            buf_clear(&m->texts[i]);
    return 0;
}

int mask_sample(struct corpus *c, int64_t sample_id, struct error *error)
{
    struct masking m = {{BUF, BUF, BUF, BUF, BUF}};
    int rc = samples_get(c, sample_id, mask_texts, &m, error);
    rc = rc < 0 ? -1 : 0;
    for (int i = 0; i < 5; i++) {
        if (rc == 0 && m.texts[i].len > 0)
            rc = masked_put(c, sample_id, fields[i], buf_view(&m.texts[i]), error);
        buf_free(&m.texts[i]);
    }
    return rc;
}
