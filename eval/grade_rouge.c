/*
 * rouge_l: F1 of the longest common subsequence of words (Lin 2004), the best over the answers.
 * Words are runs of letters and digits in lower case, as in the rouge-score package without its
 * stemmer, except that letters of every script count.  args.pass: from this score on it counts as
 * right (score 1, else 0); without it the score is the F1.
 */
#include "eval/graders.h"

#include "core/hash.h"
#include "core/mem.h"
#include "core/unicode.h"
#include "core/vec.h"

enum { WORDS_MAX = 20000 };

struct words {
    uint64_t *hash;
    size_t n, cap;
};

static void split(struct slice text, struct words *w)
{
    struct buf lower = BUF;
    size_t begin = 0;
    bool inside = false;
    unicode_lower(text, &lower);
    for (size_t i = 0; i <= lower.len;) {
        uint32_t c = ' ';
        size_t n = i < lower.len ? utf8_decode(lower.data + i, lower.len - i, &c) : 1;
        bool part = n != 0 && i < lower.len &&
                    (unicode_is_letter(c) || unicode_is_number(c) || unicode_is_mark(c));
        if (part && !inside)
            begin = i;
        if (!part && inside && w->n < WORDS_MAX) {
            w->hash = vec_reserve(w->hash, &w->cap, w->n + 1, sizeof *w->hash);
            w->hash[w->n++] = hash64(lower.data + begin, i - begin, 0);
        }
        inside = part;
        i += n != 0 ? n : 1;
    }
    buf_free(&lower);
}

static size_t common(const struct words *a, const struct words *b)
{
    uint32_t *row = mem_zero(b->n + 1, sizeof *row);
    size_t longest;
    for (size_t i = 0; i < a->n; i++) {
        uint32_t diagonal = 0;
        for (size_t j = 0; j < b->n; j++) {
            uint32_t above = row[j + 1];
            if (a->hash[i] == b->hash[j])
                row[j + 1] = diagonal + 1;
            else if (row[j] > above)
                row[j + 1] = row[j];
            diagonal = above;
        }
    }
    longest = row[b->n];
    mem_free(row);
    return longest;
}

struct best {
    struct words reply;
    double score;
};

static bool compare(void *context, struct slice answer)
{
    struct best *b = context;
    struct words w = {NULL, 0, 0};
    size_t lcs;
    double f;
    split(answer, &w);
    lcs = common(&w, &b->reply);
    f = lcs == 0 ? 0 : 2.0 * (double)lcs / (double)(w.n + b->reply.n);
    if (f > b->score)
        b->score = f;
    mem_free(w.hash);
    return false;
}

static void grade(const struct grade_input *in, struct grade *out)
{
    const struct json *pass = json_get(in->item->args, "pass");
    struct best b = {{NULL, 0, 0}, 0};
    split(grade_final(in->reply), &b.reply);
    (void)grade_any_answer(in->item, compare, &b);
    mem_free(b.reply.hash);
    buf_printf(&out->why, "%.3f", b.score);
    out->score = b.score;
    if (pass != NULL)
        out->score = b.score >= json_number(pass, 1) ? 1 : 0;
}

const struct grader grade_rouge = {
    .name = "rouge_l",
    .summary = "how much of the answer's wording the reply has (F1 of the longest common run)",
    .graded = true,
    .check = grade_needs_answer,
    .grade = grade,
};
