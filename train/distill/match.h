/*
 * Intermediate matches: how far what a student's layer computes is from what a teacher's does.
 *
 * A match sees one row (one sequence) at a time: of n tokens the student's and the teacher's
 * hidden states [n, width], or attention scores or probabilities [heads, n, n], with a mask of
 * tokens that count.  It returns a sum and adds the gradient of the sum; the sums of all rows of
 * a step are divided by the step's measure, which is the sum of `measure` over its rows:
 *
 *     hidden_mse         sum m (s - t)^2                              measure: M * width
 *     cos                sum m (1 - cos(s, t))                        M
 *     pkd                |s_0/|s_0| - t_0/|t_0||^2 of the row's first token     1
 *     gram               sum (G(s1, s2) - G(t1, t2))^2, G = sum_i m_i x_i y_i' / M    width1 width2
 *     nst                sum w_ij (K(s1, s2) - K(t1, t2))^2, K_ij = x_i . y_j / width     M^2
 *     attention_mse      sum w_ij (a - b)^2 over heads, probabilities         heads M^2
 *     attention_mse_sum  the same of the sums over heads                      M^2
 *     attention_ce       -sum w_ij softmax(b) log softmax(a) over heads, scores    heads M
 *     attention_ce_mean  the same of the means over heads                     M
 *
 * with M the sum of the mask, w_ij = m_i m_j.  gram (TextBrewer's fsp) and nst (its mmd) take a
 * pair of layers on each side.  nst divides by the width, as TextBrewer's repository does; its
 * released package divides by the length where a mask is given.  Under causal attention the
 * entries with j > i are no entries: their probability is zero on both sides.
 */
#ifndef TRAIN_DISTILL_MATCH_H
#define TRAIN_DISTILL_MATCH_H

#include "core/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum match_feature { MATCH_HIDDEN, MATCH_ATTENTION };

/* One row.  Matrices are row-major doubles; s2, t2 (and ds2) only where the kind takes pairs. */
struct match_row {
    size_t n, width, teacher_width; /* tokens; columns of hidden states */
    size_t heads, teacher_heads;    /* attention: [heads, n, n] */
    bool causal;
    const double *mask;        /* [n] */
    const double *s[2], *t[2]; /* of the layer, and of the next for a loss of pairs */
    double *ds[2];             /* added to */
};

struct match_kind {
    const char *name;
    enum match_feature feature;
    bool pairs;         /* of layers: s1, s2 and t1, t2 */
    bool same_width;    /* student and teacher must be as wide, or have a projection */
    bool probabilities; /* attention: after the softmax; else scores */
    double (*row)(const struct match_row *r);
    double (*measure)(const struct match_row *r);
};

/* The sum of the mask: the row's length. */
double match_length(const struct match_row *r);

extern const struct match_kind *const match_kinds[]; /* NULL-ended */
const struct match_kind *match_find(const char *name, struct error *error);

#endif
