/*
 * Contamination: the row holds text of an evaluation item (filter/evalsets.h).  Matching runs of
 * `gram` tokens are joined to spans.  It fires on
 *   a span of `span` tokens or more, or the whole of a shorter item;
 *   spans that together cover `share` of the item (0: not asked), for items reworded here and
 *   there.
 * The verdict names the item with the longest span (ConTAM, arXiv 2411.03923: the longest span tells
 * more than the union).  Tokens are words and single characters of unspaced scripts; two such
 * characters count as one token, so that Chinese is held to the same length of text.
 */
#include "core/file.h"
#include "core/mem.h"
#include "filter/evalsets.h"
#include "filter/rules.h"

#include <string.h>

enum { OPEN = 64, TOUCHED = 64 };

struct contaminated {
    struct evalsets sets;
    double span, share;
};

static void close_sets(void *state)
{
    struct contaminated *s = state;
    evalsets_free(&s->sets);
    mem_free(s);
}

static void *open_sets(const struct json *settings, const char *folder, struct error *error)
{
    struct contaminated *s = mem_zero(1, sizeof *s);
    s->span = json_number(json_get(settings, "span"), 13);
    s->share = json_number(json_get(settings, "share"), 0);
    evalsets_init(&s->sets, (size_t)json_number(json_get(settings, "gram"), 8));
    for (const struct json *f = json_first(json_get(settings, "files")); f != NULL;
         f = json_next(f)) {
        char *path = file_join(folder, json_text(f, ""));
        const int rc = evalsets_read(&s->sets, path, error);
        mem_free(path);
        if (rc != 0) {
            close_sets(s);
            return NULL;
        }
    }
    if (json_first(json_get(settings, "files")) == NULL) {
        error_set(error, ERROR_USAGE, "files: name at least one evaluation set");
        close_sets(s);
        return NULL;
    }
    return s;
}

/* A run of the row that stands in an item, still growing. */
struct run {
    uint32_t item, next; /* item + 1; the place in the item that would go on with it */
    size_t from, to;     /* tokens of the row */
};

/* How much of an item was met, counted forwards. */
struct touched {
    uint32_t item, end, tokens;
};

struct match {
    const struct contaminated *s;
    const struct tokens *t;
    struct slice text;
    struct run open[OPEN];
    struct touched touched[TOUCHED];
    size_t n_open, n_touched;
    struct run best;
    double length; /* of the best */
};

/* Words count one, characters of unspaced scripts half. */
static double weight(const struct match *m, size_t from, size_t to)
{
    double sum = 0;
    for (size_t i = from; i < to; i++)
        sum += (unsigned char)m->text.data[m->t->items[i].rest] >= 0xE0 ? 0.5 : 1;
    return sum;
}

static void close_run(struct match *m, const struct run *r)
{
    const double length = weight(m, r->from, r->to);
    if (length > m->length) {
        m->length = length;
        m->best = *r;
    }
}

static void touch(struct match *m, const struct evalsets_gram *g)
{
    const uint32_t end = g->place + (uint32_t)m->s->sets.gram;
    size_t i = 0;
    while (i < m->n_touched && m->touched[i].item != g->item)
        i++;
    if (i == TOUCHED)
        return;
    if (i == m->n_touched)
        m->touched[m->n_touched++] = (struct touched){g->item, 0, 0};
    struct touched *t = &m->touched[i];
    if (end > t->end) {
        t->tokens += end - (g->place > t->end ? g->place : t->end);
        t->end = end;
    }
}

/* The run of tokens at `at` of the row stands at g. */
static void extend(struct match *m, const struct evalsets_gram *g, size_t at)
{
    touch(m, g);
    for (size_t i = 0; i < m->n_open; i++)
        if (m->open[i].item == g->item && m->open[i].next == g->place) {
            m->open[i].next++;
            m->open[i].to = at + m->s->sets.gram;
            return;
        }
    if (m->n_open < OPEN)
        m->open[m->n_open++] = (struct run){g->item, g->place + 1, at, at + m->s->sets.gram};
}

static void walk(struct match *m)
{
    const struct evalsets *sets = &m->s->sets;
    const struct evalsets_gram *found[EVALSETS_SAME];
    for (size_t at = 0; at + sets->gram <= m->t->n; at++) {
        const size_t n = evalsets_find(sets, evalsets_hash(sets, &m->t->items[at]), found);
        for (size_t i = 0; i < n; i++)
            extend(m, found[i], at);
        for (size_t i = 0; i < m->n_open;) { /* those that did not go on are done */
            if (m->open[i].to == at + sets->gram) {
                i++;
                continue;
            }
            close_run(m, &m->open[i]);
            m->open[i] = m->open[--m->n_open];
        }
    }
    while (m->n_open > 0)
        close_run(m, &m->open[--m->n_open]);
}

static double covered(const struct match *m, uint32_t item)
{
    for (size_t i = 0; i < m->n_touched; i++)
        if (m->touched[i].item == item)
            return (double)m->touched[i].tokens / (double)m->s->sets.items[item - 1].tokens;
    return 0;
}

/* The item that is covered most. */
static uint32_t most_covered(const struct match *m)
{
    uint32_t best = 0;
    for (size_t i = 0; i < m->n_touched; i++)
        if (best == 0 || covered(m, m->touched[i].item) > covered(m, best))
            best = m->touched[i].item;
    return best;
}

static bool fires(struct match *m)
{
    const struct contaminated *s = m->s;
    if (m->best.item == 0)
        return false;
    if (m->length >= s->span || m->best.to - m->best.from >= s->sets.items[m->best.item - 1].tokens)
        return true;
    if (s->share <= 0 || covered(m, most_covered(m)) < s->share)
        return false;
    m->best.item = most_covered(m);
    return true;
}

static bool check(const struct contaminated *s, struct slice text, const char *field,
                  struct finding *out)
{
    struct tokens t = {NULL, 0, 0};
    struct match m = {.s = s, .t = &t, .text = text};
    tokens_add(&t, text);
    walk(&m);
    const bool fired = fires(&m);
    if (fired) {
        const size_t end = m.best.to < t.n ? t.items[m.best.to].rest : text.len;
        finding_value(out, m.length, s->span);
        finding_span(out, field, t.items[m.best.from].rest, end);
        finding_why(out, "%.0f tokens in a row, %.0f %% of %s", m.length,
                    100 * covered(&m, m.best.item), s->sets.items[m.best.item - 1].name);
    }
    tokens_release(&t);
    return fired;
}

static bool judge(const void *state, const struct row *row, struct finding *out)
{
    const struct contaminated *s = state;
    return check(s, row->request, "instruction", out) || check(s, row->output, "output", out) ||
           check(s, row->sample->input, "input", out);
}

const struct filter_rule rule_contaminated = {
    .name = "contaminated",
    .version = 2,
    .action = VERDICT_REMOVE,
    .summary = "it holds an item of an evaluation set",
    .open = open_sets,
    .close = close_sets,
    .judge = judge,
};
