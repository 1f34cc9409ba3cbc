/* Labelled rows of a dataset: the teacher's answer is the label, its logprobs the soft label. */
#include "corpus/labelled.h"

#include "core/json.h"
#include "corpus/samples.h"
#include "corpus/softlabels.h"
#include "corpus/turns.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

struct reader {
    struct labelled_set *s;
    struct corpus *corpus;
    enum labelled_text which;
    struct arena scratch;
};

/* A reply or a label without what stands around it: blanks, quotes, full stops. */
static struct slice bare(struct slice text)
{
    static const char around[] = " \t\r\n.\"'`*:";
    while (text.len > 0 && strchr(around, text.data[0]) != NULL && text.data[0] != 0)
        text = slice_sub(text, 1, text.len);
    while (text.len > 0 && strchr(around, text.data[text.len - 1]) != NULL &&
           text.data[text.len - 1] != 0)
        text.len--;
    return text;
}

static bool same_letters(struct slice a, struct slice b)
{
    for (size_t i = 0; i < a.len && i < b.len; i++)
        if (tolower((unsigned char)a.data[i]) != tolower((unsigned char)b.data[i]))
            return false;
    return true;
}

/* The label that a reply is, or -1. */
static int32_t label_of(struct labelled_set *s, struct slice reply)
{
    const struct slice text = bare(reply);
    for (int32_t i = 0; i < s->n_labels; i++)
        if (s->labels[i].len == text.len && same_letters(s->labels[i], text))
            return i;
    return s->fixed || text.len == 0 || text.len > 100 ? -1 : labelled_label(s, text);
}

/* The only label that begins with the token's text, or -1. */
static int32_t begins(const struct labelled_set *s, struct slice token)
{
    const struct slice text = bare(token);
    int32_t found = -1;
    for (int32_t i = 0; i < s->n_labels && text.len != 0; i++) {
        if (text.len > s->labels[i].len || !same_letters(text, s->labels[i]))
            continue;
        if (found >= 0)
            return -1;
        found = i;
    }
    return found;
}

/* The probability of each label at the first token that says something, renormalised over them;
 * NULL where the teacher's logprobs are not there or name no label. */
static const float *soft_of(struct reader *r, const struct softlabels *l)
{
    const size_t n = (size_t)r->s->n_labels;
    float *soft = arena_alloc(&r->s->arena, n * sizeof *soft);
    double sum = 0;
    size_t at = 0;
    memset(soft, 0, n * sizeof *soft);
    while (at < l->n && bare(l->positions[at].sampled.bytes).len == 0)
        at++;
    if (at == l->n)
        return NULL;
    for (uint32_t k = 0; k < l->positions[at].count; k++) {
        const struct soft_token *t = &l->top[l->positions[at].first + k];
        const int32_t label = begins(r->s, t->bytes);
        if (label < 0 || !isfinite(t->logprob) || t->logprob > 0)
            continue;
        soft[label] += expf(t->logprob);
        sum += exp((double)t->logprob);
    }
    for (size_t i = 0; i < n && sum > 0; i++)
        soft[i] = (float)((double)soft[i] / sum);
    return sum > 0 ? soft : NULL;
}

static int add_soft(struct reader *r, const struct sample *sample, struct labelled *x,
                    struct error *error)
{
    struct softlabels labels;
    int found;
    if (sample->request_id == 0 || !r->s->fixed)
        return 0;
    arena_reset(&r->scratch);
    found =
        softlabels_get(r->corpus, sample->request_id, sample->choice, &r->scratch, &labels, error);
    if (found < 0)
        return -1;
    x->soft = found == 1 ? soft_of(r, &labels) : NULL;
    r->s->soft += x->soft != NULL;
    return 0;
}

static int add_sample(void *context, const struct sample *sample, struct error *error)
{
    struct reader *r = context;
    struct labelled_set *s = r->s;
    const int32_t label = label_of(s, sample->output);
    struct buf text = BUF;
    struct labelled *x;
    int status = 0;
    if (label < 0) {
        if (s->left_out++ == 0)
            s->odd = arena_copy(&s->arena, sample->output);
        return 0;
    }
    x = labelled_add(s);
    if (r->which == LABELLED_INPUT && sample->input.len != 0)
        buf_slice(&text, sample->input);
    else
        status = turns_prompt(sample, &text);
    x->text = arena_copy(&s->arena, buf_view(&text));
    x->label = label;
    x->sample = sample->id;
    x->split = split_row(sample);
    buf_free(&text);
    if (status != 0)
        return error_set(error, ERROR_LIMIT, "row %lld is too long", (long long)sample->id);
    return add_soft(r, sample, x, error);
}

int labelled_read_corpus(struct labelled_set *s, struct corpus *c, enum labelled_text which,
                         struct error *error)
{
    struct reader r = {.s = s, .corpus = c, .which = which, .scratch = ARENA};
    int status;
    if (s->task != LABELLED_CLASSIFY)
        return error_set(error, ERROR_USAGE,
                         "rows of a dataset can be classified; for tag and answer set "
                         "train.encoder.rows to a file");
    status = samples_each(c, SAMPLES_KEPT, 0, add_sample, &r, error);
    arena_free(&r.scratch);
    return status;
}
