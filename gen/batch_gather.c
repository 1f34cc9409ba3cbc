/* From the lane's lists into the file of a batch. */
#include "core/mem.h"
#include "core/vec.h"
#include "gen/batch.h"
#include "gen/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PENDING = 1 << 18 };

/* ---- the file -------------------------------------------------------------------------------- */

static int write_out(struct batch *b, struct error *error)
{
    const char *p = b->pending.data;
    size_t left = b->pending.len;
    while (left) {
        ssize_t n = write(b->fd, p, left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_system(error, errno, "%s", b->path);
        p += n;
        left -= (size_t)n;
    }
    buf_clear(&b->pending);
    return 0;
}

static struct batch *begin(struct gen *g, struct lane *l, struct error *error)
{
    struct batch *b = mem_zero(1, sizeof *b);
    struct buf path = BUF;
    int64_t mark[3] = {clock_wall_ms(), clock_ns(), (int64_t)getpid()};
    struct hash128 h = hash128(mark, sizeof mark);
    b->g = g;
    b->lane = l;
    b->id = g->next_batch++;
    b->run_id = g->options->run_id;
    b->made_ms = clock_wall_ms();
    h = hash128_add(h, corpus_path(g->corpus), strlen(corpus_path(g->corpus)));
    h = hash128_add(h, &b->id, sizeof b->id);
    memcpy(b->tag, "retort-", 7);
    hash128_hex(h, b->tag + 7);
    buf_printf(&path, "%s-batch-%lld.jsonl", corpus_path(g->corpus), (long long)b->id);
    b->path = buf_take(&path);
    b->pending = BUF;
    b->url = BUF_MAX(16384);
    b->body = BUF_MAX(65536);
    b->fd = open(b->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (b->fd < 0)
        error_system(error, errno, "%s", b->path);
    else
        buf_str(&b->pending, l->teacher->provider->batches->head);
    b->bytes = (int64_t)b->pending.len;
    b->next = g->batches;
    g->batches = b;
    return b->fd < 0 ? NULL : b;
}

static struct batch *gathering(struct gen *g, const struct lane *l)
{
    for (struct batch *b = g->batches; b; b = b->next)
        if (b->lane == l && b->state == BATCH_GATHERING)
            return b;
    return NULL;
}

static int by_key(const void *a, const void *b)
{
    const struct batch_line *x = a, *y = b;
    return hash128_compare(x->key, y->key);
}

int batch_finish(struct batch *b, struct error *error)
{
    const char *tail = b->lane->teacher->provider->batches->tail;
    buf_str(&b->pending, tail);
    b->bytes += (int64_t)strlen(tail);
    if (write_out(b, error))
        return -1;
    close(b->fd);
    b->fd = -1;
    buf_free(&b->pending);
    qsort(b->lines, b->n, sizeof *b->lines, by_key);
    b->total = b->n;
    b->state = BATCH_MADE;
    batch_store(b);
    return 0;
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* The line as it would stand in the file. */
static int write_line(struct item *i, struct buf *out, struct error *error)
{
    const struct endpoint *e = i->lane->teacher;
    char key[33];
    if (item_refresh(i, error))
        return -1;
    hash128_hex(i->request.key, key);
    e->provider->batches->line(key, e->batch.url, buf_view(&i->body), out);
    return 0;
}

static bool has_room(const struct batch *b, size_t len)
{
    const struct endpoint *e = b->lane->teacher;
    const struct net_batches *how = e->provider->batches;
    int64_t with = b->bytes + (int64_t)(len + strlen(how->between) + strlen(how->tail));
    return (int64_t)b->n < e->batch.max_lines && with <= e->batch.max_bytes;
}

static void remember(struct batch *b, const struct item *i, struct budget_amount worst)
{
    b->lines = vec_reserve(b->lines, &b->cap, b->n + 1, sizeof *b->lines);
    b->lines[b->n++] = (struct batch_line){
        .key = i->request.key,
        .request = i->request.id,
        .order = i->order,
        .redo_of = i->redo_of,
        .nusd = worst.nusd,
        .tokens = worst.tokens,
        .place = (int32_t)b->n,
        .tries = (uint16_t)i->tries,
        .refusals = (uint16_t)i->refusals,
        .malformed = (uint16_t)i->malformed,
        .adapted = (uint16_t)i->adapted,
    };
    b->open++;
    b->g->batched++;
}

static int add(struct batch *b, struct item *i, struct slice line, struct error *error)
{
    const char *between = b->n ? b->lane->teacher->provider->batches->between : "";
    buf_str(&b->pending, between);
    buf_slice(&b->pending, line);
    b->bytes += (int64_t)(line.len + strlen(between));
    remember(b, i, i->worst);
    return b->pending.len >= PENDING ? write_out(b, error) : 0;
}

/* Does it go out by itself?  What came back unanswered, where the recipe says so; and what is too
 * large for any batch. */
static bool goes_alone(const struct item *i, size_t len)
{
    const struct endpoint_batch *how = &i->lane->teacher->batch;
    return (i->leftover && how->leftovers_online) || (int64_t)len + 64 > how->max_bytes;
}

/* Reserve its worst case; false: it has to wait. */
static bool reserve(struct gen *g, struct item *i)
{
    i->worst = (struct budget_amount){0, 0, 0};
    if (!budget_limited(&g->budget))
        return true;
    struct budget_amount worst = item_worst(i);
    if (!item_bounded(i) || !budget_reserve(&g->budget, worst))
        return false;
    i->worst = worst;
    return true;
}

/* 1 it found its place, 0 the budget has no room for it, -1 failure. */
static int place(struct gen *g, struct item *i, struct buf *line, struct error *error)
{
    struct lane *l = i->lane;
    struct batch *b = gathering(g, l);
    buf_clear(line);
    i->batch = 1; /* its price is that of a batch */
    if (write_line(i, line, error))
        return -1;
    if (goes_alone(i, line->len)) {
        i->batch = 0;
        items_add(&l->alone, i);
        return 1;
    }
    if (!reserve(g, i))
        return 0;
    if (b && !has_room(b, line->len)) {
        if (batch_finish(b, error))
            return -1;
        b = NULL;
    }
    if (!b && (b = begin(g, l, error)) == NULL)
        return -1;
    if (add(b, i, buf_view(line), error))
        return -1;
    item_free(i);
    return 1;
}

/* The next request does not fit into the budget: what is there goes out, or the run is at its end. */
static int no_room(struct gen *g, const struct item *i, struct error *error)
{
    struct batch *b = gathering(g, i->lane);
    if (b && g->batches == b && !b->next) /* the others may cost less than their worst case */
        return batch_finish(b, error);
    if (!batch_away(g))
        send_exhausted(g, i);
    return 0;
}

bool batch_wanted(const struct gen *g)
{
    int64_t rows = g->settings.rows;
    return rows <= 0 ||
           g->rows + g->batched + (int64_t)(g->jobs + checks_parked(g)) + g->flying < rows;
}

int batch_gather(struct gen *g, struct lane *l, struct error *error)
{
    struct items *lists[] = {&l->again, &l->ready};
    struct buf line = BUF;
    int rc = 1;
    (void)lane_due(l, clock_ns());
    for (int k = 0; k < 2 && rc == 1; k++) {
        while (lists[k]->n && rc == 1 && batch_wanted(g)) {
            struct item *i = items_pop(lists[k]);
            rc = place(g, i, &line, error);
            if (rc == 0) {
                rc = no_room(g, i, error) ? -1 : 0;
                items_add_first(lists[k], i);
            } else if (rc < 0) {
                item_free(i);
            }
        }
    }
    buf_free(&line);
    return rc < 0 ? -1 : 0;
}
