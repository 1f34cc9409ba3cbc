/* The answers of a batch, line by line from the files they were fetched into. */
#include "core/mem.h"
#include "core/vec.h"
#include "gen/batch.h"
#include "gen/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { AT_A_TIME = 256, JOBS = 1024, BESIDE_BODY = 1 << 20 };

char *batch_answers_path(const struct batch *b, int file)
{
    struct buf path = BUF;
    buf_printf(&path, "%s-batch-%lld.%s", corpus_path(b->g->corpus), (long long)b->id,
               file ? "errors" : "answers");
    return buf_take(&path);
}

/* ---- back to an item ------------------------------------------------------------------------- */

struct found {
    struct gen *g;
    struct item *item;
};

static int find_item(void *context, const struct ledger_item *stored, struct error *error)
{
    struct found *f = context;
    struct error why = {0};
    f->item = plan_item(f->g, stored, &why);
    if (!why.code)
        return 0;
    *error = why;
    return -1;
}

static struct budget_amount worst_of(const struct gen *g, const struct batch_line *l)
{
    return (struct budget_amount){l->nusd, l->tokens, budget_limited(&g->budget)};
}

/* The item of a line as it went away; *out NULL where this recipe would ask otherwise. */
static int item_of(struct batch *b, const struct batch_line *l, struct item **out,
                   struct error *error)
{
    struct found f = {b->g, NULL};
    if (ledger_find(b->g->corpus, l->request, find_item, &f, error) < 0)
        return -1;
    *out = f.item;
    if (!f.item)
        return 0;
    f.item->resumed = false;
    f.item->leftover = true;
    f.item->order = l->order;
    f.item->redo_of = l->redo_of;
    f.item->tries = l->tries;
    f.item->refusals = l->refusals;
    f.item->malformed = l->malformed;
    f.item->adapted = l->adapted;
    return 0;
}

static void settle(struct batch *b, struct batch_line *l)
{
    l->settled = true;
    b->open--;
    b->g->batched--;
}

/* ---- one answer ------------------------------------------------------------------------------ */

/* The recipe asks otherwise today: the bytes are kept unread until one that asks so comes back. */
static void keep_strange(struct batch *b, const struct batch_line *l,
                         const struct net_batch_line *said)
{
    struct gen *g = b->g;
    struct store *s = store_new(g, said->status ? STORE_REPLY : STORE_END);
    int64_t id = g->next.reply++;
    s->settled_batch = b->id;
    s->settled_request = l->request;
    if (said->status) {
        s->has_reply = true;
        s->reply = (struct ledger_reply){
            .id = id,
            .request_id = l->request,
            .run_id = g->options->run_id,
            .started_ms = b->made_ms,
            .latency_ms = clock_wall_ms() - b->made_ms,
            .status = said->status,
            .body = arena_copy(&s->arena, said->body.data ? said->body : SLICE("")),
        };
    } else {
        s->has_attempt = true;
        s->attempt = (struct ledger_attempt){
            .id = id,
            .request_id = l->request,
            .run_id = g->options->run_id,
            .started_ms = b->made_ms,
            .cause = net_cause_name(said->cause),
        };
        budget_settle(&g->budget, worst_of(g, l), (struct budget_amount){0, 0, 1});
    }
    store_post(s);
}

static int hear(struct batch *b, struct batch_line *l, const struct net_batch_line *said,
                struct error *error)
{
    struct item *i;
    struct net_failure f = {said->cause, "", ""};
    if (item_of(b, l, &i, error))
        return -1;
    settle(b, l);
    if (!i) {
        keep_strange(b, l, said);
        return 0;
    }
    i->batch = b->id;
    i->worst = worst_of(b->g, l);
    i->status = said->status;
    i->started_ms = b->made_ms;
    i->latency_ms = clock_wall_ms() - b->made_ms;
    i->x.sent = said->status >= 200 && said->status <= 299;
    i->x.reply = BUF;
    i->x.head = BUF;
    buf_slice(&i->x.reply, said->body);
    i->reply = buf_view(&i->x.reply);
    if (said->request_id.len) {
        buf_str(&i->x.head, "x-request-id: ");
        buf_slice(&i->x.head, said->request_id);
        i->head = buf_view(&i->x.head);
    }
    if (said->status && !i->x.sent)
        b->lane->teacher->provider->failure(said->status, i->reply, &f);
    else if (!said->status)
        snprintf(f.message, sizeof f.message, "%s", said->message);
    answer_heard(i, &f);
    return 0;
}

/* ---- files ----------------------------------------------------------------------------------- */

static bool key_of(struct slice text, struct hash128 *out)
{
    unsigned char bytes[16] = {0};
    if (text.len != 32)
        return false;
    for (size_t i = 0; i < 32; i++) {
        char c = text.data[i];
        int v = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (v < 0)
            return false;
        bytes[i / 2] = (unsigned char)(bytes[i / 2] << 4 | v);
    }
    *out = hash128_from_bytes(bytes);
    return true;
}

/* Where batches have no tag, two of ours may have been taken for one another: the answer counts all
 * the same. */
static int hear_elsewhere(struct batch *b, struct hash128 key, const struct net_batch_line *said,
                          struct error *error)
{
    for (struct batch *o = b->g->batches; o; o = o->next) {
        struct batch_line *l = o->lane == b->lane ? batch_find(o, key) : NULL;
        if (l && !l->settled)
            return hear(o, l, said, error);
    }
    return 0;
}

static int read_line(struct batch *b, struct slice text, struct error *error)
{
    struct net_batch_line said;
    struct net_failure f;
    struct hash128 key = {0, 0};
    struct batch_line *l = NULL;
    if (!slice_trim(text).len)
        return 0;
    if (b->lane->teacher->provider->batches->answer(text, &said, &f)) {
        b->broken++;
        return 0;
    }
    if (key_of(said.key, &key))
        l = batch_find(b, key);
    if (!l) {
        b->strange++;
        return hear_elsewhere(b, key, &said, error);
    }
    b->heard++;
    return l->settled ? 0 : hear(b, l, &said, error); /* twice: the first one counts */
}

/* 1 open, 0 no more files, -1 failure. */
static int next_file(struct batch *b, struct error *error)
{
    file_lines_close(b->reading);
    b->reading = NULL;
    while (b->fetching < BATCHES_FILES) {
        int k = b->fetching++;
        if (!b->file[k][0])
            continue;
        char *path = batch_answers_path(b, k);
        b->reading = file_lines_open(path, b->g->settings.http.max_body + BESIDE_BODY, error);
        mem_free(path);
        return b->reading ? 1 : -1;
    }
    return 0;
}

/* Lines that make no sense may have been damaged on their way: fetch once more. */
static bool fetch_again(struct batch *b)
{
    if (!b->broken || b->again || b->g->stopping)
        return false;
    b->again = true;
    b->broken = b->strange = 0;
    b->fetching = 0;
    b->state = BATCH_ENDED;
    return true;
}

/* Found by age and size, and all its answers are somebody else's: look on. */
static bool was_foreign(struct batch *b)
{
    if (b->lane->teacher->provider->batches->tagged || b->heard || !b->strange || !b->open)
        return false;
    b->foreign = vec_reserve(b->foreign, &b->cap_foreign, b->n_foreign + 1, BATCHES_ID);
    memcpy(b->foreign[b->n_foreign++], b->remote, BATCHES_ID);
    b->remote[0] = b->status[0] = '\0';
    memset(b->file, 0, sizeof b->file);
    b->strange = 0;
    b->state = BATCH_CREATING;
    b->ambiguous = true;
    batch_store(b);
    return true;
}

/* 1 more to read, 0 all is read, -1 failure. */
static int read_some(struct batch *b, struct error *error)
{
    struct slice text;
    for (int n = 0; n < AT_A_TIME && b->g->jobs < JOBS; n++) {
        struct error why = {0};
        int rc = b->reading ? file_lines_next(b->reading, &text, &why) : 0;
        if (rc == 1) {
            if (read_line(b, text, error))
                return -1;
        } else if (rc < 0 && why.code == ERROR_LIMIT) {
            b->broken++; /* over the maximum: left over */
        } else if (rc < 0) {
            *error = why;
            return -1;
        } else {
            rc = next_file(b, error);
            if (rc <= 0)
                return rc;
        }
    }
    return 1;
}

/* ---- what has no answer ---------------------------------------------------------------------- */

/* Its requests were never asked: back into the lane, without an attempt. */
static int requeue(struct batch *b, struct batch_line *l, struct error *error)
{
    struct item *i;
    budget_settle(&b->g->budget, worst_of(b->g, l), (struct budget_amount){0, 0, 0});
    if (item_of(b, l, &i, error))
        return -1;
    settle(b, l);
    if (i) {
        i->leftover = false;
        items_add(&b->lane->ready, i);
    }
    return 0;
}

static int leave_over(struct batch *b, struct batch_line *l, struct error *error)
{
    struct net_batch_line said = {.cause = b->not_billed ? NET_EXPIRED : NET_LOST};
    if (b->requeue)
        return requeue(b, l, error);
    snprintf(said.message, sizeof said.message, "the batch ended (%s) without its answer",
             *b->status ? b->status : "unknown");
    struct item *i;
    if (b->not_billed)
        return hear(b, l, &said, error);
    /* it may have been billed: counted as what was lost on the wire */
    if (item_of(b, l, &i, error))
        return -1;
    settle(b, l);
    if (!i) {
        keep_strange(b, l, &said);
        return 0;
    }
    struct net_failure f = {NET_LOST, "", ""};
    snprintf(f.message, sizeof f.message, "%s", said.message);
    i->batch = b->id;
    i->worst = worst_of(b->g, l);
    i->x.sent = true;
    answer_heard(i, &f);
    return 0;
}

/* 1 more are left, 0 none, -1 failure. */
static int leftovers(struct batch *b, struct error *error)
{
    for (int n = 0; n < AT_A_TIME && b->g->jobs < JOBS; n++) {
        while (b->left < b->n && b->lines[b->left].settled)
            b->left++;
        if (b->left == b->n)
            return 0;
        if (leave_over(b, &b->lines[b->left], error))
            return -1;
    }
    return 1;
}

static void over(struct batch *b)
{
    b->state = BATCH_OVER;
    (void)unlink(b->path);
    for (int k = 0; k < BATCHES_FILES; k++) {
        char *path = batch_answers_path(b, k);
        (void)unlink(path);
        mem_free(path);
    }
    if (!b->requeue)
        batch_store(b);
}

/* The whole was refused, and not for single lines: nothing will come of the next one either. */
static void say_refused(struct batch *b)
{
    struct gen *g = b->g;
    if (b->refused == NET_OK || b->refused == NET_BAD_REQUEST)
        return;
    gen_stop(g, b->refused == NET_QUOTA ? ERROR_PARTIAL : ERROR_FAILED,
             "%s: the batch was refused: %s; %s", b->lane->teacher->name, b->message,
             net_cause_remedy(b->refused));
}

int batch_read(struct batch *b, struct error *error)
{
    int rc = b->left ? 0 : read_some(b, error);
    if (rc)
        return rc < 0 ? -1 : 0;
    if (!b->left && !b->requeue && (fetch_again(b) || was_foreign(b)))
        return 0;
    if (!b->left && !b->requeue)
        say_refused(b);
    rc = leftovers(b, error);
    if (rc == 0)
        over(b);
    return rc < 0 ? -1 : 0;
}

/* ---- a batch that was refused for some of its lines ------------------------------------------ */

struct refusal {
    struct batch *b;
    struct batch_line **by_place;
    struct error *error;
    bool failed;
};

static void refuse_line(void *context, int64_t line, enum net_cause cause, struct slice message)
{
    struct refusal *r = context;
    struct net_batch_line said = {.cause = cause};
    if (line < 1 || line > (int64_t)r->b->total || !r->by_place[line] ||
        r->by_place[line]->settled || r->failed)
        return;
    net_line(message, said.message, sizeof said.message);
    r->failed = hear(r->b, r->by_place[line], &said, r->error) != 0;
}

void batch_refused(struct batch *b, struct slice body)
{
    struct error error = {0};
    struct refusal r = {b, mem_zero(b->total + 1, sizeof(struct batch_line *)), &error, false};
    for (size_t k = 0; k < b->n; k++)
        if (b->lines[k].place > 0 && (size_t)b->lines[k].place <= b->total)
            r.by_place[b->lines[k].place] = &b->lines[k];
    b->lane->teacher->provider->batches->refused(body, refuse_line, &r);
    mem_free(r.by_place);
    if (r.failed)
        gen_stop(b->g, error.code, "%s", error.text);
}
