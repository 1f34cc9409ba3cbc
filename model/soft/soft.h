/*
 * Soft-label losses: how far a student's distribution over the next token is from a teacher's.
 *
 * One row is one supervised token: the student's logits z [V] and either the teacher's logits
 * t [common] or its most likely tokens with their logprobs.  With p = softmax(t/T),
 * q = softmax(z/T) and l = lambda, b = beta, d = log p - log q:
 *
 *     ce      -sum p log q                        TextBrewer's; differs from fkl by p's entropy
 *     fkl     KL(p || q)                          covers all that the teacher finds likely
 *     rkl     KL(q || p)                          drops what the teacher finds unlikely
 *     sfkl    KL(p || l p + (1-l) q)              DistiLLM's skewed ones: bounded gradients
 *     srkl    KL(q || (1-l) p + l q)
 *     jsd     b KL(p||m) + (1-b) KL(q||m), m = b p + (1-b) q       TRL's GKD
 *     tvd     1/2 sum |p - q|
 *     mse     mean over the vocabulary of ((z - t)/T)^2            full teacher values only
 *     uld     sum over ranks |p_(r) - q_(r)|: both sorted, for a vocabulary that is not the
 *             student's; ranks behind the last known one count as one
 *
 * The row's loss is  soft * T^2 * loss + hard * CE(z, gold), T^2 where t_squared says so.  A row
 * without soft labels counts (soft + hard) * CE.  All but ce are zero, with zero gradient, where
 * both distributions are the same.
 *
 * A teacher of which only the k most likely tokens are known is compared over bins:
 *
 *     bucket       k tokens and one bin for all others, on both sides
 *     renormalise  p of the k divided by their sum; the others have p = 0
 *     zero         p as it came; the others have p = 0 (p sums to less than one)
 *
 * Under the last two KL(q || p) would be infinite: rkl takes bucket only.
 *
 * Each loss is one function over bins in double.  The gradient is chained here: with
 * h_b = q_b dD/dq_b and H = sum h_b,  dD/dz_i = (h_b q_i/q_b - q_i H) / T  for token i in bin b.
 */
#ifndef MODEL_SOFT_H
#define MODEL_SOFT_H

#include "core/error.h"
#include "model/tensor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SOFT_TOP_MAX = 1024, SOFT_BLOCK = 256, SOFT_RANKS = 128 };

struct kernels;
struct soft_how;

/* Elementwise functions and row loops of a backend: rows are doubles, or floats with k. */
struct soft_math {
    const struct kernels *k; /* NULL: rows are doubles, functions are libm's */
};
void soft_exps(const struct soft_math *m, double *y, const double *x, size_t n);
void soft_logs(const struct soft_math *m, double *y, const double *x, size_t n);

/* n bins: p, q their probabilities, lq = log q, d = log p - log q (finite); h is the outcome. */
struct soft_bins {
    size_t n; /* at most SOFT_TOP_MAX + 1 */
    const double *p, *q, *lq, *d;
    double *h;
};

struct soft_loss {
    const char *name, *summary;
    bool zero_tail; /* finite where p = 0: takes the tail policies renormalise and zero */
    bool balanced;  /* H is zero: h are differences of probabilities */
    bool logits;    /* works on logits: needs the teacher's for the whole vocabulary */
    bool ranks;     /* pairs by rank and not by token: takes foreign vocabularies */
    /* Returns the loss of the bins and fills h; what it returns adds up over blocks of bins. */
    double (*bins)(const struct soft_how *how, const struct soft_math *m, struct soft_bins *b);
};

extern const struct soft_loss *const soft_losses[]; /* NULL-ended */
/* The loss of that name, or NULL with an error that lists the names. */
const struct soft_loss *soft_find(const char *name, struct error *error);

enum soft_tail { SOFT_BUCKET, SOFT_RENORMALISE, SOFT_ZERO };
/* The temperature of a row under a schedule is T + beta (mean w - w), at least T/10, where w is
 *     flsw   (1 - cos(z, t))^gamma            needs the teacher's full logits
 *     cwsm   1 / (max softmax(z) + 1e-3)
 * and `mean` that of the step before: then a row's temperature does not depend on how steps are
 * cut (TextBrewer takes the mean of the batch in hand). */
enum soft_schedule { SOFT_CONSTANT, SOFT_FLSW, SOFT_CWSM };

struct soft_how {
    const struct soft_loss *loss;
    double temperature;
    bool t_squared;
    double lambda, beta;
    double soft, hard; /* weights */
    enum soft_tail tail;
    bool shift; /* probability shift: the gold token takes the teacher's largest probability */
    enum soft_schedule schedule;
    double schedule_beta, schedule_gamma;
    double schedule_mean; /* NAN: none yet, the temperature stays T */
};

/* The teacher's most likely tokens of a row, most likely first, each once, logprobs finite. */
struct soft_top {
    const int32_t *ids;
    const float *logprobs;
    int32_t n;         /* at most SOFT_TOP_MAX; 0: no soft label, the row is a hard one */
    float temperature; /* at which the logprobs were taken */
};

struct soft_parts {
    double soft, hard; /* weighted as in the row's loss */
    double statistic;  /* w of the schedule; 0 without one */
};

struct soft_row {
    void *z; /* [vocab] logits; becomes the gradient when `gradient` */
    void *t; /* NULL or [common] the teacher's logits; used up */
    size_t vocab, common;
    int32_t gold;
    struct soft_top top; /* where t is NULL */
    bool gradient;
    struct soft_parts out;
};
void soft_row(const struct soft_math *m, const struct soft_how *how, struct soft_row *r);

/* The k most likely of the tokens with these logits (k at most SOFT_TOP_MAX and vocab), most likely
 * first, and their log probabilities at a temperature.  Host floats. */
void soft_top_of(const float *logits, size_t vocab, double temperature, size_t k, int32_t *ids,
                 float *logprobs);

/* The operation of a backend: rows of a chunk of logits. */
struct soft_op {
    const struct soft_how *how;
    struct tensor logits;   /* [n, V]; with `gradient`, overwritten by d(sum of losses)/d(logits) */
    struct tensor losses;   /* [1, n] */
    struct tensor teacher;  /* absent or [n, common] of the backend's type; used up */
    const int32_t *targets; /* host [n] */
    const struct soft_top *top; /* host [n], where there is no teacher */
    struct soft_parts *parts;   /* host [n], or NULL */
    bool gradient;
};

#endif
