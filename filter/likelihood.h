/*
 * How likely a local student finds a reply, with and without its prompt.
 *
 *     perplexity = exp(mean NLL(A|Q))
 *     IFD        = mean NLL(A|Q) / mean NLL(A)        (Li et al. 2023, "Cherry")
 *
 * A is the reply in the student's chat template, from its first supervised token (as in training)
 * and without the tokens that end its turn; Q is all before it.  NLL(A) has the beginning-of-text
 * token before A where the tokenizer has one; else the first token of A is not counted.  A row is
 * a pass of its own, of two segments, so that its numbers do not depend on other rows.
 */
#ifndef FILTER_LIKELIHOOD_H
#define FILTER_LIKELIHOOD_H

#include "core/error.h"
#include "core/pool.h"
#include "corpus/samples.h"

#include <stdint.h>

struct likelihood;

struct likelihood_options {
    const char *dir;            /* a model folder */
    const char *template_name;  /* NULL: the folder's own */
    const char *template_other; /* where the folder has none; NULL: an error */
    uint32_t max_tokens;        /* a longer row is cut inside its reply */
    struct pool *pool;
};

struct likelihood *likelihood_open(const struct likelihood_options *o, struct error *error);
void likelihood_close(struct likelihood *l);
/* Of the model, its template and the limit: other numbers have another version.  Never 0. */
int likelihood_version(const struct likelihood *l);
/* NAN where the row has none: the reply is empty, or lies wholly behind the limit. */
struct likelihood_of {
    double perplexity, ifd;
};
int likelihood_row(struct likelihood *l, const struct sample *s, struct likelihood_of *out,
                   struct error *error);

#endif
