#include "filter/wide.h"

#include "core/arena.h"
#include "core/mem.h"
#include "core/signals.h"
#include "filter/order.h"
#include "filter/row.h"

#include <stdio.h>
#include <string.h>

/* Ours come first, by id. */
uint32_t wide_row(const struct wide *w, int64_t id)
{
    size_t low = 0, high = w->x->n;
    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        const struct index_entry *e = &w->x->entries[mid];
        if (!(e->flags & INDEX_FOREIGN) && e->id < id)
            low = mid + 1;
        else
            high = mid;
    }
    const bool found =
        low < w->x->n && w->x->entries[low].id == id && !(w->x->entries[low].flags & INDEX_FOREIGN);
    return found ? (uint32_t)low : WIDE_NONE;
}

static int by_preference(const void *context, uint32_t a, uint32_t b)
{
    return order_compare(context, a, b);
}

uint32_t *wide_order(const struct wide *w, size_t *n)
{
    const struct order order = {w->chosen, w->x->entries};
    uint32_t *rows = mem_alloc(w->x->n * sizeof *rows + 1);
    *n = 0;
    for (size_t i = 0; i < w->x->n; i++)
        if (index_lives(&w->x->entries[i]))
            rows[(*n)++] = (uint32_t)i;
    order_sort(rows, *n, by_preference, &order);
    return rows;
}

bool wide_chosen(const struct wide *w, const char *rule)
{
    return chosen_has(w->chosen, rule);
}

enum verdict_action wide_action(const struct wide *w, const char *path)
{
    const char *given = recipe_text(w->recipe, path);
    return given != NULL && strcmp(given, "flag") == 0 ? VERDICT_FLAG : VERDICT_REMOVE;
}

/* ---- texts */

struct walk {
    const struct wide *w;
    const unsigned char *want;
    wide_fn *fn;
    void *context;
    struct corpus *corpus; /* being read */
    size_t at, end;        /* entries of it still to be met */
    struct arena arena;
    struct wide_text *rows;
    size_t n, bytes;
    struct row row;
    int64_t after;
};

/* The turns or instruction and input, one behind the other. */
static struct slice join_prompt(struct arena *a, const struct row *r)
{
    if (r->n_prompt < 2)
        return r->n_prompt == 1 ? arena_copy(a, r->prompt[0]) : SLICE("");
    const size_t first = r->prompt[0].len, second = r->prompt[1].len;
    char *text = arena_alloc(a, first + second + 2);
    memcpy(text, r->prompt[0].data, first);
    text[first] = '\n';
    memcpy(text + first + 1, r->prompt[1].data, second);
    text[first + 1 + second] = '\0';
    return slice_from(text, first + 1 + second);
}

/* The next wanted entry at or behind that id. */
static bool wanted(struct walk *k, int64_t id)
{
    const struct index_entry *e = k->w->x->entries;
    while (k->at < k->end && e[k->at].id < id)
        k->at++;
    return k->at < k->end && e[k->at].id == id && k->want[k->at];
}

static struct slice copy(struct arena *a, struct slice s)
{
    return s.data != NULL ? arena_copy(a, s) : s;
}

static struct sample copy_sample(struct arena *a, const struct sample *s)
{
    return (struct sample){.id = s->id,
                           .name = copy(a, s->name),
                           .name_number = s->name_number,
                           .system = copy(a, s->system),
                           .instruction = copy(a, s->instruction),
                           .input = copy(a, s->input),
                           .output = copy(a, s->output),
                           .messages = copy(a, s->messages),
                           .finish_reason = copy(a, s->finish_reason),
                           .meta = copy(a, s->meta)};
}

static int collect(void *context, const struct sample *s, struct error *error)
{
    struct walk *k = context;
    (void)error;
    k->after = s->id;
    if (!wanted(k, s->id))
        return k->at == k->end;
    row_set(&k->row, s);
    k->rows[k->n++] = (struct wide_text){.row = (uint32_t)k->at,
                                         .prompt = join_prompt(&k->arena, &k->row),
                                         .output = arena_copy(&k->arena, k->row.reply)};
    if (k->w->whole)
        k->rows[k->n - 1].sample = copy_sample(&k->arena, s);
    k->bytes += s->instruction.len + s->input.len + s->messages.len + s->output.len;
    return k->n == WIDE_ROWS || k->bytes >= WIDE_BYTES;
}

/* Rows as a whole are what a user's command sees, names and all. */
static int walk_texts(struct walk *k, int64_t after, struct error *error)
{
    return k->w->whole ? samples_each(k->corpus, SAMPLES_ALL, after, collect, k, error)
                       : samples_texts(k->corpus, after, collect, k, error);
}

static int walk(struct walk *k, struct error *error)
{
    int rc;
    do {
        while (k->at < k->end && !k->want[k->at])
            k->at++;
        if (k->at == k->end)
            return 0;
        const int64_t before = k->w->x->entries[k->at].id - 1;
        k->n = k->bytes = 0;
        arena_reset(&k->arena);
        rc = walk_texts(k, k->after > before ? k->after : before, error);
        if (rc == 0 && k->n > 0)
            rc = k->fn(k->context, k->rows, k->n, error);
        if (rc == 0 && signals_draining())
            rc = error_set(error, ERROR_INTERRUPTED, "stopped; no verdict of this run was stored");
    } while (rc == 0 && k->n > 0);
    return rc;
}

int wide_texts(const struct wide *w, const unsigned char *want, wide_fn *fn, void *context,
               struct error *error)
{
    struct walk k = {.w = w,
                     .want = want,
                     .fn = fn,
                     .context = context,
                     .corpus = w->corpus,
                     .arena = ARENA,
                     .row = ROW};
    size_t own = w->x->n;
    int rc;
    while (own > 0 && (w->x->entries[own - 1].flags & INDEX_FOREIGN))
        own--;
    k.rows = mem_alloc(WIDE_ROWS * sizeof *k.rows);
    k.end = own;
    rc = walk(&k, error);
    if (rc == 0 && own < w->x->n) {
        k.corpus = w->foreign;
        k.at = own;
        k.end = w->x->n;
        k.after = 0;
        rc = walk(&k, error);
    }
    mem_free(k.rows);
    row_free(&k.row);
    arena_free(&k.arena);
    return rc;
}

/* ---- verdicts */

int wide_put(const struct wide *w, const struct wide_verdict *v, struct error *error)
{
    struct index_entry *e = &w->x->entries[v->row];
    const struct index_entry *m = v->match != WIDE_NONE ? &w->x->entries[v->match] : NULL;
    const bool foreign = m != NULL && (m->flags & INDEX_FOREIGN);
    char why[320];
    if (m != NULL)
        (void)snprintf(why, sizeof why, "%s sample %lld%s%.120s", v->words, (long long)m->id,
                       foreign ? " of " : "", foreign ? corpus_path(w->foreign) : "");
    else
        (void)snprintf(why, sizeof why, "%s", v->words);
    const struct verdict out = {.sample_id = e->id,
                                .rule = v->rule,
                                .version = v->version,
                                .action = v->action,
                                .value = v->value,
                                .threshold = v->threshold,
                                .match_id = m != NULL && !foreign ? m->id : 0,
                                .similarity = v->similarity,
                                .why = slice_of(why)};
    if (v->action == VERDICT_REMOVE)
        e->flags |= INDEX_REMOVED;
    return ledger_add(w->ledger, &out, error);
}
