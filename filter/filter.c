#include "filter/filter.h"

#include "core/arena.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/pool.h"
#include "corpus/judging.h"
#include "corpus/masked.h"
#include "filter/chosen.h"
#include "filter/dedup.h"
#include "filter/external.h"
#include "filter/index.h"
#include "filter/later.h"
#include "filter/ledger.h"
#include "filter/losses.h"
#include "filter/mask.h"
#include "filter/scan.h"
#include "filter/select.h"
#include "filter/signatures.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAPPED = 128 << 20 }; /* bytes of the dataset that are read without copies */

struct run {
    const struct filter_options *options;
    struct corpus *corpus, *foreign;
    struct progress *progress;
    const struct recipe *recipe;
    struct chosen chosen;
    struct pool *pool;
    struct index index;
    struct ledger ledger;
    char *spill_dir;
    struct hash128 state;  /* of everything the verdicts depend on but the rows */
    bool fresh;            /* judge every row; else those after `through` */
    int64_t through, last; /* judged by the last run; the last there is */
    struct dedup_counts counts;
    uint64_t judged;
    double seconds[3]; /* of reading and judging, of duplicates, of storing */
};

/* ---- what the last run left */

static int fold_human(void *context, const struct standing *s, struct error *error)
{
    struct hash128 *h = context;
    const int64_t said[2] = {s->sample_id, s->human_keep ? 1 : 2};
    (void)error;
    if (s->human_keep || s->human_drop)
        *h = hash128_add(*h, said, sizeof said);
    return 0;
}

/* The state under which the stored verdicts were made: "32 hex digits, a blank, the last id". */
static int read_state(struct run *r, struct error *error)
{
    struct buf text = BUF;
    char hex[33];
    int rc;
    const char *against = r->options->against != NULL ? r->options->against : "";
    r->state = hash128_add(r->chosen.fingerprint, against, strlen(against));
    if (judging_standings(r->corpus, fold_human, &r->state, error) != 0)
        return -1;
    hash128_hex(r->state, hex);
    rc = corpus_meta_get(r->corpus, "filter.state", &text, error);
    r->fresh = r->options->again || rc != 1 || text.len < 34 || memcmp(text.data, hex, 32) != 0;
    r->through = r->fresh ? 0 : strtoll(text.data + 33, NULL, 10);
    buf_free(&text);
    r->last = judging_last_id(r->corpus, error);
    return rc < 0 || r->last < 0 ? -1 : 0;
}

struct mark {
    struct index *x;
    size_t at;
    bool fresh;
    int64_t through;
};

/* Standings come in order of id, as the entries do. */
static int mark_one(void *context, const struct standing *s, struct error *error)
{
    struct mark *m = context;
    (void)error;
    while (m->at < m->x->n && m->x->entries[m->at].id < s->sample_id)
        m->at++;
    if (m->at == m->x->n || m->x->entries[m->at].id != s->sample_id)
        return 0;
    struct index_entry *e = &m->x->entries[m->at];
    if (s->human_keep)
        e->flags |= INDEX_HUMAN;
    else if (s->human_drop)
        e->flags |= INDEX_DROPPED;
    if (!m->fresh && e->id <= m->through && !s->human_keep && (s->removed || s->human_drop))
        e->flags |= INDEX_GONE;
    return 0;
}

static int mark_standings(struct run *r, struct error *error)
{
    struct mark m = {.x = &r->index, .fresh = r->fresh, .through = r->through};
    for (size_t i = 0; !r->fresh && i < r->index.n && r->index.entries[i].id <= r->through; i++)
        r->index.entries[i].flags |= INDEX_OLD;
    return judging_standings(r->corpus, mark_one, &m, error);
}

/* ---- the passes */

/* Signatures are stored on the way; they can be taken again, so no commit waits for the disk. */
static int scan_rows(struct run *r, struct error *error)
{
    struct scan s = {.chosen = &r->chosen,
                     .corpus = r->corpus,
                     .pool = r->pool,
                     .progress = r->progress,
                     .index = &r->index,
                     .ledger = &r->ledger,
                     .spill_dir = r->spill_dir,
                     .languages = r->options->dry_run,
                     .keep = !r->options->dry_run,
                     .known = r->index.n,
                     .after = r->through,
                     .last = r->last};
    const int64_t all = samples_count(r->corpus, SAMPLES_ALL, error);
    s.total = all > 0 ? (uint64_t)all : 0;
    if (all < 0 || corpus_durability(r->corpus, CORPUS_NORMAL, error) != 0)
        return -1;
    const int rc = scan_run(&s, error);
    r->judged = s.rows;
    return corpus_durability(r->corpus, CORPUS_FULL, rc == 0 ? error : NULL) == 0 ? rc : -1;
}

/* The entry of a sample; entries are in order of id. */
static struct index_entry *entry_of(struct index *x, int64_t id)
{
    size_t low = 0, high = x->n;
    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        if (x->entries[mid].id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return low < x->n && x->entries[low].id == id ? &x->entries[low] : NULL;
}

static int put_sql(void *context, int64_t id, struct error *error)
{
    struct run *r = context;
    struct index_entry *e = entry_of(&r->index, id);
    const struct verdict v = {.sample_id = id,
                              .rule = "sql",
                              .version = 1,
                              .action = r->chosen.where_flags ? VERDICT_FLAG : VERDICT_REMOVE,
                              .value = (double)NAN,
                              .threshold = (double)NAN,
                              .similarity = (double)NAN,
                              .why = slice_of(r->chosen.where)};
    if (e != NULL && !r->chosen.where_flags)
        e->flags |= INDEX_REMOVED;
    return ledger_add(&r->ledger, &v, error);
}

/* The user's SQL expression. */
static int ask_sql(struct run *r, struct error *error)
{
    const struct judging_range range = {r->chosen.where, r->through, r->last};
    return r->chosen.where != NULL ? judging_where(r->corpus, &range, put_sql, r, error) : 0;
}

static int scan_foreign(struct run *r, struct error *error)
{
    struct scan s = {.chosen = &r->chosen,
                     .pool = r->pool,
                     .index = &r->index,
                     .spill_dir = r->spill_dir,
                     .flags = INDEX_FOREIGN,
                     .kept_only = true,
                     .last = INT64_MAX};
    if (r->options->against == NULL)
        return 0;
    r->foreign = s.corpus = corpus_open(r->options->against, CORPUS_READ, error);
    return r->foreign != NULL ? scan_run(&s, error) : -1;
}

static int find_duplicates(struct run *r, struct error *error)
{
    struct source_corpora both = {r->corpus, r->foreign};
    const struct source source = source_of(&both);
    const struct dedup d = {.chosen = &r->chosen,
                            .x = &r->index,
                            .source = &source,
                            .foreign = r->foreign != NULL ? corpus_path(r->foreign) : NULL,
                            .pool = r->pool,
                            .ledger = &r->ledger};
    return dedup_run(&d, &r->counts, error);
}

static int find_all(struct run *r, struct error *error)
{
    const struct wide w = {.chosen = &r->chosen,
                           .recipe = r->recipe,
                           .x = &r->index,
                           .corpus = r->corpus,
                           .foreign = r->foreign,
                           .pool = r->pool,
                           .ledger = &r->ledger,
                           .dry_run = r->options->dry_run};
    struct later l = {.w = &w, .progress = r->progress};
    int rc = later_before(&l, error);
    if (rc == 0)
        rc = find_duplicates(r, error);
    if (rc == 0)
        rc = later_after(&l, error);
    later_close(&l);
    return rc;
}

/* ---- applying */

enum { TOGETHER = 256 };

/* Verdicts on their way into the dataset, with copies of their texts. */
struct applying {
    struct corpus *corpus;
    bool mask;                /* what rule "pii" fired on */
    struct verdict *verdicts; /* TOGETHER of them */
    struct arena texts;
    size_t n;
};

static int apply_waiting(struct applying *a, struct error *error)
{
    const int rc = verdicts_put_all(a->corpus, a->verdicts, a->n, error);
    a->n = 0;
    arena_reset(&a->texts);
    return rc;
}

static int apply_one(void *context, const struct verdict *v, struct error *error)
{
    struct applying *a = context;
    struct verdict *to = &a->verdicts[a->n++];
    *to = *v;
    if (v->why.data != NULL)
        to->why = arena_copy(&a->texts, v->why);
    if (a->mask && strcmp(v->rule, "pii") == 0 && mask_sample(a->corpus, v->sample_id, error) != 0)
        return -1;
    return a->n == TOGETHER ? apply_waiting(a, error) : 0;
}

static int apply_verdicts(struct run *r, struct error *error)
{
    struct applying a = {.corpus = r->corpus, .mask = r->chosen.mask, .texts = ARENA};
    a.verdicts = mem_alloc(TOGETHER * sizeof *a.verdicts);
    int rc = ledger_by_sample(&r->ledger, apply_one, &a, error);
    if (rc == 0)
        rc = apply_waiting(&a, error);
    mem_free(a.verdicts);
    arena_free(&a.texts);
    return rc;
}

static int write_state(struct run *r, struct error *error)
{
    char text[64], hex[33];
    hash128_hex(r->state, hex);
    (void)snprintf(text, sizeof text, "%s %lld", hex, (long long)r->last);
    return corpus_meta_set(r->corpus, "filter.state", slice_of(text), error);
}

static int apply(struct run *r, struct error *error)
{
    if (judging_begin(r->corpus, error) != 0)
        return -1;
    if (judging_clear_after(r->corpus, r->through, error) == 0 &&
        verdicts_clear(r->corpus, SELECT_RULE, error) == 0 &&
        masked_clear_after(r->corpus, r->through, error) == 0 && apply_verdicts(r, error) == 0 &&
        write_state(r, error) == 0)
        return judging_commit(r->corpus, error);
    judging_rollback(r->corpus);
    return -1;
}

/* ---- the stage */

static int write_report(struct run *r, struct buf *report, struct error *error)
{
    struct json *j = json_new_object(), *seconds = json_new_object();
    const struct losses l = {.index = &r->index,
                             .corpus = r->corpus,
                             .ledger = &r->ledger,
                             .stored = !r->fresh,
                             .judged = r->judged > 0,
                             .details = r->options->dry_run,
                             .through = r->through};
    const int rc = losses_report(&l, j, error);
    json_put_integer(j, "judged", (int64_t)r->judged);
    json_put_integer(j, "pairs_verified", (int64_t)r->counts.candidates);
    if (r->counts.left_out > 0)
        json_put_integer(j, "pairs_left_out", (int64_t)r->counts.left_out);
    json_put_number(seconds, "judging", r->seconds[0]);
    json_put_number(seconds, "duplicates", r->seconds[1]);
    json_put_number(seconds, "storing", r->seconds[2]);
    json_put(j, "seconds", seconds);
    if (rc == 0)
        (void)json_write(j, 0, report);
    json_free(j);
    return rc;
}

static double lap(int64_t *since)
{
    const int64_t now = clock_ns();
    const double ms = (double)((now - *since) / 1000000);
    *since = now;
    return ms / 1000;
}

static int run_all(struct run *r, struct buf *report, struct error *error)
{
    int64_t clock = clock_ns();
    size_t own;
    if (read_state(r, error) != 0)
        return -1;
    if (r->options->again && !r->options->dry_run &&
        (signatures_prune(r->corpus, "words", error) != 0 ||
         signatures_prune(r->corpus, "embedding", error) != 0))
        return -1;
    if (!r->options->again &&
        signatures_load(r->corpus, r->chosen.kind, &r->index, r->spill_dir, error) != 0)
        return -1;
    if (!r->options->dry_run && r->index.n == 0 &&
        signatures_prune(r->corpus, "minhash", error) != 0)
        return -1;
    if (scan_rows(r, error) != 0)
        return -1;
    own = r->index.n;
    if (ask_sql(r, error) != 0 || mark_standings(r, error) != 0)
        return -1;
    r->seconds[0] = lap(&clock);
    if (r->judged > 0 && (scan_foreign(r, error) != 0 || find_all(r, error) != 0))
        return -1;
    r->index.n = own; /* the rest is about this dataset */
    r->seconds[1] = lap(&clock);
    if (!r->options->dry_run && (r->judged > 0 || r->fresh) && apply(r, error) != 0)
        return -1;
    r->seconds[2] = lap(&clock);
    return write_report(r, report, error);
}

/* With all that a run needs at hand. */
static int run_open(struct run *r, struct buf *report, struct error *error)
{
    int rc;
    r->pool = pool_new((int)recipe_integer(r->recipe, "threads"));
    r->spill_dir = file_dir(corpus_path(r->corpus));
    index_init(&r->index, (size_t)recipe_integer(r->recipe, "filter.memory_mb") << 20);
    ledger_init(&r->ledger);
    rc = corpus_map(r->corpus, MAPPED, error);
    if (rc == 0)
        rc = run_all(r, report, error);
    (void)corpus_map(r->corpus, 0, NULL);
    ledger_free(&r->ledger);
    index_free(&r->index);
    corpus_close(r->foreign);
    mem_free(r->spill_dir);
    pool_free(r->pool);
    return rc;
}

int filter_run(const struct recipe *recipe, struct corpus *corpus,
               const struct filter_options *options, struct progress *progress, struct buf *report,
               struct error *error)
{
    struct run r = {.options = options, .corpus = corpus, .progress = progress, .recipe = recipe};
    int rc;
    if (corpus == NULL)
        return error_set(error, ERROR_INPUT,
                         "%s: no such dataset; run `retort gen` or `retort import` first",
                         recipe_text(recipe, "dataset"));
    if (options->against != NULL && file_same(options->against, corpus_path(corpus)))
        return error_set(
            error, ERROR_USAGE,
            "--against %s: that is the dataset itself, which has all of its rows; name "
            "another one",
            options->against);
    if (chosen_open(&r.chosen, recipe, error) != 0)
        return -1;
    mem_keep_freed();
    rc = chosen_has(&r.chosen, "command") ? external_check(error) : 0;
    if (rc == 0 && !options->dry_run)
        rc = corpus_claim(corpus, "filter", error);
    if (rc == 0) {
        rc = run_open(&r, report, error);
        corpus_unclaim(corpus);
    }
    chosen_close(&r.chosen);
    return rc;
}
