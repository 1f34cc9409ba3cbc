#include "filter/select.h"

#include "core/mem.h"
#include "core/vec.h"
#include "corpus/judging.h"
#include "filter/order.h"
#include "filter/selector.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SELECT_VERSION = 1, MAX_STRATA = 1 << 20 };

struct group {
    char *name;
    uint64_t key; /* hash of the name, which is the order */
    size_t n, quota, from;
};

struct selection {
    const struct wide *w;
    const struct selector *how;
    uint32_t *rows; /* candidates by their bytes, group by group */
    size_t n;
    uint32_t *group_of; /* by row of the index */
    struct group *groups;
    size_t n_groups, cap_groups;
    double *score, sign; /* by row; NULL */
    struct space space;
};

bool select_wanted(const struct wide *w)
{
    return recipe_text(w->recipe, "filter.select.method") != NULL;
}

/* ---- scores */

/* The product of the named scores; a row that lacks one has none. */
static int read_score(struct selection *s, struct scores *scores, struct error *error)
{
    const char *product = recipe_text(s->w->recipe, "filter.select.score");
    const size_t n = s->w->x->n;
    s->sign = strcmp(recipe_text(s->w->recipe, "filter.select.order"), "lowest") == 0 ? -1 : 1;
    if (product == NULL)
        return s->how->needs_score
                   ? error_set(error, ERROR_USAGE,
                               "filter.select.score: \"%s\" chooses by a score; name one",
                               s->how->name)
                   : 0;
    s->score = mem_alloc(n * sizeof *s->score + 1);
    for (size_t i = 0; i < n; i++)
        s->score[i] = s->sign;
    while (*product != '\0') {
        const size_t len = strcspn(product, "*");
        const struct slice name = slice_trim(slice_from(product, len));
        char text[64] = "";
        if (name.len < sizeof text)
            memcpy(text, name.data, name.len);
        const struct score_column *c = scores_find(scores, text);
        for (size_t i = 0; i < n && c != NULL; i++)
            s->score[i] *= s->w->x->entries[i].flags & INDEX_FOREIGN ? (double)NAN : c->values[i];
        product += len + (product[len] == '*');
    }
    for (size_t i = 0; i < s->n; i++)
        if (!isnan(s->score[s->rows[i]]))
            return 0;
    return error_set(error, ERROR_INPUT, "filter.select.score: no row has the score \"%s\"",
                     recipe_text(s->w->recipe, "filter.select.score"));
}

/* ---- strata */

static size_t group_find(struct selection *s, struct slice name)
{
    const uint64_t key = hash64(name.data, name.len, 0);
    size_t low = 0, high = s->n_groups;
    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        if (s->groups[mid].key < key)
            low = mid + 1;
        else
            high = mid;
    }
    if (low < s->n_groups && s->groups[low].key == key)
        return low;
    s->groups = vec_reserve(s->groups, &s->cap_groups, s->n_groups + 1, sizeof *s->groups);
    memmove(s->groups + low + 1, s->groups + low, (s->n_groups - low) * sizeof *s->groups);
    s->groups[low] =
        (struct group){.name = mem_strndup(name.data, name.len < 64 ? name.len : 64), .key = key};
    s->n_groups++;
    return low;
}

struct naming {
    struct selection *s;
    uint64_t *keys; /* by row */
};

static int take_stratum(void *context, int64_t id, struct slice name, struct error *error)
{
    struct naming *k = context;
    const uint32_t row = wide_row(k->s->w, id);
    if (row == WIDE_NONE || !index_lives(&k->s->w->x->entries[row]))
        return 0;
    if (name.data == NULL)
        name = SLICE("");
    if (k->s->n_groups == MAX_STRATA)
        return error_set(error, ERROR_LIMIT, "filter.select.stratum: more than %d strata",
                         MAX_STRATA);
    const size_t group = group_find(k->s, name); /* may move the groups */
    k->keys[row] = k->s->groups[group].key;
    return 0;
}

static size_t group_at(const struct selection *s, uint64_t key)
{
    size_t low = 0, high = s->n_groups;
    while (low + 1 < high) {
        const size_t mid = low + (high - low) / 2;
        if (s->groups[mid].key <= key)
            low = mid;
        else
            high = mid;
    }
    return low;
}

static int read_strata(struct selection *s, struct error *error)
{
    const char *expression = recipe_text(s->w->recipe, "filter.select.stratum");
    struct naming k = {s, mem_zero(s->w->x->n + 1, sizeof(uint64_t))};
    int rc = 0;
    if (expression != NULL)
        rc = judging_strata(s->w->corpus, expression, take_stratum, &k, error);
    else
        (void)group_find(s, SLICE(""));
    s->group_of = mem_zero(s->w->x->n + 1, sizeof *s->group_of);
    for (size_t i = 0; i < s->n && rc == 0 && s->n_groups > 0; i++) {
        const uint32_t row = s->rows[i];
        s->group_of[row] = expression != NULL ? (uint32_t)group_at(s, k.keys[row]) : 0;
        s->groups[s->group_of[row]].n++;
    }
    mem_free(k.keys);
    return rc;
}

static int by_group(const void *context, uint32_t a, uint32_t b)
{
    const struct selection *s = context;
    return (s->group_of[a] > s->group_of[b]) - (s->group_of[a] < s->group_of[b]);
}

/* ---- quotas */

/* Equal parts; what a small stratum leaves goes to the others, one by one in their order. */
static void share_equally(struct selection *s, size_t total)
{
    for (bool any = true; total > 0 && any;) {
        size_t open = 0, each;
        any = false;
        for (size_t g = 0; g < s->n_groups; g++)
            open += s->groups[g].quota < s->groups[g].n;
        each = open > 0 && total / open > 0 ? total / open : 1;
        for (size_t g = 0; g < s->n_groups && total > 0; g++) {
            struct group *q = &s->groups[g];
            size_t more = q->n - q->quota < each ? q->n - q->quota : each;
            more = more < total ? more : total;
            q->quota += more;
            total -= more;
            any |= more > 0;
        }
    }
}

/* By size, the largest remainders first. */
static void share_by_size(struct selection *s, size_t total)
{
    size_t given = 0;
    for (size_t g = 0; g < s->n_groups; g++) {
        s->groups[g].quota = (size_t)((double)total * (double)s->groups[g].n / (double)s->n);
        given += s->groups[g].quota;
    }
    while (given < total) {
        size_t best = 0;
        double most = -1;
        for (size_t g = 0; g < s->n_groups; g++) {
            const double left =
                (double)total * (double)s->groups[g].n / (double)s->n - (double)s->groups[g].quota;
            if (s->groups[g].quota < s->groups[g].n && left > most) {
                most = left;
                best = g;
            }
        }
        s->groups[best].quota++;
        given++;
    }
}

static int share(struct selection *s, struct error *error)
{
    const struct recipe *r = s->w->recipe;
    const double part = json_number(recipe_get(r, "filter.select.share"), (double)NAN);
    const double count = json_number(recipe_get(r, "filter.select.count"), (double)NAN);
    const double each = json_number(recipe_get(r, "filter.select.per_stratum"), (double)NAN);
    double total = count;
    if (isnan(part) && isnan(count) && isnan(each))
        return error_set(error, ERROR_USAGE,
                         "filter.select: say how many: count, share or per_stratum");
    if (!isnan(part) && (isnan(total) || part * (double)s->n < total))
        total = floor(part * (double)s->n + 0.5);
    if (isnan(total) || total > (double)s->n)
        total = (double)s->n;
    if (!isnan(each)) {
        for (size_t g = 0; g < s->n_groups; g++)
            s->groups[g].quota = (double)s->groups[g].n < each ? s->groups[g].n : (size_t)each;
    } else if (s->n > 0 && strcmp(recipe_text(r, "filter.select.balance"), "size") == 0) {
        share_by_size(s, (size_t)total);
    } else {
        share_equally(s, (size_t)total);
    }
    return 0;
}

/* ---- choosing */

static int put_left(const struct selection *s, const struct stratum *t, size_t place,
                    struct error *error)
{
    const struct left_out *l = &t->left[place];
    char words[288];
    if (t->name != NULL && l->match == WIDE_NONE)
        (void)snprintf(words, sizeof words, "%s: %s, in the stratum \"%.64s\"", s->how->name,
                       l->why, t->name);
    else
        (void)snprintf(words, sizeof words, "%s: %s", s->how->name, l->why);
    const struct wide_verdict v = {.rule = SELECT_RULE,
                                   .version = SELECT_VERSION,
                                   .action = VERDICT_REMOVE,
                                   .row = t->rows[place],
                                   .match = l->match,
                                   .value = l->value,
                                   .threshold = l->threshold,
                                   .similarity = l->similarity,
                                   .words = words};
    return wide_put(s->w, &v, error);
}

static int choose_group(struct selection *s, const struct group *g, struct error *error)
{
    const struct recipe *r = s->w->recipe;
    struct stratum t = {.w = s->w,
                        .space = &s->space,
                        .name = recipe_text(r, "filter.select.stratum") != NULL ? g->name : NULL,
                        .rows = s->rows + g->from,
                        .n = g->n,
                        .quota = g->quota,
                        .score = s->score,
                        .sign = s->sign,
                        .diversity = recipe_number(r, "filter.select.diversity"),
                        .seed = (uint64_t)recipe_integer(r, "filter.select.seed")};
    int rc = 0;
    if (g->quota >= g->n)
        return 0;
    t.chosen = mem_zero(g->n + 1, 1);
    t.left = mem_zero(g->n + 1, sizeof *t.left);
    for (size_t i = 0; i < t.n; i++)
        if (s->w->x->entries[t.rows[i]].flags & INDEX_HUMAN)
            selector_choose(&t, i);
    if (t.n_chosen > t.quota)
        t.quota = t.n_chosen;
    if (t.quota < t.n)
        rc = s->how->choose(&t, error);
    for (size_t i = 0; i < t.n && rc == 0; i++)
        if (!t.chosen[i] && t.quota < t.n)
            rc = put_left(s, &t, i, error);
    mem_free(t.chosen);
    mem_free(t.left);
    return rc;
}

static int choose(struct selection *s, struct error *error)
{
    size_t from = 0;
    order_sort(s->rows, s->n, by_group, s); /* stable: within a group by bytes */
    for (size_t g = 0; g < s->n_groups; g++) {
        s->groups[g].from = from;
        from += s->groups[g].n;
        if (choose_group(s, &s->groups[g], error) != 0)
            return -1;
    }
    return 0;
}

static int by_content(const void *context, uint32_t a, uint32_t b)
{
    const struct index_entry *x = context;
    if (x[a].content != x[b].content)
        return x[a].content > x[b].content ? 1 : -1;
    return (x[a].id > x[b].id) - (x[a].id < x[b].id);
}

/* Living rows of this dataset by their bytes: neither order nor age of rows decides. */
static void candidates(struct selection *s)
{
    const struct index_entry *e = s->w->x->entries;
    s->rows = mem_alloc(s->w->x->n * sizeof *s->rows + 1);
    for (size_t i = 0; i < s->w->x->n; i++)
        if (index_lives(&e[i]) && !(e[i].flags & INDEX_FOREIGN))
            s->rows[s->n++] = (uint32_t)i;
    order_sort(s->rows, s->n, by_content, e);
}

int select_run(const struct wide *w, struct scores *scores, const struct embeddings *embeddings,
               struct error *error)
{
    struct selection s = {.w = w};
    int rc;
    s.how = selector_find(recipe_text(w->recipe, "filter.select.method"));
    if (s.how == NULL)
        return error_set(error, ERROR_USAGE, "filter.select.method: no such method");
    candidates(&s);
    rc = s.n > 0 ? read_score(&s, scores, error) : 0;
    if (rc == 0)
        rc = read_strata(&s, error);
    if (rc == 0)
        rc = share(&s, error);
    if (rc == 0 && s.how->needs_space)
        rc = space_open(&s.space, w, embeddings, error);
    if (rc == 0)
        rc = choose(&s, error);
    space_close(&s.space);
    for (size_t g = 0; g < s.n_groups; g++)
        mem_free(s.groups[g].name);
    mem_free(s.groups);
    mem_free(s.group_of);
    mem_free(s.score);
    mem_free(s.rows);
    return rc;
}
